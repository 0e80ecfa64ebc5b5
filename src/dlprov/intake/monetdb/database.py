"""A dumped DfAnalyzer database: its generic tables as rows in memory, and where the rows of its sets are.

Columns are known by their names, so that every generation of the schema reads alike. The tables of sets, which hold
nearly all of a database, stay in the file and are read from there one row at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from dlprov.errors import UsageError
from dlprov.intake.monetdb.lines import Lines
from dlprov.intake.monetdb.rows import RowError, RowReader
from dlprov.intake.monetdb.statements import Column, Copy, CreateTable, Dump, Insert, Record, Stray, records
from dlprov.intake.report import Report

NEEDED: Mapping[str, tuple[str, ...]] = {
    "dataflow": ("id", "tag"),
    "dataflow_version": ("version", "df_id"),
    "data_transformation": ("id", "df_id", "tag"),
    "program": ("id", "df_id", "name", "path"),
    "use_program": ("dt_id", "program_id"),
    "data_set": ("id", "df_id", "tag"),
    "data_dependency": ("id", "ds_id"),
    "extractor": ("id", "ds_id", "tag", "cartridge", "extension"),
    "extractor_combination": ("id", "ds_id", "outer_ext_id", "inner_ext_id", "keys", "key_types"),
    "attribute": ("id", "ds_id", "name"),
    "data_scientist": ("id", "email"),
    "hardware_info": ("id",),
    "dataflow_execution": ("id", "tag", "df_id"),
    "task": ("id", "identifier", "dt_id"),
    "file": ("id", "task_id", "name", "path"),
    "performance": ("id", "task_id"),
}
"""The generic tables, with the columns that no row may lack."""

_INTEGERS = frozenset(
    {"id", "version", "identifier", "df_id", "dt_id", "ds_id", "task_id", "program_id", "outer_ext_id", "inner_ext_id"}
)

SET_TABLE = "ds_"
EXTRACTOR_TABLE = "ext_"


class Row(NamedTuple):
    """A row of a generic table: its line, and its values by column."""

    line: int
    values: dict[str, Any]


@dataclass(eq=False)
class SetData:
    """The table of a set: where its rows are. ``name`` is the set's tag."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    blocks: list[Copy] = field(default_factory=list)


@dataclass(eq=False)
class Database:
    """What a dump holds. ``tables`` has the rows of each table of :data:`NEEDED`, by ``id`` where there is one."""

    path: Path
    schema: str
    tables: dict[str, list[Row]]
    sets: list[SetData]

    def rows_of(
        self, data: SetData, report: Report, passed: Callable[[int], None] = lambda _: None
    ) -> Iterator[tuple[int, list[Any]]]:
        """The rows of a set, with their lines; what cannot be read is reported.

        Raises:
            OSError: The dump cannot be read any more.
        """
        with self.path.open("rb") as file:
            for copy in data.blocks:
                lines = Lines(file, copy.offset, copy.line, passed)
                columns = _columns_of(copy, data.columns)
                reader = RowReader(copy, columns)
                found = _read(records(lines, copy, reader.fits), copy, reader, report)
                if columns == data.columns:
                    yield from found
                    continue
                places = {column.name: place for place, column in enumerate(columns)}
                order = [places.get(column.name) for column in data.columns]
                for line, values in found:
                    yield line, [None if place is None else values[place] for place in order]


def read_database(path: Path, report: Report, passed: Callable[[int], None] = lambda _: None) -> Database:
    """Read the generic tables of a dump, and find its sets. Rows that cannot be read are reported.

    Args:
        path: The dump.
        report: What cannot be read is told there.
        passed: Called now and then with the byte that was reached.

    Raises:
        UsageError: It is no DfAnalyzer database, or the file cannot be read.
    """
    scan = _Scan(path, report)
    try:
        with path.open("rb") as file:
            scan.run(file, passed)
    except OSError as error:
        raise UsageError(f"a file that can be read was expected, got {path} ({error.strerror}): name another") from None
    schemas = [schema for schema, table in scan.columns if table == "dataflow"]
    schemas += [schema for schema, table in scan.rows if table == "dataflow"]
    if not schemas:
        raise UsageError(
            f"a dump of a DfAnalyzer database was expected, and {path} has no table dataflow: "
            "dump the database dataflow_analyzer, with all its schemas"
        )
    schema = max(schemas, key=lambda name: len(scan.rows.get((name, "dataflow"), ())))
    tables = {table: _ordered(scan.rows.get((schema, table), []), table, report) for table in NEEDED}
    return Database(path, schema, tables, list(scan.sets.values()))


class _Scan:
    """The first pass over a dump."""

    def __init__(self, path: Path, report: Report) -> None:
        self.path = path
        self.report = report
        self.columns: dict[tuple[str, str], tuple[Column, ...]] = {}
        self.rows: dict[tuple[str, str], list[Row]] = {}
        self.sets: dict[tuple[str, str], SetData] = {}

    def run(self, file: BinaryIO, passed: Callable[[int], None]) -> None:
        dump = Dump(file, passed)
        for statement in dump.statements():
            if isinstance(statement, Stray):
                reason = f"{statement.rows} lines that look like rows are not read: no COPY statement announces them"
                self.report.problem(statement.line, reason, statement.rows)
                continue
            key = (statement.schema, statement.table)
            is_set = statement.table.startswith(SET_TABLE)
            if isinstance(statement, CreateTable):
                self.columns[key] = statement.columns
            elif isinstance(statement, Insert):
                if is_set or statement.table in NEEDED:
                    reason = "a row as INSERT statement is not read: dump without --inserts"
                    self.report.problem(statement.line, reason)
            elif is_set:
                self._set(statement)
            elif statement.table in NEEDED:
                self._generic(statement, dump)
            elif statement.table.startswith(EXTRACTOR_TABLE) and statement.announced:
                reason = (
                    f'{statement.announced} rows that an extractor took from files ("{statement.table}") stay there'
                )
                self.report.warning(statement.line, reason)

    def _generic(self, copy: Copy, dump: Dump) -> None:
        columns = _columns_of(copy, self.columns.get((copy.schema, copy.table), ()))
        if not self._is_readable(copy, columns):
            return
        reader = RowReader(copy, columns)
        found = self.rows.setdefault((copy.schema, copy.table), [])
        names = [column.name for column in columns]
        for line, values in _read(dump.rows(copy, reader.fits), copy, reader, self.report):
            found.append(Row(line, dict(zip(names, values, strict=True))))

    def _set(self, copy: Copy) -> None:
        key = (copy.schema, copy.table)
        columns = self.columns.get(key, ())
        if not columns:
            columns = _columns_of(copy, ())
        if self._is_readable(copy, columns):
            name = copy.table.removeprefix(SET_TABLE)
            self.sets.setdefault(key, SetData(copy.schema, name, columns)).blocks.append(copy)

    def _is_readable(self, copy: Copy, columns: tuple[Column, ...]) -> bool:
        reason = copy.fault
        if not reason and not columns:
            reason = "the columns are not known: there is no CREATE TABLE before the rows"
        if reason:
            self.report.problem(copy.line, f"the rows of {copy.table!r} are not read: {reason}", max(copy.announced, 1))
        return not reason


def _read(found: Iterator[Record], copy: Copy, reader: RowReader, report: Report) -> Iterator[tuple[int, list[Any]]]:
    """The values of rows; what cannot be read is reported."""
    count = 0
    for record in found:
        count += 1
        try:
            if record.fault:
                raise RowError(record.fault)  # noqa: TRY301 - reported like any other
            yield record.line, reader.read(record.text)
        except RowError as problem:
            report.problem(record.line, f"a row of {copy.table!r}: {problem}")
    if count < copy.announced:
        reason = (
            f"{copy.announced} rows of {copy.table!r} were announced, and there are {count}: the dump is not complete"
        )
        report.problem(copy.line, reason, copy.announced - count)


def _columns_of(copy: Copy, declared: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns of the rows: those that the statement names, else all of the table."""
    kinds = dict(declared)
    return tuple(Column(name, kinds.get(name, "any")) for name in copy.columns) or declared


def _ordered(rows: list[Row], table: str, report: Report) -> list[Row]:
    """The rows that have what they need, in the order of their ids."""
    needed = NEEDED[table]
    integers = [name for name in needed if name in _INTEGERS]
    good = []
    for row in rows:
        lacking = [name for name in needed if row.values.get(name) is None]
        odd = [name for name in integers if not isinstance(row.values.get(name), int)]
        if lacking:
            report.problem(row.line, f"a row of {table!r} has no {' and no '.join(lacking)}")
        elif odd:
            report.problem(row.line, f"a row of {table!r} has a {odd[0]} that is no integer: {row.values[odd[0]]!r}")
        else:
            good.append(row)
    return sorted(good, key=lambda row: [row.values[name] for name in integers])
