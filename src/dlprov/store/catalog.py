"""Dataflows, their transformations, sets and dependencies, during a batch: found, or made when first seen."""

from __future__ import annotations

from typing import Any

from dlprov import model
from dlprov.store.columns import DECLARED, ColumnType
from dlprov.store.names import fold, quote, schema_for, stable_id
from dlprov.store.sets import SetTable, column_names
from dlprov.store.tables import Row, Tables

_NUMERIC = frozenset({"BOOLEAN", "BIGINT", "HUGEINT", "DOUBLE"})


class DataflowEntry:
    """One dataflow: its rows in the generic tables and its schema."""

    def __init__(self, tables: Tables, tag: str) -> None:
        self.tables = tables
        self.tag = tag
        self.schema = schema_for(tag)
        self.transformations: dict[str, int] = {}
        self.sets: dict[str, SetTable] = {}
        self._dependencies: list[Row] = []
        self._new_dependencies: set[int] = set()
        self._changed_dependencies: set[int] = set()
        found = tables.load("dataflow", "tag = ?", [tag])
        if found:
            self.number = int(found[0]["id"])
            self._load()
        else:
            self.number = tables.number("dataflow")
            tables.insert("dataflow", id=self.number, uuid=stable_id("dataflow", tag), tag=tag)
            version = tables.number("dataflow_version", "version")
            tables.insert("dataflow_version", version=version, df_id=self.number)
            self.version = version
            tables.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(self.schema)}")

    def transformation(self, tag: str) -> int:
        """The number of a transformation."""
        tag = fold(tag)
        if tag not in self.transformations:
            self.transformations[tag] = self.tables.number("data_transformation")
            self.tables.insert("data_transformation", id=self.transformations[tag], df_id=self.number, tag=tag)
        return self.transformations[tag]

    def set(self, tag: str) -> SetTable:
        """A set's table."""
        tag = fold(tag)
        if tag not in self.sets:
            number = self.tables.number("data_set")
            self.tables.insert("data_set", id=number, df_id=self.number, tag=tag)
            self.sets[tag] = SetTable(self.tables.connection, self.schema, tag, number)
        return self.sets[tag]

    def declare(self, plan: model.Dataflow) -> None:
        """Take in a plan: what is new of it."""
        for transformation in plan.transformations:
            self.transformation(transformation.tag)
            for declared in transformation.sets:
                table = self.set(declared.tag)
                if declared.type == "OUTPUT":
                    self.generates(transformation.tag, table)
                else:
                    self.uses(transformation.tag, table, declared.dependency)
                names = column_names(attribute.name for attribute in declared.attributes)
                for attribute in declared.attributes:
                    self.attribute(table, names[attribute.name], DECLARED[attribute.type], attribute.type)

    def attribute(self, table: SetTable, column: str, kind: ColumnType | None, declared: str = "") -> None:
        """A set has an attribute; ``kind`` is ``None`` as long as no value tells."""
        if table.add_attribute(column, kind):
            named = declared or (_attribute_type(kind) if kind else None)
            number = self.tables.number("attribute")
            self.tables.insert("attribute", id=number, ds_id=table.number, name=column, type=named)

    def generates(self, transformation: str, table: SetTable) -> None:
        """A transformation generates a set."""
        number = self.transformation(transformation)
        table.add_producer(fold(transformation))
        if not any(row.get("previous_dt_id") == number for row in self._of(table)):
            self._depend(table, number, None)

    def uses(self, transformation: str, table: SetTable, producer: str = "") -> None:
        """A transformation uses a set that ``producer`` generates, or that comes from outside."""
        number = self.transformation(transformation)
        table.add_consumer(fold(transformation))
        previous = None
        if producer:
            previous = self.transformation(producer)
            table.add_producer(fold(producer))
        rows = [row for row in self._of(table) if row.get("previous_dt_id") == previous]
        if any(row.get("next_dt_id") == number for row in rows):
            return
        for row in rows:
            if row.get("next_dt_id") is None:
                row["next_dt_id"] = number
                if row["id"] not in self._new_dependencies:
                    self._changed_dependencies.add(row["id"])
                return
        self._depend(table, previous, number)

    def flush_plan(self) -> None:
        """Write changed dependencies; new ones went to the tables as they came. Before ``Tables.flush``."""
        changed = {row["id"]: row for row in self._dependencies if row["id"] in self._changed_dependencies}
        self.tables.update("data_dependency", "id", changed)
        self._changed_dependencies.clear()
        self._new_dependencies.clear()

    def flush_sets(self) -> None:
        """Write the elements that wait."""
        for table in self.sets.values():
            table.flush()
            for column in sorted(table.newly_typed):
                named = _attribute_type(table.attributes[column])
                update = "UPDATE public.attribute SET type = ? WHERE ds_id = ? AND name = ?"
                self.tables.connection.execute(update, [named, table.number, column])
            table.newly_typed.clear()

    def _of(self, table: SetTable) -> list[Row]:
        return [row for row in self._dependencies if row["ds_id"] == table.number]

    def _depend(self, table: SetTable, previous: int | None, following: int | None) -> None:
        row: dict[str, Any] = {"id": self.tables.number("data_dependency"), "ds_id": table.number}
        row |= {"previous_dt_id": previous, "next_dt_id": following}
        self._dependencies.append(row)
        self._new_dependencies.add(row["id"])
        self.tables["data_dependency"].add(row)

    def _load(self) -> None:
        tables = self.tables
        self.version = int(tables.load("dataflow_version", "df_id = ?", [self.number])[0]["version"])
        for row in tables.load("data_transformation", "df_id = ? ORDER BY id", [self.number]):
            self.transformations[row["tag"]] = row["id"]
        names = {number: tag for tag, number in self.transformations.items()}
        for row in tables.load("data_set", "df_id = ? ORDER BY id", [self.number]):
            self.sets[row["tag"]] = SetTable(tables.connection, self.schema, row["tag"], row["id"])
        within = "ds_id IN (SELECT id FROM public.data_set WHERE df_id = ?) ORDER BY id"
        self._dependencies = tables.load("data_dependency", within, [self.number])
        untyped = "type IS NULL AND ds_id IN (SELECT id FROM public.data_set WHERE df_id = ?)"
        by_number = {table.number: table for table in self.sets.values()}
        for row in tables.load("attribute", untyped, [self.number]):
            by_number[row["ds_id"]].untyped.add(row["name"])
        for row in self._dependencies:
            table = by_number[row["ds_id"]]
            if "previous_dt_id" in row:
                table.add_producer(names[row["previous_dt_id"]])
            if "next_dt_id" in row:
                table.add_consumer(names[row["next_dt_id"]])


def _attribute_type(kind: ColumnType) -> str:
    return "NUMERIC" if kind in _NUMERIC else "TEXT"
