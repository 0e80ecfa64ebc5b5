"""What there is to ask: the dataflows, the tables of a schema, the columns of a table."""

from __future__ import annotations

import re

from dlprov.errors import NotFoundError
from dlprov.query.result import Result
from dlprov.query.session import Session

_NAME = re.compile(r'"(?:[^"]|"")*"|[^."\s]+')
"""A part of a name."""


def tables(session: Session, kind: str = "") -> Result:
    """The tables and views of the current schema, with their meaning; ``kind``: only a ``table`` or a ``view``."""
    return session.ask(
        """
        SELECT name, kind, comment AS meaning FROM (
            SELECT table_name AS name, 'table' AS kind, comment FROM duckdb_tables()
            WHERE database_name = 'store' AND schema_name = $schema
            UNION ALL
            SELECT view_name AS name, 'view' AS kind, comment FROM duckdb_views()
            WHERE database_name = 'store' AND schema_name = $schema AND NOT internal)
        WHERE $kind IN ('', kind) ORDER BY name
        """,
        {"schema": session.schema, "kind": kind},
    )


def find(session: Session, name: str) -> tuple[str, str, bool]:
    """The schema and the name of a table or view, as the store spells them, and whether it is a view.

    Args:
        session: The session to ask.
        name: Its name, in any case, quoted or not; with its schema and a dot, or of the current schema or ``public``.

    Raises:
        NotFoundError: There is none of that name.
    """
    parts = [match[0].strip('"').replace('""', '"').lower() for match in _NAME.finditer(name)]
    schemas = [parts[0]] if len(parts) == 2 else list(dict.fromkeys([session.schema, "public"]))
    if 1 <= len(parts) <= 2:
        for schema in schemas:
            found = session.ask(
                """
                SELECT s.name, t.name, t.type = 1 FROM sys._tables AS t JOIN sys.schemas AS s ON s.id = t.schema_id
                WHERE lower(s.name) = $schema AND lower(t.name) = $name
                """,
                {"schema": schema, "name": parts[-1]},
            ).rows()
            if found:
                return found[0]
    raise NotFoundError(f"there is no table or view {name!r} in the schema {session.schema!r}; \\d lists them")


def columns(session: Session, name: str) -> Result:
    """The columns of a table or view that :func:`find` finds.

    Raises:
        NotFoundError: There is none of that name.
    """
    schema, table, _ = find(session, name)
    return session.ask(
        """
        SELECT column_name AS "column", data_type AS type, comment AS meaning FROM duckdb_columns()
        WHERE database_name = 'store' AND schema_name = $schema AND table_name = $name ORDER BY column_index
        """,
        {"schema": schema, "name": table},
    )


def schemas(session: Session) -> Result:
    """The dataflows, with their schemas and numbers of runs."""
    return session.ask(
        """
        SELECT d.tag AS dataflow, count(r.run_id) AS runs, max(r.started) AS last_started
        FROM public.dataflow AS d LEFT JOIN public.run AS r ON r.dataflow = d.tag GROUP BY d.tag ORDER BY d.tag
        """
    )
