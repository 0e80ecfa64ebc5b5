"""Expressions that users write in SQL: read by the engine's own parser, and refused if they are more than that."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import duckdb

from dlprov.errors import QueryError
from dlprov.query.foreign import nodes
from dlprov.query.interface.message import shown
from dlprov.store.names import fold

_QUESTIONS = frozenset({"SELECT_NODE", "SET_OPERATION_NODE"})
_SOURCES = frozenset({"BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "SUBQUERY"})

_MORE = "an alias, a comma, a comment at its end or another part of a question makes it more than that"


@dataclass(frozen=True)
class Expression:
    """One expression: its text, and the engine's syntax tree of it."""

    text: str
    tree: Any

    @property
    def is_star(self) -> bool:
        """Whether it stands for several columns, as ``*`` and ``set.*`` do."""
        return bool(self.tree["class"] == "STAR")

    def columns(self) -> Iterator[tuple[str, ...]]:
        """The columns that it names, outside of subqueries: ``("set", "attribute")``, in lower case."""
        waiting = [self.tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, list):
                waiting += node
            elif isinstance(node, dict) and node.get("class") == "COLUMN_REF":
                yield tuple(map(fold, node["column_names"]))
            elif isinstance(node, dict) and node.get("class") != "SUBQUERY":
                waiting += node.values()


class Parser:
    """The engine's parser. A context manager; one thread at a time."""

    def __init__(self) -> None:
        self._engine = duckdb.connect(":memory:")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()

    def keywords(self) -> dict[str, str]:
        """The words that mean something in SQL, and in which places: the engine's categories."""
        return dict(
            self._engine.execute("SELECT keyword_name, keyword_category::VARCHAR FROM duckdb_keywords()").fetchall()
        )

    def expression(self, text: str, tables: Collection[tuple[str, str]], schema: str) -> Expression:
        """``text`` as one expression.

        It means the same with and without parentheses around it: so no part of it can end the place it is put in. A
        subquery in it reads nothing but ``tables``.

        Args:
            text: What the user wrote.
            tables: The tables, with their schemas, that subqueries may read.
            schema: The schema in which a table is looked for before ``public``.

        Raises:
            QueryError: It is no expression, or more than one, or reads something else.
        """
        if any(ord(letter) < 32 and letter != "\t" for letter in text):
            raise QueryError(f"an expression on one line was expected, got a control character in {shown(text)}")
        bare, enclosed = self._parsed(f"SELECT {text}"), self._parsed(f"SELECT ({text})")
        if isinstance(bare, str) or bare != enclosed:
            raise QueryError(f"one expression was expected, got {shown(text)}: {_reason(text, bare, enclosed)}")
        _check(bare, text, tables, schema)
        return Expression(text, bare)

    def are_separate(self, texts: Collection[str]) -> bool:
        """Whether expressions mean the same when they are joined by AND without parentheses around each."""
        enclosed = " AND ".join(f"({text})" for text in texts)
        return bool(self._parsed(f"SELECT {' AND '.join(texts)}") == self._parsed(f"SELECT {enclosed}"))

    def _parsed(self, sql: str) -> Any:
        """The tree of the only column of a question that reads no table, or a text: why it is no such question."""
        [(text,)] = self._engine.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        try:
            parsed = _unplaced(json.loads(text))
        except RecursionError:
            return "it is nested too deep"
        if parsed.get("error"):
            return parsed["error_message"]
        node = parsed["statements"][0]["node"] if len(parsed["statements"]) == 1 else {}
        return node["select_list"][0] if _is_bare(node) else _MORE


def _reason(text: str, bare: Any, enclosed: Any) -> str:
    """Why a text is no expression: what the parser made of it, bare and in parentheses."""
    if not isinstance(bare, str) or bare == _MORE:
        return _MORE
    if not isinstance(enclosed, str):
        return "its parentheses do not match"
    return bare + ("; a semicolon ends an argument, between quotes, too" if text.count("'") % 2 else "")


def _is_bare(node: dict[str, Any]) -> bool:
    """Whether a question is one column without an alias, and nothing else."""
    return bool(
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and not node["select_list"][0].get("alias")
        and node["from_table"]["type"] == "EMPTY"
        and not any(
            node.get(part)
            for part in ("where_clause", "group_expressions", "group_sets", "having", "qualify", "sample", "modifiers")
        )
        and not node["cte_map"]["map"]
    )


def _check(tree: Any, text: str, tables: Collection[tuple[str, str]], schema: str) -> None:
    for node in nodes(tree):
        if node.get("class") == "PARAMETER":
            raise QueryError(f"values were expected, got a parameter in {shown(text)}")
        if "cte_map" in node and (node["type"] not in _QUESTIONS or node["cte_map"]["map"]):
            raise QueryError(f"a plain subquery was expected, got WITH or another statement in {shown(text)}")
        for source in (node.get("from_table"), *((node["left"], node["right"]) if node.get("type") == "JOIN" else ())):
            if source is not None:
                _check_source(source, text, tables, schema)


def _check_source(source: dict[str, Any], text: str, tables: Collection[tuple[str, str]], schema: str) -> None:
    if source["type"] not in _SOURCES:
        what = source["type"].lower().replace("_", " ")
        raise QueryError(f"a subquery reads sets of the dataflow or tables of public, got a {what} in {shown(text)}")
    if source["type"] != "BASE_TABLE":
        return
    name = fold(source["table_name"])
    places = [fold(source["schema_name"])] if source["schema_name"] else [schema, "public"]
    if source["catalog_name"] not in ("", "store") or not any((place, name) in tables for place in places):
        raise QueryError(
            f"a subquery reads sets of the dataflow or tables of public, got {source['table_name']!r} in {shown(text)}"
        )


def _unplaced(node: Any) -> Any:
    """A syntax tree without the positions in the text."""
    if isinstance(node, dict):
        return {name: _unplaced(value) for name, value in node.items() if not name.startswith("query_location")}
    return [_unplaced(part) for part in node] if isinstance(node, list) else node
