"""PROV-O (W3C Recommendation, 30 April 2013) in Turtle.

A relation with more than two arguments, or with attributes, is a node of its own by PROV-O's qualification pattern. Its
plain form stands beside it where ``prov`` reads the two as one statement, and not where it reads them as two. An
association and a delegation always have both: beside a node of another one, ``prov`` takes the plain form for a part of
that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from dlprov.graph.statements import ARGUMENTS, ELEMENTS, PROV, XSD, Literal, Name, Statement, Value
from dlprov.graph.writers.names import is_time, reference
from dlprov.graph.writers.provjsonld import TYPES
from dlprov.store.things import DLPROV

_HEAD = f"""\
@prefix dlprov: <{DLPROV}> .
@prefix prov: <{PROV}> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <{XSD}> .

"""


class _Qualified(NamedTuple):
    """How a relation is written as a node.

    Attributes:
        properties: Those of its arguments but the first and the times.
        is_plain_too: Whether the plain form stands beside the node.
        is_always: Whether it is one even if it has but two arguments.
    """

    properties: dict[str, str]
    is_plain_too: bool = False
    is_always: bool = False


_QUALIFIED = {
    "wasGeneratedBy": _Qualified({"activity": "activity"}),
    "used": _Qualified({"entity": "entity"}),
    "wasInformedBy": _Qualified({"informant": "activity"}, is_plain_too=True),
    "wasStartedBy": _Qualified({"trigger": "entity", "starter": "hadActivity"}),
    "wasDerivedFrom": _Qualified(
        {"usedEntity": "entity", "activity": "hadActivity", "generation": "hadGeneration", "usage": "hadUsage"}
    ),
    "wasAttributedTo": _Qualified({"agent": "agent"}, is_plain_too=True),
    "wasAssociatedWith": _Qualified({"agent": "agent", "plan": "hadPlan"}, is_plain_too=True, is_always=True),
    "actedOnBehalfOf": _Qualified(
        {"responsible": "agent", "activity": "hadActivity"}, is_plain_too=True, is_always=True
    ),
}
"""The relations that PROV-O can qualify."""

_PROPERTIES = {
    "prov:type": "a",
    "prov:label": "rdfs:label",
    "prov:role": "prov:hadRole",
    "startTime": "prov:startedAtTime",
    "endTime": "prov:endedAtTime",
    "time": "prov:atTime",
}

_NEXT = " ;\n    "

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def write(statements: Iterable[Statement], target: BinaryIO) -> None:
    """Write a document; see :data:`dlprov.graph.formats.Writer`."""
    target.write(_HEAD.encode())
    for statement in statements:
        text = _element(statement) if statement.kind in ELEMENTS else _relation(statement)
        target.write(text.encode())


def _element(statement: Statement) -> str:
    told = [f"a prov:{TYPES[statement.kind]}", *_times(statement), *_attributes(statement)]
    return f"{reference(statement.id)} {_NEXT.join(told)} .\n"


def _relation(statement: Statement) -> str:
    first, second, *_ = (statement.arguments.get(name) for name in ARGUMENTS[statement.kind])
    subject = reference(first or "")
    plain = f"{subject} prov:{statement.kind} {reference(second)} .\n" if second else ""
    qualified = _QUALIFIED.get(statement.kind, _Qualified({}))
    if second and len(statement.arguments) == 2 and not statement.attributes and not qualified.is_always:
        return plain
    name = TYPES[statement.kind]
    told = [
        f"a prov:{name}",
        *(
            f"prov:{written} {reference(statement.arguments[argument])}"
            for argument, written in qualified.properties.items()
            if argument in statement.arguments
        ),
        *_times(statement),
        *_attributes(statement),
    ]
    node = f"{subject} prov:qualified{name} [\n    {_NEXT.join(told)} ] .\n"
    return plain + node if qualified.is_plain_too else node


def _times(statement: Statement) -> list[str]:
    return [
        f'{_PROPERTIES[name]} "{text}"^^xsd:dateTime' for name, text in statement.arguments.items() if is_time(name)
    ]


def _attributes(statement: Statement) -> list[str]:
    return [f"{_PROPERTIES.get(str(name), str(name))} {_value(value)}" for name, value in statement.attributes]


def _value(value: Value) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, Literal):
        return f'"{value.text}"^^xsd:{value.datatype}'
    return f'"{value.translate(_ESCAPES)}"'
