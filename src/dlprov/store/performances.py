"""Times and files of tasks, as DfAnalyzer's tables ``performance`` and ``file`` hold them.

Of a task with this package's own clock there is one row, with its first interval. Of a task that a DfAnalyzer
client reports there are the rows that the client reports; what it left out is the text ``null``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlprov.log import events
from dlprov.store.tables import Row

if TYPE_CHECKING:
    from dlprov.store.records import RunRecords

MISSING = "null"
"""What DfAnalyzer stores where a client gave nothing."""


def began(run: RunRecords, task: Row, time: int) -> None:
    """A task began for the first time; ``time`` in microseconds since 1970 (UTC)."""
    row = {"id": run.tables.number("performance"), "task_id": task["id"], "method": MISSING, "description": MISSING}
    row |= {"starttime": _clock(time), "endtime": MISSING, "invocation": MISSING}
    run.times.setdefault(task["id"], []).append(run.tables.insert("performance", **row))


def ended(run: RunRecords, task: Row, time: int) -> None:
    """A task ended: its first interval does, if that is open."""
    for row in run.times.get(task["id"], ())[:1]:
        if row["endtime"] == MISSING:
            row["endtime"] = _clock(time)


def reported(run: RunRecords, event: events.Performance, writer: str) -> None:
    """A client reported an interval."""
    task = run.task(event.task, writer)
    if task is None:
        return
    method, end, invocation = event.method or MISSING, event.end or MISSING, event.invocation or MISSING
    rows = run.times.setdefault(task["id"], [])
    for row in rows:
        if (row["method"], row.get("subtask_id")) == (method, event.subtask):
            run.tables.note_number("performance", event.number, row["id"], run.run_id, again=True)
            if row["endtime"] == MISSING:
                row |= {"endtime": end, "invocation": invocation}
            return
    number = run.tables.claim("performance", event.number, run.run_id)
    row = {"id": number, "task_id": task["id"], "subtask_id": event.subtask, "method": method}
    row |= {"description": event.description or MISSING, "starttime": event.start or MISSING}
    rows.append(run.tables.insert("performance", **row, endtime=end, invocation=invocation))


def named_file(run: RunRecords, event: events.File, writer: str) -> None:
    """A client named a file of a task."""
    task = run.task_id(event.task, writer)
    if task is not None:
        file(run, task, event.name, event.path, event.number)


def file(run: RunRecords, task: int, name: str, path: str, number: int | None = None) -> int:
    """A task has a file; gives its number. In the whole index there is one row for it, which its first task owns."""
    rows = [row for row in run.tables["file"].waiting if row["name"] == name and row["path"] == path]
    rows = rows or run.tables.load("file", "name = ? AND path = ?", [name, path])
    if rows:
        run.tables.note_number("file", number, rows[0]["id"], run.run_id, again=True)
        return int(rows[0]["id"])
    number = run.tables.claim("file", number, run.run_id)
    run.tables.insert("file", id=number, task_id=task, name=name, path=path)
    return number


def _clock(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
