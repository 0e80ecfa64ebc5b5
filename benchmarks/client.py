"""One ``task.save()`` of the client library, against the recorder's own call with the same element.

The element has the seven values of ``oTrain``. Cost is processor time of the training thread, printing of the status
included, which goes to ``/dev/null``; an empty loop is taken off both. What it costs to make the element and its data
set, which the originals' users pay for, too, is a figure of its own, and so is what a server adds (one that is not
there: its messages wait on the disk).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlprov
from benchmarks.measure import Cost, Result, Spread, child, interleaved, ratio

MUST = "at most twice the recorder's own call (task.generated), in the training thread"

NAMES = ("TIMESTAMP", "ELAPSED_TIME", "LOSS", "ACCURACY", "VAL_LOSS", "VAL_ACCURACY", "EPOCH")

Rows = list[list[Any]]


def measure(*, quick: bool) -> Result:
    """Costs of a save, of the recorder's own call, and of a save that a server gets, too."""
    rounds, steps = (5, 4_000) if quick else (21, 20_000)
    costs = _costs(rounds, steps)
    with tempfile.TemporaryDirectory() as directory:
        answer = child("client", rounds, steps, DLPROV_STORE=directory, DFA_URL="http://127.0.0.1:9/", DLPROV_QUIET="")
    delivered = {name: [Cost(*each) for each in found] for name, found in json.loads(answer).items()}
    alone = ratio(costs, "save", "native", nothing="nothing")
    whole = ratio(costs, "whole", "native", nothing="nothing")
    queued = ratio(delivered, "save", "native", nothing="nothing")
    microseconds = {
        name: Spread.of((one.cpu - less.cpu) / steps * 1e6 for one, less in zip(found, costs["nothing"], strict=True))
        for name, found in costs.items()
        if name != "nothing"
    }
    return Result(
        MUST,
        f"{alone:.2f} times; {microseconds['save']:.1f} against {microseconds['native']:.1f} µs; {whole:.2f} times "
        f"with the element's making; {queued:.2f} times with DFA_URL",
        alone.median <= 2.0,
        {
            "steps": steps,
            "rounds": rounds,
            "cpu ratio": alone,
            "cpu ratio with the making of the element": whole,
            "cpu ratio with a server": queued,
            "cpu microseconds a save": microseconds,
        },
    )


def _costs(rounds: int, steps: int) -> dict[str, list[Cost]]:
    # Late: with DFA_URL, which is read at the import, only in the process that is about it.
    from dfa_lib_python.dataflow import Dataflow  # noqa: PLC0415
    from dfa_lib_python.dataset import DataSet  # noqa: PLC0415
    from dfa_lib_python.element import Element  # noqa: PLC0415
    from dfa_lib_python.task import Task  # noqa: PLC0415

    rows: Rows = [
        [f"2026-11-21 12:00:00.{step:06}", str(random.random()), *(random.random() for _ in range(4)), step]
        for step in range(steps)
    ]
    with contextlib.ExitStack() as stack:
        if "DLPROV_STORE" not in os.environ:
            os.environ["DLPROV_STORE"] = stack.enter_context(tempfile.TemporaryDirectory())
        # The row of benchmarks is run quietly, and a status that is not printed costs nothing.
        os.environ["DLPROV_QUIET"] = ""
        quiet = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stdout(quiet))
        stack.enter_context(contextlib.redirect_stderr(quiet))
        dataflow = Dataflow("client", predefined=True)
        dataflow.save()
        # Until its tasks have told which predefined dataflow it is, each of them is looked at.
        Task(2, dataflow, "client-1", "ApplyFilter").save()
        task = Task(4, dataflow, "client-1", "Train")
        task.begin()
        run = dlprov.start_run("native")
        native = run.task("Train")
        _settle(run)

        def whole() -> None:
            for row in rows:
                task.add_dataset(DataSet("oTrain", [Element(row)]))
                task.save()

        def save(data: list[DataSet]) -> None:
            for one in data:
                task.add_dataset(one)
                task.save()

        def generated(elements: list[dict[str, Any]]) -> None:
            for element in elements:
                native.generated("oTrain", **element)

        def nothing() -> None:
            for row in rows:
                row  # noqa: B018 - the loop is what is measured

        data = [DataSet("oTrain", [Element(row)]) for row in rows]
        elements = [dict(zip(NAMES, row, strict=True)) for row in rows]
        costs = interleaved(
            rounds,
            {
                "save": lambda: _cost(lambda: save(data)),
                "whole": lambda: _cost(whole),
                "native": lambda: _cost(lambda: generated(elements)),
                "nothing": lambda: _cost(nothing),
            },
        )
        run.finish()
        _check(steps, rounds)
    return costs


def _cost(work: Callable[[], object]) -> Cost:
    """What the calling thread alone took."""
    cpu, wall = time.thread_time(), time.perf_counter()
    work()
    return Cost(time.thread_time() - cpu, time.perf_counter() - wall)


def _settle(run: dlprov.Run) -> None:
    """Wait until the environment is collected: that happens once a run, not once a step."""
    assert run.path is not None
    while b'"packages"' not in run.path.read_bytes():
        time.sleep(0.01)


def _check(steps: int, rounds: int) -> None:
    """Every element of both is in the logs."""
    found = {
        path.read_bytes().count(b'"event":"generated"') for path in Path(os.environ["DLPROV_STORE"]).glob("runs/*/*")
    }
    assert {2 * steps * rounds, steps * rounds} <= found, found


if __name__ == "__main__":
    taken = _costs(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({name: [(each.cpu, each.wall) for each in found] for name, found in taken.items()}))
    sys.stdout.flush()
    # Without the end that would wait for the server.
    os._exit(0)
