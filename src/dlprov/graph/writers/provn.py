"""PROV-N (W3C Recommendation, 30 April 2013)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from dlprov.graph.statements import ARGUMENTS, Literal, Name, Statement, Value
from dlprov.graph.writers.names import is_time, reference
from dlprov.store.things import DLPROV


def write(statements: Iterable[Statement], target: BinaryIO) -> None:
    """Write a document, a statement a line; see :data:`dlprov.graph.formats.Writer`."""
    target.write(f"document\n  prefix dlprov <{DLPROV}>\n\n".encode())
    target.writelines(f"  {text_of(statement)}\n".encode() for statement in statements)
    target.write(b"endDocument\n")


def text_of(statement: Statement) -> str:
    """One statement."""
    parts = [reference(statement.id)] if statement.id else []
    for name in ARGUMENTS[statement.kind]:
        argument = statement.arguments.get(name)
        parts.append("-" if argument is None else argument if is_time(name) else reference(argument))
    if statement.attributes:
        pairs = (f"{name}={_value(value)}" for name, value in statement.attributes)
        parts.append(f"[{', '.join(pairs)}]")
    return f"{statement.kind}({', '.join(parts)})"


def _value(value: Value) -> str:
    if isinstance(value, Name):
        return f"'{value}'"
    if isinstance(value, Literal):
        # An integer without a type is an xsd:int.
        return value.text if value.datatype == "int" else f'"{value.text}" %% xsd:{value.datatype}'
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""' if "\n" in escaped else f'"{escaped}"'
