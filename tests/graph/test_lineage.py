"""Lineage: what a thing came from, and what came from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlprov
from dlprov.errors import NotFoundError, UsageError
from dlprov.graph import lineage as module
from dlprov.graph.lineage import trace
from dlprov.query import Session, open_session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Two runs: one prepares numbers and writes a file, the other one trains on it, tests, and writes a model."""
    data, model = tmp_path / "data.csv", tmp_path / "model.bin"
    data.write_text("1,2,3")
    model.write_bytes(b"weights")
    store = tmp_path / "store"
    with dlprov.start_run("preparation", store=store) as run:
        with run.task("Load") as load:
            load.used("iLoad", source="sensor")
            raw = load.generated("oLoad", rows=5)
        with run.task("Filter") as select:
            select.used("oLoad", raw)
            kept = select.generated("oFilter", rows=3)
            select.artifact(data, kind="data")
    (tmp_path / "copy.csv").write_text("1,2,3")
    with dlprov.start_run("training", store=store) as run:
        with run.task("Train") as train:
            train.artifact(tmp_path / "copy.csv", kind="data", direction="used")
            train.used("iTrain", rate=0.1)
            made = train.generated("oTrain", loss=0.5)
            train.artifact(model, kind="model")
        with run.task("Test") as test:
            test.used("oTrain", made)
            test.data("x", np.arange(6.0))
            test.generated("oTest", accuracy=0.9)
    assert kept is not None
    return open_session(store)


def told(session: Session, thing: str, **options: Any) -> list[tuple[int, str]]:
    found = trace(session, thing, **options)
    rows = [(row["distance"], Path(row["label"] or row["thing"]).name) for row in found.dicts()]
    return [(distance, name.rpartition(" ")[0] or name) for distance, name in rows]


def test_the_way_up_goes_across_tasks_runs_and_dataflows(session: Session) -> None:
    found = {name: distance for distance, name in told(session, "otest:1")}
    assert found["otest:1"] == 0
    assert found["test"] == 1
    assert (found["otrain:1"], found["train"]) == (2, 3)
    # The file that the training read has the content of the one that the preparation wrote.
    assert found["itrain:1"] == 4
    assert found["data.csv"] == 5
    assert (found["filter"], found["oload:1"], found["load"], found["iload:1"]) == (6, 7, 8, 9)
    assert "model.bin" not in found


def test_the_way_down_is_the_way_up_turned_around(session: Session) -> None:
    names = {name for _, name in told(session, "iload:1", direction="down")}
    assert {
        "load",
        "oload:1",
        "filter",
        "ofilter:1",
        "data.csv",
        "train",
        "otrain:1",
        "model.bin",
        "test",
        "otest:1",
    } <= names
    assert "itrain:1" not in names
    for thing in ("oload:1", "otrain:1", "otest:1", "iload:1", "itrain:1"):
        above = {row["thing"] for row in trace(session, thing).dicts()}
        start = trace(session, thing, depth=0).dicts()[0]["thing"]
        for other in above:
            below = {row["thing"] for row in trace(session, other, direction="down").dicts()}
            assert start in below, (thing, other)


def test_a_file_is_known_by_its_path_its_name_its_hash_and_its_content(session: Session, tmp_path: Path) -> None:
    (digest,) = session.ask("SELECT DISTINCT sha256 FROM artifact WHERE kind = 'data'").rows()[0]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("1,2,3")
    expected = told(session, f"file-{digest}", direction="down")
    assert "test" in {name for _, name in expected}
    for thing in (
        "data.csv",
        "copy.csv",
        str(tmp_path / "data.csv"),
        digest,
        digest[:10],
        f"sha256:{digest}",
        str(elsewhere),
    ):
        assert told(session, thing, direction="down") == expected


def test_depth_and_until_end_the_way(session: Session) -> None:
    assert [distance for distance, _ in told(session, "otest:1", depth=2)] == [0, 1, 2, 2]
    names = {name for _, name in told(session, "otest:1", until="Train")}
    assert "train" in names
    assert not names & {"itrain:1", "data.csv", "filter"}


def test_a_run_stands_for_all_its_tasks(session: Session) -> None:
    (training,) = session.ask("SELECT run_id FROM run WHERE dataflow = 'training'").rows()[0]
    names = {name for _, name in told(session, training)}
    assert {"train", "test", "itrain:1", "iload:1"} <= names
    assert told(session, "last")[0] == told(session, training)[0]


def test_what_an_answer_names_can_be_asked_again(session: Session) -> None:
    for row in trace(session, "otest:1").dicts():
        assert trace(session, row["thing"], depth=0).dicts()[0]["label"] == row["label"]


def test_what_cannot_be_found_is_told(session: Session, tmp_path: Path) -> None:
    for thing in ("nothing", "otest:7", "nosuchset:1", str(tmp_path / "none.csv"), "", "'; DROP TABLE run --"):
        with pytest.raises((NotFoundError, UsageError)) as caught:
            trace(session, thing)
        assert "expected" in str(caught.value) or "no row" in str(caught.value)
    with pytest.raises(UsageError, match="'up' or 'down', got 'sideways'"):
        trace(session, "otest:1", direction="sideways")
    with pytest.raises(UsageError, match="got -1"):
        trace(session, "otest:1", depth=-1)


def test_a_set_of_several_dataflows_needs_the_dataflow(tmp_path: Path) -> None:
    for tag in ("a", "b"):
        with dlprov.start_run(tag, store=tmp_path) as run, run.task("t") as task:
            task.generated("same", value=tag)
    session = open_session(tmp_path)
    with pytest.raises(UsageError, match=r"several dataflows \(a, b\)"):
        trace(session, "same:1")
    assert trace(session, "b.same:1").dicts()[0]["dataflow"] == "b"
    assert trace(session, "same:1", dataflow="A").dicts()[0]["dataflow"] == "a"


def test_long_chains_and_circles_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dlprov.start_run("chain", store=tmp_path) as run:
        element = None
        for _ in range(300):
            with run.task("Step") as task:
                task.used("s", element)
                element = task.generated("s", n=1)
        with run.task("Around") as around:
            around.used("s", element)
            around.generated("s", n=2)
            task.used("s", around.generated("t", n=3))
    session = open_session(tmp_path)
    whole = trace(session, "s:300").rows()
    assert len(whole) == 300 * 2 + 2
    monkeypatch.setattr(module, "MAX_LEVELS", 10)
    assert trace(session, "s:300").rows() == whole
    assert trace(session, "s:1", direction="down", depth=401).rows()[-1][0] == 401
    assert trace(session, "s:300", depth=30).rows() == [row for row in whole if row[0] <= 30]


def test_two_ways_of_looking_give_the_same_answer(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for thing in ("otest:1", "last", "data.csv"):
        for direction in ("up", "down"):
            for until in (None, "Train"):
                options: dict[str, Any] = {"direction": direction, "until": until}
                monkeypatch.setattr(module, "MAX_LEVELS", 400)
                first = [(row[0], row[5]) for row in trace(session, thing, **options)]
                monkeypatch.setattr(module, "MAX_LEVELS", 1)
                assert [(row[0], row[5]) for row in trace(session, thing, **options)] == first


def test_a_task_uses_what_another_one_made_and_not_what_that_one_used(store: Path) -> None:
    """A set that transformations use and add to: each of them has one column for both."""
    with dlprov.start_run("flow") as run:
        with run.task("First") as first:
            first.generated("oRows", row=1)
        with run.task("Second") as second:
            second.used_all("oRows", first)
            second.generated("oRows", row=2)
            second.generated("oRows", row=3)
        with run.task("Third") as third:
            third.used_all("oRows", second)
            third.used_all("oRows", second)
        with run.task("Third") as other:
            other.used_all("oRows", first, second)
    used = dlprov.query(
        "SELECT t.identifier, r.row FROM usage AS u JOIN task AS t ON t.id = u.task_id JOIN flow.ds_orows AS r "
        "ON r.uuid = u.element JOIN data_transformation AS d ON d.id = t.dt_id WHERE d.tag = 'third' ORDER BY ALL"
    )
    # The first of the two has not used what the first transformation made.
    assert used.rows() == [(3, 2), (3, 3), (4, 1)]
    session = open_session(store)
    assert sorted(told(session, "orows:1", direction="down")) == [
        (0, "orows:1"), (1, "second"), (1, "third"), (2, "orows:2"), (2, "orows:3"), (3, "third"),
    ]  # fmt: skip


def test_a_transformation_uses_what_an_earlier_task_of_its_own_made(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        earlier = None
        for step in range(5):
            with run.task("Train", depends_on=[earlier] if earlier else []) as task:
                if earlier is not None:
                    task.used_all("oTrain", earlier)
                task.generated("oTrain", step=step)
                earlier = task
    found = told(open_session(store), "otrain:5")
    assert [name for _, name in found] == [word for row in range(5, 0, -1) for word in (f"otrain:{row}", "train")]
    assert [distance for distance, _ in found] == list(range(10))


def test_a_name_that_is_too_long_for_a_file_names_a_run(store: Path) -> None:
    tag = "long " * 600
    with dlprov.start_run("flow", execution=tag) as run:
        run.log(loss=1)
    assert dlprov.lineage(tag).dicts()[0]["run_id"] == run.id
