"""What a part of a task was spent on."""

from __future__ import annotations

from enum import Enum


class MethodType(Enum):
    """What a part of a task was spent on."""

    COMPUTATION = "COMPUTATION"
    INSTRUMENTATION = "INSTRUMENTATION"
    EXTRACTION = "EXTRACTION"
    PROVENANCE = "PROVENANCE"
    INDEXING = "INDEXING"
