"""The grammar of DfAnalyzer's text protocol: one function a line, ``name(argument, …)``, with lists in braces.

Two dialects are read. What the server and the C++ client speak: ``{a;b}``, one call a line. What the published
documentation shows, which the server never understood: ``{a, b}``, and calls over several lines.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from dlprov.capture.dfanalyzer import MessageError

_CALL = re.compile(r"[ \t]*([A-Za-z_]\w*)[ \t]*\(")
_BRACE = re.compile(r"[{}]")
_MARK = re.compile(r"[{},]")


class Call(NamedTuple):
    """One function of a message: its name in lower case, its arguments, and the number of its first line."""

    name: str
    arguments: list[str]
    line: int

    def __str__(self) -> str:
        return f"{self.name}(…) in line {self.line}"


def calls(text: str, names: Collection[str]) -> list[Call]:
    """The calls of a message, in order.

    Args:
        text: The message.
        names: The functions that there are, in lower case. A line that begins with another one goes on with the call
            of the line before, as long as that is not closed.

    Raises:
        MessageError: A line is no call, or calls another function.
    """
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        begins = _CALL.match(line)
        name = begins[1].lower() if begins else ""
        if name in names:
            found.append((number, name, [line[begins.end() :] if begins else ""]))
        elif found and not _is_closed(found[-1][2]):
            found[-1][2].append(line)
        elif begins:
            raise MessageError(f"one of the functions {', '.join(names)} was expected in line {number}, got {name!r}")
        else:
            raise MessageError(f"a function, name(…), was expected in line {number}, got {line.strip()[:60]!r}")
    return [_call(name, "\n".join(lines), number) for number, name, lines in found]


def items(argument: str) -> list[str]:
    """The items of a list ``{a;b}`` or ``{a, b}``, or of a text without braces; none of an empty one."""
    inner = _unbraced(argument)
    if not inner.strip():
        return []
    return [item.strip() for item in (inner.split(";") if ";" in inner else inner.split(","))]


def groups(argument: str) -> list[list[str]] | None:
    """The items of each list in a list of lists: ``{{1;a};{2;b}}``, also with commas or nothing in between.

    ``None`` if it is a list of items. Braces within an item count as its text if they are paired.
    """
    found: list[list[str]] = []
    inner = _unbraced(argument)
    depth = begin = end = 0
    for brace in _BRACE.finditer(inner):
        depth += 1 if brace[0] == "{" else -1
        if depth < 0:
            return None
        if depth == 1 and brace[0] == "{":
            begin = brace.start()
            if inner[end:begin].strip(" \t\r\n;,"):
                return None
        elif not depth:
            end = brace.end()
            found.append(items(inner[begin:end]))
    return found if found and not depth and not inner[end:].strip(" \t\r\n;,") else None


def _call(name: str, rest: str, line: int) -> Call:
    end = rest.rfind(")")
    if end < 0:
        raise MessageError(f"a closing parenthesis was expected behind {name}( in line {line}, got {rest[:60]!r}")
    return Call(name, _split(rest[:end]), line)


def _split(text: str) -> list[str]:
    """The arguments: texts between commas that stand in no braces. Where braces are not paired, all commas count."""
    found = []
    depth = begin = 0
    for mark in _MARK.finditer(text):
        if mark[0] != ",":
            depth += 1 if mark[0] == "{" else -1
        elif not depth:
            found.append(text[begin : mark.start()])
            begin = mark.end()
        if depth < 0:
            break
    arguments = text.split(",") if depth else [*found, text[begin:]]
    return [argument.strip() for argument in arguments]


def _unbraced(argument: str) -> str:
    inner = argument.strip()
    return inner[1:-1] if inner.startswith("{") and inner.endswith("}") else inner


def _is_closed(lines: list[str]) -> bool:
    return lines[-1].rstrip().endswith(")")
