"""``import dlprov`` over bare Python, and what it loads."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from functools import partial
from typing import Literal

from benchmarks.measure import Cost, Result, Spread, environment, interleaved

MUST = "under 50 ms, no framework and no database"

HEAVY = (
    "click",
    "duckdb",
    "jax",
    "keras",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "sklearn",
    "tensorflow",
    "torch",
)
"""What a training process must not get to load through ``import dlprov``."""

WORK = {
    "nothing": "pass",
    "import dlprov": "import dlprov",
    "dlprov.start_run": "import dlprov; dlprov.start_run",
    "dlprov.query": "import dlprov; dlprov.query",
    "json and logging": "import json, logging",
}
"""Code by name. The last one is a floor: two modules of the standard library."""


def measure(*, quick: bool) -> Result:
    """Milliseconds of processes that import, less those of one that does nothing."""
    rounds = 7 if quick else 31
    costs = interleaved(rounds, {name: partial(_process, code) for name, code in WORK.items()})
    over, wall = _over(costs, "cpu"), _over(costs, "wall")
    bare = Spread.of(each.cpu * 1e3 for each in costs["nothing"])
    loaded = {name: _loaded(WORK[name]) for name in ("import dlprov", "dlprov.start_run")}
    heavy = sorted({module for modules in loaded.values() for module in modules} & set(HEAVY))
    return Result(
        MUST,
        f"{over['import dlprov']:.1f} ms of processor time over {bare.median:.1f} ms of bare Python, on the clock "
        f"{wall['import dlprov'].median:.1f} ms; with start_run {over['dlprov.start_run'].median:.1f} ms; "
        f"loads {', '.join(heavy) or 'none of them'}",
        over["import dlprov"].median < 50 and not heavy,
        {
            "rounds": rounds,
            "milliseconds of processor time of bare Python": bare,
            "milliseconds of processor time over bare Python": over,
            "milliseconds on the clock over bare Python": wall,
            "slowest parts of import dlprov, microseconds of their own": _slowest(),
            "modules loaded": {name: len(modules) for name, modules in loaded.items()},
            "heavy modules loaded": heavy,
        },
    )


def _process(code: str) -> Cost:
    """The cost of a fresh process that runs ``code``."""
    before, begin = _children(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
    return Cost(_children() - before, time.perf_counter() - begin)


def _children() -> float:
    """Seconds of processor time of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _over(costs: dict[str, list[Cost]], clock: Literal["cpu", "wall"]) -> dict[str, Spread]:
    """Milliseconds over those of bare Python, round by round."""
    bare = [getattr(each, clock) for each in costs["nothing"]]
    return {
        name: Spread.of((getattr(each, clock) - less) * 1e3 for each, less in zip(found, bare, strict=True))
        for name, found in costs.items()
        if name != "nothing"
    }


def _loaded(code: str) -> list[str]:
    """The modules that code loads beyond bare Python, without those of packages' insides."""
    program = f"import json, sys; before = set(sys.modules); {code}; print(json.dumps([*set(sys.modules) - before]))"
    command = [sys.executable, "-c", program]
    return list(json.loads(subprocess.run(command, env=environment(), capture_output=True, check=True).stdout))


def _slowest() -> dict[str, int]:
    """The ten modules that take longest by themselves, by ``-X importtime``."""
    command = [sys.executable, "-X", "importtime", "-c", "import dlprov"]
    found = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    lines = [line.partition(":")[2].split("|") for line in found.stderr.splitlines()[1:]]
    own = {name.strip(): int(microseconds) for microseconds, _, name in lines}
    return dict(sorted(own.items(), key=lambda item: -item[1])[:10])


if __name__ == "__main__":
    print(measure(quick=True))
