"""PROV-N, and what DLProv's documents have instead."""

from __future__ import annotations

import re

from prov.model import ProvDocument

_SUSPICIOUS = re.compile(r"[\w.-]:\s*=")

_PIECES = re.compile(
    r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|<[^>\n]*>|//[^\n]*|/\*.*?\*/'
    r"|(?P<name>[\w.-]+:[\w.-]+):(?=\s*=)",
    re.DOTALL,
)
"""Texts, names in quotes, namespaces and comments, in which nothing is looked for; and names that end in a colon."""


def read(content: bytes) -> tuple[ProvDocument, list[str]]:
    """The document; see :data:`dlprov.graph.reading.files.Reader`."""
    text = content.decode("utf-8-sig")
    if _SUSPICIOUS.search(text):
        # A colon in a name has to be escaped. The colon itself is mended later, as it is in the other formats.
        text = _PIECES.sub(lambda found: f"{found['name']}\\:" if found["name"] else found[0], text)
    return ProvDocument.deserialize(content=text, format="provn"), []
