"""Extractors of sets: a table ``ext_<extractor>`` with a row for each row of a raw data file, and its part of the view.

Columns: ``<extractor>_id``; ``<extractor>_file_id``, which is the file's row in ``public.file``; ``filename``; the
extractor's attributes; the keys by which its rows belong to those of another extractor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from dlprov.errors import StoreError
from dlprov.store.columns import EXACT, NUMERIC, float_as_text
from dlprov.store.names import quote, text
from dlprov.store.raw_files import Rows
from dlprov.store.tables import Row

_SPECIAL = {"FASTBIT": {"rowid": "DOUBLE"}, "POSTGRES_RAW": {"tablename": "VARCHAR"}}
"""Columns that an index file of such an extractor has beside the attributes."""

_TEXTS = frozenset({"FASTBIT", "OPTIMIZED_FASTBIT"})
"""Extractors whose attributes are names of index files, whatever their values are."""

_LARGEST_ID = 2**31 - 1

_MISSING = "('', 'null', 'none', 'na', 'n/a')"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_NOT_FINITE = r"[+-]?(nan|inf|infinity)"

# Text that a number would not give back is no number where nobody says so: 007, and integers of many digits.
_INTEGER = r"-?(0|[1-9][0-9]{0,17})"
_FLOAT = r"-?((0|[1-9][0-9]{0,14})|(0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


class Join(NamedTuple):
    """Rows of two extractors (their tags) belong together where these columns are equal."""

    outer: str
    inner: str
    keys: tuple[str, ...]


class ExtractorTable:
    """One extractor of one set during a batch: its row in ``public.extractor`` and its table.

    Attributes:
        row: Its row in ``public.extractor``.
        attributes: The types of its attributes by column, in order.
        keys: The types of the columns by which other extractors' rows are found.
        hidden: Declared attributes that are no columns of its files.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str, row: Row) -> None:
        self.row = row
        self.attributes: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.hidden: set[str] = set()
        self._connection = connection
        self._stored: dict[str, str] = {}
        self._next_id = 1
        self._is_reshaped = False
        self.table = f"{quote(schema)}.{quote('ext_' + self.name)}"
        self._load(schema)

    @property
    def name(self) -> str:
        """What its table and its columns are named after: the tag, unless that was taken."""
        return str(self.row["name"])

    @property
    def number(self) -> int:
        """Its number in ``public.extractor``."""
        return int(self.row["id"])

    @property
    def file_column(self) -> str:
        """The column of the set that holds the file of each element."""
        return f"{self.name}_file_id"

    @property
    def own_columns(self) -> tuple[str, str, str]:
        """The columns that the set's view has for it, beside those of its attributes."""
        return own_columns(self.name)

    @property
    def special(self) -> dict[str, str]:
        """Columns that are no attributes, though a file may have them."""
        return {"filename": "VARCHAR", **_SPECIAL.get(self.row["extension"], {})}

    @property
    def is_declared(self) -> bool:
        """Whether its attributes were declared; if not, they are the columns of its files."""
        return bool(self.row["is_declared"])

    def add(self, column: str, kind: str) -> None:
        """It has this attribute."""
        self.attributes[column] = "VARCHAR" if self.row["extension"] in _TEXTS else kind

    @property
    def stored_types(self) -> Mapping[str, str]:
        """The types of the table's columns, as they were last written."""
        return self._stored

    def flush(self) -> bool:
        """Bring the table into shape. False if nothing changed since the last time that this was asked."""
        self._shape()
        was_reshaped, self._is_reshaped = self._is_reshaped, False
        return was_reshaped

    def _shape(self) -> None:
        wanted = self._columns()
        if wanted == self._stored:
            return
        if self._stored:
            picked = ", ".join(f"{self._converted(name, kind)} AS {quote(name)}" for name, kind in wanted.items())
            self._connection.execute(f"CREATE OR REPLACE TABLE {self.table} AS SELECT {picked} FROM {self.table}")
        else:
            columns = ", ".join(f"{quote(name)} {kind}" for name, kind in wanted.items())
            self._connection.execute(f"CREATE TABLE {self.table} ({columns})")
        self._stored = wanted
        self._is_reshaped = True

    def take(self, rows: Rows, sources: Mapping[str, int], file: int, path: str) -> list[str]:
        """Insert the rows of a file.

        Args:
            rows: The rows.
            sources: For each column the place of the file's column that fills it. New ones become attributes, whose
                types follow from the values.
            file: The file's number in ``public.file``.
            path: What it is called, where its rows do not tell.

        Returns:
            Remarks on values that do not fit.

        Raises:
            StoreError: The table is full.
        """
        if self._next_id + rows.total > _LARGEST_ID:
            raise StoreError(f"the table of the extractor {self.row['tag']} is full: name another extractor")
        fixed = {*self.keys, *self.special, *(self.attributes if self.is_declared else ())}
        free = {column: place for column, place in sources.items() if column not in fixed}
        for column, kind in self._kinds(free, rows).items():
            value = f"c{sources[column]}"
            self._widen(column, kind, rows, f"TRY_CAST({value} AS HUGEINT)" if rows.is_text else value)
        self._shape()
        picked = {self.own_columns[1]: f"{self._next_id} + place", self.file_column: str(file), "filename": text(path)}
        remarks = []
        for column, place in sources.items():
            value, kind, wanted = f"c{place}", rows.kinds[place], self._stored[column]
            picked[column] = converted(value, kind, wanted)
            if wanted == "DOUBLE" and kind != "DOUBLE":
                remarks += self._unfit(column, value, kind, rows)
        names = ", ".join(map(quote, picked))
        query = f"INSERT INTO {self.table} ({names}) SELECT {', '.join(picked.values())} FROM {rows.source}"
        self._connection.execute(query)
        self._next_id += rows.total
        return remarks

    def _columns(self) -> dict[str, str]:
        columns = {self.own_columns[1]: "INTEGER", self.file_column: "INTEGER", **self.special}
        for name, kind in (*self.attributes.items(), *self.keys.items()):
            columns.setdefault(name, kind)
        return columns

    def _load(self, schema: str) -> None:
        query = (
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
            "AND schema_name = ? AND table_name = ? ORDER BY column_index"
        )
        self._stored = dict(self._connection.execute(query, [schema, f"ext_{self.name}"]).fetchall())
        if self._stored:
            query = f"SELECT coalesce(max({quote(self.own_columns[1])}), 0) + 1 FROM {self.table}"
            found = self._connection.execute(query).fetchone()
            self._next_id = int(found[0]) if found else 1

    def _kinds(self, columns: Mapping[str, int], rows: Rows) -> dict[str, str | None]:
        """The types of columns of the file; ``None`` if there is no value."""
        if not columns:
            return {}
        wanted = []
        for place in columns.values():
            source = f"c{place}"
            wanted.append(f"count({source})")
            if rows.is_text:
                value = f"trim({source})"
                wanted += [
                    f"count(*) FILTER (regexp_full_match({value}, {text(_INTEGER)}))",
                    f"count(*) FILTER (regexp_full_match({value}, {text(_FLOAT)}) OR {_is_not_finite(value)})",
                    f"count(*) FILTER (lower({value}) IN ('true', 'false'))",
                ]
        counts = list(self._connection.execute(f"SELECT {', '.join(wanted)} FROM {rows.source}").fetchall()[0])
        found: dict[str, str | None] = {}
        for column, place in columns.items():
            total = counts.pop(0)
            kind = rows.kinds[place]
            if rows.is_text:
                fitting = dict(zip(("BIGINT", "DOUBLE", "BOOLEAN"), (counts.pop(0) for _ in range(3)), strict=True))
                kind = next((name for name, count in fitting.items() if count == total), "VARCHAR")
            found[column] = kind if total else None
        return found

    def _widen(self, column: str, kind: str | None, rows: Rows, integers: str) -> None:
        """Let an attribute take values of a type, too, without the loss of a digit.

        ``integers`` is an expression for the file's values, should they be integers.
        """
        current = self.attributes.get(column)
        if current is None or kind is None or current == kind:
            self.attributes[column] = current or kind or "VARCHAR"
            return
        if not self._count(f"count({quote(column)})", self.table):
            self.attributes[column] = kind
            return
        pair = {current, kind}
        if pair == {"BIGINT", "HUGEINT"}:
            self.attributes[column] = "HUGEINT"
        elif "DOUBLE" in pair and pair <= {"BIGINT", "HUGEINT", "DOUBLE"}:
            table = rows.source
            if current != "DOUBLE":
                integers, table = quote(column), self.table
            large = self._count("count(*)", table, f"{integers} NOT BETWEEN -{EXACT} AND {EXACT}")
            self.attributes[column] = "VARCHAR" if large else "DOUBLE"
        else:
            self.attributes[column] = "VARCHAR"

    def _count(self, counted: str, table: str, condition: str = "true") -> int:
        found = self._connection.execute(f"SELECT {counted} FROM {table} WHERE {condition}").fetchone()
        return int(found[0]) if found else 0

    def _unfit(self, column: str, source: str, kind: str, rows: Rows) -> list[str]:
        """A remark on values that became NULL although they are there."""
        value = f"CAST({source} AS VARCHAR)"
        condition = f"{converted(source, kind, 'DOUBLE')} IS NULL AND lower(trim({value})) NOT IN {_MISSING}"
        query = f"SELECT count(*), min_by({value}, place), min(place) FROM {rows.source} WHERE {condition}"
        count, example, row = self._connection.execute(query).fetchall()[0]
        if not count:
            return []
        shown = example if len(example) <= 40 else example[:39] + "…"
        more = f", and {count - 1:,} more values" if count > 1 else ""
        remark = (
            f"numbers were expected in the column {column}, got {shown!r} in row {row + 1:,}{more}; they are NULL: "
            "declare the attribute as TEXT to keep them"
        )
        return [remark]

    def _converted(self, name: str, kind: str) -> str:
        old = self._stored.get(name)
        return f"CAST(NULL AS {kind})" if old is None else converted(quote(name), old, kind)


def own_columns(name: str) -> tuple[str, str, str]:
    """The columns that a set's view has for an extractor of this name, beside those of its attributes."""
    return f"{name}_file_id", f"{name}_id", f"{name}_filename"


def converted(source: str, kind: str, wanted: str) -> str:
    """An expression for values of type ``kind`` as type ``wanted``; what does not fit is NULL, and nothing fails."""
    if kind == wanted:
        return source
    if wanted == "VARCHAR":
        return float_as_text(source) if kind == "DOUBLE" else f"CAST({source} AS VARCHAR)"
    if wanted == "JSON":
        return f"to_json({source})"
    if wanted in NUMERIC and (kind in NUMERIC or kind.startswith("DECIMAL")):
        return f"TRY_CAST({source} AS {wanted})"
    value = f"trim(CAST({source} AS VARCHAR))"
    if wanted != "DOUBLE":
        return f"TRY_CAST({value} AS {wanted})"
    is_number = f"regexp_full_match({value}, {text(_NUMBER)}) OR {_is_not_finite(value)}"
    return (
        f"CASE WHEN lower({value}) = 'true' THEN 1 WHEN lower({value}) = 'false' THEN 0 "
        f"WHEN {is_number} THEN TRY_CAST({value} AS DOUBLE) END"
    )


def view_of(
    table: str,
    columns: Iterable[str],
    extractors: Mapping[str, ExtractorTable],
    joins: list[Join],
    shown: Mapping[str, str],
) -> str:
    """The query of the view of a set that has extractors.

    Args:
        table: The set's table.
        columns: Its columns before the attributes: ``id`` and those of tasks.
        extractors: Its extractors by tag.
        joins: Which of them belong together.
        shown: The attributes in order, each with the tag of its extractor, or an empty text.
    """
    order = _outer_first(list(extractors), joins)
    alias = {tag: f"e{place}" for place, tag in enumerate(order)}
    picked = [f"s.{quote(column)}" for column in columns]
    for tag, extractor in extractors.items():
        file, number, filename = extractor.own_columns
        picked += [f"s.{quote(file)}", f"{alias[tag]}.{quote(number)}", f"{alias[tag]}.filename AS {quote(filename)}"]
    picked += [f"{alias.get(tag, 's')}.{quote(column)}" for column, tag in shown.items()]
    source = f"{table} AS s"
    for place, tag in enumerate(order):
        extractor = extractors[tag]
        conditions = [f"{alias[tag]}.{quote(extractor.file_column)} = s.{quote(extractor.file_column)}"]
        for join in joins:
            if tag in (join.outer, join.inner) and {join.outer, join.inner} <= set(order[: place + 1]):
                other = join.outer if tag == join.inner else join.inner
                conditions += [_equal(alias, extractors, tag, other, key) for key in join.keys]
        source += f" LEFT JOIN {extractor.table} AS {alias[tag]} ON {' AND '.join(conditions)}"
    return f"SELECT {', '.join(picked)} FROM {source}"


def _equal(alias: Mapping[str, str], extractors: Mapping[str, ExtractorTable], one: str, other: str, key: str) -> str:
    kinds = [extractors[tag].stored_types[key] for tag in (one, other)]
    sides = [f"{alias[tag]}.{quote(key)}" for tag in (one, other)]
    if kinds[0] != kinds[1] and "VARCHAR" in kinds:
        # Text that is no number equals none; compared as they are, the engine would refuse it.
        wanted = kinds[1 - kinds.index("VARCHAR")]
        sides = [converted(side, kind, wanted) for side, kind in zip(sides, kinds, strict=True)]
    return f"{sides[0]} = {sides[1]}"


def _outer_first(tags: list[str], joins: list[Join]) -> list[str]:
    """An order in which an outer extractor comes before those that are joined to it, as far as there is one."""
    order: list[str] = []
    waiting = list(tags)
    while waiting:
        blocked = {join.inner for join in joins if join.outer in waiting and join.outer != join.inner}
        chosen = next((tag for tag in waiting if tag not in blocked), waiting[0])
        waiting.remove(chosen)
        order.append(chosen)
    return order


def _is_not_finite(value: str) -> str:
    return f"regexp_full_match(lower({value}), {text(_NOT_FINITE)})"
