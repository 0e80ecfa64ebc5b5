"""Runs and tasks: what a training program calls to say what it does.

Every call writes one event to the run log before it returns, raises nothing into the training, and may come from
any thread. A mistake in the arguments of a call *during* the training is told once on stderr and recorded as
a problem of the run; only :func:`start_run`, which comes before any training, raises.
"""

from __future__ import annotations

import contextvars
import getpass
import math
import os
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from dlprov import settings
from dlprov._version import __version__
from dlprov.capture import environment, exits, fingerprint
from dlprov.capture.faults import faults, shielded
from dlprov.capture.pending import Pending, PendingMetrics, hold, is_lazy
from dlprov.errors import UsageError
from dlprov.log import events, values
from dlprov.log.identifiers import new_run_id
from dlprov.log.layout import run_directory
from dlprov.log.writer import Writer
from dlprov.model import Dataflow, EndStatus

_encode = msgspec.json.Encoder().encode
_isfinite = math.isfinite
_time_ns = time.time_ns
_Metric = events.Metric

_active: contextvars.ContextVar[tuple[Run, ...]] = contextvars.ContextVar("dlprov_active_runs", default=())


class Element(msgspec.Struct, frozen=True):
    """One row of a set, as :meth:`Task.generated` and :meth:`Task.used` return it, to be used by later tasks."""

    set: str
    key: str


class Scope:
    """What a run and a task have in common: metrics, settings, artifacts, adaptations, notes."""

    _run: Run
    _key: int | None
    _write: Any

    def log(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        step: int | None = None,
        epoch: int | None = None,
        **metrics: Any,
    ) -> None:
        """Record numbers measured at one moment.

        Args:
            values: Metrics by name, for names that are no Python keywords.
            step: Counts what the training counts (batches, updates); any integer.
            epoch: Counts from 0. A fraction is kept as a metric ``epoch`` of its own.
            metrics: Metrics by name: numbers, booleans, NumPy scalars, arrays and tensors of one element. NaN and
                infinities are kept as such. JAX arrays and CUDA tensors are not waited for: they are written
                within a quarter of a second after they are ready.
        """
        if values is not None:
            metrics = {**values, **metrics}
        try:
            # One pass that is true only for finite plain numbers; whatever else comes takes the slow way.
            if (
                _isfinite(sum(metrics.values()))
                and (step is None or step.__class__ is int)
                and (epoch is None or epoch.__class__ is int)
            ):
                self._write(_encode(_Metric(_time_ns() // 1000, self._key, step, epoch, metrics)) + b"\n")
                return
        except Exception:  # noqa: S110 - values of other kinds: sum() and the encoder refuse them in many ways
            pass
        self._log_slowly(metrics, step, epoch)

    @shielded
    def _log_slowly(self, metrics: dict[str, Any], step: Any, epoch: Any) -> None:
        run = self._run
        now = events.now()
        step, metrics = _whole_number("step", step, metrics)
        epoch, metrics = _whole_number("epoch", epoch, metrics)
        ready: dict[str, float | int | str] = {}
        waiting: dict[str, Any] = {}
        for name, value in metrics.items():
            text = values.encode_text(str(name))
            if is_lazy(value):
                waiting[text] = hold(value)
                continue
            try:
                ready[text] = values.encode_number(value)
            except (TypeError, ValueError, OverflowError) as error:
                message = f"metric {text!r} was not recorded: {error}; log text with run.note or as an attribute"
                run.complain("log", message)
        if waiting:
            # Together with the ready ones, so that they stay one record.
            record = Pending(self._write, run.problem, now, {**ready, **waiting}, step, epoch, self._key)
            run.pending.put(record)
        elif ready or not metrics:
            self._write(events.encode(_Metric(now, self._key, step, epoch, ready)))

    @shielded
    def param(self, values: Mapping[str, Any] | None = None, /, **params: Any) -> None:
        """Record hyperparameters or other settings by name. A later value of the same name replaces the earlier."""
        self._run.emit(events.Param(events.now(), _encoded({**(values or {}), **params}), self._key))

    @shielded
    def artifact(
        self,
        path: str | os.PathLike[str],
        *,
        kind: str = "",
        direction: str = "generated",
        epoch: int | None = None,
        step: int | None = None,
    ) -> None:
        """Record a file (or the files of a directory, as one) with the SHA-256 of its content and its size.

        Args:
            path: An existing file or directory. It is read in the calling thread, before it can change.
            kind: What it is: ``model``, ``weights``, ``checkpoint``, ``data``, …
            direction: ``generated`` or ``used``.
            epoch: The epoch it belongs to, from 0.
            step: The step it belongs to.
        """
        where = Path(path)
        digest, size, problem = fingerprint.of_path(where)
        if problem:
            self._run.complain("artifact", f"the artifact {str(where)!r} {problem}; only its name was recorded")
        record = events.Artifact(
            events.now(),
            path=values.encode_text(str(where.absolute())),
            direction="used" if direction == "used" else "generated",
            kind=kind,
            sha256=digest,
            size=size,
            epoch=epoch,
            step=step,
            task=self._key,
        )
        self._run.emit(record)

    @shielded
    def data(self, role: str, data: Any, *, direction: str = "used") -> None:
        """Record the identity of data in memory: its kind, shape, type, size in bytes and fingerprint.

        Nothing is copied or iterated over: generators and pipelines are described, arrays are hashed in the
        calling thread (about 1.6 GB a second; ``DLPROV_FINGERPRINT=off`` leaves the hash out).
        """
        identity = fingerprint.of_data(data, hashing=self._run.settings.fingerprint)
        for name, part in identity.items():
            record = events.Data(
                events.now(),
                role=f"{role}.{name}" if name else role,
                kind=part.kind,
                fingerprint=part.fingerprint,
                shape=part.shape,
                dtype=part.dtype,
                size=part.size,
                details=_encoded(part.details),
                direction=direction,
                task=self._key,
            )
            self._run.emit(record)

    @shielded
    def adaptation(
        self,
        name: str,
        old: Any,
        new: Any,
        *,
        technique: str = "",
        reason: str = "",
        epoch: int | None = None,
        step: int | None = None,
    ) -> None:
        """Record that hyperparameter ``name`` changed from ``old`` to ``new`` during the training.

        Args:
            name: The hyperparameter, as in the parameters of the run.
            old: Its value before.
            new: Its value from here on.
            technique: What changed it: ``LearningRateScheduler``, ``early unfreezing``, …
            reason: Why.
            epoch: The first epoch that runs with the new value, from 0.
            step: The first step that runs with it.
        """
        record = events.Adaptation(
            events.now(),
            name=values.encode_text(name),
            old=values.encode(old),
            new=values.encode(new),
            technique=values.encode_text(technique),
            reason=values.encode_text(reason),
            epoch=epoch,
            step=step,
            task=self._key,
        )
        self._run.emit(record)

    @shielded
    def note(self, text: str) -> None:
        """Record a remark of a person."""
        self._run.emit(events.Note(events.now(), values.encode_text(str(text)), self._key))


class Run(Scope):
    """One execution of a dataflow. Made by :func:`start_run`.

    A context manager and a plain object: at the end of the ``with`` block, by :meth:`finish`, or at the latest when
    the process ends, its end is written with its status. Handles that are pickled, copied or inherited by a
    forked process write to the same run, each process to a file of its own.

    Attributes:
        id: The run's id, a UUIDv7.
        dataflow: The tag of the dataflow, as given.
        execution: DfAnalyzer's execution tag.
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
    ) -> None:
        self.id = run_id
        self.dataflow = dataflow
        self.execution = execution
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

    @shielded
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
        return Task(self, transformation, identifier, tuple(depends_on), parent)

    @shielded
    def tag(self, values: Mapping[str, Any] | None = None, /, **tags: Any) -> None:
        """Label the run, for finding it again. A later value of the same name replaces the earlier."""
        self.emit(events.Tag(events.now(), _encoded({**(values or {}), **tags})))

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
        verdict = status or _status_after(error)
        self._ended = verdict
        if self._writer is None:
            return
        self.pending.flush()
        if self._owner != os.getpid():
            # A forked child or another process: the run is its owner's to end.
            self._writer.seal()
            return
        for name, found in self.environment.finish():
            self.emit(events.Environment(events.now(), {name: values.encode(found)}))
        failed = verdict != "finished" and error is not None
        end = events.End(
            events.now(),
            status=verdict,
            duration=round(time.monotonic() - self._began, 6),
            error_type=type(error).__qualname__ if failed else "",
            error=values.encode_text(str(error)) if failed else "",
            traceback=values.encode_text("".join(traceback.format_exception(error))) if failed else "",
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

    # For the adapters of this package.

    def emit(self, event: events.Event) -> None:
        """Write one event, unless the run is not recorded."""
        self._write(_encode(event) + b"\n")

    def problem(self, where: str, message: str, trace: str = "") -> None:
        """Write down what could not be recorded."""
        self.emit(events.Problem(events.now(), where, values.encode_text(message), values.encode_text(trace)))

    def complain(self, where: str, message: str) -> None:
        """Tell a mistake in a call once on stderr, and write it down."""
        faults.tell(message, once=f"{where} {message}")
        self.problem(where, message)

    def key_for(self, key: int) -> str:
        """The name of one of this process's keys for everybody."""
        return f"{self._writer.writer_id}:{key}" if self._writer is not None else f":{key}"


class Task(Scope):
    """One execution of a transformation: it uses and generates elements of sets. Made by :meth:`Run.task`.

    As a context manager it ends with the block: ``finished``, or ``failed`` if an exception leaves it.
    """

    def __init__(
        self,
        run: Run,
        transformation: str,
        identifier: int | None,
        depends_on: tuple[Task, ...],
        parent: Task | None,
    ) -> None:
        self._run = run
        self._write = run._write
        self._key = run._tasks.next()
        self._began = time.monotonic()
        self._ended = False
        self.transformation = transformation
        self.identifier = identifier if identifier is not None else self._key
        self._depends_on = tuple(task.key for task in depends_on)
        self._parent = parent.key if parent is not None else None
        self.begin()

    def __repr__(self) -> str:
        return f"<Task {self.identifier} of {self.transformation!r} in run {self._run.id}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error=error)

    @property
    def key(self) -> str:
        """The task's name in the run, the same for every process."""
        return self._run.key_for(self._key or 0)

    @shielded
    def begin(self) -> None:
        """Begin, or go on after an end. Called by the constructor."""
        self._ended = False
        self._began = time.monotonic()
        record = events.Task(
            events.now(),
            key=self._key or 0,
            transformation=values.encode_text(str(self.transformation)),
            identifier=self.identifier,
            depends_on=self._depends_on,
            parent=self._parent,
        )
        self._run.emit(record)

    @shielded
    def used(self, set: str, /, *elements: Element | Mapping[str, Any], **attributes: Any) -> Element | None:
        """Record that the task used elements of a set.

        Args:
            set: The tag of the set; any text.
            elements: Elements that were generated before, or new ones by their attributes.
            attributes: The attributes of one new element.

        Returns:
            The new element (the first, if there are several); ``None`` if there is no new one.
        """
        known = tuple(element.key for element in elements if isinstance(element, Element))
        rows = _rows(elements, attributes)
        key = self._new_keys(rows)
        now, tag = events.now(), values.encode_text(str(set))
        self._run.emit(events.Used(now, self._key or 0, tag, key=key, elements=rows, keys=known))
        return Element(tag, self._run.key_for(key)) if rows else None

    @shielded
    def used_all(self, set: str, /, *tasks: Task) -> None:
        """Record that the task used every element of ``set`` that ``tasks`` have generated until now."""
        names = tuple(task.key for task in tasks)
        tag = values.encode_text(str(set))
        self._run.emit(events.Used(events.now(), self._key or 0, tag, generated_by=names))

    @shielded
    def generated(self, set: str, /, *elements: Mapping[str, Any], **attributes: Any) -> Element:
        """Record that the task generated elements of a set; the arguments are those of :meth:`used`.

        Returns:
            The new element (the first, if there are several), for :meth:`used` of later tasks.
        """
        rows = _rows(elements, attributes) or ({},)
        key = self._new_keys(rows)
        tag = values.encode_text(str(set))
        self._run.emit(events.Generated(events.now(), self._key or 0, tag, key=key, elements=rows))
        return Element(tag, self._run.key_for(key))

    @shielded
    def end(self, status: EndStatus | None = None, *, error: BaseException | None = None) -> None:
        """End the task. A second call does nothing until :meth:`begin` is called again."""
        if self._ended:
            return
        self._ended = True
        record = events.TaskEnd(
            events.now(),
            task=self._key or 0,
            status=status or _status_after(error),
            duration=round(time.monotonic() - self._began, 6),
            error=values.encode_text(f"{type(error).__qualname__}: {error}") if error is not None else "",
        )
        self._run.emit(record)

    def _new_keys(self, rows: tuple[dict[str, Any], ...]) -> int:
        return self._run._elements.next(len(rows)) if rows else 0


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
    if not isinstance(dataflow, str) or not dataflow.strip():
        raise UsageError(f"start_run expects the dataflow's tag, a text that is not empty, got {dataflow!r}")
    for what, mapping in (("params", params), ("tags", tags)):
        if mapping is not None and not isinstance(mapping, Mapping):
            raise UsageError(f"start_run expects {what} as a dict of names and values, got {type(mapping).__name__}")
    configuration = settings.load()
    faults.quiet = configuration.quiet
    run_id = new_run_id()
    if execution is None:
        execution = f"{dataflow}{datetime.now()}"  # noqa: DTZ005 - DfAnalyzer's execution tags show local time
    place, writer = None, None
    if not configuration.disabled and not exits.is_starting_child():
        place, writer = _open_log(Path(store).expanduser() if store else configuration.store, run_id)
    run = Run(run_id, dataflow, execution, place, writer, configuration)
    active = _active.get()
    _begin(run, active[-1] if active else None, name, kind, params, tags)
    _active.set((*active, run))
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
        dataflow=values.encode_text(run.dataflow),
        name=values.encode_text(str(name)),
        execution=values.encode_text(run.execution),
        parent=parent.id if parent is not None else "",
        user=_user(),
        kind=kind,
    )
    run.emit(record)
    if params:
        run.param(params)
    if tags:
        run.tag(tags)
    exits.remember(run)
    run.environment.start(lambda name, found: run.emit(events.Environment(events.now(), {name: values.encode(found)})))


def _open_log(store: Path, run_id: str) -> tuple[Path | None, Writer | None]:
    """The run's file in ``store``, or else in the temporary directory, or none at all; says which on stderr."""
    try:
        return store, _writer(store, run_id)
    except OSError as error:
        reason = _reason(store, error)
    fallback = Path(tempfile.gettempdir(), f"dlprov-{_user() or os.getpid()}")
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


def _status_after(error: BaseException | None) -> EndStatus:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in a container: every variable and passwd is missing
        return ""


def _encoded(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    return {values.encode_text(str(name)): values.encode(value) for name, value in mapping.items()}


def _rows(
    elements: tuple[Element | Mapping[str, Any], ...], attributes: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    rows = [_encoded(element) for element in elements if not isinstance(element, Element)]
    if attributes:
        rows.append(_encoded(attributes))
    return tuple(rows)


def _whole_number(name: str, number: Any, metrics: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """``number`` as an integer; a fraction is kept among the metrics under ``name``."""
    if number is None or number.__class__ is int:
        return number, metrics
    exact = values.encode_number(number)
    if isinstance(exact, str):
        return None, {name: number, **metrics}
    whole = math.floor(exact)
    return whole, metrics if whole == exact else {name: exact, **metrics}


class _Counter:
    """Counts from 1, for all threads of a process."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self, count: int = 1) -> int:
        """The first of ``count`` new numbers."""
        with self._lock:
            first = self._last + 1
            self._last += count
            return first
