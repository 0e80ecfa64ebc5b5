"""Lineage in a store of a million relations: ancestors and descendants, in a session that is open and in a new process.

The relations come from real logs, made by the public interface. Families of trainings share a prepared file by its
content; each training is a sequence of tasks, each of which uses all rows that the one before it made; a report uses
the model of every training; and one run is a long chain of checkpoints.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Result, Spread, child, scratch

MUST = "ancestors among 1,000,000 relations in under 1 s"

FAMILIES = 5
MEMBERS = 10
"""Trainings of a family; the first one prepares the file that all others read."""

TASKS = 20
CHECKPOINTS = 2_000

QUESTIONS: dict[str, tuple[str, str]] = {
    "few": ("oSample:1", "up"),
    "hundreds": ("oDraft:1", "up"),
    "model": ("model-0-1.bin", "up"),
    "chain": (f"oCheckpoint:{CHECKPOINTS}", "up"),
    "all": ("oReport:1", "up"),
    "few down": ("model-0-1.bin", "down"),
    "hundreds down": ("oLate:1", "down"),
}
"""What is asked, by a name: a thing with few ancestors or some hundreds, a model with its family's preparation, the end
of the chain, and what nearly everything led to; and the same the other way."""

IN_TIME = tuple(name for name in QUESTIONS if name not in ("chain", "all"))
"""The questions that must be answered in time. A chain of thousands of steps, which no training has, and half a million
rows are there to see what they cost."""

FLOOR = "SELECT count(*) FROM relation WHERE kind = 'used' AND source <> target"
"""One look at every relation."""


def measure(*, quick: bool) -> Result:
    """Seconds of each question, in a session that has been asked before and in a fresh process after the imports."""
    relations = 10**5 if quick else 10**6
    store = scratch(f"lineage-{relations}")
    settings = {"DLPROV_STORE": store, "DLPROV_CACHE": store, "PATH": ""}
    if not (store / "complete").exists():
        child("lineage", "make", relations, **settings)
        (store / "complete").touch()
    warm = json.loads(child("lineage", "warm", 1 if quick else 3, **settings))
    assert warm["relations"] >= relations, "the store is as large as it must be"
    cold: dict[str, list[float]] = {name: [] for name in ("nothing", *QUESTIONS)}
    for _ in range(1 if quick else 3):
        for name, seconds in cold.items():
            seconds.append(json.loads(child("lineage", "cold", name, **settings)))
    inside = {name: Spread.of(seconds) for name, seconds in warm["seconds"].items()}
    fresh = {name: Spread.of(seconds) for name, seconds in cold.items()}
    over = {
        name: Spread.of(one / floor for one, floor in zip(warm["seconds"][name], warm["seconds"]["floor"], strict=True))
        for name in QUESTIONS
    }
    told = "; ".join(
        f"{name} ({warm['rows'][name]:,} things) {inside[name].median:.2f} s, cold {fresh[name].median:.2f} s"
        for name in QUESTIONS
    )
    return Result(
        MUST,
        f"{told}; one look at every relation {1000 * inside['floor'].median:.0f} ms",
        all(inside[name].median < 1 and fresh[name].median < 1 for name in IN_TIME),
        {
            "relations": warm["relations"],
            "things in the answer": warm["rows"],
            "seconds in an open session": inside,
            "seconds in a fresh process after the imports": fresh,
            "times one look at every relation": over,
        },
    )


def make(relations: int) -> None:
    """Record the trainings, the report and the chain, and index them."""
    import dlprov  # noqa: PLC0415 - each part of this file is a process of its own

    rows = relations // (2 * FAMILIES * MEMBERS * TASKS)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        raw = place / "raw.bin"
        raw.write_bytes(b"raw")
        for family in range(FAMILIES):
            for member in range(MEMBERS):
                _training(place, family, member, rows)
        with dlprov.start_run("lineage") as run, run.task("Report") as report:
            for model in sorted(place.glob("model-*.bin")):
                report.artifact(model, direction="used")
            report.generated("oReport", models=FAMILIES * MEMBERS)
    with dlprov.start_run("chain") as run:
        element = None
        for step in range(CHECKPOINTS):
            with run.task("Step") as task:
                task.used("oCheckpoint", element)
                element = task.generated("oCheckpoint", step=step)
    dlprov.query("SELECT 1")


def _training(place: Path, family: int, member: int, rows: int) -> None:
    import dlprov  # noqa: PLC0415 - as above

    prepared = place / f"prepared-{family}.bin"
    with dlprov.start_run("lineage", params={"family": family, "member": member}) as run:
        earlier, late = None, None
        for number in range(TASKS):
            with run.task(f"Step{number:02}", depends_on=[earlier] if earlier else []) as task:
                if earlier is None:
                    task.used("iSource", family=family, member=member)
                    task.artifact(prepared if member else place / "raw.bin", direction="used")
                else:
                    task.used_all(f"oStep{number - 1:02}", earlier)
                task.generated(f"oStep{number:02}", *({"row": row, "loss": row / 7} for row in range(rows)))
                if member == 0 and number == 0:
                    task.generated("oSample", family=family)
                if member == 0 and number == 1:
                    task.generated("oDraft", family=family)
                if member and number == TASKS - 2:
                    late = task.generated("oLate", family=family)
                if member and number == TASKS - 1:
                    task.used("oLate", late)
                earlier = task
        with run.task("Train", depends_on=[earlier] if earlier else []) as train:
            if earlier is not None:
                train.used_all(f"oStep{TASKS - 1:02}", earlier)
            if member == 0:
                prepared.write_bytes(f"prepared {family}".encode())
                train.artifact(prepared)
            model = place / f"model-{family}-{member}.bin"
            model.write_bytes(f"model {family} {member}".encode())
            train.artifact(model, kind="model")


def warm(rounds: int) -> None:
    """Ask everything in turn in one session, and look at every relation between; prints the seconds and the rows."""
    from dlprov.graph.lineage import trace  # noqa: PLC0415 - as above
    from dlprov.query import open_session  # noqa: PLC0415

    session = open_session()
    ((relations,),) = session.ask("SELECT count(*) FROM relation").rows()
    seconds: dict[str, list[float]] = {name: [] for name in ("floor", *QUESTIONS)}
    rows: dict[str, int] = {}
    for turn in range(rounds + 1):
        for name, found in seconds.items():
            begin = time.perf_counter()
            if name == "floor":
                session.ask(FLOOR).rows()
            else:
                thing, direction = QUESTIONS[name]
                rows[name] = len(trace(session, thing, direction=direction))
            if turn:  # The first round warms up.
                found.append(time.perf_counter() - begin)
    print(json.dumps({"relations": relations, "seconds": seconds, "rows": rows}))


def cold(name: str) -> None:
    """Ask once; prints the seconds after the imports."""
    from dlprov import lineage, query  # noqa: PLC0415 - the imports that do not count

    begin = time.perf_counter()
    if name == "nothing":
        query("SELECT 1")
    else:
        thing, direction = QUESTIONS[name]
        lineage(thing, direction="down" if direction == "down" else "up")
    print(json.dumps(time.perf_counter() - begin))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "make":
        make(int(rest[0]))
    elif what == "warm":
        warm(int(rest[0]))
    else:
        cold(rest[0])
