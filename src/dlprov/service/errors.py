"""What the service answers when it refuses: a status and the error body of DfAnalyzer's server."""

from __future__ import annotations

import errno
import time
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.types import Scope, Send

from dlprov.capture.dfanalyzer import UnknownDataflowError
from dlprov.errors import DlprovError, NotFoundError, QueryError, StoreBusyError, StoreError, UsageError
from dlprov.service.lenient import JSONError

Headers = list[tuple[bytes, bytes]]

LONGEST = 4000
"""Letters of a message. The engine repeats what it does not understand, however long it is."""

_FOR_A_WHILE = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})


class RefusedError(DlprovError):
    """A request that is not carried out: the message says what was expected, what came, what to do."""

    def __init__(self, status: int, message: str, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or []


class ClientGoneError(DlprovError):
    """The client left before its request was complete: nobody waits for an answer."""


def status_of(error: Exception) -> int:
    """The status that an exception is answered with; 500 if it was not raised on purpose."""
    if isinstance(error, RefusedError):
        return error.status
    if isinstance(error, UnknownDataflowError | NotFoundError):
        return 404
    if isinstance(error, UsageError | QueryError | JSONError):
        return 400
    if isinstance(error, StoreBusyError):
        return 503
    if isinstance(error, StoreError):
        # The reason is its context: users are told in words.
        reason = error.__context__
        refused = isinstance(reason, OSError) and reason.errno not in _FOR_A_WHILE
        return 507 if refused else 503
    return 500


def message_of(error: Exception) -> str:
    """What a person is told; nothing of the inside for an exception that was not raised on purpose."""
    if isinstance(error, DlprovError | JSONError):
        message = str(error)
        return message if len(message) <= LONGEST else f"{message[:LONGEST]}…"
    return "a fault of the service itself: its log has the details, and the message was not taken"


def body_of(status: int, message: str, path: str, exception: str = "") -> bytes:
    """DfAnalyzer's error body."""
    body: dict[str, Any] = {"timestamp": time.time_ns() // 1_000_000, "status": status, "error": _phrase(status)}
    if exception:
        body["exception"] = exception
    return msgspec.json.encode(body | {"message": message, "path": path.encode("utf-8", "replace").decode()})


async def refuse(scope: Scope, send: Send, error: Exception) -> None:
    """Answer a request with an exception's status and message."""
    status = status_of(error)
    headers = error.headers if isinstance(error, RefusedError) else []
    body = body_of(status, message_of(error), scope["path"], type(error).__name__ if status != 500 else "")
    await answer(send, status, body, headers=headers)


async def answer(
    send: Send, status: int, body: bytes, kind: bytes = b"application/json", headers: Headers | None = None
) -> None:
    """Answer with a whole body of a media type."""
    first = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": first + (headers or [])})
    await send({"type": "http.response.body", "body": body})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
