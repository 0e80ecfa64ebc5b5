"""Which models are captured, and what is known of each over all its fits.

Nothing is ever stored on a model: an attribute would be tracked, saved, cloned and pickled with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from dlprov.capture.keras import plan
from dlprov.capture.keras.declaration import Declaration, declare
from dlprov.capture.keras.loaded import recall
from dlprov.capture.run import Run, Task, current_run, run_of_execution, start_run
from dlprov.model import Dataflow, EndStatus, Transformation


class Record:
    """One captured model: its run, begun or joined at the first ``fit``, ``evaluate`` or ``predict``, and its tasks.

    Attributes:
        run: The run; ``None`` before the first call.
        steps: How many batches were trained in the run: the number of the next step.
        adaptations: How many changes of the learning rate were recorded in the run.
        names: The metrics of the model as the training logs call them, ``loss`` first; empty until logs have come.
        layers: The layers as they were recorded last.
        rates: The learning rates when the last fit ended, and of which optimizer.
        client: The object of the client library that the user got of the dataflow, if any.
        added: What the user has added to the dataflow by it until now.
    """

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.run: Run | None = None
        self.depth = 0
        self.steps = 0
        self.adaptations = 0
        self.names: list[str] = []
        self.layers: Any = None
        self.rates: dict[str, float] = {}
        self.optimizer: weakref.ref[Any] | None = None
        self.client: Any = None
        self.added: Callable[[], tuple[Transformation, ...]] = tuple
        self._tasks: dict[str, Task] = {}
        self._plan: Dataflow | None = None
        self._failure: tuple[EndStatus, BaseException] | None = None
        self._told: set[str] = set()
        self._is_guest = False

    def open(self, model: Any = None) -> Run:
        """Begin the run, or go on with it. Each call is answered by one of :meth:`close`."""
        if self.run is None:
            declared = self.declaration
            host = _host(declared)
            if host is not None:
                _hosts.add(host)
            self._is_guest = host is not None
            self.run = host or start_run(declared.dataflow, execution=declared.execution, kind="keras")
            self.plan()
        elif self.depth == 0:
            if self.run.status != "running":
                # A guest comes back after its host has ended the run: what begins again now is the guest's to end.
                self._is_guest = False
                self.run.resume()
            self.plan()
        self.depth += 1
        if model is not None:
            recall(model, self.run)
        return self.run

    def close(self, error: BaseException | None = None, *, fit: bool = False) -> None:
        """A call on the model has ended. With the outermost one ends the run, for the time being, if it is its own.

        A failed fit makes the run a failed one until a fit succeeds: an ``evaluate`` after it does not mend it.
        """
        self.depth -= 1
        if fit:
            self._failure = (_verdict(error), _without_frames(error)) if error is not None else None
        if self.depth or self.run is None or self._is_guest:
            return
        if error is not None:
            self.run.finish(error=error)
        elif self._failure is not None:
            self.run.finish(self._failure[0], error=self._failure[1])
        else:
            self.run.finish()

    def begin_task(self, transformation: str, *depends_on: str) -> Task:
        """Begin the task of ``transformation``, or go on with it; it depends on the tasks there are of the others."""
        run = self.open_run
        others = tuple(self._tasks[name] for name in depends_on if name in self._tasks)
        task = self._tasks.get(transformation)
        if task is None:
            task = self._tasks[transformation] = Task(
                run, transformation, plan.IDENTIFIERS[transformation], others, None
            )
        else:
            task.begin(depends_on=others)
        if transformation == plan.PREDICTION:
            self.plan()
        return task

    def task(self, transformation: str) -> Task | None:
        """The task of ``transformation``, if there is one."""
        return self._tasks.get(transformation)

    @property
    def execution(self) -> str:
        """The execution tag of the run, also before it has begun."""
        run = self.run or _host(self.declaration)
        return run.execution if run is not None else self.declaration.execution

    @property
    def open_run(self) -> Run:
        """The run, which must have begun."""
        if self.run is None:
            raise RuntimeError("the run has not begun")
        return self.run

    def plan(self) -> None:
        """Write the plan down as far as it is known, if more is known than before."""
        dataflow = plan.dataflow(self.declaration, self.names, predicts=plan.PREDICTION in self._tasks)
        added = self.added()
        if added:
            dataflow = Dataflow(dataflow.tag, (*added, *dataflow.transformations))
        if dataflow != self._plan:
            self._plan = dataflow
            self.open_run.plan(dataflow)

    def learn_names(self, model: Any, names: list[str]) -> None:
        """Take up the metrics that logs show, and declare the new ones; ``val_…`` are none of their own."""
        new = [name for name in names if not name.startswith("val_") and name not in self.names]
        if new:
            # JAX sorts the logs; the model has the order in which its metrics were compiled.
            order = {name: index for index, name in enumerate(["loss", *_metric_names(model)])}
            self.names += sorted(new, key=lambda name: order.get(name, len(order)))
            self.plan()

    def first_time(self, what: str) -> bool:
        """Whether ``what`` was not asked before."""
        known = what in self._told
        self._told.add(what)
        return not known


def find(model: Any) -> Record | None:
    """The record of a model that is captured, which every model is under autocapture."""
    try:
        record = _records.get(model)
    except TypeError:  # not a model: it cannot be referred to weakly
        return None
    if record is None and _autocapture is not None:
        record = _records[model] = Record(declare(_autocapture))
    return record


def register(model: Any, declaration: Declaration) -> None:
    """Capture ``model`` from its next call on. What an earlier declaration recorded stays an execution of its own."""
    _records[model] = Record(declaration)


def enable_autocapture(dataflow_tag: str | None) -> None:
    """From now on capture every model under the dataflow ``dataflow_tag``, declared or not; ``None``: no longer."""
    global _autocapture  # noqa: PLW0603 - it is a state of the process
    _autocapture = dataflow_tag


def _host(declared: Declaration) -> Run | None:
    """The run that the user has started around a model of its dataflow, unless it has its model already.

    That is the run of the very execution, which tasks of the client library have begun before the model, or else the
    current one. A script's run is none: it may train many models, and none of them is the script.
    """
    for run in (run_of_execution(declared.dataflow, declared.execution), current_run()):
        if run is None or not run.is_recorded or run.kind in ("script", "keras") or run in _hosts:
            continue
        if run.dataflow.lower() == declared.dataflow.lower() and not _is_of_another(run, declared):
            return run
    return None


def _is_of_another(run: Run, declared: Declaration) -> bool:
    """Whether the run is the very execution of another model, which has not begun to train."""
    others = (record.declaration for record in list(_records.values()))
    return any(other.execution == run.execution and other is not declared for other in others)


_hosts: weakref.WeakSet[Run] = weakref.WeakSet()
_records: weakref.WeakKeyDictionary[Any, Record] = weakref.WeakKeyDictionary()
_autocapture: str | None = None


def _verdict(error: BaseException) -> EndStatus:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _without_frames(error: BaseException) -> BaseException:
    """A stand-in with the name and the message of ``error``: the exception itself would keep all its frames alive."""
    stand_in: BaseException = type(type(error).__qualname__, (Exception,), {})(str(error))
    return stand_in


def _metric_names(model: Any) -> list[str]:
    names = []
    for metric in model.metrics:
        inner = getattr(metric, "metrics", None)
        names += [part.name for part in inner] if isinstance(inner, list) else [metric.name]
    return names
