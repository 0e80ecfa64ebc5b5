"""The run logs of a store, while an import writes to them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlprov.errors import StoreError
from dlprov.intake.runlog import RunLog
from dlprov.log import layout

if sys.platform != "win32":
    import fcntl

LOCK = "import.lock"

_BUFFERED = 4 * 1024 * 1024


class RunLogs:
    """The run logs of a store, while one import writes to them. Use it in a ``with`` block; it seals at the end.

    Args:
        store: The store directory; it is made.

    Raises:
        StoreError: The store cannot be written. So do all methods.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self._logs: dict[str, RunLog] = {}
        self._lock = -1

    def __enter__(self) -> RunLogs:
        with self._trouble():
            layout.runs_directory(self.store).mkdir(parents=True, exist_ok=True)
            if sys.platform != "win32":
                self._lock = os.open(self.store / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                # Another import may take its time, and this one then finds what it brought.
                fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            # After a fault in the middle, what is whole is kept; an import of the same goes on behind it.
            with self._trouble():
                for log in self._logs.values():
                    log.close()
        finally:
            if self._lock >= 0:
                os.close(self._lock)

    def log(self, run_id: str) -> RunLog:
        """The log of a run, or of what is declared of a dataflow."""
        if run_id not in self._logs:
            with self._trouble():
                self._logs[run_id] = RunLog(layout.run_directory(self.store, run_id), run_id)
        return self._logs[run_id]

    def append_uses(self) -> None:
        """Append the uses of elements that wait for others, in all logs."""
        for log in self._logs.values():
            log.append_uses()

    def relieve(self) -> None:
        """Write what waits, if it is much."""
        if sum(log.waiting for log in self._logs.values()) > _BUFFERED:
            with self._trouble():
                for log in self._logs.values():
                    log.flush()

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the run logs in {self.store} cannot be written ({error.strerror or error}): make room or name "
                "another store, and import again; what is there already stays"
            ) from None
