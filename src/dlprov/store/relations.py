"""What came from what: the relations between things, as edges that point to the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlprov.log import events
from dlprov.store import things
from dlprov.store.tables import Row

if TYPE_CHECKING:
    from dlprov.store.records import RunRecords


def element_made(run: RunRecords, task: Row, uuid: str) -> None:
    """A task generated an element."""
    _relate(run, "wasGeneratedBy", things.element_name(uuid), things.task_name(task["uuid"]))


def element_used(run: RunRecords, task: Row, uuid: str) -> None:
    """A task used an element."""
    _relate(run, "used", things.task_name(task["uuid"]), things.element_name(uuid))


def artifact(run: RunRecords, event: events.Artifact, writer: str) -> None:
    """A file was used or generated. What is made is a thing of its own, and a copy of what its content is."""
    content = things.content_name(event.sha256) if event.sha256 else ""
    copy = things.artifact_name(run.run_id, event.path, event.time)
    _used_or_made(run, event, _activity(run, event.task, writer), content, copy)


def data(run: RunRecords, event: events.Data, writer: str) -> None:
    """Data in memory were used or generated. Equal data are one thing."""
    content = things.data_name(event.fingerprint) if event.fingerprint else ""
    copy = things.made_data_name(run.run_id, event.role, event.time)
    _used_or_made(run, event, _activity(run, event.task, writer), content, copy)


def _used_or_made(
    run: RunRecords, event: events.Artifact | events.Data, activity: str, content: str, copy: str
) -> None:
    if event.direction == "used":
        _relate(run, "used", activity, content or copy)
        return
    _relate(run, "wasGeneratedBy", copy, activity)
    if content:
        _relate(run, "specializationOf", copy, content)


def _activity(run: RunRecords, task: events.Key | None, writer: str) -> str:
    row = run.task(task, writer)
    return things.run_name(run.run_id) if row is None else things.task_name(row["uuid"])


def _relate(run: RunRecords, kind: str, source: str, target: str) -> None:
    run.tables.insert("relation", run_id=run.run_id, kind=kind, source=source, target=target)
