"""A session of questions: statements against one store, with a current schema, read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from dlprov.errors import NotFoundError, QueryError
from dlprov.query import statements
from dlprov.query.interruption import execute
from dlprov.query.result import TABLE, Result
from dlprov.store import Index
from dlprov.store.names import RESERVED_SCHEMAS, fold, quote, schema_for, text

Parameters = Sequence[Any] | Mapping[str, Any] | None

_ANSWERS = frozenset({"SELECT", "MULTI", "EXPLAIN", "PRAGMA", "RELATION"})
"""Kinds of statements that are questions; ``MULTI`` is a PIVOT, which first asks for its columns.

All others would change something, and the index is a view of the logs."""


class Session:
    """Asks one store. Each statement sees everything that was recorded when it began.

    The index is held only while a statement runs; answers are complete and in memory. One thread at a time.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self.schema = "public"

    def ask(self, sql: str, parameters: Parameters = None) -> Result:
        """The answer to the last statement of ``sql``.

        Args:
            sql: One or more statements, separated by semicolons. ``SET SCHEMA "tag"`` changes the current schema
                for those that follow, in this call and later ones.
            parameters: Values for ``?`` or ``$name`` in a single statement.

        Raises:
            QueryError: The engine refuses a statement; its reason is in the message.
            NotFoundError: ``SET SCHEMA`` names a schema that the store does not have.
            StoreError: The index cannot be read.
        """
        parts = statements.split(sql)
        if not parts:
            raise QueryError("a question was expected, got an empty text: try SELECT * FROM run")
        if parameters is not None and len(parts) > 1:
            raise QueryError(f"parameters go with one statement, got {len(parts)}: ask them one by one")
        *first, last = parts
        for part in first:
            self._one(part, None)
        return self._one(last, parameters)

    def _one(self, statement: str, parameters: Parameters) -> Result:
        change = statements.set_schema(statement)
        return self.use(change.schema) if change else self._answer(statement, parameters)

    def use(self, schema: str) -> Result:
        """Make a dataflow's schema (or ``public``) the current one."""
        wanted = fold(schema)
        with self.index.reading() as connection:
            query = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'store' AND NOT internal"
            known = {row[0] for row in connection.execute(query).fetchall()}
        if wanted != "public" and wanted in RESERVED_SCHEMAS:
            wanted = schema_for(wanted)
        if wanted not in known:
            shown = ", ".join(sorted(name for name in known if name != "main")) or "none"
            raise NotFoundError(f"there is no dataflow {schema!r} in this store; there are: {shown}")
        self.schema = wanted
        return Result.of_rows({"schema": "VARCHAR"}, [(wanted,)])

    def _answer(self, statement: str, parameters: Parameters) -> Result:
        with self.index.reading() as connection:
            try:
                self._prepare(connection)
                self._run(connection, statement, parameters)
                return Result(connection, statement)
            except duckdb.Error as error:
                raise QueryError(_explained(error, self.schema)) from None

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        path = ["store.public"] if self.schema == "public" else [f"store.{quote(self.schema)}", "store.public"]
        connection.execute(f"SET search_path = {text(','.join(path))}")

    def _run(self, connection: duckdb.DuckDBPyConnection, statement: str, parameters: Parameters) -> None:
        parsed = connection.extract_statements(statement)
        kind = parsed[0].type.name if parsed else ""
        if kind not in _ANSWERS:
            raise QueryError(
                f"a question was expected, got a {kind.lower() or 'empty'} statement: the tables are made from the "
                "run logs and cannot be changed; export an answer to work on it"
            )
        source = f"({statement}\n)"
        if kind == "MULTI":
            self._keep(connection, f"FROM {source}", parameters)
        elif kind == "SELECT":
            try:
                self._keep(connection, f"FROM {source}", parameters)
            except duckdb.ParserException:
                # DESCRIBE, SUMMARIZE and SHOW parse as questions, but some of their forms not inside of others.
                self._fetch(connection, statement, parameters)
            except (duckdb.CatalogException, duckdb.BinderException):
                # Asked as it was typed, the engine points into the text that was typed.
                connection.execute(statement, parameters)
                raise
        else:
            self._fetch(connection, statement, parameters)

    @staticmethod
    def _keep(connection: duckdb.DuckDBPyConnection, source: str, parameters: Parameters) -> None:
        execute(connection, f"CREATE OR REPLACE TABLE {TABLE} AS {source}", parameters)
        described = connection.execute(f"DESCRIBE {TABLE}").fetchall()
        zoned = [row[0] for row in described if row[1] == "TIMESTAMP WITH TIME ZONE"]
        for column in zoned:
            # Fetching this type needs a package that neither the engine nor pandas brings.
            connection.execute(f"ALTER TABLE {TABLE} ALTER {quote(column)} TYPE TIMESTAMP")

    @staticmethod
    def _fetch(connection: duckdb.DuckDBPyConnection, statement: str, parameters: Parameters) -> None:
        cursor = connection.execute(statement, parameters)
        names = [column[0] for column in cursor.description or ()] or ["ok"]
        rows = cursor.fetchall()
        connection.execute(f"CREATE OR REPLACE TABLE {TABLE} ({', '.join(f'{quote(name)} VARCHAR' for name in names)})")
        if rows:
            connection.executemany(f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(names))})", rows)


def _explained(error: duckdb.Error, schema: str) -> str:
    message = str(error)
    if isinstance(error, duckdb.CatalogException) and "does not exist" in message:
        message += (
            f'\nThe current schema is {quote(schema)}. \\d in dlprov shell lists tables; SET SCHEMA "tag" changes it.'
        )
    return message
