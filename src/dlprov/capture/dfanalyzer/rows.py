"""The values of a set in a message, cut into rows.

DfAnalyzer's clients write them in many forms: a list a row, several rows in one list, one flat list of values, or
one text a row with semicolons. What cannot be told apart for certain is refused: a value must never slip into
another column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = list[Any]


class RowsError(ValueError):
    """The values do not fit the set. The message says what was expected and what came."""


def rows_of(elements: Sequence[Any], columns: Sequence[str]) -> list[Row]:
    """The rows of a message's set.

    Args:
        elements: As they came: lists (a row, or several in one), texts with semicolons (a row), single values (which
            make rows together).
        columns: Names of the set's columns, in order, in lower case.

    Raises:
        RowsError: The number of values fits no number of rows.
    """
    width = len(columns)
    rows: list[Row] = []
    loose: Row = []
    for entry in elements:
        values = _flat(entry)
        if values is None:
            parts = entry.split(";") if isinstance(entry, str) else []
            if width > 1 and len(parts) == width:
                rows.append(parts)
            else:
                loose.append(entry)
        elif values:
            rows.extend(_cut(values, columns))
    if loose:
        rows.extend(_cut(loose, columns))
    return rows


def widths(elements: Sequence[Any]) -> set[int]:
    """The numbers of columns that the values may be meant for; to tell declarations of one set apart."""
    found: set[int] = set()
    loose = 0
    for entry in elements:
        values = _flat(entry)
        if values is None:
            loose += 1
            if isinstance(entry, str) and ";" in entry:
                found.add(entry.count(";") + 1)
        elif values:
            found.add(len(values))
    if loose:
        found.add(loose)
    return found


def _flat(entry: Any) -> Row | None:
    """The values of a list, whatever is nested in it; ``None`` for a single value."""
    if not isinstance(entry, list | tuple):
        return None
    if not any(isinstance(item, list | tuple) for item in entry):
        return list(entry)
    return [value for item in entry for value in (_flat(item) if isinstance(item, list | tuple) else [item]) or []]


def _cut(values: Row, columns: Sequence[str]) -> list[Row]:
    width = len(columns)
    if len(values) == width:
        return [values]
    if width and len(values) % width == 0:
        return [values[first : first + width] for first in range(0, len(values), width)]
    if len(values) == 1 and isinstance(values[0], str) and values[0].count(";") == width - 1:
        return [values[0].split(";")]
    missing = columns[len(values) :]
    # Keras-Prov declares val_… columns last and leaves their values out where there are no validation data.
    if missing and all(name.startswith("val_") for name in missing):
        return [values + [None] * len(missing)]
    raise RowsError(f"{width} values a row were expected ({', '.join(columns)}), got {len(values)}")
