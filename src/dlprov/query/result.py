"""Answers: a table in memory, given out as rows, Arrow, pandas or Polars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb

from dlprov.errors import UsageError
from dlprov.store.names import quote

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

TABLE = "memory.main.result"
"""The table that holds the answer, in the memory of its connection."""


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

    def write(self, path: str, format: str) -> None:
        """Write the answer to a file: ``csv``, ``json`` (a list of objects) or ``parquet``."""
        options = {"csv": "FORMAT csv, HEADER", "json": "FORMAT json, ARRAY true", "parquet": "FORMAT parquet"}
        if format not in options:
            raise UsageError(f"a result is written as csv, json or parquet, got {format!r}")
        target = path.replace("'", "''")
        self._connection.execute(f"COPY {TABLE} TO '{target}' ({options[format]})")

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
