"""Engines: where an index file is attached, and what they may do."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import duckdb

from dlprov._version import __version__
from dlprov.errors import StoreBusyError
from dlprov.store.names import text

WAIT_SECONDS = 60.0
"""How long a process waits for its turn at the index."""

MEMORY = Path(":memory:")
"""The path of an index that is in memory."""

Mode = Literal["READ_ONLY", "READ_WRITE"]


def new_engine() -> duckdb.DuckDBPyConnection:
    """A new engine in memory, which takes some 15 ms: one is enough for a question."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    # A bar on stdout would stand in the middle of an answer.
    connection.execute("SET enable_progress_bar = false")
    # Names of tables mean the store's tables, never variables of a Python program.
    connection.execute("SET python_enable_replacements = false")
    # The engine's default is a directory ".tmp" in the working directory, which is the user's.
    connection.execute(f"SET temp_directory = {text(str(Path(tempfile.gettempdir(), 'dlprov-duckdb')))}")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def confine(connection: duckdb.DuckDBPyConnection, scratch: Path, memory: int, disk: int) -> None:
    """Take files, network and settings from all connections of an engine, for good, once its index is attached.

    Args:
        connection: A connection of the engine.
        scratch: The one directory in which it may still write and read files, beside the index and its own
            temporary files.
        memory: Bytes that all its questions together may hold in memory.
        disk: Bytes that they may put aside on the disk when these are used up.
    """
    connection.execute(f"SET memory_limit = '{memory} bytes'; SET max_temp_directory_size = '{disk} bytes'")
    connection.execute(f"SET allowed_directories = [{text(str(scratch))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def attached(
    path: Path, mode: Mode, connection: duckdb.DuckDBPyConnection | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the file attached as database ``store``; a file that is none is no database."""
    connection = connection or new_engine()
    try:
        attach(connection, path, mode)
        yield connection
    finally:
        _let_go(connection)


def attach(connection: duckdb.DuckDBPyConnection, path: Path, mode: Mode) -> None:
    """Attach the file and make it the current database, unless it is none: what is in it then is not ours to read.

    Raises:
        StoreBusyError: A program that is not ours holds the file.
        duckdb.Error: The file cannot be opened.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute(f"ATTACH {text(str(path))} AS store ({mode})")
            connection.execute("USE store")
        except (duckdb.SerializationException, duckdb.InvalidInputException):
            return
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            if "not a valid" in reason:
                return
            # A question of this process still reads it, from an engine that has let it go.
            is_ours = "Unique file handle conflict" in reason
            if not is_ours and not (isinstance(error, duckdb.IOException) and "lock" in reason.lower()):
                raise
            # Only a program that is not ours holds the file without its turn.
            if time.monotonic() > deadline:
                raise StoreBusyError(f"the index {path} is open in another program: {reason}; close it there") from None
            time.sleep(0.05)
        else:
            return


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Close the index, but not the connection: an answer in its memory outlives the index's use."""
    try:
        connection.execute("USE memory")
        connection.execute("DETACH DATABASE IF EXISTS store")
    except duckdb.Error:  # an error left a transaction open
        connection.close()


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of an index in the current database, which is empty."""
    connection.execute("BEGIN TRANSACTION")
    for script in _scripts():
        connection.execute(script)
    for key, value in _identity().items():
        connection.execute("INSERT INTO public.meta VALUES (?, ?)", [key, value])
    connection.execute("COMMIT")


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the attached file is an index that this version made. Another one is built anew."""
    try:
        found = dict(connection.execute("SELECT key, value FROM store.public.meta").fetchall())
    except duckdb.Error:
        return False
    return found == _identity()


@cache
def _scripts() -> tuple[str, ...]:
    """What makes the tables."""
    return tuple(
        files("dlprov.store").joinpath(name).read_text(encoding="utf-8") for name in ("schema.sql", "monetdb.sql")
    )


@cache
def _identity() -> dict[str, str]:
    """What an index says of itself: other tables are another index, whether or not the version tells."""
    return {"schema": hashlib.sha256("".join(_scripts()).encode()).hexdigest(), "dlprov": __version__}


def is_usable(path: Path) -> bool:
    """Whether the file can be opened to read: there, and not left with a write-ahead log by a crash."""
    return path.exists() and not log_of(path).exists()


def log_of(path: Path) -> Path:
    """The write-ahead log of a database file."""
    return path.with_name(path.name + ".wal")


def remove(path: Path) -> None:
    """Remove a database file and its write-ahead log, as far as they are there."""
    for victim in (path, log_of(path)):
        victim.unlink(missing_ok=True)
