"""What is declared of dataflows outside of any run: ``runs/dataflow-<id>/<hash of the plan>.jsonl``.

A dataflow may be declared long before its first run, by another process or another machine. Each plan is one sealed
file, named after its content: declaring the same again, as every run of a script does, changes nothing.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec

from dlprov.log import complete, events, layout
from dlprov.log.reader import read_events
from dlprov.model import Dataflow


def save(store: Path, plan: Dataflow, *, package_version: str = "") -> bool:
    """Keep a plan; false if it was kept before. It is on the disk when the call returns. Any thread and process.

    Raises:
        OSError: The store cannot be written.
    """
    writer = hashlib.sha256(msgspec.json.encode(plan)).hexdigest()[:32]
    plans = [events.Plan(events.now(), plan)]
    return complete.save(store, layout.declaration_name(plan.tag), writer, plans, package_version=package_version)


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
