"""The statements of a PROV instance, with the arguments that the constraints speak of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from prov.identifier import QualifiedName
from prov.model import PROV_N_MAP, PROV_TYPE, ProvBundle, ProvRecord

OBJECTS = ("entity", "activity", "agent")

FIXED = {"wasAssociatedWith": ("plan",), "wasDerivedFrom": ("activity",)}
"""Arguments whose absence says that there is none (PROV-CONSTRAINTS, Definition 4): not that it is not known."""

_TIMES = ("time", "startTime", "endTime")


class Statement:
    """One statement, or several that a key constraint made one.

    Attributes:
        kind: Its name in PROV-N: ``entity``, ``wasGeneratedBy``, ….
        id: IRI of its identifier; ``None`` if it has none.
        arguments: IRIs by the names of PROV's formal attributes (``entity``, ``activity``, ``generatedEntity``, …);
            what is not given is missing.
        times: Times by the names of the formal attributes.
        types: IRIs of its ``prov:type``.
        records: What it was made of, as the document has it; empty for what was inferred.
    """

    __slots__ = ("arguments", "id", "kind", "records", "times", "types")

    def __init__(
        self,
        kind: str,
        id: str | None = None,
        arguments: dict[str, str] | None = None,
        times: dict[str, datetime] | None = None,
        types: Iterable[str] = (),
        records: Iterable[ProvRecord] = (),
    ) -> None:
        self.kind = kind
        self.id = id
        self.arguments = arguments or {}
        self.times = times or {}
        self.types = set(types)
        self.records = list(records)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id or ''} {self.arguments}>"

    def argument(self, name: str) -> str | None:
        """The IRI of an argument, if it is given."""
        return self.arguments.get(name)

    def shown(self) -> list[str]:
        """The statements of the document that it was made of, in PROV-N."""
        return [str(record.get_provn()) for record in self.records]


def statements_of(bundle: ProvBundle) -> Iterator[Statement]:
    """The statements of a document's top level or of one bundle."""
    for record in bundle.get_records():
        kind = PROV_N_MAP[record.get_type()]
        arguments: dict[str, str] = {}
        times: dict[str, datetime] = {}
        for name, value in record.formal_attributes:
            if value is None:
                continue
            if name.localpart in _TIMES:
                times[name.localpart] = value
            else:
                arguments[name.localpart] = iri(value)
        types = (iri(value) for name, value in record.extra_attributes if name == PROV_TYPE)
        identifier = record.identifier.uri if record.identifier is not None else None
        yield Statement(kind, identifier, arguments, times, types, [record])


def iri(value: Any) -> str:
    """The IRI of a qualified name; any other value as text."""
    return value.uri if isinstance(value, QualifiedName) else str(value)
