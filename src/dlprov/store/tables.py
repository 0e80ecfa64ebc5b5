"""New and changed rows of the index's tables, held until a batch is written."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec

from dlprov.store.names import quote, text

Row = dict[str, Any]

LARGEST_WANTED = 2**30
"""A row gets no larger number for the asking: those behind it, which the next rows get, must fit their column."""

_TEMPLATE_TYPES = {"TIMESTAMP": "BIGINT", "JSON": "VARCHAR", "HUGEINT": "VARCHAR"}
"""Types that are handed over as another type and cast: times as microseconds, the others as text."""


class Rows:
    """Rows of one table that wait to be inserted.

    They go over as one JSON text, which the engine takes apart: about a microsecond a value, against half a
    millisecond a row with ``executemany``, and without NumPy or Arrow.
    """

    def __init__(self, table: str, columns: dict[str, str]) -> None:
        self.table = table
        self.columns = columns
        self.waiting: list[Row] = []

    def add(self, row: Row) -> None:
        """Insert ``row`` at the next flush. Columns that it lacks are NULL."""
        self.waiting.append(row)

    def flush(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Insert the waiting rows, in their order."""
        if self.waiting:
            names = ", ".join(map(quote, self.columns))
            query, parameters = from_json(self.waiting, self.columns)
            connection.execute(f"INSERT INTO {self.table} ({names}) {query}", parameters)
            self.waiting = []


def from_json(rows: list[Row], columns: dict[str, str]) -> tuple[str, list[str]]:
    """A query that gives ``rows`` with typed columns, and its parameter."""
    # Positions instead of names: the engine folds JSON keys that differ in case only.
    keys = {name: f"c{index}" for index, name in enumerate(columns)}
    template = {keys[name]: _TEMPLATE_TYPES.get(kind, kind) for name, kind in columns.items()}
    picked = ", ".join(f"{_cast(f'r.{keys[name]}', kind)} AS {quote(name)}" for name, kind in columns.items())
    packed = [{keys[name]: value for name, value in row.items() if value is not None} for row in rows]
    shape = text(msgspec.json.encode([template]).decode())
    query = f"SELECT {picked} FROM (SELECT unnest(from_json(CAST(? AS JSON), {shape})) AS r)"
    return query, [msgspec.json.encode(packed).decode()]


def _cast(expression: str, kind: str) -> str:
    if kind == "TIMESTAMP":
        return f"make_timestamp({expression})"
    return f"CAST({expression} AS {kind})" if kind in _TEMPLATE_TYPES else expression


class Tables:
    """The tables of schema ``public`` during one batch: rows to insert, rows to change, numbers to give out."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._rows: dict[str, Rows] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._columns = _known_columns or _columns(connection)

    def __getitem__(self, table: str) -> Rows:
        rows = self._rows.get(table)
        if rows is None:
            rows = self._rows[table] = Rows(f"public.{table}", self._columns[table])
        return rows

    def insert(self, table: str, /, **row: Any) -> Row:
        """Insert a row at the next flush. The row may be changed until then."""
        self[table].add(row)
        return row

    def number(self, table: str, column: str = "id") -> int:
        """The next number of ``table``, from 1."""
        key = (table, column)
        if key not in self._numbers:
            found = self.connection.execute(f"SELECT coalesce(max({quote(column)}), 0) FROM public.{table}").fetchone()
            self._numbers[key] = int(found[0]) if found else 0
        self._numbers[key] += 1
        return self._numbers[key]

    def claim(self, table: str, wanted: int | None, run_id: str, column: str = "id") -> int:
        """The number ``wanted`` of ``table`` if nothing has it, else the next one; then ``renumbered`` tells."""
        if wanted is None:
            return self.number(table, column)
        number = wanted if self._take(table, wanted, column) else self.number(table, column)
        self.note_number(table, wanted, number, run_id)
        return number

    def renumber(self, table: str, old: int, wanted: int | None, run_id: str, column: str = "id") -> int:
        """Like :meth:`claim` for a row that has the number ``old``, which it keeps if ``wanted`` is not free.

        The caller changes the row, and what refers to it.
        """
        if wanted is None or wanted == old:
            return old
        if not self._take(table, wanted, column):
            self.note_number(table, wanted, old, run_id)
            return old
        if self._numbers[table, column] == old:
            self._numbers[table, column] -= 1  # it is free again
        return wanted

    def note_number(self, table: str, wanted: int | None, number: int, run_id: str, *, again: bool = False) -> None:
        """Note in ``renumbered`` that a row has another number here than in the database it comes from.

        ``again``: it may have been noted before.
        """
        if wanted is None or wanted == number:
            return
        row: Row = {"run_id": run_id, "table": table, "number": wanted, "id": number}
        if again:
            condition = 'run_id = ? AND "table" = ? AND number = ? AND id = ?'
            if row in self["renumbered"].waiting or self.load("renumbered", condition, list(row.values())):
                return
        self["renumbered"].add(row)

    def _take(self, table: str, wanted: int, column: str) -> bool:
        """Give out the number ``wanted``, if nothing has it."""
        following = self.number(table, column)
        key = (table, column)
        self._numbers[key] = following - 1
        if wanted >= following:
            if wanted > LARGEST_WANTED:
                return False
            self._numbers[key] = wanted
            return True
        waiting = any(row.get(column) == wanted for row in self[table].waiting)
        query = f"SELECT 1 FROM public.{table} WHERE {quote(column)} = ?"
        return not waiting and self.connection.execute(query, [wanted]).fetchone() is None

    def flush(self) -> None:
        """Insert all waiting rows."""
        for rows in self._rows.values():
            rows.flush(self.connection)

    def update(self, table: str, key: str, changes: dict[Any, Row]) -> None:
        """Change rows that are in the table: ``changes`` maps values of column ``key`` to whole new rows."""
        if not changes:
            return
        columns = self._columns[table]
        query, parameters = from_json([{**row, key: value} for value, row in changes.items()], columns)
        assignments = ", ".join(f"{quote(name)} = new.{quote(name)}" for name in columns if name != key)
        condition = f"old.{quote(key)} = new.{quote(key)}"
        self.connection.execute(
            f"UPDATE public.{table} AS old SET {assignments} FROM ({query}) AS new WHERE {condition}", parameters
        )

    def load(self, table: str, condition: str, parameters: list[Any]) -> list[Row]:
        """Rows of a table as they would be inserted: times as microseconds, columns that are NULL left out."""
        columns = self._columns[table]
        picked = ", ".join(
            f"epoch_us({quote(name)})" if kind == "TIMESTAMP" else quote(name) for name, kind in columns.items()
        )
        found = self.connection.execute(f"SELECT {picked} FROM public.{table} WHERE {condition}", parameters)
        return [
            {name: value for name, value in zip(columns, row, strict=True) if value is not None}
            for row in found.fetchall()
        ]


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = {}
    query = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name = 'public' AND database_name = current_database() ORDER BY table_name, column_index"
    )
    for table, column, kind in connection.execute(query).fetchall():
        tables.setdefault(table, {})[column] = kind
    # Every index of this version has the same tables, and asking for them takes longer than indexing a line.
    _known_columns.update(tables)
    return tables


_known_columns: dict[str, dict[str, str]] = {}
