"""The rows of sets as elements: which task generated each, and which used it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dlprov.intake.monetdb.database import Database, SetData
from dlprov.intake.monetdb.executions import Task
from dlprov.intake.monetdb.oddities import EPOCHS, EpochWatch
from dlprov.intake.monetdb.plans import FILE_COLUMN, TASK_COLUMN, Flow, PlannedSet, row_number
from dlprov.intake.report import Report
from dlprov.intake.runlogs import RunLogs
from dlprov.log import events, values

_KEY_BITS = 40
_RELIEVE_EVERY = 1024


class _Links(NamedTuple):
    """The tasks that a row names: by whom it came to be, whether it was generated, and who used it then."""

    owner: Task
    planned: PlannedSet
    is_generated: bool
    users: list[Task]


class ElementWriter:
    """Writes the rows of sets to the logs of the runs that they belong to.

    Args:
        database: The dumped database.
        tasks: Its tasks by their ids.
        logs: The run logs.
        report: Where rows that cannot be placed are told, and elements counted.
    """

    def __init__(self, database: Database, tasks: dict[int, Task], logs: RunLogs, report: Report) -> None:
        self._database = database
        self._tasks = tasks
        self._logs = logs
        self._report = report

    def write(self, data: SetData, flows: list[Flow], passed: Callable[[int], None] = lambda _: None) -> None:
        """Write the rows of one table, whose set the given dataflows have."""
        if not flows:
            rows = sum(copy.announced for copy in data.blocks)
            reason = f"no dataflow of the dump has a set {data.name!r}, so its {rows} rows belong to nothing"
            self._report.problem(data.blocks[0].line, reason, rows)
            return
        table = _Table(data, flows)
        watch = EpochWatch()
        different: list[int] = []
        for count, (line, row) in enumerate(self._database.rows_of(data, self._report, passed)):
            links = self._links(table, line, row)
            if links is None:
                continue
            attributes = table.attributes(row)
            self._look_at(watch, links.owner, line, row, attributes)
            if not self._write(table, links, row, attributes):
                different.append(line)
            if count % _RELIEVE_EVERY == 0:
                self._logs.relieve()
        if different:
            reason = (
                f"{len(different)} rows of {data.name!r} are not those that were imported before under the same "
                "dataflow and execution, which are kept: import another database into a store of its own"
            )
            self._report.problem(different[0], reason, len(different))

    def _links(self, table: _Table, line: int, row: list[Any]) -> _Links | None:
        name = f"a row of {table.name!r}"
        number = row[table.id] if table.id is not None else None
        if not isinstance(number, int) or not 0 < number < 1 << _KEY_BITS:
            self._report.problem(line, f"{name} has the id {number!r}, and a positive integer was expected")
            return None
        found = []
        for place, transformation in table.task_columns:
            task = self._tasks.get(row[place])
            if task is not None and task.transformation == transformation:
                found.append(task)
            elif row[place] is not None:
                what = "the dump does not have" if task is None else f"is one of {task.transformation!r}"
                reason = f"{name} belongs to task {row[place]} of {transformation!r}, which {what}"
                self._report.problem(line, reason)
                return None
        for task in found:
            planned = table.sets.get(task.execution.flow.number)
            if planned is not None and task.transformation in planned.producers:
                return self._placed(_Links(task, planned, True, [user for user in found if user is not task]), line)
        if found and (planned := table.sets.get(found[0].execution.flow.number)) is not None:
            return self._placed(_Links(found[0], planned, False, found[1:]), line)
        self._report.problem(line, f"{name} belongs to no task")
        return None

    def _placed(self, links: _Links, line: int) -> _Links:
        """The links within the row's run."""
        others = [user for user in links.users if user.execution is not links.owner.execution]
        for user in others:
            used = f"a row of {links.planned.tag!r} by task {user.number}, which is of another execution"
            self._report.warning(line, f"the use of {used}, is left out")
        return links._replace(users=[user for user in links.users if user not in others]) if others else links

    def _write(self, table: _Table, links: _Links, row: list[Any], attributes: dict[str, Any]) -> bool:
        """False if the run has another element under the row's id."""
        owner, planned = links.owner, links.planned
        number: int = row[table.id or 0]
        key = planned.number << _KEY_BITS | number
        log = self._logs.log(owner.execution.run_id)
        event: events.Generated | events.Used
        if links.is_generated:
            event = events.Generated(owner.time, owner.key, planned.tag, key, (attributes,), row_number(number))
        else:
            event = events.Used(owner.time, owner.key, planned.tag, key, (attributes,), number=row_number(number))
        is_new = log.element(event)
        if is_new is None:
            return False
        self._report.elements += is_new
        for user in links.users:
            log.uses(user.key, planned.tag, key, user.time)
        return True

    def _look_at(self, watch: EpochWatch, task: Task, line: int, row: list[Any], attributes: dict[str, Any]) -> None:
        for name in EPOCHS:
            if name in attributes:
                expected = watch.expected(task.number, attributes[name])
                if expected is not None:
                    reason = f"epoch {attributes[name]:g} in row {row[0]}, where {expected:g} was expected"
                    self._report.warning(line, f"{reason}; it is imported as it is")


class _Table:
    """The columns of a set's table by what they mean."""

    def __init__(self, data: SetData, flows: list[Flow]) -> None:
        self.name = data.name
        self.sets = {flow.number: planned for flow in flows if (planned := flow.set_of(data.name))}
        transformations = {tag for flow in flows for tag in flow.transformations.values()}
        declared = {name for planned in self.sets.values() for name in planned.attributes}
        extractors = [extractor for planned in self.sets.values() for extractor in planned.extractors.values()]
        files = {extractor.tag + FILE_COLUMN for extractor in extractors}
        self.id: int | None = None
        self.task_columns: list[tuple[int, str]] = []
        self._attributes: list[tuple[int, str]] = []
        for place, column in enumerate(data.columns):
            transformation = column.name.removesuffix(TASK_COLUMN)
            if column.name == "id":
                self.id = place
            elif column.name.endswith(TASK_COLUMN) and transformation in transformations:
                self.task_columns.append((place, transformation))
            elif column.name in declared and column.name not in files:
                self._attributes.append((place, column.name))

    def attributes(self, row: list[Any]) -> dict[str, Any]:
        """The attributes of a row that have a value, as the log writes them."""
        found = {}
        for place, name in self._attributes:
            value = row[place]
            if value is not None:
                found[name] = values.encode(value) if isinstance(value, float | str) else value
        return found
