"""Cypher statements that make the property graph in a database to which one has no access oneself.

They are for ``cypher-shell --file`` or a browser, and can be run again: what is there already is found by its
``meta:identifier``. Each statement is one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, BinaryIO

from dlprov.graph.batches import Batch, batches
from dlprov.graph.property_graph import IDENTIFIER, LABELS, Property, Scalar, property_graph
from dlprov.graph.statements import Statement

AT_A_TIME = 100
"""Nodes or relationships in one statement."""

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def write(statements: Iterable[Statement], target: BinaryIO) -> None:
    """Write a document, a statement a line; see :data:`dlprov.graph.formats.Writer`."""
    target.writelines(f"{constraint(label)};\n".encode() for label in LABELS.values())
    made = batches(property_graph(statements), AT_A_TIME)
    target.writelines(f"{merge(batch, literal(batch.rows))};\n".encode() for batch in made)


def constraint(label: str) -> str:
    """The statement that makes the nodes of a label unique by their identifier, and quick to find."""
    name = f"dlprov_{label.lower()}_identifier"
    return f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{quoted(label)}) REQUIRE n.{quoted(IDENTIFIER)} IS UNIQUE"


def merge(batch: Batch, rows: str) -> str:
    """The statement that adds nodes or relationships, or brings those up to date that are there.

    Args:
        batch: What they have in common.
        rows: A list of maps in Cypher, or the parameter that holds them.
    """
    key = quoted(IDENTIFIER)
    if batch.ends is None:
        return (
            f"UNWIND {rows} AS row MERGE (n:{quoted(batch.name)} {{{key}: row.id}}) SET n += row.properties "
            "RETURN count(n) AS made"
        )
    start, end = map(quoted, batch.ends)
    return (
        f"UNWIND {rows} AS row MATCH (a:{start} {{{key}: row.start}}) MATCH (b:{end} {{{key}: row.end}}) "
        f"MERGE (a)-[r:{quoted(batch.name)} {{{key}: row.id}}]->(b) SET r += row.properties RETURN count(r) AS made"
    )


def quoted(name: str) -> str:
    """A label, type or property key."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: Property | dict[str, Any] | list[Any]) -> str:
    """A value in Cypher."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {literal(told)}" for key, told in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return _scalar(value)


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # The least number has a magnitude that is no number.
        return str(value) if value > -(2**63) else f"({value + 1} - 1)"
    if isinstance(value, float):
        if math.isfinite(value):
            # Cypher has no plus in an exponent.
            return repr(value).replace("e+", "e")
        return "(0.0 / 0.0)" if math.isnan(value) else "(1.0 / 0.0)" if value > 0 else "(-1.0 / 0.0)"
    # Neo4j takes \u for a character before it looks for escaped backslashes: the two letters are kept apart.
    return "'" + value.translate(_ESCAPES).replace("\\u", "\\' + 'u") + "'"
