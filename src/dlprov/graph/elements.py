"""Elements of sets as entities: which task made them, which ones used them, and what they were derived from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlprov.graph.constraints.components import components
from dlprov.graph.facts import SetOfRun
from dlprov.graph.statements import LABEL, Statement, attributes, own
from dlprov.store.things import element_name

_SERIES = frozenset({"epoch", "epoch_id", "step"})
"""Attributes that number the rows of a series: such rows are measurements, and not derived from what was trained on."""

MOST_DERIVATIONS = 10_000
"""A task that used so many elements and made so many others that there were more pairs of them tells none: which of
them came from which cannot be known, and its usages and generations say the rest."""


class Flow:
    """The elements of one run, taken in one by one, and what its tasks made of what."""

    def __init__(self) -> None:
        self._made: dict[str, list[str]] = {}
        self._used: dict[str, list[tuple[str, list[str]]]] = {}

    def element(self, found: SetOfRun, row: dict[str, Any]) -> Iterator[Statement]:
        """The statements about one element.

        Args:
            found: Its set.
            row: Its row, as :class:`dlprov.graph.facts.Fact` has it.
        """
        name = element_name(row["uuid"])
        number, *values = row["values"].values()
        makers, users = (list(dict.fromkeys(row[key] or ())) for key in ("makers", "users"))
        described = [(LABEL, found.tag), (own("ds_tag"), found.tag), (own("id"), number)]
        described += [(own(key), value) for key, value in zip(found.attributes, values, strict=True)]
        yield Statement("entity", name, {}, attributes(described))
        for task in users:
            yield Statement("used", "", {"activity": task, "entity": name})
            if makers:
                self._used.setdefault(task, []).append((name, makers))
        for task in makers:
            yield Statement("wasGeneratedBy", "", {"entity": name, "activity": task})
            if not _SERIES.intersection(found.attributes):
                self._made.setdefault(task, []).append(name)

    def derivations(self) -> Iterator[Statement]:
        """Elements that a task made are derived from those that it used of other tasks.

        Where tasks use each other's elements in turns, which of them came first is not known: between those tasks
        there are none.
        """
        group = self._groups()
        for task, products in self._made.items():
            sources = dict.fromkeys(
                element
                for element, producers in self._used.get(task, ())
                if all(group[producer] != group[task] for producer in producers)
            )
            if len(sources) * len(products) > MOST_DERIVATIONS:
                continue
            for product in products:
                for source in sources:
                    yield Statement("wasDerivedFrom", "", {"generatedEntity": product, "usedEntity": source})

    def used_anything_of(self, task: str, earlier: str) -> bool:
        """Whether one task used an element that the other one made; tasks by their names."""
        return any(earlier in producers for _, producers in self._used.get(task, ()))

    def _groups(self) -> dict[str, int]:
        producers = (producer for uses in self._used.values() for _, found in uses for producer in found)
        tasks = dict.fromkeys([*self._made, *self._used, *producers])
        numbers = {task: number for number, task in enumerate(tasks)}
        successors: list[set[int]] = [set() for _ in numbers]
        for task, uses in self._used.items():
            successors[numbers[task]] |= {numbers[producer] for _, found in uses for producer in found}
        found = components([sorted(targets) for targets in successors])
        return {task: found[number] for task, number in numbers.items()}
