"""Writing the provenance of 100,000 entities in every format that needs no other package."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Result, Spread, child, scratch

if TYPE_CHECKING:
    from dlprov.graph.statements import Statement

MUST = "100,000 entities in each format in under 30 s, within 2 GB"

FORMATS = ("provn", "json", "jsonld", "ttl", "xml")

TASKS = 100

SECONDS = 30
MEGABYTES = 2000


def measure(*, quick: bool) -> Result:
    """Seconds and memory of a fresh process that writes the document of one run, for each format."""
    entities = 10**4 if quick else 10**5
    rounds = 1 if quick else 3
    store = scratch(f"prov-{entities}")
    if not (store / "complete").exists():
        child("prov", "make", entities, DLPROV_STORE=store, DLPROV_CACHE=store)
        (store / "complete").touch()
    found = {
        name: [json.loads(child("prov", "write", name, DLPROV_STORE=store, DLPROV_CACHE=store)) for _ in range(rounds)]
        for name in FORMATS
    }
    assert all(each["entities"] >= entities for times in found.values() for each in times), "every entity is written"
    by_cpu = {name: Spread.of(each["cpu"] for each in times) for name, times in found.items()}
    by_wall = {name: Spread.of(each["wall"] for each in times) for name, times in found.items()}
    memory = max(each["megabytes"] for times in found.values() for each in times)
    slowest = max(by_cpu, key=lambda name: by_cpu[name].median)
    told = ", ".join(f"{name} {spread.median:.1f} s" for name, spread in by_cpu.items())
    return Result(
        MUST,
        f"processor time, with interpreter and imports: {told}; on the clock {by_wall[slowest]:.1f} s for the slowest; "
        f"{memory:,} MB",
        by_cpu[slowest].median < SECONDS * entities / 10**5 and memory < MEGABYTES,
        {
            "entities": entities,
            "rounds": rounds,
            "statements": found["provn"][0]["statements"],
            "document bytes": {name: times[0]["bytes"] for name, times in found.items()},
            "seconds of processor time": by_cpu,
            "seconds on the clock": by_wall,
            "megabytes": memory,
        },
    )


def make(entities: int) -> None:
    """A run of tasks, each of which uses what the one before it made."""
    import dlprov  # noqa: PLC0415 - each part of this file is a process of its own

    with dlprov.start_run("prov") as run:
        earlier = None
        for number in range(TASKS):
            with run.task(f"Step{number % 2}", depends_on=[earlier] if earlier else []) as task:
                if earlier is not None:
                    task.used_all("oRows", earlier)
                rows = [
                    {"epoch": row, "loss": row / 7, "path": f"data/{number}/{row}.npy", "note": "as measured"}
                    for row in range(entities // TASKS)
                ]
                task.generated("oRows", *rows)
                earlier = task
    dlprov.query("SELECT 1")


def peak_megabytes() -> int:
    """The most memory that this process had: not ru_maxrss, which a process made by vfork inherits."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def write(name: str) -> None:
    """Write the document; prints what that cost, the start of the process included."""
    import tempfile  # noqa: PLC0415 - as above

    from dlprov.graph.formats import writer  # noqa: PLC0415
    from dlprov.graph.mapping import provenance  # noqa: PLC0415
    from dlprov.query import open_session  # noqa: PLC0415
    from dlprov.query.questions import find_run  # noqa: PLC0415

    counted: Counter[str] = Counter()

    def counting(statements: Iterable[Statement]) -> Iterator[Statement]:
        for statement in statements:
            counted[statement.kind] += 1
            yield statement

    begin = time.perf_counter()
    session = open_session()
    with tempfile.TemporaryFile() as file:
        writer(name)(counting(provenance(session, [find_run(session, "last")])), file)
        size = file.tell()
    found = {
        "cpu": time.process_time(),
        "wall": time.perf_counter() - begin,
        "megabytes": peak_megabytes(),
        "bytes": size,
        "entities": counted["entity"],
        "statements": counted.total(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))
    else:
        write(sys.argv[2])
