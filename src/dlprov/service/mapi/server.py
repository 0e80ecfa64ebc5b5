"""The server for MonetDB's clients: its connections, how many there may be, and how patient it is with them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from dlprov.service.asking import Desk
from dlprov.service.errors import ClientGoneError
from dlprov.service.mapi import errors
from dlprov.service.mapi.blocks import BlockError, Blocks
from dlprov.service.mapi.conversation import MOST_BYTES, Conversation
from dlprov.service.mapi.login import MOST_BYTES as MOST_OF_LOGIN
from dlprov.service.mapi.login import PASSWORD, Login, LoginError, Secret, challenge, check
from dlprov.service.state import Service

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_log = logging.getLogger("dlprov.service")


@dataclass(frozen=True)
class Limits:
    """What a connection may take; times in seconds.

    Attributes:
        connections: How many there may be at a time. One more takes the place of the one that has rested longest.
        rest: How long a connection must have rested to lose its place so.
        login: How long the login may take.
        patience: How long the rest of a message may take to come, and an answer may be left unread.
        failure: How long a client waits that gave a wrong password.
    """

    connections: int = 100
    rest: float = 60.0
    login: float = 20.0
    patience: float = 120.0
    failure: float = 0.5


@dataclass(eq=False)
class _Client:
    """A connection: its task, and since when it waits for the client's next message; ``None`` while it is busy."""

    task: asyncio.Task[None]
    resting_since: float | None = None


class _Protocol(asyncio.StreamReaderProtocol):
    """A connection as two streams, which also tells at once that the client has gone: ``left`` is done then."""

    def __init__(self, serve: Serve, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(asyncio.StreamReader(loop=loop), serve, loop)
        self.left: asyncio.Future[None] = loop.create_future()

    def eof_received(self) -> bool | None:
        self._leave()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if not self.left.done():
            self.left.set_result(None)


class MapiServer:
    """Answers MonetDB's clients. Everything happens on the event loop that ``start`` is called on.

    Args:
        service: The service whose store is asked.
        sockets: Where to listen; they are closed by whoever made them.
        limits: What a connection may take.
        desk: Where questions are handed in, with limits of its own.
    """

    def __init__(
        self, service: Service, sockets: list[socket.socket], limits: Limits | None = None, desk: Desk | None = None
    ) -> None:
        self._service = service
        self._sockets = sockets
        self._limits = limits or Limits()
        self._desk = desk or Desk(service)
        self._servers: list[asyncio.Server] = []
        self._clients: set[_Client] = set()

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            self._servers.append(await loop.create_server(lambda: _Protocol(self._serve, loop), sock=each))

    async def stop(self) -> None:
        """Stop listening, and leave the clients."""
        for server in self._servers:
            server.close()
        tasks = [client.task for client in self._clients]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("asyncio calls this in a task of its own")
        client = _Client(task)
        blocks = Blocks(reader, writer, self._limits.patience)
        try:
            if not self._has_place():
                refusal = f"at most {self._limits.connections} connections at a time were expected: try again later"
                await blocks.send(errors.line("08004!", refusal))
                return
            self._clients.add(client)
            _keep_alive(writer)
            login = await self._login(blocks)
            if login is not None:
                left = cast("_Protocol", writer.transport.get_protocol()).left
                await self._converse(client, blocks, Conversation(blocks, self._desk, login, left))
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        except (BlockError, ClientGoneError, OSError) as error:
            _log.info("a connection of MonetDB's protocol ends: %s", error)
            # What it has not read it will not read.
            writer.transport.abort()
        except Exception:  # noqa: BLE001 - one client's fault is not the others', whatever it is
            _log.exception("a fault of the service in MonetDB's protocol")
        finally:
            self._clients.discard(client)
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._limits.patience):
                    await writer.wait_closed()
            writer.transport.abort()

    async def _login(self, blocks: Blocks) -> Login | None:
        salt, asked = challenge()
        try:
            async with asyncio.timeout(self._limits.login):
                await blocks.send(asked.encode())
                answer = await blocks.read(MOST_OF_LOGIN)
                if answer is None:
                    return None
                login = check(answer, salt, self._secrets())
        except TimeoutError:
            raise BlockError("a login did not come") from None
        except LoginError as error:
            await asyncio.sleep(self._limits.failure)
            await blocks.send(errors.line("", str(error)))
            return None
        await blocks.send()
        return login

    async def _converse(self, client: _Client, blocks: Blocks, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        goes_on = True
        while goes_on:
            client.resting_since = loop.time()
            message = await blocks.read(MOST_BYTES)
            client.resting_since = None
            goes_on = message is not None and await conversation.take(message)

    def _secrets(self) -> list[Secret]:
        """What clients may give as passwords: the token, or where none is needed what MonetDB's users are used to."""
        return [Secret(self._service.token or PASSWORD), Secret(self._service.local_key, is_owners=True)]

    def _has_place(self) -> bool:
        """Whether there is a place for another connection; if need be one that rests is left for it."""
        if len(self._clients) < self._limits.connections:
            return True
        resting = [client for client in self._clients if client.resting_since is not None]
        oldest = min(resting, key=lambda client: client.resting_since or 0.0, default=None)
        now = asyncio.get_running_loop().time()
        if oldest is None or now - (oldest.resting_since or now) < self._limits.rest:
            return False
        self._clients.discard(oldest)
        oldest.task.cancel()
        return True


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """Let the system find out whether a client is still there that says nothing."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
