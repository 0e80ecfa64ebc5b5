"""Nodes and relationships into a database of the engine, by the thousand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

AT_A_TIME = 5_000
"""Nodes, and relationships, that are handed over at a time."""


def load(database: Any, lines: Iterable[list[Any]]) -> None:
    """Take in a graph.

    Args:
        database: The engine's database, with all types.
        lines: Nodes as ``[identifier, label, properties]`` and relationships as ``[identifier, type, start, end,
            properties]``, where a node comes before the relationships that it has.
    """
    places: dict[str, str] = {}
    nodes: list[list[Any]] = []
    relationships: list[list[Any]] = []
    with database.graph_batch() as batch:

        def flush() -> None:
            by_label: dict[str, list[tuple[str, dict[str, Any]]]] = {}
            for identifier, label, properties in nodes:
                by_label.setdefault(label, []).append((identifier, properties))
            for label, found in by_label.items():
                created = batch.create_vertices(label, [properties for _, properties in found])
                places.update(zip((identifier for identifier, _ in found), created, strict=True))
            by_type: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
            for _, name, start, end, properties in relationships:
                by_type.setdefault(name, []).append((places[start], places[end], properties))
            for name, edges in by_type.items():
                starts, ends, told = zip(*edges, strict=True)
                batch.new_edges(starts, name, ends, told)
            nodes.clear()
            relationships.clear()

        for line in lines:
            (nodes if len(line) == 3 else relationships).append(line)
            if max(len(nodes), len(relationships)) >= AT_A_TIME:
                flush()
        flush()
