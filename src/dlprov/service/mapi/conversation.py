"""What one client says after its login, and what it is answered: statements of SQL, and commands of the protocol."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import TypeVar

from dlprov.errors import DlprovError, QueryError
from dlprov.query import Session, statements
from dlprov.service.asking import Desk
from dlprov.service.errors import ClientGoneError
from dlprov.service.mapi import errors
from dlprov.service.mapi.answers import ROWS, Answer, Kept, pieces
from dlprov.service.mapi.blocks import Blocks
from dlprov.service.mapi.dialect import split
from dlprov.service.mapi.login import Login

MOST_BYTES = 1 << 20
"""The bytes that statements may have which come together."""

MOST_ROWS = 1_000_000
"""The rows that an answer may have. A longer one is an error: a part of an answer would be a wrong one."""

T = TypeVar("T")

_MORE = b"\1\2\n"
"""Asks for the rest of a statement."""

_DONE = b"&3 0 0\n"

_TRANSACTIONS = frozenset({"START", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ABORT"})
_IGNORED = re.compile(
    r"SET\s+(?:LOCAL\s+|SESSION\s+)?(?:TIME\s+ZONE|ROLE|TRANSACTION|CHARACTERISTICS|AUTHORIZATION|USER"
    r"|(?:sys\s*\.\s*)?\"?(?:optimizer|current_timezone|max_workers|max_memory)\b)",
    re.IGNORECASE,
)
"""Settings that mean nothing here: times are UTC, and everybody reads alike."""

_ADVICE = {
    "CALL": "a question was expected, got a call: procedures of MonetDB are not here",
    **dict.fromkeys(
        ("PREPARE", "EXEC", "EXECUTE", "DEALLOCATE"),
        "a question was expected, got a prepared statement: send it with its values, which is what "
        "cursor.execute(sql, parameters) does",
    ),
}


class Conversation:
    """The part of a connection behind the login. One message at a time.

    Args:
        blocks: The connection.
        desk: Where questions are handed in.
        login: Who asks.
        left: Done when the client has gone.
    """

    def __init__(self, blocks: Blocks, desk: Desk, login: Login, left: asyncio.Future[None]) -> None:
        self._blocks = blocks
        self._desk = desk
        self._login = login
        self._left = left
        self._options = login.options
        self._is_in_transaction = False
        self._schema = "public"
        self._kept = Kept()
        self._pending: str | None = None
        self._is_script = False

    async def take(self, message: bytes) -> bool:
        """Answer a message; gives whether there can be another one.

        Raises:
            BlockError: The client does not read its answer.
            ClientGoneError: The client has gone.
        """
        try:
            text = message.decode("utf-8")
        except UnicodeDecodeError:
            await self._refuse(QueryError("a statement in UTF-8 was expected, got other bytes"))
            return True
        if len(message) > MOST_BYTES or len(self._pending or "") + len(text) > MOST_BYTES:
            await self._refuse(QueryError(f"a statement of at most {MOST_BYTES:,} bytes was expected, got more"))
        elif self._pending is not None:
            # An empty message: there is no more, and the engine says what is missing.
            await self._statements(self._pending + (text or "\n;"), is_all=not text)
        elif text[:1] in ("s", "S"):
            self._is_script = text[0] == "S"
            await self._statements(text[1:])
        elif text[:1] == "X":
            await self._command(text[1:].strip())
        elif text:
            await self._refuse(QueryError(f"a message that begins with s, S or X was expected, got {text[0]!r}"))
            return False
        else:
            await self._blocks.send()
        return True

    async def _refuse(self, error: DlprovError) -> None:
        self._pending = None
        await self._blocks.send(errors.line_of(error))

    async def _statements(self, sql: str, *, is_all: bool = False) -> None:
        """Answer the statements that are complete, and ask for the rest of one that is not."""
        found, rest = await asyncio.to_thread(split, sql)
        if is_all and rest:
            # What is open is a text or a comment, which a semicolon does not end.
            found, rest = [*found, rest], ""
        for statement in found:
            try:
                await self._statement(statement)
            except DlprovError as error:
                if self._left.done():
                    raise ClientGoneError("the client left") from error
                await self._blocks.write(errors.line_of(error))
                if not self._is_script:
                    rest = ""
                    break
        self._pending = rest or None
        await self._blocks.send(_MORE if rest else b"")

    async def _statement(self, statement: str) -> None:
        first = statements.first_words(statement, 1)
        change = statements.set_schema(statement)
        if change is not None:
            await self._ask(lambda session: self._use(session, change.schema))
            await self._blocks.write(_DONE)
        elif first in _TRANSACTIONS:
            await self._blocks.write(self._transaction(statement))
        elif _IGNORED.match(statement):
            await self._blocks.write(_DONE)
        elif first in _ADVICE:
            raise QueryError(_ADVICE[first])
        else:
            await self._question(statement)

    def _transaction(self, statement: str) -> bytes:
        """Nothing is changed here, so there is nothing to commit: the client is told what it believes anyway."""
        words = statements.first_words(statement, 2)
        if words in ("START TRANSACTION", "BEGIN", "BEGIN TRANSACTION", "BEGIN WORK"):
            self._is_in_transaction = True
        elif words.startswith(("COMMIT", "ABORT")) or (words.startswith("ROLLBACK") and words != "ROLLBACK TO"):
            self._is_in_transaction = False
        commits = self._options.commits and not self._is_in_transaction
        return b"&4 t\n" if commits else b"&4 f\n"

    def _use(self, session: Session, schema: str) -> None:
        session.use(schema)
        self._schema = session.schema

    async def _question(self, statement: str) -> None:
        reply_size = self._options.reply_size

        def work(session: Session) -> tuple[Answer, int, bytes]:
            began = time.perf_counter_ns()
            session.schema = self._schema
            result = session.ask(statement)
            if session.most_rows is not None and len(result) > MOST_ROWS:
                raise QueryError(
                    f"an answer of at most {MOST_ROWS:,} rows was expected, this one has more: ask for fewer, or with "
                    "dlprov query on the machine of the service"
                )
            answer = Answer(self._kept.number(), result, statement)
            rows = answer.size if reply_size <= 0 else min(reply_size, answer.size)
            took = (time.perf_counter_ns() - began) // 1000
            head = answer.head(rows, took, has_sizes=self._options.has_sizes)
            return answer, rows, head + answer.rows(0, min(rows, ROWS))

        answer, rows, first = await self._ask(work)
        await self._blocks.write(first)
        await self._rows(answer, ROWS, rows - ROWS)
        if rows < answer.size:
            self._kept.keep(answer)

    async def _rows(self, answer: Answer, first: int, count: int) -> None:
        for begin, number in pieces(first, count):
            await self._blocks.write(await asyncio.to_thread(answer.rows, begin, number))

    async def _ask(self, work: Callable[[Session], T]) -> T:
        most_rows = None if self._login.is_owner else MOST_ROWS + 1
        return await self._desk.answer(work, self._left, is_owner=self._login.is_owner, most_rows=most_rows)

    async def _command(self, command: str) -> None:
        name, _, rest = command.partition(" ")
        try:
            numbers = [int(part) for part in rest.split()]
        except ValueError:
            numbers = []
        if name == "export" and 2 <= len(numbers) <= 3:
            await self._export(*numbers)
            return
        if name == "reply_size" and numbers:
            self._options.reply_size = numbers[0]
        elif name == "auto_commit" and numbers:
            self._options.commits = bool(numbers[0])
        elif name == "sizeheader" and numbers:
            self._options.has_sizes = bool(numbers[0])
        elif name == "close" and numbers:
            self._kept.forget(numbers[0])
        elif name not in ("release", "clientinfo"):
            await self._refuse(QueryError(f"a command of MonetDB's text protocol was expected, got {command[:40]!r}"))
            return
        await self._blocks.send()

    async def _export(self, number: int, first: int, count: int | None = None) -> None:
        answer = self._kept.find(number)
        if answer is None or first < 0:
            await self._refuse(QueryError(f"row {first} of answer {number} is not kept: ask the question again"))
            return
        wanted = self._options.reply_size if count is None else count
        left = max(0, answer.size - first)
        rows = left if wanted <= 0 else min(wanted, left)
        await self._blocks.write(answer.block_head(first, rows))
        await self._rows(answer, first, rows)
        await self._blocks.send()
