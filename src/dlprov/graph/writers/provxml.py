"""PROV-XML (W3C Working Group Note, 30 April 2013)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO
from xml.sax.saxutils import escape

from dlprov.graph.statements import PROV, Literal, Name, Statement, Value
from dlprov.graph.writers.names import given, is_time, reference
from dlprov.store.things import DLPROV

# Beside PROV's own, the schema names XML Schema's namespace without the # of the other formats.
_HEAD = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<prov:document xmlns:prov="{PROV}" xmlns:dlprov="{DLPROV}"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
"""

_ORDER = {"prov:label": 0, "prov:location": 1, "prov:role": 2, "prov:type": 3}
"""The schema's order of attributes; all others come behind them."""

_UNSAFE = re.compile("[<>&]")


def write(statements: Iterable[Statement], target: BinaryIO) -> None:
    """Write a document; see :data:`dlprov.graph.formats.Writer`."""
    target.write(_HEAD.encode())
    target.writelines(_element(statement).encode() for statement in statements)
    target.write(b"</prov:document>\n")


def _element(statement: Statement) -> str:
    identifier = f' prov:id="{reference(statement.id)}"' if statement.id else ""
    lines = [
        f"    <prov:{name}>{text}</prov:{name}>\n" if is_time(name) else f'    <prov:{name} prov:ref="{text}"/>\n'
        for name, text in given(statement)
    ]
    attributes = sorted(statement.attributes, key=lambda pair: _ORDER.get(str(pair[0]), len(_ORDER)))
    lines += [f"    <{name}{_value(value)}</{name}>\n" for name, value in attributes]
    if not lines:
        return f"  <prov:{statement.kind}{identifier}/>\n"
    return f"  <prov:{statement.kind}{identifier}>\n{''.join(lines)}  </prov:{statement.kind}>\n"


def _value(value: Value) -> str:
    if isinstance(value, Name):
        return f' xsi:type="xsd:QName">{value}'
    if isinstance(value, Literal):
        return f' xsi:type="xsd:{value.datatype}">{value.text}'
    return ">" + (escape(value) if _UNSAFE.search(value) else value)
