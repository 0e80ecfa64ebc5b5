"""Indexing ten million metric points from run logs, on one core, against ``json.loads`` of the same lines.

The process is bound to one core, which all threads of the engine share. The logs are made once, by the public
interface.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

from benchmarks.measure import Result, Spread, child, scratch

MUST = "at least 500,000 points/s on one core"

METRICS = 5
RUNS = 10


def measure(*, quick: bool) -> Result:
    """Points a second, by the processor's time and by the clock."""
    points = 10**6 if quick else 10**7
    rounds = 2 if quick else 3
    store = scratch(f"index-{points}")
    if not (store / "complete").exists():
        child("index", "make", points, DLPROV_STORE=store)
        (store / "complete").touch()
    found = [json.loads(child("index", "index", store)) for _ in range(rounds)]
    assert all(each["rows"] == points for each in found), "every point is in the index"
    by_cpu = Spread.of(points / each["cpu"] for each in found)
    by_wall = Spread.of(points / each["wall"] for each in found)
    floor = Spread.of(each["cpu"] / each["floor"] for each in found)
    size = sum(path.stat().st_size for path in store.glob("runs/*/*"))
    return Result(
        MUST,
        f"{by_cpu:,.0f} points/s of processor time, {by_wall:,.0f} on the clock; {floor:.2f} times json.loads of "
        "every line",
        by_cpu.median >= 500_000,
        {
            "points": points,
            "runs": RUNS,
            "rounds": rounds,
            "log bytes": size,
            "index bytes": found[-1]["bytes"],
            "points a second of processor time": by_cpu,
            "points a second on the clock": by_wall,
            "cpu over json.loads of every line": floor,
        },
    )


def make(points: int) -> None:
    """Runs that log ``points`` values, five a step."""
    import dlprov  # noqa: PLC0415 - each part of this file is a process of its own

    steps = points // METRICS // RUNS
    for number in range(RUNS):
        rate = 10.0 ** -random.uniform(2, 4)
        with dlprov.start_run("index", params={"learning_rate": rate, "seed": number}) as run:
            for step in range(steps):
                run.log(
                    step=step,
                    epoch=step // 1000,
                    loss=random.random(),
                    accuracy=random.random(),
                    val_loss=random.random(),
                    val_accuracy=random.random(),
                    learning_rate=rate,
                )


def index(store: Path) -> None:
    """Build the index anew, and read the lines with ``json.loads``; prints the costs."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from dlprov.store import Index  # noqa: PLC0415 - each part of this file is a process of its own

    file = store / "index.duckdb"
    file.unlink(missing_ok=True)
    subject = Index(store, store)
    os.sync()
    cpu, wall = time.process_time(), time.perf_counter()
    subject.refresh()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    begin = time.process_time()
    for path in store.glob("runs/*/*.jsonl"):
        with path.open("rb") as lines:
            for line in lines:
                json.loads(line)
    floor = time.process_time() - begin
    with subject.reading() as connection:
        rows = connection.execute("SELECT count(*) FROM public.metric").fetchall()[0][0]
    size = file.stat().st_size
    print(json.dumps({"cpu": cpu, "wall": wall, "floor": floor, "rows": rows, "bytes": size}))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))
    else:
        index(Path(sys.argv[2]))
