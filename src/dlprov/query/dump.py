r"""The store as SQL for MonetDB: DfAnalyzer's tables, the dataflows' schemas and their rows.

It is what ``\D`` of MonetDB's shell writes: ``dlprov import`` reads it back, and MonetDB restores it. What DfAnalyzer
has no table for is not in it: metrics, say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dlprov.query import description
from dlprov.query.plain import plain
from dlprov.query.session import Session
from dlprov.store.names import quote

GENERIC = (
    "performance",
    "file",
    "task",
    "dataflow_execution",
    "hardware_info",
    "data_scientist",
    "attribute",
    "extractor_combination",
    "extractor",
    "data_dependency",
    "data_set",
    "use_program",
    "program",
    "data_transformation",
    "dataflow_version",
    "dataflow",
)
"""DfAnalyzer's tables, children first: what is recorded between two questions then has its parents in the dump."""

_OURS = {"task": frozenset({"run_id", "parent_id", "started", "ended", "duration"})}
"""Columns that DfAnalyzer's tables do not have."""

_ROWS = 10_000
"""Rows that are in memory at a time."""

_TYPES = {
    name: name for name in ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "TIMESTAMP")
}
_TEXT = "CHARACTER LARGE OBJECT"

_ESCAPES = {ord('"'): '""', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t", 127: "\\177"}
_ESCAPES |= {code: f"\\{code:03o}" for code in range(32) if code not in _ESCAPES}


def dump(session: Session, name: str = "") -> Iterator[str]:
    """The lines of the dump, without their ends.

    Args:
        session: The session to ask.
        name: One table or view instead of all: of the current schema or of ``public``, or with its schema.

    Raises:
        NotFoundError: There is none of that name.
        QueryError, StoreError: As :meth:`Session.ask`.
    """
    yield "START TRANSACTION;"
    if name:
        schema, table, _ = description.find(session, name)
        for found in _tables(session, schema, table):
            yield from _one(session, found)
    else:
        yield from _all(session)
    yield "COMMIT;"


class _Table(NamedTuple):
    """A table with its columns, or a view with the statement that made it."""

    schema: str
    name: str
    columns: list[str]
    query: str | None


def _all(session: Session) -> Iterator[str]:
    current = ""
    tables = _tables(session)
    for table in tables:
        if table.schema == "public":
            continue
        if table.schema != current:
            yield f"CREATE SCHEMA IF NOT EXISTS {quote(table.schema)};"
            yield f"SET SCHEMA {quote(table.schema)};"
            current = table.schema
        yield from _one(session, table)
    yield 'SET SCHEMA "public";'
    generic = {table.name: table for table in tables if table.schema == "public"}
    for name in GENERIC:
        yield from _one(session, generic[name])


def _tables(session: Session, schema: str = "", name: str = "") -> list[_Table]:
    """The tables and views of the store, or the one of this name."""
    found = session.ask(
        """
        SELECT s.name, t.name, t.query, list(c.name ORDER BY c.number)
        FROM sys._tables AS t JOIN sys.schemas AS s ON s.id = t.schema_id JOIN sys._columns AS c ON c.table_id = t.id
        WHERE NOT t.system AND $schema IN ('', s.name) AND $name IN ('', t.name)
        GROUP BY s.name, t.name, t.type, t.query ORDER BY s.name, t.type, t.name
        """,
        {"schema": schema, "name": name},
    )
    return [_Table(schema, name, columns, query) for schema, name, query, columns in found]


def _one(session: Session, table: _Table) -> Iterator[str]:
    if table.query is not None:
        yield from table.query.splitlines()
        return
    name = f"{quote(table.schema)}.{quote(table.name)}"
    ours = _OURS.get(table.name, frozenset()) if table.schema == "public" else frozenset()
    listed = ", ".join(quote(column) for column in table.columns if column not in ours)
    result = session.ask(f"SELECT {listed} FROM {name} ORDER BY 1")
    yield f"CREATE TABLE {name} ("
    described = zip(result.columns, result.types, strict=True)
    declared = [f"\t{quote(column)} {_TYPES.get(kind, _TEXT)}" for column, kind in described]
    yield from (line + "," for line in declared[:-1])
    yield declared[-1]
    yield ");"
    if count := len(result):
        yield f"COPY {count} RECORDS INTO {name} FROM stdin USING DELIMITERS E'\\t',E'\\n','\"';"
        for first in range(0, count, _ROWS):
            for row in result.slice(first, _ROWS):
                yield "\t".join(map(_written, row))


def _written(value: Any) -> str:
    """A value as the rows of a dump have it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(plain(value))
    shown = value if isinstance(value, str) else str(plain(value))
    return f'"{shown.translate(_ESCAPES)}"'
