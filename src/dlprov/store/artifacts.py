"""Files and data in memory that runs used or generated."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from dlprov.log import events
from dlprov.store import performances, relations
from dlprov.store.columns import json_text

if TYPE_CHECKING:
    from dlprov.store.records import RunRecords


def artifact(run: RunRecords, event: events.Artifact, writer: str) -> None:
    """A run used or generated a file."""
    run.insert(
        "artifact",
        event.task,
        writer,
        direction=event.direction,
        kind=event.kind or None,
        path=event.path,
        sha256=event.sha256 or None,
        size=event.size,
        epoch=event.epoch,
        step=event.step,
        time=event.time,
    )
    relations.artifact(run, event, writer)
    task = run.task_id(event.task, writer)
    if task is not None:
        path = PurePath(event.path)
        performances.file(run, task, path.name, str(path.parent))


def data(run: RunRecords, event: events.Data, writer: str) -> None:
    """A run used or generated data in memory."""
    run.insert(
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
    relations.data(run, event, writer)
