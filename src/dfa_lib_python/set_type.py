"""The two sides of a transformation."""

from __future__ import annotations

from enum import Enum


class SetType(Enum):
    """Whether a transformation uses or generates a set."""

    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
