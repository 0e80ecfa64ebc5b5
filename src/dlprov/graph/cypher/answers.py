"""What the engine gave as a table: each column has the type that all its values have in common."""

from __future__ import annotations

import json
from typing import Any

from dlprov.graph.cypher.engine import Answer
from dlprov.log.values import encode_float
from dlprov.query import Result

_TYPES = {
    frozenset("b"): "BOOLEAN",
    frozenset("i"): "BIGINT",
    frozenset("f"): "DOUBLE",
    frozenset("if"): "DOUBLE",
    frozenset("s"): "VARCHAR",
    frozenset(): "VARCHAR",
}
"""The type of a column from the kinds of its values; all other columns are JSON."""


def result(answer: Answer, query: str) -> Result:
    """The answer as a table in memory."""
    names = _distinct(answer.columns)
    types = [_type(answer.rows, position) for position in range(len(names))]
    rows = [[_value(cell, kind) for cell, kind in zip(row, types, strict=True)] for row in answer.rows]
    return Result.of_rows(dict(zip(names, types, strict=True)), rows, query)


def _distinct(names: list[str]) -> list[str]:
    """Names of columns that differ in more than case."""
    taken: set[str] = set()
    found = []
    for name in names:
        new, number = name or "answer", 1
        while new.lower() in taken:
            number += 1
            new = f"{name}_{number}"
        taken.add(new.lower())
        found.append(new)
    return found


def _type(rows: list[list[Any]], position: int) -> str:
    kinds = frozenset(row[position][0] for row in rows if row[position] is not None)
    return _TYPES.get(kinds, "JSON")


def _value(cell: list[Any] | None, kind: str) -> Any:
    if cell is None:
        return None
    told, value = cell
    if kind == "JSON" and told != "j":
        return json.dumps(encode_float(value) if told == "f" else value, ensure_ascii=False)
    return float(value) if kind == "DOUBLE" else value
