"""Files with provenance documents: their size, their format, and what is told when one cannot be read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from prov import Error as ProvError
from prov.model import ProvDocument
from prov.serializers.provn import ProvNSyntaxError

from dlprov.errors import DlprovError, UsageError
from dlprov.graph.formats import by_suffix
from dlprov.graph.reading import provjson, provn, provxml, rdf
from dlprov.graph.reading.problems import Problem
from dlprov.graph.reading.repairs import repaired

LARGEST = 512 << 20
"""Bytes of the largest file that is read: its document takes some 25 times as much memory."""

_SHOWN = 20
"""Warnings of one document that are told."""

Reader = Callable[[bytes], tuple[ProvDocument, list[str]]]
"""Gives the document of a content, and what it had to mend to read it."""

_READERS: dict[str, Reader] = {
    "provn": provn.read,
    "json": provjson.read,
    "jsonld": provjson.read_linked,
    "ttl": rdf.reader("turtle"),
    "trig": rdf.reader("trig"),
    "xml": provxml.read,
    "rdf": rdf.reader("xml"),
}

READABLE = tuple(_READERS)
"""Names of the formats that can be read: those that are written, and RDF/XML."""

_TITLES = {"provn": "PROV-N", "json": "PROV-JSON", "jsonld": "PROV-JSONLD", "ttl": "PROV-O in Turtle",
           "trig": "PROV-O in TriG", "xml": "PROV-XML", "rdf": "PROV-O in RDF/XML"}  # fmt: skip


class Reading(NamedTuple):
    """A document that was read.

    Attributes:
        document: The document, repaired.
        warnings: What was repaired, dropped or guessed: sentences for a person.
        format: The format that it was in, one of :data:`READABLE`.
    """

    document: ProvDocument
    warnings: tuple[str, ...]
    format: str


def read(path: Path, format: str | None = None, *, largest: int = LARGEST) -> Reading:
    """Read a provenance document.

    DLProv's and yProv4ML's known deviations from PROV are repaired, and each repair is told. Nothing is fetched from
    anywhere, and no entity of XML is expanded. One thread at a time: warnings of the parsers are caught.

    Args:
        path: The file.
        format: One of :data:`READABLE`; default: what the content looks like, else what the suffix says.
        largest: Bytes that the file may have.

    Raises:
        UsageError: The file cannot be read or is too large, its format is not known, or it is not a document of that
            format; with the line where that is known.
    """
    return read_content(_content(path, largest), path, format)


def read_content(content: bytes, path: Path, format: str | None = None) -> Reading:
    """As :func:`read`, of a content that is there; ``path`` is what messages call it, and its suffix a hint."""
    if format is not None and format not in _READERS:
        raise UsageError(f"a format was expected, one of {', '.join(READABLE)}; got {format!r}")
    if not content.strip() and format not in ("ttl", "trig"):
        # Of these, an empty file is a document without statements, if somebody says that it is one.
        raise UsageError(f"a provenance document was expected, and {path} is empty")
    kind = format or _recognized(content, path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # The parsers' own housekeeping is no concern of whoever reads a document.
        warnings.simplefilter("ignore", DeprecationWarning)
        document, mended = _parsed(kind, content, path)
        document, more = repaired(document)
    said = [str(warning.message).partition("\n")[0] for warning in caught]
    if any(message.startswith("names have characters") for message in more):
        said = [message for message in said if "character PROV-N cannot write" not in message]
    messages = list(dict.fromkeys([*mended, *more, *said]))
    if len(messages) > _SHOWN:
        messages[_SHOWN:] = [f"and {len(messages) - _SHOWN:,} more of the kind"]
    return Reading(document, tuple(messages), kind)


def _parsed(kind: str, content: bytes, path: Path) -> tuple[ProvDocument, list[str]]:
    title = _TITLES[kind]
    try:
        return _READERS[kind](content)
    except DlprovError:
        raise
    except Problem as problem:
        place, reason = problem.line, problem.reason
    except ProvNSyntaxError as error:
        place, reason = error.line, error.message
    except UnicodeDecodeError as error:
        place, reason = content.count(b"\n", 0, error.start) + 1, f"text in UTF-8 was expected ({error.reason})"
    except RecursionError:
        place, reason = 0, "its parts are nested too deeply"
    except MemoryError:
        place, reason = 0, "there is not enough memory for it"
    except ProvError as error:
        place, reason = 0, str(error)
    except Exception as error:  # noqa: BLE001 - parsers raise whatever comes up in what they did not expect
        place, reason = 0, f"{type(error).__name__}: {error}"
    where = f"{path}:{place}" if place else str(path)
    reason = " ".join(reason.split())
    raise UsageError(f"{where}: {title} was expected: {reason if len(reason) < 400 else reason[:400] + '…'}")


def _content(path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise UsageError(f"a file that can be read was expected, got {path} ({error.strerror}): name another") from None
    if len(content) > largest:
        raise UsageError(
            f"{path} has more than {largest >> 20:,} MiB, which would not fit into memory as a document: split it"
        )
    return content


_LOOKS_LIKE: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("jsonld", re.compile(rb'\A\{.*?"@(?:context|graph)"', re.DOTALL)),
    ("json", re.compile(rb"\A[{\[]")),
    ("ttl", re.compile(rb"\A<(?:https?|urn|file):")),
    ("rdf", re.compile(rb"\A<[^>]*(?:>\s*<[^>]*)?http://www\.w3\.org/1999/02/22-rdf-syntax-ns#[^>]*>")),
    ("xml", re.compile(rb"\A(?:<|\xff\xfe<\x00|\xfe\xff\x00<)")),
    ("provn", re.compile(rb"\A(?:(?://[^\n]*\n|/\*.*?\*/)\s*)*document\b", re.DOTALL)),
    ("ttl", re.compile(rb"^\s*(?:@prefix|@base|prefix|base)\s", re.MULTILINE | re.IGNORECASE)),
)

_OTHERS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("a compressed file (unpack it first)", re.compile(rb"\A(?:\x1f\x8b|PK\x03\x04|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd)")),
    ("text in UTF-16 (convert it: iconv -f UTF-16 -t UTF-8)", re.compile(rb"\A(?:\xff\xfe|\xfe\xff)")),
    ("a picture", re.compile(rb"\A(?:\x89PNG|%PDF|(?:strict )?digraph\b)")),
)


def _recognized(content: bytes, path: Path) -> str:
    head = content[: 1 << 16].removeprefix(b"\xef\xbb\xbf").lstrip()
    by_name = by_suffix(path)
    for name, pattern in _LOOKS_LIKE:
        if pattern.search(head):
            # A document that has no graphs but the default one is Turtle and TriG alike, and may have some.
            return "trig" if name == "ttl" and by_name != "ttl" else name
    if by_name in _READERS:
        return by_name
    looks_like = next((name for name, pattern in _OTHERS if pattern.search(head)), "none of them")
    raise UsageError(
        f"a provenance document was expected (PROV-N, PROV-JSON, PROV-JSONLD, PROV-XML or PROV-O in Turtle, TriG or "
        f"RDF/XML), and {path} looks like {looks_like}"
    )
