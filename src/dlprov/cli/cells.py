"""Values as a person reads them in a table. Nothing is lost but, in listings, digits that nobody compares."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeGuard

from dlprov.query.plain import plain

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|DOUBLE|FLOAT|BIGNUM|DECIMAL(\(.*\))?")


def text_of(value: Any, *, brief: bool = False) -> str | None:
    """One value as text; ``None`` for NULL.

    Args:
        value: What the database gave.
        brief: Six significant digits, where that is shorter, and whole seconds: for listings.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value, brief=brief)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        shown = value.replace(microsecond=0) if brief else value
        return shown.isoformat(sep=" ")
    if isinstance(value, dict | list | tuple):
        return printable(json.dumps(plain(value), ensure_ascii=False))
    if isinstance(value, bytes):
        return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value)
    return printable(str(value))


def is_number(kind: str) -> bool:
    """Whether values of an SQL type are numbers, which stand at the right of their column."""
    return _NUMBER.fullmatch(kind) is not None


def aligned(texts: list[str | None]) -> list[str | None]:
    """Numbers padded at their right, so that their points stand below each other in a right-aligned column."""
    tails = [len(text) - _point(text) if _is_digits(text) else 0 for text in texts]
    longest = max(tails, default=0)
    return [
        text + " " * (longest - tail) if text is not None and _is_digits(text) else text
        for text, tail in zip(texts, tails, strict=True)
    ]


def printable(text: str) -> str:
    """``text`` without what would move the cursor or colour the terminal; its lines stay."""
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.expandtabs(4).replace("\r\n", "\n"))


def counted(number: int, what: str) -> str:
    """How many of what: ``1 run``, ``1,200 runs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str | None:
    """Seconds as a person says them: ``16 ms``, ``4.2 s``, ``2 min 05 s``, ``3 h 07 min``."""
    if seconds is None:
        return None
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(count: float | None) -> str | None:
    """Bytes as a person says them: ``120 B``, ``3.4 MB``."""
    if count is None:
        return None
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def short_id(run_id: str) -> str:
    """The end of a run's id, which is random: the beginning is the time, and alike in runs of one minute."""
    return run_id[-8:]


def ago(then: datetime, now: datetime) -> str:
    """How long ago ``then`` was."""
    passed = max(now - then, timedelta())
    return f"{duration(passed.total_seconds())} ago"


def _number(value: float, *, brief: bool) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if not brief:
        return repr(value)
    return min(repr(value), f"{value:.6g}", key=len)


def _is_digits(text: str | None) -> TypeGuard[str]:
    """Whether it is neither NULL nor NaN nor an infinity."""
    return text is not None and text[-1:].isdigit()


def _point(text: str) -> int:
    """Where the whole part of a number ends."""
    for index, letter in enumerate(text):
        if letter in ".e":
            return index
    return len(text)
