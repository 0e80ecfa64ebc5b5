"""Questions in threads of their own, with limits: how long one may take, how many are answered at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from dlprov.errors import QueryError
from dlprov.query import Session
from dlprov.service.errors import ClientGoneError, RefusedError
from dlprov.service.guard import secrets
from dlprov.service.kept import KeptAnswers
from dlprov.service.state import Service

T = TypeVar("T")

_THREADS = ("dlprov-question", "dlprov-owner")
"""What the names of threads begin with that answer questions: of others, and of the owner."""


@dataclass(frozen=True)
class Limits:
    """What questions of clients may take that do not show the key of the store's owner.

    Attributes:
        seconds: How long one may take, waiting included.
        rows: How many rows an answer has, unless the client asks for another number.
        most_rows: How many rows it has at most.
        most_bytes: How many bytes of JSON it has at most; the owner's, too.
        at_a_time: How many are answered at a time; others wait.
        waiting: How many may wait.
    """

    seconds: float = 30.0
    rows: int = 10_000
    most_rows: int = 100_000
    most_bytes: int = 64 << 20
    at_a_time: int = 8
    waiting: int = 100


class Desk:
    """Where questions are handed in. The owner's have threads of their own: nobody else can keep them waiting."""

    def __init__(self, service: Service, limits: Limits | None = None) -> None:
        self.service = service
        self.limits = limits or Limits()
        self._pool = ThreadPoolExecutor(self.limits.at_a_time, thread_name_prefix=_THREADS[0])
        self._owners_pool = ThreadPoolExecutor(2 * self.limits.at_a_time, thread_name_prefix=_THREADS[1])
        self.kept = KeptAnswers()
        """The last answer of each client that asked with the query interface."""
        service.ends.callback(self.kept.close)
        self._waiting = 0
        self._stopping: set[asyncio.Task[None]] = set()

    def close(self, patience: float) -> bool:
        """Take no more questions. Gives whether all that were asked have ended, after at most so many seconds.

        The engine hears of an interruption between two steps of its work, and a single step may take minutes.
        """
        until = time.monotonic() + patience
        for pool in (self._pool, self._owners_pool):
            pool.shutdown(wait=False, cancel_futures=True)
        threads = [each for each in threading.enumerate() if each.name.startswith(_THREADS)]
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def is_owner(self, request: Request) -> bool:
        """Whether the client shows the key that only the owner of the store can read."""
        given = request.headers.get("authorization", "").encode("latin-1")
        return any(self.service.is_local_key(secret) for secret in secrets(given))

    async def ask(self, request: Request, work: Callable[[Session], T], most_rows: int | None = None) -> T:
        """What ``work`` makes of a session, in a thread, within the limits.

        Args:
            request: The request. When its client goes, the question is stopped.
            work: Asks; it gets a session with the store.
            most_rows: Answers are cut to this many rows.

        Raises:
            QueryError: It took too long; or what ``work`` raises.
            RefusedError: Too many questions wait.
            ClientGoneError: Nobody waits for the answer any more.
        """
        try:
            # Whoever listens for the client's leaving would take the body for himself.
            await request.body()
        except ClientDisconnect:
            raise ClientGoneError("the client left") from None
        async with _leaving(request.receive) as left:
            return await self.answer(work, left, is_owner=self.is_owner(request), most_rows=most_rows)

    async def answer(
        self, work: Callable[[Session], T], left: asyncio.Future[None], *, is_owner: bool, most_rows: int | None = None
    ) -> T:
        """As :meth:`ask`, for a client that is no HTTP request: it goes when ``left`` is done."""
        session = Session(self.service.index, most_rows=most_rows, is_foreign=not is_owner)
        pool = self._owners_pool if is_owner else self._pool
        seconds = None if is_owner else self.limits.seconds
        if self._waiting >= self.limits.at_a_time + self.limits.waiting and not is_owner:
            raise RefusedError(
                503,
                f"at most {self.limits.waiting} questions that wait were expected: ask again in a moment",
                [(b"retry-after", b"2")],
            )
        answer = asyncio.get_running_loop().run_in_executor(pool, work, session)
        both: set[asyncio.Future[Any]] = {answer, left}
        self._waiting += not is_owner
        try:
            done, _ = await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer in done:
                return answer.result()
            if left in done:
                raise ClientGoneError("the client left")
        finally:
            self._waiting -= not is_owner
            if not answer.done():
                self._abandon(session, answer)
        raise QueryError(
            f"a question that takes at most {seconds:g} s was expected, this one takes longer: ask for less, or on the "
            "machine of the service with dlprov query, which may take its time"
        )

    async def watch(
        self, receive: Receive, work: Callable[[Session], T], every: float, tell: Callable[[], Awaitable[None]]
    ) -> T:
        """As :meth:`ask`, for the owner and without limits; ``tell`` is called every so many seconds meanwhile."""
        session = Session(self.service.index)
        async with _leaving(receive) as left:
            answer = asyncio.get_running_loop().run_in_executor(self._owners_pool, work, session)
            both: set[asyncio.Future[Any]] = {answer, left}
            try:
                while True:
                    done, _ = await asyncio.wait(both, timeout=every, return_when=asyncio.FIRST_COMPLETED)
                    if answer in done:
                        return answer.result()
                    if left in done:
                        raise ClientGoneError("the client left")
                    await tell()
            finally:
                if not answer.done():
                    self._abandon(session, answer)

    def _abandon(self, session: Session, answer: asyncio.Future[T]) -> None:
        """Stop a question whose answer nobody waits for."""
        stopping = asyncio.get_running_loop().create_task(_stop(session, answer))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)


async def _stop(session: Session, answer: asyncio.Future[T]) -> None:
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())
    while not answer.done():
        # Again and again: between two statements there is nothing to interrupt.
        session.interrupt()
        await asyncio.wait({answer}, timeout=0.2)


@asynccontextmanager
async def _leaving(receive: Receive) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when the client leaves."""

    async def until_left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    task = asyncio.create_task(until_left())
    try:
        yield task
    finally:
        task.cancel()
