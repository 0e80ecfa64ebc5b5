"""Provenance documents of others come into the store: each becomes a log of its statements."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from prov.constants import PROV_N_MAP
from prov.identifier import Identifier, Namespace, QualifiedName
from prov.model import Literal as ProvLiteral
from prov.model import ProvDocument, ProvRecord

from dlprov._version import __version__
from dlprov.errors import StoreError
from dlprov.graph.reading import Reading, read
from dlprov.graph.statements import PROV, XSD, Literal, clean, literal
from dlprov.intake import Report
from dlprov.log import complete, events, layout
from dlprov.log.identifiers import derived_id
from dlprov.store.things import DLPROV

_REFERENCE = "prov:QUALIFIED_NAME"
"""The type of a value that is a qualified name (PROV-N, section 3.7.3)."""

Progress = Callable[[int, int], None]
"""Called with the bytes that were read and the bytes that are to be read."""


def import_document(path: Path, store: Path, report: Report, progress: Progress = lambda _, __: None) -> None:
    """Bring a provenance document of any origin, in any format of PROV, into a store.

    The same statements, in whatever format and order, are one document: a second import adds nothing.

    Args:
        path: The file.
        store: The store directory; it is made.
        report: Counts, and what had to be repaired.
        progress: Called at the start and at the end.

    Raises:
        UsageError: The file cannot be read, or is no document.
        StoreError: The store cannot be written.
    """
    size = path.stat().st_size
    progress(0, size)
    found = read(path)
    for warning in found.warnings:
        report.warning(None, warning)
    terms = _Terms()
    statements = terms.statements(found.document)
    name = layout.DOCUMENT + derived_id("document", *sorted(statements))
    content = [_document(path, found, terms.prefixes), *statements.values()]
    try:
        is_new = complete.save(store, name, f"import-{name}", content, package_version=__version__)
    except OSError as error:
        raise StoreError(
            f"the document cannot be kept in {store} ({error.strerror or error}): make room or name another store, and "
            "import again"
        ) from None
    if is_new:
        report.documents += 1
        report.statements += len(statements)
        report.lines += len(content)
    progress(size, size)


def _document(path: Path, found: Reading, prefixes: dict[str, str]) -> events.Document:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    warnings = tuple(map(clean, found.warnings))
    return events.Document(events.now(), clean(path.name), found.format, digest, size, prefixes, warnings)


class _Terms:
    """Statements in texts, with one prefix for each namespace of a document and its bundles."""

    def __init__(self) -> None:
        self.prefixes = {"prov": PROV, "xsd": XSD, "dlprov": DLPROV}
        self._known = {namespace: prefix for prefix, namespace in self.prefixes.items()}
        self._now = events.now()

    def statements(self, document: ProvDocument) -> dict[str, events.Statement]:
        """The statements of a document and its bundles in their order, each once.

        By a text that is the same for the same statement, whatever the prefixes of its document.
        """
        found: dict[str, events.Statement] = {}
        for bundle in (document, *document.bundles):
            within = self._name(bundle.identifier) if bundle.identifier is not None else ""
            for record in bundle.get_records():
                statement = self._statement(record, within)
                found.setdefault(self._meaning(statement), statement)
        return found

    def _statement(self, record: ProvRecord, bundle: str) -> events.Statement:
        return events.Statement(
            self._now,
            PROV_N_MAP[record.get_type()],
            self._name(record.identifier) if record.identifier is not None else "",
            {
                name.localpart: value.isoformat() if isinstance(value, datetime) else self._name(value)
                for name, value in record.formal_attributes
                if value is not None
            },
            tuple((self._name(name), *self._value(value)) for name, value in record.extra_attributes),
            bundle,
        )

    def _meaning(self, statement: events.Statement) -> str:
        expanded = self._expanded
        arguments = [(name, expanded(text)) for name, text in sorted(statement.arguments.items())]
        attributes = sorted(
            (expanded(name), expanded(text) if kind == _REFERENCE else text, expanded(kind))
            for name, text, kind in statement.attributes
        )
        return repr((statement.kind, expanded(statement.id), arguments, attributes, expanded(statement.bundle)))

    def _expanded(self, qualified: str) -> str:
        prefix, colon, local = qualified.partition(":")
        return self.prefixes[prefix] + local if colon and prefix in self.prefixes else qualified

    def _value(self, value: Any) -> tuple[str, str]:
        """The text and the type of an attribute's value."""
        if isinstance(value, QualifiedName):
            return self._name(value), _REFERENCE
        if isinstance(value, Identifier):
            return clean(value.uri), "xsd:anyURI"
        if isinstance(value, datetime):
            return value.isoformat(), "xsd:dateTime"
        if isinstance(value, ProvLiteral):
            if value.langtag:
                return clean(value.value), f"@{value.langtag}"
            return clean(str(value.value)), self._name(value.datatype) if value.datatype is not None else ""
        told = literal(value)
        return (told.text, f"xsd:{told.datatype}") if isinstance(told, Literal) else (str(told), "")

    def _name(self, name: QualifiedName) -> str:
        return f"{self._prefix(name.namespace)}:{clean(name.localpart)}"

    def _prefix(self, namespace: Namespace) -> str:
        prefix = self._known.get(namespace.uri)
        if prefix is None:
            wanted = prefix = clean(namespace.prefix).replace(":", "_") or "default"
            number = 1
            while prefix in self.prefixes:
                number += 1
                prefix = f"{wanted}{number}"
            self._known[namespace.uri] = prefix
            self.prefixes[prefix] = namespace.uri
        return prefix
