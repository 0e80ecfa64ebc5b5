"""What there is to ask: the dataflows, the tables of a schema, the columns of a table."""

from __future__ import annotations

from dlprov.errors import NotFoundError
from dlprov.query.result import Result
from dlprov.query.session import Session


def tables(session: Session) -> Result:
    """The tables and views of the current schema, with their meaning."""
    return session.ask(
        """
        SELECT name, kind, comment AS meaning FROM (
            SELECT table_name AS name, 'table' AS kind, comment FROM duckdb_tables()
            WHERE database_name = 'store' AND schema_name = $schema
            UNION ALL
            SELECT view_name AS name, 'view' AS kind, comment FROM duckdb_views()
            WHERE database_name = 'store' AND schema_name = $schema AND NOT internal)
        ORDER BY name
        """,
        {"schema": session.schema},
    )


def columns(session: Session, name: str) -> Result:
    """The columns of a table or view of the current schema, or else of ``public``.

    Raises:
        NotFoundError: There is none of that name.
    """
    wanted = name.strip().strip('"').lower()
    for schema in (session.schema, "public"):
        found = session.ask(
            """
            SELECT column_name AS "column", data_type AS type, comment AS meaning FROM duckdb_columns()
            WHERE database_name = 'store' AND schema_name = $schema AND lower(table_name) = $name ORDER BY column_index
            """,
            {"schema": schema, "name": wanted},
        )
        if len(found):
            return found
    raise NotFoundError(f"there is no table or view {name!r} in the schema {session.schema!r}; \\d lists them")


def schemas(session: Session) -> Result:
    """The dataflows, with their schemas and numbers of runs."""
    return session.ask(
        """
        SELECT d.tag AS dataflow, count(r.run_id) AS runs, max(r.started) AS last_started
        FROM public.dataflow AS d LEFT JOIN public.run AS r ON r.dataflow = d.tag GROUP BY d.tag ORDER BY d.tag
        """
    )
