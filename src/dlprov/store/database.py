"""The index file: where it lies, who may open it when, and how a reader gets an up-to-date one.

DuckDB lets one process write a file, and then no other may open it. So whoever needs the index takes it, brings it
up to date, and reads it together with others; nobody keeps it.
"""

from __future__ import annotations

import hashlib
import os
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
from dlprov.store.indexer import Indexer, Progress
from dlprov.store.locks import taken
from dlprov.store.names import text

SCHEMA_VERSION = "1"
"""Changes with ``schema.sql``. An index of another version, or of another dlprov, is built anew."""

FILE = "index.duckdb"

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "beegfs", "gpfs", "ceph", "9p", "fuse.sshfs"})
"""Locks and memory maps are not to be trusted there: the index of such a store lives in the cache directory."""

_WAIT_SECONDS = 60.0


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
            raise StoreError(
                f"the store {store} is a file, and a directory was expected; name another one with --store or DLPROV_STORE"
            )
        self.store = store
        self.lost_after = lost_after
        self._tell = tell
        self.path = self._place(cache)

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the up-to-date index attached, read-only, as database ``store``.

        Raises:
            StoreBusyError: Other processes held the index too long.
            StoreError: The index can neither be opened nor built.
        """
        if self.path is None:
            with self._in_memory() as connection:
                yield connection
            return
        if self._is_usable():
            with taken(self.path, exclusive=False, wait=_WAIT_SECONDS), self._attached("READ_ONLY") as connection:
                if connection is not None and not Indexer(self.store, connection, self.lost_after).news():
                    yield connection
                    return
        try:
            self.refresh()
        except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
            self._tell(f"the index {self.path} cannot be written ({_first_line(error)}); it is built in memory for this once")
            with self._in_memory() as connection:
                yield connection
            return
        with taken(self.path, exclusive=False, wait=_WAIT_SECONDS), self._attached("READ_ONLY") as connection:
            if connection is None:
                raise StoreError(f"the index {self.path} cannot be read; remove it: it is built anew from the run logs")
            yield connection

    def refresh(self, progress: Progress | None = None) -> int:
        """Index what is new; gives the bytes of log text taken in.

        Raises:
            StoreBusyError: Other processes held the index too long.
            OSError, duckdb.Error: The index cannot be written.
        """
        if self.path is None:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with taken(self.path, exclusive=True, wait=_WAIT_SECONDS):
            if not self._is_usable() and self.path.exists():
                return self._rebuild(progress)
            with self._attached("READ_WRITE") as connection:
                if connection is None:
                    return self._rebuild(progress)
                indexer = Indexer(self.store, connection, self.lost_after)
                return indexer.update(indexer.news(), progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Build the index anew from the logs, with the same numbers as before where the old one can be read.

        Gives the bytes of log text taken in. Readers see the old index until the new one is complete.
        """
        if self.path is None:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with taken(self.path, exclusive=True, wait=_WAIT_SECONDS):
            return self._rebuild(progress)

    def _rebuild(self, progress: Progress | None) -> int:
        assert self.path is not None
        order = []
        if self.path.exists():
            with suppress(duckdb.Error), self._attached("READ_ONLY", check=False) as old:
                if old is not None:
                    order = Indexer(self.store, old, self.lost_after).order()
        new = self.path.with_name(self.path.name + ".new")
        _remove(new)
        with _connection() as connection:
            connection.execute(f"ATTACH {text(str(new))} AS store")
            _create(connection)
            indexer = Indexer(self.store, connection, self.lost_after)
            done = indexer.index(order, progress)
            done += indexer.update(indexer.news(), progress)
        _remove(self.path)
        os.replace(new, self.path)
        return done

    @contextmanager
    def _in_memory(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with _connection() as connection:
            connection.execute("ATTACH ':memory:' AS store")
            _create(connection)
            indexer = Indexer(self.store, connection, self.lost_after)
            indexer.update(indexer.news())
            yield connection

    @contextmanager
    def _attached(
        self, mode: Literal["READ_ONLY", "READ_WRITE"], *, check: bool = True
    ) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A connection with the index attached; ``None`` if the file is no index of this version."""
        assert self.path is not None
        is_new = not self.path.exists()
        with _connection() as connection:
            try:
                _attach(connection, self.path, mode)
            except duckdb.Error as error:
                if "lock" in str(error).lower():
                    raise StoreBusyError(
                        f"the index {self.path} is open in another program: {_first_line(error)}; close it there"
                    ) from None
                yield None
                return
            connection.execute("USE store")
            if is_new:
                _create(connection)
            yield connection if not check or _is_current(connection) else None

    def _is_usable(self) -> bool:
        """Whether the file can be opened to read: there, and not left with a write-ahead log by a crash."""
        assert self.path is not None
        return self.path.exists() and not self.path.with_name(self.path.name + ".wal").exists()

    def _place(self, cache: Path) -> Path | None:
        """Where the index lives; ``None`` for in memory."""
        if not self.store.exists():
            return None
        if os.access(self.store, os.W_OK) and not _is_on_network(self.store):
            return self.store / FILE
        name = hashlib.sha256(os.fsencode(self.store.resolve())).hexdigest()[:16]
        directory = cache / name
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return directory / FILE if os.access(directory, os.W_OK) else None


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, mode: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute(f"ATTACH {text(str(path))} AS store ({mode})")
        except duckdb.IOException as error:
            # Only a program that is not ours holds the file without the lock.
            if "lock" not in str(error).lower() or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
        # The engine's default is a directory ".tmp" in the working directory, which is the user's.
        connection.execute(f"SET temp_directory = {text(str(Path(tempfile.gettempdir(), 'dlprov-duckdb')))}")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        _let_go(connection)


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Close the index, but not the connection: an answer in its memory outlives the index's use."""
    try:
        connection.execute("USE memory")
        connection.execute("DETACH DATABASE IF EXISTS store")
    except duckdb.Error:  # an error left a transaction open
        connection.close()


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("USE store")
    connection.execute(files("dlprov.store").joinpath("schema.sql").read_text(encoding="utf-8"))
    for key, value in (("schema", SCHEMA_VERSION), ("dlprov", __version__)):
        connection.execute("INSERT INTO public.meta VALUES (?, ?)", [key, value])


def _is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        found = dict(connection.execute("SELECT key, value FROM public.meta").fetchall())
    except duckdb.Error:
        return False
    return found == {"schema": SCHEMA_VERSION, "dlprov": __version__}


def _remove(path: Path) -> None:
    for victim in (path, path.with_name(path.name + ".wal")):
        victim.unlink(missing_ok=True)


def _is_on_network(path: Path) -> bool:
    """Whether the file system that holds ``path`` is one of the network (Linux: proc_mounts(5))."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    where = str(path.resolve())
    best, kind = "", ""
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = where == mount or where.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind in NETWORK_FILE_SYSTEMS


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


