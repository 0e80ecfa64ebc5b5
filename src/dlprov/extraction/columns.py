"""RDE's cartridge CSV: copies columns of CSV files into ``<name>.data``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from dlprov.errors import NotFoundError, UsageError
from dlprov.extraction import dialect
from dlprov.extraction.delimited import DelimitedFile
from dlprov.extraction.output import replaced, write_rows
from dlprov.extraction.request import Request


def extract(request: Request) -> list[str]:
    """Copy the columns that are asked for, in that order: by name, or by position where the file has none of the names.

    Gives remarks on what was passed over.

    Raises:
        UsageError: A file is missing, or lacks a column.
        OSError: A file cannot be read or written.
    """
    names = [attribute.name for attribute in request.attributes()]
    remarks: list[str] = []
    with replaced(request.target("data")) as target:
        found = (row for path in request.files() for row in rows(path, names, request.delimiter, remarks))
        write_rows(target, names, found)
    return remarks


def access(request: Request) -> list[str]:
    """Show what was extracted, if the request is verbose.

    Raises:
        NotFoundError: Nothing was extracted.
        OSError: The file cannot be read.
    """
    target = request.target("data")
    if not target.is_file():
        raise NotFoundError(
            f"{target} was expected and is not there: extract it first, with {request.cartridge}:EXTRACT"
        )
    if request.is_verbose:
        with target.open(encoding="utf-8", errors="replace") as file:
            sys.stdout.writelines(file)
    return []


def rows(path: Path, wanted: list[str], delimiter: str, remarks: list[str]) -> Iterator[list[str]]:
    """The values of the columns that are asked for, row by row; ``remarks`` gets what was passed over.

    Raises:
        UsageError: The file lacks a column.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        source = DelimitedFile(file, delimiter=delimiter, declared=wanted, is_lenient=True)
        try:
            places = [place for place in dialect.places(wanted, source.names) if place is not None]
            if source.names and len(places) < len(wanted):
                raise UsageError(
                    f"the columns {', '.join(wanted)} were expected in {path}, got {', '.join(source.names)}: "
                    "name those that it has, or the delimiter"
                )
            for row in source.rows():
                yield [row[place] for place in places]
            remarks += [f"{path}: {remark}" for remark in source.remarks()]
        finally:
            source.close()
