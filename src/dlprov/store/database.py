"""The index file: where it lies, who may open it when, and how a reader gets an up-to-date one.

DuckDB lets one process write a file, and then no other may open it. So whoever needs the index takes it, brings it
up to date, and reads it together with others; nobody keeps it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Literal

import duckdb

from dlprov._version import __version__
from dlprov.errors import StoreBusyError, StoreError
from dlprov.store.indexer import Indexer, News, Progress
from dlprov.store.locks import taken
from dlprov.store.names import text
from dlprov.store.placement import index_path

SCHEMA_VERSION = "1"
"""Changes with ``schema.sql``. An index of another version, or of another dlprov, is built anew."""

WAIT_SECONDS = 60.0
"""How long a process waits for its turn at the index."""


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
        self.lost_after = lost_after
        self._tell = tell
        self.path = index_path(store, cache)

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the up-to-date index attached, read-only, as database ``store``.

        The connection outlives the block, without the index: what was made in its memory stays readable.

        Raises:
            StoreBusyError: Other processes held the index too long.
            StoreError: The index can neither be opened nor built.
        """
        if self.path is None:
            with self._in_memory() as connection:
                yield connection
            return
        engine = _engine()
        found: tuple[tuple[object, ...], News] | None = None
        if _is_usable(self.path):
            with (
                taken(self.path, exclusive=False, wait=WAIT_SECONDS),
                _attached(self.path, "READ_ONLY", engine) as connection,
            ):
                if _is_current(connection):
                    indexer = self._indexer(connection)
                    news = indexer.news()
                    if not news:
                        yield connection
                        return
                    found = (indexer.mark(), news)
        try:
            self._refresh(None, engine, found)
        except (duckdb.Error, OSError) as error:
            reason = str(error).partition("\n")[0]
            self._tell(f"the index {self.path} cannot be written ({reason}); it is built in memory for this once")
            with self._in_memory() as connection:
                yield connection
            return
        with (
            taken(self.path, exclusive=False, wait=WAIT_SECONDS),
            _attached(self.path, "READ_ONLY", engine) as connection,
        ):
            if not _is_current(connection):
                raise StoreError(f"the index {self.path} cannot be read; remove it: it is built anew from the run logs")
            yield connection

    def refresh(self, progress: Progress | None = None) -> int:
        """Index what is new; gives the bytes of log text taken in.

        Raises:
            StoreBusyError: Other processes held the index too long.
            OSError, duckdb.Error: The index cannot be written.
        """
        return self._refresh(progress, _engine())

    def _refresh(
        self,
        progress: Progress | None,
        engine: duckdb.DuckDBPyConnection,
        found: tuple[tuple[object, ...], News] | None = None,
    ) -> int:
        """``found``: news that were found with the index in the state of a mark. Looking for them takes a while."""
        if self.path is None:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with taken(self.path, exclusive=True, wait=WAIT_SECONDS):
            if not self.path.exists():
                return self._rebuild(self.path, progress)
            with _attached(self.path, "READ_WRITE", engine) as connection:
                if _is_current(connection):
                    indexer = self._indexer(connection)
                    is_same = found is not None and found[0] == indexer.mark()
                    return indexer.update(found[1] if found and is_same else indexer.news(), progress)
            # Made by another version, or damaged.
            return self._rebuild(self.path, progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Build the index anew from the logs, with the same numbers as before where the old one can be read.

        Gives the bytes of log text taken in. Should it fail, the old index is still there.

        Raises:
            StoreBusyError: Other processes held the index too long.
            OSError, duckdb.Error: The index cannot be written.
        """
        if self.path is None:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with taken(self.path, exclusive=True, wait=WAIT_SECONDS):
            return self._rebuild(self.path, progress)

    def _rebuild(self, path: Path, progress: Progress | None) -> int:
        order = []
        if path.exists():
            with suppress(duckdb.Error), _attached(path, "READ_ONLY") as old:
                order = self._indexer(old).order_of_what_is_there()
        new = path.with_name(path.name + ".new")
        _remove(new)
        try:
            with _attached(new, "READ_WRITE") as connection:
                _create(connection)
                indexer = self._indexer(connection)
                done = indexer.index(order, progress)
                done += indexer.update(indexer.news(), progress)
        except (duckdb.Error, OSError):
            _remove(new)
            raise
        _remove(path)
        new.replace(path)
        return done

    @contextmanager
    def _in_memory(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with _attached(Path(":memory:"), "READ_WRITE") as connection:
            _create(connection)
            indexer = self._indexer(connection)
            indexer.update(indexer.news())
            yield connection

    def _indexer(self, connection: duckdb.DuckDBPyConnection) -> Indexer:
        return Indexer(self.store, connection, self.lost_after)


@contextmanager
def _attached(
    path: Path, mode: Literal["READ_ONLY", "READ_WRITE"], connection: duckdb.DuckDBPyConnection | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the file attached as database ``store``; a file that is none is no database."""
    connection = connection or _engine()
    try:
        _attach(connection, path, mode)
        yield connection
    finally:
        _let_go(connection)


def _engine() -> duckdb.DuckDBPyConnection:
    """A new engine in memory, which takes some 15 ms: one is enough for a question."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    # The engine's default is a directory ".tmp" in the working directory, which is the user's.
    connection.execute(f"SET temp_directory = {text(str(Path(tempfile.gettempdir(), 'dlprov-duckdb')))}")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, mode: str) -> None:
    """Attach the file and make it the current database, unless it is none: what is in it then is not ours to read."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute(f"ATTACH {text(str(path))} AS store ({mode})")
            connection.execute("USE store")
        except duckdb.IOException as error:
            reason = str(error).partition("\n")[0]
            if "not a valid" in reason:
                return
            if "lock" not in reason.lower():
                raise
            # Only a program that is not ours holds the file without its turn.
            if time.monotonic() > deadline:
                raise StoreBusyError(f"the index {path} is open in another program: {reason}; close it there") from None
            time.sleep(0.05)
        except (duckdb.SerializationException, duckdb.InvalidInputException):
            return
        else:
            return


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Close the index, but not the connection: an answer in its memory outlives the index's use."""
    try:
        connection.execute("USE memory")
        connection.execute("DETACH DATABASE IF EXISTS store")
    except duckdb.Error:  # an error left a transaction open
        connection.close()


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("BEGIN TRANSACTION")
    connection.execute(files("dlprov.store").joinpath("schema.sql").read_text(encoding="utf-8"))
    for key, value in (("schema", SCHEMA_VERSION), ("dlprov", __version__)):
        connection.execute("INSERT INTO public.meta VALUES (?, ?)", [key, value])
    connection.execute("COMMIT")


def _is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the attached file is an index that this version made."""
    try:
        found = dict(connection.execute("SELECT key, value FROM store.public.meta").fetchall())
    except duckdb.Error:
        return False
    return found == {"schema": SCHEMA_VERSION, "dlprov": __version__}


def _is_usable(path: Path) -> bool:
    """Whether the file can be opened to read: there, and not left with a write-ahead log by a crash."""
    return path.exists() and not _log_of(path).exists()


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _remove(path: Path) -> None:
    for victim in (path, _log_of(path)):
        victim.unlink(missing_ok=True)
