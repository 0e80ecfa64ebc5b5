"""Stores with more than runs of this package: declared dataflows, and what DfAnalyzer's clients reported."""

from __future__ import annotations

import json

import pytest

from dlprov.log import declarations, events, layout
from dlprov.log.identifiers import execution_run_id
from dlprov.log.writer import Writer
from dlprov.model import Attribute, Dataflow, Set, Transformation

PLAN = Dataflow("MNIST", (Transformation("Train", (Set("oTrain", "OUTPUT", (Attribute("loss", "NUMERIC"),)),)),))


@pytest.fixture
def reported(store, tmp_path, monkeypatch):
    """One execution that a client reported, of two dataflows that were declared."""
    # Left-overs of the real temporary directory are none of these tests' business.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    declarations.save(store, PLAN)
    declarations.save(store, Dataflow("planned", PLAN.transformations))
    run_id = execution_run_id("mnist", "mnist 1")
    writer = Writer(layout.run_directory(store, run_id), run_id)
    for event in (
        events.Run(events.now(), "mnist", execution="mnist 1", kind="dfanalyzer"),
        events.Plan(events.now(), PLAN),
        events.Task(events.now(), "@train/4", "train", 4),
        events.Generated(events.now(), "@train/4", "otrain", 1, ({"loss": 0.5},)),
        events.TaskEnd(events.now(), "@train/4", "finished", 1.0),
        events.End(events.now(), "finished", 2.0),
    ):
        writer.append(event)
    writer.seal()
    return run_id


def test_declarations_are_no_runs(dlprov_command, reported):
    assert [run["run_id"] for run in json.loads(dlprov_command("runs", "--format", "json").stdout)] == [reported]
    found = dlprov_command("runs", "Planned")
    assert (found.returncode, found.stdout) == (0, "")
    assert "the dataflow 'Planned' is declared and has no runs yet" in found.stderr
    assert dlprov_command("runs", "unknown").returncode == 1


def test_a_task_of_a_client_is_shown_without_the_texts_of_what_it_left_out(dlprov_command, reported):
    shown = dlprov_command("show", "mnist 1")
    assert shown.returncode == 0
    assert "train" in shown.stdout
    assert "null" not in shown.stdout
    (task,) = json.loads(dlprov_command("show", "last", "--format", "json").stdout)["tasks"]
    assert (task["task"], task["status"], task["error"]) == (4, "finished", None)


def test_verify_counts_runs_and_declarations_apart(dlprov_command, reported, store):
    assert "3 files of 1 run and 2 declarations: 3 sealed" in dlprov_command("verify", "--all").stdout
    name = layout.declaration_name("planned")
    (path,) = layout.log_files(layout.run_directory(store, name))
    path.write_bytes(path.read_bytes().replace(b'"loss"', b'"lass"'))
    for arguments in (["--all"], [name]):
        found = dlprov_command("verify", *arguments)
        assert found.returncode == 1
        assert path.name in found.stdout
        assert "altered" in found.stdout


def test_doctor_and_index_take_declarations_as_they_are(dlprov_command, reported):
    found = dlprov_command("doctor")
    assert found.returncode == 0, found.stdout
    assert "1: 1 finished" in found.stdout
    assert "nothing needs attention" in found.stdout
    assert "is built anew" in dlprov_command("index", "--rebuild").stdout
    asked = dlprov_command("query", "SELECT tag FROM dataflow ORDER BY tag", "--format", "csv")
    assert asked.stdout.split() == ["tag", "mnist", "planned"]
