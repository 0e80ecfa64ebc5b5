"""The types of attributes."""

from __future__ import annotations

from enum import Enum


class AttributeType(Enum):
    """The type of an attribute. ``RDFILE`` is recorded as ``FILE``."""

    TEXT = "TEXT"
    NUMERIC = "NUMERIC"
    FILE = "FILE"
    RDFILE = "RDFILE"
