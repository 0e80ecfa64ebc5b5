"""What an import left in a store, and whether it is what was in the database."""

from __future__ import annotations

from pathlib import Path

from monetdb_dumps import Database

from dlprov.log.layout import log_files, run_directories
from dlprov.log.seal import verify_run
from dlprov.query import open_session


def assert_same_tables(database: Database, *, but: tuple[str, ...] = ()) -> None:
    """The index has every row of the database, with the same ids and nothing else."""
    with open_session().index.reading() as connection:
        for table in database.tables:
            if table.name in but:
                continue
            columns = [column for column in table.columns if column != "uuid"]
            wanted = [tuple(row[column] for column in columns) for row in database.rows(table.name, table.schema)]
            schema = table.schema if table.name.startswith("ds_") else "public"
            shown = ", ".join(f'"{column}"' for column in columns)
            query = f'SELECT {shown} FROM store."{schema}"."{table.name}" ORDER BY ALL'
            found = connection.execute(query).fetchall()
            wanted.sort(key=lambda row: tuple((value is None, value) for value in row))
            different = [pair for pair in zip(found, wanted, strict=False) if pair[0] != pair[1]]
            assert found == wanted, (table.name, len(found), len(wanted), different[:1])


def logs(store: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for run in run_directories(store) for path in log_files(run)}


def assert_sealed(store: Path) -> None:
    found = [file for run in run_directories(store) for file in verify_run(run)]
    assert found
    assert {file.verdict for file in found} == {"sealed"}, [file.problems for file in found]
    assert all(file.torn_bytes == 0 for file in found)
