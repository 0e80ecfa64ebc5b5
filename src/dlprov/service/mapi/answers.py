"""Answers as clients get them: a head, and then rows, as many as they asked for; the others are kept for them."""

from __future__ import annotations

from collections.abc import Iterator

from dlprov.query import Result
from dlprov.service.mapi.columns import kind_of

MOST_KEPT = 32
"""How many answers a client may leave half read; of more, the oldest is forgotten."""

ROWS = 1000
"""Rows that are made into text at a time."""

_UNFIT = frozenset("\"'#,\\\t\n\r")
"""Letters that a name in the head of an answer cannot have: clients find its parts by them."""


class Answer:
    """An answer that is given out in parts. Its methods take their time: not for the thread of an event loop."""

    def __init__(self, number: int, result: Result, statement: str) -> None:
        self.number = number
        self.size = len(result)
        self._result = result
        self._kinds = [kind_of(kind) for kind in result.types]
        self._names = [_name(name, place, statement) for place, name in enumerate(result.columns, 1)]

    def head(self, rows: int, microseconds: int, *, has_sizes: bool) -> bytes:
        """The lines before the first rows, of which ``rows`` follow."""
        found = zip(self._kinds, self._result.widths(), strict=True)
        widths = [str(kind.width or width) for kind, width in found]
        lines = [
            f"&1 {self.number} {self.size} {len(self._kinds)} {rows} {self.number} {microseconds} 0 0",
            f"% {_joined(['.'] * len(self._kinds))} # table_name",
            f"% {_joined(self._names)} # name",
            f"% {_joined([kind.name for kind in self._kinds])} # type",
            f"% {_joined(widths)} # length",
        ]
        if has_sizes:
            lines.append(f"% {_joined([f'{kind.digits} {kind.scale}' for kind in self._kinds])} # typesizes")
        return ("\n".join(lines) + "\n").encode()

    def block_head(self, first: int, rows: int) -> bytes:
        """The line before further rows."""
        return f"&6 {self.number} {len(self._kinds)} {rows} {first}\n".encode()

    def rows(self, first: int, count: int) -> bytes:
        """Rows as lines."""
        writers = [kind.write for kind in self._kinds]
        lines = [
            "[ "
            + ",\t".join("NULL" if value is None else write(value) for write, value in zip(writers, row, strict=True))
            + "\t]\n"
            for row in self._result.slice(first, count)
        ]
        # A surrogate is no letter: no text of the store has one, but the name of a file may have had.
        return "".join(lines).encode("utf-8", "replace")


class Kept:
    """The answers that a client has not read to their end, by their numbers."""

    def __init__(self) -> None:
        self._answers: dict[int, Answer] = {}
        self._last = 0

    def number(self) -> int:
        """A number for a new answer."""
        self._last += 1
        return self._last

    def keep(self, answer: Answer) -> None:
        """Keep an answer, if need be for an older one."""
        self._answers[answer.number] = answer
        while len(self._answers) > MOST_KEPT:
            del self._answers[next(iter(self._answers))]

    def find(self, number: int) -> Answer | None:
        """The answer of this number, if it is kept."""
        return self._answers.get(number)

    def forget(self, number: int) -> None:
        """Let an answer go."""
        self._answers.pop(number, None)


def pieces(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Where parts of many rows begin, and how many each has."""
    for place in range(first, first + count, ROWS):
        yield place, min(ROWS, first + count - place)


def _joined(parts: list[str]) -> str:
    return ",\t".join(parts)


def _name(name: str, place: int, statement: str) -> str:
    """The name of a column as MonetDB has it: in lower case if it is not quoted, ``%1`` of what has none that fits."""
    if _UNFIT & set(name) or not name.strip():
        return f"%{place}"
    return name if f'"{name}"' in statement else name.lower()
