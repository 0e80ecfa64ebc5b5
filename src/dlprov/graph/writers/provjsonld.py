"""PROV-JSONLD (W3C Member Submission, 25 August 2024): JSON-LD whose triples are PROV-O's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

import msgspec

from dlprov.graph.statements import Literal, Name, Statement, Value
from dlprov.graph.writers.names import given, reference
from dlprov.store.things import DLPROV

CONTEXT = "https://openprovenance.org/prov-jsonld/context.jsonld"
"""Where the submission says what its terms mean."""

TYPES = {
    "entity": "Entity",
    "activity": "Activity",
    "agent": "Agent",
    "wasGeneratedBy": "Generation",
    "used": "Usage",
    "wasInformedBy": "Communication",
    "wasStartedBy": "Start",
    "wasDerivedFrom": "Derivation",
    "wasAttributedTo": "Attribution",
    "wasAssociatedWith": "Association",
    "actedOnBehalfOf": "Delegation",
    "specializationOf": "Specialization",
}
"""PROV's names of the kinds of statements."""

_TERMS = {"prov:type": "type", "prov:label": "label", "prov:role": "role"}

_encode = msgspec.json.Encoder().encode


def write(statements: Iterable[Statement], target: BinaryIO) -> None:
    """Write a document, a statement a line; see :data:`dlprov.graph.formats.Writer`."""
    target.write(b'{"@context": ' + _encode([{"dlprov": DLPROV}, CONTEXT]) + b',\n"@graph": [')
    separator = b"\n"
    for statement in statements:
        target.write(separator + _encode(_members(statement)))
        separator = b",\n"
    target.write(b"\n]}\n")


def _members(statement: Statement) -> dict[str, Any]:
    members: dict[str, Any] = {"@type": TYPES[statement.kind]}
    if statement.id:
        members["@id"] = reference(statement.id)
    members.update(given(statement))
    for name, value in statement.attributes:
        term = _TERMS.get(str(name), str(name))
        members.setdefault(term, []).append(_value(value, term))
    return members


def _value(value: Value, term: str) -> Any:
    if isinstance(value, Name):
        # The context says that types are names.
        return str(value) if term == "type" else {"@value": str(value), "@type": "xsd:QName"}
    if isinstance(value, Literal):
        return {"@value": value.text, "@type": f"xsd:{value.datatype}"}
    return {"@value": value}
