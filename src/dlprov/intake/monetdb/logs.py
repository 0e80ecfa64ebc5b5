"""From a dumped database to run logs: a run for each execution, with the rows' own ids, tags and times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dlprov import model
from dlprov.intake.monetdb.database import Database, read_database
from dlprov.intake.monetdb.elements import ElementWriter
from dlprov.intake.monetdb.executions import Execution, Task, moment, read_executions, said
from dlprov.intake.monetdb.plans import Flow, read_flows, row_number, tables_of
from dlprov.intake.report import Report
from dlprov.intake.runlog import RunLog
from dlprov.intake.runlogs import RunLogs
from dlprov.log import events, layout

KIND = "dfanalyzer"
"""The kind of the runs."""

Progress = Callable[[int, int], None]
"""Called with the bytes that were read and the bytes that are to be read."""


def import_dump(path: Path, store: Path, report: Report, progress: Progress = lambda _, __: None) -> None:
    """Bring a dump's dataflows and executions into the run logs of a store: what is new of them.

    The dump is read twice, and never as a whole: first its generic tables, then the rows of its sets.

    Args:
        path: The dump, of a DfAnalyzer database of any generation.
        store: The store directory; it is made.
        report: Counts, and what cannot be read.
        progress: Called now and then; each of the two readings is half of it.

    Raises:
        UsageError: It is no dump of a DfAnalyzer database.
        StoreError: The store cannot be written.
    """
    size = path.stat().st_size
    database = read_database(path, report, lambda done: progress(done // 2, size))
    flows = read_flows(database, report)
    if not flows:
        report.warning(None, "there is no dataflow in it")
    executions = read_executions(database, flows, report)
    with RunLogs(store) as logs:
        _Import(database, flows, executions, logs, report).run(lambda done: progress((size + done) // 2, size))
    progress(size, size)


class _Import:
    """One import, of what was read, to open logs."""

    def __init__(
        self, database: Database, flows: list[Flow], executions: list[Execution], logs: RunLogs, report: Report
    ) -> None:
        self._database = database
        self._flows = flows
        self._executions = executions
        self._logs = logs
        self._report = report

    def run(self, passed: Callable[[int], None]) -> None:
        for flow in self._flows:
            if not any(execution.flow is flow for execution in self._executions):
                self._declare(flow)
        for execution in self._executions:
            self._begin(execution)
            self._logs.relieve()
        tasks = {task.number: task for execution in self._executions for task in execution.tasks}
        writer = ElementWriter(self._database, tasks, self._logs, self._report)
        for data, having in tables_of(self._database, self._flows):
            writer.write(data, having, passed)
            self._logs.append_uses()
        touched = set()
        for execution in self._executions:
            self._end(execution)
            self._logs.relieve()
            log = self._log_of(execution)
            self._report.lines += log.added
            if log.added:
                touched.add(execution.flow.number)
        self._report.dataflows += len(touched)

    def _declare(self, flow: Flow) -> None:
        """A dataflow that nobody executed is kept by itself."""
        name = layout.declaration_name(flow.tag)
        log = self._logs.log(name)
        log.once(events.Log(0, format=events.FORMAT, run=name, writer=log.writer))
        # The first plan says which dataflow the numbers are of, and declares nothing yet.
        log.add(events.Plan(0, model.Dataflow(flow.tag)))
        _plan(log, flow, 0)
        self._report.lines += log.added
        self._report.dataflows += bool(log.added)

    def _begin(self, execution: Execution) -> None:
        flow, log, start = execution.flow, self._log_of(execution), execution.start
        self._report.runs += log.is_new
        log.once(events.Log(start, format=events.FORMAT, run=execution.run_id, writer=log.writer))
        log.once(events.Run(start, dataflow=flow.tag, execution=execution.tag, kind=KIND))
        _plan(log, flow, start)
        if execution.email or execution.hardware:
            log.add(events.Agent(start, execution.email, execution.hardware))
        for task in execution.tasks:
            self._task(log, task)

    def _task(self, log: RunLog, task: Task) -> None:
        values = task.values
        output, error = said(values.get("output_msg")), said(values.get("error_msg"))
        ends = task.is_finished and task.end is not None
        status = said(values.get("status")).upper()
        started = events.Task(
            task.time,
            task.key,
            task.transformation,
            task.identifier,
            workspace=said(values.get("workspace")),
            resource=said(values.get("computing_resource")),
            status="" if ends or status == "RUNNING" else status,
            output="" if ends else output,
            error="" if ends else error,
            number=row_number(task.number),
        )
        self._report.tasks += log.begin_task(started)
        for row in task.performances:
            begin, end = said(row.get("starttime")), said(row.get("endtime"))
            first = moment(begin)
            log.interval(
                events.Performance(
                    first if first is not None else task.time,
                    task.key,
                    begin,
                    end,
                    said(row.get("method")),
                    said(row.get("description")),
                    said(row.get("invocation")),
                    subtask if isinstance(subtask := row.get("subtask_id"), int) else None,
                    row_number(row["id"]),
                )
            )
        for row in task.files:
            log.add(events.File(task.time, task.key, str(row["name"]), str(row["path"]), row_number(row["id"])))

    def _end(self, execution: Execution) -> None:
        log = self._log_of(execution)
        for task in execution.tasks:
            if task.is_finished and task.end is not None:
                end = events.TaskEnd(
                    task.end,
                    task.key,
                    "finished",
                    _seconds(task.time, task.end),
                    error=said(task.values.get("error_msg")),
                    output=said(task.values.get("output_msg")),
                )
                log.end_task(end)
        end_time = execution.end
        if end_time is None:
            log.end(None)
        else:
            log.end(events.End(end_time, "finished", _seconds(execution.start, end_time)))

    def _log_of(self, execution: Execution) -> RunLog:
        return self._logs.log(execution.run_id)


def _plan(log: RunLog, flow: Flow, time: int) -> None:
    """The plan, with the numbers of its rows in front of it: an index that meets it gives out numbers at once."""
    numbers, plan = flow.numbers(time), events.Plan(time, flow.plan())
    if log.holds(plan):
        log.add(numbers)
    else:
        log.append(numbers)
        log.append(plan)


def _seconds(start: int, end: int) -> float:
    return round(max(0, end - start) / 1e6, 6)
