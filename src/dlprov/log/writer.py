"""The file that one process appends one run's events to.

What a call to :meth:`Writer.write` returns for is in the kernel: one ``os.write`` on an ``O_APPEND`` file, in the
calling thread, without a lock. So SIGKILL loses nothing. Only where a file system stalls or refuses (a
full disk), the writer turns to a bounded buffer that the background thread empties, and records that it did.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from dlprov.log import events
from dlprov.log.background import background
from dlprov.log.identifiers import boot_id, hostname, new_writer_id, process_started
from dlprov.log.layout import SUFFIX

SLOW_NANOSECONDS = 5_000_000
"""A write that takes longer is slow."""

SLOW_IN_A_ROW = 8
"""So many slow writes in a row are a stall. One or two are the scheduler of a busy machine, not the disk."""

STALL_NANOSECONDS = 3_000_000_000
"""Slow writes that add up to more than this within a minute are a stall, too."""

BUFFER_BYTES = 64 * 1024 * 1024
"""How much a writer buffers while the file system stalls; what comes beyond it is counted and dropped."""

SYNC_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
CALM_SECONDS = 5.0
"""How long the background's writes must be fast before the calling thread writes by itself again."""

_CHUNK = 256 * 1024

_State = Literal["direct", "buffering", "closed", "new"]


class Writer:
    """Appends lines to ``<directory>/<writer>.jsonl``. May be used by any thread, and after a fork.

    The file is made and its first line (:class:`~dlprov.log.events.Log`) written by the constructor. In a forked
    child the same object goes on with a file of its own, made at its first write.

    Args:
        directory: The run's directory; it is created.
        run_id: The run's id.
        warn: Called once for each kind of trouble with a sentence for a person.
        package_version: What the first line says of the program that wrote it.
        lazy: Make the file at the first write instead of now.
        strict: Raise where the disk refuses a line, instead of buffering it: for a process whose answer to somebody
            else depends on it. Slow writes are waited for.
        heartbeat: Show regularly that the process lives. Not for a process that writes what others tell it.

    Raises:
        OSError: The file cannot be made. Later trouble raises nothing, unless ``strict``.
    """

    def __init__(
        self,
        directory: Path,
        run_id: str,
        *,
        warn: Callable[[str], None] = lambda _: None,
        package_version: str = "",
        lazy: bool = False,
        strict: bool = False,
        heartbeat: bool = True,
    ) -> None:
        self._directory = directory
        self._run_id = run_id
        self._warn = warn
        self._package_version = package_version
        self._strict = strict
        self._heartbeat = heartbeat
        self._lock = threading.RLock()
        self._buffer: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._dropped = 0
        self._slow = 0
        self._slow_nanoseconds = 0
        self._slow_since = 0.0
        self._torn = False
        self._calm_since = 0.0
        self._synced_size = 0
        self._synced_at = 0.0
        self._written_at = time.monotonic()
        self._hashed = hashlib.sha256()
        self._hashed_bytes = 0
        self._fd = -1
        self._state: _State = "new"
        self.path = directory / (new_writer_id() + SUFFIX)
        if not lazy:
            directory.mkdir(parents=True, exist_ok=True)
            self._open()
        _writers.add(self)

    @property
    def writer_id(self) -> str:
        """The name of this writer, which is the stem of its file."""
        return self.path.stem

    def write(self, line: bytes) -> None:
        """Append one line, or several, newlines included. When the call returns, they are in the kernel.

        Only while the file system stalls or refuses, the line waits in the buffer instead. Never raises, unless the
        writer is ``strict``: then ``OSError`` says that not everything was written.
        """
        if self._state != "direct":
            self._write_indirectly(line)
            return
        begin = time.perf_counter_ns()
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            self._refused(line, 0, error)
            return
        took = time.perf_counter_ns() - begin
        if took < SLOW_NANOSECONDS and written == len(line):
            self._slow = 0
        elif written != len(line):
            self._refused(line, written, None)
        else:
            self._slowed(took)

    def append(self, event: events.Event) -> None:
        """Write one event."""
        self.write(events.encode(event))

    def seal(self) -> None:
        """Write what is buffered, then the seal over all bytes so far, sync and close the file.

        A later :meth:`write` opens the file again, and a later seal covers both.
        """
        with self._lock:
            if self._state in ("new", "closed"):
                return
            # From here on other threads' writes wait for the lock, and open the file again.
            self._state = "closed"
            self._drain()
            if self._buffer:
                self._warn(
                    f"{self._buffered_bytes} bytes of the run log could not be written to {self.path}; "
                    "free some space: dlprov verify shows what is missing"
                )
            try:
                if not self._buffer:
                    self._hash_new_bytes()
                    seal = events.Seal(events.now(), self._hashed.hexdigest(), self._hashed_bytes)
                    os.write(self._fd, events.encode(seal))
                os.fsync(self._fd)
            except OSError as error:
                self._warn(f"the run log {self.path} could not be sealed: {error}")
            os.close(self._fd)
            self._fd = -1
            background.remove(self)

    def tick(self, now: float) -> None:
        """The background thread's part: empty the buffer, sync, show that the process lives."""
        with self._lock:
            if self._state == "buffering":
                self._drain()
                self._calm_down(now)
            if self._state not in ("direct", "buffering"):
                return
            size = os.fstat(self._fd).st_size
            if size != self._synced_size:
                self._written_at = now
                if now - self._synced_at >= SYNC_SECONDS:
                    os.fsync(self._fd)
                    self._synced_size, self._synced_at = size, now
        if self._heartbeat and now - self._written_at >= HEARTBEAT_SECONDS:
            self._written_at = now
            self.append(events.Heartbeat(events.now()))

    def after_fork_in_child(self) -> None:
        """In a forked child: the file, the buffer and the lock are the parent's. Begin anew at the next write."""
        self._lock = threading.RLock()
        self._buffer.clear()
        self._buffered_bytes = 0
        self._dropped = 0
        self._torn = False
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._state = "new"

    # What follows happens rarely: at the first write, at trouble, and in the background thread.

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(self.path, flags, 0o644)
        size = os.fstat(self._fd).st_size
        if size:
            # Appending to a sealed file does not change its directory, and readers skip unchanged directories.
            os.utime(self._directory)
            if os.pread(self._fd, 1, size - 1) != b"\n":
                os.write(self._fd, b"\n")
        else:
            first = events.Log(
                events.now(),
                format=events.FORMAT,
                run=self._run_id,
                writer=self.writer_id,
                host=hostname(),
                pid=os.getpid(),
                process_started=process_started(os.getpid()),
                boot=boot_id(),
                dlprov=self._package_version,
            )
            try:
                self._write_whole(events.encode(first))
            except OSError:
                # Each further attempt makes a file of its own: this one is neither kept open nor left empty.
                os.close(self._fd)
                self._fd = -1
                with suppress(OSError):
                    self.path.unlink()
                raise
        self._state = "direct"
        background.add(self)

    def _write_whole(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written != len(line):
            # The next write says why: a full disk refuses it, with its own error.
            os.write(self._fd, line[written:])

    def _write_indirectly(self, line: bytes) -> None:
        with self._lock:
            if self._state == "new":
                self.path = self._directory / (new_writer_id() + SUFFIX)
                self._hashed, self._hashed_bytes = hashlib.sha256(), 0
                self._synced_size = 0
                self._reopen()
            elif self._state == "closed":
                self._reopen()
            if self._state != "direct":
                self._keep(line)
                return
        self.write(line)

    def _reopen(self) -> None:
        try:
            self._open()
        except OSError as error:
            if self._strict:
                raise
            self._warn(
                f"cannot write the run log {self.path}: {error}; the training goes on, this part is not recorded"
            )

    def _keep(self, line: bytes) -> None:
        if self._buffered_bytes + len(line) > BUFFER_BYTES:
            self._dropped += 1
            return
        self._buffer.append(line)
        self._buffered_bytes += len(line)

    def _refused(self, line: bytes, written: int, error: OSError | None) -> None:
        reason = (error.strerror if error else None) or self._reason_for_a_part()
        if self._strict:
            if written and not line[:written].endswith(b"\n"):
                # The next line begins a line of its own, if the disk takes it.
                with suppress(OSError):
                    os.write(self._fd, b"\n")
            raise error or OSError(errno.ENOSPC, reason)
        with self._lock:
            # What is whole is in the file, and must not come a second time.
            whole = line.rfind(b"\n", 0, written) + 1
            self._torn = self._torn or written > whole
            line = line[whole:]
            if self._state == "direct":
                self._state = "buffering"
                self._calm_since = 0.0
                self._warn(
                    f"cannot write the run log {self.path}: {reason}; the training goes on, and records are kept in "
                    f"memory (up to {BUFFER_BYTES >> 20} MB) until the disk takes them"
                )
            self._keep(line)

    def _reason_for_a_part(self) -> str:
        """Why the kernel took only the beginning of a line: it does not say."""
        try:
            free = os.fstatvfs(self._fd).f_bavail
        except (OSError, AttributeError):
            free = 1
        return os.strerror(errno.ENOSPC) if not free else "the disk took only a part of a record"

    def _slowed(self, took: int) -> None:
        if self._strict:
            return
        now = time.monotonic()
        if now - self._slow_since > 60.0:
            self._slow_since, self._slow_nanoseconds = now, 0
        self._slow += 1
        self._slow_nanoseconds += took
        if self._slow < SLOW_IN_A_ROW and self._slow_nanoseconds < STALL_NANOSECONDS:
            return
        with self._lock:
            if self._state == "direct":
                self._state = "buffering"
                self._calm_since = now
                problem = events.Problem(
                    events.now(),
                    "writer",
                    f"the file system is slow (a write took {took / 1e6:.1f} ms): from here on records are written "
                    "in the background, and a kill may lose those of the last quarter of a second",
                )
                self._keep(events.encode(problem))

    def _drain(self) -> None:
        """Write the buffer out, as far as the file takes it. The caller holds the lock."""
        while self._buffer:
            lines: list[bytes] = []
            size = 0
            while self._buffer and size < _CHUNK:
                lines.append(self._buffer.popleft())
                size += len(lines[-1])
            prefix = b"\n" if self._torn else b""
            chunk = prefix + b"".join(lines)
            begin = time.perf_counter_ns()
            try:
                written = os.write(self._fd, chunk)
            except OSError:
                self._buffer.extendleft(reversed(lines))
                self._calm_since = 0.0
                return
            if time.perf_counter_ns() - begin > SLOW_NANOSECONDS:
                self._calm_since = time.monotonic()
            written -= len(prefix)
            if written >= 0:
                self._torn = False
            while lines and len(lines[0]) <= written:
                written -= len(lines[0])
                self._buffered_bytes -= len(lines.pop(0))
            if lines:
                self._torn = self._torn or written > 0
                self._buffer.extendleft(reversed(lines))
                self._calm_since = 0.0
                return

    def _calm_down(self, now: float) -> None:
        """Let the calling thread write again, once the buffer is empty and writes are fast."""
        if self._buffer or (self._calm_since and now - self._calm_since < CALM_SECONDS):
            return
        if self._dropped:
            text = f"{self._dropped} records were dropped: the disk refused them for too long"
            os.write(self._fd, events.encode(events.Problem(events.now(), "writer", text)))
            self._dropped = 0
        self._slow = 0
        self._slow_nanoseconds = 0
        self._state = "direct"

    def _hash_new_bytes(self) -> None:
        while chunk := os.pread(self._fd, 1 << 20, self._hashed_bytes):
            self._hashed.update(chunk)
            self._hashed_bytes += len(chunk)


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for writer in list(_writers):
        writer.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
