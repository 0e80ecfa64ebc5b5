"""A session of questions: statements against one store, with a current schema, read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import duckdb

from dlprov.errors import NotFoundError, QueryError
from dlprov.query import foreign, statements
from dlprov.query.foreign import FilesError
from dlprov.query.interruption import execute
from dlprov.query.keeper import Reading, reach
from dlprov.query.refusals import is_change, refusal
from dlprov.query.result import TABLE, Result
from dlprov.store import Index
from dlprov.store.names import RESERVED_SCHEMAS, fold, quote, schema_for, text
from dlprov.store.ownership import OwnedIndex

T = TypeVar("T")

Parameters = Sequence[Any] | Mapping[str, Any] | None

_ANSWERS = frozenset({"SELECT", "MULTI", "EXPLAIN", "PRAGMA", "RELATION"})
"""Kinds of statements that are questions; ``MULTI`` is a PIVOT, which first asks for its columns.

All others would change something, and the index is a view of the logs."""

_CHANGES = ("transaction is launched in read-only mode", "attached in read-only mode")
"""What the engine says of a question that has a part which would change something."""


class Session:
    """Asks one store. Each statement sees everything that was recorded when it began.

    The index is held only while a statement runs; answers are complete and in memory. While a service keeps the index,
    it is the one that is asked. One thread at a time, but for :meth:`interrupt`.

    Args:
        index: The index to ask.
        most_rows: Answers are cut to this many rows.
        is_foreign: The SQL comes from somebody who is not the owner of the store, and may do nothing but read its
            tables. For an index that this process keeps.
    """

    def __init__(self, index: Index | OwnedIndex, *, most_rows: int | None = None, is_foreign: bool = False) -> None:
        self.index = index
        self.schema = "public"
        self.most_rows = most_rows
        self._is_foreign = is_foreign
        self._asked: duckdb.DuckDBPyConnection | None = None
        self._held: duckdb.DuckDBPyConnection | None = None
        self._is_stopped = False

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

    def together(self, questions: Callable[[], T]) -> T:
        """What several questions in a row give: what is new is looked for once, and all of them see the same.

        Args:
            questions: Asks this session. It may be called several times.

        Raises:
            StoreError: The index cannot be read.
        """

        def here(reading: Reading) -> T:
            with reading() as connection:
                self._held = connection
                try:
                    return questions()
                finally:
                    self._held = None

        return reach(self.index, lambda _: questions(), here)

    def use(self, schema: str) -> Result:
        """Make a dataflow's schema (or ``public``) the current one."""
        wanted = fold(schema)
        query = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'store' AND NOT internal"
        known = {row[0] for row in self._answer(query, None).rows()}
        if wanted != "public" and wanted in RESERVED_SCHEMAS and (wanted != "sys" or schema_for(wanted) in known):
            wanted = schema_for(wanted)
        if wanted not in known:
            shown = ", ".join(sorted(known - {"main", "sys"})) or "none"
            raise NotFoundError(f"there is no dataflow {schema!r} in this store; there are: {shown}")
        self.schema = wanted
        return Result.of_rows({"schema": "VARCHAR"}, [(wanted,)])

    def refresh(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Bring the index up to date; gives the bytes of log text taken in.

        Args:
            progress: Called with the bytes that are taken in and the bytes that are to be.

        Raises:
            StoreBusyError: Other processes held the index too long.
            OSError, duckdb.Error: The index cannot be written.
        """
        return reach(self.index, lambda remote: remote.refresh(progress), lambda _: self.index.refresh(progress))

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Build the index anew from the run logs; otherwise as :meth:`refresh`."""
        return reach(self.index, lambda remote: remote.rebuild(progress), lambda _: self.index.rebuild(progress))

    def interrupt(self) -> None:
        """Stop the statement that is being answered here, and all that would follow. Any thread."""
        self._is_stopped = True
        asked = self._asked
        if asked is not None:
            asked.interrupt()

    def _one(self, statement: str, parameters: Parameters) -> Result:
        change = statements.set_schema(statement)
        return self.use(change.schema) if change else self._answer(statement, parameters)

    def _answer(self, statement: str, parameters: Parameters) -> Result:
        held = self._held
        if held is not None:
            return self._answer_here(lambda: nullcontext(held.cursor()), statement, parameters)
        return reach(
            self.index,
            lambda remote: self._cut(remote.ask(statement, parameters, self.schema)),
            lambda reading: self._answer_here(reading, statement, parameters),
        )

    def _cut(self, result: Result) -> Result:
        if self.most_rows is not None:
            result.cut(self.most_rows)
        return result

    def _answer_here(self, reading: Reading, statement: str, parameters: Parameters) -> Result:
        with reading() as connection:
            self._asked = connection
            try:
                if self._is_stopped:
                    raise QueryError("the question was stopped: ask it again")
                self._prepare(connection)
                self._run(connection, statement, parameters)
                return Result(connection, statement)
            except duckdb.PermissionException as error:
                raise FilesError(_explained(error, self.schema)) from None
            except duckdb.Error as error:
                raise QueryError(_explained(error, self.schema)) from None
            finally:
                self._asked = None

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        # The engine's own names come before MonetDB's, which are for what the engine does not know.
        path = list(dict.fromkeys([f"store.{quote(self.schema)}", "store.public", "system.main", "store.sys"]))
        connection.execute(f"SET search_path = {text(','.join(path))}")

    def _run(self, connection: duckdb.DuckDBPyConnection, statement: str, parameters: Parameters) -> None:
        if is_change(statement):
            raise QueryError(refusal(statement))
        parsed = connection.extract_statements(statement)
        if len(parsed) > 1:
            raise QueryError(f"one statement was expected, got {len(parsed)}: ask them one by one")
        kind = parsed[0].type.name if parsed else ""
        if kind not in _ANSWERS:
            raise QueryError(refusal(statement, kind.lower()))
        if self._is_foreign:
            foreign.check(connection, kind, statement)
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
                with _unchanging(connection):
                    connection.execute(statement, parameters)
                raise
        else:
            self._fetch(connection, statement, parameters)

    def _keep(self, connection: duckdb.DuckDBPyConnection, source: str, parameters: Parameters) -> None:
        limit = f" LIMIT {self.most_rows}" if self.most_rows is not None else ""
        with _unchanging(connection):
            execute(connection, f"CREATE OR REPLACE TEMP TABLE {TABLE} AS {source}{limit}", parameters)
        described = connection.execute(f"DESCRIBE {TABLE}").fetchall()
        zoned = [row[0] for row in described if row[1] == "TIMESTAMP WITH TIME ZONE"]
        for column in zoned:
            # Fetching this type needs a package that neither the engine nor pandas brings.
            connection.execute(f"ALTER TABLE {TABLE} ALTER {quote(column)} TYPE TIMESTAMP")

    def _fetch(self, connection: duckdb.DuckDBPyConnection, statement: str, parameters: Parameters) -> None:
        with _unchanging(connection):
            cursor = connection.execute(statement, parameters)
            names = [column[0] for column in cursor.description or ()] or ["ok"]
            rows = cursor.fetchall() if self.most_rows is None else cursor.fetchmany(self.most_rows)
        columns = ", ".join(f"{quote(name)} VARCHAR" for name in names)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} ({columns})")
        if rows:
            connection.executemany(f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(names))})", rows)


@contextmanager
def _unchanging(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction in which nothing but temporary tables can be written: a WITH may hold a DELETE."""
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _explained(error: duckdb.Error, schema: str) -> str:
    message = str(error)
    if any(change in message for change in _CHANGES):
        return (
            "a question was expected, got a statement that would change something: the tables are made from the run "
            "logs and cannot be changed; export an answer to work on it"
        )
    said, separator, place = message.partition("\nLINE 1:")
    if separator and f"{TABLE} AS FROM (" in place:
        # The place is in what was made of the statement, and not in what was typed.
        message = said.rstrip()
    if isinstance(error, duckdb.CatalogException) and "does not exist" in message:
        message += (
            f'\nThe current schema is {quote(schema)}. \\d in dlprov shell lists tables; SET SCHEMA "tag" changes it.'
        )
    return message
