"""SQL text as people type it: several statements, MonetDB's spelling, the shell's backslash commands."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      '(?:[^']|'')*(?:'|\Z)     # a string; like all that follows, as far as it was typed
    | "(?:[^"]|"")*(?:"|\Z)     # a quoted name
    | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)   # a dollar-quoted string
    | --[^\n]*                  # a comment to the end of the line
    | /\*.*?(?:\*/|\Z)          # a comment
    | ;
    | .
    """,
    re.VERBOSE | re.DOTALL,
)

_SET_SCHEMA = re.compile(
    r"""^\s*(?:--[^\n]*\n\s*)*SET\s+SCHEMA\s*=?\s*(?:"(?P<quoted>(?:[^"]|"")*)"|'(?P<text>(?:[^']|'')*)'|(?P<bare>[^\s;'"]+))\s*$""",
    re.IGNORECASE,
)

_WORD = re.compile(r"(?>\s+|--[^\n]*|/\*.*?\*/)*+(?P<word>[A-Za-z_]\w*)", re.DOTALL)


class SetSchema(NamedTuple):
    """``SET SCHEMA "name"``: unqualified names are looked up there from now on."""

    schema: str


def split(sql: str) -> list[str]:
    """The statements of a text, without their semicolons; semicolons in strings, names and comments do not count."""
    statements = [""]
    for token in _TOKEN.finditer(sql):
        if token[0] == ";":
            statements.append("")
        else:
            statements[-1] += token[0]
    return [statement for statement in statements if not _is_empty(statement)]


def typed(text: str) -> tuple[list[str], str]:
    """What was typed so far: the statements that a semicolon ends, and the text behind the last of them."""
    end = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            end = token.end()
    return split(text[:end]), text[end:]


def set_schema(statement: str) -> SetSchema | None:
    """The schema that a statement makes the current one (MonetDB's ``SET SCHEMA``), if it is such a statement."""
    match = _SET_SCHEMA.match(statement)
    if match is None:
        return None
    if match["quoted"] is not None:
        return SetSchema(match["quoted"].replace('""', '"'))
    if match["text"] is not None:
        return SetSchema(match["text"].replace("''", "'"))
    return SetSchema(match["bare"])


def first_words(statement: str, number: int) -> str:
    """The first words of a statement, in upper case and with a blank in between. Comments are no words."""
    words: list[str] = []
    position = 0
    while len(words) < number and (match := _WORD.match(statement, position)):
        words.append(match["word"].upper())
        position = match.end()
    return " ".join(words)


def _is_empty(statement: str) -> bool:
    return not re.sub(r"--[^\n]*|/\*.*?\*/", "", statement, flags=re.DOTALL).strip()
