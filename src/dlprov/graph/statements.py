"""PROV statements as plain values: what the mapping gives, and what every format, picture and graph is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

PROV = "http://www.w3.org/ns/prov#"
XSD = "http://www.w3.org/2001/XMLSchema#"

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "entity": (),
    "activity": ("startTime", "endTime"),
    "agent": (),
    "wasGeneratedBy": ("entity", "activity", "time"),
    "used": ("activity", "entity", "time"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger", "starter", "time"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity", "activity", "generation", "usage"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent", "plan"),
    "actedOnBehalfOf": ("delegate", "responsible", "activity"),
    "specializationOf": ("specificEntity", "generalEntity"),
    # The mapping makes none of the following, and the writers know none of them: imported documents have them.
    "wasEndedBy": ("activity", "trigger", "ender", "time"),
    "wasInvalidatedBy": ("entity", "activity", "time"),
    "wasInfluencedBy": ("influencee", "influencer"),
    "alternateOf": ("alternate1", "alternate2"),
    "mentionOf": ("specificEntity", "generalEntity", "bundle"),
    "hadMember": ("collection", "entity"),
}
"""The statements of PROV-DM, with their formal arguments in PROV-N's order."""

TIMES = frozenset({"startTime", "endTime", "time"})

ELEMENTS = ("entity", "activity", "agent")

KIND_OF = {
    **dict.fromkeys(("activity", "informed", "informant", "starter", "ender"), "activity"),
    **dict.fromkeys(("agent", "delegate", "responsible"), "agent"),
}
"""Of what kind the arguments of relations are; all others are entities."""


class Name(NamedTuple):
    """A qualified name as a value: ``prov:Plan``, say."""

    prefix: str
    local: str

    def __str__(self) -> str:
        return f"{self.prefix}:{self.local}"


class Literal(NamedTuple):
    """A value with its type, in the lexical form of XML Schema. ``datatype`` is a local name of ``xsd:``."""

    text: str
    datatype: str


Value = Name | Literal | str
"""What an attribute has. A plain text is an ``xsd:string``."""


class Statement(NamedTuple):
    """One statement.

    A thing has the name that the index knows it by (:mod:`dlprov.store.things`): a local part in ``dlprov:``, or the
    IRI of a thing that only imported documents speak of.

    Attributes:
        kind: Its name in PROV-N, a key of :data:`ARGUMENTS`.
        id: The name of the thing that it describes; relations have none.
        arguments: Those that are given: names of things, times as ``xsd:dateTime`` texts.
        attributes: The others, in order: names with their prefix, and values.
    """

    kind: str
    id: str
    arguments: dict[str, str]
    attributes: tuple[tuple[Name, Value], ...] = ()


def own(local: str) -> Name:
    """An attribute name in ``dlprov:``, from any text."""
    return Name("dlprov", local_name(local))


TYPE = Name("prov", "type")
LABEL = Name("prov", "label")

_ODD = re.compile(r"[^\w.-]", re.ASCII)

_OURS = re.compile("(?<=_)u")
_THEIRS = re.compile("(?<=_)x(?=[0-9A-F]{4})")
"""What would be read as an escape of ours, or of readers of PROV-XML."""


def local_name(text: str) -> str:
    """``text`` as a local part that every format takes: an XML NCName of ASCII letters, digits, ``_``, ``-``, ``.``.

    Other characters, and a first one that may not be the first, become ``_u<hexadecimal>_``. Different texts give
    different names. (``_x<hexadecimal>_``, which ISO/IEC 9075-14 has, means something to readers of PROV-XML.)
    """
    escaped = _ODD.sub(lambda found: _escape(found[0]), _OURS.sub(_escape("u"), text))
    if not escaped or not (escaped[0].isalpha() or escaped[0] == "_"):
        escaped = _escape(escaped[0]) + escaped[1:] if escaped else _escape("\0")
    escaped = _THEIRS.sub(_escape("x"), escaped)
    return escaped.rstrip(".") + _escape(".") * (len(escaped) - len(escaped.rstrip(".")))


def _escape(character: str) -> str:
    return f"_u{ord(character):04X}_"


def literal(value: Any) -> Value | None:
    """A Python value as PROV has it; ``None`` stays none. NaN and infinities have XML Schema's spelling."""
    if value is None:
        return None
    if isinstance(value, Name | Literal):
        return value
    if isinstance(value, bool):
        return Literal("true" if value else "false", "boolean")
    if isinstance(value, int):
        for datatype, limit in (("int", 2**31), ("long", 2**63)):
            if -limit <= value < limit:
                return Literal(str(value), datatype)
        return Literal(str(value), "integer")
    if isinstance(value, float):
        if math.isfinite(value):
            return Literal(repr(value), "double")
        return Literal("NaN" if math.isnan(value) else "INF" if value > 0 else "-INF", "double")
    if isinstance(value, datetime):
        return Literal(moment(value), "dateTime")
    return clean(str(value))


def moment(time: datetime) -> str:
    """A time of the index (UTC) as ``xsd:dateTime``."""
    return time.replace(tzinfo=UTC).isoformat()


_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """``text`` with what XML cannot hold replaced by U+FFFD (XML 1.0, section 2.2), and line ends as XML reads them."""
    return _UNWRITABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def attributes(pairs: Iterable[tuple[Name, Any]]) -> tuple[tuple[Name, Value], ...]:
    """Attributes from Python values; those without a value are left out."""
    found = ((name, literal(value)) for name, value in pairs)
    # Of a name, each value once: attributes are a set.
    return tuple(dict.fromkeys((name, value) for name, value in found if value is not None))
