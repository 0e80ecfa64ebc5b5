from __future__ import annotations

import json

import pytest

import dlprov


def test_runs_lists_the_latest_first_with_short_ids(dlprov_command, trained, failed):
    found = dlprov_command("runs")
    first, second = found.stdout.splitlines()[2:]
    assert first.startswith(failed.id[-8:])
    assert "failed" in first
    assert second.startswith(trained.id[-8:])
    assert "loss 0.3333" in second


def test_runs_of_a_dataflow_or_a_status(dlprov_command, trained, failed):
    assert len(dlprov_command("runs", "MNIST").stdout.splitlines()) == 3
    assert failed.id[-8:] in dlprov_command("runs", "--status", "failed").stdout
    assert len(dlprov_command("runs", "-n", "1").stdout.splitlines()) == 3


def test_a_pipe_gets_all_runs(dlprov_command, store):
    for _ in range(25):
        dlprov.start_run("many").finish()
    assert len(dlprov_command("runs").stdout.splitlines()) == 27


def test_json_has_whole_ids_settings_and_metrics(dlprov_command, trained):
    (run,) = json.loads(dlprov_command("runs", "--format", "json").stdout)
    assert run["run_id"] == trained.id
    assert run["params"]["learning_rate"] == "0.001"
    assert run["metrics"]["loss"] == pytest.approx(1 / 3)
    assert run["started"].endswith("Z")


def test_the_best_runs(dlprov_command, store):
    runs = []
    for loss in (3.0, 1.0, float("nan"), 2.0):
        with dlprov.start_run("best", params={"rate": loss, "config": "x" * 500}) as run:
            run.log(loss=loss)
        runs.append(run.id[-8:])
    lines = dlprov_command("runs", "--best", "loss", "-n", "2").stdout.splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [[runs[1], "1"], [runs[3], "2"]]
    assert "rate=1" in lines[2]
    lines = dlprov_command("runs", "best", "--best", "loss", "--mode", "max").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [runs[0], runs[3], runs[1]]


def test_a_metric_that_is_not_there_names_those_that_are(dlprov_command, trained):
    found = dlprov_command("runs", "--best", "acc")
    assert found.returncode == 1
    assert "there are: accuracy, loss" in found.stderr
    assert "no run of the dataflow 'other'" in dlprov_command("runs", "other", "--best", "loss").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mode", "max"], "--best METRIC"),
        (["--best", "loss", "--status", "failed"], "one of them"),
        (["--status", "done"], "running"),
        (["-n", "0"], "x>=1"),
    ],
)
def test_a_command_line_that_makes_no_sense(dlprov_command, trained, arguments, said):
    found = dlprov_command("runs", *arguments)
    assert found.returncode == 2
    assert said in found.stderr


def test_an_empty_store_says_how_to_begin(dlprov_command, store):
    found = dlprov_command("runs")
    assert (found.returncode, found.stdout) == (0, "")
    assert "dlprov demo" in found.stderr
    assert json.loads(dlprov_command("runs", "--format", "json").stdout) == []


def test_an_unknown_dataflow_names_those_that_are_there(dlprov_command, trained):
    found = dlprov_command("runs", "nope")
    assert found.returncode == 1
    assert "there are: mnist" in found.stderr
    assert "none of the 1 runs is lost" in dlprov_command("runs", "--status", "lost").stderr


def test_show_tells_everything(dlprov_command, trained, failed):
    for name in (trained.id, trained.id[-8:], trained.execution):
        found = dlprov_command("show", name)
        assert found.returncode == 0, found.stderr
        for part in ("params", "tasks", "epochs", "adaptations", "artifacts", "notes", "tags", "environment"):
            assert f"\n{part}\n" in found.stdout
        assert "0.333333" in found.stdout
        assert "by half" in found.stdout
        assert "12.3 kB" in found.stdout
        assert "NaN" in found.stdout
        assert "\x1b" not in found.stdout
        assert "problems" not in found.stdout


def test_show_tells_how_a_run_failed(dlprov_command, trained, failed):
    page = dlprov_command("show").stdout
    assert "failed (ValueError: boom)" in page
    assert 'raise ValueError("boom")' in page


def test_show_lists_the_runs_within(dlprov_command, store):
    with dlprov.start_run("outer") as outer, dlprov.start_run("inner") as inner:
        pass
    assert inner.id in dlprov_command("show", outer.id).stdout
    assert outer.id in dlprov_command("show", inner.id).stdout


def test_show_as_json(dlprov_command, trained, tmp_path):
    run = json.loads(dlprov_command("show", "last", "--format", "json").stdout)
    assert run["run_id"] == trained.id
    assert [epoch["accuracy"] for epoch in run["epochs"]] == [0.123456789, "NaN", 0.123456789]
    assert {"name": "note", "value": 'a "quoted"\ntext', "type": "text", "task": None} in run["params"]
    assert len(run["artifacts"][0]["sha256"]) == 64
    dlprov_command("show", "-o", "run.json")
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["run_id"] == trained.id


def test_a_run_that_is_not_there(dlprov_command, trained):
    found = dlprov_command("show", "nope")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "dlprov: there is no run 'nope' in this store; dlprov runs lists them\n"
    assert dlprov_command("show", "-o", "x.csv").returncode == 2


def test_an_ambiguous_run(dlprov_command, trained, failed):
    found = dlprov_command("show", "0")
    assert found.returncode == 1
    assert "give an id, or more of it" in found.stderr
