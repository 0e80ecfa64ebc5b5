"""The dataflows of a dumped database: the plan of each, put together again from its rows.

A plan is declared transformation by transformation, and the rows of ``data_dependency`` stand in the order in which
that was done; so a plan in their order brings the same rows again. Some servers wrote wrong ones; then the columns of
the sets' tables tell who generates and uses a set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dlprov import model
from dlprov.intake.monetdb.database import Database, Row, SetData
from dlprov.intake.report import Report
from dlprov.log import events

TASK_COLUMN = "_task_id"
FILE_COLUMN = "_file_id"

_TYPES: dict[str, model.AttributeType] = {
    "TEXT": "TEXT",
    "NUMERIC": "NUMERIC",
    "FILE": "FILE",
    "RDFILE": "FILE",
    "LONG_TEXT": "LONG_TEXT",
}


@dataclass(eq=False)
class PlannedSet:
    """A set: its row's id, and its attributes, extractors, generating and using transformations in order."""

    number: int
    tag: str
    attributes: dict[str, model.Attribute] = field(default_factory=dict)
    extractors: dict[int, model.Extractor] = field(default_factory=dict)
    combinations: list[model.Combination] = field(default_factory=list)
    producers: list[str] = field(default_factory=list)
    consumers: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Flow:
    """A dataflow: its row's id and version, its transformations' tags and its sets by their ids, its plan."""

    number: int
    tag: str
    version: int | None = None
    transformations: dict[int, str] = field(default_factory=dict)
    programs: dict[int, list[model.Program]] = field(default_factory=dict)
    sets: dict[int, PlannedSet] = field(default_factory=dict)
    dependencies: list[tuple[int, str, str, str]] = field(default_factory=list)
    attribute_numbers: dict[str, int] = field(default_factory=dict)
    mentions: dict[str, list[model.Set]] = field(default_factory=dict)

    def plan(self) -> model.Dataflow:
        """The dataflow as its user declared it."""
        shown: set[str] = set()
        transformations = []
        for number, tag in self.transformations.items():
            sets = tuple(self._described(mention, shown) for mention in self.mentions.get(tag, ()))
            transformations.append(model.Transformation(tag, sets, tuple(self.programs.get(number, ()))))
        return model.Dataflow(self.tag, tuple(transformations))

    def numbers(self, time: int) -> events.Numbers:
        """The ids of the rows, as an event of this time."""
        return events.Numbers(
            time,
            dataflow=row_number(self.number),
            version=row_number(self.version),
            transformations=_numbers({tag: number for number, tag in self.transformations.items()}),
            sets=_numbers({planned.tag: number for number, planned in self.sets.items()}),
            attributes=_numbers(self.attribute_numbers),
            dependencies=tuple(row for row in self.dependencies if row_number(row[0])),
        )

    def set_of(self, tag: str) -> PlannedSet | None:
        """The set of this tag."""
        return next((planned for planned in self.sets.values() if planned.tag == tag), None)

    def generates(self, transformation: str, planned: PlannedSet) -> None:
        """A transformation generates a set."""
        if transformation not in planned.producers:
            planned.producers.append(transformation)
            self._mention(transformation, model.Set(planned.tag, "OUTPUT"))

    def uses(self, transformation: str, planned: PlannedSet, producer: str) -> None:
        """A transformation uses a set that another generates, or that comes from outside (an empty ``producer``)."""
        if producer:
            self.generates(producer, planned)
        if transformation not in planned.consumers:
            planned.consumers.append(transformation)
        self._mention(transformation, model.Set(planned.tag, "INPUT", dependency=producer))

    def _mention(self, transformation: str, mention: model.Set) -> None:
        mentions = self.mentions.setdefault(transformation, [])
        if mention not in mentions:
            mentions.append(mention)

    def _described(self, mention: model.Set, shown: set[str]) -> model.Set:
        """The mention of a set; the first one says what the set looks like."""
        planned = self.set_of(mention.tag)
        if planned is None or mention.tag in shown:
            return mention
        shown.add(mention.tag)
        return model.Set(
            mention.tag,
            mention.type,
            tuple(planned.attributes.values()),
            mention.dependency,
            tuple(planned.extractors.values()),
            tuple(planned.combinations),
        )


def row_number(number: Any) -> int | None:
    """An id, if the log can hold it."""
    return number if isinstance(number, int) and 1 <= number < 2**31 else None


def read_flows(database: Database, report: Report) -> list[Flow]:
    """The dataflows of a database, in the order of their ids. Rows that belong to nothing are reported."""
    return _Reading(database, report).flows()


def tables_of(database: Database, flows: list[Flow]) -> list[tuple[SetData, list[Flow]]]:
    """The tables of the sets, each with the dataflows that have its set; in the order of the sets' ids.

    Each dataflow has a schema of its own, or, in the first generation, all have one together.
    """
    tags = {flow.tag for flow in flows}
    found = []
    for data in database.sets:
        having = [flow for flow in flows if flow.set_of(data.name)]
        if data.schema in tags and data.schema != database.schema:
            having = [flow for flow in having if flow.tag == data.schema]
        numbers = [planned.number for flow in having if (planned := flow.set_of(data.name))]
        found.append((min(numbers, default=0), data, having))
    return [(data, having) for _, data, having in sorted(found, key=lambda entry: entry[0])]


class _Reading:
    """Goes through the generic tables, parents first."""

    def __init__(self, database: Database, report: Report) -> None:
        self.database = database
        self.report = report
        self.by_number: dict[int, Flow] = {}
        self.by_transformation: dict[int, Flow] = {}
        self.by_set: dict[int, Flow] = {}
        self.extractor_tags: dict[int, str] = {}

    def flows(self) -> list[Flow]:
        rows = self.database.tables
        for row in rows["dataflow"]:
            number = row.values["id"]
            self.by_number[number] = Flow(number, str(row.values["tag"]).lower())
        for row in rows["dataflow_version"]:
            flow = self._parent(row, "dataflow_version", "df_id", self.by_number)
            if flow is not None and flow.version is None:
                flow.version = row.values["version"]
        for row in rows["data_transformation"]:
            flow = self._parent(row, "data_transformation", "df_id", self.by_number)
            if flow is not None:
                flow.transformations[row.values["id"]] = str(row.values["tag"]).lower()
                self.by_transformation[row.values["id"]] = flow
        for row in rows["data_set"]:
            flow = self._parent(row, "data_set", "df_id", self.by_number)
            if flow is not None:
                flow.sets[row.values["id"]] = PlannedSet(row.values["id"], str(row.values["tag"]).lower())
                self.by_set[row.values["id"]] = flow
        self._programs()
        self._extractors()
        self._attributes()
        self._dependencies()
        flows = list(self.by_number.values())
        for data, having in tables_of(self.database, flows):
            for flow in having:
                self._columns(flow, data)
        for flow in flows:
            mentioned = {mention.tag for mentions in flow.mentions.values() for mention in mentions}
            for planned in flow.sets.values():
                if planned.tag not in mentioned:
                    reason = f"no transformation of {flow.tag!r} has the set {planned.tag!r}: it is left out"
                    self.report.warning(None, reason)
        return flows

    def _parent(self, row: Row, table: str, column: str, known: dict[int, Flow]) -> Flow | None:
        number = row.values.get(column)
        if number not in known:
            reason = f"a row of {table!r} belongs to {column} {number}, which the dump does not have"
            self.report.problem(row.line, reason)
            return None
        return known[number]

    def _programs(self) -> None:
        programs = {row.values["id"]: row.values for row in self.database.tables["program"]}
        for row in self.database.tables["use_program"]:
            flow = self._parent(row, "use_program", "dt_id", self.by_transformation)
            program = programs.get(row.values["program_id"])
            if flow is not None and program is not None:
                found = model.Program(str(program["name"]), str(program["path"]))
                flow.programs.setdefault(row.values["dt_id"], []).append(found)

    def _extractors(self) -> None:
        for row in self.database.tables["extractor"]:
            flow = self._parent(row, "extractor", "ds_id", self.by_set)
            if flow is not None:
                values = row.values
                found = model.Extractor(str(values["tag"]).lower(), str(values["cartridge"]), str(values["extension"]))
                flow.sets[values["ds_id"]].extractors[values["id"]] = found
                self.extractor_tags[values["id"]] = found.tag
        for row in self.database.tables["extractor_combination"]:
            flow = self._parent(row, "extractor_combination", "ds_id", self.by_set)
            outer, inner = (self.extractor_tags.get(row.values[name]) for name in ("outer_ext_id", "inner_ext_id"))
            if flow is not None and outer and inner:
                keys, types = (tuple(str(row.values[name]).split(";")) for name in ("keys", "key_types"))
                flow.sets[row.values["ds_id"]].combinations.append(model.Combination(outer, inner, keys, types))

    def _attributes(self) -> None:
        for row in self.database.tables["attribute"]:
            flow = self._parent(row, "attribute", "ds_id", self.by_set)
            if flow is None:
                continue
            planned = flow.sets[row.values["ds_id"]]
            name = str(row.values["name"]).lower()
            kind = _TYPES.get(str(row.values.get("type")).upper(), "TEXT")
            extractor = self.extractor_tags.get(row.values.get("extractor_id") or 0, "")
            planned.attributes.setdefault(name, model.Attribute(name, kind, extractor))
            flow.attribute_numbers.setdefault(f"{planned.tag}.{name}", row.values["id"])

    def _dependencies(self) -> None:
        for row in self.database.tables["data_dependency"]:
            flow = self._parent(row, "data_dependency", "ds_id", self.by_set)
            if flow is None:
                continue
            numbers = [row.values.get(name) for name in ("previous_dt_id", "next_dt_id")]
            if any(number is not None and number not in flow.transformations for number in numbers):
                reason = f"a row of 'data_dependency' is about transformations of another dataflow than {flow.tag!r}"
                self.report.problem(row.line, reason)
                continue
            producer, consumer = (flow.transformations[number] if number is not None else "" for number in numbers)
            planned = flow.sets[row.values["ds_id"]]
            flow.dependencies.append((row.values["id"], producer, consumer, planned.tag))
            if consumer:
                flow.uses(consumer, planned, producer)
            elif producer:
                flow.generates(producer, planned)

    def _columns(self, flow: Flow, data: SetData) -> None:
        """What the table of a set says beyond the generic tables: more attributes, and more transformations."""
        planned = flow.set_of(data.name)
        if planned is None:
            return
        tags, every = set(flow.transformations.values()), _all_tags(self.by_number)
        files = {extractor.tag + FILE_COLUMN for extractor in planned.extractors.values()}
        for column in data.columns:
            transformation = column.name.removesuffix(TASK_COLUMN)
            if column.name.endswith(TASK_COLUMN) and transformation in every:
                if transformation in tags:
                    _explain(flow, planned, transformation)
            elif column.name not in ("id", "uuid", *planned.attributes, *files):
                kind: model.AttributeType = "NUMERIC" if column.kind in ("integer", "number") else "TEXT"
                planned.attributes[column.name] = model.Attribute(column.name, kind)


def _explain(flow: Flow, planned: PlannedSet, transformation: str) -> None:
    """A set's table has a column for a transformation. It is a generating one if nothing else explains the column."""
    if transformation in planned.producers or transformation in planned.consumers:
        return
    if planned.producers or planned.consumers:
        flow.uses(transformation, planned, planned.producers[0] if planned.producers else "")
    elif planned.tag.startswith("i"):  # DfAnalyzer's users name what comes from outside so: iTrainingModel
        flow.uses(transformation, planned, "")
    else:
        flow.generates(transformation, planned)


def _all_tags(flows: dict[int, Flow]) -> set[str]:
    return {tag for flow in flows.values() for tag in flow.transformations.values()}


def _numbers(rows: dict[str, int]) -> dict[str, int]:
    return {tag: number for tag, number in rows.items() if row_number(number)}
