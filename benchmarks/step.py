"""One step of five metrics from the training thread, against ``json.dumps`` and a buffered write of the same record.

Cost is processor time of the whole process, so the background thread counts, and so does the end: closing the
floor's file, and ending the run with the seal over all its bytes. An empty loop over the same numbers is taken off
both.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlprov
from benchmarks.measure import Cost, Result, Spread, cost, interleaved, percentile, ratio

MUST = "total CPU at most 0.6 times json.dumps + buffered write; in the kernel when the call returns"

Numbers = list[tuple[float, float, float, float, float]]

_OTHER = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_RDONLY)
for _ in sys.stdin:
    print(os.fstat(descriptor).st_size, flush=True)
"""
"""Another process, which tells the size of a file whenever it is asked."""


def measure(*, quick: bool) -> Result:
    """Costs and latencies of both, and whether each record is in the kernel when its call returns."""
    rounds, steps = (5, 4_000) if quick else (21, 20_000)
    numbers: Numbers = [tuple(random.random() for _ in range(5)) for _ in range(steps)]  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        costs = interleaved(
            rounds,
            {
                "dlprov": lambda: _logged(place, numbers),
                "floor": lambda: _dumped(place, numbers),
                "nothing": lambda: cost(lambda: _loop(numbers)),
            },
        )
        taken: dict[str, list[int]] = {"dlprov": [], "floor": []}
        for _ in range(rounds):
            _latencies(place, numbers, taken)
        visible = _visible(place, 500 if quick else 5_000)
        idle = _idle(place, 2.0 if quick else 5.0)
    microseconds = {
        name: Spread.of((each.cpu - less.cpu) / steps * 1e6 for each, less in zip(found, costs["nothing"], strict=True))
        for name, found in costs.items()
        if name != "nothing"
    }
    total = ratio(costs, "dlprov", "floor", nothing="nothing")
    latency = {name: {share: percentile(found, share) / 1e3 for share in (0.5, 0.99)} for name, found in taken.items()}
    ours, floor = latency["dlprov"], latency["floor"]
    return Result(
        MUST,
        f"{total:.2f} times; {microseconds['dlprov']:.1f} against {microseconds['floor']:.1f} µs CPU; p50 "
        f"{ours[0.5]:.1f} against {floor[0.5]:.1f} µs, p99 {ours[0.99]:.1f} against {floor[0.99]:.1f} µs; "
        f"{visible:.0%} in the kernel",
        total.median <= 0.6 and visible == 1.0,
        {
            "steps": steps,
            "rounds": rounds,
            "cpu ratio": total,
            "wall ratio": ratio(costs, "dlprov", "floor", nothing="nothing", clock="wall"),
            "cpu microseconds a step": microseconds,
            "latency microseconds": {
                name: {f"p{share:.0%}".rstrip("%"): value for share, value in found.items()}
                for name, found in latency.items()
            },
            "share of records in the kernel at the return": visible,
            "cpu share of an open run that logs nothing": idle,
        },
    )


def _run(store: Path) -> Any:
    """A run whose environment is collected already: that happens once a run, not once a step."""
    run = dlprov.start_run("step", store=store)
    assert run.path is not None
    while b'"packages"' not in run.path.read_bytes():
        time.sleep(0.01)
    return run


def _log(run: Any, numbers: Numbers) -> None:
    log = run.log
    for step, (loss, accuracy, val_loss, val_accuracy, rate) in enumerate(numbers):
        log(
            step=step,
            epoch=3,
            loss=loss,
            accuracy=accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            learning_rate=rate,
        )


def _dump(write: Callable[[str], object], numbers: Numbers) -> None:
    dumps, now = json.dumps, time.time_ns
    for step, (loss, accuracy, val_loss, val_accuracy, rate) in enumerate(numbers):
        values = {
            "loss": loss,
            "accuracy": accuracy,
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
            "learning_rate": rate,
        }
        record = {"event": "metric", "time": now() // 1000, "step": step, "epoch": 3, "values": values}
        write(dumps(record) + "\n")


def _loop(numbers: Numbers) -> None:
    for _step, (_loss, _accuracy, _val_loss, _val_accuracy, _rate) in enumerate(numbers):
        pass


def _logged(place: Path, numbers: Numbers) -> Cost:
    run = _run(place)

    def work() -> None:
        _log(run, numbers)
        run.finish()

    found = cost(work)
    _remove(run.path)
    return found


def _dumped(place: Path, numbers: Numbers) -> Cost:
    path = place / "floor.jsonl"
    file = path.open("w", encoding="utf-8")

    def work() -> None:
        _dump(file.write, numbers)
        file.close()

    found = cost(work)
    _remove(path)
    return found


def _latencies(place: Path, numbers: Numbers, taken: dict[str, list[int]]) -> None:
    """Nanoseconds of single calls; the clock itself is in both."""
    clock = time.perf_counter_ns
    run = _run(place)
    path = place / "floor.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, one in enumerate(numbers[:4_000]):
            begin = clock()
            _log_one(run, number, one)
            between = clock()
            _dump(file.write, [one])
            taken["floor"].append(clock() - between)
            taken["dlprov"].append(between - begin)
    run.finish()
    _remove(run.path)
    _remove(path)


def _log_one(run: Any, step: int, one: tuple[float, float, float, float, float]) -> None:
    loss, accuracy, val_loss, val_accuracy, rate = one
    run.log(
        step=step,
        epoch=3,
        loss=loss,
        accuracy=accuracy,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        learning_rate=rate,
    )


def _visible(place: Path, calls: int) -> float:
    """The share of calls after which another process sees the file with exactly this record at its end."""
    run = _run(place)
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        seen = 0
        with run.path.open("rb") as file:
            for step in range(calls):
                before = run.path.stat().st_size
                run.log(step=step, loss=1.0)
                other.stdin.write("\n")
                other.stdin.flush()
                size = int(other.stdout.readline())
                file.seek(before)
                seen += size > before and f'"step":{step},'.encode() in file.read(size - before)
        other.stdin.close()
    run.finish()
    _remove(run.path)
    return seen / calls


def _idle(place: Path, seconds: float) -> float:
    """The share of one core that the background thread takes while nothing is logged."""
    run = _run(place)
    found = cost(lambda: time.sleep(seconds))
    run.finish()
    _remove(run.path)
    return found.cpu / found.wall


def _remove(path: Path) -> None:
    path.unlink()
    # What waits to be written to the disk would be paid for by the next variant.
    os.sync()
