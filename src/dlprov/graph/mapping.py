"""The mapping of our terms to W3C PROV: what each row of the index says in a provenance document.

``docs/reference/prov-mapping.md`` shows it as one table. Names and directions are DLProv's where it has them.
Identifiers are derived from what the log says, so they are the same in every document and every index, and documents
of several runs merge into one graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dlprov.graph.elements import Flow
from dlprov.graph.facts import Fact, facts
from dlprov.graph.statements import LABEL, TYPE, Literal, Name, Statement, attributes, local_name, moment, own
from dlprov.log.identifiers import derived_id
from dlprov.query import Session
from dlprov.store.things import artifact_name, content_name, data_name, made_data_name, run_name, task_name

Row = dict[str, Any]


def provenance(session: Session, run_ids: Sequence[str]) -> Iterator[Statement]:
    """The statements about runs: each thing once, before the first statement that speaks of it.

    Args:
        session: The store.
        run_ids: Ids of runs, in the order in which they are told; one that comes again is told once.

    Raises:
        NotFoundError: The store has no such run.
    """
    told: set[str] = set()
    for run_id, found in facts(session, list(dict.fromkeys(run_ids))):
        for statement in _Run(run_id).statements(found):
            if statement.id:
                if statement.id in told:
                    continue
                told.add(statement.id)
            yield statement


class _Run:
    """What is said of one run. Later facts speak of what earlier ones said: who ran it, and how it flowed."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.me = local_name(run_name(run_id))
        self.person = ""
        self.flow = Flow()
        self.settings: dict[str, list[tuple[Name, Any]]] = {}
        self.versions: dict[str, int] = {}

    def statements(self, found: Iterable[Fact]) -> Iterator[Statement]:
        """The statements about the run, from its facts."""
        ends = {"param": self._settings, "element": self.flow.derivations}
        last = ""
        for fact in found:
            if fact.kind != last and last in ends:
                yield from ends[last]()
            last = fact.kind
            if fact.set is not None:
                yield from self.flow.element(fact.set, fact.row)
            else:
                yield from _STATEMENTS[fact.kind](self, fact.row)
        if last in ends:
            yield from ends[last]()

    def _activity(self, row: Row) -> str:
        """What did it: the task that a row names, or the run."""
        return task_name(row["task"]) if row["task"] else self.me

    def _run(self, row: Row) -> Iterator[Statement]:
        plan = f"dataflow-{row['plan']}" if row["plan"] else ""
        if plan:
            described = [
                (TYPE, Name("prov", "Plan")),
                (LABEL, row["dataflow"]),
                (own("df_tag"), row["dataflow"]),
                (own("df_id"), row["plan_number"]),
            ]
            yield Statement("entity", plan, {}, attributes(described))
        described = [(LABEL, row["name"] or row["execution"]), (own("exec_tag"), row["execution"])]
        described += [(own(key), row[key]) for key in ("run_id", "status", "kind", "script", "git_commit", "error")]
        yield Statement("activity", self.me, _times(row), attributes(described))
        if plan:
            yield Statement("used", "", {"activity": self.me, "entity": plan})
        yield from self._agents(row, plan)
        if row["parent_run_id"]:
            # The run that this one was started in, which need not be in the same document.
            when = {} if row["started"] is None else {"time": moment(row["started"])}
            parent = local_name(run_name(row["parent_run_id"]))
            yield Statement("wasStartedBy", "", {"activity": self.me, "starter": parent, **when})

    def _agents(self, row: Row, plan: str) -> Iterator[Statement]:
        scientist, machine = row["scientist"] or {}, row["machine"] or {}
        if scientist.get("uuid"):
            self.person = f"person-{scientist['uuid']}"
            named = [(TYPE, Name("prov", "Person")), (LABEL, scientist["email"])]
            yield Statement("agent", self.person, {}, attributes([*named, *_columns(scientist)]))
            planned = {"plan": plan} if plan else {}
            yield Statement("wasAssociatedWith", "", {"activity": self.me, "agent": self.person, **planned})
        if machine.get("uuid"):
            name = f"hardware-{machine['uuid']}"
            named = [(TYPE, own("Hardware")), (LABEL, machine["hostname"])]
            yield Statement("agent", name, {}, attributes([*named, *_columns(machine)]))
            yield Statement("wasAssociatedWith", "", {"activity": self.me, "agent": name})
        software = {key: row[key] for key in ("python", "framework", "backend")}
        if any(software.values()):
            name = f"software-{derived_id('software', *map(str, software.values()))}"
            label = ", ".join(text for text in (row["framework"], row["backend"]) if text) or f"Python {row['python']}"
            named = [(TYPE, Name("prov", "SoftwareAgent")), (LABEL, label)]
            yield Statement("agent", name, {}, attributes([*named, *_columns(software)]))
            yield Statement("wasAssociatedWith", "", {"activity": self.me, "agent": name})
            if self.person:
                delegation = {"delegate": name, "responsible": self.person, "activity": self.me}
                yield Statement("actedOnBehalfOf", "", delegation)

    def _task(self, row: Row) -> Iterator[Statement]:
        name = task_name(row["uuid"])
        described = [(LABEL, row["dt_tag"]), (own("dt_tag"), row["dt_tag"]), (own("task_id"), row["id"])]
        described += [(own(key), row[key]) for key in ("identifier", "status")]
        yield Statement("activity", name, _times(row), attributes(described))
        yield Statement("wasInformedBy", "", {"informed": name, "informant": self.me})
        if row["parent"]:
            yield Statement("wasInformedBy", "", {"informed": name, "informant": task_name(row["parent"])})

    def _dependency(self, row: Row) -> Iterator[Statement]:
        # Where a task used what the other one made, that says it already (inference 6 of PROV-CONSTRAINTS).
        task, earlier = task_name(row["task"]), task_name(row["earlier"])
        if not self.flow.used_anything_of(task, earlier):
            yield Statement("wasInformedBy", "", {"informed": task, "informant": earlier})

    def _param(self, row: Row) -> Iterator[Statement]:
        self.settings.setdefault(self._activity(row), []).append((own(row["name"]), _setting(row)))
        yield from ()

    def _settings(self) -> Iterator[Statement]:
        """Hyperparameters: one setting for the run, and one for each task that has its own."""
        for owner, pairs in self.settings.items():
            name = f"settings-{derived_id('settings', self.run_id, owner)}"
            named = [(TYPE, own("Hyperparameters")), (LABEL, "hyperparameters")]
            yield Statement("entity", name, {}, attributes([*named, *pairs]))
            yield Statement("used", "", {"activity": owner, "entity": name})

    def _adaptation(self, row: Row) -> Iterator[Statement]:
        """An activity that makes the next version of a setting from the one before."""
        name = row["name"]
        number = self.versions[name] = self.versions.get(name, 0) + 1
        before, after, change = (
            f"{kind}-{derived_id(kind, self.run_id, name, str(count))}"
            for kind, count in (("setting", number - 1), ("setting", number), ("adaptation", number))
        )
        if number == 1:
            yield _version(before, name, row["old"], row["old_number"])
        when = {} if row["time"] is None else {"startTime": moment(row["time"]), "endTime": moment(row["time"])}
        described = [(TYPE, own("Adaptation")), (LABEL, row["technique"] or f"adaptation of {name}")]
        described += [(own(key), row[key]) for key in ("name", "technique", "reason", "epoch", "step")]
        yield Statement("activity", change, when, attributes(described))
        yield Statement("wasInformedBy", "", {"informed": change, "informant": self._activity(row)})
        yield Statement("used", "", {"activity": change, "entity": before})
        yield _version(after, name, row["new"], row["new_number"])
        yield Statement("wasGeneratedBy", "", {"entity": after, "activity": change})
        yield Statement("wasDerivedFrom", "", {"generatedEntity": after, "usedEntity": before})

    def _artifact(self, row: Row) -> Iterator[Statement]:
        """A file. One that is made is a thing of its own, and a copy of what every file with this content is."""
        activity = self._activity(row)
        content = local_name(content_name(row["sha256"])) if row["sha256"] else ""
        if content:
            described = [(TYPE, own("File")), (own("sha256"), row["sha256"]), (own("size"), row["size"])]
            yield Statement("entity", content, {}, attributes(described))
        path = attributes([(own("path"), row["path"])])
        if row["direction"] == "used" and content:
            yield Statement("used", "", {"activity": activity, "entity": content}, path)
            return
        copy = artifact_name(self.run_id, row["path"], _microseconds(row["time"]))
        kind = (row["kind"] or "file").capitalize()
        told = [(own(key), row[key]) for key in ("path", "kind", "sha256", "size", "epoch", "step")]
        described = [(TYPE, own(kind)), (LABEL, row["path"].rpartition("/")[2]), *told]
        yield Statement("entity", copy, {}, attributes(described))
        if row["direction"] == "used":
            yield Statement("used", "", {"activity": activity, "entity": copy})
            return
        when = {} if row["time"] is None else {"time": moment(row["time"])}
        yield Statement("wasGeneratedBy", "", {"entity": copy, "activity": activity, **when})
        if self.person:
            yield Statement("wasAttributedTo", "", {"entity": copy, "agent": self.person})
        if content:
            yield Statement("specializationOf", "", {"specificEntity": copy, "generalEntity": content})

    def _data(self, row: Row) -> Iterator[Statement]:
        """Data in memory: equal data are one entity, in all runs."""
        activity = self._activity(row)
        copy = made_data_name(self.run_id, row["role"], _microseconds(row["time"]))
        shared = local_name(data_name(row["fingerprint"])) if row["fingerprint"] else ""
        described = [(TYPE, own("Data")), (LABEL, f"data {row['shape']} {row['dtype'] or ''}".strip())]
        described += [(own(key), row[key]) for key in ("fingerprint", "shape", "dtype", "size", "samples")]
        # What every use of the same data says is the entity's; how this run holds them is the usage's.
        yield Statement("entity", shared or copy, {}, attributes(described))
        how = attributes([(Name("prov", "role"), row["role"]), (own("kind"), row["kind"])])
        if row["direction"] != "generated":
            yield Statement("used", "", {"activity": activity, "entity": shared or copy}, how)
            return
        if shared:
            yield Statement("entity", copy, {}, attributes([*described, (own("role"), row["role"])]))
        yield Statement("wasGeneratedBy", "", {"entity": copy, "activity": activity}, how)
        if shared:
            yield Statement("specializationOf", "", {"specificEntity": copy, "generalEntity": shared})

    def _metric(self, row: Row) -> Iterator[Statement]:
        """Metrics by step are one entity a metric: the index has the series."""
        activity = self._activity(row)
        name = f"metric-{derived_id('metric', self.run_id, activity, row['name'])}"
        keys = ("name", "points", "last_value", "last_step", "last_epoch", "minimum", "maximum")
        described = [(TYPE, own("Metric")), (LABEL, row["name"]), *((own(key), row[key]) for key in keys)]
        yield Statement("entity", name, {}, attributes(described))
        yield Statement("wasGeneratedBy", "", {"entity": name, "activity": activity})


_STATEMENTS: dict[str, Callable[[_Run, Row], Iterator[Statement]]] = {
    "run": _Run._run,
    "task": _Run._task,
    "param": _Run._param,
    "adaptation": _Run._adaptation,
    "dependency": _Run._dependency,
    "artifact": _Run._artifact,
    "data": _Run._data,
    "metric": _Run._metric,
}
"""What each kind of fact says."""


def _version(identifier: str, name: str, value: Any, number: Any) -> Statement:
    described = [
        (TYPE, own("Hyperparameters")),
        (LABEL, f"{name} {value}"),
        (own(name), value if number is None else number),
    ]
    return Statement("entity", identifier, {}, attributes(described))


def _times(row: Row) -> dict[str, str]:
    times = (("startTime", row["started"]), ("endTime", row["ended"]))
    return {name: moment(time) for name, time in times if time is not None}


def _columns(row: Row) -> list[tuple[Name, Any]]:
    return [(own(column), value) for column, value in row.items()]


def _microseconds(time: datetime) -> int:
    """A time of the index (UTC) as the log has it."""
    return round(time.replace(tzinfo=UTC).timestamp() * 1_000_000)


def _setting(row: Row) -> Any:
    if row["type"] == "integer" and row["value"] is not None:
        # Python makes no integer of a text with thousands of digits.
        return int(row["value"]) if len(row["value"]) < 100 else Literal(row["value"], "integer")
    if row["type"] == "boolean":
        return row["value"] == "true"
    return row["number"] if row["type"] == "float" else row["value"]
