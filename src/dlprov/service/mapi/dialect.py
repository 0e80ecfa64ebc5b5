r"""MonetDB's spelling of SQL, made the engine's: backslashes in texts, and comments that begin with ``#``.

A text of MonetDB has C's escapes (``'it\'s'``), which pymonetdb uses for parameters; the engine's has none.
"""

from __future__ import annotations

import re

from dlprov.store.names import text

_TOKEN = re.compile(
    r"""
      (?P<raw>[rR]'(?:[^']|'')*(?P<raw_end>'|\Z))
    | (?P<text>[eE]?'(?:[^'\\]|\\.|'')*(?P<text_end>'|\\?\Z))
    | (?P<name>"(?:[^"]|"")*(?P<name_end>"|\Z))
    | (?P<line>(?:--|\#)[^\n]*)
    | (?P<comment>/\*.*?(?P<comment_end>\*/|\Z))
    | (?P<end>;)
    | (?P<word>\w+)
    | (?P<other>[^\w'"#/;-]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(
    rb"\\(?:(?P<octal>[0-3][0-7]{2})|x(?P<hex>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})"
    rb"|(?P<other>.))|''",
    re.DOTALL,
)
_OTHER = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"f": b"\f", b"b": b"\b", b"a": b"\a", b"v": b"\v"}


def split(sql: str) -> tuple[list[str], str]:
    """The statements that a semicolon ends, in the engine's spelling; and what stands behind the last one, as it came.

    What stands there is empty if it is nothing but blanks and comments that have ended.
    """
    statements: list[str] = []
    parts: list[str] = []
    begin = 0
    says_something = False
    for token in _TOKEN.finditer(sql):
        kind = token.lastgroup or ""
        if kind == "end":
            if says_something:
                statements.append("".join(parts).strip())
            parts, begin, says_something = [], token.end(), False
            continue
        parts.append(_spelled(kind, token))
        says_something = says_something or _says_something(kind, token)
    return statements, sql[begin:] if says_something else ""


def _says_something(kind: str, token: re.Match[str]) -> bool:
    if kind == "comment":
        return not token["comment_end"]
    if kind == "line":
        return token.end() == len(token.string)
    return not token[0].isspace()


def _spelled(kind: str, token: re.Match[str]) -> str:
    if kind == "text" and token["text_end"] == "'":
        inner = token[0][token[0].index("'") + 1 : -1]
        return text(_unescaped(inner))
    if kind == "raw" and token["raw_end"]:
        return token[0][1:]
    if kind in ("line", "comment"):
        return " "
    return token[0]


def _unescaped(inner: str) -> str:
    raw = _ESCAPE.sub(_meaning, inner.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace").replace("\0", "")


def _meaning(match: re.Match[bytes]) -> bytes:
    if match[0] == b"''":
        return b"'"
    if match["octal"] or match["hex"]:
        return bytes([int(match["octal"], 8) if match["octal"] else int(match["hex"], 16)])
    point = match["u"] or match["U"]
    if point:
        return chr(min(int(point, 16), 0x10FFFF)).encode("utf-8", "replace")
    return _OTHER.get(match["other"], match["other"])
