"""Files that the programs write: ``.data``, ``.index``, ``.access``; values are separated by semicolons."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from dlprov.extraction import dialect


@contextmanager
def replaced(target: Path) -> Iterator[TextIO]:
    """A file that takes the place of ``target`` at the end of the block, if no exception leaves it.

    Raises:
        OSError: It cannot be written.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_rows(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a header and rows. Values are in double quotes only where that is needed."""
    writer = csv.writer(file, delimiter=";", lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def quoted(value: str) -> str:
    """A value as index files have it: a number as it is, a text in single quotes, nothing as nothing."""
    if not value or dialect.is_number(value):
        return value.strip()
    return text(value)


def text(value: str) -> str:
    """A text in single quotes, as index files and SQL have it."""
    return "'" + value.replace("'", "''") + "'"
