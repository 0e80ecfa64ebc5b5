"""Lets the tests of this folder import ``monetdb_dumps``, and runs the program for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlprov.intake import Report, import_dump

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def dlprov_import(store, tmp_path):
    """Runs ``dlprov import`` as a process of its own, in the directory of the dumps; gives the completed process."""

    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "dlprov", "import", *args],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            cwd=tmp_path,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def taken(store, tmp_path):
    """Imports the text of a dump; gives the report, with what it told."""

    def take(text: str, name: str = "dump.sql") -> tuple[Report, list[str]]:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        told: list[str] = []
        report = Report(path, told.append)
        import_dump(path, store, report)
        return report, [message.removeprefix(f"{path}:") for message in told]

    return take
