"""RDI's cartridge CSV: notes at which byte of a file each value begins, in ``<name>.index``, and reads it there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dlprov.errors import UsageError
from dlprov.extraction import dialect
from dlprov.extraction.output import quoted, replaced, text, write_rows
from dlprov.extraction.request import Attribute, Request

RECORD_BYTES = 1 << 20
"""A quote that is not closed within so many bytes is none."""


class Field(NamedTuple):
    """A value where it lies: the bytes before it in the file, and its own, with its quotes."""

    offset: int
    raw: bytes

    @property
    def text(self) -> str:
        """The value, without its quotes."""
        text = self.raw.decode("utf-8", "surrogateescape")
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            return text[1:-1].replace(text[0] * 2, text[0])
        return text


def index(request: Request) -> list[str]:
    """Write the index: for each row the file, and of each attribute its first byte, or its value if it is a key.

    Bytes are counted from 1.

    Raises:
        UsageError: A file is missing, or lacks a column.
        OSError: A file cannot be read or written.
    """
    attributes = request.attributes()
    with replaced(request.target("index")) as target:
        target.write(";".join(["FILENAME", *(attribute.name for attribute in attributes)]) + "\n")
        for path in request.files():
            name = quoted_path(path)
            for row in _rows(path, attributes, request.delimiter):
                values = [
                    "" if field is None else quoted(field.text) if attribute.is_key else str(field.offset + 1)
                    for attribute, field in zip(attributes, row, strict=True)
                ]
                target.write(";".join([name, *values]) + "\n")
    return []


def access(request: Request) -> list[str]:
    """Read the values that begin at given bytes, counted from 1: ``[NAME:BYTE,…]``, into ``<name>.access``.

    Raises:
        UsageError: There is no such file or byte.
        OSError: A file cannot be read or written.
    """
    pairs = request.pairs()
    path = request.file()
    with path.open("rb") as file:
        delimiter = _dialect(file, request.delimiter).delimiter.encode()
        values = [_value_at(file, text, delimiter, path) for _, text in pairs]
    with replaced(request.target("access")) as target:
        write_rows(target, [name for name, _ in pairs], [values])
    return []


def quoted_path(path: Path) -> str:
    """A path as index files have it: always in single quotes."""
    return text(str(path))


def fields(record: bytes, delimiter: bytes, first: int = 0) -> list[Field]:
    """The values of a line, without its end; ``first`` is the number of bytes before it in the file."""
    found, place = [], 0
    pattern = _pattern(delimiter)
    while True:
        match = pattern.match(record, place)
        end = match.end() if match else len(record)
        found.append(Field(first + place, record[place:end]))
        if end >= len(record):
            return found
        place = end + len(delimiter)


def _pattern(delimiter: bytes) -> re.Pattern[bytes]:
    edge = re.escape(delimiter)
    return re.compile(
        rb"\"(?:[^\"]|\"\")*\"(?=" + edge + rb"|\Z)|'(?:[^']|'')*'(?=" + edge + rb"|\Z)|[^" + edge + rb"]*", re.DOTALL
    )


def _dialect(file: BinaryIO, delimiter: str) -> dialect.Dialect:
    sample = file.read(dialect.SAMPLE_BYTES)
    file.seek(0)
    if dialect.encoding_of(sample) != "utf-8-sig":
        raise UsageError("a file whose letters are bytes was expected, got UTF-16: convert it to UTF-8")
    return dialect.sniff(sample, delimiter)


def _rows(path: Path, attributes: list[Attribute], delimiter: str) -> Iterator[list[Field | None]]:
    with path.open("rb") as file:
        found = _dialect(file, delimiter)
        records = _records(file, found)
        first = next(records, [])
        names = [field.text.strip().removeprefix("\ufeff") for field in first]
        wanted = [attribute.name for attribute in attributes]
        is_header = dialect.is_header(names, wanted)
        places = dialect.places(wanted, names if is_header else [""] * len(names))
        if first and None in places:
            raise UsageError(
                f"the columns {', '.join(wanted)} were expected in {path}, got {', '.join(names)}: "
                "name those that it has, or the delimiter"
            )
        for row in records if is_header else _with_first(first, records):
            yield [row[place] if place is not None and place < len(row) else None for place in places]


def _with_first(first: list[Field], records: Iterator[list[Field]]) -> Iterator[list[Field]]:
    if first:
        yield first
    yield from records


def _records(file: BinaryIO, found: dialect.Dialect) -> Iterator[list[Field]]:
    """The values of each line. A quote that is open at a line's end takes the next lines in."""
    delimiter, quote = found.delimiter.encode(), found.quote.encode()
    start = 0
    for line in file:
        record = line
        row = fields(record.rstrip(b"\r\n"), delimiter, start)
        while _is_open(row, quote) and len(record) < RECORD_BYTES:
            more = file.readline()
            if not more:
                break
            record += more
            row = fields(record.rstrip(b"\r\n"), delimiter, start)
        if record.strip():
            yield row
        start += len(record)


def _is_open(row: list[Field], quote: bytes) -> bool:
    return any(
        field.raw.startswith(quote) and (len(field.raw) == 1 or field.raw.count(quote) % 2 == 1) for field in row
    )


def _value_at(file: BinaryIO, text: str, delimiter: bytes, path: Path) -> str:
    size = path.stat().st_size
    if not text.isdecimal() or not 1 <= int(text) <= size:
        raise UsageError(f"a byte from 1 to {size:,} of {path} was expected, got {text!r}")
    file.seek(int(text) - 1)
    rest = file.read(RECORD_BYTES)
    line = rest.partition(b"\n")[0].rstrip(b"\r")
    quote = rest[:1]
    if quote in (b'"', b"'"):
        match = re.match(re.escape(quote) + rb"(?:[^" + quote + rb"]|" + quote * 2 + rb")*" + quote, rest)
        if match:
            return Field(0, match[0]).text
    return fields(line, delimiter)[0].text
