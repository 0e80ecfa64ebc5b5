"""The formats of provenance documents: what they are called, how their files end, and what writes them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from dlprov.errors import UsageError
from dlprov.graph.statements import Statement

Writer = Callable[[Iterable[Statement], BinaryIO], None]
"""Writes statements, each thing once and before it is spoken of, to a binary file that need not be seekable."""


class Format(NamedTuple):
    """A format in which documents leave.

    Attributes:
        name: What ``--format`` calls it.
        suffixes: How its files end; the first one is for new files.
        title: What people call it.
        writer: ``module:function`` of its :data:`Writer`, which is loaded when it is needed.
        is_text: Whether a person can read it on a terminal: text in UTF-8.
        is_picture: Whether it is a picture, whose writer folds long series unless it is told ``unfold=True``.
    """

    name: str
    suffixes: tuple[str, ...]
    title: str
    writer: str
    is_text: bool = True
    is_picture: bool = False


_WRITERS = "dlprov.graph.writers"
_PICTURES = "dlprov.graph.picture"

FORMATS: dict[str, Format] = {
    found.name: found
    for found in (
        Format("provn", (".provn",), "PROV-N", f"{_WRITERS}.provn:write"),
        Format("json", (".json",), "PROV-JSON", f"{_WRITERS}.provjson:write"),
        Format("jsonld", (".jsonld",), "PROV-JSONLD", f"{_WRITERS}.provjsonld:write"),
        Format("ttl", (".ttl",), "PROV-O in Turtle", f"{_WRITERS}.turtle:write"),
        # A Turtle document is a TriG document whose statements are all in the default graph.
        Format("trig", (".trig",), "PROV-O in TriG", f"{_WRITERS}.turtle:write"),
        Format("xml", (".xml", ".provx"), "PROV-XML", f"{_WRITERS}.provxml:write"),
        Format("dot", (".dot", ".gv"), "DOT", f"{_PICTURES}.dot:write", is_picture=True),
        Format("svg", (".svg",), "SVG", f"{_PICTURES}.svg:write", is_picture=True),
        Format("png", (".png",), "PNG", f"{_PICTURES}.raster:write_png", is_text=False, is_picture=True),
        Format("pdf", (".pdf",), "PDF", f"{_PICTURES}.raster:write_pdf", is_text=False, is_picture=True),
        Format("cypher", (".cypher", ".cql"), "Cypher statements", "dlprov.graph.cypher_text:write"),
    )
}
"""The formats by name, in the order in which they are listed."""


def writer(name: str, *, unfold: bool = False) -> Writer:
    """What writes a format.

    Args:
        name: A key of :data:`FORMATS`.
        unfold: Every thing of a long series is drawn. Documents have them anyway.

    Raises:
        UsageError: There is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"a format was expected, one of {', '.join(FORMATS)}; got {name!r}")
    module, _, function = FORMATS[name].writer.partition(":")
    # Late: each format brings only what it needs.
    found: Callable[..., None] = getattr(importlib.import_module(module), function)
    return partial(found, unfold=True) if unfold and FORMATS[name].is_picture else found


def by_suffix(path: PurePath) -> str | None:
    """The name of the format whose files end like ``path``, if there is one."""
    suffix = path.suffix.lower()
    return next((name for name, found in FORMATS.items() if suffix in found.suffixes), None)
