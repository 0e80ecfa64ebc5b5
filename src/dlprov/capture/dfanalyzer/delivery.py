"""Delivers a process's messages to a DfAnalyzer-compatible server, in the background.

A call puts a message into the :mod:`~dlprov.capture.dfanalyzer.outbox` on the disk and returns. A thread of its own
posts them in order; it waits for the network, which the background thread of the run log must not. A server that is
slow, dead or late keeps messages waiting, and nothing else: what is left when the process ends is delivered by the next
one that delivers to the same server from the same store.
"""

from __future__ import annotations

import atexit
import multiprocessing.util
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from dlprov.capture.dfanalyzer import outbox
from dlprov.capture.dfanalyzer.outbox import Label, Message, Queue
from dlprov.capture.dfanalyzer.server import Server, ServerError
from dlprov.capture.faults import faults
from dlprov.log.identifiers import new_writer_id
from dlprov.log.layout import temporary_store

INTERVAL = 0.1
"""Seconds between two looks for new messages. A queue that wakes its consumer would cost the training more."""

FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0
"""Seconds until the next try after trouble; they double from one try to the next."""

SEARCH_SECONDS = 5.0
"""How often queues are looked for that other processes have left."""

EXIT_SECONDS = 5.0
"""How long the end of the process waits for messages to be delivered, at most."""

STUCK_SECONDS = 1.0
"""How long it waits without one being delivered."""

KEPT_BYTES = 64 * 1024 * 1024
"""How much is kept in memory while the disk takes no messages; what comes beyond is dropped, and said so."""

_BATCH = 100
"""How many messages of one queue are delivered before the next queue has its turn."""

_FAILURES = 6
"""How often a server may fail at a task (status 500) before the next message is tried: if it takes that one, it is the
message that it fails at. DfAnalyzer's does so at what it cannot understand."""

_DATAFLOW = "/pde/dataflow/json"
"""Where dataflows go. They are waited for: DfAnalyzer's server stores nothing more after a task of an unknown one."""

_NOT_THE_MESSAGE = frozenset({401, 403, 407, 408, 425, 429})
"""Statuses from 400 to 499 that say something about the client or the moment, and nothing about the message."""


class Delivery:
    """The way of this process's messages to one server. :meth:`send` may be called by any thread, and after a fork.

    Args:
        server: The server.
        store: The store directory, which holds the messages that wait.

    Attributes:
        delivered: How many messages this process has delivered.
        rejected: How many the server did not want.
    """

    def __init__(self, server: Server, store: Path) -> None:
        self.server = server
        self.delivered = 0
        self.rejected = 0
        self._store = store
        self._targets: dict[str, str] = {}
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._own: Queue | None = None
        self._last = 0
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._dropped = 0
        self._others: list[Queue] = []
        self._searched = float("-inf")
        self._thread: threading.Thread | None = None
        self._leaving = False
        self._until = float("inf")
        self._progress = 0.0

    def send(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Deliver a message. It is on its way to the disk when the call returns; the network is not waited for.

        Args:
            path: The path of the URL, which is put behind the server's.
            body: A JSON text.
            headers: Further headers of the request.
        """
        target = self._targets.get(path)
        if target is None:
            target = self._targets[path] = self.server.target(path)
        with self._lock:
            self._last += 1
            line = outbox.encode(Label(self._last, target, len(body), headers or {}), body)
            if self._own is None or self._kept or not self._own.write(line):
                self._keep(line)
                self._write_kept()
            if self._thread is None and not self._leaving:
                self._start()

    def finish(self, seconds: float = EXIT_SECONDS) -> int:
        """Deliver what waits, as long as the server takes it, for some seconds at most; gives how many are left.

        Args:
            seconds: How long to wait at most; one message after the other must be delivered meanwhile.
        """
        with self._lock:
            self._leaving = True
            thread, self._thread = self._thread, None
            self._progress = time.monotonic()
            self._until = self._progress + seconds
            if self._kept:
                self._write_kept()
        while thread is not None and thread.is_alive():
            now = time.monotonic()
            if now > self._until or now - self._progress > STUCK_SECONDS:
                break
            thread.join(0.02)
        with self._lock:
            # A thread that still waits for an answer ends with it, or with the process.
            self._until = 0.0
            left = self._left(is_idle=thread is None or not thread.is_alive())
            self._leaving = False
            return left

    def deliver_left(self) -> None:
        """Deliver what other processes left, in this thread, until the server makes trouble."""
        self._search()
        for queue in self._others:
            while self._deliver(queue, 0.0) or 0 < queue.failures < _FAILURES:
                time.sleep(queue.delay)
            self._let_go(queue)
        self._others = []
        self.server.close()

    def after_fork_in_child(self) -> None:
        """In a forked child: queue, thread, lock and connection are the parent's. Begin anew."""
        if self._own is not None:
            self._own.release()
        for queue in self._others:
            queue.release()
        self.server.after_fork_in_child()
        self._begin()

    # The calling thread's part.

    def _keep(self, line: bytes) -> None:
        if self._kept_bytes + len(line) > KEPT_BYTES:
            self._dropped += 1
            return
        self._kept.append(line)
        self._kept_bytes += len(line)

    def _write_kept(self) -> None:
        if self._own is None and not self._open():
            return
        while self._own is not None and self._kept:
            if not self._own.write(self._kept[0]):
                faults.tell(
                    f"cannot write {self._own.path}; the training goes on, and messages to {self.server.url} are kept "
                    f"in memory (up to {KEPT_BYTES >> 20} MB) until the disk takes them",
                    once=f"outbox {self.server.origin}",
                )
                return
            self._kept_bytes -= len(self._kept.popleft())

    def _open(self) -> bool:
        reason = ""
        for store in (self._store, temporary_store()):
            directory = outbox.server_directory(store, self.server.origin)
            try:
                directory.mkdir(parents=True, exist_ok=True)
                (directory / outbox.URL).write_text(self.server.origin + "\n", encoding="utf-8")
                self._own = Queue.create(directory / (new_writer_id() + outbox.QUEUE))
            except OSError as error:
                reason = reason or f"{directory} ({error.strerror or error})"
                continue
            return True
        faults.tell(
            f"cannot write {reason}; the training goes on, and messages to {self.server.url} are kept in memory "
            f"(up to {KEPT_BYTES >> 20} MB) until the disk takes them. Set DLPROV_STORE to a directory of yours",
            once=f"outbox {self.server.origin}",
        )
        return False

    def _start(self) -> None:
        if sys.is_finalizing():
            return  # it would be waited for, and never begin: the next process delivers
        self._until = float("inf")
        self._thread = threading.Thread(target=self._work, name="dlprov-delivery", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter is shutting down: the next process delivers.
            self._thread = None

    # The thread's part.

    def _work(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            try:
                is_busy = self._round()
            except Exception as error:
                faults.report("delivering messages", error, None)
                is_busy = False
            if not is_busy and self._thread is me:
                time.sleep(INTERVAL)
        try:
            self._finish_in_thread()
        except Exception as error:
            faults.report("delivering the last messages", error, None)

    def _finish_in_thread(self) -> None:
        """The process ends: once more, whatever the last try came to."""
        self._search()
        for queue in self._queues():
            while self._deliver(queue, time.monotonic()):
                pass
            if queue is not self._own:
                self._let_go(queue)
        self._others = []
        self.server.close()

    def _round(self) -> bool:
        """Deliver some messages of each queue that is due; whether one has more."""
        now = time.monotonic()
        if self._kept:
            with self._lock:
                self._write_kept()
        if now - self._searched > SEARCH_SECONDS:
            self._search()
        is_busy = False
        for queue in self._queues():
            if queue.retry_at > now:
                continue
            has_more = self._deliver(queue, now)
            is_busy |= has_more
            if not has_more and queue is not self._own and queue.next() is None:
                self._others.remove(queue)
                queue.remove()
        return is_busy

    def _queues(self) -> list[Queue]:
        """The queues to deliver: what was left before comes before what is new."""
        return [*self._others, *([self._own] if self._own is not None else [])]

    def _search(self) -> None:
        """Look for queues that nobody delivers."""
        self._searched = time.monotonic()
        places = {outbox.server_directory(self._store, self.server.origin)}
        own = self._own
        if own is not None:
            # Where the store cannot be written, what earlier processes left lies elsewhere, too.
            places.add(own.path.parent)
        for place in places:
            self._others += outbox.abandoned(place)

    def _deliver(self, queue: Queue, now: float) -> bool:
        """Deliver some messages of a queue; whether it may have more that can be tried at once."""
        for _ in range(_BATCH):
            if time.monotonic() > self._until:
                return False
            message = queue.next()
            if message is None:
                return False
            try:
                status, answer = self._post(queue, message)
            except ServerError as error:
                queue.failures = 0
                self._trouble(queue, now, f"cannot be reached ({error})")
                return False
            if 200 <= status < 300:
                queue.answered(message)
                self.delivered += 1
            elif 400 <= status < 500 and status not in _NOT_THE_MESSAGE:
                self._reject(queue, message, status, answer)
            elif status == 500 and self._is_to_blame(queue, message, answer):
                pass
            else:
                queue.failures = queue.failures if status == 500 else 0
                self._trouble(queue, now, f"answers {status} ({answer[:200].strip()})")
                return False
            queue.delay = 0.0
            queue.failures = 0
            self._progress = time.monotonic()
        return True

    def _reject(self, queue: Queue, message: Message, status: int, answer: str) -> None:
        queue.reject(message, status, answer)
        self.rejected += 1
        faults.tell(
            f"the server {self.server.url} rejected a message ({status} {answer[:200].strip()}); it is kept in "
            f"{queue.path.with_suffix(outbox.REJECTED)}, and the others go on",
            once=f"rejected {self.server.origin}",
        )

    def _is_to_blame(self, queue: Queue, message: Message, answer: str) -> bool:
        """Whether the server fails at this message only; then it is kept aside, and the one behind it is delivered."""
        queue.failures += 1
        if queue.failures < _FAILURES or message.label.target.endswith(_DATAFLOW):
            return False
        following = queue.behind(message)
        if following is None or following.label.target.endswith(_DATAFLOW):
            return False
        try:
            status, _ = self._post(queue, following)
        except ServerError:
            return False
        if not 200 <= status < 300:
            return False
        self._reject(queue, message, 500, answer)
        queue.answered(following)
        self.delivered += 1
        return True

    def _post(self, queue: Queue, message: Message) -> tuple[int, str]:
        headers = {**message.label.headers, "DLProv-Message": f"{queue.client}:{message.label.n}"}
        return self.server.post(message.label.target, message.body, headers)

    def _trouble(self, queue: Queue, now: float, what: str) -> None:
        queue.delay = min(max(FIRST_DELAY, 2 * queue.delay), LONGEST_DELAY)
        queue.retry_at = now + queue.delay
        faults.tell(
            f"the server {self.server.url} {what}; messages wait in {queue.path.parent} until it takes them",
            once=f"server {self.server.origin}",
        )

    def _left(self, *, is_idle: bool) -> int:
        """Tell of what is left, and clear away what is not; the caller holds the lock."""
        if self._dropped or self._kept:
            faults.tell(f"{self._dropped + len(self._kept)} messages to {self.server.url} are lost: no disk took them")
        own, self._own = self._own, None
        if own is None:
            return 0
        waiting = outbox.waiting(own.path)
        if is_idle:
            self._let_go(own)
        if waiting:
            faults.tell(
                f"{waiting} {'message waits' if waiting == 1 else 'messages wait'} in {own.path.parent} for "
                f"{self.server.url}; the next training with this store delivers what is left, or `dlprov deliver`"
            )
        return waiting

    @staticmethod
    def _let_go(queue: Queue) -> None:
        """Leave a queue to others, or remove it if nothing waits in it."""
        if queue.next() is not None:
            queue.release()
        else:
            queue.remove()


_deliveries: dict[str, Delivery] = {}


def delivery_to(url: str, store: Path) -> Delivery:
    """This process's way to the server at ``url``; what is left is delivered when the process ends, if it can be.

    Raises:
        UsageError: ``url`` is none of a server.
    """
    found = _deliveries.get(url)
    if found is None:
        if not _deliveries:
            atexit.register(_finish_all)
            _finalize_in_child(None)
            multiprocessing.util.register_after_fork(_finalize_in_child, _finalize_in_child)
        found = _deliveries[url] = Delivery(Server(url), store)
    return found


def _finish_all() -> None:
    for delivery in _deliveries.values():
        try:
            delivery.finish()
        except KeyboardInterrupt:
            return  # somebody does not want to wait: the messages can


def _finalize_in_child(_: object) -> None:
    # multiprocessing's children leave by os._exit, without atexit, but run these.
    multiprocessing.util.Finalize(None, _finish_all, exitpriority=90)


def _after_fork_in_child() -> None:
    for delivery in _deliveries.values():
        delivery.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
