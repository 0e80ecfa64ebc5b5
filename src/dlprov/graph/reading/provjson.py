"""PROV-JSON and PROV-JSONLD, and what other writers have instead."""

from __future__ import annotations

import json
from typing import Any

from prov.constants import PROV_ATTRIBUTE_QNAMES, PROV_RECORD_IDS_MAP
from prov.model import ProvDocument

from dlprov.graph.reading.problems import Problem
from dlprov.graph.statements import Literal, literal

_KNOWN = frozenset({"prov", "xsd", "xsi"})
_REFERENCES = frozenset(map(str, PROV_ATTRIBUTE_QNAMES))


def read(content: bytes) -> tuple[ProvDocument, list[str]]:
    """The document; see :data:`dlprov.graph.reading.files.Reader`."""
    text, container = _parsed(content)
    if "@graph" in container or "@context" in container:
        return ProvDocument.deserialize(content=text, format="jsonld"), []
    check = _Check(text)
    check.container(container, _KNOWN, has_default=False)
    if check.numbers or check.nulls:
        text = json.dumps(container)
    return ProvDocument.deserialize(content=text, format="json"), check.told()


def read_linked(content: bytes) -> tuple[ProvDocument, list[str]]:
    """The document of PROV-JSONLD; see :data:`dlprov.graph.reading.files.Reader`."""
    text, _ = _parsed(content)
    return ProvDocument.deserialize(content=text, format="jsonld"), []


def _parsed(content: bytes) -> tuple[str, dict[str, Any]]:
    text = content.decode("utf-8-sig")
    try:
        container = json.loads(text)
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        ends = " (it ends too early)" if is_cut else ""
        raise Problem(f"{error.msg}, column {error.colno}{ends}", error.lineno) from None
    except ValueError as error:
        # An integer with thousands of digits.
        raise Problem(str(error)) from None
    if not isinstance(container, dict):
        raise Problem(f"an object was expected, got {type(container).__name__}")
    return text, container


class _Check:
    """Looks through a container, makes texts of numbers where PROV-JSON wants texts, and takes out nulls."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.numbers = 0
        self.nulls = 0

    def told(self) -> list[str]:
        """What was mended."""
        said = []
        if self.numbers:
            said.append(f'values are numbers where PROV-JSON wants texts ("$"): {self.numbers:,}; read as texts')
        if self.nulls:
            said.append(f"values are null, which PROV-JSON does not have: {self.nulls:,}; left out")
        return said

    def container(self, container: Any, prefixes: frozenset[str], *, has_default: bool) -> None:
        """Look through the document or one of its bundles.

        Raises:
            Problem: A name has a prefix that is not declared, or a part has another form than PROV-JSON's.
        """
        declared = self._object(container, "a container").get("prefix", {})
        for prefix, namespace in self._object(declared, '"prefix"').items():
            if not isinstance(namespace, str) or not namespace.strip():
                raise Problem(f"the prefix {prefix!r} has no namespace, but {namespace!r}", self._line(prefix))
        known = prefixes | frozenset(declared)
        default = has_default or "default" in declared
        iris = tuple(declared.values())
        for kind, records in container.items():
            if kind == "bundle":
                for name, bundle in self._object(records, '"bundle"').items():
                    self.container(bundle, known, has_default=default)
                    self._name(name, known, iris, default)
            elif kind != "prefix":
                if kind not in PROV_RECORD_IDS_MAP:
                    raise Problem(f"{kind!r} is no kind of PROV statement", self._line(kind))
                for name, content in self._object(records, repr(kind)).items():
                    self._name(name, known, iris, default)
                    for record in content if isinstance(content, list) else [content]:
                        self._record(self._object(record, f"the statement {name!r}"), known, iris, default)

    def _record(self, record: dict[str, Any], known: frozenset[str], iris: tuple[str, ...], default: bool) -> None:
        for name, value in list(record.items()):
            self._name(name, known, iris, default)
            values = value if isinstance(value, list) else [value]
            if name in _REFERENCES:
                for reference in values:
                    if isinstance(reference, str):
                        self._name(reference, known, iris, default)
            for item in values:
                if isinstance(item, dict):
                    self._typed(item)
            kept = [item for item in values if item is not None]
            if len(kept) < len(values):
                self.nulls += len(values) - len(kept)
                if kept:
                    record[name] = kept if isinstance(value, list) else kept[0]
                else:
                    del record[name]

    def _typed(self, item: dict[str, Any]) -> None:
        value = item.get("$")
        if isinstance(value, bool | int | float):
            self.numbers += 1
            told = literal(value)
            if isinstance(told, Literal):
                item.setdefault("type", f"xsd:{told.datatype}")
                item["$"] = told.text

    def _name(self, name: str, known: frozenset[str], iris: tuple[str, ...], default: bool) -> None:
        prefix, colon, _ = name.partition(":")
        if colon and prefix not in known and prefix != "_" and not name.startswith(iris):
            raise Problem(f"the prefix {prefix!r} of {name!r} is not declared", self._line(name))
        if not colon and not default:
            raise Problem(f"{name!r} has no prefix, and no default namespace is declared", self._line(name))

    def _object(self, value: Any, what: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Problem(f"{what} has to be an object, got {type(value).__name__}")
        return value

    def _line(self, name: str) -> int:
        """The line in which a name stands first; 0 if it is written in another way there."""
        position = self._text.find(json.dumps(name, ensure_ascii=False))
        return self._text.count("\n", 0, position) + 1 if position >= 0 else 0
