"""What dlprov's own readers on this machine ask while the service keeps the index; :mod:`dlprov.query.remote` asks it.

Only the owner of the store can: the key is in a file that nobody else can read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import IO, Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dlprov.errors import DlprovError, StoreError
from dlprov.query import Session, parameters
from dlprov.query.remote import Line, error_line
from dlprov.service.asking import Desk
from dlprov.service.errors import ClientGoneError, RefusedError

LIFE_SECONDS = 1.0
"""How often the service says that it is there, while it works on an answer."""

_PIECE = 1 << 18

_log = logging.getLogger("dlprov.service")

Answer = tuple[Line, IO[bytes] | None]
Tell = Callable[[int, int], None]


class Question(msgspec.Struct):
    """A statement with its parameters, and the schema in which its names are looked up."""

    sql: str = ""
    parameters: Any = None
    schema: str = "public"


def routes(desk: Desk) -> list[Route]:
    """The routes for readers on this machine."""

    def refresh(_question: Question, session: Session, tell: Tell) -> Answer:
        return Line("done", done=session.refresh(tell)), None

    def rebuild(_question: Question, session: Session, tell: Tell) -> Answer:
        return Line("done", done=session.rebuild(tell)), None

    def ask(question: Question, session: Session, _tell: Tell) -> Answer:
        session.schema = question.schema
        result = session.ask(question.sql, parameters.decode(question.parameters))
        with desk.service.index.scratch_file() as path:
            result.pack(path)
            # Open, it outlives its name.
            file = path.open("rb")
        return Line("answer", size=file.seek(0, 2)), file

    works = {"/local/ask": ask, "/local/refresh": refresh, "/local/rebuild": rebuild}
    return [Route(path, _Local(desk, work), methods=["POST"]) for path, work in works.items()]


class _Local:
    """An ASGI application that answers one kind of requests line by line."""

    def __init__(self, desk: Desk, work: Callable[[Question, Session, Tell], Answer]) -> None:
        self._desk = desk
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if not self._desk.is_owner(request):
            raise RefusedError(403, "the key of the store's owner was expected: dlprov query on this machine has it")
        try:
            question = msgspec.json.decode(await request.body(), type=Question)
        except msgspec.MsgspecError as error:
            raise RefusedError(400, f"a question of dlprov itself was expected, got another body: {error}") from None
        await send({
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/octet-stream")],
        })  # fmt: skip
        progress: list[tuple[int, int]] = []

        async def tell() -> None:
            line = Line("working")
            if progress:
                line = Line("progress", done=progress[-1][0], total=progress[-1][1])
                progress.clear()
            await _send_line(send, line)

        def work(session: Session) -> Answer:
            return self._work(question, session, lambda done, total: progress.append((done, total)))

        line, file = Line(""), None
        try:
            line, file = await self._desk.watch(receive, work, LIFE_SECONDS, tell)
        except ClientGoneError:
            return
        except DlprovError as error:
            line = error_line(error)
        except Exception:  # noqa: BLE001 - the client has to hear of it, whatever it is
            _log.exception("a fault of the service in a question of its owner")
            line = error_line(StoreError("the service could not answer: its log has the details"))
        await _send_line(send, line)
        if file is not None:
            with file:
                file.seek(0)
                while piece := file.read(_PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _send_line(send: Send, line: Line) -> None:
    await send({"type": "http.response.body", "body": msgspec.json.encode(line) + b"\n", "more_body": True})
