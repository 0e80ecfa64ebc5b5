"""PROV-JSON (W3C Member Submission, 24 April 2013)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, BinaryIO

import msgspec

from dlprov.graph.statements import Literal, Name, Statement, Value
from dlprov.graph.writers.names import given, reference
from dlprov.store.things import DLPROV

_IN_MEMORY = 1 << 22
"""Bytes of one kind of statements that are kept in memory."""

_encode = msgspec.json.Encoder().encode


def write(statements: Iterable[Statement], target: BinaryIO) -> None:
    """Write a document, a statement a line; see :data:`dlprov.graph.formats.Writer`.

    PROV-JSON sorts statements by their kind, so each kind waits in a file of its own until all are known. Relations
    have identifiers of blank nodes, which count them all.
    """
    with ExitStack() as stack:
        groups: dict[str, BinaryIO] = {}
        relations = 0
        for statement in statements:
            if statement.id:
                name = reference(statement.id)
            else:
                relations += 1
                name = f"_:id{relations}"
            group = groups.get(statement.kind)
            if group is None:
                group = groups[statement.kind] = stack.enter_context(_waiting())
            else:
                group.write(b",\n")
            group.write(_encode(name) + b": " + _encode(_members(statement)))
        target.write(b'{\n"prefix": ' + _encode({"dlprov": DLPROV}))
        for kind, group in groups.items():
            target.write(b',\n"' + kind.encode() + b'": {\n')
            group.seek(0)
            shutil.copyfileobj(group, target)
            target.write(b"\n}")
        target.write(b"\n}\n")


def _waiting() -> Any:
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, prefix="dlprov-")


def _members(statement: Statement) -> dict[str, Any]:
    members: dict[str, Any] = {f"prov:{name}": value for name, value in given(statement)}
    for name, value in statement.attributes:
        key, told = str(name), _value(value)
        if key not in members:
            members[key] = told
        elif isinstance(members[key], list):
            members[key].append(told)
        else:
            members[key] = [members[key], told]
    return members


def _value(value: Value) -> Any:
    if isinstance(value, Name):
        return {"$": str(value), "type": "xsd:QName"}
    if isinstance(value, Literal):
        if value.datatype == "boolean":
            return value.text == "true"
        # The schema wants a text here, of numbers too.
        return {"$": value.text, "type": f"xsd:{value.datatype}"}
    return value
