"""The recorder of a process that reports its own tasks: the scripts that use DfAnalyzer's client library."""

from __future__ import annotations

import os
import threading

from dlprov.capture.dfanalyzer.execution import Log
from dlprov.capture.dfanalyzer.recorder import Recorder
from dlprov.capture.dfanalyzer.shared_execution import SharedExecution
from dlprov.capture.run import Run, inherited_executions, new_execution_tag, recording_store, start_execution

_lock = threading.RLock()
_recorder: Recorder | None = None


class RunLog:
    """An execution that is a run of this process: with its environment, and an end when the process ends."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def write(self, lines: bytes) -> None:
        """Append whole lines in one piece. Never raises."""
        if self.run.status != "running":
            self.run.resume()
        self.run.write(lines)

    def next_element(self, count: int) -> int:
        """The first of ``count`` numbers for elements that this process has not used in the run."""
        return self.run.next_element(count)


def local_recorder() -> Recorder | None:
    """This process's recorder, into the store that its runs are recorded in; ``None`` if capture is disabled."""
    global _recorder  # noqa: PLW0603 - there is one for a process
    with _lock:
        if _recorder is None:
            store = recording_store()
            if store is not None:
                # Absolute: a script may change its directory, and its messages still wait there.
                _recorder = Recorder(store.absolute(), open_log=_run_log, raw_data=None)
        return _recorder


def run_in(recorder: Recorder, dataflow: str, execution: str) -> Run | None:
    """The run of this process that a recorder writes the execution of these tags to, if it has written to it."""
    known = recorder.execution(dataflow, execution)
    return known.log.run if known is not None and isinstance(known.log, RunLog) else None


def default_execution(dataflow: str) -> str:
    """The execution of a dataflow whose tasks name none.

    It is the one that this process, or the process that started it, has; else the one that another living process
    of the same store has; else a new one. So the processes of one federated training share an execution, and each
    later run of a script has its own.
    """
    with _lock:
        store = recording_store()
        if store is None:
            return new_execution_tag(dataflow)
        return SharedExecution(store, dataflow).join(new_execution_tag(dataflow), inherited_executions())


def _run_log(dataflow: str, execution: str) -> Log:
    return RunLog(start_execution(dataflow, execution))


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - a thread that only the parent has may hold it
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
