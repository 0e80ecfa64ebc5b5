"""What a task depends on, in the forms that DfAnalyzer's clients write it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from dlprov.log.values import encode_text


def tasks_of(dependency: Any) -> tuple[tuple[str, int], ...]:
    """Transformations (in lower case) and numbers of the tasks that a message's ``dependency`` names.

    ``tags`` heads the columns; each of ``ids`` is one tuple of numbers, joined by commas. DLProv's clients write
    one tag and one number a task instead: then both lists have the same length. Anything else that is no
    dependency, such as an empty text, is none.
    """
    if not isinstance(dependency, Mapping):
        return ()
    tags = [tag.lower() for tag in _members(dependency.get("tags"), "tag")]
    identifiers = _members(dependency.get("ids"), "id")
    if not tags or not identifiers:
        return ()
    found: list[tuple[str, str]] = []
    if len(tags) == 1 or any("," in identifier for identifier in identifiers):
        for identifier in identifiers:
            parts = [part.strip() for part in identifier.split(",")]
            columns = tags * len(parts) if len(tags) == 1 else tags
            if len(columns) == len(parts):
                found += zip(columns, parts, strict=True)
    elif len(tags) == len(identifiers):
        found += zip(tags, identifiers, strict=True)
    else:
        found += [(tag, identifier) for tag in tags for identifier in identifiers]
    numbered = [(tag, _number(part)) for tag, part in found]
    return tuple(dict.fromkeys((tag, number) for tag, number in numbered if number is not None))


def _members(listed: Any, name: str) -> list[str]:
    """The texts of a list of objects with one member, of a list of texts, or of one of them alone."""
    items = listed if isinstance(listed, list) else [listed]
    values = [item.get(name) if isinstance(item, Mapping) else item for item in items]
    return [text for text in map(_text, values) if text]


def _number(text: str) -> int | None:
    """The number of a task, which has 64 bits; ``None`` if it is none. Tables make floats of numbers."""
    digits = text.removesuffix(".0")
    if not digits.removeprefix("-").isdecimal() or len(digits) > 20:
        return None
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return encode_text(value).strip()
    if isinstance(value, bool) or not isinstance(value, Real):
        return ""
    return str(value)
