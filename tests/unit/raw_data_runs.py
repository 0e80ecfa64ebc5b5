"""Runs whose elements have raw data files, and what the index makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from run_logs import rows

import dlprov
from dlprov.model import Attribute, Dataflow, Set, SetType, Transformation


def plan(*attributes: Attribute, type: SetType = "OUTPUT", tag: str = "oTrain", **more: Any) -> Dataflow:
    return Dataflow("flow", (Transformation("Train", (Set(tag, type, attributes, **more),)),))


def recorded(
    path: Path | Sequence[Path], declared: Dataflow | None = None, *, extractor: str | None = None, **how: Any
) -> dlprov.Run:
    """A finished run of ``flow`` that generated an element of ``oTrain`` for each of the files."""
    with dlprov.start_run("flow") as run:
        if declared is not None:
            run.plan(declared)
        with run.task("Train") as task:
            for number, file in enumerate([path] if isinstance(path, Path) else path):
                element = task.generated("oTrain", epoch=number)
                task.raw_data(element, file, extractor=extractor, **how)
    return run


def taken_in(columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
    return rows(f"SELECT {columns} FROM flow.otrain WHERE {where} ORDER BY ALL")


def columns(view: str = "flow.otrain") -> dict[str, str]:
    return {row[0]: row[1] for row in rows(f"DESCRIBE SELECT * FROM {view}")}


def problems() -> list[str]:
    return [row[0] for row in rows("SELECT message FROM problem ORDER BY ALL")]


def written(directory: Path, name: str, content: str | bytes) -> Path:
    path = directory / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
