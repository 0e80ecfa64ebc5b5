"""``import dlprov`` over bare Python, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from benchmarks.measure import Result as Outcome
from benchmarks.measure import Spread, environment

MUST = "under 50 ms, no framework and no database"

HEAVY = ("click", "duckdb", "jax", "keras", "numpy", "pandas", "polars", "pyarrow", "rich", "sklearn", "tensorflow", "torch")
"""What a training process must not get to load through ``import dlprov``."""

WORK = {
    "nothing": "pass",
    "import dlprov": "import dlprov",
    "dlprov.start_run": "import dlprov; dlprov.start_run",
    "dlprov.query": "import dlprov; dlprov.query",
    "json and logging": "import json, logging",
}
"""Code by name. The last one is a floor: two modules of the standard library."""


def measure(*, quick: bool) -> Outcome:
    """Milliseconds of processes that import, less those of one that does nothing."""
    rounds = 7 if quick else 41
    wall: dict[str, list[float]] = {name: [] for name in WORK}
    for turn in range(rounds):
        names = list(WORK)
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", WORK[name]], env=environment(), check=True)
            wall[name].append((time.perf_counter() - begin) * 1e3)
    over = {
        name: Spread.of(one - bare for one, bare in zip(found, wall["nothing"], strict=True))
        for name, found in wall.items()
        if name != "nothing"
    }
    loaded = {name: _loaded(WORK[name]) for name in ("import dlprov", "dlprov.start_run")}
    heavy = sorted({module for modules in loaded.values() for module in modules} & set(HEAVY))
    return Outcome(
        MUST,
        f"{over['import dlprov']:.1f} ms over {Spread.of(wall['nothing']).median:.1f} ms of bare Python, with start_run "
        f"{over['dlprov.start_run'].median:.1f} ms; loads {', '.join(heavy) or 'none of them'}",
        over["import dlprov"].median < 50 and not heavy,
        {
            "rounds": rounds,
            "milliseconds of bare Python": Spread.of(wall["nothing"]),
            "milliseconds over bare Python": over,
            "slowest parts of import dlprov, microseconds of their own": _slowest(),
            "modules loaded": {name: len(modules) for name, modules in loaded.items()},
            "heavy modules loaded": heavy,
        },
    )


def _loaded(code: str) -> list[str]:
    """The modules that code loads beyond bare Python, without those of packages' insides."""
    program = f"import sys; before = set(sys.modules); {code}; import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    found = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True)
    return list(json.loads(found.stdout))


def _slowest() -> dict[str, int]:
    """The ten modules that take longest by themselves, by ``-X importtime``."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import dlprov"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.partition(":")[2].split("|") for line in found.stderr.splitlines()[1:]]
    own = {name.strip(): int(microseconds) for microseconds, _, name in lines}
    return dict(sorted(own.items(), key=lambda item: -item[1])[:10])


if __name__ == "__main__":
    print(measure(quick=True))
