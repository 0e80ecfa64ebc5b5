"""From events to rows: what each event of a run's log changes in the index."""

from __future__ import annotations

from typing import Any

from dlprov.log import events, layout
from dlprov.log.identifiers import derived_id
from dlprov.store import agents, artifacts, documents, elements, extraction, performances
from dlprov.store.catalog import DataflowEntry
from dlprov.store.columns import as_text, json_text, typed
from dlprov.store.names import fold
from dlprov.store.raw_files import RawFiles
from dlprov.store.tables import Row, Tables

_ENDED = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "INTERRUPTED"}

_RUN_COLUMNS = {
    "process.script": "script",
    "process.directory": "directory",
    "git.commit": "git_commit",
    "git.branch": "git_branch",
    "python.version": "python",
    "framework.keras.backend": "backend",
}
"""Parts of the environment that table ``run`` shows, too."""

_FRAMEWORKS = ("keras", "lightning", "transformers", "torch", "tensorflow", "jax", "sklearn")


class Batch:
    """The rows of one indexing transaction, for all runs in it."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.dataflows: dict[str, DataflowEntry] = {}
        self.runs: dict[str, RunRecords] = {}
        self.agents: dict[str, int] = {}
        self.raw_files = RawFiles(tables.connection)
        self.known_runs = {row[0] for row in tables.connection.execute("SELECT run_id FROM public.run").fetchall()}

    def dataflow(self, tag: str) -> DataflowEntry:
        """The dataflow of this tag."""
        tag = fold(tag)
        if tag not in self.dataflows:
            self.dataflows[tag] = DataflowEntry(self.tables, tag)
        return self.dataflows[tag]

    def run(self, run_id: str) -> RunRecords:
        """The rows of this run."""
        if run_id not in self.runs:
            self.runs[run_id] = RunRecords(self, run_id)
        return self.runs[run_id]

    def flush(self) -> None:
        """Write everything to the index."""
        for dataflow in self.dataflows.values():
            dataflow.flush_plan()
        changed_runs: dict[str, Row] = {}
        changed_executions: dict[str, Row] = {}
        changed_tasks: dict[int, Row] = {}
        changed_times: dict[int, Row] = {}
        for run in self.runs.values():
            run.collect_changes(changed_runs, changed_executions, changed_tasks, changed_times)
        self.tables.flush()
        self.tables.update("run", "run_id", changed_runs)
        self.tables.update("dataflow_execution", "uuid", changed_executions)
        self.tables.update("task", "id", changed_tasks)
        self.tables.update("performance", "id", changed_times)
        for dataflow in self.dataflows.values():
            dataflow.flush_sets()


class RunRecords:
    """One run's rows. Events come in the order of a file; files of one run in any order."""

    def __init__(self, batch: Batch, run_id: str) -> None:
        self.batch = batch
        self.tables = batch.tables
        self.run_id = run_id
        self.tasks: dict[str, Row] = {}
        self.times: dict[int, list[Row]] = {}
        self._new_tasks: set[int] = set()
        self._changed_tasks: set[int] = set()
        self._by_names: dict[tuple[int, int], str] = {}
        self._uuids: dict[tuple[events.Key, str], str] = {}
        self._execution: Row | None = None
        self._execution_is_new = False
        self._dependencies: set[tuple[int, int]] = set()
        self._settings: dict[tuple[str, int | None, str], Row] = {}
        self._environment: dict[str, str | None] = {}
        self._dataflow: DataflowEntry | None = None
        self.document: documents.DocumentEntry | None = None
        self._handlers = _HANDLERS
        self.is_new = run_id not in batch.known_runs
        self.row: Row = {"run_id": run_id, "status": "running"}
        self.is_run = False
        if layout.is_declaration(run_id):
            self._handlers = _OF_DECLARATIONS
            return
        if layout.is_document(run_id):
            self._handlers = _OF_DOCUMENTS
            self.document = documents.load(self)
            return
        self.is_run = True
        if self.is_new:
            self.tables["run"].add(self.row)
        else:
            self._load()

    @property
    def dataflow(self) -> DataflowEntry:
        """The run's dataflow. A worker's file may come before the one that names it: then it is ``unknown``."""
        if self._dataflow is None:
            self._dataflow = self.batch.dataflow(self.row.get("dataflow") or self._declared() or "unknown")
        return self._dataflow

    @property
    def execution(self) -> Row:
        """The run's row in ``dataflow_execution``, to be changed; made if it is not there yet."""
        if self._execution is None:
            found = [] if self.is_new else self.tables.load("dataflow_execution", "uuid = ?", [self.run_id])
            self._execution_is_new = not found
            if found:
                self._execution = found[0]
            else:
                number = self.tables.number("dataflow_execution")
                row = {"id": number, "uuid": self.run_id, "tag": self.run_id}
                self._execution = self.tables.insert("dataflow_execution", **row)
        return self._execution

    def task(self, key: events.Key | None, writer: str, wanted: int | None = None) -> Row | None:
        """The task that a line of ``writer`` calls ``key``. One that has not been seen yet is made."""
        if key is None:
            return None
        names = events.names_of_task(key)
        uuid = self._uuids.get((key, writer))
        if uuid is None:
            whole = (self.run_id, events.named_task(*names)) if names else (elements.global_key(key, writer),)
            # A client may name a task that this package recorded by itself: a Keras model's training, say.
            uuid = (self._own_task(*names) if names else None) or derived_id("task", *whole)
            self._uuids[key, writer] = uuid
        if uuid in self.tasks:
            self.tables.note_number("task", wanted, self.tasks[uuid]["id"], self.run_id, again=True)
        else:
            # Either this is its own event, or that is in another writer's file which is read later.
            number = self.tables.claim("task", wanted, self.run_id)
            row = self.tables.insert("task", id=number, uuid=uuid, run_id=self.run_id, identifier=0)
            if names:
                row |= {"dt_id": self.dataflow.transformation(names[0]), "identifier": names[1]}
                self._place(row)
            self.tasks[uuid] = row
            self._new_tasks.add(number)
        row = self.tasks[uuid]
        self._changed_tasks.add(row["id"])
        return row

    def _own_task(self, transformation: str, identifier: int) -> str | None:
        """The identifier of the task that this package recorded under a key of its own, if there is one."""
        number = self.dataflow.transformations.get(transformation)
        return self._by_names.get((number, identifier)) if number is not None else None

    def task_id(self, key: events.Key | None, writer: str) -> int | None:
        """The number of a task; ``None`` for no task."""
        row = self.task(key, writer)
        return None if row is None else int(row["id"])

    def transformation_of(self, task: Row) -> str:
        """The tag of a task's transformation."""
        number = task.get("dt_id")
        for tag, other in self.dataflow.transformations.items():
            if other == number:
                return tag
        task["dt_id"] = self.dataflow.transformation("unknown")
        return "unknown"

    def seen(self, time: int) -> None:
        """The run gave a sign of life."""
        self.row["last_seen"] = max(time, self.row.get("last_seen", time))

    def handle(self, event: events.AnyEvent, writer: str) -> None:
        """Take in one event of a file."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(self, event, writer)

    def collect_changes(
        self,
        runs: dict[str, Row],
        executions: dict[str, Row],
        tasks: dict[int, Row],
        times: dict[int, Row],
    ) -> None:
        """Queue the rows that are new, and give out those that are in the index and changed."""
        self._queue_settings()
        self._queue_environment()
        if not self.is_run:
            return
        if not self.is_new:
            runs[self.run_id] = self.row
        if self._execution is not None:
            if "dataflow" in self.row:
                self._execution["df_id"] = self.dataflow.number  # a log of an import may have changed it
            if not self._execution_is_new:
                executions[self.run_id] = self._execution
        for row in self.tasks.values():
            if row["id"] in self._changed_tasks and row["id"] not in self._new_tasks:
                tasks[row["id"]] = row
                times |= {times_row["id"]: times_row for times_row in self.times.get(row["id"], ())}

    # Handlers, in the order of the event types.

    def _run(self, event: events.Run, _: str) -> None:
        if "dataflow" in self.row:
            # Another process takes part in an execution that both know by its tag.
            self.row["started"] = min(event.time, self.row["started"])
            if event.time >= (self.row.get("ended") or 0):
                self.row |= {"status": "running", "ended": None}
        else:
            self._dataflow = self.batch.dataflow(event.dataflow)
            self.row |= {"dataflow": self._dataflow.tag, "started": event.time}
            self.row["execution"] = self.execution["tag"] = event.execution or self.run_id
            for row in self.tasks.values():  # made by the file of a worker
                self._place(row)
                self._changed_tasks.add(row["id"])
        told = {"name": event.name, "kind": event.kind, "parent_run_id": event.parent, "user": event.user}
        self.row |= {column: text for column, text in told.items() if text and not self.row.get(column)}
        if event.user and not self.execution.get("scientist_id"):
            self.execution["scientist_id"] = agents.scientist(self, event.user)

    def _resume(self, _: events.Resume, __: str) -> None:
        self.row |= {"status": "running", "ended": None}

    def _end(self, event: events.End, _: str) -> None:
        self.row["duration"] = round((self.row.get("duration") or 0.0) + event.duration, 6)
        if event.time < (self.row.get("ended") or 0):
            return  # of a process that ended earlier than another one, whose file was read first
        self.row |= {
            "status": event.status,
            "ended": event.time,
            "error_type": event.error_type or None,
            "error": event.error or None,
            "traceback": event.traceback or None,
        }

    def _plan(self, event: events.Plan, _: str) -> None:
        if not self.is_run:
            self._dataflow = self.batch.dataflow(event.dataflow.tag)
        self.dataflow.declare(event.dataflow)

    def _numbers(self, event: events.Numbers, _: str) -> None:
        self.dataflow.prefer(event, self.run_id)

    def _add_environment(self, event: events.Environment, _: str) -> None:
        flat = dict(_flatten("", event.values))
        self._environment |= flat
        for name, column in _RUN_COLUMNS.items():
            if flat.get(name):
                self.row[column] = flat[name]
        process = event.values.get("process")
        if isinstance(process, dict) and isinstance(process.get("command"), list):
            self.row["command"] = " ".join(str(part) for part in process["command"])
        if flat.get("git.dirty") in ("true", "false"):
            self.row["git_dirty"] = flat["git.dirty"] == "true"
        for name in _FRAMEWORKS:
            if f"framework.{name}" in flat:
                self.row["framework"] = f"{name} {flat[f'framework.{name}']}"
                break
        hardware = event.values.get("hardware")
        if isinstance(hardware, dict):
            agents.found(self, hardware)

    def _param(self, event: events.Param, writer: str) -> None:
        task = self.task_id(event.task, writer)
        for name, value in event.values.items():
            self._settings["param", task, name] = {"task_id": task, "name": name, "time": event.time, **typed(value)}

    def _tag(self, event: events.Tag, _: str) -> None:
        for name, value in event.values.items():
            self._settings["tag", None, name] = {"name": name, "value": as_text(value), "type": typed(value)["type"]}

    def _task(self, event: events.Task, writer: str) -> None:
        row = self.task(event.key, writer, event.number)
        if row is None:
            return
        names = events.names_of_task(event.key)
        transformation, identifier = names or (event.transformation, event.identifier)
        row |= {"identifier": identifier, "dt_id": self.dataflow.transformation(transformation)}
        self._by_names.setdefault((row["dt_id"], identifier), row["uuid"])
        row["parent_id"] = self.task_id(event.parent, writer)
        for key in event.depends_on:
            self._depend(row["id"], self.task_id(key, writer))
        # What a DfAnalyzer client, whose tasks' keys are texts, does not tell is a text in DfAnalyzer's tables.
        is_clients = isinstance(event.key, str)
        missing = performances.MISSING if is_clients else None
        started = row.get("started")
        # A task with a name is in the files of several writers, and an earlier one may be read later.
        if not names or event.time >= row.get("ended", 0):
            row |= {"status": event.status or "RUNNING"}
            row |= {"output_msg": event.output or missing, "error_msg": event.error or missing}
        if started is None or (names and event.time < started):
            row["started"] = event.time
            row |= {"workspace": event.workspace or missing, "computing_resource": event.resource or missing}
            self._place(row)
        if started is None and not is_clients:
            performances.began(self, row, event.time)

    def _depend(self, task: int, earlier: int | None) -> None:
        if earlier is not None and (task, earlier) not in self._dependencies:
            self._dependencies.add((task, earlier))
            self.tables.insert("task_dependency", task_id=task, depends_on_id=earlier)

    def _place(self, row: Row) -> None:
        row |= {"df_version": self.dataflow.version, "df_exec": self.row.get("execution", self.run_id)}

    def _task_end(self, event: events.TaskEnd, writer: str) -> None:
        row = self.task(event.task, writer)
        if row is None:
            return
        names = events.names_of_task(event.task)
        is_clients = names is not None or row.get("workspace") is not None
        missing = performances.MISSING if is_clients else None
        row["duration"] = round((row.get("duration") or 0.0) + event.duration, 6)
        if names and event.time < row.get("ended", 0):
            return
        row |= {"status": _ENDED[event.status], "ended": event.time, "error_msg": event.error or missing}
        row["output_msg"] = event.output or missing
        if not is_clients:
            performances.ended(self, row, event.time)

    def _adaptation(self, event: events.Adaptation, writer: str) -> None:
        old, new = typed(event.old), typed(event.new)
        self.insert(
            "adaptation",
            event.task,
            writer,
            name=event.name,
            old=old["value"],
            new=new["value"],
            old_number=old["number"],
            new_number=new["number"],
            technique=event.technique or None,
            reason=event.reason or None,
            epoch=event.epoch,
            step=event.step,
            time=event.time,
        )

    def _layer(self, event: events.Layer, writer: str) -> None:
        self.insert(
            "layer",
            event.task,
            writer,
            position=event.position,
            name=event.name,
            type=event.type,
            config=json_text(event.config),
            weights=event.weights,
            trainable=event.trainable,
        )

    def _stop(self, event: events.Stop, writer: str) -> None:
        self.insert(
            "stop",
            event.task,
            writer,
            technique=event.technique,
            epoch=event.epoch,
            reason=event.reason or None,
            monitor=event.monitor or None,
            best=event.best,
            best_epoch=event.best_epoch,
            time=event.time,
        )

    def _note(self, event: events.Note, writer: str) -> None:
        self.insert("note", event.task, writer, text=event.text, time=event.time)

    def _problem(self, event: events.Problem, _: str) -> None:
        self.tables.insert(
            "problem",
            run_id=self.run_id,
            place=event.where,
            message=event.message,
            traceback=event.traceback or None,
            time=event.time,
        )

    def insert(self, table: str, task: events.Key | None, writer: str, **row: Any) -> None:
        """Insert a row about the run, or about one of its tasks."""
        self.tables.insert(table, run_id=self.run_id, task_id=self.task_id(task, writer), **row)

    def _queue_settings(self) -> None:
        """Replace earlier values of the same names, and insert the new ones."""
        for table in ("param", "tag"):
            rows = [{"run_id": self.run_id, **row} for (kind, *_), row in self._settings.items() if kind == table]
            if not rows:
                continue
            if not self.is_new:
                for row in rows:
                    condition, parameters = "run_id = ? AND name = ?", [self.run_id, row["name"]]
                    if table == "param":
                        condition += " AND task_id IS NOT DISTINCT FROM ?"
                        parameters.append(row["task_id"])
                    self.tables.connection.execute(f"DELETE FROM public.{table} WHERE {condition}", parameters)
            for row in rows:
                self.tables[table].add(row)

    def _queue_environment(self) -> None:
        if self._environment and not self.is_new:
            delete = "DELETE FROM public.environment WHERE run_id = ? AND list_contains(?, name)"
            self.tables.connection.execute(delete, [self.run_id, list(self._environment)])
        for name, value in self._environment.items():
            self.tables.insert("environment", run_id=self.run_id, name=name, value=value)

    def _declared(self) -> str | None:
        """The tag of the dataflow that this directory declares, if the index has it."""
        found = self.tables.load("dataflow", "uuid = ?", [self.run_id.removeprefix(layout.DECLARATION)])
        return str(found[0]["tag"]) if found else None

    def _load(self) -> None:
        self.row = self.tables.load("run", "run_id = ?", [self.run_id])[0]
        for row in self.tables.load("task", "run_id = ? ORDER BY id", [self.run_id]):
            self.tasks[row["uuid"]] = row
            if "dt_id" in row:
                self._by_names.setdefault((row["dt_id"], row["identifier"]), row["uuid"])
        own = "task_id IN (SELECT id FROM public.task WHERE run_id = ?)"
        for row in self.tables.load("performance", own + " ORDER BY id", [self.run_id]):
            self.times.setdefault(row["task_id"], []).append(row)
        for row in self.tables.load("task_dependency", own, [self.run_id]):
            self._dependencies.add((row["task_id"], row["depends_on_id"]))


def _flatten(prefix: str, value: Any) -> list[tuple[str, str | None]]:
    if isinstance(value, dict) and "@" not in value:
        return [pair for name, item in value.items() for pair in _flatten(f"{prefix}{name}.", item)]
    return [(prefix[:-1], as_text(value))]


_HANDLERS: dict[type[Any], Any] = {
    events.Run: RunRecords._run,
    events.Resume: RunRecords._resume,
    events.End: RunRecords._end,
    events.Plan: RunRecords._plan,
    events.Environment: RunRecords._add_environment,
    events.Agent: agents.said,
    events.Numbers: RunRecords._numbers,
    events.Param: RunRecords._param,
    events.Tag: RunRecords._tag,
    events.Task: RunRecords._task,
    events.TaskEnd: RunRecords._task_end,
    events.Performance: performances.reported,
    events.File: performances.named_file,
    events.Generated: elements.generated,
    events.Used: elements.used,
    events.RawData: extraction.raw_data,
    events.Adaptation: RunRecords._adaptation,
    events.Artifact: artifacts.artifact,
    events.Data: artifacts.data,
    events.Layer: RunRecords._layer,
    events.Stop: RunRecords._stop,
    events.Note: RunRecords._note,
    events.Problem: RunRecords._problem,
}

_OF_DECLARATIONS: dict[type[Any], Any] = {kind: _HANDLERS[kind] for kind in (events.Plan, events.Numbers)}
_OF_DOCUMENTS: dict[type[Any], Any] = {events.Document: documents.document, events.Statement: documents.statement}
"""What has a meaning in a directory that holds no run."""
