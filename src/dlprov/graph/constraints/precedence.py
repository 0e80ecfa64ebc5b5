"""A graph of events, and the cycles in it that no history can have."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

from dlprov.graph.constraints.components import components
from dlprov.graph.constraints.statements import Statement

Event = Hashable


class Step(NamedTuple):
    """``before`` happens before ``after`` (``is_strict``), or at the same time at the latest."""

    before: Event
    after: Event
    is_strict: bool
    constraint: int
    statement: Statement | None


class Precedence:
    """Which event precedes which. A cycle is fine, as long as all its events can be simultaneous."""

    def __init__(self) -> None:
        self._numbers: dict[Event, int] = {}
        self._steps: list[list[tuple[int, Step]]] = []

    def add(
        self,
        before: Event,
        after: Event,
        constraint: int,
        statement: Statement | None = None,
        *,
        is_strict: bool = False,
    ) -> None:
        """``before`` precedes ``after``, says ``constraint`` about ``statement``."""
        step = Step(before, after, is_strict, constraint, statement)
        self._steps[self._number(before)].append((self._number(after), step))

    def events(self) -> list[Event]:
        """All events, in the order in which they were added."""
        return list(self._numbers)

    def impossible(self) -> list[list[Step]]:
        """Cycles with a strict step: one, a shortest one, for each group of events that precede each other."""
        group = components([[target for target, _ in steps] for steps in self._steps])
        found: list[list[Step]] = []
        done: set[int] = set()
        for number, steps in enumerate(self._steps):
            for target, step in steps:
                if step.is_strict and group[number] == group[target] and group[number] not in done:
                    done.add(group[number])
                    found.append([step, *self._way(target, number, group)])
        return found

    def _number(self, event: Event) -> int:
        number = self._numbers.get(event)
        if number is None:
            number = self._numbers[event] = len(self._steps)
            self._steps.append([])
        return number

    def _way(self, start: int, goal: int, group: list[int]) -> list[Step]:
        """A shortest way from one event to another of its group."""
        came: dict[int, tuple[int, Step] | None] = {start: None}
        waiting = deque([start])
        while waiting and goal not in came:
            number = waiting.popleft()
            for target, step in self._steps[number]:
                if target not in came and group[target] == group[start]:
                    came[target] = (number, step)
                    waiting.append(target)
        way: list[Step] = []
        number = goal
        while (last := came[number]) is not None:
            number = last[0]
            way.append(last[1])
        return way[::-1]
