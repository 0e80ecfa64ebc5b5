"""How the rows of a set are written in a message, and how they become elements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from dlprov.capture.dfanalyzer.numbers import number
from dlprov.capture.dfanalyzer.rows import rows_of
from dlprov.log.values import encode_text
from dlprov.model import Attribute, SetType

_TEXTS: tuple[set[type], ...] = ({str}, set())

Elements = tuple[dict[str, Any], ...]


class Column(NamedTuple):
    """One value of a row: an attribute, or the file that an extractor reads, which has no name."""

    name: str
    is_number: bool
    extractor: str = ""


class Layout:
    """The columns of a set's rows, in their order."""

    def __init__(self, type: SetType, attributes: Iterable[Attribute]) -> None:
        columns: dict[str, Column] = {}
        for attribute in attributes:
            if attribute.extractor:
                # All attributes of one extractor are one value of the message: the file.
                columns.setdefault(f"\0{attribute.extractor}", Column("", False, attribute.extractor))
            else:
                columns[attribute.name] = Column(attribute.name, attribute.type == "NUMERIC")
        self.type = type
        self.columns = tuple(columns.values())
        self.names = tuple(column.name for column in self.columns)
        self.keys = tuple(column.name.lower() for column in self.columns)
        self.has_files = "" in self.names
        self._numbers = tuple(column.name for column in self.columns if column.is_number)

    def plain(self, elements: list[Any]) -> Elements | None:
        """The elements, if they are what most clients send: lists with one text a column, and proper numbers.

        Otherwise ``None``: :meth:`rows` and :meth:`element` tell what they are.
        """
        width = len(self.columns)
        found = []
        for row in elements:
            if row.__class__ is not list or len(row) != width or set(map(type, row)) not in _TEXTS or self.has_files:
                return None
            element: dict[str, Any] = dict(zip(self.names, row, strict=True))
            try:
                # A lone surrogate, which JSON can hold, cannot be written.
                "".join(row).encode()
                for name in self._numbers:
                    value = element[name] = float(element[name])
                    if value - value != 0.0:  # not finite
                        return None
            except ValueError:  # UnicodeEncodeError is one, too
                return None
            found.append(element)
        return tuple(found)

    def takes(self, width: int) -> bool:
        """Whether so many values make whole rows, or one whose last values a client leaves out."""
        missing = self.keys[width:]
        # What is left out where there are no validation data: see dlprov.capture.dfanalyzer.rows.
        left_out = bool(missing) and all(name.startswith("val_") for name in missing)
        return bool(self.columns) and (left_out or width % len(self.columns) == 0)

    def rows(self, elements: list[Any]) -> list[list[Any]]:
        """The rows that a message's elements are.

        Raises:
            RowsError: They do not fit the columns.
        """
        return rows_of(elements, self.keys)

    def element(self, row: list[Any], remarks: list[str], tag: str) -> dict[str, Any]:
        """A row's attributes; remarks on values that cannot be taken as they came are added to ``remarks``."""
        found: dict[str, Any] = {}
        for column, value in zip(self.columns, row, strict=True):
            if column.is_number:
                found[column.name], remark = number(value)
                if remark:
                    remarks.append(f"{tag}.{column.name.lower()}: {remark}")
            elif not column.extractor:
                found[column.name] = None if value is None else encode_text(str(value))
        return found

    def files(self, row: list[Any]) -> Iterable[tuple[str, str]]:
        """The extractors of a row, each with the path of the file that it reads."""
        for column, value in zip(self.columns, row, strict=True):
            if column.extractor and value not in (None, "", "null"):
                yield column.extractor, encode_text(str(value))
