"""What DLProv and yProv4ML are known to write instead of PROV, put right.

Their documents have namespaces that are no IRIs, attribute names that end in a colon, names of types as texts, -9999999
for numbers that are missing, PROV-O's words for times, and blanks in identifiers.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from prov.constants import PROV_ACTIVITY, PROV_ATTR_ENDTIME, PROV_ATTR_STARTTIME, PROV_TYPE
from prov.identifier import Namespace, QualifiedName
from prov.model import Literal, ProvBundle, ProvDocument, ProvRecord, parse_xsd_datetime

from dlprov.graph.reading.rdf import BASE
from dlprov.store.things import DLPROV

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

_UNWRITABLE = re.compile(r"[\x00-\x20<>\"{}|^`\\\x7f-\xa0]")
"""What no IRI may have."""

_MISSING = frozenset({-9_999_999.0, -10_000_000.0})
"""DLProv's missing number, as it is and as its PROV-N writes it, with six digits."""

_TIMES = {"startedAtTime": PROV_ATTR_STARTTIME, "endedAtTime": PROV_ATTR_ENDTIME}


def repaired(document: ProvDocument) -> tuple[ProvDocument, list[str]]:
    """The document without known deviations, and a sentence for each kind of them; the same one if it has none."""
    if not any(map(_deviates, [document, *document.bundles])):
        return document, []
    repair = _Repair(document)
    made = repair.document()
    told = repair.told()
    return (made, told) if told else (document, [])


def _deviates(bundle: ProvBundle) -> bool:
    """Whether there may be something to repair: a look, where a repair copies everything."""
    namespaces = [*bundle.get_registered_namespaces(), bundle.get_default_namespace()]
    if any(namespace is not None and not _ABSOLUTE.match(namespace.uri) for namespace in namespaces):
        return True
    for record in bundle.get_records():
        if record.identifier is not None and _UNWRITABLE.search(record.identifier.localpart):
            return True
        for name, value in record.attributes:
            local = name.localpart
            if (
                local.endswith(":")
                or local in _TIMES
                or _UNWRITABLE.search(local)
                or (isinstance(value, QualifiedName) and _UNWRITABLE.search(value.localpart))
                or (name == PROV_TYPE and isinstance(value, str))
            ):
                return True
    return False


class _Repair:
    def __init__(self, document: ProvDocument) -> None:
        self._document = document
        self._namespaces: dict[str, Namespace] = {}
        self._names: dict[QualifiedName, QualifiedName] = {}
        self._relative: dict[str, str] = {}
        self._counts: dict[str, list[str]] = {}
        bundles = [document, *document.bundles]
        found = [namespace for bundle in bundles for namespace in bundle.get_registered_namespaces()]
        found += [namespace for bundle in bundles if (namespace := bundle.get_default_namespace()) is not None]
        self._prefixes = {namespace.prefix: namespace for namespace in reversed(found) if namespace.prefix}
        self._is_dlprov = any(namespace.uri == "DLProv" for namespace in found)

    def told(self) -> list[str]:
        """What was put right."""
        said = [f"the namespace {namespace!r} is no IRI: read as {iri}" for namespace, iri in self._relative.items()]
        for what, examples in self._counts.items():
            shown = ", ".join(dict.fromkeys(examples[:3]))
            said.append(what.format(f"{len(examples):,} ({shown}{', …' if len(examples) > 3 else ''})"))
        return said

    def document(self) -> ProvDocument:
        """The document anew. Everything in it is copied, whether it needs a repair or not."""
        made = ProvDocument()
        self._copy(self._document, made)
        for bundle in self._document.bundles:
            self._copy(bundle, made.bundle(self._name(bundle.identifier)))
        return made

    def _copy(self, source: ProvBundle, target: ProvBundle) -> None:
        default = source.get_default_namespace()
        if default is not None:
            target.set_default_namespace(self._namespace(default).uri)
        for namespace in source.get_registered_namespaces():
            target.add_namespace(self._namespace(namespace))
        for record in source.get_records():
            identifier = self._name(record.identifier) if record.identifier is not None else None
            target.new_record(record.get_type(), identifier, self._attributes(record))

    def _attributes(self, record: ProvRecord) -> list[tuple[QualifiedName, Any]]:
        made: list[tuple[QualifiedName, Any]] = []
        formal = {name for name, value in record.formal_attributes if value is not None}
        for found, value in record.attributes:
            name = self._name(found)
            if name.localpart.endswith(":"):
                name = name.namespace[name.localpart.rstrip(":")]
                self._note("attributes have names that end in a colon: {}; read without it", str(found))
            if self._is_dlprov and _number(value) in _MISSING:
                self._note("numbers are DLProv's -9999999 for a missing one: {}; left out", str(name))
                continue
            time = self._time(record, name, value, formal)
            made.append(time or (name, self._value(name, value)))
        return made

    def _time(
        self, record: ProvRecord, name: QualifiedName, value: Any, formal: set[QualifiedName]
    ) -> tuple[QualifiedName, Any] | None:
        """A start or an end that an activity has under PROV-O's name."""
        wanted = _TIMES.get(name.localpart) if record.get_type() == PROV_ACTIVITY else None
        if wanted is None or wanted in formal or name.namespace.prefix != "prov" or not isinstance(value, str):
            return None
        moment = parse_xsd_datetime(value)
        if moment is None:
            return None
        formal.add(wanted)
        self._note("activities have times under PROV-O's names: {}; read as their start and end", str(name))
        return wanted, moment

    def _value(self, name: QualifiedName, value: Any) -> Any:
        if isinstance(value, QualifiedName):
            return self._name(value)
        if isinstance(value, Literal) and value.datatype is not None:
            return Literal(value.value, self._name(value.datatype), value.langtag)
        if name == PROV_TYPE and isinstance(value, str):
            prefix, colon, local = value.partition(":")
            namespace = name.namespace if prefix == "prov" else self._prefixes.get(prefix)
            if colon and namespace is not None and local and not _UNWRITABLE.search(local):
                self._note("types are texts: {}; read as names", value)
                return self._name(namespace[local])
        return value

    def _name(self, name: QualifiedName | None) -> QualifiedName:
        assert name is not None  # noqa: S101 - bundles and elements have one
        known = self._names.get(name)
        if known is None:
            local = name.localpart
            if _UNWRITABLE.search(local):
                local = _UNWRITABLE.sub(lambda found: quote(found[0]), local)
                self._note("names have characters that no IRI may have: {}; written as %XX", repr(name.localpart))
            known = self._names[name] = self._namespace(name.namespace)[local]
        return known

    def _namespace(self, namespace: Namespace) -> Namespace:
        if _ABSOLUTE.match(namespace.uri):
            return namespace
        known = self._namespaces.get(namespace.uri)
        if known is None:
            iri = DLPROV if namespace.uri == "DLProv" else f"{BASE}{quote(namespace.uri)}#"
            self._relative[namespace.uri] = iri
            known = self._namespaces[namespace.uri] = Namespace(namespace.prefix, iri)
        return known if known.prefix == namespace.prefix else Namespace(namespace.prefix, known.uri)

    def _note(self, what: str, example: str) -> None:
        self._counts.setdefault(what, []).append(example)


def _number(value: Any) -> float | None:
    """A value as a floating-point number, if it is one."""
    if isinstance(value, float):
        return value
    if isinstance(value, Literal) and value.datatype is not None and value.datatype.localpart in ("float", "double"):
        try:
            return float(value.value)
        except ValueError:
            return None
    return None
