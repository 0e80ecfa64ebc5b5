"""The best ten of 10,000 runs by their final metric, with their hyperparameters, asked by a fresh process.

Every run has a real log: made by the public interface, ended and sealed. They are made once, by one process a core.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Result, Spread, child, command, environment, scratch

MUST = "under 0.5 s beyond interpreter and imports"

METRIC = "val_accuracy"
EPOCHS = 20

SQL = """
    SELECT m.run_id, r.status, m.last_value, p.params
    FROM metric_summary AS m JOIN run AS r USING (run_id)
    LEFT JOIN (SELECT run_id, map_from_entries(list((name, value))) AS params FROM param GROUP BY run_id) AS p
        USING (run_id)
    WHERE m.name = 'val_accuracy' ORDER BY m.last_value DESC LIMIT 10
"""
"""The same question as a person would write it."""

HOWS = ("best_runs", "sql", "nothing")


def measure(*, quick: bool) -> Result:
    """Seconds of the question in a fresh process, after the imports."""
    runs = 1_000 if quick else 10_000
    rounds = 5 if quick else 15
    store = filled(runs)
    indexed = child("best", "ask", store, "best_runs")
    found: dict[str, list[float]] = {how: [] for how in HOWS}
    whole: dict[str, list[float]] = {how: [] for how in HOWS}
    busy: dict[str, list[float]] = {how: [] for how in HOWS}
    for _ in range(rounds):
        for how in HOWS:
            begin = time.perf_counter()
            answer = json.loads(child("best", "ask", store, how))
            whole[how].append(time.perf_counter() - begin)
            assert how == "nothing" or answer["rows"] == 10
            found[how].append(answer["seconds"])
            busy[how].append(answer["cpu"])
    asked = {how: Spread.of(seconds) for how, seconds in found.items()}
    cpu = _beyond(busy)
    beyond = _beyond(whole)
    return Result(
        MUST,
        f"{cpu['best_runs']:.3f} s of processor time beyond the imports, {asked['best_runs']:.3f} s on the clock; "
        f"by SQL {cpu['sql']:.3f} s, {asked['sql']:.3f} s",
        cpu["best_runs"].median < 0.5 and cpu["sql"].median < 0.5,
        {
            "runs": runs,
            "rounds": rounds,
            "seconds of processor time beyond a process that only imports": cpu,
            "seconds in the call": asked,
            "seconds of the process beyond one that only imports": beyond,
            "seconds of the process that only imports": Spread.of(whole["nothing"]),
            "seconds of the first question, which finds the index up to date or brings it there": json.loads(indexed)[
                "seconds"
            ],
        },
    )


def _beyond(seconds: dict[str, list[float]]) -> dict[str, Spread]:
    """Seconds beyond those of a process that asks nothing, round by round."""
    return {
        how: Spread.of(one - other for one, other in zip(found, seconds["nothing"], strict=True))
        for how, found in seconds.items()
        if how != "nothing"
    }


def filled(runs: int) -> Path:
    """A store with ``runs`` runs, made if it is not there, with its index."""
    store = scratch(f"best-{runs}")
    if not (store / "complete").exists():
        workers = os.cpu_count() or 1
        shares = [runs // workers + (number < runs % workers) for number in range(workers)]
        # Without git: asking it for the commit would take most of the time.
        variables = environment(DLPROV_STORE=store, DLPROV_QUIET=1, PATH="")
        started = [
            subprocess.Popen(command("best", "make", share, number), env=variables)
            for number, share in enumerate(shares)
        ]
        assert all(each.wait() == 0 for each in started)
        seconds = json.loads(child("best", "ask", store, "best_runs"))["seconds"]
        (store / "complete").write_text(json.dumps({"indexed in seconds": seconds}))
    return store


def make(runs: int, seed: int) -> None:
    """Train ``runs`` models, as far as the log can tell."""
    import dlprov  # noqa: PLC0415 - each part of this file is a process of its own

    random.seed(seed)
    for _ in range(runs):
        params = {
            "optimizer": random.choice(("adam", "sgd", "rmsprop")),
            "learning_rate": 10.0 ** -random.uniform(1, 5),
            "batch_size": 2 ** random.randrange(4, 10),
            "dropout": round(random.random() / 2, 2),
            "layers": random.randrange(2, 12),
        }
        best = random.random()
        with dlprov.start_run("best", params=params) as run:
            for epoch in range(EPOCHS):
                near = best * (1 - 0.8**epoch)
                run.log(
                    step=epoch * 100,
                    epoch=epoch,
                    loss=1 - near,
                    accuracy=near,
                    val_loss=1.1 - near,
                    val_accuracy=near * 0.95,
                    learning_rate=params["learning_rate"],
                )


def ask(store: Path, how: str) -> None:
    """Ask once; prints the seconds after the imports, and how many rows came."""
    from dlprov import best_runs, query  # noqa: PLC0415 - the imports that do not count

    begin = time.perf_counter()
    rows = 0
    if how == "best_runs":
        rows = len(best_runs(METRIC, store=store).rows())
    elif how == "sql":
        rows = len(query(SQL, store=store).rows())
    print(json.dumps({"seconds": time.perf_counter() - begin, "cpu": time.process_time(), "rows": rows}))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]))
    else:
        ask(Path(sys.argv[2]), sys.argv[3])
