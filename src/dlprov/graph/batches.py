"""A property graph in batches that are alike: what one statement of Cypher can add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dlprov.graph.property_graph import Node, Relationship


class Batch(NamedTuple):
    """Nodes of one label, or relationships of one type between nodes of the same labels.

    Attributes:
        name: The label or the type.
        ends: Labels of the nodes that relationships go from and to; ``None`` for nodes.
        rows: Maps with ``id`` and ``properties``, of relationships with ``start`` and ``end``, too: identifiers.
    """

    name: str
    ends: tuple[str, str] | None
    rows: list[dict[str, Any]]


def batches(graph: Iterable[Node | Relationship], size: int) -> Iterator[Batch]:
    """The graph in batches of at most ``size``; a node comes before the relationships that it has."""
    nodes: dict[str, list[dict[str, Any]]] = {}
    relationships: dict[tuple[str, tuple[str, str]], list[dict[str, Any]]] = {}
    for thing in graph:
        if isinstance(thing, Node):
            group = nodes.setdefault(thing.label, [])
            group.append({"id": thing.identifier, "properties": thing.properties})
            if len(group) == size:
                yield Batch(thing.label, None, nodes.pop(thing.label))
            continue
        ends = (thing.start[0], thing.end[0])
        group = relationships.setdefault((thing.type, ends), [])
        told = {"start": thing.start[1], "end": thing.end[1], "properties": thing.properties}
        group.append({"id": thing.identifier, **told})
        if len(group) == size:
            for label in list(nodes):
                yield Batch(label, None, nodes.pop(label))
            yield Batch(thing.type, ends, relationships.pop((thing.type, ends)))
    for label, rows in nodes.items():
        yield Batch(label, None, rows)
    for (name, ends), rows in relationships.items():
        yield Batch(name, ends, rows)
