"""Names of users' things in SQL: quoted, folded as DfAnalyzer folds them, and never a path."""

from __future__ import annotations

from collections.abc import Container

RESERVED_SCHEMAS = frozenset(
    {"public", "main", "memory", "temp", "system", "store", "sys", "information_schema", "pg_catalog"}
)
"""Schemas that the engine or the index itself needs: a dataflow with such a tag gets a schema ``<tag>_dataflow``."""


def quote(name: str) -> str:
    """``name`` as an SQL identifier. Any text is one: quotes are doubled, as the SQL standard says."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """``value`` as an SQL string."""
    return "'" + value.replace("'", "''") + "'"


def fold(tag: str) -> str:
    """A tag as the index stores it: in lower case, like DfAnalyzer."""
    return tag.lower()


def schema_for(tag: str) -> str:
    """The schema that holds the sets of the dataflow ``tag`` (in lower case)."""
    return f"{tag}_dataflow" if tag in RESERVED_SCHEMAS else tag


def unused(wanted: str, taken: Container[str]) -> str:
    """``wanted``, or ``wanted_2``, ``wanted_3``, … if it is taken."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name
