"""Types of the columns of sets: found from the values, widened when a value does not fit, never narrowed."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from dlprov.log import values

ColumnType = Literal["BOOLEAN", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "VARCHAR", "JSON"]
"""``INTEGER`` is for numbers of rows, which no value has."""

DECLARED: dict[str, ColumnType] = {
    "TEXT": "VARCHAR",
    "FILE": "VARCHAR",
    "LONG_TEXT": "VARCHAR",
    "NUMERIC": "DOUBLE",
}
"""Column types of declared attribute types."""

EXACT = 2**53
"""Every integer up to here is a double, without rounding."""

NUMERIC = frozenset({"BOOLEAN", "BIGINT", "HUGEINT", "DOUBLE"})
"""Column types whose values are numbers."""


def attribute_type(kind: str) -> str:
    """The attribute type of a column type."""
    return "NUMERIC" if kind in NUMERIC else "TEXT"


def type_of(value: Any) -> ColumnType | None:
    """The narrowest type for a value as the log has it; ``None`` for no value, which fits all."""
    kind = type(value)
    if value is None:
        return None
    if kind is bool:
        return "BOOLEAN"
    if kind is int:
        if -(2**63) <= value < 2**63:
            return "BIGINT"
        return "HUGEINT" if -(2**127) < value < 2**127 else "VARCHAR"
    if kind is float:
        return "DOUBLE"
    if kind is str:
        return "VARCHAR"
    if kind is dict and value.get("@") == "float":
        return "DOUBLE"
    return "JSON"


def widened(current: ColumnType, value: Any) -> ColumnType:
    """The type of a column of type ``current`` that has to take ``value``, too.

    A column never loses digits: integers beyond 2**53 and fractions meet in ``VARCHAR``. (Whether the integers
    that a ``BIGINT`` column holds already are small enough to become doubles, the caller has to look up.)
    """
    new = type_of(value)
    if new is None or new == current:
        return current
    pair = {current, new}
    if pair == {"BIGINT", "HUGEINT"}:
        return "HUGEINT"
    if current == "DOUBLE":
        if new in ("BIGINT", "HUGEINT"):
            return "DOUBLE" if abs(value) <= EXACT or float(value) == value else "VARCHAR"
        if new == "BOOLEAN":
            return "DOUBLE"
        return "VARCHAR"
    if current in ("BIGINT", "HUGEINT") and new == "DOUBLE":
        return "DOUBLE"
    return "VARCHAR"


def cell(value: Any, column: ColumnType) -> Any:
    """A value of the log as the JSON from which the engine makes a value of ``column``, which must fit it."""
    if value is None:
        return None
    if column == "DOUBLE":
        return _double(value)
    if column in ("INTEGER", "BIGINT", "BOOLEAN"):
        return value
    if column == "HUGEINT":
        return str(value)
    if column == "JSON":
        return json_text(value)
    return as_text(value)


def _double(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("v")
    if isinstance(value, bool):
        return int(value)
    return value


def as_text(value: Any) -> str | None:
    """A value of the log as a person reads it: floats with all their digits, lists and dicts as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict) and value.get("@") in ("float", "bytes"):
        return str(value.get("v"))
    return json_text(value)


def float_as_text(column: str) -> str:
    """An SQL expression for the text of a column of doubles, which the engine spells ``nan`` and ``inf``."""
    return (
        f"CASE WHEN isnan({column}) THEN 'NaN' WHEN isinf({column}) "
        f"THEN if({column} > 0, 'Infinity', '-Infinity') ELSE CAST({column} AS VARCHAR) END"
    )


def json_text(value: Any) -> str:
    """A value of the log as JSON text."""
    return msgspec.json.encode(value).decode()


def typed(value: Any) -> dict[str, Any]:
    """The columns ``value``, ``number`` and ``type`` of a setting."""
    if value is None:
        return {"value": None, "number": None, "type": "null"}
    if isinstance(value, bool):
        return {"value": as_text(value), "number": int(value), "type": "boolean"}
    if isinstance(value, int):
        rounded = float(value) if abs(value) < 2**1023 else (math.inf if value > 0 else -math.inf)
        return {"value": str(value), "number": values.encode_float(rounded), "type": "integer"}
    if isinstance(value, float):
        return {"value": repr(value), "number": value, "type": "float"}
    if isinstance(value, str):
        return {"value": value, "number": None, "type": "text"}
    if isinstance(value, dict) and value.get("@") == "float":
        return {"value": value.get("v"), "number": value.get("v"), "type": "float"}
    return {"value": json_text(value), "number": None, "type": "json"}


def from_typed(value: str | None, kind: str) -> Any:
    """The Python value that :func:`typed` stored."""
    if value is None or kind == "null":
        return None
    if kind == "boolean":
        return value == "true"
    if kind == "integer":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "json":
        return values.decode(msgspec.json.decode(value))
    return value
