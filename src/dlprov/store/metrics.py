"""Metric lines in bulk: each is decoded and checked here, and its numbers are read again inside the engine.

The engine reads numbers at a tenth of a microsecond a value, but only where it knows the names beforehand. So lines
wait by *shape* (the names of their values), those of many files together, and go over as text when enough have come.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb
import msgspec

from dlprov.errors import LogFormatError
from dlprov.log import events
from dlprov.log.values import NON_FINITE
from dlprov.store.names import quote, text
from dlprov.store.records import RunRecords
from dlprov.store.tables import from_json

PREFIX = b'{"event":"metric",'
"""How the writer begins a metric line. Lines of other writers that begin otherwise are read one by one."""

_TEXT_BYTES = 8 * 1024 * 1024
"""How much text waits before it goes over."""

_ROWS = 20_000
"""How many rows wait before they go over."""

_COLUMNS = {
    "run_id": "VARCHAR",
    "task_id": "INTEGER",
    "name": "VARCHAR",
    "step": "BIGINT",
    "epoch": "BIGINT",
    "value": "DOUBLE",
    "time": "TIMESTAMP",
}


class _Shape(NamedTuple):
    """The keys that lines have; the engine is strict about those that are missing."""

    has_task: bool
    has_step: bool
    has_epoch: bool
    names: tuple[str, ...]


class _Waiting:
    """Lines of one shape: texts of whole lines, each text of one task of one run."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.runs: list[str] = []
        self.tasks: list[int | None] = []


class MetricStage:
    """Metrics on their way into the tables ``metric`` and ``metric_summary`` during a batch."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._used = False
        self._shapes: dict[_Shape, _Waiting] = {}
        self._text_bytes = 0
        self._rows: list[dict[str, Any]] = []

    def add_lines(self, run: RunRecords, writer: str, lines: list[bytes]) -> list[tuple[int, str]]:
        """Take in metric lines of one file; gives the positions in ``lines`` that are no events, with the reason."""
        problems: list[tuple[int, str]] = []
        groups: dict[tuple[Any, ...], list[bytes]] = {}
        seen = 0
        for position, line in enumerate(lines):
            try:
                event = _metric(line)
            except LogFormatError as error:
                problems.append((position, str(error)))
                continue
            if all(value.__class__ is float or _is_plain(value) for value in event.values.values()):
                seen = max(seen, event.time)
                key = (event.task, event.step is not None, event.epoch is not None, *event.values)
                groups.setdefault(key, []).append(line)
                continue
            reason = self.add_event(run, writer, event)
            if reason:
                problems.append((position, reason))
        run.seen(seen)
        for (task, has_step, has_epoch, *names), found in groups.items():
            shape = _Shape(task is not None, has_step, has_epoch, tuple(names))
            waiting = self._shapes.setdefault(shape, _Waiting())
            waiting.texts.append(b"\n".join(found))
            waiting.runs.append(run.run_id)
            waiting.tasks.append(run.task_id(task, writer))
            self._text_bytes += len(waiting.texts[-1])
        if self._text_bytes > _TEXT_BYTES:
            self._stage()
        return problems

    def add_event(self, run: RunRecords, writer: str, event: events.Metric) -> str:
        """Take in one metric event; gives the reason why not, or nothing."""
        for value in event.values.values():
            if isinstance(value, str) and value not in NON_FINITE:
                return f"a metric is a number, got the text {value!r}"
        self._add_row(run.run_id, run.task_id(event.task, writer), event)
        run.seen(event.time)
        return ""

    def _add_row(self, run_id: str, task: int | None, event: events.Metric) -> None:
        row: dict[str, Any] = {"run_id": run_id, "task_id": task, "time": event.time}
        row |= {"step": event.step, "epoch": event.epoch}
        self._rows += [{**row, "name": name, "value": _clamped(value)} for name, value in event.values.items()]
        if len(self._rows) > _ROWS:
            self._stage()

    def _stage(self) -> None:
        """Hand over what waits."""
        if not self._used:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE metric_stage ({columns})")
            self._used = True
        shapes, self._shapes, self._text_bytes = self._shapes, {}, 0
        for shape, waiting in shapes.items():
            if _is_distinct(shape.names):
                self._bulk(shape, waiting)
                continue
            for lines, run_id, task in zip(waiting.texts, waiting.runs, waiting.tasks, strict=True):
                for line in lines.split(b"\n"):
                    self._add_row(run_id, task, _metric(line))
        if self._rows:
            rows, self._rows = self._rows, []
            query, parameters = from_json(rows, _COLUMNS)
            self.connection.execute(f"INSERT INTO metric_stage {query}", parameters)

    def _bulk(self, shape: _Shape, waiting: _Waiting) -> None:
        """Hand over lines of one shape as text; what the engine does not take goes row by row."""
        if not shape.names:
            return
        template: dict[str, Any] = {"event": "VARCHAR", "time": "BIGINT"}
        optional = {"task": ("VARCHAR", shape.has_task), "step": ("BIGINT", shape.has_step)}
        optional |= {"epoch": ("BIGINT", shape.has_epoch)}
        template |= {name: kind for name, (kind, is_there) in optional.items() if is_there}
        template["values"] = dict.fromkeys(shape.names, "DOUBLE")
        # An error would abort the whole transaction: TRY makes it NULL.
        structure = f"TRY(json_transform_strict(line, {text(msgspec.json.encode(template).decode())}))"
        lines = """
            SELECT run, task, unnest(string_split(lines, chr(10))) AS line
            FROM (SELECT unnest(?::VARCHAR[]) AS lines, unnest(?::VARCHAR[]) AS run, unnest(?::INTEGER[]) AS task)
        """
        parameters = [[found.decode() for found in waiting.texts], waiting.runs, waiting.tasks]
        query = f"""
            INSERT INTO metric_stage
            SELECT run, task, unnest([{", ".join(map(text, shape.names))}]),
                   {"s.step" if shape.has_step else "NULL"}, {"s.epoch" if shape.has_epoch else "NULL"},
                   unnest([{", ".join(f's."values".{quote(name)}' for name in shape.names)}]), make_timestamp(s."time")
            FROM (SELECT run, task, {structure} AS s FROM ({lines})) WHERE s IS NOT NULL
        """
        inserted = self.connection.execute(query, parameters).fetchall()[0][0]
        if inserted == len(shape.names) * sum(found.count(b"\n") + 1 for found in waiting.texts):
            return
        odd = f"SELECT run, task, line FROM ({lines}) WHERE {structure} IS NULL"
        for run_id, task, line in self.connection.execute(odd, parameters).fetchall():
            self._add_row(run_id, task, _metric(line.encode()))

    def flush(self) -> None:
        """Move what waits into the tables."""
        if self._shapes or self._rows:
            self._stage()
        if not self._used:
            return
        self.connection.execute("INSERT INTO public.metric SELECT * FROM metric_stage")
        # The latest value is the one with the latest time, and of equal times the one that was written last.
        self.connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE summary_stage AS
            SELECT run_id, task_id, name, count(*) AS points,
                   arg_max({'value': value, 'step': step, 'epoch': epoch}, ("time", rowid)) AS last,
                   max("time") AS last_time,
                   min(value) FILTER (isfinite(value)) AS minimum, max(value) FILTER (isfinite(value)) AS maximum
            FROM metric_stage GROUP BY run_id, task_id, name
            """
        )
        self.connection.execute(
            """
            UPDATE public.metric_summary AS old SET
                points = old.points + new.points,
                last_value = CASE WHEN new.last_time >= old.last_time THEN new.last.value ELSE old.last_value END,
                last_step = CASE WHEN new.last_time >= old.last_time THEN new.last.step ELSE old.last_step END,
                last_epoch = CASE WHEN new.last_time >= old.last_time THEN new.last.epoch ELSE old.last_epoch END,
                last_time = greatest(new.last_time, old.last_time),
                minimum = least(new.minimum, old.minimum), maximum = greatest(new.maximum, old.maximum)
            FROM summary_stage AS new
            WHERE old.run_id = new.run_id AND old.name = new.name AND old.task_id IS NOT DISTINCT FROM new.task_id
            """
        )
        self.connection.execute(
            """
            INSERT INTO public.metric_summary
            SELECT run_id, task_id, name, points, last.value, last.step, last.epoch, last_time, minimum, maximum
            FROM summary_stage AS new
            WHERE NOT EXISTS (
                SELECT 1 FROM public.metric_summary AS old
                WHERE old.run_id = new.run_id AND old.name = new.name AND old.task_id IS NOT DISTINCT FROM new.task_id)
            ORDER BY run_id, task_id, name
            """
        )
        self.connection.execute("DROP TABLE metric_stage")
        self._used = False


def _metric(line: bytes) -> events.Metric:
    event = events.decode(line)
    if not isinstance(event, events.Metric):  # the same key twice in one object: which of them counts is not defined
        raise LogFormatError("the line begins as a metric and is none")
    return event


def _is_distinct(names: tuple[str, ...]) -> bool:
    """Whether the engine tells the names apart: it folds case, and has no empty one."""
    return "" not in names and len({name.lower() for name in names}) == len(names)


def _is_plain(value: float | int | str) -> bool:
    """Whether the engine reads the value as we do: not so an integer beyond 64 bits, nor a text that is no number."""
    if isinstance(value, str):
        return value in NON_FINITE
    return isinstance(value, float) or -(2**63) <= value < 2**63


def _clamped(value: float | int | str) -> float | int | str:
    """``value`` as the engine reads it: an integer with more than 308 digits is infinite as a double."""
    if isinstance(value, int) and abs(value) >= 2**1023:
        return "Infinity" if value > 0 else "-Infinity"
    return value
