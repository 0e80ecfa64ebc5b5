"""Answers: a table in memory, given out as rows, Arrow, pandas or Polars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dlprov.errors import UsageError
from dlprov.query.plain import plain
from dlprov.store.columns import float_as_text
from dlprov.store.names import quote, text

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

TABLE = "memory.main.result"
"""The table that holds the answer, in the memory of its connection."""

_FETCHED = 10_000
"""Rows that are turned into Python objects at a time."""


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
        is_json = [kind == "JSON" for kind in self.types]
        cursor = self._connection.execute(f"FROM {TABLE}")
        while rows := cursor.fetchmany(_FETCHED):
            for row in rows:
                yield {
                    name: json.loads(value) if parsed and value is not None else plain(value)
                    for name, value, parsed in zip(self.columns, row, is_json, strict=True)
                }

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

    def _as_text(self) -> str:
        """A query that spells non-finite numbers as the rest of dlprov does; the engine writes ``nan`` and ``inf``."""
        picked = []
        for name, kind in zip(self.columns, self.types, strict=True):
            column = quote(name)
            if kind in {"DOUBLE", "FLOAT"}:
                column = f"{float_as_text(column)} AS {column}"
            picked.append(column)
        return f"SELECT {', '.join(picked)} FROM {TABLE}"

    @classmethod
    def of_rows(cls, columns: dict[str, str], rows: list[tuple[Any, ...]], sql: str = "") -> Result:
        """A result from rows at hand; ``columns`` maps names to SQL types."""
        connection = duckdb.connect(":memory:")
        declared = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE {TABLE} ({declared})")
        if rows:
            connection.executemany(f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(columns))})", rows)
        return cls(connection, sql)


def _need(package: str, extra: str) -> None:
    try:
        __import__(package)
    except ImportError:
        raise UsageError(f"this needs {package}, which is not installed: pip install 'dlprov[{extra}]'") from None
