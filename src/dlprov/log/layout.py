"""Where things lie in a store directory: ``runs/<run id>/<writer>.jsonl``.

Beside them lies what belongs to no run: declarations of dataflows, in ``runs/dataflow-<id>/<writer>.jsonl``, and
provenance documents of others, in ``runs/document-<id>/<writer>.jsonl``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dlprov.log.identifiers import derived_id, user

SUFFIX = ".jsonl"

DECLARATION = "dataflow-"
"""How the names of directories begin that hold no run, but what was declared of a dataflow."""

DOCUMENT = "document-"
"""How the names of directories begin that hold no run, but a provenance document of others."""


def runs_directory(store: Path) -> Path:
    """The directory that holds one directory a run."""
    return store / "runs"


def temporary_store() -> Path:
    """Where to keep what a store does not take: a directory of this user's in the temporary directory."""
    return Path(tempfile.gettempdir(), f"dlprov-{user() or os.getpid()}")


def run_directory(store: Path, run_id: str) -> Path:
    """The directory of one run's files. ``run_id`` is made by us, never by a user: it is a path component."""
    return store / "runs" / run_id


def declaration_name(dataflow: str) -> str:
    """The directory, beside those of runs, that holds what was declared of a dataflow; its tag in any case."""
    return DECLARATION + derived_id("dataflow", dataflow.lower())


def is_declaration(run_id: str) -> bool:
    """Whether a directory beside those of runs holds declarations instead."""
    return run_id.startswith(DECLARATION)


def is_document(run_id: str) -> bool:
    """Whether a directory beside those of runs holds a provenance document of others instead."""
    return run_id.startswith(DOCUMENT)


def is_run(run_id: str) -> bool:
    """Whether a directory holds a run."""
    return not run_id.startswith((DECLARATION, DOCUMENT))


def log_files(directory: Path) -> list[Path]:
    """The log files of one run in the order of their names; none if there is no such run."""
    try:
        with os.scandir(directory) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.endswith(SUFFIX))
    except (FileNotFoundError, NotADirectoryError):
        return []


def run_directories(store: Path) -> Iterator[Path]:
    """The directories of all runs, in the order of their ids, which is the order of their start."""
    try:
        with os.scandir(runs_directory(store)) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield runs_directory(store) / name
