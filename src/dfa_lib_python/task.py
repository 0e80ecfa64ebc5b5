"""Tasks: executions of transformations."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dfa_lib_python import _session
from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.dependency import Dependency
from dfa_lib_python.performance import Performance
from dfa_lib_python.ProvenanceObject import ProvenanceObject
from dfa_lib_python.system_info import get_system_info
from dfa_lib_python.task_status import TaskStatus

__all__ = [
    "DataSet",
    "Dependency",
    "Performance",
    "ProvenanceObject",
    "Task",
    "TaskStatus",
    "datetime",
    "dfa_url",
    "get_system_info",
    "json",
]

dfa_url = _session.server_url()
"""The server that messages go to besides, if ``DFA_URL`` is set; read once, as in the originals."""

_FIRST = "1"

_lock = threading.RLock()
"""Held while elements are added or sent: none is lost, or sent twice, where threads share a task."""


class Task(ProvenanceObject):
    """One execution of a transformation.

    Every generation of the library had another order of arguments; all of them are understood, and each argument by
    its name::

        Task(identifier, dataflow_tag, transformation_tag, …)
        Task(identifier, dataflow_tag, exec_tag, transformation_tag, …)
        Task(identifier, dataflow, exec_tag, transformation_tag, …)

    Behind them, or by name: ``sub_id``, ``dependency``, ``workspace``, ``resource``, ``output``, ``error``. The tasks
    of a dataflow that name no execution share one: in this process, in those that it starts, and in others that run
    at the same time with the same store.

    Args:
        id: The number by which the user knows the task; ``identifier`` is as good.
        dataflow_tag: The tag of the dataflow; ``dataflow`` is as good.
        dataflow: The dataflow.
        exec_tag: The execution, any text.
        transformation_tag: The tag of the transformation.
        sub_id: The number of a part of the task.
        dependency: A task, or several, whose results it needs. Anything else is no dependency.
        workspace: A directory.
        resource: A machine.
        output: What its program said.
        error: What went wrong.

    Raises:
        TypeError: Arguments are missing, or unknown.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = _arguments(args, kwargs)
        dataflow, transformation, execution = given["dataflow"], given["transformation_tag"], given.get("exec_tag")
        whole = dataflow if isinstance(dataflow, Dataflow) else None
        name = whole.name if whole is not None else dataflow
        assert isinstance(name, str), f"the tag of a dataflow is a str, got {name!r}"
        assert isinstance(transformation, str), f"the tag of a transformation is a str, got {transformation!r}"
        super().__init__(transformation)
        self._first = "0"
        self._dataflow = name.lower()
        self._email = str(whole.email) if whole is not None else ""
        self._exec = str(execution) if execution else _session.default_execution(name)
        self._hardware = ""
        self._workspace = str(given.get("workspace") or "")
        self._resource = str(given.get("resource") or "")
        self._dependency: dict[str, Any] = {}
        self._output = str(given.get("output") or "")
        self._error = str(given.get("error") or "")
        self._sets: list[dict[str, Any]] = []
        self._status: str = TaskStatus.READY.value
        self._transformation = transformation.lower()
        self._id = str(given["id"])
        self._sub_id = "" if given.get("sub_id") is None else str(given["sub_id"])
        self._performances: list[dict[str, Any]] = []
        # None of these is a member of the message: their names have no underscore in front.
        self.dfa_url = dfa_url
        self.start_time: str | None = None
        self.end_time: str | None = None
        self._depend_on(given.get("dependency"))
        if whole is not None:
            _session.remember(whole)

    def add_dependency(self, dependency: Dependency) -> None:
        """Set the tasks whose results it needs; they replace those before."""
        assert isinstance(dependency, Dependency), f"a Dependency is expected, got {dependency!r}"
        self._dependency = dependency.get_specification()

    def set_datasets(self, data_sets: Sequence[DataSet]) -> None:
        """Add elements of several sets to the next message."""
        assert isinstance(data_sets, list | tuple), f"the data sets are a list, got {data_sets!r}"
        for data_set in data_sets:
            self.add_dataset(data_set)

    def add_dataset(self, data_set: DataSet) -> None:
        """Add elements of a set to the next message. What was sent is not sent again."""
        assert isinstance(data_set, DataSet), f"a DataSet is expected, got {data_set!r}"
        specification = data_set.get_specification()
        # Also where it is empty as yet: what is added to the data set before the message is sent goes with it.
        specification.setdefault("elements", data_set.elements)
        with _lock:
            self._sets.append(specification)

    def set_status(self, status: TaskStatus) -> None:
        """Set the state that the next message tells."""
        assert isinstance(status, TaskStatus), f"a TaskStatus is expected, got {status!r}"
        self._status = status.value

    def begin(self) -> None:
        """The task begins: tell it, with the elements that were added."""
        self._status = TaskStatus.RUNNING.value
        self.start_time = _now()
        if self._id != _FIRST:
            self.save()
            return
        self._first = "1"
        self._hardware = json.dumps(get_system_info())
        self.save()
        self._first = "0"

    def end(self) -> None:
        """The task ends: tell it, with the elements that were added and the time that it took."""
        self._status = TaskStatus.FINISHED.value
        self.end_time = _now()
        self._performances.append(Performance(self.start_time, self.end_time).get_specification())
        self.save()
        _session.ended(self)

    def save(self) -> None:
        """Tell the task as it is now, and print the status."""
        with _lock:
            _session.report(self, dfa_url)
            self._sets = []

    def _depend_on(self, dependency: Any) -> None:
        if isinstance(dependency, Task):
            dependency = [dependency]
        if isinstance(dependency, list | tuple):
            tasks = [task for task in dependency if isinstance(task, Task)]
            if tasks:
                self.add_dependency(Dependency([task._tag for task in tasks], [task._id for task in tasks]))


_TAIL = ("sub_id", "dependency", "workspace", "resource", "output", "error")
_OTHER_NAMES = {"identifier": "id", "dataflow_tag": "dataflow"}
_NEEDED = ("id", "dataflow", "transformation_tag")


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, whichever generation's order they are in."""
    given = {_OTHER_NAMES.get(name, name): value for name, value in kwargs.items()}
    head = [name for name in ("id", "dataflow", "exec_tag", "transformation_tag") if name not in given]
    if "exec_tag" in head and _is_without_execution(args, head):
        head.remove("exec_tag")
    names = (*head, *_TAIL)
    unknown = [name for name in given if name not in (*_NEEDED, "exec_tag", *_TAIL)]
    if unknown or len(args) > len(names):
        what = f"an argument {unknown[0]!r}" if unknown else f"{len(args)} arguments"
        raise TypeError(f"Task(id, dataflow, exec_tag, transformation_tag, {', '.join(_TAIL)}) got {what}")
    for name, value in zip(names, args, strict=False):
        if name in given:
            raise TypeError(f"Task got several values for the argument {name!r}")
        given[name] = value
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise TypeError(f"Task expects the arguments {', '.join(_NEEDED)}; {', '.join(missing)} is missing")
    return given


def _is_without_execution(args: tuple[Any, ...], head: list[str]) -> bool:
    """Whether the arguments are in the first order, which had no execution."""
    if len(args) < len(head):
        return True
    if "transformation_tag" not in head:
        return False
    # No transformation is an empty text, and no number of a part is tasks: that is what follows where there is none.
    transformation, part = [*args, None][len(head) - 1 : len(head) + 1]
    return transformation in (None, "") or isinstance(part, Task | list | tuple)


def _now() -> str:
    # Not `strftime`, which imports a module: an object may tell its end when the interpreter has begun to go.
    return datetime.now().isoformat(" ", "seconds")  # noqa: DTZ005 - DfAnalyzer's times are those of the local clock


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - a thread that only the parent has may hold it
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
