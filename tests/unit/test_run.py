"""Runs and tasks: what their calls record, and how they end."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import dlprov
from dlprov.capture import fingerprint
from dlprov.log import events, layout
from dlprov.log.reader import read_events
from dlprov.log.seal import verify_run

ask = dlprov.query


def recorded(run: dlprov.Run) -> list[events.AnyEvent]:
    assert run.path is not None
    found = [event for _, event in read_events(run.path)]
    assert all(isinstance(event, events.Event) for event in found)
    return found  # type: ignore[return-value]


def test_a_run_as_context_manager(store: Path) -> None:
    with dlprov.start_run("mnist", params={"lr": 0.1}, tags={"team": "a"}, name="first") as run:
        assert run.status == "running"
        run.log(loss=0.5)
    assert run.status == "finished"
    kinds = [type(event).__name__ for event in recorded(run)]
    assert kinds[:2] == ["Log", "Run"]
    assert kinds[-2:] == ["End", "Seal"]
    row = ask('SELECT dataflow, status, name, "user" IS NOT NULL FROM run').rows()
    assert row == [("mnist", "finished", "first", True)]
    assert ask("SELECT name, value FROM tag").rows() == [("team", "a")]
    assert [file.verdict for file in verify_run(run.path.parent)] == ["sealed"]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ValueError("bad"), "failed", "ValueError"),
        (KeyboardInterrupt(), "interrupted", "KeyboardInterrupt"),
        (SystemExit(3), "failed", "SystemExit"),
        (SystemExit(0), "finished", None),
    ],
)
def test_an_exception_ends_the_run_and_passes(store: Path, error: BaseException, status: str, kind: str | None) -> None:
    with pytest.raises(type(error)) as caught, dlprov.start_run("x") as run, run.task("T"):
        raise error
    assert caught.value is error
    assert ask("SELECT status, error_type FROM run").rows() == [(status, kind)]
    assert ask("SELECT status FROM task").rows() == [(status.upper(),)]


def test_a_plain_run_ends_with_its_process(store: Path) -> None:
    for script, status in (
        ("", "finished"),
        ("raise ValueError('no')", "failed"),
        ("raise KeyboardInterrupt", "interrupted"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "interrupted"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(5)", "interrupted"),
        ("import os; os._exit(3)", "lost"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "lost"),
    ):
        program = (
            f"import dlprov\nrun = dlprov.start_run('plain')\nrun.log(loss=1.0)\nprint(run.id, flush=True)\n{script}"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        found = ask("SELECT status FROM run WHERE run_id = ?", [done.stdout.strip()]).rows()
        assert found == [(status,)], (script, done.stderr)


def test_sigterm_still_kills_and_the_users_handler_is_left_alone(store: Path) -> None:
    program = "import dlprov, os, signal\nrun = dlprov.start_run('x')\nos.kill(os.getpid(), signal.SIGTERM)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -15
    own = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n" + program
    assert subprocess.run([sys.executable, "-c", own], check=False).returncode == 7
    assert ask("SELECT status FROM run ORDER BY started").rows() == [("interrupted",), ("finished",)]


def test_an_interactive_session_keeps_its_run_after_an_error(store: Path) -> None:
    lines = (
        "import dlprov\nrun = dlprov.start_run('cells')\nrun.log(step=0, loss=1.0)\n1/0\nrun.log(step=1, loss=2.0)\n"
    )
    done = subprocess.run([sys.executable, "-i", "-q"], input=lines, capture_output=True, text=True, check=False)
    assert "ZeroDivisionError" in done.stderr
    assert ask("SELECT count(*) FROM metric").rows() == [(2,)]


def test_nested_and_concurrent_runs(store: Path) -> None:
    with dlprov.start_run("outer") as outer:
        with dlprov.start_run("inner") as inner:
            assert dlprov.current_run() is inner
        assert dlprov.current_run() is outer
        other = dlprov.start_run("sibling")
        ready = threading.Barrier(5)

        def work(number: int) -> None:
            ready.wait()
            with dlprov.start_run("thread") as run:
                assert dlprov.current_run() is run
                for step in range(200):
                    run.log(step=step, value=number)
                    other.log(step=step, **{f"t{number}": number})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other.finish()
    assert dlprov.current_run() is None
    parents = dict(ask("SELECT dataflow, any_value(parent_run_id) FROM run GROUP BY dataflow").rows())
    assert parents == {"outer": None, "inner": outer.id, "sibling": outer.id, "thread": None}
    assert ask("SELECT count(*), count(DISTINCT run_id) FROM metric WHERE name = 'value'").rows() == [(1000, 5)]
    assert ask("SELECT count(*), count(DISTINCT name) FROM metric WHERE run_id = ?", [other.id]).rows() == [(1000, 5)]


def test_numbers_of_every_library(store: Path) -> None:
    with dlprov.start_run("numbers") as run:
        run.log(a=np.float32(0.1), b=np.int64(3), c=np.array([2.5]), d=True, e=7, f=np.float64("nan"), step=np.int32(4))
        run.log({"not a keyword!": 1.0, "step": 2.0}, step=5, epoch=1.5)
        run.log(step=6, yes=True, no=False, many=2**80)
    rows = dict(ask("SELECT name, value FROM metric WHERE step = 4").rows())
    assert rows.pop("f") != rows.get("f", 0.0)
    assert rows == {"a": float(np.float32(0.1)), "b": 3.0, "c": 2.5, "d": 1.0, "e": 7.0}
    found = ask("SELECT name, value, epoch FROM metric WHERE step = 5 ORDER BY name").rows()
    assert ask("SELECT name, value FROM metric WHERE step = 6 ORDER BY name").rows() == [
        ("many", 2.0**80),
        ("no", 0.0),
        ("yes", 1.0),
    ]
    assert found == [("epoch", 1.5, 1), ("not a keyword!", 1.0, 1), ("step", 2.0, 1)]


def test_a_metric_that_is_no_number_is_told_once_and_the_others_are_kept(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with dlprov.start_run("x") as run:
        for _ in range(3):
            run.log(loss=0.5, name="alexnet", shape=np.zeros(3))
    told = capsys.readouterr().err
    assert told.count("metric 'name' was not recorded: a metric is one number, got str 'alexnet'") == 1
    assert ask("SELECT name, count(*) FROM metric GROUP BY name").rows() == [("loss", 3)]
    assert len(ask("SELECT * FROM problem")) == 6


def test_a_fault_of_ours_never_reaches_the_training(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("our bug")

    monkeypatch.setattr(fingerprint, "of_data", broken)
    monkeypatch.setattr(fingerprint, "of_path", broken)
    with dlprov.start_run("x") as run:
        for _ in range(3):
            run.data("x", np.zeros(3))
            run.artifact("file")
        run.log(loss=1.0)
    told = capsys.readouterr().err
    assert told.count("our bug") == 2
    assert "the training is not affected" in told
    places = ask("SELECT DISTINCT place, message FROM problem ORDER BY place").rows()
    assert places == [("Scope.artifact", "RuntimeError: our bug"), ("Scope.data", "RuntimeError: our bug")]
    assert "test_run.py" in ask("SELECT traceback FROM problem LIMIT 1").rows()[0][0]
    assert ask("SELECT status FROM run").rows() == [("finished",)]


def test_elements_and_their_lineage(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        with run.task("Load") as load:
            raw = load.generated("oLoad", path="a.csv")
            load.generated("oLoad", path="b.csv")
        with run.task("Train", depends_on=[load]) as train:
            train.used("oLoad", raw)
            train.used("iTrain", {"lr": 0.1}, {"lr": 0.2})
            train.generated("oTrain", {"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.25})
        with run.task("Test", depends_on=[train]) as test:
            test.used_all("oTrain", train)
            test.generated("oTest", accuracy=0.9)
    schema = 'SET SCHEMA "flow"; '
    assert ask(schema + "SELECT path, load_task_id, train_task_id FROM oload").rows() == [
        ("a.csv", 1, 2),
        ("b.csv", 1, None),
    ]
    assert ask(schema + "SELECT lr, train_task_id FROM itrain").rows() == [(0.1, 2), (0.2, 2)]
    assert ask(schema + "SELECT * FROM otrain").rows() == [(1, 2, 3, 0, 0.5), (2, 2, 3, 1, 0.25)]
    assert ask("SELECT task_id, depends_on_id FROM task_dependency").rows() == [(2, 1), (3, 2)]
    dependencies = ask(
        "SELECT p.tag, n.tag, s.tag FROM data_dependency d JOIN data_set s ON s.id = d.ds_id "
        "LEFT JOIN data_transformation p ON p.id = previous_dt_id LEFT JOIN data_transformation n ON n.id = next_dt_id "
        "ORDER BY d.id"
    ).rows()
    assert dependencies == [
        ("load", "train", "oload"),
        (None, "train", "itrain"),
        ("train", "test", "otrain"),
        ("test", None, "otest"),
    ]
    assert ask("SELECT count(*) FROM usage").rows() == [(3,)]


def test_artifacts_data_adaptations_and_notes(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")
    array = np.arange(12.0).reshape(3, 4)
    with dlprov.start_run("x") as run, run.task("Train") as task:
        task.artifact(file, kind="checkpoint", epoch=3)
        task.data("x", array)
        task.data("y", [1, 2, 3])
        run.adaptation("lr", 0.1, 0.01, technique="schedule", reason="plateau", epoch=5)
        run.note("looks good 😀")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert ask("SELECT kind, sha256, size, epoch, task_id FROM artifact").rows() == [("checkpoint", digest, 7, 3, 1)]
    assert ask("SELECT name, path FROM file").rows() == [("model.bin", str(tmp_path))]
    rows = ask("SELECT role, shape, dtype, size, samples FROM data ORDER BY role").rows()
    assert rows[0] == ("x", "[3,4]", "float64", 96, 3)
    assert rows[1][:2] == ("y", "[3]")
    assert ask("SELECT name, old_number, new_number, technique, reason, epoch FROM adaptation").rows() == [
        ("lr", 0.1, 0.01, "schedule", "plateau", 5)
    ]
    assert ask("SELECT text FROM note").rows() == [("looks good 😀",)]


def test_handles_are_one_run_however_they_are_copied(store: Path) -> None:
    with dlprov.start_run("x") as run:
        assert copy.copy(run) is run
        assert copy.deepcopy({"run": run})["run"] is run
        twin = pickle.loads(pickle.dumps(run))
        twin.log(step=1, loss=1.0)
        run.log(step=2, loss=2.0)
        twin.finish()
    assert len(layout.log_files(run.path.parent)) == 2  # type: ignore[union-attr]
    assert ask("SELECT step FROM metric ORDER BY step").rows() == [(1,), (2,)]
    assert ask("SELECT status FROM run").rows() == [("finished",)]


def test_a_run_goes_on_after_its_end(store: Path) -> None:
    run = dlprov.start_run("x")
    run.log(step=0, loss=1.0)
    run.finish()
    run.finish()
    assert ask("SELECT status FROM run").rows() == [("finished",)]
    run.resume()
    assert ask("SELECT status, ended FROM run").rows() == [("running", None)]
    run.log(step=1, loss=2.0)
    run.finish("failed")
    assert ask("SELECT status FROM run").rows() == [("failed",)]
    assert ask("SELECT count(*) FROM metric").rows() == [(2,)]
    (found,) = verify_run(run.path.parent)  # type: ignore[union-attr]
    assert (found.verdict, found.seals) == ("sealed", 2)


def test_capture_can_be_switched_off(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLPROV_DISABLE", "1")
    with dlprov.start_run("x", params={"a": 1}) as run, run.task("T") as task:
        assert not run.is_recorded
        task.generated("o", a=1)
        run.log(loss=1.0)
    assert list(store.iterdir()) == []


def test_the_environment_is_recorded(store: Path) -> None:
    with dlprov.start_run("x"):
        pass
    names = {row[0] for row in ask("SELECT name FROM environment").rows()}
    assert {"python.version", "process.command", "process.directory", "hardware.cores", "hardware.memory"} <= names
    assert {"person.user", "person.host", "packages.numpy", "packages.duckdb", "framework.numpy"} <= names
    ((python, command, host),) = ask("SELECT python, command, host FROM run").rows()
    assert python == sys.version.split()[0]
    assert "python" in command
    assert host


def test_bad_arguments_of_start_run(store: Path) -> None:
    with pytest.raises(dlprov.UsageError, match="expects params as a dict"):
        dlprov.start_run("x", params=[1])  # type: ignore[arg-type]
    with pytest.raises(dlprov.UsageError, match="expects tags as a dict"):
        dlprov.start_run("x", tags="a")  # type: ignore[arg-type]


def test_a_relative_store_stays_where_it_was_first(store: Path, tmp_path: Path) -> None:
    program = """
import os, dlprov
dlprov.start_run("first").finish()
os.mkdir("elsewhere")
os.chdir("elsewhere")
dlprov.start_run("second").finish()
print(dlprov.query("SELECT dataflow FROM run ORDER BY 1").rows(), os.listdir("."))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "DLPROV_STORE": "store"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[('first',), ('second',)] []\n"
    assert len(list(layout.run_directories(store))) == 2


def test_a_run_that_begins_when_the_interpreter_goes_does_not_hang(store: Path) -> None:
    program = """
import dlprov
class Late:
    def __del__(self):
        with dlprov.start_run("late") as run:
            run.log(loss=0.5)
        print("done")
dlprov.start_run("early").finish()
late = Late()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "done\n"
    assert ask("SELECT status FROM run WHERE dataflow = 'early'").rows() == [("finished",)]
