"""The file of one run that imports append to.

An import may be repeated, be cut off and be repeated, or come again with more: what the file holds already, it does not
get again. So that a line can be known again, nothing in it depends on when and where it was imported.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from dlprov.errors import LogFormatError
from dlprov.intake.known import KnownRows, check_of, content
from dlprov.log import events, layout
from dlprov.log.reader import read_chunk, unfinished_bytes

_KEYS_AT_A_TIME = 10_000


def writer_of(run_id: str) -> str:
    """The writer of a run's imported file. Its name is in the keys of elements, so no two runs share one."""
    return f"import-{run_id}"


class _Element(msgspec.Struct):
    """The part of a line about elements that tells which ones."""

    time: int
    task: events.Key
    set: str
    key: int = 0
    keys: tuple[events.Key, ...] = ()


_ELEMENTS = (b'{"event":"generated"', b'{"event":"used"')
_decode_element = msgspec.json.Decoder(_Element).decode


class RunLog:
    """The file of one run that imports append to, and what it holds already.

    Args:
        directory: The run's directory.
        run_id: Its name.

    Raises:
        OSError: What is there cannot be read. So do ``flush`` and ``close``.
    """

    def __init__(self, directory: Path, run_id: str) -> None:
        self.run_id = run_id
        self.writer = writer_of(run_id)
        self.path = directory / (self.writer + layout.SUFFIX)
        self.waiting = 0
        self.added = 0
        self._tasks: dict[events.Key, bytes] = {}
        self._lines: list[bytes] = []
        self._unwritten = b""
        self._contents: set[bytes] = set()
        self._kinds: set[type[Any]] = set()
        self._elements: defaultdict[str, KnownRows] = defaultdict(KnownRows)
        self._uses: defaultdict[tuple[events.Key, str], KnownRows] = defaultdict(partial(KnownRows, with_checks=False))
        self._using: dict[tuple[events.Key, str], tuple[int, list[int]]] = {}
        self._intervals: dict[tuple[Any, ...], bool] = {}
        self._task_ends: dict[events.Key, events.TaskEnd] = {}
        self._task_durations: dict[events.Key, float] = {}
        self._end: events.End | None = None
        self._duration = 0.0
        self._latest = 0
        self._is_sealed = self._is_mended = False
        self.is_new = not self.path.exists()
        if not self.is_new:
            self._load()

    def add(self, event: events.AnyEvent) -> bool:
        """Append an event, unless the file holds it, at whatever time. False if it does."""
        if self.holds(event):
            return False
        self.append(event)
        return True

    def holds(self, event: events.AnyEvent) -> bool:
        """Whether the file holds the event, at whatever time."""
        return _digest(events.encode(event)) in self._contents

    def append(self, event: events.AnyEvent) -> None:
        """Append an event, even if the file holds it."""
        self._note(event, _digest(self._append(event)))

    def once(self, event: events.AnyEvent) -> bool:
        """Append an event, unless the file holds one of its kind. False if it does."""
        return type(event) not in self._kinds and self.add(event)

    def element(self, event: events.Generated | events.Used) -> bool | None:
        """Append a new element. False if the file holds it, ``None`` if it holds another one under its key."""
        line = events.encode(event)
        check = check_of(line)
        known = self._elements[event.set].add(event.key, check)
        if known:
            return False if known == check else None
        self._append_line(line, event.time)
        return True

    def uses(self, task: events.Key, set: str, key: int, time: int) -> None:
        """A task used an element. The line is appended with others of the task, at the latest by ``append_uses``."""
        if self._uses[task, set].add(key):
            return
        _, keys = self._using.setdefault((task, set), (time, []))
        keys.append(key)
        if len(keys) >= _KEYS_AT_A_TIME:
            self.append_uses()

    def append_uses(self) -> None:
        """Append the uses that wait for others."""
        for (task, tag), (time, keys) in self._using.items():
            self._append(events.Used(time, task, tag, keys=tuple(keys)))
        self._using.clear()

    def begin_task(self, event: events.Task) -> bool:
        """A task began; gives whether the file had not known it."""
        known = self._tasks.get(event.key)
        if known != _digest(events.encode(event)):
            end = self._task_ends.get(event.key)
            # What began anew did so after its end.
            self.append(msgspec.structs.replace(event, time=max(event.time, end.time)) if end is not None else event)
        return known is None

    def interval(self, event: events.Performance) -> None:
        """A task's interval. One that the file has counts; a later one only brings an end that was missing."""
        has_end = self._intervals.get(_interval(event))
        if has_end is None or (event.end and not has_end):
            self.append(event)

    def end_task(self, event: events.TaskEnd) -> None:
        """A task ended, with its whole duration. An end before the one in the file is of an older import."""
        known = self._task_ends.get(event.task)
        said = msgspec.structs.replace(event, duration=0.0)
        if known is not None and (said == known or event.time < known.time):
            return
        # An index adds up the durations of a task.
        counted = self._task_durations.get(event.task, 0.0)
        self._task_ends[event.task] = said
        self._task_durations[event.task] = max(event.duration, counted)
        self._append(msgspec.structs.replace(event, duration=_rest(event.duration, counted)))

    def end(self, event: events.End | None) -> None:
        """The run ended, with its whole duration, or, with ``None``, has not.

        The last thing to say of a run: what brings nothing new, or an end before the one in the file, is older than it.
        """
        known = self._end
        if known is not None:
            if event.time <= known.time if event is not None else not self.added:
                return
            self._append(events.Resume(known.time))
        if event is not None:
            rest = _rest(event.duration, self._duration)
            self._append(msgspec.structs.replace(event, duration=rest))
            self._duration += rest
        self._end = event

    def flush(self) -> None:
        """Write what waits."""
        # What a full disk did not take stays here, from the byte on: the next call goes on in the middle of a line.
        self._unwritten += b"".join(self._lines)
        self._lines.clear()
        if not self._unwritten:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            if not self._is_mended:
                self._mend(file)
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(file, self._unwritten) :]
        finally:
            os.close(file)
        self.waiting = 0
        self._is_sealed = False

    def close(self) -> None:
        """Write what waits and seal the file, unless nothing is new."""
        self.flush()
        if self._is_sealed or not self.path.exists():
            return
        digest, size = hashlib.sha256(), 0
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        try:
            self._mend(file)
            while chunk := os.pread(file, 1 << 20, size):
                digest.update(chunk)
                size += len(chunk)
            # Not the present time: the same import gives the same bytes everywhere, and a run that has no end shows no
            # sign of life.
            os.write(file, events.encode(events.Seal(self._latest, digest.hexdigest(), size)))
            os.fsync(file)
        finally:
            os.close(file)
        # Appending does not change the directory, and readers pass over directories that did not change.
        os.utime(self.path.parent)
        self._is_sealed = True

    def _append(self, event: events.AnyEvent) -> bytes:
        line = events.encode(event)
        self._append_line(line, event.time)
        return line

    def _append_line(self, line: bytes, time: int) -> None:
        self._lines.append(line)
        self._latest = max(self._latest, time)
        self.waiting += len(line)
        self.added += 1

    def _mend(self, file: int) -> None:
        """Take away what an import that was cut off left of a line: no reader has taken it in."""
        torn = unfinished_bytes(self.path)
        if torn:
            os.ftruncate(file, os.fstat(file).st_size - torn)
        self._is_mended = True

    def _note(self, event: events.AnyEvent | events.Unknown, digest: bytes) -> None:
        self._kinds.add(type(event))
        self._contents.add(digest)
        if isinstance(event, events.Task):
            self._tasks[event.key] = digest
            # Whatever it was, it goes on: its end has to be said again.
            self._task_ends.pop(event.key, None)
        elif isinstance(event, events.Performance):
            key = _interval(event)
            self._intervals[key] = self._intervals.get(key, False) or bool(event.end)

    def _load(self) -> None:
        offset = 0
        while chunk := read_chunk(self.path, offset):
            offset += len(chunk)
            for line in chunk.splitlines(keepends=True):
                try:
                    self._known(line)
                except (LogFormatError, msgspec.DecodeError):
                    continue  # damaged: the event comes again, and `dlprov verify` tells of the line
        self._is_sealed = self._is_sealed and not unfinished_bytes(self.path)

    def _known(self, line: bytes) -> None:
        self._is_sealed = False
        if line.startswith(_ELEMENTS):
            element = _decode_element(line)
            self._latest = max(self._latest, element.time)
            if element.keys:
                uses = self._uses[element.task, element.set]
                for key in element.keys:
                    uses.add(int(key))
            else:
                self._elements[element.set].add(element.key, check_of(line))
            return
        event = events.decode(line)
        self._latest = max(self._latest, event.time)
        if isinstance(event, events.Seal):
            self._is_sealed = True
        elif isinstance(event, events.TaskEnd):
            self._task_ends[event.task] = msgspec.structs.replace(event, duration=0.0)
            self._task_durations[event.task] = self._task_durations.get(event.task, 0.0) + event.duration
        elif isinstance(event, events.End):
            self._end = event
            self._duration += event.duration
        elif isinstance(event, events.Resume):
            self._end = None
        else:
            self._note(event, _digest(line))


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(content(line), digest_size=16).digest()


def _interval(event: events.Performance) -> tuple[Any, ...]:
    return event.task, event.method, event.subtask, event.number


def _rest(whole: float, counted: float) -> float:
    return round(max(0.0, whole - counted), 6)
