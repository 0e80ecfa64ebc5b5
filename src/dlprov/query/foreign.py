"""What SQL may do that comes from somebody who is not the owner of the store: read its tables, and no more.

The engine itself gives such a question neither files nor network nor settings. What is left are table functions: some
read the engine's own files, some show or change its inside, and a later version may bring others. So only those that
are known to be harmless are let through. The engine's own parser finds them, so no spelling hides one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from dlprov.errors import QueryError
from dlprov.store.names import fold

TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_keywords", "duckdb_schemas",
        "duckdb_tables", "duckdb_types", "duckdb_views", "env", "generate_series", "json_each", "json_tree",
        "pragma_table_info", "pragma_version", "range", "repeat", "repeat_row", "summary", "unnest",
    }
)  # fmt: skip
"""The table functions that a foreign question may use."""

FUNCTIONS = frozenset({"current_setting", "getenv"})
"""The functions that a foreign question may not use: they tell where the owner has what."""

_EXPLAIN = re.compile(r"\s*EXPLAIN(?:\s+ANALYZE)?\s", re.IGNORECASE)
_ENGINES_OWN = re.compile("duckdb_|pragma_|pg_settings$", re.IGNORECASE)
"""Views that show the engine's inside, most as the table functions of their names do."""

_OF_A_PATH = frozenset("/\\.:*?[")


class FilesError(QueryError):
    """A question that reads files, where there are none to read: a service gives no access to any."""


def check(connection: duckdb.DuckDBPyConnection, kind: str, statement: str) -> None:
    """Whether a statement, of which the engine says that it is one of this kind, may be answered.

    Raises:
        QueryError: It may not.
    """
    explained = _EXPLAIN.match(statement) if kind == "EXPLAIN" else None
    if kind == "MULTI":
        raise QueryError("a PIVOT that names its columns was expected: PIVOT … ON column IN ('a', 'b') USING …")
    if kind != "SELECT" and explained is None:
        raise QueryError(f"a SELECT was expected, got a {kind.lower()} statement: a service answers no other")
    for node in nodes(_tree(connection, statement[explained.end() :] if explained else statement)):
        if node.get("type") == "TABLE_FUNCTION":
            name = str((node.get("function") or {}).get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                raise QueryError(f"a table of the store was expected, got the table function {name}: read a table")
        elif node.get("type") == "FUNCTION" and str(node.get("function_name")).lower() in FUNCTIONS:
            raise QueryError(f"a question about the store was expected, got the function {node['function_name']}")
        elif node.get("type") == "BASE_TABLE":
            name = str(node["table_name"])
            if not _is_table(connection, name):
                raise QueryError(f"a table of the store was expected, got {name!r}: files are not read here")
            if _ENGINES_OWN.match(name) and name.lower() not in TABLE_FUNCTIONS:
                raise QueryError(f"a table of the store was expected, got the engine's own {name}")


def _tree(connection: duckdb.DuckDBPyConnection, statement: str) -> Any:
    found = connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchone()
    try:
        parsed = json.loads(found[0] if found else "{}")
    except RecursionError:
        raise QueryError("a question was expected, got one that is nested too deep: simplify it") from None
    if parsed.get("error") or len(parsed.get("statements", ())) != 1:
        reason = parsed.get("error_message") or "it is more than one"
        raise QueryError(f"one SELECT was expected, got a statement that is none: {reason}")
    return parsed


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """The nodes of a syntax tree, as :func:`json.loads` gives it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            yield node
            waiting += node.values()


def _is_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a name is none that the engine would take for a file's, were there no such table."""
    if not _OF_A_PATH & set(name):
        return True
    query = (
        "SELECT 1 FROM duckdb_tables() WHERE table_name = $name "
        "UNION ALL SELECT 1 FROM duckdb_views() WHERE view_name = $name"
    )
    return connection.execute(query, {"name": fold(name)}).fetchone() is not None
