"""Run logs written by hand, file by file, and whole indexes to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlprov
from dlprov.log import events, layout
from dlprov.log.identifiers import execution_run_id
from dlprov.store import Index
from dlprov.store.names import quote

DATAFLOW = "Keras-AlexNet-DF"

EXCEPT = {"log_directory"}
"""Depends on when somebody looked, not on the logs."""


def at(second: float) -> int:
    """The time of an event: seconds after noon of a day, as the log has it."""
    return 1_795_262_400_000_000 + round(second * 1e6)


class RunLog:
    """The file of one writer of a run, or of a declaration. Lines are written as they are added."""

    def __init__(self, store: Path, run_id: str, writer: str = "1-aaaaaaaa", opened: float = 0) -> None:
        self.run_id = run_id
        self.writer = writer
        self.path = layout.run_directory(store, run_id) / (writer + layout.SUFFIX)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.add(events.Log(at(opened), events.FORMAT, run_id, writer, "node1"))

    def add(self, *happened: events.Event) -> RunLog:
        with self.path.open("ab") as file:
            file.write(b"".join(map(events.encode, happened)))
        return self


def execution_log(
    store: Path,
    execution: str = "first",
    *happened: events.Event,
    dataflow: str = DATAFLOW,
    writer: str = "1-aaaaaaaa",
    second: float = 0,
    user: str = "",
) -> RunLog:
    """What one process recorded of an execution that DfAnalyzer's clients name."""
    log = RunLog(store, execution_run_id(dataflow, execution), writer)
    begin = events.Run(at(second), dataflow, execution=execution, user=user, kind="dfanalyzer")
    return log.add(begin, *happened)


def rows(sql: str) -> list[tuple[Any, ...]]:
    """The answer of the default store."""
    return dlprov.query(sql).rows()


def dump(index: Index) -> dict[str, list[tuple[Any, ...]]]:
    """Every table and view of an index, but not the engine's catalogue: its columns, and its rows in their order."""
    with index.reading() as connection:
        names = connection.execute(
            """
            SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'store'
            UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'store' AND NOT internal
            AND schema_name <> 'sys' ORDER BY ALL
            """
        ).fetchall()
        tables = {}
        for schema, name in names:
            if name in EXCEPT:
                continue
            cursor = connection.execute(f"FROM store.{quote(schema)}.{quote(name)}")
            columns = [(column[0], str(column[1])) for column in cursor.description or ()]
            # As text: NaN is not equal to itself.
            found = (tuple(map(repr, row)) for row in cursor.fetchall())
            tables[f"{schema}.{name}"] = [tuple(columns), *sorted(found)]
        return tables


def ids_removed(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """The tables without the columns that hold numbers of rows, and without the order of indexing."""
    removed = {}
    for name, (columns, *found) in tables.items():
        if name in ("public.log_batch", "public.log_file"):
            continue
        kept = [place for place, (column, _) in enumerate(columns) if not is_number_of_row(column)]
        removed[name] = sorted((tuple(row[place] for place in kept) for row in found), key=repr)
    return removed


def is_number_of_row(column: str) -> bool:
    return column in ("id", "version", "df_version") or (
        column.endswith("_id") and column not in ("run_id", "parent_run_id")
    )
