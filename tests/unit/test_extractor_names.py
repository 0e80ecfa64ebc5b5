"""Names of extractors, of files' columns and of sets: any text, and each is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from raw_data_runs import columns, plan, recorded, taken_in, written
from run_logs import dump, rows

import dlprov
from dlprov.model import Attribute
from dlprov.store import Index
from dlprov.store.names import quote


def test_headers_as_nasty_as_they_come(store: Path, tmp_path: Path) -> None:
    header = (
        'id,ID,uuid,"quo""ted","semi;colon; DROP TABLE x; --",,epoch,train_task_id,select,ä,Ä,otrain_id,FILENAME,a b'
    )
    path = written(tmp_path, "a.csv", f"{header}\n1,2,3,4,5,6,7,8,9,10,11,12,13,14\n" + "x," * 13 + "x\n")
    recorded(path)
    found = rows("SELECT * FROM flow.otrain ORDER BY otrain_id")[0]
    assert dict(zip(columns(), found, strict=True)) == {
        "id": 1, "train_task_id": 1, "otrain_file_id": 1, "otrain_id": 1, "otrain_filename": "13", "epoch": 0,
        "id_2": "1", "id_3": "2", "uuid_2": "3", 'quo"ted': "4", "semi;colon; drop table x; --": "5", "_": "6",
        "otrain_epoch": "7", "train_task_id_2": "8", "select": "9", "ä": "10", "ä_2": "11", "otrain_id_2": "12",
        "a b": "14",
    }  # fmt: skip
    for name in columns():
        rows(f"SELECT {quote(name)} FROM flow.otrain")


def test_an_attribute_that_comes_after_a_column_of_a_file_keeps_apart_from_it(store: Path, tmp_path: Path) -> None:
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        task.raw_data(task.generated("oTrain", n=1), written(tmp_path, "a.csv", "loss,n\n1,2\n"))
        task.generated("oTrain", loss=0.5, otrain_id=7, n=3)
    assert taken_in("n, loss, otrain_n, loss_2, otrain_id_2") == [(1, 1, 2, None, None), (3, None, None, 0.5, 7)]


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_declared_attributes_called_like_columns_of_extractors_keep_apart(
    store: Path, tmp_path: Path, order: int
) -> None:
    attributes = [
        Attribute("a_id", "TEXT"),
        Attribute("x", "TEXT", "a"),
        Attribute("b_id", "TEXT", "a"),
        Attribute("a_file_id", "TEXT", "b"),
    ]
    declared = plan(*attributes[order:], *attributes[:order])
    path = written(tmp_path, "a.csv", "x,b_id,a_file_id\n1,2,3\n")
    for _ in range(2):
        with dlprov.start_run("flow") as run:
            run.plan(declared)
            with run.task("Train") as task:
                element = task.generated("oTrain", a_id="own")
                task.raw_data(element, path, extractor="a")
                task.raw_data(element, path, extractor="b")
    shown = list(columns())
    assert len(shown) == len(set(shown)) == 2 + 2 * 3 + 4
    found = "a_id_2, x, b_id_2, a_file_id_2, a_id, b_id, a_file_id, b_file_id"
    assert taken_in(found) == [("own", "1", "2", "3", 1, 1, 1, 1)] * 2
    before = dump(Index(store, store))
    Index(store, store).rebuild()
    assert dump(Index(store, store)) == before


@pytest.mark.parametrize(
    "tag",
    ['a"b', "a'b", "select", "x y", "../x", "x" * 300, "train_task", "ü", "otrain", "file", "%s $1 ?", "C:\\con", "E"],
)
def test_any_text_is_the_tag_of_an_extractor(store: Path, tmp_path: Path, tag: str) -> None:
    recorded(written(tmp_path, "a.csv", "x\n1\n"), extractor=tag)
    assert taken_in("x") == [(1,)]
    assert rows("SELECT tag FROM extractor") == [(tag.lower(),)]
    before = dump(Index(store, store))
    Index(store, store).rebuild()
    assert dump(Index(store, store)) == before


def test_two_sets_with_extractors_of_one_tag_have_a_table_each(store: Path, tmp_path: Path) -> None:
    one, two = written(tmp_path, "1.csv", "x\n1\n"), written(tmp_path, "2.csv", "y\nb\n")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        task.generated("ext_csv_2", a=1)
        task.raw_data(task.used("iTrain", a=1), one, extractor="csv")
        task.raw_data(task.generated("oTrain", a=2), two, extractor="csv")
    assert rows("SELECT x FROM flow.itrain") == [(1,)]
    assert rows("SELECT y FROM flow.otrain") == [("b",)]
    assert rows("SELECT name FROM extractor ORDER BY id") == [("csv",), ("csv_3",)]
    assert rows("SELECT a FROM flow.ext_csv_2") == [(1,)]


def test_a_set_that_is_called_like_the_table_of_an_extractor_is_there(store: Path, tmp_path: Path) -> None:
    recorded(written(tmp_path, "a.csv", "x\n1\n"), extractor="csv")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        task.generated("EXT_csv", a=5)
    assert taken_in("x") == [(1,)]
    assert rows("SELECT a FROM flow.ds_ext_csv") == rows("SELECT a FROM flow.ext_csv_2") == [(5,)]
    before = dump(Index(store, store))
    Index(store, store).rebuild()
    assert dump(Index(store, store)) == before


@pytest.mark.parametrize("tags", [("x", "ds_x", "ds_ds_x"), ("ds_ds_x", "ds_x", "x"), ("ds_x", "ds_ds_x", "x")])
@pytest.mark.parametrize("is_looked_at", [True, False])
def test_sets_that_are_called_like_tables_of_other_sets_are_all_there(
    store: Path, tags: tuple[str, ...], is_looked_at: bool
) -> None:
    index = Index(store, store)
    for _ in range(2):
        for number, tag in enumerate(tags):
            with dlprov.start_run("flow") as run, run.task("Train") as task:
                task.generated(tag, a=number)
                run.task("Test").used_all(tag, task)
            if is_looked_at:
                with index.reading():
                    pass
    for number, tag in enumerate(tags):
        assert rows(f"SELECT DISTINCT a FROM flow.ds_{tag}") == [(number,)]
        shown = "ds_x_2" if tag == "ds_x" else "ds_ds_x_2" if tag == "ds_ds_x" else "x"
        assert rows(f"SELECT a FROM flow.{shown}") == [(number,)] * 2
    before = dump(index)
    index.rebuild()
    assert dump(index) == before
