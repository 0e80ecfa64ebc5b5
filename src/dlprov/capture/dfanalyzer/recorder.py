"""Records what DfAnalyzer's clients report into the run logs of one store."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from dlprov._version import __version__
from dlprov.capture.dfanalyzer.declared import Declared
from dlprov.capture.dfanalyzer.execution import Execution, Log
from dlprov.capture.dfanalyzer.files import ExecutionFile
from dlprov.capture.dfanalyzer.messages import TaskMessage, UnknownDataflowError
from dlprov.errors import StoreError
from dlprov.log import declarations
from dlprov.model import Dataflow

OpenLog = Callable[[str, str], Log]
"""Gives the log of an execution, from the tags of the dataflow (in lower case) and of the execution."""

FindPlan = Callable[[str], Dataflow | None]
"""Finds what is known of a dataflow that nobody declared here, by its tag in lower case."""

FORGET_SECONDS = 24 * 3600.0
"""How long an execution without a message is remembered; one that goes on later gets a file of its own."""


class Recorder:
    """Takes in the messages of DfAnalyzer's clients. Methods may be called by any thread.

    What was recorded before needs not be read again: everybody who records an execution derives the same ids for
    it and for its tasks.

    Args:
        store: The store directory.
        open_log: Where executions are written to; default: a file for each, which the disk must take before
            :meth:`record` returns.
        find_plan: Where to look for a dataflow that was not declared in ``store``.
        raw_data: Directories whose files elements may name for their rows; ``None``: all. By default none: a client
            may be somebody who may not read what this process may.
    """

    def __init__(
        self,
        store: Path,
        *,
        open_log: OpenLog | None = None,
        find_plan: FindPlan | None = None,
        raw_data: Sequence[Path] | None = (),
    ) -> None:
        self.store = store
        self._raw_data = raw_data
        self._open_log = open_log or self._file
        self._find_plan = find_plan
        self._lock = threading.RLock()
        self._declared: dict[str, Declared] = {}
        self._executions: dict[tuple[str, str], Execution] = {}
        _recorders.add(self)

    def declare(self, plan: Dataflow) -> None:
        """Take in a declaration. It is on the disk when the call returns. Declaring it again changes nothing.

        Raises:
            StoreError: The store cannot be written.
        """
        with self._lock:
            tag = plan.tag.lower()
            declared = self._known(tag) or Declared(tag)
            if declared.add(plan.transformations) or tag not in self._declared:
                self._keep(declared.plan())
            self._declared[tag] = declared

    def plan(self, tag: str) -> Dataflow | None:
        """Everything that is declared of a dataflow; ``None`` if nothing is. Its tag in any case."""
        with self._lock:
            declared = self._known(tag.lower())
            return declared.plan() if declared else None

    def record(self, message: TaskMessage) -> tuple[str, ...]:
        """Take in what a client says of a task: it is in the kernel when the call returns, in one piece.

        Gives remarks on what could not be taken as it came: sentences for a person.

        Raises:
            UnknownDataflowError: Nobody declared the message's dataflow.
            StoreError: The store cannot be written.
        """
        key = (message.dataflow, message.execution)
        execution = self._executions.get(key) or self._begin(message)
        try:
            remarks, news = execution.record(message)
        except OSError as error:
            # What it wrote of the message, if anything, is not known: the next one begins with a file of its own.
            self._executions.pop(key, None)
            raise StoreError(
                f"the store {self.store} did not take the message ({error.strerror or error}); free some space there, "
                "and send it again"
            ) from None
        if news:
            # The whole plan: what was found elsewhere is not looked for again once something is declared here.
            self._keep(execution.plan())
        return remarks

    def execution(self, dataflow: str, execution: str) -> Execution | None:
        """The execution of these tags that this recorder has written to, if it has."""
        return self._executions.get((dataflow.lower(), execution))

    def tick(self, now: float | None = None) -> None:
        """Regular work, due about every second: end executions that are complete and rest, let go of old ones.

        Args:
            now: ``time.monotonic()``, in seconds; by default read now.
        """
        moment = time.monotonic() if now is None else now
        with self._lock:
            for key, execution in list(self._executions.items()):
                if isinstance(execution.log, ExecutionFile):
                    execution.log.rest(execution, moment)
                    if moment - execution.touched > FORGET_SECONDS:
                        del self._executions[key]

    def close(self) -> None:
        """End the executions whose tasks have all ended, and seal all files."""
        with self._lock:
            for execution in self._executions.values():
                if isinstance(execution.log, ExecutionFile):
                    execution.log.close(execution)
            self._executions.clear()

    def after_fork_in_child(self) -> None:
        """In a forked child: the lock may be held by a thread that only the parent has."""
        self._lock = threading.RLock()
        for execution in self._executions.values():
            execution.guard_by(self._lock)

    def _begin(self, message: TaskMessage) -> Execution:
        with self._lock:
            declared = self._known(message.dataflow)
            if declared is None:
                raise UnknownDataflowError(
                    f"a dataflow that was declared before was expected, got {message.dataflow!r}: post its "
                    "specification to /pde/dataflow/json (Dataflow.save()) first"
                )
            key = (message.dataflow, message.execution)
            execution = self._executions.get(key)
            if execution is None:
                try:
                    log = self._open_log(message.dataflow, message.execution or message.dataflow)
                except OSError as error:
                    raise StoreError(f"the store {self.store} cannot be written ({error.strerror or error})") from None
                execution = self._executions[key] = Execution(log, declared, self._lock, self._raw_data)
            return execution

    def _known(self, tag: str) -> Declared | None:
        declared = self._declared.get(tag)
        if declared is not None:
            return declared
        plans = declarations.load(self.store, tag)
        if not plans:
            found = self._find_plan(tag) if self._find_plan else None
            plans = [found] if found is not None else []
        if not plans:
            return None
        declared = self._declared[tag] = Declared(tag)
        for plan in plans:
            declared.add(plan.transformations)
        return declared

    def _keep(self, plan: Dataflow) -> None:
        try:
            declarations.save(self.store, plan, package_version=__version__)
        except OSError as error:
            raise StoreError(f"the store {self.store} cannot be written ({error.strerror or error})") from None

    def _file(self, dataflow: str, execution: str) -> Log:
        return ExecutionFile(self.store, dataflow, execution)


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for recorder in list(_recorders):
        recorder.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
