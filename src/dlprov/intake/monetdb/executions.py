"""The executions of a dumped database, each of which becomes a run, and their tasks.

Databases of the first generations know no executions: all that ever ran of a dataflow is one there. What is computed
from an execution or a task is asked for once all rows are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from dlprov.intake.monetdb.database import Database, Row
from dlprov.intake.monetdb.plans import Flow
from dlprov.intake.report import Report
from dlprov.intake.runlog import writer_of
from dlprov.log import events
from dlprov.log.identifiers import execution_run_id

_LATEST = 253_402_300_799_999_999
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Task:
    """A task: its row, and the events that tell of its times and files."""

    number: int
    key: events.Key
    identifier: int
    transformation: str
    execution: Execution
    values: dict[str, Any]
    performances: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def start(self) -> int | None:
        """The earliest start that its client told, microseconds since 1970; ``None`` if it told none."""
        return min(_moments(self.performances, "starttime"), default=None)

    @cached_property
    def end(self) -> int | None:
        """The latest end that its client told."""
        return max(_moments(self.performances, "endtime"), default=None)

    @cached_property
    def is_finished(self) -> bool:
        """Whether its client said so."""
        return said(self.values.get("status")).upper() == "FINISHED"

    @cached_property
    def time(self) -> int:
        """The moment that stands for it: its start, else that of its execution."""
        return self.start if self.start is not None else self.execution.start


@dataclass(eq=False)
class Execution:
    """An execution of a dataflow: its tag, what is known of who and where, and its tasks in the order of their ids."""

    flow: Flow
    tag: str
    email: str = ""
    hardware: dict[str, Any] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    keys: set[events.Key] = field(default_factory=set)

    @cached_property
    def run_id(self) -> str:
        """The run that it becomes: the same in every store, from every dump."""
        return execution_run_id(self.flow.tag, self.tag)

    @cached_property
    def start(self) -> int:
        """The earliest moment that is known of it; 0 if none is."""
        known = [time for task in self.tasks for time in (task.start, task.end) if time is not None]
        return min(known, default=0)

    @cached_property
    def end(self) -> int | None:
        """When it ended, if it has: when the last of its tasks did."""
        if not self.tasks or not all(task.is_finished for task in self.tasks):
            return None
        return max((task.end for task in self.tasks if task.end is not None), default=self.start)


def said(value: Any) -> str:
    """A text that a client gave. DfAnalyzer stores the text ``null`` where it gave none."""
    return "" if value is None or value == "null" else str(value)


def moment(text: str) -> int | None:
    """A time as clients write it, taken as UTC, in microseconds since 1970; ``None`` if it is none."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    microseconds = (found - _UNIX) // (_UNIX.resolution)
    return microseconds if 0 <= microseconds <= _LATEST else None


def read_executions(database: Database, flows: list[Flow], report: Report) -> list[Execution]:
    """The executions of a database, in the order of their ids. Tasks that belong to nothing are reported."""
    by_number = {flow.number: flow for flow in flows}
    by_transformation = {number: flow for flow in flows for number in flow.transformations}
    found: dict[tuple[int, str], Execution] = {}
    agents = _Agents(database)
    for row in database.tables["dataflow_execution"]:
        flow = by_number.get(row.values["df_id"])
        if flow is None:
            _orphan(report, row, "dataflow_execution", "df_id")
            continue
        tag = str(row.values["tag"])
        found[flow.number, tag] = Execution(flow, tag, *agents.of(row))
    tasks: dict[int, Task] = {}
    for row in database.tables["task"]:
        flow = by_transformation.get(row.values["dt_id"])
        if flow is None:
            _orphan(report, row, "task", "dt_id")
            continue
        tag = said(row.values.get("df_exec")) or flow.tag
        execution = found.setdefault((flow.number, tag), Execution(flow, tag))
        task = _task(row, execution)
        tasks[task.number] = task
        execution.tasks.append(task)
    for table in ("performance", "file"):
        for row in database.tables[table]:
            owner = tasks.get(row.values["task_id"])
            if owner is None:
                _orphan(report, row, table, "task_id")
            elif table == "performance":
                owner.performances.append(row.values)
            else:
                owner.files.append(row.values)
    return list(found.values())


class _Agents:
    """The people and the machines of the database."""

    def __init__(self, database: Database) -> None:
        self._emails = {row.values["id"]: str(row.values["email"]) for row in database.tables["data_scientist"]}
        self._machines = {row.values["id"]: _described(row.values) for row in database.tables["hardware_info"]}

    def of(self, execution: Row) -> tuple[str, dict[str, Any]]:
        """E-mail address and machine of an execution; empty where the database does not tell."""
        scientist, hardware = (execution.values.get(name) or 0 for name in ("scientist_id", "hardware_id"))
        return self._emails.get(scientist, ""), self._machines.get(hardware, {})


def _described(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("id", "uuid") and value is not None}


def _task(row: Row, execution: Execution) -> Task:
    number, identifier = row.values["id"], row.values["identifier"]
    transformation = execution.flow.transformations[row.values["dt_id"]]
    key = events.named_task(transformation, identifier)
    if key in execution.keys:
        # Of another version of the dataflow: in a log, a name is one task.
        key = f"{writer_of(execution.run_id)}:{number}"
    execution.keys.add(key)
    return Task(number, key, identifier, transformation, execution, row.values)


def _orphan(report: Report, row: Row, table: str, column: str) -> None:
    reason = f"a row of {table!r} belongs to {column} {row.values.get(column)}, which the dump does not have"
    report.problem(row.line, reason)


def _moments(performances: list[dict[str, Any]], column: str) -> list[int]:
    found = (moment(said(values.get(column))) for values in performances)
    return [time for time in found if time is not None]
