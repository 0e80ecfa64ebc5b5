"""JSON as DfAnalyzer's clients write it: strict JSON, and what the parser of its server (json-simple) let pass.

Commas may be missing, doubled or stray, a colon may be missing, texts may hold raw line feeds and backslashes that
escape nothing, numbers may have leading zeros. ``NaN`` and the infinities, which Python's encoder writes, are texts
with these names here.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dlprov.log import values

MAX_DEPTH = 64
"""How deep lists and objects may be nested; a message of DfAnalyzer's needs six levels."""

_TOO_DEEP = f"at most {MAX_DEPTH} levels of lists and objects were expected, got more"

MAX_DIGITS = 300
"""How many digits a number may have. Reading long ones takes time that grows with the square of their length."""

_TOKEN = re.compile(
    r"""
    [ \t\r\n]*
    (?: (?P<mark> [\[\]{},:])
      # Possessive: a text without an end is not looked through again and again.
      | "(?P<text> [^"\\]*+ (?: \\. [^"\\]*+ )*+ )"
      | (?P<number> -?[0-9]+ (?P<real> \.[0-9]+ )? (?P<power> [eE][-+]?[0-9]+ )? )
      | (?P<word> true | false | null | NaN | Infinity | -Infinity )
      | (?P<end> \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/bfnrt]))")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}

_decode = msgspec.json.Decoder().decode


class JSONError(ValueError):
    """A text that is no JSON. The message says what came, and where."""


def decode(body: bytes, charset: str = "utf-8") -> Any:
    """The value that a body holds.

    Args:
        body: The text's bytes.
        charset: Their encoding, as Python names it.

    Raises:
        JSONError: It is no JSON, not even leniently, or nested deeper than :data:`MAX_DEPTH`.
    """
    if charset != "utf-8":
        body = text_of(body, charset).encode()
    try:
        value = _decode(body)
    except (ValueError, RecursionError):  # msgspec's errors and those of the encoding are ValueErrors
        return _leniently(text_of(body))
    # No deeper than there are brackets: counting them is cheaper than looking.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise JSONError(_TOO_DEEP)
    return value


def text_of(body: bytes, charset: str = "utf-8") -> str:
    """The text of a body, without a byte order mark.

    Raises:
        JSONError: It is not in that encoding.
    """
    try:
        return body.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        came = error.object[error.start : error.start + 8]
        raise JSONError(
            f"a text in {charset.upper()} was expected, got the bytes {came!r} at byte {error.start} ({error.reason})"
        ) from None


def _leniently(text: str) -> Any:
    try:
        return _Parser().parse(text)
    except _PlacedError as error:
        line, column = text.count("\n", 0, error.at) + 1, error.at - text.rfind("\n", 0, error.at)
        near = text[max(0, error.at - 20) : error.at + 20]
        raise JSONError(f"{error.reason} at line {line}, column {column}, near {near!r}") from None


class _PlacedError(ValueError):
    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


class _Parser:
    """A parser with a stack of its own: a message cannot exhaust the interpreter's."""

    def __init__(self) -> None:
        self._open: list[Any] = []
        self._names: list[str | None] = []
        """For each open list or object: the member's name that waits for its value."""
        self._whole: list[Any] = []

    def parse(self, text: str) -> Any:
        at = 0
        while True:
            token = _TOKEN.match(text, at)
            if token is None:
                raise _PlacedError("JSON was expected, got something else", at)
            start, at = token.start(token.lastgroup or 0), token.end()
            if token["end"] is not None:
                break
            if self._whole:
                raise _PlacedError("the end of the text was expected, got more", start)
            if token["mark"]:
                self._mark(token["mark"], start)
            else:
                self._add(_scalar(token), start, is_text=token["text"] is not None)
        if not self._whole:
            raise _PlacedError("the text ends in the middle" if self._open else "JSON was expected, got nothing", start)
        return self._whole[0]

    def _mark(self, mark: str, at: int) -> None:
        inside = self._open[-1] if self._open else None
        waits = bool(self._names) and self._names[-1] is not None
        if mark in ("[", "{"):
            self._need_place(at)
            if len(self._open) >= MAX_DEPTH:
                raise _PlacedError(_TOO_DEEP, at)
            self._open.append([] if mark == "[" else {})
            self._names.append(None)
        elif mark in ("]", "}") and not waits and isinstance(inside, list if mark == "]" else dict):
            self._names.pop()
            self._add(self._open.pop(), at)
        elif inside is None or mark in ("]", "}") or waits != (mark == ":"):
            raise _PlacedError(f"a value was expected, got {mark!r}", at)

    def _add(self, value: Any, at: int, *, is_text: bool = False) -> None:
        inside = self._open[-1] if self._open else self._whole
        if isinstance(inside, list):
            inside.append(value)
        elif self._names[-1] is None and is_text:
            self._names[-1] = value
        else:
            self._need_place(at)
            inside[self._names[-1]] = value
            self._names[-1] = None

    def _need_place(self, at: int) -> None:
        if self._open and isinstance(self._open[-1], dict) and self._names[-1] is None:
            raise _PlacedError("the name of a member was expected, got another value", at)


def _scalar(token: re.Match[str]) -> Any:
    if token["text"] is not None:
        text = token["text"]
        return values.encode_text(_PAIR.sub(_joined, _ESCAPE.sub(_unescaped, text))) if "\\" in text else text
    if token["number"] is not None:
        digits = token["number"]
        if len(digits) > MAX_DIGITS:
            raise _PlacedError(
                f"a number of at most {MAX_DIGITS} digits was expected, got {len(digits)}", token.start("number")
            )
        return values.encode_float(float(digits)) if token["real"] or token["power"] else int(digits)
    return _WORDS.get(token["word"], token["word"])


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[2])


def _joined(pair: re.Match[str]) -> str:
    """The character beyond the first 65,536 that two escapes make together."""
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, list | dict)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return any(isinstance(item, list | dict) for item in level)
