"""Errors as clients get them: one line, with the code that SQL has for the kind of error."""

from __future__ import annotations

import re

from dlprov.errors import DlprovError, NotFoundError

_CODES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Catalog Error: Table with name (\S+) does not exist"), r"42S02!no such table '\1': "),
    (re.compile(r'Binder Error: Referenced (?:column|table) "([^"]*)" not found'), r"42S22!no such column '\1': "),
    (re.compile(r"(?:Conversion|Invalid Input) Error: "), "22018!"),
    (re.compile(r"Out of Range Error: "), "22003!"),
    (re.compile(r"(?:INTERRUPT|Interrupt)"), "HYT00!"),
    (re.compile(r"a question was expected, got an? "), "25006!"),
    (re.compile(r"a question that takes at most"), "HYT00!"),
)
_OTHERWISE = "42000!"
_CARET = re.compile(r"^\s*\^+\s*$")


def line_of(error: DlprovError) -> bytes:
    """The line of an error, its newline included."""
    return line(code_of(error), str(error))


def code_of(error: DlprovError) -> str:
    """SQL's code for an error, an exclamation mark, and what MonetDB says first."""
    if isinstance(error, NotFoundError):
        return "3F000!"
    message = str(error)
    for pattern, code in _CODES:
        if match := pattern.match(message):
            return match.expand(code)
    return _OTHERWISE


def line(code: str, message: str) -> bytes:
    """The line of a message."""
    parts = [part.strip() for part in message.splitlines() if not _CARET.match(part)]
    return f"!{code}{' '.join(part for part in parts if part)}\n".encode("utf-8", "replace")
