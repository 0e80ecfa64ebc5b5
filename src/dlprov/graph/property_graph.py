"""PROV statements as a property graph: nodes with one label, and relationships between two nodes.

Labels, types, directions and property keys are those of DLProv's Neo4j graphs, so that the Cypher of its users runs
unchanged. A relationship goes from the first formal argument of its statement to the second one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dlprov.graph.statements import ARGUMENTS, ELEMENTS, KIND_OF, TIMES, Literal, Name, Statement, Value
from dlprov.log.identifiers import derived_id
from dlprov.store.things import DLPROV, iri_of

Scalar = str | int | float | bool
Property = Scalar | list[Scalar]
"""What a property has. Names and times are text; of an attribute with several values, they are a list."""

IDENTIFIER = "meta:identifier"
"""What things are told apart by: the IRI of a node, and for a relationship one that is made of its statement."""

ORIGINAL = "meta:identifier_original"
"""The property with a thing's name in the document, such as ``dlprov:task-…``."""

LABELS = {"entity": "Entity", "activity": "Activity", "agent": "Agent"}
"""The label of each kind of element."""

RELATIONSHIPS = tuple(kind for kind in ARGUMENTS if kind not in ELEMENTS)
"""The types of relationships."""

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
"""The lexical forms of ``xsd:boolean``."""

_WHOLE = frozenset({"int", "long", "integer", "short", "byte"})


class Node(NamedTuple):
    """A node.

    Attributes:
        identifier: Its IRI, which is also its property :data:`IDENTIFIER`.
        label: ``Entity``, ``Activity`` or ``Agent``.
        properties: By key, the bookkeeping ones included.
    """

    identifier: str
    label: str
    properties: dict[str, Property]


class Relationship(NamedTuple):
    """A relationship.

    Attributes:
        identifier: What tells it from others; a statement that is made again gives the same one.
        type: The name of its statement in PROV-N.
        start: Label and identifier of the node that it goes from.
        end: Label and identifier of the node that it goes to.
        properties: By key, the bookkeeping ones included.
    """

    identifier: str
    type: str
    start: tuple[str, str]
    end: tuple[str, str]
    properties: dict[str, Property]


def property_graph(statements: Iterable[Statement]) -> Iterator[Node | Relationship]:
    """The graph that statements describe: every node once, before the relationships that it has.

    A thing that is only spoken of, such as the run that started another one and is not in the document, is a node
    without properties of its own.

    Args:
        statements: Each thing once, and before it is spoken of or not at all.
    """
    labels: dict[str, str] = {}
    for statement in statements:
        if statement.kind in LABELS:
            label = labels[statement.id] = LABELS[statement.kind]
            yield _node(statement.id, label, _told(statement))
            continue
        ends = [
            (name, statement.arguments[name])
            for name in ARGUMENTS[statement.kind]
            if name in statement.arguments and name not in TIMES
        ][:2]
        if len(ends) < 2:
            continue  # "Something was used" has one end, and an edge has two.
        for name, thing in ends:
            if thing not in labels:
                labels[thing] = LABELS[KIND_OF.get(name, "entity")]
                yield _node(thing, labels[thing], {})
        (_, first), (_, second) = ends
        yield _relationship(statement, (labels[first], iri_of(first)), (labels[second], iri_of(second)))


def _node(name: str, label: str, told: dict[str, Property]) -> Node:
    iri = iri_of(name)
    bookkeeping: dict[str, Property] = {
        IDENTIFIER: iri,
        ORIGINAL: _reference(name),
        "meta:prov_type": f"prov:{label}",
    }
    return Node(iri, label, {**bookkeeping, **told})


def _relationship(statement: Statement, start: tuple[str, str], end: tuple[str, str]) -> Relationship:
    told = _told(statement)
    # Two relations with the same arguments differ by their attributes: one array was used in two roles.
    words = [word for pair in sorted((key, repr(value)) for key, value in told.items()) for word in pair]
    iri = f"{DLPROV}{statement.kind}-{derived_id(statement.kind, *words)}"
    return Relationship(iri, statement.kind, start, end, {**told, IDENTIFIER: iri})


def _reference(name: str) -> str:
    """A thing in a property: by its qualified name if it is one of ours, else by its IRI."""
    return name if ":" in name else f"dlprov:{name}"


def _told(statement: Statement) -> dict[str, Property]:
    """Formal arguments and attributes as properties."""
    found: dict[str, Property] = {
        f"prov:{name}": text if name in TIMES else _reference(text) for name, text in statement.arguments.items()
    }
    several: dict[str, dict[tuple[type, Scalar], None]] = {}
    for name, value in statement.attributes:
        told = scalar(value)
        several.setdefault(str(name), {})[type(told), told] = None
    for key, group in several.items():
        values = [told for _, told in group]
        found[key] = values[0] if len(values) == 1 else _alike(values)
    return found


def scalar(value: Value) -> Scalar:
    """An attribute's value as a graph database holds it: numbers and truth values as such, all others as text.

    A whole number of more than 64 bits is text, since no graph database holds it.
    """
    if isinstance(value, Name):
        return str(value)
    if not isinstance(value, Literal):
        return value
    try:
        if value.datatype in _WHOLE and -(2**63) <= int(value.text) < 2**63:
            return int(value.text)
        if value.datatype in ("double", "float"):
            # Python's spelling of infinity has more letters, and it reads XML Schema's too.
            return float(value.text)
    except ValueError:
        return value.text  # Documents of others call numbers what is none.
    return _TRUTH.get(value.text, value.text) if value.datatype == "boolean" else value.text


def _alike(values: list[Scalar]) -> list[Scalar]:
    """The values of a list: graph databases want them of one type."""
    return values if len({type(value) for value in values}) == 1 else [str(value) for value in values]
