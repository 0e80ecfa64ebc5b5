"""Metric lines in bulk: from text to rows inside the engine, at a microsecond a value."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import msgspec

from dlprov.errors import LogFormatError
from dlprov.log import events
from dlprov.store.records import RunRecords
from dlprov.store.tables import from_json

PREFIX = b'{"event":"metric",'
"""How the writer begins a metric line. Lines of other writers that begin otherwise are read one by one."""

_TASK = re.compile(rb'(?m)^\{"event":"metric","time":\d+(?:,"task":("(?:[^"\\]|\\.)*"|\d+))?,')
_TIME = re.compile(rb'"time":(\d+)')

_COLUMNS = {
    "run_id": "VARCHAR",
    "task_id": "INTEGER",
    "name": "VARCHAR",
    "step": "BIGINT",
    "epoch": "BIGINT",
    "value": "DOUBLE",
    "time": "TIMESTAMP",
}
_TEMPLATE = '{"time":"BIGINT","task":"VARCHAR","step":"BIGINT","epoch":"BIGINT","values":"MAP(VARCHAR,DOUBLE)"}'


class MetricStage:
    """Metrics on their way into the tables ``metric`` and ``metric_summary`` during a batch."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._used = False

    def add_lines(self, run: RunRecords, writer: str, lines: list[bytes]) -> list[tuple[int, str]]:
        """Take in metric lines of one file; gives the positions in ``lines`` that are no events, with the reason."""
        if not lines:
            return []
        self._prepare()
        text = b"\n".join(lines)
        tasks = {key.decode(): run.task_id(msgspec.json.decode(key), writer) for key in set(_TASK.findall(text)) if key}
        if self._add_text(run.run_id, text, tasks):
            last = _TIME.search(lines[-1])
            run.seen(int(last[1]) if last else 0)
            return []
        return self._add_one_by_one(run, writer, lines)

    def _add_text(self, run_id: str, text: bytes, tasks: dict[str, int | None]) -> bool:
        """All lines at once; false, with nothing added, if one of them is not as the writer writes them."""
        pairs = [{"key": str(msgspec.json.decode(key)), "id": number} for key, number in tasks.items()]
        keys, parameters = from_json(pairs, {"key": "VARCHAR", "id": "INTEGER"})
        # Two unnests in one SELECT go in step. A line or a value that cannot be read gives NULL, looked for below:
        # an error would end the transaction.
        query = f"""
            CREATE OR REPLACE TEMP TABLE metric_chunk AS
            SELECT m.s.task AS task, unnest(coalesce(map_keys(m.s."values"), [NULL])) AS name, m.s.step AS step,
                   m.s.epoch AS epoch, unnest(coalesce(map_values(m.s."values"), [NULL])) AS value,
                   make_timestamp(m.s."time") AS "time"
            FROM (SELECT TRY(json_transform(l.line, '{_TEMPLATE}')) AS s
                  FROM (SELECT unnest(string_split(?, chr(10))) AS line) AS l) AS m
        """
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            return False
        self.connection.execute(query, [decoded])
        odd = self.connection.execute(
            'SELECT count(*) FROM metric_chunk WHERE value IS NULL OR name IS NULL OR "time" IS NULL'
        ).fetchone()
        if odd is None or odd[0] or not _is_canonical(text):
            return False
        self.connection.execute(
            f"""
            INSERT INTO metric_stage
            SELECT ?, k.id, c.name, c.step, c.epoch, c.value, c."time"
            FROM metric_chunk AS c LEFT JOIN ({keys}) AS k ON k.key = c.task
            """,
            [run_id, *parameters],
        )
        return True

    def _add_one_by_one(self, run: RunRecords, writer: str, lines: list[bytes]) -> list[tuple[int, str]]:
        problems: list[tuple[int, str]] = []
        for position, line in enumerate(lines):
            try:
                event = events.decode(line)
            except LogFormatError as error:
                problems.append((position, str(error)))
                continue
            reason = self.add_event(run, writer, event) if isinstance(event, events.Metric) else ""
            if reason:
                problems.append((position, reason))
        return problems

    def add_event(self, run: RunRecords, writer: str, event: events.Metric) -> str:
        """Take in one metric event; gives the reason why not, or nothing."""
        self._prepare()
        for value in event.values.values():
            if isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity"):
                return f"a metric is a number, got the text {value!r}"
        task = run.task_id(event.task, writer)
        row: dict[str, Any] = {"run_id": run.run_id, "task_id": task, "time": event.time}
        row |= {"step": event.step, "epoch": event.epoch}
        rows = [{**row, "name": name, "value": _clamped(value)} for name, value in event.values.items()]
        if rows:
            query, parameters = from_json(rows, _COLUMNS)
            self.connection.execute(f"INSERT INTO metric_stage {query}", parameters)
        run.seen(event.time)
        return ""

    def flush(self) -> None:
        """Move what is staged into the tables."""
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

    def _prepare(self) -> None:
        if not self._used:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE metric_stage ({columns})")
            self._used = True


def _is_canonical(text: bytes) -> bool:
    """Whether every line names its parts in the writer's order, so that its task was found by the pattern."""
    return len(_TASK.findall(text)) == text.count(b"\n") + 1


def _clamped(value: float | int | str) -> float | int | str:
    """``value`` as the engine reads it: an integer with more than 308 digits is infinite as a double."""
    if isinstance(value, int) and abs(value) >= 2**1023:
        return "Infinity" if value > 0 else "-Infinity"
    return value
