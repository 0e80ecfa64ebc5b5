"""PROV-XML, without document types: no entity is expanded, and nothing is loaded from anywhere."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from prov.constants import ADDITIONAL_N_MAP, PROV_N_MAP
from prov.model import ProvDocument

from dlprov.errors import UsageError
from dlprov.graph.reading.problems import Problem
from dlprov.graph.statements import PROV

_ELEMENTS = frozenset([*PROV_N_MAP.values(), *ADDITIONAL_N_MAP.values(), "other"])
"""The elements that are statements, and one that may hold anything."""


def read(content: bytes) -> tuple[ProvDocument, list[str]]:
    """The document; see :data:`dlprov.graph.reading.files.Reader`."""
    refuse_document_type(content)
    try:
        # Late: an extra brings it.
        from lxml import etree  # type: ignore[import-untyped] # noqa: PLC0415
        from prov.serializers.provxml import ProvXMLSerializer  # noqa: PLC0415
    except ImportError:
        raise UsageError("PROV-XML is read with lxml, which is not installed: pip install 'dlprov[prov]'") from None
    # Comments and instructions would be taken for statements. The tree may be large: its size has a limit of ours.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        reason = "its elements are nested too deeply" if "depth" in error.msg else error.msg.partition(", line ")[0]
        raise Problem(reason, error.lineno or 0) from None
    if root.tag != f"{{{PROV}}}document":
        raise Problem(f"<prov:document> was expected, got <{root.tag}>", root.sourceline or 0)
    _look_at_elements(root, _ELEMENTS | {"bundleContent"})
    document = ProvDocument()
    ProvXMLSerializer().deserialize_subtree(root, document)
    return document, []


def _look_at_elements(parent: Any, known: frozenset[str]) -> None:
    """Refuse what is no statement: the parser of ``prov`` cannot tell where it stands."""
    for element in parent:
        name = element.tag.removeprefix(f"{{{PROV}}}")
        if name not in known:
            raise Problem(f"<{element.tag}> is no statement of PROV-XML", element.sourceline or 0)
        if name == "bundleContent":
            if not element.get(f"{{{PROV}}}id"):
                raise Problem("a bundle needs an identifier (prov:id)", element.sourceline or 0)
            _look_at_elements(element, _ELEMENTS)


def refuse_document_type(content: bytes) -> None:
    """Look at what stands before the first element.

    Raises:
        Problem: It is a document type, which could define entities, or no XML.
    """
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise Problem(
            "it has a document type (<!DOCTYPE …>), which PROV has no use for and which is not read: remove it",
            parser.CurrentLineNumber,
        )

    def begin(*_: object) -> None:
        raise _Begun

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    try:
        parser.Parse(content, True)
    except _Begun:
        return
    except (expat.ExpatError, ValueError) as error:
        raise Problem(f"it is no XML ({error})", getattr(error, "lineno", 0)) from None


class _Begun(Exception):  # noqa: N818 - no error
    """The first element."""
