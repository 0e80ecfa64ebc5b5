"""Text files with columns, read row by row; what is no row is passed over and told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from dlprov.extraction import dialect


class DelimitedFile:
    r"""A text file with columns. Give :meth:`close` the file back when done.

    Args:
        file: The open file, at its beginning.
        delimiter: What separates the values; an empty text: what fits best.
        declared: Names of columns that are expected: a first row with all of them names the columns.
        is_lenient: Show bytes that are no UTF-8 as ``\xNN``.

    Attributes:
        dialect: How its values are told apart.
        names: The names of its columns, as the first row has them; ``column0``, ``column1``, … if it has none.

    Raises:
        UnicodeDecodeError: There are such bytes, and it is not to be lenient; :meth:`rows` may raise it, too.
    """

    def __init__(
        self, file: BinaryIO, *, delimiter: str = "", declared: Iterable[str] = (), is_lenient: bool = False
    ) -> None:
        sample = file.read(dialect.SAMPLE_BYTES)
        file.seek(0)
        self.dialect = dialect.sniff(sample, delimiter)
        errors = "backslashreplace" if is_lenient else "strict"
        self._lines = io.TextIOWrapper(file, encoding=dialect.encoding_of(sample), errors=errors, newline="")
        self._reader = self.dialect.reader(self._lines)
        self._first_bad = ""
        self._bad_count = 0
        self._short_count = 0
        try:
            first = next(self._records(), [])
        except UnicodeDecodeError:
            self.close()
            raise
        is_header = dialect.is_header(first, declared)
        self.names = [name.strip() for name in first] if is_header else [f"column{n}" for n in range(len(first))]
        self._waiting = [first] if first and not is_header else []

    def rows(self) -> Iterator[list[str]]:
        """The rows, each with a value for each name; once."""
        width = len(self.names)
        yield from self._waiting
        for record in self._records():
            if len(record) == width:
                yield record
            elif len(record) < width:
                self._short_count += 1
                yield record + [""] * (width - len(record))
            elif any(record[width:]):
                self._note(f"{len(record)} values instead of {width}")
            else:
                yield record[:width]

    def remarks(self) -> list[str]:
        """What was passed over so far."""
        found = []
        if self._bad_count:
            more = f" and {self._bad_count - 1:,} more" if self._bad_count > 1 else ""
            found.append(f"lines that are no rows were left out: {self._first_bad}{more}")
        if self._short_count:
            found.append(f"{self._short_count:,} rows have too few values; the missing ones are empty")
        return found

    def close(self) -> None:
        """Give the file back, open."""
        if not self._lines.closed:
            self._lines.detach()

    def _records(self) -> Iterator[list[str]]:
        while True:
            try:
                record = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._note(str(error))
                continue
            if record:
                yield record

    def _note(self, what: str) -> None:
        self._bad_count += 1
        self._first_bad = self._first_bad or f"line {self._reader.line_num:,} ({what})"
