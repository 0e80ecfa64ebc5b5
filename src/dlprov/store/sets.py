"""The sets of a dataflow: a table ``ds_<set>`` with a row an element, and a view ``<set>``, in the dataflow's schema.

Columns: ``id``; ``<transformation>_task_id`` for each transformation that generates the set, then for each that
uses it; the attributes in the order in which they became known; in the table alone ``uuid``, the
element's stable identifier. Where the set has extractors, the table has ``<extractor>_file_id`` among the attributes,
and the view the rows of the files: :mod:`dlprov.store.extractors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from dlprov.store.columns import EXACT, ColumnType, cell, float_as_text, type_of, widened
from dlprov.store.extractors import ExtractorTable, Join, view_of
from dlprov.store.names import quote, unused
from dlprov.store.tables import LARGEST_WANTED, from_json


def task_column(transformation: str) -> str:
    """The column that holds the tasks of ``transformation`` (in lower case)."""
    return f"{transformation}_task_id"


def column_names(attributes: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """The column of each attribute of one element: its name in lower case.

    Where that is one of the table's own columns, is ``reserved``, or belongs to another attribute of the same element
    that differs in case only, ``_2`` and so on is appended. Every element gives the same column for the same attribute.
    """
    taken: set[str] = {"id", "uuid", *reserved}
    return {attribute: column_name(attribute, taken) for attribute in attributes}


def column_name(attribute: str, taken: set[str]) -> str:
    """The column of one attribute, which is ``taken`` from now on."""
    folded = attribute.lower() or "_"
    if folded.endswith("_task_id"):
        folded += "_2"
    name = unused(folded, taken)
    taken.add(name)
    return name


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
        self.shown: dict[str, str] = {}
        """The attributes that the view shows, in order, each with the tag of its extractor or an empty text."""
        self.extractors: dict[str, ExtractorTable] = {}
        self.joins: list[Join] = []
        self._files: dict[tuple[str, str], int] = {}
        self._is_renamed = False
        self._stored: dict[str, str] = {}
        self._ids: set[int] | None = None
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
        self.shown[column] = ""
        if kind is None:
            self.untyped.add(column)
        return True

    def add(self, tasks: Mapping[str, int], attributes: Mapping[str, Any], uuid: str, wanted: int | None = None) -> int:
        """Insert an element: the tasks by transformation, the attributes by column, values as the log has them.

        Transformations and columns must have been added before. Gives the row's id: ``wanted``, if that is free.
        """
        for column, value in attributes.items():
            self._widen(column, value)
        own = {task_column(transformation): task for transformation, task in tasks.items()}
        number = self._next_id if wanted is None or self._is_taken(wanted) else wanted
        self._waiting.append({"id": number, **own, **attributes, "uuid": uuid})
        self._next_id = max(self._next_id, number + 1)
        if self._ids is not None:
            self._ids.add(number)
        return number

    def rename_view(self, schema: str, name: str) -> None:
        """Give the view another name than the set's tag, which is needed for a table."""
        view = f"{quote(schema)}.{quote(name)}"
        if view == self.view:
            return
        query = "SELECT view_name FROM duckdb_views() WHERE database_name = current_database() AND schema_name = ?"
        if (self.tag,) in self.connection.execute(query, [schema]).fetchall():
            self.connection.execute(f"DROP VIEW {self.view}")
        self.view = view
        self._is_renamed = True

    @property
    def reserved(self) -> set[str]:
        """Columns that extractors have in the set's view: no attribute of an element can have their names."""
        if not self.extractors:
            return set()
        return self.own_columns | {column for column, extractor in self.shown.items() if extractor}

    @property
    def own_columns(self) -> set[str]:
        """The columns that the view has for extractors, beside those of attributes."""
        return {column for extractor in self.extractors.values() for column in extractor.own_columns}

    def add_file(self, element: str, extractor: ExtractorTable, file: int) -> None:
        """The rows of a file belong to an element (its ``uuid``), which may be still to come. The last file counts."""
        self._files[extractor.file_column, element] = file

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
        changes = [extractor.flush() for extractor in self.extractors.values()]
        if wanted != self._stored:
            self._reshape(wanted)
            changes.append(True)
        if any(changes) or self._is_renamed:
            self._show()
            self._is_renamed = False
        has_new = bool(self._waiting)
        if has_new:
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
        self._add_files(has_new)

    def _add_files(self, has_new: bool) -> None:
        """Note the files of elements: those that came with this batch, and earlier ones of elements that are new."""
        for extractor in self.extractors.values():
            column = quote(extractor.file_column)
            files = [
                {"uuid": element, "file": file}
                for (file_column, element), file in self._files.items()
                if file_column == extractor.file_column
            ]
            if files:
                query, parameters = from_json(files, {"uuid": "VARCHAR", "file": "INTEGER"})
                update = f"UPDATE {self.table} AS s SET {column} = n.file FROM ({query}) AS n WHERE s.uuid = n.uuid"
                self.connection.execute(update, parameters)
            if has_new:
                query = (
                    "SELECT element, last(file_id ORDER BY rowid) AS file FROM public.raw_data "
                    f"WHERE extractor_id = {extractor.number} GROUP BY element"
                )
                update = f"UPDATE {self.table} AS s SET {column} = n.file FROM ({query}) AS n"
                self.connection.execute(f"{update} WHERE s.uuid = n.element AND {column} IS NULL")
        self._files = {}

    def _is_taken(self, number: int) -> bool:
        if number >= self._next_id:
            return number > LARGEST_WANTED
        if self._ids is None:
            # Ids of another database come out of order: to look each up by itself would take ever longer.
            self._ids = {row["id"] for row in self._waiting}
            if self._stored:
                self._ids |= {row[0] for row in self.connection.execute(f"SELECT id FROM {self.table}").fetchall()}
        return number in self._ids

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
                self.shown[column] = ""
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
        if any(isinstance(value, int) and abs(value) > EXACT for value in waiting):
            return False
        if column not in self._stored:
            return True
        query = f"SELECT coalesce(max(abs(CAST({quote(column)} AS HUGEINT))), 0) FROM {self.table}"
        found = self.connection.execute(query).fetchone()
        return found is None or int(found[0]) <= EXACT

    def _reshape(self, wanted: dict[str, str]) -> None:
        if self._stored:
            picked = ", ".join(f"{self._converted(name, kind)} AS {quote(name)}" for name, kind in wanted.items())
            self.connection.execute(f"CREATE OR REPLACE TABLE {self.table} AS SELECT {picked} FROM {self.table}")
        else:
            columns = ", ".join(f"{quote(name)} {kind}" for name, kind in wanted.items())
            self.connection.execute(f"CREATE TABLE {self.table} ({columns})")
        self._stored = dict(wanted)

    def _show(self) -> None:
        """Make the view anew."""
        if self.extractors:
            columns = [name for name in self._stored if name not in self.attributes and name != "uuid"]
            query = view_of(self.table, columns, self.extractors, self.joins, self.shown)
        else:
            query = f"SELECT {', '.join(quote(name) for name in self._stored if name != 'uuid')} FROM {self.table}"
        self.connection.execute(f"CREATE OR REPLACE VIEW {self.view} AS {query}")

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
