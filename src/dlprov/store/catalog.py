"""Dataflows, their transformations, sets and dependencies, during a batch: found, or made when first seen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from dlprov import model
from dlprov.log import events
from dlprov.log.identifiers import derived_id
from dlprov.store import extraction
from dlprov.store.columns import ColumnType, attribute_type
from dlprov.store.names import fold, quote, schema_for, unused
from dlprov.store.sets import SetTable
from dlprov.store.tables import Row, Tables


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
        self._programs: dict[tuple[str, str], int] = {}
        self._used_programs: set[tuple[int, int]] = set()
        self._row: Row | None = None
        self._version_row: Row | None = None
        self._preferred = events.Numbers(0)
        self._preferred_by = ""
        found = tables.load("dataflow", "tag = ?", [tag])
        if found:
            self.number = int(found[0]["id"])
            self._load()
        else:
            self.number = tables.number("dataflow")
            self._row = tables.insert("dataflow", id=self.number, uuid=derived_id("dataflow", tag), tag=tag)
            self.version = tables.number("dataflow_version", "version")
            self._version_row = tables.insert("dataflow_version", version=self.version, df_id=self.number)
            tables.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(self.schema)}")

    def prefer(self, numbers: events.Numbers, run_id: str) -> None:
        """Give rows that are still to be made these numbers, where they are free, and note where others have them."""
        self._preferred, self._preferred_by = numbers, run_id
        if self._row is None or self._version_row is None or self.transformations or self.sets:
            self._note_numbers(numbers, run_id)
            return
        # Both rows wait to be inserted: nothing has used the numbers that they got.
        self.number = self.tables.renumber("dataflow", self.number, numbers.dataflow, run_id)
        self.version = self.tables.renumber("dataflow_version", self.version, numbers.version, run_id, "version")
        self._row["id"] = self.number
        self._version_row |= {"version": self.version, "df_id": self.number}

    def _note_numbers(self, numbers: events.Numbers, run_id: str) -> None:
        """Note where rows that are there already have other numbers."""
        note = partial(self.tables.note_number, run_id=run_id, again=True)
        note("dataflow", numbers.dataflow, self.number)
        note("dataflow_version", numbers.version, self.version)
        names = {number: tag for tag, number in self.transformations.items()}
        for number, tag in names.items():
            note("data_transformation", numbers.transformations.get(tag), number)
        sets = {table.number: tag for tag, table in self.sets.items()}
        for number, tag in sets.items():
            note("data_set", numbers.sets.get(tag), number)
        within = "list_contains(?, ds_id) ORDER BY id"
        for row in [*self.tables.load("attribute", within, [list(sets)]), *self.tables["attribute"].waiting]:
            if row["ds_id"] in sets:
                wanted = numbers.attributes.get(f"{sets[row['ds_id']]}.{row['name']}")
                note("attribute", wanted, row["id"])
        dependencies = {tuple(ends): number for number, *ends in numbers.dependencies}
        for row in self._dependencies:
            ends = (row.get("previous_dt_id") or 0, row.get("next_dt_id") or 0)
            wanted = dependencies.get((*(names.get(end, "") for end in ends), sets[row["ds_id"]]))
            note("data_dependency", wanted, row["id"])

    def transformation(self, tag: str) -> int:
        """The number of a transformation."""
        tag = fold(tag)
        if tag not in self.transformations:
            wanted = self._preferred.transformations.get(tag)
            self.transformations[tag] = self.tables.claim("data_transformation", wanted, self._preferred_by)
            self.tables.insert("data_transformation", id=self.transformations[tag], df_id=self.number, tag=tag)
        return self.transformations[tag]

    def set(self, tag: str) -> SetTable:
        """A set's table."""
        tag = fold(tag)
        if tag not in self.sets:
            number = self.tables.claim("data_set", self._preferred.sets.get(tag), self._preferred_by)
            self.tables.insert("data_set", id=number, df_id=self.number, tag=tag)
            # A view that has the name of its table makes room first.
            self._name_views([*self.sets, tag])
            self.sets[tag] = SetTable(self.tables.connection, self.schema, tag, number)
            self._name_views(self.sets)
        return self.sets[tag]

    def _name_views(self, tags: Iterable[str]) -> None:
        """Keep views apart from tables: a set may have the name of another set's table, or of an extractor's."""
        tables = {f"ds_{tag}" for tag in tags}
        for table in self.sets.values():
            tables |= {f"ext_{extractor.name}" for extractor in table.extractors.values()}
        for tag in sorted(tables & self.sets.keys()):
            self.sets[tag].rename_view(self.schema, unused(tag, tables | self.sets.keys()))

    def declare(self, plan: model.Dataflow) -> None:
        """Take in a plan: what is new of it."""
        for transformation in plan.transformations:
            number = self.transformation(transformation.tag)
            for program in transformation.programs:
                self._program(number, program)
            for declared in transformation.sets:
                table = self.set(declared.tag)
                if declared.type == "OUTPUT":
                    self.generates(transformation.tag, table)
                else:
                    self.uses(transformation.tag, table, declared.dependency)
                extraction.declare(self, table, declared)

    def _program(self, transformation: int, program: model.Program) -> None:
        key = (program.name, program.path)
        if key not in self._programs:
            self._programs[key] = self.tables.number("program")
            row = {"id": self._programs[key], "df_id": self.number, "name": program.name, "path": program.path}
            self.tables.insert("program", **row)
        if (transformation, self._programs[key]) not in self._used_programs:
            self._used_programs.add((transformation, self._programs[key]))
            self.tables.insert("use_program", dt_id=transformation, program_id=self._programs[key])

    def attribute(self, table: SetTable, column: str, kind: ColumnType | None, declared: str = "") -> None:
        """A set has an attribute; ``kind`` is ``None`` as long as no value tells."""
        if table.add_attribute(column, kind):
            named = declared or (attribute_type(kind) if kind else None)
            wanted = self._preferred.attributes.get(f"{table.tag}.{column}")
            number = self.tables.claim("attribute", wanted, self._preferred_by)
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
                named = attribute_type(table.attributes[column])
                update = "UPDATE public.attribute SET type = ? WHERE ds_id = ? AND name = ?"
                self.tables.connection.execute(update, [named, table.number, column])
            table.newly_typed.clear()

    def _of(self, table: SetTable) -> list[Row]:
        return [row for row in self._dependencies if row["ds_id"] == table.number]

    def _depend(self, table: SetTable, previous: int | None, following: int | None) -> None:
        wanted = self._preferred_dependency(table, previous, following)
        row: dict[str, Any] = {"id": self.tables.claim("data_dependency", wanted, self._preferred_by)}
        row |= {"ds_id": table.number, "previous_dt_id": previous, "next_dt_id": following}
        self._dependencies.append(row)
        self._new_dependencies.add(row["id"])
        self.tables["data_dependency"].add(row)

    def _preferred_dependency(self, table: SetTable, previous: int | None, following: int | None) -> int | None:
        """The number of the dependency that this one is, or will be once its user is declared."""
        names = {number: tag for tag, number in self.transformations.items()}
        wanted = (names.get(previous or 0, ""), names.get(following or 0, ""), table.tag)
        taken = {row["id"] for row in self._dependencies}
        for number, generating, using, tag in self._preferred.dependencies:
            same = (generating, using, tag) == wanted or (following is None and (generating, tag) == wanted[::2])
            if same and number not in taken:
                return number
        return None

    def _load(self) -> None:
        tables = self.tables
        self.version = int(tables.load("dataflow_version", "df_id = ?", [self.number])[0]["version"])
        for row in tables.load("data_transformation", "df_id = ? ORDER BY id", [self.number]):
            self.transformations[row["tag"]] = row["id"]
        for row in tables.load("program", "df_id = ? ORDER BY id", [self.number]):
            self._programs[row["name"], row["path"]] = row["id"]
        for row in tables.load("use_program", "list_contains(?, program_id)", [list(self._programs.values())]):
            self._used_programs.add((row["dt_id"], row["program_id"]))
        names = {number: tag for tag, number in self.transformations.items()}
        for row in tables.load("data_set", "df_id = ? ORDER BY id", [self.number]):
            self.sets[row["tag"]] = SetTable(tables.connection, self.schema, row["tag"], row["id"])
        self._dependencies = tables.load("data_dependency", extraction.WITHIN, [self.number])
        extraction.load(self)
        self._name_views(self.sets)
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
