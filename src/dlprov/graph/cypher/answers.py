"""What the engine gave as a table: each column has the type that all its values have in common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import duckdb

from dlprov.graph.cypher.engine import Answer
from dlprov.log.values import encode_float
from dlprov.query import Result
from dlprov.query.result import TABLE
from dlprov.store.names import quote

_TYPES = {
    frozenset("b"): "BOOLEAN",
    frozenset("i"): "BIGINT",
    frozenset("f"): "DOUBLE",
    frozenset("if"): "DOUBLE",
    frozenset("s"): "VARCHAR",
    frozenset(): "VARCHAR",
}
"""The type of a column from the kinds of its values; all other columns are JSON."""

_AT_A_TIME = 10_000


def result(answer: Answer, query: str) -> Result:
    """The answer as a table in memory."""
    names = _distinct(answer.columns)
    types = [_type(answer.rows, position) for position in range(len(names))]
    rows = [[_value(cell, kind) for cell, kind in zip(row, types, strict=True)] for row in answer.rows]
    return table(dict(zip(names, types, strict=True)), rows, query)


def table(columns: dict[str, str], rows: Sequence[Sequence[Any]], query: str) -> Result:
    """Rows as a result; ``columns`` maps names to ``BOOLEAN``, ``BIGINT``, ``DOUBLE``, ``VARCHAR`` or ``JSON``."""
    connection = duckdb.connect(":memory:")
    declared = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE TEMP TABLE {TABLE} ({declared})")
    # As lists: a statement for each row would take a hundred times as long.
    picked = ", ".join(f"unnest(?::{'VARCHAR' if kind == 'JSON' else kind}[])" for kind in columns.values())
    for first in range(0, len(rows), _AT_A_TIME):
        values = [list(column) for column in zip(*rows[first : first + _AT_A_TIME], strict=True)]
        connection.execute(f"INSERT INTO {TABLE} SELECT {picked}", values)
    return Result(connection, query)


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
