"""From the call in one process to the answer in another: how old is a step when SQL first shows it?

A writer logs steps at a steady pace; this process asks again and again, 20 ms after each answer. A step's lag is the
time of the answer that shows it first, less the time at which it was logged, by the clock of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dlprov
from benchmarks import best
from benchmarks.measure import Result, Spread, command, environment
from dlprov.query import open_session

MUST = "under 1 s, median under 200 ms"

PAUSE = 0.02
"""Seconds between an answer and the next question."""

SQL = "SELECT step, epoch_us(\"time\") FROM metric WHERE run_id = ? AND name = 'loss' AND step > ? ORDER BY step"


def measure(*, quick: bool) -> Result:
    """Lags in a store of one run, and in one that holds many others."""
    seconds = 4 if quick else 15
    others = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory() as directory:
        alone, asked_alone = _lags(Path(directory, "alone"), seconds)
        crowd = Path(directory, "crowd")
        _copy(best.filled(others), crowd)
        crowded, asked_crowded = _lags(crowd, seconds)
    return Result(
        MUST,
        f"{alone:.0f} ms; beside {others:,} other runs {crowded:.0f} ms",
        alone.median < 200 and alone.maximum < 1_000,
        {
            "steps a second": 10,
            "seconds": seconds,
            "milliseconds": alone,
            "milliseconds of one question": asked_alone,
            "other runs": others,
            "milliseconds beside the other runs": crowded,
            "milliseconds of one question beside the other runs": asked_crowded,
        },
    )


def _lags(store: Path, seconds: int) -> tuple[Spread, Spread]:
    """Milliseconds from each call to the first answer that shows it, and milliseconds of the questions."""
    store.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        command("lag", "log", seconds), env=environment(DLPROV_STORE=store), stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        run = writer.stdout.readline().strip()
        session = open_session(store)
        session.ask(SQL, [run, -1])  # the index is made, and what the engine loads once is loaded
        shown = -1
        lags: list[float] = []
        questions: list[float] = []
        while shown < seconds * 10 - 1:
            began = time.perf_counter()
            rows = session.ask(SQL, [run, shown]).rows()
            questions.append((time.perf_counter() - began) * 1e3)
            now = time.time_ns() / 1e3
            lags += [(now - logged) / 1e3 for _, logged in rows]
            if rows:
                shown = rows[-1][0]
            assert writer.poll() in (None, 0), "the writer goes on"
            time.sleep(PAUSE)
    return Spread.of(lags), Spread.of(questions)


def _copy(store: Path, to: Path) -> None:
    """A store with the same logs (the same files: sealed logs do not change) and an index of its own."""
    shutil.copytree(store / "runs", to / "runs", copy_function=os.link)
    shutil.copy2(store / "index.duckdb", to)


def log(seconds: int) -> None:
    """Log ten steps a second."""
    run = dlprov.start_run("lag")
    print(run.id, flush=True)
    time.sleep(2.0)  # the reader makes the index first
    for step in range(seconds * 10):
        run.log(step=step, epoch=0, loss=1.0 / (step + 1), accuracy=0.5, val_loss=2.0, val_accuracy=0.4, rate=0.1)
        time.sleep(0.1)
    run.finish()


if __name__ == "__main__" and sys.argv[1] == "log":
    log(int(sys.argv[2]))
