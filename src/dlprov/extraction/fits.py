"""RDI's cartridge FITS: columns of tables and cards of headers in FITS files."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlprov.errors import UsageError
from dlprov.extraction.output import quoted, replaced
from dlprov.extraction.positions import quoted_path
from dlprov.extraction.request import Attribute, Request


def index(request: Request) -> list[str]:
    """Write the index: a line for each row of the first table that has the columns, or one for each file.

    An attribute is a column of a table, or a card of its header or of the file's first header. A card, and a column
    that is a key, is there with its value; another column with its first byte in the file, counted from 1.

    Raises:
        UsageError: astropy is not installed, a file is missing, is no FITS file or has no such column or card.
        OSError: A file cannot be read or written.
    """
    attributes = request.attributes()
    try:
        # By name and late: astropy is no dependency of this package, and only this cartridge needs it.
        fits = importlib.import_module("astropy.io.fits")
    except ImportError:
        raise UsageError("FITS needs astropy, which is not installed: pip install astropy") from None
    with replaced(request.target("index")) as target:
        target.write(";".join(["FILENAME", *(attribute.name for attribute in attributes)]) + "\n")
        for path in request.files():
            try:
                with fits.open(path, memmap=True) as units:
                    for row in _rows(path, units, attributes):
                        target.write(";".join([quoted_path(path), *row]) + "\n")
            except OSError as error:
                if error.errno is not None:
                    raise
                raise UsageError(f"a FITS file was expected, got {path} ({error})") from None
    return []


def access(request: Request) -> list[str]:
    """Not there: bytes of FITS tables are no text.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        f"FITS:INDEX was expected, got FITS:{request.action}: mark an attribute as key to have its values in the index"
    )


def _rows(path: Path, units: Any, attributes: list[Attribute]) -> Iterator[list[str]]:
    unit, columns = _table(units, attributes)
    cards: dict[str, str] = {}
    for attribute in attributes:
        if attribute.name in columns:
            continue
        header = next((part.header for part in (unit, units[0]) if attribute.name in part.header), None)
        if header is None:
            known = ", ".join(name.upper() for part in units if hasattr(part, "columns") for name in part.columns.names)
            raise UsageError(
                f"a column or a card {attribute.name} was expected in {path}, got the columns {known or 'none'}: "
                "name one that it has"
            )
        cards[attribute.name] = quoted(_shown(header[attribute.name]))
    if not columns:
        yield [cards[attribute.name] for attribute in attributes]
        return
    if path.suffix == ".gz" and not all(attribute.is_key for attribute in attributes if attribute.name in columns):
        raise UsageError(
            f"a file that is not compressed was expected, got {path}: unpack it, or mark the columns as keys"
        )
    data, first = unit.data, int(unit.fileinfo()["datLoc"])
    width = int(unit.header["NAXIS1"])
    offsets = {name: int(data.dtype.fields[column][1]) for name, column in columns.items()}
    for number in range(len(data)):
        yield [
            cards[attribute.name]
            if attribute.name in cards
            else quoted(_shown(data[columns[attribute.name]][number]))
            if attribute.is_key
            else str(first + number * width + offsets[attribute.name] + 1)
            for attribute in attributes
        ]


def _table(units: Any, attributes: list[Attribute]) -> tuple[Any, dict[str, str]]:
    """The table with the most of the attributes as columns, and those columns, as they are called there."""
    best: tuple[Any, dict[str, str]] = (units[0], {})
    for unit in units:
        if hasattr(unit, "columns"):
            known = {name.upper(): name for name in unit.columns.names}
            found = {attribute.name: known[attribute.name] for attribute in attributes if attribute.name in known}
            if len(found) > len(best[1]):
                best = (unit, found)
    return best


def _shown(value: Any) -> str:
    return str(value.item() if hasattr(value, "item") else value).strip()
