"""What is declared of dataflows outside of any run: ``runs/dataflow-<id>/<hash of the plan>.jsonl``.

A dataflow may be declared long before its first run, by another process or another machine. Each plan is one sealed
file, named after its content: declaring the same again, as every run of a script does, changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from dlprov.log import events, layout
from dlprov.log.identifiers import hostname
from dlprov.log.reader import read_events
from dlprov.model import Dataflow


def save(store: Path, plan: Dataflow, *, package_version: str = "") -> bool:
    """Keep a plan; false if it was kept before. It is on the disk when the call returns. Any thread and process.

    Raises:
        OSError: The store cannot be written.
    """
    name = layout.declaration_name(plan.tag)
    directory = layout.run_directory(store, name)
    writer = hashlib.sha256(msgspec.json.encode(plan)).hexdigest()[:32]
    path = directory / (writer + layout.SUFFIX)
    if path.exists():
        return False
    now = events.now()
    first = events.Log(now, events.FORMAT, name, writer, host=hostname(), dlprov=package_version)
    text = events.encode(first) + events.encode(events.Plan(now, plan))
    text += events.encode(events.Seal(now, hashlib.sha256(text).hexdigest(), len(text)))
    directory.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: it gets its name when it is complete.
    draft = directory / f".{writer}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        _write(draft, text)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
    return True


def load(store: Path, tag: str) -> list[Dataflow]:
    """The plans that were kept for a dataflow (its tag in any case), in the order of their time. Any thread.

    What cannot be read is passed over: ``dlprov verify`` names it.
    """
    found: list[tuple[int, Dataflow]] = []
    for path in layout.log_files(layout.run_directory(store, layout.declaration_name(tag))):
        with suppress(OSError):
            for _, event in read_events(path):
                if isinstance(event, events.Plan):
                    found.append((event.time, event.dataflow))
    return [plan for _, plan in sorted(found, key=lambda pair: pair[0])]


def _write(path: Path, text: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        with memoryview(text) as rest:
            written = 0
            while written < len(rest):
                written += os.write(file, rest[written:])
        os.fsync(file)
    finally:
        os.close(file)
