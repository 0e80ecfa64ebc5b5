"""SIGKILL at random moments of a steady loop: which of the calls that had returned are in the index?

The child tells the number of each call that has returned through a pipe, so what the parent reads is a lower bound of
what the child was promised; it is killed at a random moment, and the store is asked what it holds.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Result, Spread, command, environment

MUST = "0 % of the returned calls lost"

LONGEST = 0.25
"""Seconds after its first call until which a child may live."""


def measure(*, quick: bool) -> Result:
    """Kill children, and compare what they were promised with what the store holds."""
    kills = 20 if quick else 100
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory)
        returned = [_kill(store) for _ in range(kills)]
        held = _held(store)
    lost = sum(1 for run, last in returned for step in range(last + 1) if step not in held.get(run, {}))
    total = sum(last + 1 for _, last in returned)
    beyond = [len(held[run]) - last - 1 for run, last in returned if run in held]
    wrong = sum(1 for steps in held.values() for step, value in steps.items() if value != step / 7)
    return Result(
        MUST,
        f"{lost / total:.2%} of {total:,} returned calls lost in {kills} kills; {wrong} records with a wrong value",
        lost == 0 and wrong == 0 and len(held) == kills,
        {
            "kills": kills,
            "returned calls": total,
            "calls a kill": Spread.of(last + 1 for _, last in returned),
            "lost": lost,
            "records with a wrong value": wrong,
            "records of calls that had not told yet": Spread.of(beyond),
        },
    )


def _kill(store: Path) -> tuple[str, int]:
    """The run of a child that was killed, and the last call that it told of."""
    with subprocess.Popen(
        command("kill", "log"), env=environment(DLPROV_STORE=store, DLPROV_QUIET=1), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        run = os.read(pipe, 36).decode()
        deadline = time.monotonic() + random.uniform(0, LONGEST)
        told = bytearray()
        while (left := deadline - time.monotonic()) > 0:
            # Emptied all the time: a full pipe would stop the child at always the same place.
            if select.select([pipe], [], [], left)[0]:
                told += os.read(pipe, 1 << 16)
        process.send_signal(signal.SIGKILL)
        while rest := os.read(pipe, 1 << 16):
            told += rest
    return run, len(told) - 1


def _held(store: Path) -> dict[str, dict[int, float]]:
    """What the store holds: values by step, by run."""
    import dlprov  # noqa: PLC0415 - the child imports this file, too, and measures no import

    held: dict[str, dict[int, float]] = {}
    for run, status in dlprov.query("SELECT run_id, status FROM run", store=store):
        assert status == "lost", "a killed run is lost"
        held[run] = {}
    for run, step, value in dlprov.query("SELECT run_id, step, value FROM metric", store=store):
        held[run][step] = value
    return held


def log() -> None:
    """Log for ever; one byte through the pipe for each call that has returned."""
    import dlprov  # noqa: PLC0415

    run = dlprov.start_run("kill")
    os.write(1, run.id.encode())
    step = 0
    while True:
        run.log(step=step, epoch=step // 100, value=step / 7)
        os.write(1, b".")
        step += 1


if __name__ == "__main__" and sys.argv[1] == "log":
    log()
