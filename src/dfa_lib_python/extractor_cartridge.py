"""How an extractor works."""

from __future__ import annotations

from enum import Enum


class ExtractorCartridge(Enum):
    """Whether values are copied out of raw data files, or their places noted."""

    EXTRACTION = "EXTRACTION"
    INDEXING = "INDEXING"
