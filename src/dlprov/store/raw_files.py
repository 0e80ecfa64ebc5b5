"""The rows of raw data files, brought into a form in which an index takes them without a doubt.

A file is read only while its content is the one that was recorded, and by an engine of its own: what a file may hold
can make an engine give up, and then it gives up the transaction, too.
"""

from __future__ import annotations

import csv
import glob
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb

from dlprov.errors import StoreError
from dlprov.extraction.delimited import DelimitedFile
from dlprov.store import arrays
from dlprov.store.engine import new_engine
from dlprov.store.names import text

MAX_ROWS = 10_000_000
"""Rows of a file that go into an index."""

MAX_COLUMNS = 1_000
"""Columns of a file that go into an index."""

MEMORY = "1GB"
"""What reading a file may hold in memory, about."""

_LINE_BYTES = 1 << 25

_NO_PARTITIONS = "hive_partitioning = false"
"""A directory whose name has ``=`` is no column."""

_TABLE = "stage.main.rows"


class Content(NamedTuple):
    """What a raw data file is: its path, its format (``csv``, ``parquet``, ``numpy``, ``json``), and its identity."""

    path: str
    format: str
    sha256: str
    size: int
    delimiter: str = ""


class Rows(NamedTuple):
    """A file's rows.

    ``source`` is SQL that gives them with columns ``c0``, ``c1``, … and ``place``, which counts them from 0; ``names``
    are the columns' names in the file, ``kinds`` their types, ``is_text`` tells that all values are text whose types
    nobody knows (a gap is NULL), ``remarks`` what was left out and why.
    """

    names: list[str]
    total: int
    is_text: bool
    remarks: list[str]
    source: str = ""
    kinds: tuple[str, ...] = ()


class RawFiles:
    """Reads raw data files for one index. ``connection`` is one of its engine's; one thread at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._own: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def rows(self, content: Content, declared: list[str]) -> Iterator[Rows]:
        """The rows of a file, for the index's engine to read, until the end of the block.

        Args:
            content: The file as it was recorded.
            declared: Names of columns that it is to have; where a first line has all of them, it is a header.

        Raises:
            StoreError: The file is not there, is another one by now, or is not of its format.
        """
        if content.format not in _READERS:
            raise StoreError(f"one of the formats {', '.join(_READERS)} was expected, got {content.format!r}")
        with tempfile.TemporaryDirectory(prefix="dlprov-raw-", dir=self._place(), ignore_cleanup_errors=True) as name:
            try:
                found = self._stage(content, declared, Path(name))
            except duckdb.Error as error:
                raise StoreError(f"rows of {content.format} were expected, got: {_reason(error)}") from None
            except OSError as error:
                raise StoreError(f"it cannot be read ({error.strerror or error})") from None
            except StoreError:
                raise
            except Exception as error:
                # What is damaged fails in ways that nobody lists, such as zlib.error: it must not stop the index.
                kind = type(error).__name__
                raise StoreError(f"rows of {content.format} were expected, got {kind}: {error}") from error
            yield found

    def _place(self) -> str | None:
        """A directory that the index's engine may read: a service takes all others from it."""
        query = "SELECT current_setting('enable_external_access'), current_setting('allowed_directories')"
        anywhere, allowed = self._connection.execute(query).fetchall()[0]
        if anywhere:
            return None
        for name in reversed(allowed):
            if os.access(name, os.W_OK | os.X_OK):
                return str(name)
        raise StoreError("a directory for temporary files was expected, got none: rebuild the index")

    def _stage(self, content: Content, declared: list[str], directory: Path) -> Rows:
        engine = self._engine()
        engine.execute(f"ATTACH {text(str(directory / 'rows.duckdb'))} AS stage")
        try:
            with _opened(content) as (file, name):
                source = _Source(engine, file, name, content.delimiter, declared, directory)
                return _handed_over(engine, _READERS[content.format](source), directory / "rows.parquet")
        finally:
            engine.execute("DETACH stage")

    def _engine(self) -> duckdb.DuckDBPyConnection:
        if self._own is None:
            self._own = new_engine()
            # Files are read under the names of their descriptors, which are used again for other files.
            self._own.execute("SET enable_external_file_cache = false")
            self._own.execute(f"SET memory_limit = {text(MEMORY)}")
        return self._own


class _Source(NamedTuple):
    """An open file that is to be read, and the engine that reads it, by ``name``, into a table."""

    engine: duckdb.DuckDBPyConnection
    file: BinaryIO
    name: str
    delimiter: str
    declared: list[str]
    directory: Path

    def keep(self, source: str, names: list[str], remarks: list[str], *, is_text: bool = False) -> Rows:
        """Make the table of a query's rows; its columns are in the order of ``names``."""
        kinds = [row[1] for row in self.engine.execute(f"DESCRIBE {source}").fetchall()]
        aliases = ", ".join(f"c{place}" for place in range(len(kinds)))
        kept = enumerate(kinds[:MAX_COLUMNS])
        picked = ", ".join(f"{plain(f'c{place}', kind)} AS c{place}" for place, kind in kept)
        found = self.engine.execute(
            f"CREATE TABLE {_TABLE} AS SELECT {picked} FROM ({source}) AS t({aliases}) LIMIT {MAX_ROWS + 1}"
        ).fetchone()
        return self.cut(names, int(found[0]) if found else 0, remarks, is_text=is_text)

    def cut(self, names: list[str], count: int, remarks: list[str], *, is_text: bool = False) -> Rows:
        """The rows as they are in the table, without those beyond the limits."""
        if count > MAX_ROWS:
            self.engine.execute(f"DELETE FROM {_TABLE} WHERE rowid >= {MAX_ROWS}")
            left = f"it has more than {MAX_ROWS:,} rows; those behind are left out"
            remarks.append(f"{left}: split it into several files")
        if len(names) > MAX_COLUMNS:
            left = f"it has {len(names):,} columns; those behind the first {MAX_COLUMNS:,} are left out"
            remarks.append(f"{left}: split it into several files")
        return Rows(names[:MAX_COLUMNS], min(count, MAX_ROWS), is_text, remarks)


@contextmanager
def _opened(content: Content) -> Iterator[tuple[BinaryIO, str]]:
    """The file, if its content is still what was recorded, and a name by which the engine opens the same file.

    Raises:
        StoreError: It is gone, or is another one by now.
    """
    try:
        # Opening a pipe would wait for somebody who writes to it.
        descriptor = os.open(content.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise StoreError("it is gone: bring it back, and rebuild the index with dlprov index --rebuild") from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise StoreError("a file was expected, got something else of this name")
        if before.st_size != content.size or hashlib.file_digest(file, "sha256").hexdigest() != content.sha256:
            raise StoreError(
                f"it has changed since it was recorded ({content.size:,} bytes with SHA-256 {content.sha256[:12]}…): "
                "write each file under a name of its own"
            )
        file.seek(0)
        yield file, _name_of(descriptor, content.path)
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise StoreError("it changed while it was read: write each file under a name of its own")


def _name_of(descriptor: int, path: str) -> str:
    """A name that leads to an open file, even if its path leads elsewhere by now, where the system has such names."""
    own = f"/proc/self/fd/{descriptor}"
    return own if Path(own).exists() else _escaped(path)


def _handed_over(engine: duckdb.DuckDBPyConnection, rows: Rows, target: Path) -> Rows:
    """The rows in a file that any engine reads: one that reads a database would hold it to its transaction's end."""
    kinds = tuple(row[1] for row in engine.execute(f"DESCRIBE {_TABLE}").fetchall())
    written, read = [], ["file_row_number AS place"]
    for place, kind in enumerate(kinds):
        # The file has no integers of 128 bits.
        written.append(f"CAST(c{place} AS VARCHAR) AS c{place}" if kind == "HUGEINT" else f"c{place}")
        read.append(f"CAST(c{place} AS {kind}) AS c{place}")
    engine.execute(f"COPY (SELECT {', '.join(written)} FROM {_TABLE}) TO {text(str(target))} (FORMAT parquet)")
    options = f"file_row_number = true, {_NO_PARTITIONS}"
    source = f"(SELECT {', '.join(read)} FROM read_parquet({text(_escaped(str(target)))}, {options}))"
    return rows._replace(source=source, kinds=kinds)


def _escaped(path: str) -> str:
    """A path as a pattern of the engine that fits this path alone."""
    return glob.escape(path)


def _parquet(source: _Source) -> Rows:
    query = f"FROM read_parquet({text(source.name)}, {_NO_PARTITIONS})"
    names = [row[0] for row in source.engine.execute(f"DESCRIBE {query}").fetchall()]
    return source.keep(query, names, [])


def _json(source: _Source) -> Rows:
    # Every object is looked at before a column gets a type.
    options = "sample_size = -1, records = true, map_inference_threshold = -1, maximum_object_size = 67108864"
    options += f", {_NO_PARTITIONS}"
    query = f"FROM read_json({text(source.name)}, {options})"
    try:
        names = [row[0] for row in source.engine.execute(f"DESCRIBE {query}").fetchall()]
    except duckdb.BinderException:
        if source.file.read(64).strip(b"[] \t\r\n"):
            raise StoreError("a list of objects, or an object a line, was expected, got other JSON") from None
        source.engine.execute(f"CREATE TABLE {_TABLE} (c0 VARCHAR)")
        return Rows([], 0, False, [])
    return source.keep(query, names, [])


def _numpy(source: _Source) -> Rows:
    found = arrays.columns(source.name, source.directory)
    names = [column.name for column in found]
    kept, count = found[:MAX_COLUMNS], 0
    for part in arrays.parts(kept, MAX_ROWS + 1):
        source.engine.register("raw_part", part)
        try:
            count += _add_part(source.engine, kept, is_first=count == 0)
        finally:
            source.engine.unregister("raw_part")
    if not count:
        source.engine.execute(f"CREATE TABLE {_TABLE} ({', '.join(f'c{place} VARCHAR' for place in range(len(kept)))})")
    return source.cut(names, count, [])


def _add_part(engine: duckdb.DuckDBPyConnection, columns: list[arrays.Column], *, is_first: bool) -> int:
    kinds = [row[1] for row in engine.execute("DESCRIBE FROM raw_part").fetchall()]
    picked = ", ".join(
        # The engine takes NaN in an array for a gap, and an array has none.
        f"coalesce({plain(f'c{place}', kind)}, 'NaN')" if column.is_float else plain(f"c{place}", kind)
        for place, (column, kind) in enumerate(zip(columns, kinds, strict=True))
    )
    aliases = ", ".join(f"c{place}" for place in range(len(columns)))
    query = f"SELECT * FROM (SELECT {picked} FROM raw_part) AS t({aliases})"
    change = f"CREATE TABLE {_TABLE} AS" if is_first else f"INSERT INTO {_TABLE}"
    found = engine.execute(f"{change} {query}").fetchone()
    return int(found[0]) if found else 0


def _csv(source: _Source) -> Rows:
    target = source.directory / "rows.csv"
    try:
        names, remarks = _rewrite(source, target, is_lenient=False)
    except UnicodeDecodeError:
        source.file.seek(0)
        names, remarks = _rewrite(source, target, is_lenient=True)
        remarks.append("UTF-8 was expected, got other bytes, which became \\xNN: convert the file")
    if not names:
        source.engine.execute(f"CREATE TABLE {_TABLE} (c0 VARCHAR)")
        return Rows([], 0, True, remarks)
    kinds = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(min(len(names), MAX_COLUMNS)))
    options = (
        f"auto_detect = false, header = false, columns = {{{kinds}}}, delim = ',', quote = '\"', escape = '\"', "
        f"new_line = '\\n', nullstr = '', max_line_size = {_LINE_BYTES}, parallel = false, {_NO_PARTITIONS}"
    )
    found = source.keep(f"FROM read_csv({text(str(target))}, {options})", names, remarks, is_text=True)
    target.unlink()
    return found


def _rewrite(source: _Source, target: Path, *, is_lenient: bool) -> tuple[list[str], list[str]]:
    """Write the rows of a file of whichever dialect as the engine reads them without a doubt.

    Gives the names of the columns, and remarks. The engine's own reader passes over everything behind a quote that is
    not closed, and says nothing.
    """
    found = DelimitedFile(source.file, delimiter=source.delimiter, declared=source.declared, is_lenient=is_lenient)
    try:
        rows = islice(found.rows(), MAX_ROWS + 1)
        with target.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerows(rows if len(found.names) <= MAX_COLUMNS else (row[:MAX_COLUMNS] for row in rows))
        return found.names, found.remarks()
    finally:
        found.close()


_READERS: dict[str, Callable[[_Source], Rows]] = {"csv": _csv, "parquet": _parquet, "numpy": _numpy, "json": _json}

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})

_KEPT = frozenset({"BOOLEAN", "VARCHAR", "JSON", "DATE", "TIMESTAMP", "TIMESTAMP_NS", "BLOB"})


def plain(column: str, kind: str) -> str:
    """An expression for a column in one of the types that columns of an index have; nothing is rounded."""
    if kind in _KEPT or kind.startswith("DECIMAL"):
        return column
    if kind in _INTEGERS:
        return f"CAST({column} AS BIGINT)"
    if kind in ("UBIGINT", "HUGEINT"):
        return f"CAST({column} AS HUGEINT)"
    if kind in ("FLOAT", "DOUBLE"):
        return f"CAST({column} AS DOUBLE)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        # Times are UTC, without a zone.
        return f"make_timestamp(epoch_us({column}))"
    if kind.startswith("TIMESTAMP"):
        return f"CAST({column} AS TIMESTAMP)"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT")):
        return f"to_json({column})"
    return f"CAST({column} AS VARCHAR)"


def _reason(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0].partition(": ")[2] or str(error)
