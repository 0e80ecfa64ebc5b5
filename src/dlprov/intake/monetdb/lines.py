"""The lines of a dump, with their numbers and places, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

LONGEST = 64 * 1024 * 1024
"""A longer line is no row of anybody: so much is held of it, the rest is passed over."""

_TOLD_EVERY = 1 << 20


class Line(NamedTuple):
    """One line: its number from 1, its first byte, its text without the line end, and what is wrong with it."""

    number: int
    offset: int
    text: bytes
    fault: str = ""


class Lines:
    """Reads a file line by line from one place on. Lines can be given back.

    Args:
        file: The file, opened in binary mode.
        offset: The first byte to read.
        number: The number of the line that begins there.
        passed: Called now and then with the offset that was reached.
    """

    def __init__(
        self, file: BinaryIO, offset: int = 0, number: int = 1, passed: Callable[[int], None] = lambda _: None
    ) -> None:
        file.seek(offset)
        self._file = file
        self._offset = offset
        self._number = number
        self._passed = passed
        self._told = offset
        self._returned: list[Line] = []

    @property
    def place(self) -> tuple[int, int]:
        """Number and first byte of the line that :meth:`take` gives next, be there one or not."""
        return self._returned[-1][:2] if self._returned else (self._number, self._offset)

    def take(self) -> Line | None:
        """The next line; ``None`` at the end of the file."""
        if self._returned:
            return self._returned.pop()
        text = self._file.readline(LONGEST)
        if not text:
            return None
        size = len(text)
        fault = ""
        if not text.endswith(b"\n"):
            rest = self._pass_over() if size == LONGEST else 0
            size += rest
            if rest:
                fault = f"the line is longer than {LONGEST >> 20} MB"
            else:
                fault = "the file ends within this line; if it is complete, end it with a line break"
        line = Line(self._number, self._offset, text.rstrip(b"\r\n"), fault)
        self._offset += size
        self._number += 1
        if self._offset - self._told >= _TOLD_EVERY:
            self._told = self._offset
            self._passed(self._offset)
        return line

    def give_back(self, *lines: Line) -> None:
        """Lines in their order, the first of which :meth:`take` gives next."""
        self._returned.extend(reversed(lines))

    def _pass_over(self) -> int:
        size = 0
        while text := self._file.readline(LONGEST):
            size += len(text)
            if text.endswith(b"\n"):
                break
        return size
