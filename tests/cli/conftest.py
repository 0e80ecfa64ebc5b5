"""What the tests of the command line share: runs to look at, and the program as a process."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dlprov


@pytest.fixture
def dlprov_command(store, tmp_path):
    """Runs ``dlprov`` as a process of its own: ``dlprov_command("runs", input="…")`` gives the completed process."""

    def run(*args, input=None, env=None, encoding="utf-8"):
        return subprocess.run(
            [sys.executable, "-m", "dlprov", *args],
            input=input,
            capture_output=True,
            encoding=encoding,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
            cwd=tmp_path,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def trained(store: Path, tmp_path: Path) -> dlprov.Run:
    """A finished run with something of everything."""
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"x" * 12345)
    with dlprov.start_run(
        "mnist", name="first", params={"learning_rate": 0.001, "note": 'a "quoted"\ntext'}, tags={"who": "me 💡"}
    ) as run:
        with run.task("Filter") as task:
            task.generated("oFilter", name="median", sigma=1.5)
        with run.task("Train") as task:
            for epoch in range(3):
                task.log(epoch=epoch, loss=1 / (epoch + 1), accuracy=math.nan if epoch == 1 else 0.123456789)
            task.adaptation("learning_rate", 0.001, 0.0005, technique="Scheduler", reason="by half", epoch=2)
            task.artifact(weights, kind="weights", epoch=2)
        run.note("not \x1b[31mred")
    return run


@pytest.fixture
def failed(store: Path) -> dlprov.Run:
    """A run that an exception ended."""

    def boom():
        raise ValueError("boom")

    run = dlprov.start_run("other")
    run.log(loss=3.0)
    try:
        boom()
    except ValueError as error:
        run.finish(error=error)
    return run
