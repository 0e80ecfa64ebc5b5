"""One execution in the files of several processes, in whatever order they are read; and who ran it, and where."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from run_logs import DATAFLOW, RunLog, at, dump, execution_log, ids_removed, rows

import dlprov
from dlprov.log import events
from dlprov.log.identifiers import execution_run_id
from dlprov.store import Index

TRAIN, TEST = "@train/1", "@test/2"

WRITERS = pytest.mark.parametrize("writers", [("1-aaaaaaaa", "2-bbbbbbbb"), ("2-bbbbbbbb", "1-aaaaaaaa")])
"""Files that were opened at once are read in the order of their names."""


def second(number: float) -> dt.datetime:
    """The time of :func:`at`, as the tables have it."""
    return dt.datetime.fromtimestamp(at(number) / 1e6, dt.UTC).replace(tzinfo=None)


def train(time: float, **said: Any) -> events.Task:
    return events.Task(at(time), TRAIN, "Train", 1, **said)


@WRITERS
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_task_that_two_processes_report_is_one(store: Path, writers: tuple[str, str], apart: bool) -> None:
    """A service begins it, is started again, and another process of it ends it."""
    execution_log(store, "first", train(1, workspace="/w", resource="a"), writer=writers[0]).add(
        events.Performance(at(1), TRAIN, "10:00"), events.Generated(at(2), TRAIN, "oTrain", 1, ({"loss": 0.5},))
    )
    if apart:
        rows("FROM task")
    execution_log(store, "first", train(8, workspace="/v"), writer=writers[1], second=8).add(
        events.Generated(at(8), TRAIN, "oTrain", 1, ({"loss": 0.25},)),
        events.Performance(at(9), TRAIN, "10:00", "10:09"),
        events.TaskEnd(at(9), TRAIN, "finished", 1.0, output="all"),
    )
    assert rows(
        "SELECT identifier, status, workspace, computing_resource, output_msg, error_msg, started, ended FROM task"
    ) == [(1, "FINISHED", "/w", "a", "all", "null", second(1), second(9))]
    assert rows("SELECT starttime, endtime FROM performance") == [("10:00", "10:09")]
    assert sorted(rows(f'SELECT train_task_id, loss FROM "{DATAFLOW}".otrain')) == [(1, 0.25), (1, 0.5)]
    assert rows(f'SELECT count(DISTINCT uuid) FROM "{DATAFLOW}".ds_otrain') == [(2,)]


@WRITERS
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_task_that_another_file_tells_of_is_filled_when_that_is_read(
    store: Path, writers: tuple[str, str], apart: bool
) -> None:
    test = events.Task(at(5), TEST, "Test", 2, depends_on=(TRAIN,))
    execution_log(store, "first", test, writer=writers[0], second=5)
    if apart:
        assert rows(
            "SELECT t.identifier, t.df_exec, d.tag, t.status FROM task AS t "
            "JOIN data_transformation AS d ON d.id = t.dt_id ORDER BY t.id"
        ) == [(2, "first", "test", "RUNNING"), (1, "first", "train", None)]
    execution_log(store, "first", train(1), events.TaskEnd(at(2), TRAIN, "finished"), writer=writers[1], second=1)
    assert rows("SELECT identifier, df_version, df_exec, status, started FROM task ORDER BY identifier") == [
        (1, 1, "first", "FINISHED", second(1)),
        (2, 1, "first", "RUNNING", second(5)),
    ]
    assert rows(
        "SELECT a.identifier, b.identifier FROM task_dependency JOIN task AS a ON a.id = task_id "
        "JOIN task AS b ON b.id = depends_on_id"
    ) == [(2, 1)]


@WRITERS
def test_a_file_that_was_opened_earlier_is_read_earlier(store: Path, writers: tuple[str, str]) -> None:
    """What a task took was there before, whatever the names of the files."""
    run_id = execution_run_id(DATAFLOW, "first")
    RunLog(store, run_id, writers[0], opened=1).add(
        events.Run(at(1), DATAFLOW, execution="first"),
        train(1),
        events.Generated(at(2), TRAIN, "oTrain", 1, ({"loss": 0.5},)),
    )
    RunLog(store, run_id, writers[1], opened=3).add(
        events.Task(at(4), TEST, "Test", 2, depends_on=(TRAIN,)),
        events.Used(at(4), TEST, "oTrain", generated_by=(TRAIN,)),
    )
    assert rows(f'SELECT train_task_id, test_task_id FROM "{DATAFLOW}".otrain') == [(1, 2)]
    assert rows("SELECT tag FROM dataflow") == [(DATAFLOW.lower(),)]


def test_the_order_of_the_files_only_changes_numbers(store: Path, tmp_path: Path) -> None:
    def record(place: Path, writers: tuple[str, str]) -> None:
        execution_log(place, "first", train(1, workspace="/w"), writer=writers[0], second=1, user="ada").add(
            events.Agent(at(1), "ada@example.org"), events.Param(at(2), {"epochs": 3}, TRAIN)
        )
        execution_log(place, "first", writer=writers[1], second=3).add(
            events.Task(at(4), TEST, "Test", 2, depends_on=(TRAIN,)),
            events.Environment(at(4), {"hardware": {"os": "Linux"}}),
            events.TaskEnd(at(6), TRAIN, "finished", 5.0),
            events.End(at(7), "finished", 4.0),
        )

    record(store, ("1-aaaaaaaa", "2-bbbbbbbb"))
    record(tmp_path / "other", ("2-bbbbbbbb", "1-aaaaaaaa"))
    assert ids_removed(dump(Index(store, store))) == ids_removed(dump(Index(tmp_path / "other", tmp_path / "cache")))


@WRITERS
def test_a_run_that_two_processes_take_part_in_is_one(store: Path, writers: tuple[str, str]) -> None:
    first = execution_log(store, "first", writer=writers[0], second=1, user="ada")
    first.add(events.End(at(9), "failed", 8.0, "ValueError", "no"))
    other = RunLog(store, execution_run_id(DATAFLOW, "first"), writers[1])
    other.add(events.Run(at(2), DATAFLOW.upper(), "a name", "first", user="bob"), events.End(at(4), "finished", 2.0))
    assert rows("SELECT dataflow, execution, name, started, ended, status, error, duration FROM run") == [
        (DATAFLOW.lower(), "first", "a name", second(1), second(9), "failed", "no", 10.0)
    ]
    assert rows("SELECT tag FROM dataflow_execution") == [("first",)]
    assert dlprov.runs().dicts()[0]["name"] == "a name"


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_run_that_had_ended_goes_on_when_another_process_takes_part(store: Path, apart: bool) -> None:
    execution_log(store, "first", events.End(at(2), "finished", 2.0))
    if apart:
        assert rows("SELECT status FROM run") == [("finished",)]
    log = execution_log(store, "first", writer="2-bbbbbbbb", second=3)
    # Long ago, and without an end.
    assert rows("SELECT status, ended FROM run") == [("lost", None)]
    log.add(events.End(at(5), "failed", 2.0))
    assert rows("SELECT status, ended, duration FROM run") == [("failed", second(5), 4.0)]


HARDWARE = {"hostname": "vm", "os": "Linux", "platform": "Linux-6.18", "architecture": "x86_64", "processor": "Xeon",
            "gpus": "Not available", "in_container": True, "ram_total_gb": 7.5}  # fmt: skip
AGENT = events.Agent(at(1), "bob@example.org", HARDWARE)
ENVIRONMENT = events.Environment(at(2), {"hardware": {"os": "Darwin", "machine": "arm64", "gpus": ["a", "b"]}})

WHO = (
    "SELECT s.email, h.hostname, h.os, h.architecture, h.gpus, h.in_container FROM dataflow_execution AS e "
    "LEFT JOIN data_scientist AS s ON s.id = e.scientist_id LEFT JOIN hardware_info AS h ON h.id = e.hardware_id "
    "ORDER BY e.id"
)
SAID = ("bob@example.org", "vm", "Linux", "x86_64", "Not available", True)


def test_without_a_client_who_says_more_the_environment_counts(store: Path) -> None:
    execution_log(store, "first", ENVIRONMENT, user="bob")
    assert rows(WHO) == [("bob", "node1", "Darwin", "arm64", "a, b", None)]


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
@pytest.mark.parametrize("happened", [(AGENT, ENVIRONMENT), (ENVIRONMENT, AGENT)], ids=["before", "after"])
def test_the_word_of_a_client_counts_more_than_the_environment(
    store: Path, happened: tuple[events.Event, ...], apart: bool
) -> None:
    log = execution_log(store, "first", user="bob")
    for event in happened:
        log.add(event)
        if apart:
            rows(WHO)
    assert rows(WHO) == [SAID]
    # Nor does a later one change it, of this package or of another client.
    log.add(ENVIRONMENT, events.Agent(at(3), "eve@example.org", {"hostname": "other"}))
    assert rows(WHO) == [SAID]


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_client_may_tell_late_and_bit_by_bit(store: Path, apart: bool) -> None:
    log = execution_log(store, "first", train(1))
    for event in (train(2), events.Agent(at(3), "bob@example.org"), train(4), events.Agent(at(5), hardware=HARDWARE)):
        if apart:
            rows(WHO)
        log.add(event)
    assert rows(WHO) == [SAID]


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_client_may_be_heard_before_the_run_is_known(store: Path, apart: bool) -> None:
    run_id = execution_run_id(DATAFLOW, "first")
    RunLog(store, run_id, "1-aaaaaaaa").add(AGENT, ENVIRONMENT)
    if apart:
        assert rows(WHO) == [SAID]
    execution_log(store, "first", writer="2-bbbbbbbb", user="bob")
    assert rows(WHO) == [SAID]
    assert rows("SELECT tag, df_id, uuid FROM dataflow_execution") == [("first", 1, run_id)]


def test_people_and_machines_are_stored_once(store: Path) -> None:
    for execution in ("first", "second"):
        execution_log(store, execution, AGENT, user="bob")
        rows(WHO)
    execution_log(store, "third", events.Agent(at(1), "eve@example.org", {**HARDWARE, "in_container": False}))
    assert rows("SELECT id, email FROM data_scientist ORDER BY id") == [
        (1, "bob"), (2, "bob@example.org"), (3, "eve@example.org"),
    ]  # fmt: skip
    assert rows("SELECT id, in_container FROM hardware_info ORDER BY id") == [(1, True), (2, False)]
    assert rows(WHO)[:2] == [SAID, SAID]
