"""Taking turns at the index: any number of readers, or one writer, among the processes of a machine."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dlprov.errors import StoreBusyError

if sys.platform != "win32":
    import fcntl

_POLL_SECONDS = 0.002


@contextmanager
def taken(path: Path, *, exclusive: bool, wait: float, meanwhile: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of the index at ``path`` while the block runs.

    Two files make it fair: whoever comes passes the gate one by one and waits inside it, so a stream of readers
    cannot keep a writer out.

    Args:
        path: The index; the lock files lie beside it.
        exclusive: True for a writer.
        wait: Seconds after which waiting ends.
        meanwhile: Called again and again while others hold the lock; what it raises ends the waiting.

    Raises:
        StoreBusyError: Others held the lock all that time.
        OSError: The lock files cannot be made.
    """
    if sys.platform == "win32":
        # The engine's own lock is all there is: opening is tried again until the file is free.
        yield
        return
    deadline = time.monotonic() + wait
    gate = _open(path.with_name(path.name + ".gate"))
    try:
        turn = _open(path.with_name(path.name + ".lock"))
        try:
            _take(gate, fcntl.LOCK_EX, deadline, path, meanwhile)
            _take(turn, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, deadline, path, meanwhile)
            fcntl.flock(gate, fcntl.LOCK_UN)
            yield
        finally:
            os.close(turn)
    finally:
        os.close(gate)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)


def _take(file: int, mode: int, deadline: float, path: Path, meanwhile: Callable[[], None]) -> None:
    while sys.platform != "win32":
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            meanwhile()
            if time.monotonic() > deadline:
                raise StoreBusyError(
                    f"the index {path} was in use by other processes all the time that was waited for it; "
                    "try again, or look for a process that hangs (dlprov doctor names it)"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
