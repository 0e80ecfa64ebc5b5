"""Rows of raw data files, beside the elements that they belong to, while the files last."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from raw_data_runs import columns, plan, problems, recorded, taken_in, written
from run_logs import RunLog, at, dump, execution_log, rows

import dlprov
from dlprov.capture.extraction import describe
from dlprov.log import events
from dlprov.model import Attribute, Combination, Extractor
from dlprov.store import Index, extractors
from dlprov.store.ownership import OwnedIndex


def test_the_rows_of_a_file_are_beside_the_attributes_of_its_element(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "history.csv", "batch,loss\n1,0.5\n2,0.25\n")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        task.raw_data(task.generated("oTrain", epoch=0, accuracy=0.9), path, extractor="History")
        task.generated("oTrain", epoch=1, accuracy=0.95)
    assert list(columns()) == [
        "id", "train_task_id", "history_file_id", "history_id", "history_filename", "epoch", "accuracy", "batch", "loss"
    ]  # fmt: skip
    assert taken_in("id, epoch, accuracy, batch, loss") == [
        (1, 0, 0.9, 1, 0.5),
        (1, 0, 0.9, 2, 0.25),
        (2, 1, 0.95, None, None),
    ]
    assert rows("SELECT history_id, history_file_id, filename, batch FROM flow.ext_history ORDER BY 1") == [
        (1, 1, str(path), 1),
        (2, 1, str(path), 2),
    ]
    assert rows("SELECT name, path FROM file WHERE id = 1") == [("history.csv", str(tmp_path))]
    assert rows("SELECT id, epoch, history_file_id FROM flow.ds_otrain ORDER BY 1") == [(1, 0, 1), (2, 1, None)]
    found = "SELECT tag, cartridge, extension, is_declared FROM extractor"
    assert rows(found) == [("history", "EXTRACTION", "CSV", False)]
    found = "SELECT name, type, extractor_id FROM attribute ORDER BY id"
    assert rows(found)[2:] == [("batch", "NUMERIC", 1), ("loss", "NUMERIC", 1)]
    assert rows('SELECT "rows", "format", size FROM raw_data') == [(2, "csv", path.stat().st_size)]
    assert problems() == []
    # The log has the file's identity, not its rows.
    assert run.path is not None
    assert "0.25" not in run.path.read_text()


def test_an_extractor_is_called_after_the_set_where_nobody_names_it(store: Path, tmp_path: Path) -> None:
    recorded(written(tmp_path, "a.csv", "x\n1\n"))
    assert "otrain_file_id" in columns()
    assert rows("SELECT x FROM flow.ext_otrain") == [(1,)]


def test_declared_attributes_come_by_name_in_the_declared_order_with_the_declared_types(
    store: Path, tmp_path: Path
) -> None:
    attributes = (
        Attribute("first"),
        Attribute("Loss", "NUMERIC", "ext1"),
        Attribute("middle", "NUMERIC"),
        Attribute("Name", "TEXT", "ext1"),
        Attribute("count", "NUMERIC", "EXT1"),
    )
    path = written(tmp_path, "e.data", "COUNT;UNUSED;NAME;LOSS\n3;x;007;0.5\nnone;y;b;abc\nTrue;z;;nan\n")
    recorded(path, plan(*attributes, extractors=(Extractor("Ext1", "EXTRACTION", "PROGRAM"),)), extractor="ext1")
    shown = [
        "id", "train_task_id", "ext1_file_id", "ext1_id", "ext1_filename", "first", "loss", "middle", "name", "count",
        "epoch",
    ]  # fmt: skip
    assert list(columns()) == shown
    assert list(columns("flow.ds_otrain")) == [
        "id", "train_task_id", "first", "ext1_file_id", "middle", "epoch", "uuid"
    ]  # fmt: skip
    assert columns("flow.ext_ext1") == {
        "ext1_id": "INTEGER", "ext1_file_id": "INTEGER", "filename": "VARCHAR",
        "loss": "DOUBLE", "name": "VARCHAR", "count": "DOUBLE",
    }  # fmt: skip
    found = rows("SELECT loss, name, count FROM flow.otrain ORDER BY ext1_id")
    assert found[:2] == [(0.5, "007", 3.0), (None, "b", None)]
    assert math.isnan(found[2][0])
    assert found[2][1:] == (None, 1.0)
    assert len(problems()) == 1
    assert "numbers were expected in the column loss, got 'abc' in row 2" in problems()[0]
    assert rows("SELECT cartridge, extension, is_declared FROM extractor") == [("EXTRACTION", "PROGRAM", True)]


def test_a_declared_extractor_has_its_columns_before_any_file(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        run.plan(plan(Attribute("a", "NUMERIC"), Attribute("b", "NUMERIC", "e"), extractors=(Extractor("e"),)))
    assert columns() == {
        "id": "INTEGER", "train_task_id": "INTEGER", "e_file_id": "INTEGER", "e_id": "INTEGER", "e_filename": "VARCHAR",
        "a": "DOUBLE", "b": "DOUBLE",
    }  # fmt: skip
    assert rows("SELECT * FROM flow.ext_e") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x;y\n1;a\n", [(1.0, "a")]),  # a header with other names
        ("1;a\n2;b\n", [(1.0, "a"), (2.0, "b")]),  # none
        ("1\n", [(1.0, None)]),  # a column too few
        ("1;a;more\n", [(1.0, "a")]),
    ],
)
def test_declared_attributes_come_by_position_where_the_file_has_none_of_their_names(
    store: Path, tmp_path: Path, text: str, expected: list[Any]
) -> None:
    declared = plan(Attribute("a", "NUMERIC", "e"), Attribute("b", "TEXT", "e"), extractors=(Extractor("e"),))
    recorded(written(tmp_path, "e.csv", text), declared, extractor="e")
    assert taken_in("a, b") == expected


def test_a_header_with_all_declared_names_may_have_numbers_for_names_too(store: Path, tmp_path: Path) -> None:
    declared = plan(Attribute("b", "TEXT", "e"), extractors=(Extractor("e"),))
    recorded(written(tmp_path, "e.csv", "2025,B,2026\n1,x,2\n"), declared, extractor="e")
    assert taken_in("b") == [("x",)]


def test_a_declared_attribute_that_the_file_lacks_is_null_and_told(store: Path, tmp_path: Path) -> None:
    declared = plan(Attribute("a", "NUMERIC", "e"), Attribute("b", "TEXT", "e"), extractors=(Extractor("e"),))
    recorded(written(tmp_path, "e.csv", "other;A\nx;1\n"), declared, extractor="e")
    assert taken_in("a, b") == [(1.0, None)]
    assert "the columns b were expected, got only other, a" in problems()[0]


def two_extractors(first: Path, second: Path, *, key_types: tuple[str, ...] = ("NUMERIC",)) -> None:
    attributes = (Attribute("x", "NUMERIC", "outer"), Attribute("y", "TEXT", "inner"))
    declared = plan(
        *attributes,
        extractors=(Extractor("inner"), Extractor("outer")),
        combinations=(Combination("Outer", "Inner", ("Key",), key_types),),
    )
    with dlprov.start_run("flow") as run:
        run.plan(declared)
        with run.task("Train") as task:
            element = task.generated("oTrain", {})
            task.raw_data(element, first, extractor="outer")
            task.raw_data(element, second, extractor="inner")


def test_rows_of_two_extractors_are_joined_on_the_keys_of_their_combination(store: Path, tmp_path: Path) -> None:
    first = written(tmp_path, "outer.csv", "key,x\n1,10\n2,20\n3,30\n")
    second = written(tmp_path, "inner.csv", "KEY,y\n2,b\n1.0,a\n4,d\n2,bb\n")
    two_extractors(first, second)
    assert taken_in("x, y") == [(10, "a"), (20, "b"), (20, "bb"), (30, None)]
    assert list(columns()) == [
        "id", "train_task_id", "inner_file_id", "inner_id", "inner_filename", "outer_file_id", "outer_id",
        "outer_filename", "x", "y",
    ]  # fmt: skip
    assert list(columns("flow.ext_outer"))[-2:] == ["x", "key"]
    assert columns("flow.ext_inner")["key"] == "DOUBLE"
    found = (
        "SELECT o.tag, i.tag, keys, key_types FROM extractor_combination JOIN extractor AS o ON o.id = outer_ext_id "
    )
    assert rows(found + "JOIN extractor AS i ON i.id = inner_ext_id") == [("outer", "inner", "key", "NUMERIC")]


def test_rows_of_two_extractors_without_declared_attributes_are_joined_too(store: Path, tmp_path: Path) -> None:
    first = written(tmp_path, "one.csv", "key,x\n1,10\n2,20\n")
    second = written(tmp_path, "two.csv", "key,y\n2,b\n1,a\n")
    declared = plan(
        extractors=(Extractor("one"), Extractor("two")), combinations=(Combination("one", "two", ("key",)),)
    )
    with dlprov.start_run("flow") as run:
        run.plan(declared)
        with run.task("Train") as task:
            element = task.generated("oTrain", {})
            task.raw_data(element, first, extractor="one")
            task.raw_data(element, second, extractor="two")
    assert taken_in("key, x, y") == [("1", 10, "a"), ("2", 20, "b")]


def test_keys_of_different_types_do_not_fail_the_view(store: Path, tmp_path: Path) -> None:
    """The outer extractor's own attribute is the key, as text; the inner one's are numbers."""
    declared = plan(
        Attribute("key", "TEXT", "one"),
        Attribute("y", "TEXT", "two"),
        extractors=(Extractor("one"), Extractor("two")),
        combinations=(Combination("one", "two", ("key",), ("NUMERIC",)),),
    )
    with dlprov.start_run("flow") as run:
        run.plan(declared)
        with run.task("Train") as task:
            element = task.generated("oTrain", {})
            task.raw_data(element, written(tmp_path, "1.csv", "key;x\n1;\nabc;\n"), extractor="one")
            task.raw_data(element, written(tmp_path, "2.csv", "key;y\n1;a\n"), extractor="two")
    assert taken_in("key, y") == [("1", "a"), ("abc", None)]


def test_files_of_several_extractors_without_a_combination_are_all_there(store: Path, tmp_path: Path) -> None:
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        element = task.generated("oTrain", name="a")
        task.raw_data(element, written(tmp_path, "1.csv", "x\n1\n2\n"), extractor="one")
        task.raw_data(element, written(tmp_path, "2.csv", "x\n3\n"), extractor="two")
    assert taken_in("name, x, two_x") == [("a", 1, 3), ("a", 2, 3)]


def test_a_rebuild_gives_the_same_tables(store: Path, tmp_path: Path) -> None:
    index = Index(store, store)
    for number in range(3):
        first = written(tmp_path, f"{number}.csv", f"a,b\n{number},x\n0.5,y\n" if number else "a\n1\n2\n")
        second = written(tmp_path, f"{number}.json", json.dumps([{"c": number, "d": [1]}]))
        with dlprov.start_run("flow") as run, run.task("Train") as task:
            element = task.generated("oTrain", epoch=number)
            task.raw_data(element, first, extractor="table")
            task.raw_data(element, second, extractor="tree")
            with index.reading():
                pass
            task.raw_data(task.used("iTrain", rate=0.1), first, extractor="table")
            task.raw_data(task.generated("oTrain", epoch=number + 10), first, extractor="table")
            run.plan(plan(Attribute("z", "NUMERIC", "late"), extractors=(Extractor("late"),)))
        with index.reading():
            pass
    incremental = dump(index)
    assert len(incremental["flow.ext_table"]) == 1 + 3 * 2
    assert len(incremental["flow.otrain"]) == 1 + 2 * 3 * 2
    index.rebuild()
    assert dump(index) == incremental
    assert problems() == []


def test_an_element_in_a_file_that_is_read_later_gets_its_rows(store: Path, tmp_path: Path) -> None:
    found = describe(written(tmp_path, "a.csv", "x\n1\n"))
    first = execution_log(store, "e", dataflow="flow", writer="1-aaaaaaaa")
    first.add(found.event("@train/1", "oTrain", "2-bbbbbbbb:5", "e"))
    index = Index(store, store)
    with index.reading():
        pass
    assert rows('SELECT "rows" FROM raw_data') == [(1,)]
    second = RunLog(store, first.run_id, "2-bbbbbbbb")
    second.add(
        events.Generated(at(2), "@train/1", "oTrain", 4, ({"n": 4}, {"n": 5})),
        events.Generated(at(3), "@train/1", "oTrain", 6, ({"n": 6},)),
    )
    assert taken_in("n, x") == [(4, None), (5, 1), (6, None)]
    incremental = dump(index)
    index.rebuild()
    assert dump(index) == incremental


def test_what_a_worker_process_records_belongs_to_its_element(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "x\n1\n")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        element = task.generated("oTrain", n=1)
        process = multiprocessing.get_context("fork").Process(target=lambda: task.raw_data(element, path))
        process.start()
        process.join()
    assert taken_in("n, x") == [(1, 1)]


def test_a_file_of_several_elements_is_taken_in_once(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "x\n1\n2\n")
    recorded([path, path])
    recorded(path)
    assert taken_in("id, x") == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert rows("SELECT count(*) FROM flow.ext_otrain") == [(2,)]
    assert rows("SELECT count(*) FROM file") == [(1,)]


def test_each_content_of_a_file_that_is_written_over_belongs_to_its_own_element(store: Path, tmp_path: Path) -> None:
    """As long as the index sees each of them: a rebuild has the last one only, and says so."""
    for number in range(2):
        recorded(written(tmp_path, "last.csv", f"x\n{number}\n"))
        assert len(taken_in()) == number + 1
    assert taken_in("id, x") == [(1, 0), (2, 1)]
    assert rows("SELECT count(DISTINCT id), count(*) FROM file") == [(2, 2)]
    Index(store, store).rebuild()
    assert taken_in("id, x") == [(1, None), (2, 1)]
    assert "last.csv: its rows were not taken in: it has changed since it was recorded" in problems()[0]


def test_a_later_file_of_the_same_extractor_takes_the_place_of_the_earlier(store: Path, tmp_path: Path) -> None:
    one, two = written(tmp_path, "1.csv", "x\n1\n"), written(tmp_path, "2.csv", "x\n2\n")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        element = task.generated("oTrain", n=1)
        task.raw_data(element, one)
        task.raw_data(element, two)
    assert taken_in("n, x") == [(1, 2)]
    assert problems() == [f"{two}: it takes the place of {one}: name another extractor to have both"]


@pytest.mark.parametrize("how", ["changed", "same size", "gone", "directory", "pipe", "unreadable"])
def test_a_file_that_is_another_one_by_now_leaves_the_element_alone(store: Path, tmp_path: Path, how: str) -> None:
    path = written(tmp_path, "a.csv", "x\n1\n")
    recorded(path)
    path.unlink()
    reason = "has changed since it was recorded"
    if how == "changed":
        path.write_text("x\n12\n")
    elif how == "same size":
        path.write_text("x\n2\n")
    elif how == "directory":
        path.mkdir()
        reason = "cannot be read|a file was expected"
    elif how == "pipe":
        os.mkfifo(path)
        reason = "a file was expected, got something else"
    elif how == "unreadable":
        path.symlink_to(path)
        reason = "it cannot be read"
    else:
        reason = "it is gone"
    assert rows("SELECT epoch, otrain_id, otrain_filename, otrain_file_id FROM flow.otrain") == [(0, None, None, 1)]
    assert rows('SELECT "rows" FROM raw_data') == [(None,)]
    assert len(problems()) == 1
    assert problems()[0].startswith(f"{path}: its rows were not taken in: ")
    assert re.search(reason, problems()[0])
    # Brought back, the file's rows come with a rebuild.
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.write_text("x\n1\n")
    Index(store, store).rebuild()
    assert taken_in("epoch, x") == [(0, 1)]
    assert problems() == []


def test_columns_widen_from_file_to_file_and_lose_no_digit(store: Path, tmp_path: Path) -> None:
    texts = ["x,y,z,w\n1,1,9007199254740993,\n", "x,y,z,w\n2.5,x,0.5,3\n", "x,y,z,v\n3,2,1,new\n"]
    recorded([written(tmp_path, f"{number}.csv", text) for number, text in enumerate(texts)])
    found = columns()
    assert (found["x"], found["y"], found["z"], found["w"]) == ("DOUBLE", "VARCHAR", "VARCHAR", "BIGINT")
    assert taken_in("epoch, x, y, z, w, v") == [
        (0, 1.0, "1", "9007199254740993", None, None),
        (1, 2.5, "x", "0.5", 3, None),
        (2, 3.0, "2", "1", None, "new"),
    ]
    assert rows("SELECT type FROM attribute WHERE name = 'y'") == [("TEXT",)]
    # The same, file by file, each of them indexed alone.
    other = dump(Index(store, store))
    Index(store, store).rebuild()
    assert dump(Index(store, store)) == other


def test_an_index_file_of_rdi_fills_the_names_of_the_files(store: Path, tmp_path: Path) -> None:
    """The documented example: the key's value, and the byte offsets of the others."""
    path = written(tmp_path, "ext.index", "FILENAME;ID;COUNTRY;CONTINENT\n'/data/files/file-1.csv';1;32;49\n")
    names = (Attribute("id", "NUMERIC", "e"), Attribute("country", "TEXT", "e"), Attribute("continent", "TEXT", "e"))
    recorded(path, plan(*names, extractors=(Extractor("e", "INDEXING", "CSV"),)), extractor="e")
    assert taken_in("e_filename, id_2, country, continent") == [("/data/files/file-1.csv", 1.0, "32", "49")]


def test_a_bitmap_index_has_rows_and_attributes_as_text(store: Path, tmp_path: Path) -> None:
    path = written(
        tmp_path, "e.index", "FILENAME;ROWID;A\n'/d/FastBit_e/f.csv';1;'A.idx'\n'/d/FastBit_e/f.csv';2;'A.idx'\n"
    )
    recorded(
        path, plan(Attribute("a", "NUMERIC", "e"), extractors=(Extractor("e", "INDEXING", "FASTBIT"),)), extractor="e"
    )
    assert columns("flow.ext_e") == {
        "e_id": "INTEGER", "e_file_id": "INTEGER", "filename": "VARCHAR", "rowid": "DOUBLE", "a": "VARCHAR"
    }  # fmt: skip
    assert rows("SELECT e_id, filename, rowid, a FROM flow.ext_e") == [
        (1, "/d/FastBit_e/f.csv", 1.0, "A.idx"),
        (2, "/d/FastBit_e/f.csv", 2.0, "A.idx"),
    ]
    assert list(columns())[-2:] == ["a", "epoch"]


def test_a_service_that_may_read_no_files_takes_in_the_rows_of_recorded_ones(store: Path, tmp_path: Path) -> None:
    recorded(written(tmp_path, "a.csv", "x\n1\n"))
    with OwnedIndex(Index(store, store)) as index:
        with index.reading() as connection:
            assert connection.execute("SELECT epoch, x FROM store.flow.otrain").fetchall() == [(0, 1)]
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"FROM read_csv('{tmp_path / 'a.csv'}')")
        recorded(written(tmp_path, "b.csv", "x\n2\n"))
        with index.reading() as connection:
            assert connection.execute("SELECT x FROM store.flow.otrain ORDER BY x").fetchall() == [(1,), (2,)]
            left = connection.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
            assert sorted(left) == [("memory",), ("store",)]


def test_a_log_from_elsewhere_cannot_make_the_index_read_what_it_does_not_know(store: Path, tmp_path: Path) -> None:
    """Whoever writes a log needs the hash of a file to get at its rows; and formats are those of this version."""
    secret = written(tmp_path, "secret.csv", "password\nhunter2\n")
    log = execution_log(store, "e", dataflow="flow")
    log.add(events.Generated(at(1), "@train/1", "oTrain", 1, ({}, {}, {}, {})))
    size = secret.stat().st_size
    for number, (path, kind, digest, length) in enumerate(
        [
            (str(secret), "csv", "0" * 64, size),
            ("/dev/zero", "csv", "0" * 64, 0),
            ("http://localhost/a.csv", "csv", "0" * 64, 0),
            (str(secret), "exe", describe(secret).sha256, size),
        ]
    ):
        log.add(events.RawData(at(2), "@train/1", "oTrain", number + 1, "e", path, kind, digest, length))
    assert rows("SELECT count(*), count(e_id) FROM flow.otrain") == [(4, 0)]
    assert len(problems()) == 4
    assert any(
        "one of the formats csv, parquet, numpy, json was expected, got 'exe'" in message for message in problems()
    )


def test_expressions_that_convert_values_never_fail(tmp_path: Path) -> None:
    """One that failed would take the whole transaction of the index with it."""
    kinds = ["BOOLEAN", "BIGINT", "HUGEINT", "DOUBLE", "VARCHAR", "JSON", "DATE", "TIMESTAMP", "BLOB", "DECIMAL(5,2)"]
    values = ["NULL", "true", "1", "170141183460469231731687303715884105727", "'nan'", "'x'", "'\"a\"'"]
    connection = duckdb.connect()
    for kind in kinds:
        for wanted in kinds:
            for value in values:
                source = f"TRY_CAST({value} AS {kind})" if kind != "JSON" else f"to_json({value})"
                connection.execute(f"SELECT {extractors.converted('c', kind, wanted)} FROM (SELECT {source} AS c)")


def test_columns_of_a_program_that_reads_files_itself_are_declared_once(store: Path) -> None:
    declared = plan(
        Attribute("x", "TEXT", "outside"),
        Attribute("z", "TEXT"),
        extractors=(Extractor("outside", "EXTRACTION", "POSTGRES_RAW"),),
    )
    for _ in range(3):
        with dlprov.start_run("flow") as run:
            run.plan(declared)
        assert rows("SELECT name FROM attribute ORDER BY id") == [("x",), ("z",)]


def test_a_key_with_a_semicolon_combines_nothing_and_stops_no_index(store: Path) -> None:
    declared = plan(
        extractors=(Extractor("one"), Extractor("two")), combinations=(Combination("one", "two", ("a;b",)),)
    )
    for number in range(1, 3):
        with dlprov.start_run("flow") as run:
            run.plan(declared)
        assert rows("SELECT count(*) FROM run") == [(number,)]
    assert rows("SELECT count(*) FROM extractor_combination") == [(0,)]
