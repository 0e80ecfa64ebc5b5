"""The sets of a dataflow: a table ``ds_<set>`` with a row an element, and a view ``<set>``, in the dataflow's schema.

Columns: ``id``; ``<transformation>_task_id`` for each transformation that generates the set, then for each that
uses it; the attributes in the order in which they became known; in the table alone ``uuid``, the
element's stable identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from dlprov.store.columns import ColumnType, cell, float_as_text, type_of, widened
from dlprov.store.names import quote, unused
from dlprov.store.tables import from_json

_EXACT = 2**53


def task_column(transformation: str) -> str:
    """The column that holds the tasks of ``transformation`` (in lower case)."""
    return f"{transformation}_task_id"


def column_names(attributes: Iterable[str]) -> dict[str, str]:
    """The column of each attribute of one element: its name in lower case.

    Where that is one of the table's own columns, or belongs to another attribute of the same element that differs
    in case only, ``_2`` and so on is appended. Every element gives the same column for the same attribute.
    """
    names: dict[str, str] = {}
    taken: set[str] = {"id", "uuid"}
    for attribute in attributes:
        folded = attribute.lower() or "_"
        if folded.endswith("_task_id"):
            folded += "_2"
        names[attribute] = unused(folded, taken)
        taken.add(names[attribute])
    return names


class SetTable:
    """One set's table and view during a batch. Changes of its shape are made when rows are flushed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str, tag: str, number: int) -> None:
        self.connection = connection
        self.tag = tag
        self.number = number
        self.table = f"{quote(schema)}.{quote('ds_' + tag)}"
        self.view = f"{quote(schema)}.{quote(tag)}"
        self.producers: list[str] = []
        self.consumers: list[str] = []
        self.attributes: dict[str, ColumnType] = {}
        self.untyped: set[str] = set()
        self.newly_typed: set[str] = set()
        self._stored: dict[str, str] = {}
        self._next_id = 1
        self._waiting: list[dict[str, Any]] = []
        self._load(schema)

    def add_producer(self, transformation: str) -> bool:
        """``transformation`` generates the set. False if that was known."""
        return _append(self.producers, transformation)

    def add_consumer(self, transformation: str) -> bool:
        """``transformation`` uses the set. False if that was known."""
        return _append(self.consumers, transformation)

    def add_attribute(self, column: str, kind: ColumnType | None) -> bool:
        """The set has this attribute; without a type if no value came yet. False if it was known, of whichever type."""
        if column in self.attributes:
            return False
        self.attributes[column] = kind or "VARCHAR"
        if kind is None:
            self.untyped.add(column)
        return True

    def add(self, tasks: Mapping[str, int], attributes: Mapping[str, Any], uuid: str) -> None:
        """Insert an element: the tasks by transformation, the attributes by column, values as the log has them.

        Transformations and columns must have been added before.
        """
        for column, value in attributes.items():
            self._widen(column, value)
        own = {task_column(transformation): task for transformation, task in tasks.items()}
        self._waiting.append({"id": self._next_id, **own, **attributes, "uuid": uuid})
        self._next_id += 1

    def consume(self, transformation: str, task: int, condition: str, parameters: list[Any]) -> list[str]:
        """``task`` uses the elements that meet ``condition``; gives their ``uuid``.

        The column holds the first task of the transformation that used an element (DfAnalyzer's rule); the
        table ``usage`` holds them all.
        """
        self.flush()
        column = quote(task_column(transformation))
        query = f"SELECT uuid FROM {self.table} WHERE {condition} ORDER BY id"
        found = [row[0] for row in self.connection.execute(query, parameters).fetchall()]
        update = f"UPDATE {self.table} SET {column} = ? WHERE {column} IS NULL AND ({condition})"
        self.connection.execute(update, [task, *parameters])
        return found

    def flush(self) -> None:
        """Bring table and view into shape and insert the waiting elements."""
        wanted = self._columns()
        if wanted != self._stored:
            self._reshape(wanted)
        if self._waiting:
            rows = [
                {
                    name: cell(value, self.attributes[name]) if name in self.attributes else value
                    for name, value in row.items()
                }
                for row in self._waiting
            ]
            query, parameters = from_json(rows, wanted)
            self.connection.execute(f"INSERT INTO {self.table} {query}", parameters)
            self._waiting = []

    def _columns(self) -> dict[str, str]:
        tasks = dict.fromkeys(map(task_column, [*self.producers, *self.consumers]), "INTEGER")
        return {"id": "INTEGER", **tasks, **self.attributes, "uuid": "VARCHAR"}

    def _load(self, schema: str) -> None:
        query = (
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
            "AND schema_name = ? AND table_name = ? ORDER BY column_index"
        )
        for column, kind in self.connection.execute(query, [schema, "ds_" + self.tag]).fetchall():
            self._stored[column] = kind
            if column not in ("id", "uuid") and not column.endswith("_task_id"):
                self.attributes[column] = kind
        if self._stored:
            found = self.connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {self.table}").fetchone()
            self._next_id = int(found[0]) if found else 1

    def _widen(self, column: str, value: Any) -> None:
        current = self.attributes[column]
        kind = widened(current, value)
        if column in self.untyped and value is not None:
            self.untyped.discard(column)
            self.newly_typed.add(column)
            self.attributes[column] = type_of(value) or current
            return
        if kind == "DOUBLE" and current in ("BIGINT", "HUGEINT") and not self._is_exact_as_double(column):
            kind = "VARCHAR"
        if kind != current:
            self.newly_typed.add(column)
            self.attributes[column] = kind

    def _is_exact_as_double(self, column: str) -> bool:
        waiting = (row.get(column) for row in self._waiting)
        if any(isinstance(value, int) and abs(value) > _EXACT for value in waiting):
            return False
        if column not in self._stored:
            return True
        query = f"SELECT coalesce(max(abs(CAST({quote(column)} AS HUGEINT))), 0) FROM {self.table}"
        found = self.connection.execute(query).fetchone()
        return found is None or int(found[0]) <= _EXACT

    def _reshape(self, wanted: dict[str, str]) -> None:
        if self._stored:
            picked = ", ".join(f"{self._converted(name, kind)} AS {quote(name)}" for name, kind in wanted.items())
            self.connection.execute(f"CREATE OR REPLACE TABLE {self.table} AS SELECT {picked} FROM {self.table}")
        else:
            columns = ", ".join(f"{quote(name)} {kind}" for name, kind in wanted.items())
            self.connection.execute(f"CREATE TABLE {self.table} ({columns})")
        shown = ", ".join(quote(name) for name in wanted if name != "uuid")
        self.connection.execute(f"CREATE OR REPLACE VIEW {self.view} AS SELECT {shown} FROM {self.table}")
        self._stored = dict(wanted)

    def _converted(self, name: str, kind: str) -> str:
        column = quote(name)
        old = self._stored.get(name)
        if old is None:
            return f"CAST(NULL AS {kind})"
        if old == kind:
            return column
        if old == "DOUBLE" and kind == "VARCHAR":
            return float_as_text(column)
        return f"CAST({column} AS {kind})"


def _append(names: list[str], name: str) -> bool:
    if name in names:
        return False
    names.append(name)
    return True
