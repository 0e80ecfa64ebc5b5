"""Provenance documents of others: their statements, and what came from what in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dlprov.log import events, layout
from dlprov.store import things
from dlprov.store.columns import json_text
from dlprov.store.tables import Row

if TYPE_CHECKING:
    from dlprov.store.records import RunRecords

_EDGES = {
    "used": ("activity", "entity"),
    "wasGeneratedBy": ("entity", "activity"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger", "starter"),
    "wasEndedBy": ("activity", "trigger"),
    "wasInfluencedBy": ("influencee", "influencer"),
    "specializationOf": ("specificEntity", "generalEntity"),
    "mentionOf": ("specificEntity", "generalEntity"),
    "hadMember": ("collection", "entity"),
}
"""Statements that say what came from what: the argument that is later, and those that were before it.

``alternateOf`` has no order, an invalidation ends a thing and makes none, and responsibility is no origin.
"""

_LABEL = "prov:label"

_decode_prefixes = msgspec.json.Decoder(dict[str, str]).decode


class DocumentEntry:
    """The row of one document, and what the qualified names in it mean."""

    def __init__(self, row: Row) -> None:
        self.number = int(row["id"])
        self._prefixes = _decode_prefixes(row["prefixes"])

    def name(self, qualified: str) -> str:
        """The name of the thing that a qualified name means; itself, if its prefix was not declared."""
        return things.name_in(self._prefixes, qualified)


def document(run: RunRecords, event: events.Document, _: str) -> None:
    """A document begins."""
    if run.document is None:
        row = {"id": run.tables.number("document"), "uuid": run.run_id.removeprefix(layout.DOCUMENT)}
        row |= {"name": event.name, "format": event.format, "sha256": event.sha256, "size": event.size}
        row |= {"prefixes": json_text(event.prefixes), "warnings": json_text(event.warnings)}
        run.document = DocumentEntry(run.tables.insert("document", **row, time=event.time))


def statement(run: RunRecords, event: events.Statement, _: str) -> None:
    """A statement of the document."""
    entry = run.document
    if entry is None:
        return  # its first lines are damaged, and nothing tells what the names mean
    labels = (value for name, value, _ in event.attributes if name == _LABEL)
    run.tables.insert(
        "statement",
        document_id=entry.number,
        kind=event.kind,
        thing=entry.name(event.id) if event.id else None,
        name=event.id or None,
        label=next(labels, None),
        arguments=json_text(event.arguments),
        attributes=json_text(event.attributes),
        bundle=event.bundle or None,
    )
    later, *earlier = _EDGES.get(event.kind, ("",))
    source = event.arguments.get(later)
    for argument in earlier:
        target = event.arguments.get(argument)
        if source is not None and target is not None:
            names = {"source": entry.name(source), "target": entry.name(target)}
            run.tables.insert("relation", document_id=entry.number, kind=event.kind, **names)


def load(run: RunRecords) -> DocumentEntry | None:
    """The document of a directory, if the index has it."""
    found = run.tables.load("document", "uuid = ?", [run.run_id.removeprefix(layout.DOCUMENT)])
    return DocumentEntry(found[0]) if found else None
