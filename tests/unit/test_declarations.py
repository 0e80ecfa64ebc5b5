"""What is declared of a dataflow outside of any run: it is in the tables, and is no run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from run_logs import RunLog, at, execution_log, rows

from dlprov.log import declarations, events, layout
from dlprov.log.identifiers import derived_id
from dlprov.log.seal import verify_run
from dlprov.model import Attribute, Dataflow, Set, Transformation
from dlprov.store import Index

TRAIN = Transformation("Train", (Set("oTrain", "OUTPUT", (Attribute("loss", "NUMERIC"),)),))
TEST = Transformation("Test", (Set("oTrain", "INPUT", dependency="Train"), Set("oTest", "OUTPUT")))

RUN_TABLES = ("run", "dataflow_execution", "task", "performance", "environment", "note", "param")


def test_a_declared_dataflow_has_its_tables_and_no_run(store: Path) -> None:
    assert declarations.save(store, Dataflow("MNIST", (TRAIN, TEST)))
    assert rows("SELECT tag FROM dataflow") == [("mnist",)]
    assert rows("SELECT tag FROM data_set ORDER BY id") == [("otrain",), ("otest",)]
    assert rows('SELECT train_task_id, test_task_id, loss FROM "mnist".otrain') == []
    assert rows("SELECT previous_dt_id, next_dt_id FROM data_dependency ORDER BY id") == [(1, 2), (2, None)]
    for table in RUN_TABLES:
        assert rows(f"FROM {table}") == []


def test_declaring_the_same_again_changes_nothing_and_more_is_added(store: Path) -> None:
    assert declarations.save(store, Dataflow("mnist", (TRAIN,)))
    before = rows("FROM data_set"), rows("FROM attribute")
    assert not declarations.save(store, Dataflow("mnist", (TRAIN,)))
    assert (rows("FROM data_set"), rows("FROM attribute")) == before
    assert declarations.save(store, Dataflow("mnist", (TRAIN, TEST)))
    assert rows("SELECT tag FROM data_set ORDER BY id") == [("otrain",), ("otest",)]
    assert rows("SELECT count(*) FROM dataflow_version") == [(1,)]


def test_runs_execute_what_was_declared(store: Path) -> None:
    declarations.save(store, Dataflow("mnist", (TRAIN, TEST)))
    rows("FROM dataflow")
    log = execution_log(store, "first", events.Task(at(1), "@train/1", "train", 1), dataflow="MNIST")
    log.add(events.Generated(at(2), "@train/1", "otrain", 1, ({"loss": 0.5},)))
    assert rows('SELECT train_task_id, test_task_id, loss FROM "mnist".otrain') == [(1, None, 0.5)]
    assert rows("SELECT count(*) FROM dataflow") == [(1,)]
    assert rows("SELECT df_id FROM dataflow_execution") == [(1,)]


def test_a_dataflow_that_has_the_name_of_a_needed_schema(store: Path) -> None:
    declarations.save(store, Dataflow("Public", (TRAIN,)))
    assert rows("SELECT tag FROM dataflow") == [("public",)]
    assert rows('SELECT loss FROM "public_dataflow".otrain') == []


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_ids_of_another_database_may_be_declared(store: Path, apart: bool) -> None:
    log = RunLog(store, layout.declaration_name("MNIST"))
    log.add(events.Plan(at(0), Dataflow("MNIST")))
    if apart:
        rows("FROM dataflow")
    log.add(events.Numbers(at(1), transformations={"train": 70}), events.Plan(at(1), Dataflow("MNIST", (TRAIN,))))
    assert rows("SELECT id, df_id, tag FROM data_transformation") == [(70, 1, "train")]
    assert rows("SELECT tag FROM dataflow") == [("mnist",)]


def test_nothing_else_has_a_meaning_in_a_declaration(store: Path) -> None:
    log = RunLog(store, layout.declaration_name("mnist"))
    log.add(
        events.Plan(at(0), Dataflow("mnist", (TRAIN,))),
        events.Run(at(1), "mnist"),
        events.Agent(at(1), "ada@example.org", {"hostname": "a"}),
        events.Environment(at(1), {"hardware": {"os": "Linux"}}),
        events.Task(at(2), 1, "Train", 1),
        events.Param(at(2), {"lr": 0.1}),
        events.Note(at(3), "a note"),
        events.End(at(4), "finished"),
        events.Heartbeat(at(5)),
    )
    assert rows("SELECT tag FROM dataflow") == [("mnist",)]
    for table in RUN_TABLES:
        assert rows(f"FROM {table}") == []
    assert rows("FROM log_problem") == []


def test_a_declaration_that_rests_is_not_looked_into_again(store: Path) -> None:
    declarations.save(store, Dataflow("mnist", (TRAIN,)))
    directory = layout.run_directory(store, layout.declaration_name("mnist"))
    assert [found.verdict for found in verify_run(directory)] == ["sealed"]
    long_ago = time.time() - 60
    os.utime(directory, (long_ago, long_ago))
    assert rows("SELECT run_id, is_closed FROM log_directory") == [(directory.name, True)]
    assert directory.name == f"dataflow-{derived_id('dataflow', 'mnist')}"
    assert Index(store, store).refresh() == 0
    declarations.save(store, Dataflow("mnist", (TRAIN, TEST)))
    assert rows("SELECT count(*) FROM data_transformation") == [(2,)]
