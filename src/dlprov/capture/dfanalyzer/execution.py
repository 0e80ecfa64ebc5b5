"""One execution of a dataflow, as DfAnalyzer's clients report it: task messages become lines of its run log."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple, Protocol

from dlprov.capture.dfanalyzer.declared import Declared
from dlprov.capture.dfanalyzer.layout import Elements, Layout
from dlprov.capture.dfanalyzer.messages import TaskMessage
from dlprov.capture.dfanalyzer.rows import RowsError
from dlprov.capture.extraction import describe
from dlprov.errors import UsageError
from dlprov.log import events, values
from dlprov.model import Dataflow, EndStatus, Transformation

_FAILED = "FINISHED_WITH_ERROR"
_ENDS = ("FINISHED", _FAILED)


class Log(Protocol):
    """The run log that an execution is written to, by one process."""

    def write(self, lines: bytes) -> None:
        """Append whole lines in one piece."""

    def next_element(self, count: int) -> int:
        """The first of ``count`` numbers for elements that this log's writer has not used."""


class _Seen(NamedTuple):
    """What this process knows of a task; ``began`` in seconds of the monotonic clock."""

    status: str
    began: float
    is_open: bool
    dependency: tuple[tuple[str, int], ...]


class _Draft:
    """The lines of one message."""

    def __init__(self, message: TaskMessage) -> None:
        self.message = message
        self.now = events.now()
        self.key = events.named_task(message.transformation, message.identifier)
        self.ends = message.status in _ENDS
        self.lines: list[bytes] = []
        self.remarks: list[str] = []

    def add(self, event: events.Event) -> None:
        self.lines.append(events.encode(event))


class Execution:
    """Writes the messages of one execution. Methods may be called by any thread.

    Args:
        log: Where it is written to.
        declared: The dataflow; shared with other executions, and guarded by ``lock``.
        lock: Guards ``declared`` and this object.
        within: Directories whose files elements may name for their rows; ``None``: all.
    """

    def __init__(
        self, log: Log, declared: Declared, lock: threading.RLock, within: Sequence[Path] | None = None
    ) -> None:
        self.log = log
        self._within = within
        self.touched = time.monotonic()
        self.is_ended = False
        self._resumed = self.touched
        self._declared = declared
        self._lock = lock
        self._tasks: dict[str, _Seen] = {}
        self._open = 0
        self._agent: tuple[str, dict[str, Any]] = ("", {})
        self._generated: dict[str, int] = {}
        self._linked: dict[str, tuple[Any, ...]] = {}
        self._plan_written = False

    @property
    def is_complete(self) -> bool:
        """Whether every task that this process has seen has ended."""
        return not self._open

    def guard_by(self, lock: threading.RLock) -> None:
        """Take another lock: in a forked child nobody lets go of the one that there was."""
        self._lock = lock

    def plan(self) -> Dataflow:
        """Everything that is declared of the dataflow."""
        with self._lock:
            return self._declared.plan()

    def record(self, message: TaskMessage) -> tuple[tuple[str, ...], tuple[Transformation, ...]]:
        """Write one message, in one piece.

        Gives remarks on what could not be taken as it came, and what the dataflow got that was not declared.

        Raises:
            OSError: The disk did not take it, and the log is one that tells.
        """
        with self._lock:
            draft = _Draft(message)
            plain = self._plain(message)
            news = self._declared.add(self._declared.missing(message)) if plain is None else ()
            self._add_plan(draft, news)
            self._add_agent(draft)
            self._add_task(draft)
            for name, path in message.files:
                draft.add(events.File(draft.now, draft.key, name, path))
            if plain is not None:
                for (tag, _), (layout, elements) in zip(message.sets, plain, strict=True):
                    self._add_elements(draft, layout, tag, elements)
            else:
                for tag, given in message.sets:
                    self._add_rows(draft, tag, given)
            if message.sets and message.dependency:
                self._add_links(draft)
            for part in message.performances:
                times = (part.start, part.end, part.method, part.description, part.invocation)
                draft.add(events.Performance(draft.now, draft.key, *times, message.subtask))
            if draft.ends:
                self._add_end(draft)
            if draft.lines:
                self.log.write(b"".join(draft.lines))
            self.touched = time.monotonic()
            return tuple(draft.remarks), news

    def finish(self) -> None:
        """The run has finished; a later message makes it go on.

        Raises:
            OSError: The disk did not take it, and the log is one that tells.
        """
        with self._lock:
            self.is_ended = True
            duration = round(self.touched - self._resumed, 6)
            self.log.write(events.encode(events.End(events.now(), "finished", duration)))

    def _plain(self, message: TaskMessage) -> list[tuple[Layout, Elements]] | None:
        """The elements of each set, where all are declared and none needs a second look."""
        found = []
        for tag, given in message.sets:
            layouts = self._declared.layouts(message.transformation, tag)
            elements = layouts[0].plain(given) if layouts else None
            if elements is None:
                return None
            found.append((layouts[0], elements))
        return found if found or message.transformation in self._declared.transformations else None

    def _add_plan(self, draft: _Draft, news: tuple[Transformation, ...]) -> None:
        if self.is_ended:
            self.is_ended = False
            self._resumed = time.monotonic()
            draft.add(events.Resume(draft.now))
        if not self._plan_written:
            self._plan_written = True
            draft.add(events.Plan(draft.now, self._declared.plan()))
        elif news:
            draft.add(events.Plan(draft.now, Dataflow(self._declared.tag, news)))

    def _add_agent(self, draft: _Draft) -> None:
        email, hardware = self._agent
        message = draft.message
        new_email = message.email if message.email != email else ""
        new_hardware = message.hardware if message.hardware != hardware else {}
        if new_email or new_hardware:
            self._agent = (message.email or email, message.hardware or hardware)
            draft.add(events.Agent(draft.now, new_email, values.encode_mapping(new_hardware)))

    def _add_task(self, draft: _Draft) -> None:
        """Only what a message adds to a task that is known is worth a line."""
        message, seen = draft.message, self._tasks.get(draft.key)
        goes_on = not draft.ends and (seen is None or not seen.is_open or seen.status != message.status)
        says = not draft.ends and (message.output or message.error)
        if seen is not None and seen.dependency == message.dependency and not goes_on and not says:
            return
        if seen is None or (goes_on and not seen.is_open):
            self._open += 1
            seen = _Seen(message.status, time.monotonic(), True, message.dependency)
        status = message.status if goes_on else seen.status
        self._tasks[draft.key] = seen._replace(status=status, dependency=message.dependency)
        task = events.Task(
            draft.now,
            draft.key,
            message.transformation,
            message.identifier,
            tuple(events.named_task(*task) for task in message.dependency),
            workspace=message.workspace,
            resource=message.resource,
            status="" if draft.ends or message.status == "RUNNING" else message.status,
            output=message.output,
            error=message.error,
        )
        draft.add(task)

    def _add_rows(self, draft: _Draft, tag: str, given: list[Any]) -> None:
        transformation = draft.message.transformation
        layouts = self._declared.layouts(transformation, tag)
        known = self._declared.transformations.get(transformation, {})
        if not layouts:
            # Elements of a set that comes from another task are that task's: DfAnalyzer passes over them, too.
            if tag not in known:
                draft.remarks.append(
                    f"the set {tag!r} was not stored: a set of the transformation {transformation!r} was expected "
                    f"({', '.join(known) or 'none'}); declare it in the dataflow, or correct the tag"
                )
            return
        try:
            layout, rows = _fitting(layouts, given)
        except RowsError as error:
            draft.remarks.append(f"the elements of the set {tag!r} were not stored: {error}")
            return
        elements = tuple(layout.element(row, draft.remarks, tag) for row in rows)
        number = self._add_elements(draft, layout, tag, elements)
        if layout.has_files:
            self._add_files(draft, layout, tag, number, rows)

    def _add_elements(self, draft: _Draft, layout: Layout, tag: str, elements: Elements) -> int:
        """Gives the number of the first element; 0 if there is none."""
        if not elements:
            return 0
        number = self.log.next_element(len(elements))
        kind = events.Used if layout.type == "INPUT" else events.Generated
        draft.add(kind(draft.now, draft.key, tag, number, elements))
        self._generated[tag] = self._generated.get(tag, 0) + 1
        return number

    def _add_files(self, draft: _Draft, layout: Layout, tag: str, first: int, rows: list[list[Any]]) -> None:
        """The files that extractors read: beside each element's own attributes, the rows of such a file."""
        for element, row in enumerate(rows, first):
            for extractor, text in layout.files(row):
                try:
                    found = describe(Path(draft.message.workspace, text), within=self._within, default="csv")
                except UsageError as error:
                    path = PurePath(text)
                    draft.add(events.File(draft.now, draft.key, path.name, str(path.parent)))
                    draft.remarks.append(f"{tag}: the rows of {text!r} cannot be asked for: {error}")
                else:
                    draft.add(found.event(draft.key, tag, element, extractor))

    def _add_links(self, draft: _Draft) -> None:
        """The task takes what the tasks that it depends on have made so far (DfAnalyzer's rule).

        Said again only if this process has recorded more of it since, or at the task's end.
        """
        message = draft.message
        taken = self._declared.taken(message.transformation)
        state = (message.dependency, *[self._generated.get(tag, 0) for tag, _ in taken])
        if not draft.ends and self._linked.get(draft.key) == state:
            return
        self._linked[draft.key] = state
        for tag, producer in taken:
            tasks = tuple(events.named_task(*task) for task in message.dependency if task[0] == producer)
            if tasks:
                draft.add(events.Used(draft.now, draft.key, tag, generated_by=tasks))

    def _add_end(self, draft: _Draft) -> None:
        message, seen = draft.message, self._tasks[draft.key]
        if not seen.is_open and not message.performances and not message.output and not message.error:
            return
        duration = round(time.monotonic() - seen.began, 6) if seen.is_open and seen.status == "RUNNING" else 0.0
        self._open -= seen.is_open
        self._tasks[draft.key] = seen._replace(status=message.status, is_open=False)
        status: EndStatus = "failed" if message.status == _FAILED else "finished"
        draft.add(events.TaskEnd(draft.now, draft.key, status, duration, message.error, message.output))


def _fitting(layouts: tuple[Layout, ...], elements: list[Any]) -> tuple[Layout, list[list[Any]]]:
    """The first layout that the elements fit, and their rows."""
    first: RowsError | None = None
    for layout in layouts:
        try:
            return layout, layout.rows(elements)
        except RowsError as error:
            first = first or error
    raise first or RowsError("no attributes are declared")
