"""Answers: a table in memory, given out as rows, Arrow, pandas or Polars."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dlprov.errors import UsageError
from dlprov.query.plain import plain
from dlprov.store.columns import float_as_text
from dlprov.store.engine import new_engine
from dlprov.store.names import quote, text

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

TABLE = "temp.main.result"
"""The table that holds the answer. It is temporary: no other connection of the engine sees it."""

_FETCHED = 10_000
"""Rows that are turned into Python objects, or from them, at a time."""


class Result:
    """The answer to a question. It holds no lock and no file; it may be read again and in any form.

    Times are UTC, without a time zone. One thread at a time.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str = "") -> None:
        self._connection = connection
        self.sql = sql
        described = connection.execute(f"DESCRIBE {TABLE}").fetchall()
        self.columns: list[str] = [row[0] for row in described]
        """Names of the columns, in order."""
        self.types: list[str] = [row[1] for row in described]
        """Their SQL types."""

    def __len__(self) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone()
        return int(found[0]) if found else 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows())

    def __repr__(self) -> str:
        return f"<Result of {len(self)} rows: {', '.join(self.columns)}>"

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as tuples."""
        return self._connection.execute(f"FROM {TABLE}").fetchall()

    def slice(self, first: int, count: int) -> list[tuple[Any, ...]]:
        """The rows from number ``first`` on, which counts from 0: at most ``count``."""
        if "rowid" in map(str.lower, self.columns):  # then the name is that column's
            query = f"FROM {TABLE} LIMIT {count} OFFSET {first}"
        else:
            query = f"SELECT * FROM {TABLE} WHERE rowid >= {first} AND rowid < {first + count} ORDER BY rowid"
        return self._connection.execute(query).fetchall()

    def widths(self) -> list[int]:
        """The length of the longest text of each column, in characters; 0 for none but NULL."""
        longest = ", ".join(f"coalesce(max(length(CAST({quote(name)} AS VARCHAR))), 0)" for name in self.columns)
        found = self._connection.execute(f"SELECT {longest} FROM {TABLE}").fetchone()
        return [int(width) for width in found or ()]

    def dicts(self) -> list[dict[str, Any]]:
        """The rows as dicts by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows()]

    def arrow(self) -> pa.Table:
        """A pyarrow Table.

        Raises:
            UsageError: pyarrow is not installed.
        """
        _need("pyarrow", "arrow")
        return self._connection.sql(f"FROM {TABLE}").to_arrow_table()

    def df(self) -> pd.DataFrame:
        """A pandas DataFrame.

        Raises:
            UsageError: pandas is not installed.
        """
        _need("pandas", "pandas")
        return self._connection.sql(f"FROM {TABLE}").df()

    def pl(self) -> pl.DataFrame:
        """A Polars DataFrame.

        Raises:
            UsageError: polars or pyarrow is not installed.
        """
        _need("polars", "polars")
        _need("pyarrow", "arrow")
        return self._connection.sql(f"FROM {TABLE}").pl()

    def plain(self) -> Iterator[dict[str, Any]]:
        """The rows as dicts of JSON's types by column; see :func:`dlprov.query.plain.plain`."""
        for row in self.plain_rows():
            yield dict(zip(self.columns, row, strict=True))

    def plain_rows(self) -> Iterator[list[Any]]:
        """The rows as lists of JSON's types."""
        is_json = [kind == "JSON" for kind in self.types]
        cursor = self._connection.execute(f"FROM {TABLE}")
        while rows := cursor.fetchmany(_FETCHED):
            for row in rows:
                yield [
                    json.loads(value) if parsed and value is not None else plain(value)
                    for value, parsed in zip(row, is_json, strict=True)
                ]

    def write(self, path: str, format: str) -> None:
        """Write the answer to a file.

        Args:
            path: The file; it is replaced.
            format: ``csv`` (NULL is empty, an empty text is ``""``), ``json`` (a list of objects, one a line, with the
                values of :meth:`plain`) or ``parquet``.

        Raises:
            UsageError: ``format`` is another one, or the file cannot be written.
        """
        if format not in {"csv", "json", "parquet"}:
            raise UsageError(f"a result is written as csv, json or parquet, got {format!r}")
        try:
            if format == "json":
                self._write_json(Path(path))
            else:
                options = "FORMAT csv, HEADER" if format == "csv" else "FORMAT parquet"
                source = self._as_text() if format == "csv" else f"FROM {TABLE}"
                self._connection.execute(f"COPY ({source}) TO {text(path)} ({options})")
        except (OSError, duckdb.IOException) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise UsageError(
                f"a file that can be written was expected, got {path} ({reason}): name another one"
            ) from None

    def _write_json(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            separator = "[\n"
            for row in self.plain():
                file.write(separator + json.dumps(row, ensure_ascii=False, allow_nan=False))
                separator = ",\n"
            file.write("[]\n" if separator == "[\n" else "\n]\n")

    def text_rows(self, null: str) -> Iterator[tuple[str, ...]]:
        """The rows as texts, as CSV has them, with ``null`` for NULL."""
        picked = []
        for name, kind in zip(self.columns, self.types, strict=True):
            column = quote(name)
            spelled = float_as_text(column) if kind in {"DOUBLE", "FLOAT"} else f"CAST({column} AS VARCHAR)"
            picked.append(f"coalesce({spelled}, {text(null)})")
        cursor = self._connection.execute(f"SELECT {', '.join(picked)} FROM {TABLE}")
        while rows := cursor.fetchmany(_FETCHED):
            yield from rows

    def _as_text(self) -> str:
        """A query that spells non-finite numbers as the rest of dlprov does; the engine writes ``nan`` and ``inf``."""
        picked = []
        for name, kind in zip(self.columns, self.types, strict=True):
            column = quote(name)
            if kind in {"DOUBLE", "FLOAT"}:
                column = f"{float_as_text(column)} AS {column}"
            picked.append(column)
        return f"SELECT {', '.join(picked)} FROM {TABLE}"

    def cut(self, rows: int) -> bool:
        """Keep the first rows; says whether there were more."""
        if len(self) <= rows:
            return False
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS FROM {TABLE} LIMIT {rows}")
        return True

    def pack(self, path: Path) -> None:
        """Put the answer into a database file, from which :meth:`unpack` takes it as it is, to the last bit.

        Raises:
            duckdb.Error: The file cannot be written.
        """
        # Hidden: a connection that lists what is attached would hold the file open.
        name = quote(path.name)
        self._connection.execute(f"ATTACH {text(str(path))} AS {name} (BLOCK_SIZE 16384, HIDDEN)")
        try:
            self._connection.execute(f"CREATE TABLE {name}.answer AS FROM {TABLE}")
            # Until then a part of it may be in a second file.
            self._connection.execute(f"CHECKPOINT {name}")
        finally:
            self._connection.execute(f"DETACH {name}")

    @classmethod
    def unpack(cls, path: Path, sql: str) -> Result:
        """The answer that :meth:`pack` put into a file, which is not needed afterwards."""
        connection = new_engine()
        connection.execute(f"ATTACH {text(str(path))} AS packed (READ_ONLY)")
        connection.execute(f"CREATE TEMP TABLE {TABLE} AS FROM packed.answer")
        connection.execute("DETACH packed")
        return cls(connection, sql)

    @classmethod
    def of_rows(cls, columns: dict[str, str], rows: Sequence[Sequence[Any]], sql: str = "") -> Result:
        """A result from rows at hand; ``columns`` maps names to SQL types. Values of ``JSON`` are texts."""
        connection = new_engine()
        declared = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TEMP TABLE {TABLE} ({declared})")
        # As lists: a statement for each row would take a hundred times as long.
        picked = ", ".join(f"unnest(?::{'VARCHAR' if kind == 'JSON' else kind}[])" for kind in columns.values())
        for first in range(0, len(rows), _FETCHED):
            values = [list(column) for column in zip(*rows[first : first + _FETCHED], strict=True)]
            connection.execute(f"INSERT INTO {TABLE} SELECT {picked}", values)
        return cls(connection, sql)


def _need(package: str, extra: str) -> None:
    try:
        __import__(package)
    except ImportError:
        raise UsageError(f"this needs {package}, which is not installed: pip install 'dlprov[{extra}]'") from None
