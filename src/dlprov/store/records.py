"""From events to rows: what each event of a run's log changes in the index."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from dlprov.log import events
from dlprov.store import elements
from dlprov.store.catalog import DataflowEntry
from dlprov.store.columns import as_text, json_text, typed
from dlprov.store.names import fold, stable_id
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
        self.agents: dict[tuple[str, ...], int] = {}
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
        changed_tasks: dict[int, Row] = {}
        changed_times: dict[int, Row] = {}
        for run in self.runs.values():
            run.collect_changes(changed_runs, changed_tasks, changed_times)
        self.tables.flush()
        self.tables.update("run", "run_id", changed_runs)
        self.tables.update("task", "id", changed_tasks)
        self.tables.update("performance", "task_id", changed_times)
        for dataflow in self.dataflows.values():
            dataflow.flush_sets()


class RunRecords:
    """One run's rows. Events come in the order of a file; files of one run in any order."""

    def __init__(self, batch: Batch, run_id: str) -> None:
        self.batch = batch
        self.tables = batch.tables
        self.run_id = run_id
        self.tasks: dict[str, Row] = {}
        self._times: dict[int, Row] = {}
        self._new_tasks: set[int] = set()
        self._changed_tasks: set[int] = set()
        self._uuids: dict[tuple[events.Key, str], str] = {}
        self._execution: Row | None = None
        self._dependencies: set[tuple[int, int]] = set()
        self._settings: dict[tuple[str, int | None, str], Row] = {}
        self._environment: dict[str, str | None] = {}
        self._dataflow: DataflowEntry | None = None
        self.is_new = run_id not in batch.known_runs
        self.row: Row = {"run_id": run_id, "status": "running"}
        if self.is_new:
            self.tables["run"].add(self.row)
        else:
            self._load()

    @property
    def dataflow(self) -> DataflowEntry:
        """The run's dataflow. A worker's file may come before the one that names it: then it is ``unknown``."""
        if self._dataflow is None:
            self._dataflow = self.batch.dataflow(self.row.get("dataflow", "unknown"))
        return self._dataflow

    def task(self, key: events.Key | None, writer: str) -> Row | None:
        """The task that a line of ``writer`` calls ``key``. One that has not been seen yet is made."""
        if key is None:
            return None
        uuid = self._uuids.get((key, writer))
        if uuid is None:
            uuid = self._uuids[key, writer] = stable_id("task", elements.global_key(key, writer))
        if uuid not in self.tasks:
            # Either this is its own event, or that is in another writer's file which is read later.
            number = self.tables.number("task")
            self.tasks[uuid] = self.tables.insert("task", id=number, uuid=uuid, run_id=self.run_id, identifier=0)
            self._new_tasks.add(number)
        row = self.tasks[uuid]
        self._changed_tasks.add(row["id"])
        return row

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
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, writer)

    def collect_changes(self, runs: dict[str, Row], tasks: dict[int, Row], times: dict[int, Row]) -> None:
        """Queue the rows that are new, and give out those that are in the index and changed."""
        self._queue_settings()
        self._queue_environment()
        if not self.is_new:
            runs[self.run_id] = self.row
        for row in self.tasks.values():
            if row["id"] in self._changed_tasks and row["id"] not in self._new_tasks:
                tasks[row["id"]] = row
                if row["id"] in self._times:
                    times[row["id"]] = self._times[row["id"]]

    # Handlers, in the order of the event types.

    def _run(self, event: events.Run, _: str) -> None:
        dataflow = self._dataflow = self.batch.dataflow(event.dataflow)
        self.row |= {
            "dataflow": dataflow.tag,
            "started": event.time,
            "name": event.name or None,
            "kind": event.kind or None,
            "execution": event.execution or self.run_id,
            "parent_run_id": event.parent or None,
            "user": event.user or None,
        }
        scientist = self._agent("data_scientist", email=event.user) if event.user else None
        self._execution = self.tables.insert(
            "dataflow_execution",
            id=self.tables.number("dataflow_execution"),
            uuid=self.run_id,
            tag=self.row["execution"],
            df_id=dataflow.number,
            scientist_id=scientist,
        )
        for row in self.tasks.values():  # made by the file of a worker
            self._place(row)
            self._changed_tasks.add(row["id"])

    def _resume(self, _: events.Resume, __: str) -> None:
        self.row["status"] = "running"
        self.row["ended"] = None

    def _end(self, event: events.End, _: str) -> None:
        self.row |= {
            "status": event.status,
            "ended": event.time,
            "duration": round((self.row.get("duration") or 0.0) + event.duration, 6),
            "error_type": event.error_type or None,
            "error": event.error or None,
            "traceback": event.traceback or None,
        }

    def _plan(self, event: events.Plan, _: str) -> None:
        self.dataflow.declare(event.dataflow)

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
            self._hardware(hardware)

    def _hardware(self, hardware: dict[str, Any]) -> None:
        gpus = hardware.get("gpus")
        number = self._agent(
            "hardware_info",
            hostname=self.row.get("host") or "",
            os=str(hardware.get("os", "")),
            platform=str(hardware.get("platform", "")),
            architecture=str(hardware.get("machine", "")),
            processor=str(hardware.get("processor", "")),
            gpus=", ".join(map(str, gpus)) if isinstance(gpus, list) else "",
        )
        if self._execution is not None:
            self._execution["hardware_id"] = number
        else:
            update = "UPDATE public.dataflow_execution SET hardware_id = ? WHERE uuid = ?"
            self.tables.connection.execute(update, [number, self.run_id])

    def _param(self, event: events.Param, writer: str) -> None:
        task = self.task_id(event.task, writer)
        for name, value in event.values.items():
            self._settings["param", task, name] = {"task_id": task, "name": name, "time": event.time, **typed(value)}

    def _tag(self, event: events.Tag, _: str) -> None:
        for name, value in event.values.items():
            self._settings["tag", None, name] = {"name": name, "value": as_text(value), "type": typed(value)["type"]}

    def _task(self, event: events.Task, writer: str) -> None:
        row = self.task(event.key, writer)
        if row is None:
            return
        first = "started" not in row
        row |= {"identifier": event.identifier, "dt_id": self.dataflow.transformation(event.transformation)}
        row |= {"status": "RUNNING", "parent_id": self.task_id(event.parent, writer)}
        for key in event.depends_on:
            self._depend(row["id"], self.task_id(key, writer))
        if not first:
            return
        row["started"] = event.time
        self._place(row)
        times = {"id": self.tables.number("performance"), "task_id": row["id"], "method": "null"}
        times |= {"description": "null", "starttime": _clock(event.time), "endtime": "null", "invocation": "null"}
        self._times[row["id"]] = self.tables.insert("performance", **times)

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
        row |= {"status": _ENDED[event.status], "ended": event.time, "error_msg": event.error or None}
        row["duration"] = round((row.get("duration") or 0.0) + event.duration, 6)
        times = self._times.get(row["id"])
        if times is not None and times["endtime"] == "null":
            times["endtime"] = _clock(event.time)

    def _adaptation(self, event: events.Adaptation, writer: str) -> None:
        old, new = typed(event.old), typed(event.new)
        self._insert(
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

    def _artifact(self, event: events.Artifact, writer: str) -> None:
        task = self.task_id(event.task, writer)
        self.tables.insert(
            "artifact",
            run_id=self.run_id,
            task_id=task,
            direction=event.direction,
            kind=event.kind or None,
            path=event.path,
            sha256=event.sha256 or None,
            size=event.size,
            epoch=event.epoch,
            step=event.step,
            time=event.time,
        )
        if task is not None:
            path = PurePath(event.path)
            self._file(task, path.name, str(path.parent))

    def _data(self, event: events.Data, writer: str) -> None:
        self._insert(
            "data",
            event.task,
            writer,
            direction=event.direction,
            role=event.role,
            kind=event.kind,
            fingerprint=event.fingerprint or None,
            shape=json_text(event.shape),
            dtype=event.dtype or None,
            size=event.size,
            samples=event.shape[0] if event.shape else None,
            details=json_text(event.details) if event.details else None,
            time=event.time,
        )

    def _layer(self, event: events.Layer, writer: str) -> None:
        self._insert(
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
        self._insert(
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
        self._insert("note", event.task, writer, text=event.text, time=event.time)

    def _problem(self, event: events.Problem, _: str) -> None:
        self.tables.insert(
            "problem",
            run_id=self.run_id,
            place=event.where,
            message=event.message,
            traceback=event.traceback or None,
            time=event.time,
        )

    def _insert(self, table: str, task: events.Key | None, writer: str, **row: Any) -> None:
        self.tables.insert(table, run_id=self.run_id, task_id=self.task_id(task, writer), **row)

    def _agent(self, table: str, **row: str) -> int:
        key = (table, *row.values())
        if key not in self.batch.agents:
            identifier = stable_id(*key)
            found = self.tables.load(table, "uuid = ?", [identifier])
            if found:
                self.batch.agents[key] = int(found[0]["id"])
            else:
                self.batch.agents[key] = self.tables.number(table)
                self.tables.insert(table, id=self.batch.agents[key], uuid=identifier, **row)
        return self.batch.agents[key]

    def _file(self, task: int, name: str, path: str) -> None:
        if any(row["name"] == name and row["path"] == path for row in self.tables["file"].waiting):
            return
        if not self.tables.load("file", "name = ? AND path = ?", [name, path]):
            self.tables.insert("file", id=self.tables.number("file"), task_id=task, name=name, path=path)

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

    def _load(self) -> None:
        self.row = self.tables.load("run", "run_id = ?", [self.run_id])[0]
        for row in self.tables.load("task", "run_id = ? ORDER BY id", [self.run_id]):
            self.tasks[row["uuid"]] = row
        own = "task_id IN (SELECT id FROM public.task WHERE run_id = ?)"
        for row in self.tables.load("performance", own, [self.run_id]):
            self._times[row["task_id"]] = row
        for row in self.tables.load("task_dependency", own, [self.run_id]):
            self._dependencies.add((row["task_id"], row["depends_on_id"]))


def _clock(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


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
    events.Param: RunRecords._param,
    events.Tag: RunRecords._tag,
    events.Task: RunRecords._task,
    events.TaskEnd: RunRecords._task_end,
    events.Generated: elements.generated,
    events.Used: elements.used,
    events.Adaptation: RunRecords._adaptation,
    events.Artifact: RunRecords._artifact,
    events.Data: RunRecords._data,
    events.Layer: RunRecords._layer,
    events.Stop: RunRecords._stop,
    events.Note: RunRecords._note,
    events.Problem: RunRecords._problem,
}
