"""Messages of the query interface: their grammar, and what they ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from dlprov.errors import QueryError

Join = Literal["physical", "logical", "hybrid"]
"""How two neighbouring sets of a path are joined: by the task between them, by equal attributes, or by both."""

FUNCTIONS = ("mapping", "source", "target", "include", "exclude", "projection", "selection")
"""The functions that a message may consist of, one a line."""

_SETS = ("source", "target", "include", "exclude")
_NEEDED = frozenset({"mapping", "source", "target"})
"""Functions that say nothing without an argument."""

_LINE_END = re.compile(r"\r\n|\r|\n")

_SHOWN = 60
"""Letters of a line or an argument that a message to a person repeats."""


@dataclass(frozen=True)
class Message:
    """A message, taken apart. Tags and expressions are as they were written, without the blanks around them.

    Attributes:
        mapping: How sets are joined; ``None``: not at all.
        source: Sets that paths begin with.
        target: Sets that paths end with.
        include: Sets that a path must contain, all of them.
        exclude: Sets that a path must not contain, none of them.
        projection: What is answered: ``set.attribute``, or an expression.
        selection: Conditions, all of which must hold.
        lines: The number of the line that holds a function, from 1, for messages to a person.
        warnings: Sentences about what was passed over.
    """

    mapping: Join | None = None
    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    projection: tuple[str, ...] = ()
    selection: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def place(self, function: str) -> str:
        """Where a function stands, as the beginning of an error."""
        return f"line {self.lines[function]}: " if function in self.lines else ""


def parse_message(text: str) -> Message:
    """Take a message apart.

    One function a line: the name before the first ``(``, the arguments from there to the last ``)``, separated by
    semicolons. Names may be in any case. Empty lines, empty arguments, blanks around names and arguments, and one pair
    of braces around the arguments are passed over. Of several lines with one function the last counts.

    Raises:
        QueryError: A function or a mapping is unknown, or an argument is missing; with the number of the line.
    """
    arguments: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    warnings: list[str] = []
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")), 1):
        written = line.strip()
        if not written:
            continue
        opening, closing = written.find("("), written.rfind(")")
        if opening < 0 or closing < opening:
            warnings.append(f"line {number} is passed over: function(argument; …) was expected, got {shown(written)}")
            continue
        name = written[:opening].strip().lower()
        if name not in FUNCTIONS:
            raise QueryError(f"line {number}: one of {', '.join(FUNCTIONS)} was expected, got {shown(name)}")
        if rest := written[closing + 1 :].strip(" \t;"):
            warnings.append(f"line {number}: {shown(rest)} behind the last parenthesis is passed over")
        if name in lines:
            warnings.append(f"{name} stands in lines {lines[name]} and {number}: the last one counts")
        arguments[name], lines[name] = _arguments(name, written[opening + 1 : closing]), number
        if name in _NEEDED and not arguments[name]:
            raise QueryError(f"line {number}: {name}(…) expects {_expected(name)}, got nothing")
    return Message(
        _join(arguments.pop("mapping", ()), lines),
        **arguments,
        lines=lines,
        warnings=tuple(warnings),
    )


def shown(text: str) -> str:
    """``text`` in quotes, as a message to a person repeats it: not longer than a line."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _join(values: tuple[str, ...], lines: Mapping[str, int]) -> Join | None:
    if not values:
        return None
    wanted = values[0].lower()
    if len(values) > 1 or wanted not in get_args(Join):
        raise QueryError(
            f"line {lines['mapping']}: mapping(…) expects {_expected('mapping')}, got {shown('; '.join(values))}"
        )
    return cast(Join, wanted)


def _expected(name: str) -> str:
    return "physical, logical or hybrid" if name == "mapping" else "the tag of at least one set"


def _arguments(name: str, text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in _unbraced(text.strip()).split(";"))
    if name in _SETS:
        parts = (_unbraced(part) for part in parts)
    return tuple(dict.fromkeys(part for part in parts if part))


def _unbraced(text: str) -> str:
    """``text`` without the pair of braces around all of it, as the published examples print it."""
    if not text.startswith("{") or not text.endswith("}"):
        return text
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1].strip()
