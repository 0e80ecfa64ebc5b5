"""Texts of ``NUMERIC`` attributes as numbers, the way MonetDB read them from DfAnalyzer's statements.

DfAnalyzer pasted such a text into its SQL without quotes, so the database took it for an expression: a published
example sends ``80-20``, and its data base holds 60.
"""

from __future__ import annotations

import math
import re
from typing import Any

from dlprov.log.values import encode_float

_WORDS: dict[str, int | None] = {"": None, "null": None, "none": None, "true": 1, "false": 0}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CALCULATION = re.compile(rf"\s*({_NUMBER})\s*([-+*/])\s*({_NUMBER})\s*")


def number(value: Any) -> tuple[Any, str]:
    """A value of a ``NUMERIC`` attribute as the run log writes it, and a remark, or why it became ``None``.

    Non-finite numbers are kept. ``null``, ``None`` and the empty text are no value; ``True`` is 1 and ``False`` 0. A
    calculation with two numbers is carried out, with the remark that it was.
    """
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return _word_or_calculation(value)
    if math.isfinite(found):
        return found, ""
    return {"@": "float", "v": encode_float(found)}, ""


def _word_or_calculation(value: Any) -> tuple[Any, str]:
    text = "" if value is None else str(value).strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()], ""
    match = _CALCULATION.fullmatch(text)
    if match is None:
        return None, f"a number was expected, got {text[:80]!r}; NULL was stored"
    result = _calculate(match[1], match[2], match[3])
    if result is None:
        return None, f"a number was expected, got {text[:80]!r}, which divides by zero; NULL was stored"
    return result, f"{text} was calculated, as DfAnalyzer's database did: {result:g} was stored"


def _calculate(left: str, operator: str, right: str) -> float | None:
    first, second = float(left), float(right)
    if operator == "+":
        return first + second
    if operator == "-":
        return first - second
    if operator == "*":
        return first * second
    if second == 0:
        return None
    whole = left.lstrip("+-").isdigit() and right.lstrip("+-").isdigit()
    # SQL divides integers without a rest.
    return float(math.trunc(first / second)) if whole else first / second
