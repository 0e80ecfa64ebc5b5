"""What an extractor reads."""

from __future__ import annotations

from enum import Enum


class ExtractorExtension(Enum):
    """The kind of raw data files, or of their index."""

    PROGRAM = "PROGRAM"
    CSV = "CSV"
    FITS = "FITS"
    FASTBIT = "FASTBIT"
    OPTIMIZED_FASTBIT = "OPTIMIZED_FASTBIT"
    POSTGRES_RAW = "POSTGRES_RAW"
