"""Projections: the columns of the answer, as a message names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlprov.errors import QueryError
from dlprov.query.interface.catalog import Catalog, listed
from dlprov.query.interface.expressions import Expression, Parser
from dlprov.query.interface.message import Message, shown
from dlprov.query.interface.sql import Names
from dlprov.store.names import fold

_ALIAS = re.compile(r'(?P<body>.*\S)(?P<word>\s+as\s+)(?P<alias>[^\W\d]\w*|"(?:[^"]|"")+")', re.IGNORECASE)
_NAME = re.compile(r"[^\W\d]\w*(?:\s*\.\s*[^\W\d]\w*)?")


@dataclass(frozen=True)
class Projection:
    """A column of the answer: its SQL, and its name as DfAnalyzer writes it."""

    text: str
    title: str


@dataclass(frozen=True)
class Reader:
    """Reads the expressions of one message, of which every set must be among those that are asked.

    Attributes:
        message: The message.
        catalog: The dataflow.
        sets: The sets that are asked.
        parser: Reads SQL.
        names: Writes names.
    """

    message: Message
    catalog: Catalog
    sets: tuple[str, ...]
    parser: Parser
    names: Names

    def selections(self) -> list[Expression]:
        """The conditions of the message.

        Raises:
            QueryError: A condition is no expression, or names a set that is not asked.
        """
        return [self._expression("selection", text, text) for text in self.message.selection]

    def projections(self) -> list[Projection]:
        """The projections of the message, each once, as it is spelled first.

        Raises:
            QueryError: A projection is neither a column of a set that is asked nor an expression.
        """
        found: dict[str, Projection] = {}
        for projection in map(self._projection, self.message.projection):
            found.setdefault(projection.text, projection)
        return list(found.values())

    def _projection(self, text: str) -> Projection:
        match = _ALIAS.fullmatch(text)
        body, word, alias = match.group("body", "word", "alias") if match else (text, "", "")
        suffix = word + (alias if alias[:1] == '"' else self.names.alias(alias)) if match else ""
        column = self._column(body)
        if column is not None:
            return Projection(self.names.column(*column) + suffix, text.partition(".")[2].strip() or text)
        self._expression("projection", body, text)
        return Projection(body + suffix, _unquoted(alias) or body)

    def _column(self, text: str) -> tuple[str, str] | None:
        """The set and the column that ``text`` names, however it is spelled; ``None`` if it is no name."""
        for point in re.finditer(r"\.", text):
            tag, name = _bare(text[: point.start()]), _bare(text[point.end() :])
            if tag in self.catalog.sets and name in self.catalog.sets[tag].columns:
                return self._asked(tag, text), name
        if not _NAME.fullmatch(text):
            return None
        tag, _, name = (part.strip() for part in fold(text).rpartition("."))
        if not tag:
            return self._owner(name), name
        if tag not in self.catalog.sets:
            known = f"no set of {self.catalog.dataflow!r}; there are: {listed(self.catalog.sets)}"
            raise self._error("projection", f"set.attribute was expected, got {shown(text)}, which names {known}")
        columns = listed(self.catalog.sets[tag].columns)
        raise self._error("projection", f"{tag} has no attribute {shown(name)}; it has: {columns}")

    def _owner(self, name: str) -> str:
        owners = [tag for tag in self.sets if name in self.catalog.sets[tag].columns]
        if len(owners) == 1:
            return owners[0]
        which = f"several of them have it: {listed(owners)}" if owners else f"none of them has it: {listed(self.sets)}"
        raise self._error("projection", f"set.attribute was expected, got {shown(name)} without a set, and {which}")

    def _asked(self, tag: str, text: str, function: str = "projection") -> str:
        if tag in self.sets:
            return tag
        raise self._error(
            function,
            f"{shown(text)} needs {tag}, which is not among the sets that are asked ({listed(self.sets)}): "
            "name it as source or target, or name a target to which a path leads over it",
        )

    def _expression(self, function: str, text: str, whole: str) -> Expression:
        try:
            expression = self.parser.expression(text, self.catalog.tables, self.catalog.schema)
        except QueryError as error:
            raise self._error(function, str(error)) from None
        if expression.is_star:
            raise self._error(function, f"one value was expected, got {shown(whole)}: without projections all come")
        for tag, *rest in expression.columns():
            if rest and tag in self.catalog.sets:
                self._asked(tag, whole, function)
        return expression

    def _error(self, function: str, message: str) -> QueryError:
        return QueryError(self.message.place(function) + message)


def _bare(name: str) -> str:
    """A name as the catalogue has it: without quotes, in lower case."""
    return fold(_unquoted(name.strip()))


def _unquoted(name: str) -> str:
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if quoted else name
