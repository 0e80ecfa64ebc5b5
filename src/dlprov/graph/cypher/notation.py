"""Nodes, relationships and paths for people: in Cypher's own notation, and shorter than JSON."""

from __future__ import annotations

import json
from typing import Any

from dlprov.graph.property_graph import ORIGINAL
from dlprov.query import Result


def readable(result: Result) -> Result:
    """The answer of a graph question with text instead of JSON.

    The nodes of a path have the label that people gave them: ``(otest:Entity)-[:wasGeneratedBy]->(test:Activity)``.
    Nodes and relationships that stand alone have all properties but the bookkeeping ones.
    """
    is_json = [kind == "JSON" for kind in result.types]
    if not any(is_json):
        return result
    rows = [
        [_text(value) if parsed and value is not None else value for value, parsed in zip(row, is_json, strict=True)]
        for row in result.rows()
    ]
    types = ("VARCHAR" if parsed else kind for kind, parsed in zip(result.types, is_json, strict=True))
    return Result.of_rows(dict(zip(result.columns, types, strict=True)), rows, result.sql)


def _text(value: str) -> str:
    return _shown(json.loads(value), value)


def _shown(parsed: Any, otherwise: str) -> str:
    if isinstance(parsed, list):
        return f"[{', '.join(_shown(item, _literal(item)) for item in parsed)}]"
    found = _SHOWN.get(frozenset(parsed)) if isinstance(parsed, dict) else None
    try:
        return found(parsed) if found is not None else otherwise
    except (AttributeError, IndexError, KeyError, TypeError):
        return otherwise  # a map that the question made, with these keys and other values


def _node(node: dict[str, Any]) -> str:
    return f"({''.join(f':{label}' for label in node['labels'])}{_properties(node)})"


def _relationship(relationship: dict[str, Any]) -> str:
    return f"[:{relationship['type']}{_properties(relationship)}]"


def _properties(thing: dict[str, Any]) -> str:
    told = [f"{key}: {_literal(value)}" for key, value in thing["properties"].items() if not key.startswith("meta:")]
    return f" {{{', '.join(told)}}}" if told else ""


def _path(path: dict[str, Any]) -> str:
    nodes = path["nodes"]
    parts = [_brief(nodes[0])]
    for before, relationship, after in zip(nodes, path["relationships"], nodes[1:], strict=False):
        name = f"[:{relationship['type']}]"
        forward = relationship["start"] == before["properties"].get(ORIGINAL)
        parts += [f"-{name}->" if forward else f"<-{name}-", _brief(after)]
    return "".join(parts)


def _brief(node: dict[str, Any]) -> str:
    properties = node["properties"]
    named = properties.get("prov:label") or properties.get(ORIGINAL, "")
    return f"({named}:{':'.join(node['labels'])})"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_SHOWN = {
    frozenset({"labels", "properties"}): _node,
    frozenset({"type", "start", "end", "properties"}): _relationship,
    frozenset({"nodes", "relationships"}): _path,
}
"""How nodes, relationships and paths are shown, by the keys of their JSON."""
