"""Imported provenance documents: what is in the store, by the names that people give it, as statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from dlprov.errors import NotFoundError, UsageError
from dlprov.graph.facts import streamed
from dlprov.graph.statements import ARGUMENTS, ELEMENTS, PROV, TIMES, XSD, Literal, Name, Statement, Value
from dlprov.query import Session
from dlprov.store.things import name_in

BOOKKEEPING = "meta"
"""The prefix of attributes that say how a document has a thing, and nothing of the thing."""

_NAME = Name(BOOKKEEPING, "identifier_original")
_BUNDLE = Name(BOOKKEEPING, "bundle")
_KINDS = Name(BOOKKEEPING, "prov_type")

Attributes = tuple[tuple[str, str, str], ...]

_attributes = msgspec.json.Decoder(Attributes).decode
_texts = msgspec.json.Decoder(dict[str, str]).decode


def all_documents(session: Session) -> list[int]:
    """The numbers of all documents, in the order of their import."""
    return [int(row[0]) for row in session.ask("SELECT id FROM public.document ORDER BY id").rows()]


def find_document(session: Session, name: str) -> int | None:
    """The number of the document that a name is of: its id, the beginning of one, or the name of its file.

    Raises:
        UsageError: Several documents have the name.
    """
    query = """
        SELECT id, uuid FROM public.document
        WHERE name = $name OR starts_with(uuid, $id) OR 'document-' || uuid = $name ORDER BY id"""
    # The beginning of an id would be that of many, if it were short.
    rows = session.ask(query, {"name": name, "id": name.lower() if len(name) >= 6 else "-"}).rows()
    if len(rows) > 1:
        listed = ", ".join(str(row[1])[:8] for row in rows)
        raise UsageError(f"{name!r} is the name of {len(rows)} imported documents: name one by its id ({listed})")
    return int(rows[0][0]) if rows else None


def things_of(session: Session, documents: Sequence[int]) -> Iterator[Statement]:
    """The things that documents describe: each once, with all that they say of it.

    Args:
        session: The store.
        documents: Their numbers.

    Raises:
        NotFoundError: The store has no such document.
    """
    prefixes = _prefixes(session, documents)
    query = """
        SELECT thing, list(kind ORDER BY place), list(document_id ORDER BY place),
        list(CAST(arguments AS VARCHAR) ORDER BY place), list(CAST(attributes AS VARCHAR) ORDER BY place),
        list(bundle ORDER BY place) FILTER (bundle IS NOT NULL), first(name ORDER BY place)
        FROM (SELECT *, rowid AS place FROM public.statement)
        WHERE document_id IN (SELECT unnest($documents::INTEGER[])) AND list_contains($kinds, kind)
        GROUP BY thing ORDER BY min(place)"""
    asked = {"documents": list(documents), "kinds": list(ELEMENTS)}
    for thing, kinds, numbers, arguments, attributes, bundles, name in streamed(session.ask(query, asked)):
        kind = kinds[0]
        times: dict[str, str] = {}
        told: dict[tuple[Name, Value], None] = {(_NAME, name): None}
        for number, given, others in zip(numbers, arguments, attributes, strict=True):
            times |= {key: text for key, text in _texts(given).items() if key in ARGUMENTS[kind]}
            told |= dict.fromkeys(_values(_attributes(others), prefixes[number]))
        if len(set(kinds)) > 1:
            told |= {(_KINDS, f"prov:{other.capitalize()}"): None for other in kinds}
        told |= {(_BUNDLE, bundle): None for bundle in bundles or ()}
        yield Statement(kind, thing, times, tuple(told))


def relations_of(session: Session, documents: Sequence[int]) -> Iterator[Statement]:
    """The relations that documents state, in their order.

    Those come last that do not tell of what kind the things are of which they speak. Arguments are as those of
    :func:`things_of`.
    """
    prefixes = _prefixes(session, documents)
    query = """
        SELECT document_id, kind, name, CAST(arguments AS VARCHAR), CAST(attributes AS VARCHAR), bundle
        FROM public.statement WHERE document_id IN (SELECT unnest($documents::INTEGER[]))
        AND NOT list_contains($kinds, kind)
        ORDER BY kind = 'wasInfluencedBy', rowid"""
    asked = {"documents": list(documents), "kinds": list(ELEMENTS)}
    for number, kind, name, arguments, attributes, bundle in streamed(session.ask(query, asked)):
        if kind not in ARGUMENTS:
            continue
        given = {
            key: text if key in TIMES else name_in(prefixes[number], text) for key, text in _texts(arguments).items()
        }
        told = dict.fromkeys(_values(_attributes(attributes), prefixes[number]))
        told |= {(key, text): None for key, text in ((_NAME, name), (_BUNDLE, bundle)) if text}
        yield Statement(kind, "", given, tuple(told))


def _prefixes(session: Session, documents: Sequence[int]) -> dict[int, dict[str, str]]:
    query = (
        "SELECT id, CAST(prefixes AS VARCHAR) FROM public.document WHERE id IN (SELECT unnest($documents::INTEGER[]))"
    )
    found = {number: _texts(text) for number, text in session.ask(query, {"documents": list(documents)}).rows()}
    for number in documents:
        if number not in found:
            raise NotFoundError(f"there is no imported document {number} in this store; see the table document")
    return found


def _values(attributes: Attributes, prefixes: dict[str, str]) -> Iterator[tuple[Name, Value]]:
    for name, text, kind in attributes:
        yield _name(name), _value(text, kind, prefixes)


def _name(qualified: str) -> Name:
    prefix, _, local = qualified.partition(":")
    return Name(prefix, local)


def _value(text: str, kind: str, prefixes: dict[str, str]) -> Value:
    prefix, _, local = kind.partition(":")
    namespace = prefixes.get(prefix)
    if namespace == PROV and local == "QUALIFIED_NAME":
        return _name(text)
    # A text in a language, or of a type that only its document knows, is a text.
    return Literal(text, local) if namespace == XSD else text
