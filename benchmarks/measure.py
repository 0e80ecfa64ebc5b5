"""What the rows share: costs of work, ratios with their spread, processes of their own, and the form of a result."""

from __future__ import annotations

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one piece of work took: seconds of processor time over all threads, and seconds on the clock."""

    cpu: float
    wall: float


@dataclasses.dataclass(frozen=True)
class Spread:
    """A figure over rounds: its median, and its smallest and largest value."""

    median: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def __format__(self, form: str) -> str:
        return f"{self.median:{form}} ({self.minimum:{form}}-{self.maximum:{form}})"


@dataclasses.dataclass
class Result:
    """What a row of the table came to.

    Attributes:
        must: What it must reach, in words.
        measured: What was measured, in words.
        reached: Whether it was reached.
        figures: All figures by name, for the JSON file; a spread is written with its three numbers.
    """

    must: str
    measured: str
    reached: bool
    figures: dict[str, Any] = dataclasses.field(default_factory=dict)


def cost(work: Callable[[], object]) -> Cost:
    """Do the work once."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def interleaved(rounds: int, variants: Mapping[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    """The costs of each variant in each round; every round begins with another variant."""
    names = list(variants)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            costs[name].append(variants[name]())
    return costs


def ratio(
    costs: Mapping[str, list[Cost]],
    work: str,
    floor: str,
    *,
    nothing: str | None = None,
    clock: Literal["cpu", "wall"] = "cpu",
) -> Spread:
    """``work`` over ``floor``, round by round; the cost of ``nothing`` is taken off both."""
    base = [getattr(item, clock) for item in costs[nothing]] if nothing else [0.0] * len(costs[work])
    above = [getattr(item, clock) - less for item, less in zip(costs[work], base, strict=True)]
    below = [getattr(item, clock) - less for item, less in zip(costs[floor], base, strict=True)]
    return Spread.of(one / other for one, other in zip(above, below, strict=True))


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))]


def scratch(name: str) -> Path:
    """A directory for generated input, kept from one run of the benchmarks to the next; remove it to start anew."""
    place = Path(tempfile.gettempdir(), f"dlprov-benchmarks-{os.getuid()}", name)
    place.mkdir(parents=True, exist_ok=True)
    return place


def command(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of the benchmarks with this interpreter."""
    return [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]


def environment(**variables: object) -> dict[str, str]:
    """The environment of a child process: this one's, without settings of dlprov but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DLPROV_")}
    return {**kept, **{name: str(value) for name, value in variables.items()}}


def child(module: str, *arguments: object, **variables: object) -> str:
    """What a module of the benchmarks prints in a fresh process."""
    answer = subprocess.run(
        command(module, *arguments), env=environment(**variables), stdout=subprocess.PIPE, check=True, text=True
    )
    return answer.stdout
