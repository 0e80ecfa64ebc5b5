"""A rebuild of the index gives the tables that incremental indexing gave, row for row and number for number."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import duckdb
import msgspec
from run_logs import RunLog, at, dump, execution_log, ids_removed

import dlprov
from dlprov.log import events, layout
from dlprov.model import Attribute, Dataflow, Program, Set, Transformation
from dlprov.store import Index


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


def test_a_run_whose_directory_was_removed_is_gone(store: Path) -> None:
    index = Index(store, store)
    deleted, kept = busy_run(1, store), busy_run(2, store)
    kept.finish()
    deleted.finish()
    before = dump(index)
    shutil.rmtree(layout.run_directory(store, deleted.id))
    tables = dump(index)
    assert [row[0] for row in tables["public.run"][1:]] == [repr(kept.id)]
    assert len(before["public.task"]) > len(tables["public.task"]) > 1
    # A disk that is away for a while takes nothing out of the index.
    (store / "runs").rename(store / "elsewhere")
    assert dump(index) == tables
    (store / "elsewhere").rename(store / "runs")
    assert dump(index) == tables


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


def shared_execution(store: Path) -> list[RunLog]:
    """What two processes wrote of one execution that DfAnalyzer's clients name, and what was declared before."""
    outside = Set("iTrain", "INPUT", (Attribute("rate", "NUMERIC"), Attribute("note", "LONG_TEXT")))
    made = Set("oTrain", "OUTPUT", (Attribute("loss", "NUMERIC"),))
    train = Transformation("Train", (outside, made), (Program("train.py", "/opt"),))
    test = Transformation("Test", (Set("oTrain", "INPUT", dependency="Train"), Set("oTest", "OUTPUT")))
    declared = RunLog(store, layout.declaration_name("flow"))
    declared.add(events.Plan(at(0), Dataflow("flow", (train,))), events.Plan(at(1), Dataflow("Flow", (train, test))))
    plan = events.Plan(at(2), Dataflow("flow", (train, test)))
    first = execution_log(store, "first", plan, dataflow="flow", second=2, user="ada")
    first.add(
        events.Task(at(3), "@test/2", "Test", 2, depends_on=("@train/1",)),
        events.Environment(at(3), {"hardware": {"os": "Linux", "gpus": ["a"]}, "python": {"version": "3"}}),
        events.Agent(at(3), "ada@example.org", {"hostname": "vm", "in_container": True}),
        events.Task(at(4), "@train/1", "Train", 1, workspace="/w", status="READY"),
        events.Performance(at(5), "@train/1", "10:00", method="COMPUTATION", subtask=1),
        events.File(at(5), "@train/1", "data.csv", "/w"),
        events.Used(at(6), "@train/1", "iTrain", 1, ({"rate": 0.5, "note": "x"},)),
        events.Generated(at(7), "@train/1", "oTrain", 2, ({"loss": 0.5}, {"loss": {"@": "float", "v": "NaN"}})),
        events.Used(at(8), "@test/2", "oTrain", generated_by=("@train/1",)),
        events.Metric(at(8), "@train/1", 1, 0, {"loss": 0.5}),
        events.Performance(at(9), "@train/1", "10:00", "10:09", method="COMPUTATION", subtask=1),
        events.TaskEnd(at(9), "@train/1", "finished", 4.0, output="all"),
        events.End(at(10), "finished", 8.0),
    )
    second = execution_log(store, "first", dataflow="flow", writer="2-bbbbbbbb", second=11)
    second.add(
        events.Plan(at(11), Dataflow("flow", (Transformation("Look", (Set("iLook", "INPUT"),)),))),
        events.Task(at(12), "@train/1", "Train", 1, output="again"),
        events.Agent(at(12), "eve@example.org", {"hostname": "other"}),
        events.Generated(at(13), "@train/1", "oTrain", 1, ({"loss": 0.25, "more": 2**60},)),
        events.Used(at(14), "@look/3", "oTrain", keys=("1-aaaaaaaa:2",)),
        events.Used(at(14), "@test/2", "oTrain", generated_by=("@train/1",)),
        events.TaskEnd(at(15), "@train/1", "failed", 1.0, "no"),
        events.Task(at(16), 1, "Native", 1),
        events.TaskEnd(at(17), 1, "finished", 1.0),
        events.End(at(18), "failed", 7.0, "ValueError", "no"),
    )
    return [declared, first, second]


def test_an_execution_that_is_indexed_line_by_line(store: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    logs = shared_execution(whole)
    index, at_once = Index(store, store), Index(whole, tmp_path / "cache")
    for log in logs:
        target = store / log.path.relative_to(whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        for line in log.path.read_bytes().splitlines(keepends=True):
            with target.open("ab") as file:
                file.write(line)
            with index.reading():
                pass
    line_by_line = dump(index)
    assert len(line_by_line["public.task"]) == 5
    assert len(line_by_line["flow.otrain"]) == 4
    # All files at once come in another order.
    assert ids_removed(dump(at_once)) == ids_removed(line_by_line)
    index.rebuild()
    assert dump(index) == line_by_line


def test_an_import_that_is_indexed_line_by_line(store: Path, tmp_path: Path) -> None:
    """But for its head: ids are told together with the plan that they are of."""
    golden = Path(__file__).parents[1] / "golden" / "format-1.1.jsonl"
    lines = golden.read_bytes().splitlines(keepends=True)
    head = next(number for number, line in enumerate(lines) if line.startswith(b'{"event":"dataflow"')) + 1
    run_id = msgspec.json.decode(lines[0])["run"]
    target = layout.run_directory(store, run_id) / "4711-0badcafe.jsonl"
    target.parent.mkdir(parents=True)
    index = Index(store, store)
    for part in (b"".join(lines[:head]), *lines[head:]):
        with target.open("ab") as file:
            file.write(part)
        with index.reading():
            pass
    line_by_line = dump(index)
    index.rebuild()
    assert dump(index) == line_by_line
    assert index.path is not None
    index.path.unlink()
    assert dump(index) == line_by_line


def test_an_index_with_other_tables_is_built_anew(tmp_path: Path) -> None:
    """As one that was made by another state of the same version is."""
    with dlprov.start_run("flow", store=tmp_path) as run:
        run.log(loss=0.5)
    assert dlprov.query("SELECT count(*) FROM run", store=tmp_path).rows() == [(1,)]
    with duckdb.connect(str(tmp_path / "index.duckdb")) as connection:
        connection.execute("DROP TABLE public.relation")
        connection.execute("UPDATE public.meta SET value = '2' WHERE key = 'schema'")
    with dlprov.start_run("flow", store=tmp_path) as run, run.task("t") as task:
        task.generated("s", n=1)
    assert dlprov.query("SELECT kind FROM relation", store=tmp_path).rows() == [("wasGeneratedBy",)]
