"""Paths between two sets of a dataflow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dlprov.errors import QueryError

LIMIT = 300_000
"""Steps that the search for the paths of a message may take, which is about a second."""

Path = tuple[str, ...]


class Search:
    """Looks for the paths of one message: from a source to a target, through no set twice.

    Paths come in the order of a depth-first search that takes neighbours in the order given, but the target first,
    and never goes through the target.

    Not every path is given, for there may be more than anyone can list: where the search comes to a set that it
    has left before, and could go on in the same ways, it goes on in the first of them only. The others have been given
    with another beginning. So the sets and links of all paths are those of the paths given, and seen first in the
    same order.

    Args:
        successors: The sets that transformations generate from a set, in order.
        include: A path must contain all of these.
        exclude: A path must contain none of these.
        limit: Steps that all searches together may take.
    """

    def __init__(
        self,
        successors: Mapping[str, Sequence[str]],
        include: Collection[str] = (),
        exclude: Collection[str] = (),
        limit: int = LIMIT,
    ) -> None:
        self._successors = successors
        self._include = frozenset(include)
        self._exclude = frozenset(exclude)
        self._limit = limit
        self._steps = 0

    def paths(self, source: str, target: str) -> Iterator[Path]:
        """The paths from ``source`` to ``target``, as they are found; none if they are the same set.

        Raises:
            QueryError: The search takes more steps than the limit.
        """
        if source == target or not self._exclude.isdisjoint((source, target)):
            return
        graph = _between(self._successors, source, target, self._exclude)
        if source in graph and self._include.issubset(graph):
            yield from self._found(source, target, graph)

    def _found(self, source: str, target: str, graph: Mapping[str, Sequence[str]]) -> Iterator[Path]:
        returns = _returns(graph)
        backwards = _reversed(graph)
        before = {node: _closure([node], backwards.__getitem__) for node in self._include}
        known: dict[object, Path | None] = {}
        path = [source]

        def state() -> object:
            """What decides in which ways the search can go on: the set, and what it could run into.

            Not which sets are missing: those that it could not reach any more are no reason to go on at all.
            """
            return path[-1], returns.get(path[-1], frozenset()).intersection(path)

        visits = [_Visit(state(), iter(graph[source]))]
        while visits:
            visit = visits[-1]
            following = next(visit.following, None)
            self._count(source, target)
            if following is None:
                known[visit.state] = visit.first
                visits.pop()
                left = path.pop()
                if visits and visit.first:
                    visits[-1].first = visits[-1].first or (left, *visit.first)
            elif following == target:
                if self._include.issubset((*path, target)):
                    visit.first = (target,)
                    yield (*path, target)
            elif following not in path and all(following in before[node] for node in self._include.difference(path)):
                path.append(following)
                arrived = state()
                if arrived not in known:
                    visits.append(_Visit(arrived, iter(graph[following])))
                    continue
                path.pop()
                if suffix := known[arrived]:
                    visit.first = visit.first or (following, *suffix)
                    yield (*path, following, *suffix)

    def _count(self, source: str, target: str) -> None:
        self._steps += 1
        if self._steps > self._limit:
            raise QueryError(
                f"the search for paths from {source} to {target} was given up after {self._limit:,} steps, its limit: "
                "exclude(…) sets, or name sources and targets that are nearer to each other"
            )


@dataclass
class _Visit:
    """A set on the path that is being looked at: the neighbours to come, and its first way to the target."""

    state: object
    following: Iterator[str]
    first: Path | None = None


def _between(
    successors: Mapping[str, Sequence[str]], source: str, target: str, exclude: frozenset[str]
) -> dict[str, list[str]]:
    """What lies on ways from ``source`` to ``target``, which end there; ``target`` comes first of all neighbours."""

    def ahead(node: str) -> Iterable[str]:
        return () if node == target else (found for found in successors.get(node, ()) if found not in exclude)

    reached = _closure([source], ahead)
    backwards = _reversed({node: tuple(ahead(node)) for node in reached})
    useful = _closure([target], lambda node: backwards.get(node, ())) & reached
    graph = {}
    for node in useful:
        kept = [following for following in ahead(node) if following in useful]
        graph[node] = sorted(kept, key=lambda following: following != target)
    return graph


def _reversed(graph: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The graph with its links turned round."""
    turned: dict[str, list[str]] = {node: [] for node in graph}
    for node, neighbours in graph.items():
        for following in neighbours:
            turned[following].append(node)
    return turned


def _returns(graph: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """For each set on a cycle, and some that follow: the sets that are reached from it. Few dataflows have any."""
    waiting = dict.fromkeys(graph, 0)
    for node in graph:
        for following in graph[node]:
            waiting[following] += 1
    free = [node for node, count in waiting.items() if not count]
    while free:
        node = free.pop()
        del waiting[node]
        for following in graph[node]:
            waiting[following] -= 1
            if not waiting[following]:
                free.append(following)
    return {node: frozenset(_closure(graph[node], graph.__getitem__)) for node in waiting}


def _closure(start: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    """``start`` and all that is reached from there."""
    found = set(start)
    waiting = list(found)
    while waiting:
        for node in neighbours(waiting.pop()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found
