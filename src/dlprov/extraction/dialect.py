"""How a text file with columns is written: its delimiter, its quotes, whether its first line names the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from _csv import Reader

SAMPLE_BYTES = 1 << 16
"""How much of a file is looked at."""

DELIMITERS = (";", ",", "\t", "|")
"""What is looked for, in this order where several fit alike."""

_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")


class Dialect(NamedTuple):
    """How values are told apart. A quote within quotes is doubled."""

    delimiter: str
    quote: str

    def reader(self, lines: Iterable[str], *, strict: bool = True) -> Reader:
        """Reads lines, opened with ``newline=""``, as rows.

        ``strict`` makes it raise ``csv.Error`` for a quote that is not closed, or closed within a value.
        """
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, strict=strict)


def encoding_of(sample: bytes) -> str:
    """UTF-8, with or without a byte order mark, or UTF-16 with one."""
    return "utf-16" if sample.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def sniff(sample: bytes, delimiter: str = "") -> Dialect:
    """The dialect of a file that begins with ``sample``; ``delimiter`` if it is known.

    The delimiter is the one that cuts most lines into equally many values, and more than one.
    """
    text = sample.decode(encoding_of(sample), "replace")
    if len(sample) >= SAMPLE_BYTES and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    quote = _quote(text, delimiter)
    if delimiter:
        return Dialect(delimiter, quote)
    best, best_share = DELIMITERS[1], 0.0
    for candidate in DELIMITERS:
        widths = [len(row) for row in Dialect(candidate, quote).reader(text.splitlines(keepends=True), strict=False)]
        counts = Counter(width for width in widths if width)
        width, count = counts.most_common(1)[0] if counts else (0, 0)
        share = count / counts.total() if width > 1 else 0.0
        if share > best_share:
            best, best_share = candidate, share
    return Dialect(best, quote)


def is_number(text: str) -> bool:
    """Whether a value is a number in decimal digits."""
    return _NUMBER.fullmatch(text) is not None


def is_header(row: Sequence[str], declared: Iterable[str] = ()) -> bool:
    """Whether a first row names the columns: it has all names that were declared, or it has no number."""
    wanted = {name.strip().lower() for name in declared}
    has_all = bool(wanted) and wanted <= {name.strip().lower() for name in row}
    return has_all or not any(map(is_number, row))


def places(declared: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """Where in a file each declared column is: by name, in any case; by position if the file has none of them.

    ``None`` for a column that it does not have.
    """
    known: dict[str, int] = {}
    for place, name in enumerate(names):
        known.setdefault(name.strip().lower(), place)
    found = [known.get(name.strip().lower()) for name in declared]
    if any(place is not None for place in found):
        return found
    return [place if place < len(names) else None for place in range(len(declared))]


def _quote(text: str, delimiter: str) -> str:
    """A double quote, unless values are in single quotes and none is in double ones."""
    edge = re.escape(delimiter) if delimiter else "[" + re.escape("".join(DELIMITERS)) + "]"
    if re.search(rf'(?:^|{edge})"', text, re.MULTILINE):
        return '"'
    return "'" if re.search(rf"(?:^|{edge})'(?:[^'\r\n]|'')*'(?:{edge}|\r?$)", text, re.MULTILINE) else '"'
