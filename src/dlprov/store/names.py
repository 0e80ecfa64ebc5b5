"""Names of users' things in SQL: quoted, folded as DfAnalyzer folds them, and never a path."""

from __future__ import annotations

import uuid
from collections.abc import Container

NAMESPACE = uuid.UUID("6b1f2b3c-0d57-5c1e-9f6e-5d8c2f4a7e10")
"""Namespace of the stable identifiers (RFC 9562, UUIDv5) that are derived from names in the logs."""

RESERVED_SCHEMAS = frozenset({"public", "main", "temp", "system", "store", "information_schema", "pg_catalog"})
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


def stable_id(*parts: str) -> str:
    """An identifier that every index derives alike from names in the logs."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))
