"""A rebuild of the index gives the tables that incremental indexing gave, row for row and number for number."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import dlprov
from dlprov.log import layout
from dlprov.store import Index
from dlprov.store.names import quote

EXCEPT = {"log_directory"}
"""Depends on when somebody looked, not on the logs."""


def busy_run(number: int, store: Path) -> dlprov.Run:
    """A run that uses everything; left open for the caller to finish."""
    run = dlprov.start_run(
        f"flow {number % 3}", params={"lr": 0.1 * number, "layers": [1, 2]}, tags={"n": number}, store=store
    )
    first = run.task("Load")
    rows = [first.generated("oLoad", file=f"{n}.csv", size=n if n % 2 else n / 2) for n in range(3)]
    first.end()
    second = run.task("Train", depends_on=[first])
    second.used("oLoad", *rows[:2])
    second.used("iTrain", rate=0.1, **{"Odd Name": "x"})
    for epoch in range(4):
        second.log(step=epoch * 10, epoch=epoch, loss=1 / (epoch + 1), accuracy=float("nan"))
        second.generated("oTrain", epoch=epoch, loss=1 / (epoch + 1), note=None if epoch < 2 else f"e{epoch}")
    run.adaptation("lr", 0.1, 0.01, technique="step", epoch=2)
    third = run.task("Test", depends_on=[second])
    third.used_all("oTrain", second)
    third.generated("oTest", accuracy=0.5)
    third.end()
    second.end()
    run.param({"lr": 0.2})
    run.note("remark")
    return run


def dump(index: Index) -> dict[str, list[tuple[Any, ...]]]:
    """Every table and view of an index: its columns, and its rows in their order."""
    with index.reading() as connection:
        names = connection.execute(
            """
            SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'store'
            UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'store' AND NOT internal
            ORDER BY ALL
            """
        ).fetchall()
        tables = {}
        for schema, name in names:
            if name in EXCEPT:
                continue
            cursor = connection.execute(f"FROM store.{quote(schema)}.{quote(name)}")
            columns = [(column[0], str(column[1])) for column in cursor.description or ()]
            # As text: NaN is not equal to itself.
            rows = (tuple(map(repr, row)) for row in cursor.fetchall())
            tables[f"{schema}.{name}"] = [tuple(columns), *sorted(rows)]
        return tables


def test_runs_indexed_one_after_the_other(store: Path) -> None:
    index = Index(store, store)
    for number in range(5):
        busy_run(number, store).finish()
        with index.reading():
            pass
    incremental = dump(index)
    assert len(incremental["public.run"]) == 6
    index.rebuild()
    assert dump(index) == incremental
    # Without the old index to follow, the order is that of the runs, which here is the same.
    assert index.path is not None
    index.path.unlink()
    assert dump(index) == incremental or ids_removed(dump(index)) == ids_removed(incremental)


def test_pieces_of_many_files_in_any_order(store: Path, tmp_path: Path) -> None:
    """Files grow by random pieces, in turns, and the index is brought up to date now and then."""
    original = tmp_path / "original"
    for number in range(6):
        busy_run(number, original).finish()
    contents = {
        path.relative_to(original): path.read_bytes()
        for run in layout.run_directories(original)
        for path in layout.log_files(run)
    }
    generator = random.Random(7)
    index = Index(store, store)
    positions = dict.fromkeys(contents, 0)
    while any(positions[path] < len(content) for path, content in contents.items()):
        path = generator.choice([path for path, content in contents.items() if positions[path] < len(content)])
        target = store / path
        target.parent.mkdir(parents=True, exist_ok=True)
        size = generator.randint(1, 3000)
        with target.open("ab") as file:
            file.write(contents[path][positions[path] : positions[path] + size])
        positions[path] += size
        if generator.random() < 0.4:
            with index.reading():
                pass
    incremental = dump(index)
    assert len(incremental["public.run"]) == 7
    index.rebuild()
    assert dump(index) == incremental
    index.rebuild()
    assert dump(index) == incremental
    # And apart from the numbers that rows were given, the order does not matter at all.
    assert ids_removed(incremental) == ids_removed(dump(Index(original, tmp_path / "cache")))


def test_a_run_that_was_deleted_is_gone_after_a_rebuild(store: Path) -> None:
    index = Index(store, store)
    kept, deleted = busy_run(1, store), busy_run(2, store)
    kept.finish()
    deleted.finish()
    assert len(dump(index)["public.run"]) == 3
    shutil.rmtree(layout.run_directory(store, deleted.id))
    index.rebuild()
    tables = dump(index)
    assert [row[0] for row in tables["public.run"][1:]] == [repr(kept.id)]
    assert len(tables["public.log_problem"]) == 1
    assert len(tables["public.log_file"]) == 2


def ids_removed(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """The tables without the columns that hold numbers of rows, and without the order of indexing."""
    removed = {}
    for name, (columns, *rows) in tables.items():
        if name in ("public.log_batch", "public.log_file"):
            continue
        kept = [place for place, (column, _) in enumerate(columns) if not is_number_of_row(column)]
        removed[name] = sorted((tuple(row[place] for place in kept) for row in rows), key=repr)
    return removed


def is_number_of_row(column: str) -> bool:
    return column in ("id", "version", "df_version") or (
        column.endswith("_id") and column not in ("run_id", "parent_run_id")
    )
