"""Runs: what a training program calls to say what it does.

Every call writes one event to the run log before it returns, raises nothing into the training, and may come from
any thread. A mistake in the arguments of a call *during* the training is told once on stderr and recorded as
a problem of the run; only :func:`start_run`, which comes before any training, raises.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from dlprov import settings
from dlprov._version import __version__
from dlprov.capture import environment, exits
from dlprov.capture.faults import faults, shielded
from dlprov.capture.pending import PendingMetrics
from dlprov.capture.scope import Scope
from dlprov.capture.task import Element, Task
from dlprov.errors import UsageError
from dlprov.log import events
from dlprov.log import values as encoding
from dlprov.log.identifiers import execution_run_id, new_run_id, user
from dlprov.log.layout import run_directory, temporary_store
from dlprov.log.writer import Writer
from dlprov.model import Dataflow, EndStatus

__all__ = ["Element", "Run", "Task", "current_run", "start_run"]

_encode = msgspec.json.Encoder().encode

_by_execution: weakref.WeakValueDictionary[tuple[str, str], Run] = weakref.WeakValueDictionary()
"""Runs of this process by the tags of their dataflow (in lower case) and execution."""

_active: contextvars.ContextVar[tuple[Run, ...]] = contextvars.ContextVar("dlprov_active_runs", default=())


class Run(Scope):
    """One execution of a dataflow. Made by :func:`start_run`.

    A context manager and a plain object: at the end of the ``with`` block, by :meth:`finish`, or at the latest when
    the process ends, its end is written with its status. Handles that are pickled, copied or inherited by a
    forked process write to the same run, each process to a file of its own.

    Attributes:
        id: The run's id, a UUIDv7.
        dataflow: The tag of the dataflow, as given.
        execution: DfAnalyzer's execution tag.
        kind: What kind of program it is, as given.
        store: The store directory that the run is recorded in; ``None`` if it is not recorded.
    """

    def __init__(
        self,
        run_id: str,
        dataflow: str,
        execution: str,
        store: Path | None,
        writer: Writer | None,
        configuration: settings.Settings,
        kind: str = "",
    ) -> None:
        self.id = run_id
        self.dataflow = dataflow
        self.execution = execution
        self.kind = kind
        self.store = store
        self.settings = configuration
        self.pending = PendingMetrics()
        self.environment = environment.Collector()
        self._writer = writer
        self._run = self
        self._key = None
        self._write = writer.write if writer is not None else _write_nowhere
        self._tasks = _Counter()
        self._elements = _Counter()
        self._owner = os.getpid()
        self._began = time.monotonic()
        self._ended: EndStatus | None = None

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.dataflow!r}: {self._ended or 'running'}>"

    # One run has one log: a copy of the handle is the handle.
    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _attach, (self.id, self.dataflow, self.execution, self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(error=error)

    @property
    def is_recorded(self) -> bool:
        """Whether anything is written: not if capture is disabled or the store cannot be used."""
        return self._writer is not None

    @property
    def status(self) -> str:
        """``running``, or how the run ended."""
        return self._ended or "running"

    @property
    def path(self) -> Path | None:
        """The log file that this process writes for this run."""
        return self._writer.path if self._writer is not None else None

    def task(
        self,
        transformation: str,
        *,
        identifier: int | None = None,
        depends_on: Iterable[Task] = (),
        parent: Task | None = None,
    ) -> Task:
        """Begin a task: one execution of ``transformation``.

        Args:
            transformation: The tag of the transformation; any text.
            identifier: The number by which users of the dataflow know the task; default: counted from 1.
            depends_on: Tasks whose results this one needs.
            parent: The task that this one is a part of.
        """
        return Task(self, transformation, identifier, depends_on, parent)

    @shielded
    def tag(self, values: Mapping[str, Any] | None = None, /, **tags: Any) -> None:
        """Label the run, for finding it again. A later value of the same name replaces the earlier."""
        self.emit(events.Tag(events.now(), encoding.encode_mapping({**(values or {}), **tags})))

    @shielded
    def plan(self, dataflow: Dataflow) -> None:
        """Declare the dataflow's transformations, sets and attributes. Declaring more later adds to it."""
        self.emit(events.Plan(events.now(), dataflow))

    @shielded
    def finish(self, status: EndStatus | None = None, *, error: BaseException | None = None) -> None:
        """End the run: write its status and the seal. A second call does nothing.

        Args:
            status: How it ended; by default ``finished``, or after the kind of ``error``.
            error: The exception that ended it: ``KeyboardInterrupt`` makes it ``interrupted``, any other
                ``failed``; ``SystemExit`` with code 0 or none is no failure.
        """
        exits.forget(self)
        _active.set(tuple(run for run in _active.get() if run is not self))
        if self._ended is not None:
            return
        verdict = status or exits.status_after(error)
        self._ended = verdict
        if self._writer is None:
            return
        self.pending.flush()
        if self._owner != os.getpid():
            # A forked child or another process: the run is its owner's to end.
            self._writer.seal()
            return
        for name, found in self.environment.finish():
            self.add_environment(name, found)
        failed = verdict != "finished" and error is not None
        end = events.End(
            events.now(),
            status=verdict,
            duration=round(time.monotonic() - self._began, 6),
            error_type=type(error).__qualname__ if failed else "",
            error=encoding.encode_text(str(error)) if failed else "",
            traceback=encoding.encode_text("".join(traceback.format_exception(error))) if failed else "",
        )
        self.emit(end)
        self._writer.seal()

    @shielded
    def resume(self) -> None:
        """Go on with a run that has ended: an ``evaluate`` after the ``fit``, say. :meth:`finish` ends it again."""
        if self._ended is None:
            return
        self._ended = None
        self._began = time.monotonic()
        self.emit(events.Resume(events.now()))
        exits.remember(self)
        _active.set((*_active.get(), self))

    # For the adapters of this package.

    def emit(self, event: events.Event) -> None:
        """Write one event, unless the run is not recorded."""
        self._write(_encode(event) + b"\n")

    def add_environment(self, name: str, found: Any) -> None:
        """Write a part of the environment."""
        self.emit(events.Environment(events.now(), {name: encoding.encode(found)}))

    def problem(self, where: str, message: str, trace: str = "") -> None:
        """Write down what could not be recorded."""
        self.emit(events.Problem(events.now(), where, encoding.encode_text(message), encoding.encode_text(trace)))

    def complain(self, where: str, message: str) -> None:
        """Tell a mistake in a call once on stderr, and write it down."""
        faults.tell(message, once=f"{where} {message}")
        self.problem(where, message)

    def next_task(self) -> int:
        """A number for a task that this process has not used in this run."""
        return self._tasks.next()

    def next_element(self, count: int) -> int:
        """The first of ``count`` numbers for elements that this process has not used in this run."""
        return self._elements.next(count)

    @property
    def write(self) -> Callable[[bytes], None]:
        """Writes one line to the log."""
        return self._write

    def key_for(self, key: int) -> str:
        """The name of one of this process's keys for everybody."""
        return f"{self._writer.writer_id}:{key}" if self._writer is not None else f":{key}"


def start_run(
    dataflow: str,
    *,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    name: str = "",
    store: str | os.PathLike[str] | None = None,
    execution: str | None = None,
    kind: str = "",
) -> Run:
    """Start a run of ``dataflow``; use it in a ``with`` statement or call :meth:`Run.finish`.

    A run started while another one of the same thread is active is recorded as its child.

    Args:
        dataflow: The tag of the dataflow; any text that is not empty.
        params: Hyperparameters by name; any values.
        tags: Labels by name, for finding the run again.
        name: A name for people.
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.
        execution: DfAnalyzer's execution tag; default: the dataflow's tag and the local time.
        kind: What kind of program it is: ``script``, ``keras``, …

    Raises:
        UsageError: ``dataflow`` is not a text or is empty, or ``params`` or ``tags`` are no mappings.
    """
    if not isinstance(dataflow, str) or not dataflow.strip():  # type: ignore[redundant-expr] # callers may be untyped
        raise UsageError(f"start_run expects the dataflow's tag, a text that is not empty, got {dataflow!r}")
    for what, mapping in (("params", params), ("tags", tags)):
        if mapping is not None and not isinstance(mapping, Mapping):
            raise UsageError(f"start_run expects {what} as a dict of names and values, got {type(mapping).__name__}")
    if execution is None:
        execution = new_execution_tag(dataflow)
    return _start(new_run_id(), dataflow, execution, kind, store=store, name=name, params=params, tags=tags)


def start_execution(dataflow: str, execution: str) -> Run:
    """This process's handle of the execution that DfAnalyzer's clients know by these tags.

    If this process captures it already, by a Keras model's ``provenance`` say, that run goes on. Otherwise it is a run
    with an id that every process derives alike: several may take part in it.
    """
    run = run_of_execution(dataflow, execution)
    if run is None:
        run = _start(execution_run_id(dataflow, execution), dataflow, execution, "dfanalyzer")
    elif run.status != "running":
        run.resume()
    return run


def run_of_execution(dataflow: str, execution: str) -> Run | None:
    """The run that this process captures the execution of these tags in, if it does."""
    return _by_execution.get((dataflow.lower(), execution))


def new_execution_tag(dataflow: str) -> str:
    """An execution tag as Keras-Prov makes them: the dataflow's tag and the local time."""
    return f"{dataflow}{datetime.now()}"  # noqa: DTZ005 - DfAnalyzer's execution tags show local time


def inherited_executions() -> str:
    """The executions that the process which started this one handed on, as it wrote them."""
    return settings.load().execution


def recording_store() -> Path | None:
    """The store that runs of this process are recorded in, if it can be made; ``None`` if capture is disabled."""
    configuration = settings.load()
    faults.quiet = configuration.quiet
    return None if configuration.disabled or exits.is_starting_child() else configuration.store


def _start(
    run_id: str,
    dataflow: str,
    execution: str,
    kind: str,
    *,
    store: str | os.PathLike[str] | None = None,
    name: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> Run:
    configuration = settings.load()
    faults.quiet = configuration.quiet
    place, writer = None, None
    if not configuration.disabled and not exits.is_starting_child():
        place, writer = _open_log(Path(store).expanduser() if store else configuration.store, run_id)
    run = Run(run_id, dataflow, execution, place, writer, configuration, kind)
    active = _active.get()
    _begin(run, active[-1] if active else None, name, kind, params, tags)
    _active.set((*active, run))
    _by_execution[dataflow.lower(), execution] = run
    return run


def current_run() -> Run | None:
    """The run that was started last in this thread (or task of asyncio) and has not ended."""
    active = _active.get()
    return active[-1] if active else None


@shielded
def _begin(
    run: Run,
    parent: Run | None,
    name: str,
    kind: str,
    params: Mapping[str, Any] | None,
    tags: Mapping[str, Any] | None,
) -> None:
    if not run.is_recorded:
        return
    record = events.Run(
        events.now(),
        dataflow=encoding.encode_text(run.dataflow),
        name=encoding.encode_text(str(name)),
        execution=encoding.encode_text(run.execution),
        parent=parent.id if parent is not None else "",
        user=user(),
        kind=kind,
    )
    run.emit(record)
    if params:
        run.param(params)
    if tags:
        run.tag(tags)
    exits.remember(run)
    run.environment.start(run.add_environment)


def _open_log(store: Path, run_id: str) -> tuple[Path | None, Writer | None]:
    """The run's file in ``store``, or else in the temporary directory, or none at all; says which on stderr."""
    try:
        return store, _writer(store, run_id)
    except OSError as error:
        reason = _reason(store, error)
    fallback = temporary_store()
    try:
        writer = _writer(fallback, run_id)
    except OSError:
        faults.tell(f"{reason}; the training goes on and is NOT recorded. Set DLPROV_STORE to a directory of yours")
        return None, None
    faults.tell(
        f"{reason}; recording into {fallback} instead. Set DLPROV_STORE to a directory of yours, "
        f"and copy {fallback / 'runs'} there to keep this run",
        once=f"fallback {store}",
    )
    return fallback, writer


def _reason(store: Path, error: OSError) -> str:
    for path in (store, *store.parents):
        if path.exists():
            if not path.is_dir():
                return f"the store {store} cannot be used: {path} is a file, and a directory was expected"
            break
    return f"the store {store} cannot be written ({error.strerror or error})"


def _writer(store: Path, run_id: str, *, lazy: bool = False) -> Writer:
    return Writer(run_directory(store, run_id), run_id, warn=faults.tell, package_version=__version__, lazy=lazy)


def _attach(run_id: str, dataflow: str, execution: str, store: Path | None) -> Run:
    """A handle of another process's run: what a pickled :class:`Run` becomes."""
    writer = _writer(store, run_id, lazy=True) if store is not None else None
    run = Run(run_id, dataflow, execution, store, writer, settings.load())
    run._owner = -1  # the process that started it ends it
    exits.remember(run)
    return run


def _write_nowhere(line: bytes) -> None:
    """The log of a run that is not recorded."""


class _Counter:
    """Counts from 1, for all threads of a process."""

    lock = threading.Lock()
    """Of all counters: there is one to renew after a fork, when another thread may have held it."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, count: int = 1) -> int:
        """The first of ``count`` new numbers."""
        with _Counter.lock:
            first = self._last + 1
            self._last += count
            return first


def _after_fork_in_child() -> None:
    _Counter.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
