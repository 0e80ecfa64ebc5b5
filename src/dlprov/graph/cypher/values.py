"""The engine's values as cells: what a cell is, and its value in JSON's types."""

from __future__ import annotations

import json
from typing import Any

from dlprov.graph.property_graph import ORIGINAL
from dlprov.log.values import encode_float

Cell = list[Any] | None
"""A kind and a value: ``b`` a truth value, ``i`` a whole number, ``f`` a number, ``s`` text, and ``j`` the JSON text of
a node, relationship, path, list or map. Null is ``None``."""


class Values:
    """Turns the values of one answer into cells. Nodes and relationships that come again are turned once."""

    def __init__(self) -> None:
        import jpype  # noqa: PLC0415 - Java runs only in the process of the engine

        java = jpype.JClass
        self._vertex = java("com.arcadedb.graph.Vertex")
        self._edge = java("com.arcadedb.graph.Edge")
        self._path = java("com.arcadedb.query.opencypher.traversal.TraversalPath")
        self._map = java("java.util.Map")
        self._collection = java("java.util.Collection")
        self._boolean = java("java.lang.Boolean")
        self._whole = tuple(java(f"java.lang.{name}") for name in ("Long", "Integer", "Short", "Byte"))
        self._number = java("java.lang.Number")
        self._known: dict[str, str] = {}

    def cell(self, value: Any) -> Cell:
        """One value of a row."""
        plain = self._scalar(value)
        if plain is None:
            return None if value is None else ["j", self._text(value)]
        for kind, type_ in (("b", bool), ("i", int), ("f", float)):
            if isinstance(plain, type_):
                return [kind, plain]
        return ["s", plain]

    def _scalar(self, value: Any) -> bool | int | float | str | None:
        """A value that has no parts; ``None`` for all others, and for null."""
        if value is None or isinstance(value, (self._vertex, self._edge, self._path, self._map, self._collection)):
            return None
        if isinstance(value, bool | self._boolean):
            return bool(value)
        if isinstance(value, self._whole):
            return int(value)
        if isinstance(value, self._number):
            return float(value.doubleValue())
        return str(value)

    def _text(self, value: Any) -> str:
        """A value as JSON."""
        plain = self._scalar(value)
        if value is None or plain is not None:
            return json.dumps(encode_float(plain) if isinstance(plain, float) else plain, ensure_ascii=False)
        if isinstance(value, self._path):
            nodes = ", ".join(self._text(node) for node in value.getVertices())
            relationships = ", ".join(self._text(edge) for edge in value.getEdges())
            return f'{{"nodes": [{nodes}], "relationships": [{relationships}]}}'
        if isinstance(value, self._map):
            return self._object((str(entry.getKey()), entry.getValue()) for entry in value.entrySet())
        if isinstance(value, self._collection):
            return f"[{', '.join(self._text(item) for item in value)}]"
        place = str(value.getIdentity())
        if place not in self._known:
            self._known[place] = self._node(value) if isinstance(value, self._vertex) else self._relationship(value)
        return self._known[place]

    def _node(self, vertex: Any) -> str:
        return f'{{"labels": [{json.dumps(str(vertex.getTypeName()))}], "properties": {self._properties(vertex)}}}'

    def _relationship(self, edge: Any) -> str:
        ends = (str(vertex.get(ORIGINAL)) for vertex in (edge.getOutVertex(), edge.getInVertex()))
        start, end = map(json.dumps, ends)
        name = json.dumps(str(edge.getTypeName()))
        return f'{{"type": {name}, "start": {start}, "end": {end}, "properties": {self._properties(edge)}}}'

    def _properties(self, thing: Any) -> str:
        found = ((str(entry.getKey()), entry.getValue()) for entry in thing.propertiesAsMap().entrySet())
        return self._object(sorted(found, key=lambda pair: pair[0]))

    def _object(self, pairs: Any) -> str:
        return (
            "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {self._text(told)}" for key, told in pairs) + "}"
        )
