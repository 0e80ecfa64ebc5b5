"""What a run log holds already: which rows, with a check of their content, in a few bytes a row."""

from __future__ import annotations

import zlib
from array import array

_ROWS = 128
"""Rows of a chunk: ids count up, so a chunk is mostly full, and a set with one row costs little."""


class KnownRows:
    """Rows of a set by their numbers, each with a check that tells whether it is the same row.

    Args:
        with_checks: Keep 32 bits a row; without, 8, and every check is 1.
    """

    def __init__(self, *, with_checks: bool = True) -> None:
        self._chunks: dict[int, array[int]] = {}
        self._typecode = "I" if with_checks else "B"

    def add(self, row: int, check: int = 1) -> int:
        """Note a row; gives the check of the row of that number that was there before, 0 if there was none."""
        place, index = divmod(row, _ROWS)
        chunk = self._chunks.get(place)
        if chunk is None:
            chunk = self._chunks[place] = array(self._typecode, [0]) * _ROWS
        known = chunk[index]
        if not known:
            chunk[index] = check
        return known


def content(line: bytes) -> bytes:
    """A line of a run log without its time: what it says, whenever it is said to have happened."""
    head, _, tail = line.partition(b',"time":')
    return head + tail.lstrip(b"0123456789").lstrip(b",")


def check_of(line: bytes) -> int:
    """A check of the content of a line, never 0."""
    return zlib.crc32(content(line)) or 1
