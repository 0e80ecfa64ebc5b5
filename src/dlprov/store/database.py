"""The index file: where it lies, who may open it when, and how a reader gets an up-to-date one.

DuckDB lets one process write a file, and then no other may open it. So whoever needs the index takes it, brings it
up to date, and reads it together with others; nobody keeps it. But the service: while it runs it keeps the index, and
the others ask it (:mod:`dlprov.store.ownership`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import duckdb

from dlprov.errors import StoreBusyError, StoreError
from dlprov.store import address
from dlprov.store.address import Address
from dlprov.store.engine import MEMORY, WAIT_SECONDS, attached, create, is_current, is_usable, new_engine, remove
from dlprov.store.indexer import Indexer, News, Piece, Progress
from dlprov.store.locks import taken
from dlprov.store.placement import index_path


class KeptError(StoreBusyError):
    """A service keeps the index: what is wanted of it has to be asked there, which sessions do."""


class Index:
    """The index of one store.

    Args:
        store: The store directory; it may be absent, which is an empty store.
        cache: Where the index of a store that cannot be written lives.
        lost_after: Seconds of silence after which a run without an end is lost.
        tell: Called with a sentence for a person when something unusual is done.

    Raises:
        StoreError: ``store`` is not a directory.
    """

    def __init__(
        self,
        store: Path,
        cache: Path,
        *,
        lost_after: float = 60.0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        if store.exists() and not store.is_dir():
            raise StoreError(f"the store {store} is a file, and a directory was expected: set DLPROV_STORE or --store")
        self.store = store
        self.cache = cache
        self.lost_after = lost_after
        self._tell = tell
        self.path = index_path(store, cache)

    def keeper(self) -> Address | None:
        """The service that keeps the index, if there is one: a look at a file."""
        return address.read(address.beside(self.path)) if self.path is not None else None

    @contextmanager
    def reading(self, wait: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the up-to-date index attached, read-only, as database ``store``.

        The connection outlives the block, without the index: what was made in its memory stays readable.

        Args:
            wait: Seconds to wait for others that hold the index, a service that keeps it among them. By default a
                minute, as long as no service keeps it.

        Raises:
            KeptError: A service keeps the index.
            StoreBusyError: Other processes held the index too long.
            StoreError: The index can neither be opened nor built.
        """
        if self.path is None:
            with self.in_memory() as connection:
                yield connection
            return
        engine = new_engine()
        found: tuple[tuple[object, ...], News] | None = None
        if is_usable(self.path):
            with (
                self._turn(self.path, exclusive=False, wait=wait),
                attached(self.path, "READ_ONLY", engine) as connection,
            ):
                if is_current(connection):
                    indexer = self.indexer(connection)
                    news = indexer.news()
                    if not news:
                        yield connection
                        return
                    found = (indexer.mark(), news)
        try:
            self._refresh(None, engine, found, wait)
        except (duckdb.Error, OSError) as error:
            reason = str(error).partition("\n")[0]
            self._tell(f"the index {self.path} cannot be written ({reason}); it is built in memory for this once")
            with self.in_memory() as connection:
                yield connection
            return
        with (
            self._turn(self.path, exclusive=False, wait=wait),
            attached(self.path, "READ_ONLY", engine) as connection,
        ):
            if not is_current(connection):
                raise StoreError(f"the index {self.path} cannot be read; remove it: it is built anew from the run logs")
            yield connection

    def refresh(self, progress: Progress | None = None) -> int:
        """Index what is new; gives the bytes of log text taken in.

        Raises:
            KeptError: A service keeps the index.
            StoreBusyError: Other processes held the index too long.
            OSError, duckdb.Error: The index cannot be written.
        """
        return self._refresh(progress, new_engine())

    def _refresh(
        self,
        progress: Progress | None,
        engine: duckdb.DuckDBPyConnection,
        found: tuple[tuple[object, ...], News] | None = None,
        wait: float | None = None,
    ) -> int:
        """``found``: news that were found with the index in the state of a mark. Looking for them takes a while."""
        if self.path is None:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn(self.path, exclusive=True, wait=wait):
            if not self.path.exists():
                return self._rebuild(self.path, progress)
            with attached(self.path, "READ_WRITE", engine) as connection:
                if is_current(connection):
                    indexer = self.indexer(connection)
                    is_same = found is not None and found[0] == indexer.mark()
                    news = found[1] if found and is_same else indexer.news()
                    if not news.is_less:
                        return indexer.update(news, progress)
            # Made by another version, or damaged, or of logs that are gone.
            return self._rebuild(self.path, progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Build the index anew from the logs, with the same numbers as before where the old one can be read.

        Gives the bytes of log text taken in. Should it fail, the old index is still there.

        Raises:
            KeptError: A service keeps the index.
            StoreBusyError: Other processes held the index too long.
            OSError, duckdb.Error: The index cannot be written.
        """
        if self.path is None:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn(self.path, exclusive=True):
            return self._rebuild(self.path, progress)

    def _rebuild(self, path: Path, progress: Progress | None) -> int:
        new, done = self.built(path, self.order(path), progress)
        remove(path)
        new.replace(path)
        return done

    def order(self, path: Path) -> list[Piece]:
        """The parts of log files in the order in which the index in a file took them in, if it can be read."""
        if path.exists():
            with suppress(duckdb.Error), attached(path, "READ_ONLY") as old:
                return self.indexer(old).order_of_what_is_there()
        return []

    def built(self, path: Path, order: list[Piece], progress: Progress | None = None) -> tuple[Path, int]:
        """A new index in a file beside ``path``, and the bytes of log text that went into it.

        Args:
            path: Where the index is to be in the end.
            order: The parts of log files that come first.
            progress: Told how far it is.

        Raises:
            OSError, duckdb.Error: It cannot be written.
        """
        new = path.with_name(path.name + ".new")
        remove(new)
        try:
            with attached(new, "READ_WRITE") as connection:
                create(connection)
                indexer = self.indexer(connection)
                done = indexer.index(order, progress)
                done += indexer.update(indexer.news(), progress)
        except (duckdb.Error, OSError):
            remove(new)
            raise
        return new, done

    @contextmanager
    def in_memory(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """As :meth:`reading`, with an index that is made for this once, in memory, whoever holds the file."""
        with attached(MEMORY, "READ_WRITE") as connection:
            create(connection)
            indexer = self.indexer(connection)
            indexer.update(indexer.news())
            yield connection

    def indexer(self, connection: duckdb.DuckDBPyConnection) -> Indexer:
        """What brings the index that is the connection's current database up to date."""
        return Indexer(self.store, connection, self.lost_after)

    def tell(self, message: str) -> None:
        """Tell a person that something unusual is done."""
        self._tell(message)

    def _turn(self, path: Path, *, exclusive: bool, wait: float | None = None) -> AbstractContextManager[None]:
        if wait is not None:
            return taken(path, exclusive=exclusive, wait=wait)
        return taken(path, exclusive=exclusive, wait=WAIT_SECONDS, meanwhile=self._leave_to_keeper)

    def _leave_to_keeper(self) -> None:
        found = self.keeper()
        if found is not None:
            raise KeptError(f"{found} keeps the index {self.path}: ask it, or end it")
