"""Rows of an imported database keep the ids that they had there, where nothing else has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_logs import RunLog, at, execution_log, rows

import dlprov
from dlprov.log import events
from dlprov.model import Attribute, Dataflow, Set, Transformation

TRAIN, TEST = "@train/1", "@test/2"

PLAN = (
    Transformation("Train", (Set("oTrain", "OUTPUT", (Attribute("loss", "NUMERIC"), Attribute("epoch", "NUMERIC"))),)),
    Transformation("Test", (Set("oTrain", "INPUT", dependency="Train"), Set("oTest", "OUTPUT"))),
)


def imported(store: Path, tag: str, start: int) -> RunLog:
    """A database in which every id is ``start`` or follows it; the ids of two tables are never alike."""
    numbers = events.Numbers(
        at(0),
        dataflow=start,
        version=start + 1,
        transformations={"train": start + 2, "test": start + 3},
        sets={"otrain": start + 4, "otest": start + 5},
        attributes={"otrain.loss": start + 6, "otrain.epoch": start + 7},
        dependencies=((start + 8, "train", "test", "otrain"), (start + 9, "test", "", "otest")),
    )
    log = execution_log(store, "old", numbers, events.Plan(at(0), Dataflow(tag, PLAN)), dataflow=tag)
    return log.add(
        events.Task(at(1), TRAIN, "Train", 1, number=start + 10),
        events.Task(at(2), TEST, "Test", 2, depends_on=(TRAIN,), number=start + 11),
        events.Performance(at(2), TRAIN, "10:00", "10:01", number=start + 12),
        events.File(at(2), TRAIN, f"{tag}.csv", "/w", start + 13),
        events.Generated(
            at(3), TRAIN, "oTrain", 1, ({"loss": 0.5, "epoch": 0}, {"loss": 0.25, "epoch": 1}), start + 14
        ),
        events.Used(at(4), TEST, "oTrain", generated_by=(TRAIN,)),
    )


def ids(tag: str) -> dict[str, list[Any]]:
    """The ids of everything that :func:`imported` brings."""
    flow = f"JOIN dataflow AS d ON df_id = d.id AND d.tag = '{tag}'"
    run = f"JOIN run AS r ON r.run_id = t.run_id AND r.dataflow = '{tag}'"
    asked = {
        "dataflow": f"SELECT id FROM dataflow WHERE tag = '{tag}'",
        "dataflow_version": f"SELECT version FROM dataflow_version {flow}",
        "data_transformation": f"SELECT t.id FROM data_transformation AS t {flow}",
        "data_set": f"SELECT s.id FROM data_set AS s {flow}",
        "attribute": f"SELECT a.id FROM attribute AS a JOIN data_set AS s ON s.id = ds_id {flow}",
        "data_dependency": f"SELECT a.id FROM data_dependency AS a JOIN data_set AS s ON s.id = ds_id {flow}",
        "task": f"SELECT t.id FROM task AS t {run}",
        "performance": f"SELECT p.id FROM performance AS p JOIN task AS t ON t.id = task_id {run}",
        "file": f"SELECT id FROM file WHERE name = '{tag}.csv'",
        "element": f'SELECT id FROM "{tag}".otrain',
    }
    return {name: sorted(row[0] for row in rows(sql)) for name, sql in asked.items()}


def expected(start: int) -> dict[str, list[int]]:
    return {
        "dataflow": [start], "dataflow_version": [start + 1], "data_transformation": [start + 2, start + 3],
        "data_set": [start + 4, start + 5], "attribute": [start + 6, start + 7],
        "data_dependency": [start + 8, start + 9], "task": [start + 10, start + 11], "performance": [start + 12],
        "file": [start + 13], "element": [start + 14, start + 15],
    }  # fmt: skip


def test_an_empty_store_takes_every_id(store: Path) -> None:
    imported(store, "d", 100)
    assert ids("d") == expected(100)
    assert rows("FROM renumbered") == []
    assert rows("SELECT df_id FROM dataflow_execution") == [(100,)]
    assert rows("SELECT DISTINCT df_version FROM task") == [(101,)]
    assert rows("SELECT previous_dt_id, next_dt_id, ds_id FROM data_dependency ORDER BY id") == [
        (102, 103, 104), (103, None, 105),
    ]  # fmt: skip
    assert rows("SELECT id, train_task_id, test_task_id FROM d.otrain") == [(114, 110, 111), (115, 110, 111)]


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
@pytest.mark.parametrize("starts", [(100, 200), (200, 100)])
def test_two_databases_with_different_ids_have_both(store: Path, starts: tuple[int, int], apart: bool) -> None:
    imported(store, "c", starts[0])
    if apart:
        rows("FROM run")
    imported(store, "d", starts[1])
    assert ids("c") == expected(starts[0])
    assert ids("d") == expected(starts[1])
    assert rows("FROM renumbered") == []


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_an_id_that_is_taken_is_replaced_and_the_table_says_by_which(store: Path, apart: bool) -> None:
    first = imported(store, "c", 1)
    if apart:
        rows("FROM run")
    second = imported(store, "d", 1)
    known = {"c": ids("c"), "d": ids("d")}
    assert min(known.values(), key=lambda found: found["dataflow"]) == expected(1)
    ((other, log),) = [(tag, log) for tag, log in (("c", first), ("d", second)) if known[tag]["dataflow"] != [1]]
    for name, numbers in known[other].items():
        if name == "element":  # the schema is another one
            assert numbers == expected(1)["element"]
            continue
        noted = dict(rows(f"SELECT number, id FROM renumbered WHERE \"table\" = '{name}' AND run_id = '{log.run_id}'"))
        assert sorted(noted.get(number, number) for number in expected(1)[name]) == numbers
        assert len(noted) == len(numbers)
    assert rows("SELECT count(*) FROM task AS a JOIN task AS b USING (id) WHERE a.uuid <> b.uuid") == [(0,)]
    ((train, test),) = [tuple(known[other]["task"])]
    assert rows(f"SELECT train_task_id, test_task_id FROM {other}.otrain") == [(train, test)] * 2


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_rows_that_are_there_already_keep_their_ids(store: Path, apart: bool) -> None:
    native = execution_log(store, "new", events.Plan(at(0), Dataflow("d", PLAN)), dataflow="d", writer="0-aaaaaaaa")
    native.add(events.Task(at(1), TRAIN, "Train", 1), events.Generated(at(1), TRAIN, "oTrain", 1, ({"loss": 1.0},)))
    rows("FROM run")
    log = imported(store, "d", 100)
    found = ids("d")
    assert [found[name] for name in ("dataflow", "dataflow_version", "data_transformation", "data_set")] == [
        [1], [1], [1, 2], [1, 2],
    ]  # fmt: skip
    assert found["task"] == [1, 110, 111]
    assert found["element"] == [1, 114, 115]
    assert sorted(rows('SELECT "table", number, id FROM renumbered')) == [
        ("attribute", 106, 1), ("attribute", 107, 2),
        ("data_dependency", 108, 1), ("data_dependency", 109, 2),
        ("data_set", 104, 1), ("data_set", 105, 2),
        ("data_transformation", 102, 1), ("data_transformation", 103, 2),
        ("dataflow", 100, 1), ("dataflow_version", 101, 1),
    ]  # fmt: skip
    # An import that comes again with more says the same again.
    log.add(events.Numbers(at(9), dataflow=100, sets={"otrain": 104}))
    assert len(rows("FROM renumbered")) == 10


def test_what_is_captured_after_an_import_gets_the_next_ids(store: Path) -> None:
    imported(store, "d", 100)
    rows("FROM run")
    with dlprov.start_run("d") as run, run.task("Train") as task:
        task.generated("oTrain", loss=0.125)
    assert rows(f"SELECT id FROM task WHERE run_id = '{run.id}'") == [(112,)]
    assert rows("SELECT id, train_task_id FROM d.otrain WHERE loss = 0.125") == [(116, 112)]


def test_a_task_that_was_named_before_its_id_was_told_keeps_the_one_that_it_got(store: Path) -> None:
    log = execution_log(store, "old", dataflow="d")
    log.add(events.Task(at(1), TEST, "Test", 2, depends_on=(TRAIN,), number=7))
    log.add(events.Task(at(2), TRAIN, "Train", 1, number=5))
    assert rows("SELECT id, identifier FROM task ORDER BY id") == [(7, 2), (8, 1)]
    assert rows('SELECT "table", number, id FROM renumbered') == [("task", 5, 8)]


def test_ids_that_leave_no_room_for_others_are_not_given(store: Path) -> None:
    largest = 2**31 - 1
    log = execution_log(store, "old", events.Numbers(at(0), dataflow=largest), dataflow="d")
    log.add(
        events.Task(at(1), TRAIN, "Train", 1, number=largest),
        events.Generated(at(2), TRAIN, "oTrain", 1, ({"loss": 1.0}, {"loss": 2.0}), largest),
        events.Task(at(3), TEST, "Test", 2),
    )
    assert rows("SELECT id FROM dataflow") == [(1,)]
    assert rows("SELECT id FROM task ORDER BY id") == [(1,), (2,)]
    assert rows("SELECT id, train_task_id FROM d.otrain ORDER BY id") == [(1, 1), (2, 1)]
    assert rows('SELECT "table", id FROM renumbered ORDER BY ALL')[:2] == [
        ('"d"."ds_otrain"', 1),
        ('"d"."ds_otrain"', 2),
    ]
