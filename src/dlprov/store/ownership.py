"""An index that one process keeps: the service, which answers many questions at once and lets nobody wait for a file.

One engine holds the index for as long as the process lives. Questions run side by side on connections of their own;
one thread at a time takes in what is new. A question sees all that was recorded before it was asked, and many that
come together share one look at the logs.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from dlprov.errors import StoreBusyError, StoreError
from dlprov.store import address
from dlprov.store.database import Index
from dlprov.store.engine import MEMORY, WAIT_SECONDS, attach, confine, create, is_current, new_engine, remove
from dlprov.store.indexer import Progress
from dlprov.store.locks import taken
from dlprov.store.scratch import new_directory

LOOK_SECONDS = 1.0
"""How often the logs are looked at although nobody asks, so that a question finds little left to do."""

LOOK_SHARE = 0.05
"""The part of its time that the background may spend on that: a store with many runs is looked at less often."""

PATIENCE_SECONDS = 10.0
"""How long questions may go on that stand in the way of a change of the index file; then they are interrupted."""

DISK_BYTES = 8 << 30
"""What questions may put aside on the disk by default: trainings on the same machine need it, too."""


def default_memory() -> int:
    """Bytes that questions may hold in memory by default: a quarter of the machine's, between 0.5 and 8 GiB."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not everywhere
        machine = 0
    return min(max(machine // 4, 1 << 29), 8 << 30)


class OwnedIndex:
    """The index of a store, kept by this process. A context manager; every method may be called by any thread.

    Args:
        index: The index to keep.
        memory: Bytes that all questions together may hold in memory; default: :func:`default_memory`.
        disk: Bytes that they may put aside in the temporary directory when these are used up.
    """

    def __init__(self, index: Index, *, memory: int | None = None, disk: int = DISK_BYTES) -> None:
        self.store = index.store
        self.cache = index.cache
        self.path = index.path
        self._index = index
        self._limits = (memory or default_memory(), disk)
        self._held = ExitStack()
        self._scratch = Path()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._file: tuple[int, int] | None = None
        self._state = threading.Condition()
        self._asking: set[duckdb.DuckDBPyConnection] = set()
        self._is_changing = False
        self._is_closed = False
        self._work = _SharedWork()
        self._stop = threading.Event()
        self._background = threading.Thread(target=self._keep_up, name="dlprov-index", daemon=True)

    def __enter__(self) -> Self:
        """Take the index.

        Raises:
            StoreBusyError: Other processes held it too long, or another service keeps it.
        """
        with ExitStack() as held:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(taken(self.path, exclusive=True, wait=WAIT_SECONDS, meanwhile=self._refuse_second))
            self._scratch = new_directory()
            held.callback(shutil.rmtree, self._scratch, ignore_errors=True)
            self._held = held.pop_all()
        self._background.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Interrupt what is being asked, and let the index go. Answers that are there stay readable."""
        self._stop.set()
        with self._state:
            self._is_closed = True
            self._state.notify_all()
        with suppress(StoreError, duckdb.Error, OSError):
            self._work.do(lambda: self._detach(patience=0.0))
        if self._background.is_alive():
            self._background.join(PATIENCE_SECONDS)
        self._held.close()

    def keeper(self) -> None:
        """No other service: this process keeps the index."""
        return

    @contextmanager
    def reading(self, wait: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG002 - as Index has it
        """A connection of its own with the up-to-date index as database ``store``.

        It can write the index: whoever lets foreign SQL run on it begins a read-only transaction.

        Raises:
            StoreError: The index cannot be built, or the service ends.
        """
        self.refresh()
        with self._state:
            self._state.wait_for(lambda: self._is_closed or not self._is_changing)
            self._check()
            if self._engine is None:
                raise StoreError(f"the index of {self.store} cannot be opened: restart the service")
            connection = self._engine.cursor()
            self._asking.add(connection)
        try:
            yield connection
        finally:
            with self._state:
                self._asking.discard(connection)
                self._state.notify_all()

    def refresh(self, progress: Progress | None = None) -> int:
        """Take in what was recorded before the call; gives the bytes of log text taken in.

        Raises:
            StoreError: The index cannot be brought up to date, not even in memory.
        """
        return self._work.share(lambda: self._refresh(progress))

    def rebuild(self, progress: Progress | None = None) -> int:
        """Build the index anew from the logs, with the same numbers as before; gives the bytes taken in.

        Questions wait meanwhile. Should it fail, the old index is still there.

        Raises:
            StoreError: The index cannot be built.
        """
        return self._work.do(lambda: self._rebuild(progress))

    @contextmanager
    def scratch_file(self) -> Iterator[Path]:
        """The path of a file, which is not there yet, that questions may write; it is removed after the block."""
        # Temporary directories are swept after days in which nobody asked.
        self._scratch.mkdir(mode=0o700, exist_ok=True)
        path = self._scratch / uuid.uuid4().hex
        try:
            yield path
        finally:
            remove(path)

    def _refuse_second(self) -> None:
        """Raises if a service keeps the index that this one waits for."""
        found = self._index.keeper()
        if found is not None and self.path is not None:
            raise StoreBusyError(
                f"no other service for the store {self.store} was expected, got {found}: use it, or end it "
                f"(its address is in {address.beside(self.path)})"
            )

    def _keep_up(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            began = time.monotonic()
            # Whoever asks next meets the same trouble, and is told.
            with suppress(StoreError, duckdb.Error, OSError):
                self.refresh()
            pause = max(LOOK_SECONDS, (time.monotonic() - began) / LOOK_SHARE)

    def _refresh(self, progress: Progress | None) -> int:
        progress = self._until_closed(progress)
        if self._engine is None or self._has_vanished():
            return self._open(progress)
        try:
            return self._update(self._engine, progress)
        except (duckdb.Error, OSError):
            # After some errors the engine wants to be opened anew; a full disk is found to be full again.
            return self._open(progress)

    def _until_closed(self, progress: Progress | None) -> Progress:
        """``progress``, which also ends the work when the service does."""

        def checked(done: int, total: int) -> None:
            self._check()
            if progress is not None:
                progress(done, total)

        self._check()
        return checked

    def _check(self) -> None:
        if self._is_closed:
            raise StoreError("the service ends: ask again when it is back, or without it")

    def _update(self, engine: duckdb.DuckDBPyConnection, progress: Progress | None) -> int:
        indexer = self._index.indexer(engine)
        news = indexer.news()
        if news.is_less and engine is self._engine:
            try:
                return self._rebuild(progress)
            except StoreError:
                self._check()
                return self._open(progress)
        return indexer.update(news, progress) if news else 0

    def _has_vanished(self) -> bool:
        """Whether somebody removed or replaced the file that is open."""
        return self._file is not None and self.path is not None and _identity(self.path) != self._file

    def _open(self, progress: Progress | None) -> int:
        """Open the index, or build it: in its file, else in memory."""
        self._detach()
        try:
            if self.path is not None:
                try:
                    return self._open_file(self.path, progress)
                except (duckdb.Error, OSError) as error:
                    reason = str(error).partition("\n")[0]
                    self._index.tell(f"the index {self.path} cannot be written ({reason}); it is kept in memory")
            try:
                return self._open_memory(progress)
            except (duckdb.Error, OSError) as error:
                raise StoreError(f"an index in memory was expected, got {error}: restart the service") from None
        finally:
            with self._state:
                self._is_changing = False
                self._state.notify_all()

    def _open_file(self, path: Path, progress: Progress | None) -> int:
        done = 0
        engine = _attached(path) if path.exists() else None
        if engine is not None and self._index.indexer(engine).news().is_less:
            engine.close()
            engine = None
        if engine is None:
            new, done = self._index.built(path, self._index.order(path), progress)
            remove(path)
            new.replace(path)
            engine = _attached(path)
            if engine is None:
                raise StoreError(f"the index {path} cannot be read; remove it: it is built anew from the run logs")
        return done + self._begin(engine, progress, _identity(path))

    def _open_memory(self, progress: Progress | None) -> int:
        engine = new_engine()
        attach(engine, MEMORY, "READ_WRITE")
        create(engine)
        return self._begin(engine, progress, None)

    def _begin(self, engine: duckdb.DuckDBPyConnection, progress: Progress | None, file: tuple[int, int] | None) -> int:
        """Make the engine the one that is asked."""
        confine(engine, self._scratch, *self._limits)
        done = self._update(engine, progress)
        self._engine, self._file = engine, file
        return done

    def _rebuild(self, progress: Progress | None) -> int:
        progress = self._until_closed(progress)
        if self.path is None or self._file is None or self._engine is None:
            return self._open(progress)
        order = self._index.indexer(self._engine).order_of_what_is_there()
        try:
            new, done = self._index.built(self.path, order, progress)
            self._detach()
            remove(self.path)
            new.replace(self.path)
        except (duckdb.Error, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise StoreError(
                f"the index {self.path} cannot be written ({reason}); the run logs are as they were"
            ) from None
        return done + self._open(progress)

    def _detach(self, patience: float = PATIENCE_SECONDS) -> None:
        """Let the file go, when no question reads it any more; new ones wait until another is opened."""
        with self._state:
            engine, self._engine = self._engine, None
            self._is_changing = True
            deadline = time.monotonic() + patience + PATIENCE_SECONDS
            while not self._state.wait_for(lambda: not self._asking, patience) and time.monotonic() < deadline:
                # Again and again: between two statements there is nothing to interrupt.
                for connection in self._asking:
                    connection.interrupt()
                patience = 0.1
        if engine is not None:
            # Not closed: answers are on connections of this engine, and would be closed with it.
            with suppress(duckdb.Error):
                engine.execute("USE memory")
                engine.execute("DETACH DATABASE IF EXISTS store")


class _SharedWork:
    """Work that one thread does for all who wait for it.

    Whoever comes while it is done waits for the next time, since the work that is under way may have passed what
    brought him; and all who come meanwhile share that next time.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._is_busy = False
        self._begun = 0
        self._ended = 0
        self._outcome: int | Exception = 0

    def share(self, work: Callable[[], int]) -> int:
        """Do the work, or wait until another thread has done it that began after this call."""
        with self._condition:
            wanted = self._begun + 1
            self._condition.wait_for(lambda: self._ended >= wanted or not self._is_busy)
            if self._ended >= wanted:
                if isinstance(self._outcome, Exception):
                    raise self._outcome
                return 0
            self._is_busy = True
            self._begun += 1
        return self._finish(work)

    def do(self, work: Callable[[], int | None]) -> int:
        """Do this work while no other is done."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_busy)
            self._is_busy = True
        try:
            return work() or 0
        finally:
            with self._condition:
                self._is_busy = False
                self._condition.notify_all()

    def _finish(self, work: Callable[[], int]) -> int:
        outcome: int | Exception = StoreError("the index could not be brought up to date: ask again")
        try:
            outcome = work()
        except Exception as error:
            outcome = error
            raise
        finally:
            with self._condition:
                self._is_busy = False
                self._ended = self._begun
                self._outcome = outcome
                self._condition.notify_all()
        return outcome


def _attached(path: Path) -> duckdb.DuckDBPyConnection | None:
    """An engine with the file's index attached; ``None`` if it is no index of this version."""
    engine = new_engine()
    attach(engine, path, "READ_WRITE")
    if is_current(engine):
        return engine
    engine.close()
    return None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
