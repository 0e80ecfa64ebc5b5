"""HTTP connections with limits: a client that sends or reads too slowly, or sends without end, loses its connection.

uvicorn limits how long a connection may be idle between two requests, but neither how long the head of a request nor
how long its body may take to come.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dlprov.service.errors import body_of


@dataclass(frozen=True)
class Limits:
    """What a connection may take; times in seconds.

    Attributes:
        connections: How many there may be at a time.
        head: How long the head of a request may take to come.
        body: How long a body may take, beside what its size at ``rate`` (bytes a second) takes.
        rate: See ``body``.
        idle: How long a connection may wait for its next request.
        reading: How long a client may leave an answer unread.
        linger: How long a client that was refused may go on sending, and read why.
        discarded: How many bytes of a body are read that is refused anyway: who sends it reads the answer afterwards.
    """

    connections: int = 1000
    head: float = 20.0
    body: float = 30.0
    rate: int = 32 * 1024
    idle: float = 75.0
    reading: float = 60.0
    linger: float = 2.0
    discarded: int = 1 << 30


class Connection(H11Protocol):
    """One connection. :func:`limited` makes the class that knows its limits."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._begun = 0.0
        """When the request began that is coming in; 0 while none is."""
        self._received = 0
        self._is_refused = False
        self._watch: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > 2 * self.limits.connections:
            self.transport.abort()
            return
        if len(self.connections) > self.limits.connections:
            self._refuse(503, f"at most {self.limits.connections} connections at a time were expected: try again later")
            return
        self._begun = self.loop.time()
        self._watch = self.loop.call_later(self.limits.head, self._look)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request have come."""
        if self._is_refused:
            return
        self._received += len(data)
        super().data_received(data)
        self._track()
        if self._received > self.limits.discarded:
            self.transport.close()

    def on_response_complete(self) -> None:
        """An answer is written; the next request may have begun to come before."""
        super().on_response_complete()
        self._track()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or was left."""
        for timer in (self._watch, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read its answer."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.reading, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are replaced
        """Answer what is no HTTP."""
        self._refuse(400, "a request in HTTP/1.1 with a Host header and a head of at most 64 kB was expected")

    def _track(self) -> None:
        """Take note of whether a request is coming in of which a part is missing."""
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            self._begun = self._begun or self.loop.time()
            self._watch = self._watch or self.loop.call_later(self.limits.head, self._look)
        else:
            self._begun, self._received = 0.0, 0

    def _look(self) -> None:
        """Whether the request that is coming in is late. Looked at now and then, since most are not."""
        self._watch = None
        if not self._begun or self.transport.is_closing():
            return
        in_head = self.conn.their_state is h11.IDLE
        allowed = self.limits.head if in_head else self.limits.body + self._received / self.limits.rate
        rest = self._begun + allowed - self.loop.time()
        if rest > 0:
            self._watch = self.loop.call_later(rest, self._look)
        elif in_head:
            self._refuse(408, f"the head of a request was expected within {self.limits.head:g} s, got a part of it")
        else:
            self._refuse(408, f"the rest of the body was expected by now, got {self._received:,} bytes")

    def _refuse(self, status: int, message: str) -> None:
        """Answer by ourselves, unless an answer has begun, and leave."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = body_of(status, message, "")
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
                f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            self._is_refused = True
            self.transport.write(head.encode() + body)
            if self.transport.can_write_eof():
                # Closed at once, with something unread, the connection would be reset, and the answer lost.
                self.transport.write_eof()
                self.flow.resume_reading()
                self._unread = self.loop.call_later(self.limits.linger, self.transport.abort)
                return
        self.transport.close()


def limited(limits: Limits) -> type[Connection]:
    """The class of connections with these limits; uvicorn makes them by itself."""
    return cast("type[Connection]", type("LimitedConnection", (Connection,), {"limits": limits}))
