"""Incremental indexing: each byte of each log file goes into the tables exactly once.

Rows and the position behind the last indexed line are committed together, so a crash at any moment leaves an
index that goes on where it stopped. The order in which parts of files were indexed is kept: a rebuild follows it and
gives the same tables, down to the numbers that rows were given.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from dlprov.errors import LogFormatError
from dlprov.log import events, layout
from dlprov.log.identifiers import time_of_run_id
from dlprov.log.reader import read_chunk, size_of
from dlprov.store.liveness import WriterState, is_alive
from dlprov.store.metrics import PREFIX, MetricStage
from dlprov.store.records import Batch, RunRecords
from dlprov.store.tables import Row, Tables

BATCH_BYTES = 48 * 1024 * 1024
"""About how much log text goes into one transaction."""

SETTLED_NANOSECONDS = 2_000_000_000
"""A directory that changed more recently may change again within the same tick of the file system's clock."""

_SEAL = b'{"event":"seal",'

_LINE_SHOWN = 200

_NO_RUN = f"(starts_with(run_id, '{layout.DECLARATION}') OR starts_with(run_id, '{layout.DOCUMENT}'))"

Progress = Callable[[int, int], None]
"""Called with the bytes that are indexed and the bytes that are to be indexed."""


class Piece(NamedTuple):
    """A part of a log file: from byte ``first`` to before byte ``end``; to the last whole line if ``end`` is -1."""

    run_id: str
    writer: str
    first: int
    end: int = -1


class News(NamedTuple):
    """In what the store and the index differ.

    ``is_less``: directories that were indexed are gone. Their rows cannot be taken out, so the index is built anew.
    """

    pieces: list[Piece]
    directories: dict[str, int]
    statuses: dict[str, str]
    is_less: bool = False

    def __bool__(self) -> bool:
        return bool(self.pieces or self.directories or self.statuses or self.is_less)


class Indexer:
    """Brings one index up to date with one store. ``connection`` has the index as its current database."""

    def __init__(self, store: Path, connection: duckdb.DuckDBPyConnection, lost_after: float) -> None:
        self.store = store
        self.connection = connection
        self.lost_after = lost_after

    def news(self) -> News:
        """What is new since the last time: a look at the directories, without reading a log."""
        known = {
            run_id: (changed, is_closed)
            for run_id, changed, is_closed in self._fetch("SELECT run_id, changed, is_closed FROM public.log_directory")
        }
        open_files = (
            "SELECT run_id, writer, position, format FROM public.log_file ANTI JOIN "
            "(SELECT run_id FROM public.log_directory WHERE is_closed) USING (run_id)"
        )
        positions: dict[tuple[str, str], int] = {}
        unreadable: set[tuple[str, str]] = set()
        for run_id, writer, position, version in self._fetch(open_files):
            positions[run_id, writer] = position
            if version is not None and not events.format_is_readable(version):
                unreadable.add((run_id, writer))
        pieces: list[Piece] = []
        directories: dict[str, int] = {}
        found = _directories(self.store)
        for run_id, changed in found:
            seen = known.get(run_id)
            if seen == (changed, True):
                continue
            if seen is None or seen[0] != changed:
                directories[run_id] = changed
            for path in layout.log_files(layout.run_directory(self.store, run_id)):
                key = (run_id, path.stem)
                if key in unreadable:
                    continue
                position = positions[key] if key in positions else self._position(*key) if seen else 0
                if size_of(path) > position and read_chunk(path, position, 1 << 16):
                    pieces.append(Piece(*key, position))
                    directories[run_id] = changed
        if not directories:
            directories = self._settled()
        # Where there is no directory of runs at all, the store's disk may be away for a while.
        is_less = not known.keys() <= dict(found).keys() and layout.runs_directory(self.store).is_dir()
        return News(self._in_order(pieces), directories, self._changed_statuses(), is_less)

    def _in_order(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces in the order in which their runs began; those of one run in the order in which the files did.

        What a task took from another process was there before: it is known when the taking is read.
        """
        files = Counter(piece.run_id for piece in pieces)
        runs = {run_id: _began(self.store, run_id) for run_id in files} if len(files) > 1 else {}
        began = {piece: _first_moment(_path(self.store, piece)) for piece in pieces if files[piece.run_id] > 1}
        return sorted(pieces, key=lambda piece: (runs.get(piece.run_id, 0), piece.run_id, began.get(piece, 0)))

    def mark(self) -> tuple[object, ...]:
        """What changes whenever the index does: news found with the same mark are still news."""
        query = (
            "SELECT (SELECT struct_pack(n := number, e := end_byte) FROM public.log_batch "
            "ORDER BY number DESC LIMIT 1), "
            "(SELECT struct_pack(c := count(*), m := max(changed), s := count(*) FILTER (is_closed)) "
            "FROM public.log_directory)"
        )
        return tuple(self._fetch(query)[0])

    def update(self, news: News, progress: Progress | None = None) -> int:
        """Take in what is new; gives the number of bytes."""
        done = self.index(news.pieces, progress)
        with _transaction(self.connection):
            self._close_directories(news.directories)
            self._set_statuses()
        return done

    def index(self, pieces: Iterable[Piece], progress: Progress | None = None) -> int:
        """Index parts of files in this order, in transactions of about ``BATCH_BYTES``; gives the bytes indexed."""
        todo = list(pieces)
        total = sum(self._size(piece) for piece in todo)
        done = 0
        while todo:
            with _transaction(self.connection):
                batch = _Transaction(self.connection, self.store, {piece.run_id for piece in todo})
                while todo and batch.size < BATCH_BYTES:
                    piece = todo.pop(0)
                    rest = batch.add(piece, BATCH_BYTES - batch.size)
                    if rest is not None:
                        todo.insert(0, rest)
                batch.flush()
            done += batch.size
            if progress is not None:
                progress(done, max(total, done))
        return done

    def order_of_what_is_there(self) -> list[Piece]:
        """The parts of files in the order in which they were indexed, of the files that still exist."""
        query = "SELECT run_id, writer, first_byte, end_byte FROM public.log_batch ORDER BY number"
        pieces = [Piece(*row) for row in self._fetch(query)]
        there = {key for key in {piece[:2] for piece in pieces} if _path(self.store, Piece(*key, 0)).exists()}
        return [piece for piece in pieces if piece[:2] in there]

    def _size(self, piece: Piece) -> int:
        end = piece.end if piece.end >= 0 else size_of(_path(self.store, piece))
        return max(0, end - piece.first)

    def _fetch(self, query: str, parameters: list[object] | None = None) -> list[tuple]:  # type: ignore[type-arg]
        return self.connection.execute(query, parameters or []).fetchall()

    def _position(self, run_id: str, writer: str) -> int:
        found = self._fetch("SELECT position FROM public.log_file WHERE run_id = ? AND writer = ?", [run_id, writer])
        return int(found[0][0]) if found else 0

    def _settled(self) -> dict[str, int]:
        """Directories of ended runs that are read to their ends and have rested, so that they can be closed."""
        query = (
            "SELECT run_id, changed FROM public.log_directory LEFT JOIN public.run USING (run_id) "
            f"WHERE NOT is_closed AND (ended IS NOT NULL OR {_NO_RUN}) AND changed < ?"
        )
        rested = self._fetch(query, [time.time_ns() - SETTLED_NANOSECONDS])
        complete = self._complete(run_id for run_id, _ in rested)
        return {run_id: changed for run_id, changed in rested if run_id in complete}

    def _complete(self, run_ids: Iterable[str]) -> set[str]:
        """Those of the runs that have ended and whose files are sealed and indexed to their ends."""
        wanted = list(run_ids)
        ended = "SELECT run_id FROM public.run WHERE ended IS NOT NULL AND run_id IN (SELECT unnest(?::VARCHAR[]))"
        complete = {row[0] for row in self._fetch(ended, [wanted])}
        complete |= set(itertools.filterfalse(layout.is_run, wanted))
        sealed = (
            "SELECT run_id, writer, position FROM public.log_file "
            "WHERE is_sealed AND run_id IN (SELECT unnest(?::VARCHAR[]))"
        )
        positions = {(run_id, writer): position for run_id, writer, position in self._fetch(sealed, [wanted])}
        for run_id in list(complete):
            files = layout.log_files(layout.run_directory(self.store, run_id))
            if any(positions.get((run_id, path.stem)) != size_of(path) for path in files):
                complete.discard(run_id)
        return complete

    def _close_directories(self, directories: dict[str, int]) -> None:
        if not directories:
            return
        rested = time.time_ns() - SETTLED_NANOSECONDS
        closed = self._complete(run_id for run_id, changed in directories.items() if changed < rested)
        run_ids = list(directories)
        self.connection.execute(
            "DELETE FROM public.log_directory WHERE run_id IN (SELECT unnest(?::VARCHAR[]))", [run_ids]
        )
        self.connection.execute(
            "INSERT INTO public.log_directory SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::BOOLEAN[])",
            [run_ids, list(directories.values()), [run_id in closed for run_id in run_ids]],
        )

    def _changed_statuses(self) -> dict[str, str]:
        """Runs without an end whose processes have gone or come back, with their true status."""
        query = """
            SELECT r.run_id, r.status, f.host, f.boot, f.pid, f.process_started, epoch_us(f.last_seen)
            FROM public.run AS r LEFT JOIN public.log_file AS f USING (run_id)
            WHERE r.ended IS NULL
        """
        now = events.now()
        stored: dict[str, str] = {}
        alive: set[str] = set()
        for run_id, status, host, boot, pid, started, last_seen in self._fetch(query):
            stored[run_id] = status
            state = WriterState(host or "", boot or "", pid or 0, started or 0, last_seen or 0)
            if last_seen is not None and is_alive(state, now, self.lost_after):
                alive.add(run_id)
        true = {run_id: "running" if run_id in alive else "lost" for run_id in stored}
        return {run_id: status for run_id, status in true.items() if status != stored[run_id]}

    def _set_statuses(self) -> None:
        for run_id, status in self._changed_statuses().items():
            self.connection.execute("UPDATE public.run SET status = ? WHERE run_id = ?", [status, run_id])


class _Transaction:
    """The rows of one transaction, and how far they bring each file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, store: Path, run_ids: Iterable[str]) -> None:
        self.store = store
        self.tables = Tables(connection)
        self.batch = Batch(self.tables)
        self.metrics = MetricStage(connection)
        self.size = 0
        known = self.tables.load("log_file", "run_id IN (SELECT unnest(?::VARCHAR[]))", [list(run_ids)])
        self._known = {(row["run_id"], row["writer"]): row for row in known}
        self._files: dict[tuple[str, str], Row] = {}
        self._new_files: set[int] = set()
        found = self.tables.load("log_batch", "number = (SELECT max(number) FROM public.log_batch)", [])
        self._last: Row | None = found[0] if found else None
        self._last_is_new = False

    def add(self, piece: Piece, limit: int) -> Piece | None:
        """Take in a part of a file, about ``limit`` bytes of it; gives what is left."""
        file = self._file(piece)
        path = _path(self.store, piece)
        position = int(file["position"])
        end = piece.end
        while (end < 0 or position < end) and limit > 0:
            try:
                chunk = read_chunk(path, position)
            except OSError as error:
                self._problem(piece, position, f"cannot be read: {error.strerror or error}", b"")
                return None
            if end >= 0:
                chunk = chunk[: end - position]
            if not chunk or not self._lines(piece, file, chunk, position):
                return None
            self._record(piece, position, position + len(chunk))
            position += len(chunk)
            file["position"] = position
            self.size += len(chunk)
            limit -= len(chunk)
        return piece._replace(first=position) if end < 0 or position < end else None

    def flush(self) -> None:
        """Write all rows."""
        if self._last is not None and not self._last_is_new:
            self.tables.update("log_batch", "number", {self._last["number"]: self._last})
        self.batch.flush()
        self.metrics.flush()
        changed = {row["id"]: row for row in self._files.values() if row["id"] not in self._new_files}
        self.tables.update("log_file", "id", changed)

    def _file(self, piece: Piece) -> Row:
        key = (piece.run_id, piece.writer)
        if key not in self._files:
            found = self._known.get(key)
            if found is not None:
                self._files[key] = found
            else:
                number = self.tables.number("log_file")
                row = {"id": number, "run_id": piece.run_id, "writer": piece.writer, "position": 0, "is_sealed": False}
                self._files[key] = self.tables.insert("log_file", **row)
                self._new_files.add(number)
        return self._files[key]

    def _lines(self, piece: Piece, file: Row, chunk: bytes, position: int) -> bool:
        """Take in whole lines; false if this package does not read the file's format."""
        run = self.batch.run(piece.run_id)
        metrics: list[bytes] = []
        places: list[int] = []
        for line in chunk.split(b"\n")[:-1]:
            if line.startswith(PREFIX):
                metrics.append(line)
                places.append(position)
            elif line.strip() and not self._line(piece, file, run, line, position):
                return False
            position += len(line) + 1
        file["is_sealed"] = chunk.startswith(_SEAL, chunk.rfind(b"\n", 0, -1) + 1)
        for index, reason in self.metrics.add_lines(run, piece.writer, metrics):
            self._problem(piece, places[index], reason, metrics[index])
        file["last_seen"] = max(run.row.get("last_seen", 0), file.get("last_seen", 0)) or None
        return True

    def _line(self, piece: Piece, file: Row, run: RunRecords, line: bytes, position: int) -> bool:
        try:
            event = events.decode(line)
        except LogFormatError as error:
            self._problem(piece, position, str(error), line)
            return True
        if isinstance(event, events.Log):
            file |= {"format": event.format, "host": event.host, "boot": event.boot, "pid": event.pid}
            file["process_started"] = event.process_started
            run.row.setdefault("host", event.host)
            if not events.format_is_readable(event.format):
                reason = f"written in format {event.format}, this dlprov reads format {events.FORMAT}: update dlprov"
                self._problem(piece, position, reason, b"")
                return False
        run.seen(event.time)
        if isinstance(event, events.Metric):
            reason = self.metrics.add_event(run, piece.writer, event)
            if reason:
                self._problem(piece, position, reason, line)
        elif not isinstance(event, events.Unknown):
            run.handle(event, piece.writer)
        return True

    def _problem(self, piece: Piece, position: int, reason: str, line: bytes) -> None:
        shown = line[:_LINE_SHOWN].decode("utf-8", "backslashreplace")
        row = {"run_id": piece.run_id, "writer": piece.writer, "position": position, "reason": reason, "line": shown}
        known = self.tables["log_problem"].waiting
        condition = "run_id = ? AND writer = ? AND position = ? AND reason = ?"
        key = [piece.run_id, piece.writer, position, reason]
        # A file that cannot be read is met again and again.
        if row not in known and not self.tables.load("log_problem", condition, key):
            self.tables.insert("log_problem", **row)

    def _record(self, piece: Piece, first: int, end: int) -> None:
        last = self._last
        if last and (last["run_id"], last["writer"], last["end_byte"]) == (piece.run_id, piece.writer, first):
            last["end_byte"] = end
            return
        if last is not None and not self._last_is_new:
            self.tables.update("log_batch", "number", {last["number"]: last})
        number = self.tables.number("log_batch", "number")
        row = {"number": number, "run_id": piece.run_id, "writer": piece.writer, "first_byte": first, "end_byte": end}
        self._last = self.tables.insert("log_batch", **row)
        self._last_is_new = True


class _transaction:  # noqa: N801 - used like a function
    """BEGIN and COMMIT around a block, ROLLBACK if an exception leaves it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN TRANSACTION")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _path(store: Path, piece: Piece) -> Path:
    return layout.run_directory(store, piece.run_id) / (piece.writer + layout.SUFFIX)


def _began(store: Path, run_id: str) -> int:
    """When a run began, in milliseconds since 1970: what is new is indexed in this order.

    Ids made by this package tell; those of executions, which are derived from names, and declarations do not.
    """
    moment = time_of_run_id(run_id)
    if moment is not None:
        return moment
    directory = layout.run_directory(store, run_id)
    times = [_first_moment(path) for path in layout.log_files(directory)]
    return min(filter(None, times), default=0) // 1000


def _first_moment(path: Path) -> int:
    """The time of a file's first line, in microseconds since 1970 (UTC); 0 if it tells none."""
    with suppress(OSError, LogFormatError):
        return events.decode(read_chunk(path, 0, 4096).partition(b"\n")[0]).time
    return 0


def _directories(store: Path) -> list[tuple[str, int]]:
    """Run directories with the time of their last change (nanoseconds), in the order of their ids."""
    try:
        with os.scandir(layout.runs_directory(store)) as entries:
            found = [(entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found)
