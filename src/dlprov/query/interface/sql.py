"""SQL text as the query interface has always shown it: names quoted only where they must be, a part a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from dlprov.store.names import quote

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


class Names:
    """Spells names of sets and columns. ``keywords`` maps SQL's words to the engine's categories of them."""

    def __init__(self, keywords: Mapping[str, str]) -> None:
        self._keywords = keywords

    def set(self, tag: str) -> str:
        """A set, where a table is expected."""
        return self._spelled(tag, "reserved", "type_function")

    def column(self, tag: str, column: str) -> str:
        """A column of a set."""
        # Behind a point every word is a name for this engine; for those who take the text elsewhere not so.
        return f"{self.set(tag)}.{self._spelled(column, 'reserved')}"

    def alias(self, name: str) -> str:
        """A name for a column of the answer, which keeps its case."""
        return quote(name) if self._keywords.get(name.lower()) == "reserved" else name

    def _spelled(self, name: str, *needing_quotes: str) -> str:
        is_plain = _PLAIN.fullmatch(name) and self._keywords.get(name) not in needing_quotes
        return name if is_plain else quote(name)


def shown(columns: Iterable[str], sets: Iterable[str], condition: str) -> str:
    """The text that is shown. Running it gives equal rows as often as they are found."""
    return "\n".join([*_parts("SELECT", columns, sets, condition), ";"])


def executed(columns: Iterable[str], sets: Iterable[str], condition: str) -> str:
    """The text that is run: each row once, in the order of its values from left to right, NULL last."""
    return "\n".join([*_parts("SELECT DISTINCT", columns, sets, condition), "ORDER BY ALL"])


def _parts(verb: str, columns: Iterable[str], sets: Iterable[str], condition: str) -> Sequence[str]:
    lines = [f"{verb} {', '.join(columns)}", f"FROM {', '.join(sets)}"]
    return [*lines, f"WHERE {condition}"] if condition else lines
