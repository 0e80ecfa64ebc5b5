"""From statements to what a picture shows: things and relations, with long series folded into one node."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from dlprov.graph.statements import ELEMENTS, KIND_OF, LABEL, TYPE, Name, Statement, Value, own

SERIES = 3
"""As many like things are a series, which is drawn as one node."""

ENDS: dict[str, tuple[str, ...]] = {
    "wasGeneratedBy": ("entity", "activity"),
    "used": ("activity", "entity"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger", "starter"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent"),
    "actedOnBehalfOf": ("delegate", "responsible"),
    "specializationOf": ("specificEntity", "generalEntity"),
}
"""The arguments that an arrow leads from and to: from the later to the earlier. Of several, the first given."""

METRIC = str(own("Metric"))

NUMBER = re.compile(r"(?:(?<!\w)[-+])?\d+(?:\.\d+)*(?:e[-+]?\d+)?")
"""What may differ in the names of a series."""


class Node(NamedTuple):
    """One thing, or a series of like things.

    Attributes:
        id: The identifier of the first thing.
        kind: ``entity``, ``activity`` or ``agent``.
        members: What is said about each thing, in order; a thing that is only spoken of has no attributes.
    """

    id: str
    kind: str
    members: tuple[Statement, ...]


class Edge(NamedTuple):
    """A relation between two nodes, by their identifiers: from the later to the earlier."""

    kind: str
    tail: str
    head: str


class Picture(NamedTuple):
    """What is drawn, in the order of the statements."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class _Things:
    """Everything that statements speak of."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.said: dict[str, Statement] = {}
        self.edges: dict[Edge, None] = {}
        self.names: dict[str, str] = {}
        self.around: dict[str, list[tuple[str, bool, str]]] = {}
        for statement in statements:
            if statement.kind in ELEMENTS:
                # A thing may be spoken of before it is described.
                known = self.said.get(statement.id)
                if known is None or not known.attributes:
                    self.said[statement.id] = statement
            elif statement.kind in ENDS:
                self._relation(statement)
        for name, label in self.names.items():
            if value_of(self.said[name], LABEL) is None:
                said = self.said[name]
                self.said[name] = said._replace(attributes=(*said.attributes, (LABEL, label)))
        for edge in self.edges:
            self.around.setdefault(edge.tail, []).append((edge.kind, True, edge.head))
            self.around.setdefault(edge.head, []).append((edge.kind, False, edge.tail))

    def _relation(self, statement: Statement) -> None:
        path = value_of(statement, own("path"))
        if path is not None and statement.kind == "used":
            # The content of a file has no name of its own; who used it called it so.
            self.names.setdefault(statement.arguments["entity"], str(path).rpartition("/")[2])
        given = [name for name in ENDS[statement.kind] if statement.arguments.get(name)]
        if len(given) < 2:
            return
        tail, head = (statement.arguments[name] for name in given[:2])
        for name, end in zip(given, (tail, head), strict=False):
            self.said.setdefault(end, Statement(KIND_OF.get(name, "entity"), end, {}))
        self.edges[Edge(statement.kind, tail, head)] = None

    def run_of(self, activity: str) -> str:
        """The run that an activity belongs to: what it was informed by first is its run, or belongs to it."""
        seen = set()
        while activity not in seen and value_of(self.said[activity], own("run_id")) is None:
            seen.add(activity)
            informants = (
                other for kind, out, other in self.around.get(activity, ()) if out and kind == "wasInformedBy"
            )
            activity = next(informants, activity)
        return activity


def fold(statements: Iterable[Statement], *, unfold: bool = False) -> Picture:
    """What a picture of statements shows.

    A series is three or more things of the same kind and name (names that differ in numbers alone are the same) in the
    same place: tasks of one run; entities that one task, or one series of tasks, made; entities that nobody made, with
    the same relations. What is true of one of them is drawn as true of the series. Metrics of one task are a series
    whatever their names. The content of a file or array that one copy alone has is not drawn beside the copy.

    Args:
        statements: Statements in any order.
        unfold: Draw everything.
    """
    things = _Things(statements)
    if unfold:
        return _picture(things, {name: name for name in things.said})
    hidden = {name for name in things.said if _is_content_of_one(things, name)}
    first = {name: name for name in things.said if name not in hidden}
    first |= _series({name: _place(things, name) for name in first if things.said[name].kind == "activity"})
    places = {name: _origin(things, name, first) for name in first if things.said[name].kind == "entity"}
    first |= _series(places)
    return _picture(things, first)


def _picture(things: _Things, first: Mapping[str, str]) -> Picture:
    members: dict[str, list[Statement]] = {}
    for name, node in first.items():
        members.setdefault(node, []).append(things.said[name])
    nodes = tuple(Node(name, found[0].kind, tuple(found)) for name, found in members.items())
    edges: dict[Edge, None] = {}
    for kind, tail, head in things.edges:
        # Within a series, an arrow would lead from the node to itself.
        if tail in first and head in first and (tail == head or first[tail] != first[head]):
            edges[Edge(kind, first[tail], first[head])] = None
    return Picture(nodes, tuple(edges))


def _series(places: Mapping[str, Hashable]) -> dict[str, str]:
    """The first thing of each series by the names of its things."""
    found: dict[Hashable, list[str]] = {}
    for name, place in places.items():
        found.setdefault(place, []).append(name)
    return {name: names[0] for names in found.values() if len(names) >= SERIES for name in names}


def _is_content_of_one(things: _Things, name: str) -> bool:
    around = things.around.get(name, ())
    return len(around) == 1 and around[0][:2] == ("specializationOf", False)


def _alike(statement: Statement) -> Hashable:
    """Equal for things that could be parts of one series."""
    types = tuple(str(value) for key, value in statement.attributes if key == TYPE)
    if METRIC in types:
        return statement.kind, types, "", ""
    return statement.kind, types, NUMBER.sub("#", title(statement)), str(value_of(statement, own("name")))


def _place(things: _Things, activity: str) -> Hashable:
    run = things.run_of(activity)
    # Runs are what a picture is about.
    return activity if run == activity else (_alike(things.said[activity]), run)


def _origin(things: _Things, entity: str, first: Mapping[str, str]) -> Hashable:
    """Where an entity comes from: who made it, else everything around it."""
    around = things.around.get(entity, ())
    made = frozenset(first[other] for kind, out, other in around if out and kind == "wasGeneratedBy")
    if made:
        return _alike(things.said[entity]), made
    others = (
        (kind, out, _alike(things.said[other]) if things.said[other].kind == "entity" else first[other])
        for kind, out, other in around
        if other in first
    )
    return _alike(things.said[entity]), frozenset(others)


def value_of(statement: Statement, name: Name) -> Value | None:
    """The first value of an attribute."""
    return next((value for key, value in statement.attributes if key == name), None)


def title(statement: Statement) -> str:
    """What a thing is called: its label, else the first part of its identifier."""
    label = value_of(statement, LABEL)
    if isinstance(label, str) and label.strip():
        return label
    return str(getattr(label, "text", "")) or statement.id.partition("-")[0]
