"""An index that one process keeps: many questions at once, one look at the logs for all, and its file's fate."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import dlprov
from dlprov.query import Session
from dlprov.store import Index, address
from dlprov.store.database import KeptError
from dlprov.store.ownership import OwnedIndex, _SharedWork
from dlprov.store.scratch import new_directory


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def index(store: Path, tmp_path: Path, told: list[str]) -> Index:
    return Index(store, tmp_path / "cache", tell=told.append)


@pytest.fixture
def owned(index: Index) -> Iterator[OwnedIndex]:
    with OwnedIndex(index) as owned:
        yield owned


def record(loss: float = 0.5) -> str:
    with dlprov.start_run("mnist") as run, run.task("Train") as task:
        task.log(step=1, loss=loss)
        task.generated("oTrain", loss=loss)
    return run.id


def test_a_question_sees_all_that_was_recorded_before_it(owned: OwnedIndex) -> None:
    session = Session(owned)
    for count in range(1, 4):
        record()
        assert session.ask("SELECT count(*) FROM metric").rows() == [(count,)]
        assert session.ask("SELECT count(*) FROM mnist.otrain").rows() == [(count,)]


def test_answers_of_questions_at_once_are_their_own(owned: OwnedIndex) -> None:
    record()
    failures: list[object] = []

    def ask(number: int) -> None:
        session = Session(owned)
        for _ in range(10):
            first = session.ask("SELECT ? AS n FROM range(?)", [number, number])
            second = session.ask("SELECT count(*) FROM run")
            if first.rows() != [(number,)] * number or second.rows() != [(1,)] or first.columns != ["n"]:
                failures.append((number, first.rows(), second.rows()))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(
    "sql",
    [
        "WITH gone AS (DELETE FROM run RETURNING *) SELECT * FROM gone",
        "EXPLAIN ANALYZE DELETE FROM run",
        "EXPLAIN ANALYZE UPDATE run SET status = 'running'",
        "DELETE FROM run",
    ],
)
def test_no_question_changes_what_is_kept(owned: OwnedIndex, sql: str) -> None:
    record()
    with pytest.raises(dlprov.QueryError, match="a question was expected"):
        Session(owned).ask(sql)
    assert Session(owned).ask("SELECT status FROM run").rows() == [("finished",)]


def test_files_network_and_settings_are_out_of_reach(owned: OwnedIndex, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    session = Session(owned)
    for sql in (
        f"FROM '{secret}'",
        f"FROM read_text('{secret}')",
        f"FROM glob('{tmp_path}/*')",
        "FROM read_csv('https://x.y/z.csv')",
    ):
        with pytest.raises(dlprov.QueryError, match="Permission Error"):
            session.ask(sql)
    with owned.reading() as connection, pytest.raises(duckdb.InvalidInputException, match="locked"):
        connection.execute("SET memory_limit = '1TB'")


def test_other_processes_wait_until_the_index_is_let_go(index: Index, owned: OwnedIndex) -> None:
    address.write(address.beside(index.path), "http://127.0.0.1:1", "key")
    began = time.monotonic()
    with pytest.raises(KeptError, match="keeps the index"):
        index.refresh()
    assert time.monotonic() - began < 5, "it was told at once whom to ask"
    address.remove(address.beside(index.path))
    assert index.keeper() is None
    threading.Timer(0.3, owned.close).start()
    record()
    with index.reading() as connection:
        assert connection.execute("SELECT count(*) FROM store.public.run").fetchall() == [(1,)]


def test_a_second_service_is_refused(index: Index, owned: OwnedIndex) -> None:
    address.write(address.beside(index.path), "http://127.0.0.1:1", "key")
    with (
        pytest.raises(dlprov.StoreBusyError, match=r"no other service .* http://127.0.0.1:1 \(process"),
        OwnedIndex(index),
    ):
        pass


def test_answers_outlive_the_index(index: Index) -> None:
    run = record()
    with OwnedIndex(index) as owned:
        answer = Session(owned).ask("SELECT run_id FROM run")
    assert answer.rows() == [(run,)]
    with pytest.raises(dlprov.StoreError, match="the service ends"):
        Session(owned).ask("SELECT 1")
    assert dlprov.query("SELECT run_id FROM run").rows() == [(run,)]


def test_closing_stops_the_questions(index: Index) -> None:
    errors: list[str] = []
    with OwnedIndex(index) as owned:

        def ask() -> None:
            try:
                Session(owned).ask(
                    "SELECT count(*) FROM range(1000000000) AS a, range(100000) AS b WHERE a.range % 7 > 8"
                )
            except dlprov.QueryError as error:
                errors.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)
    thread.join(10)
    assert len(errors) == 1
    assert "Interrupted" in errors[0]


def test_a_rebuild_gives_the_same_numbers_while_questions_are_asked(owned: OwnedIndex) -> None:
    for number in range(5):
        record(number / 3)
    session = Session(owned)
    query = "SELECT id, train_task_id, loss FROM mnist.otrain ORDER BY ALL"
    before = session.ask(query).rows()
    stop = threading.Event()
    failures: list[object] = []

    def ask() -> None:
        mine = Session(owned)
        while not stop.is_set():
            if (found := mine.ask(query).rows()) != before:
                failures.append(found)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert owned.rebuild() > 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert session.ask(query).rows() == before


def test_removing_the_index_under_it_does_no_harm(owned: OwnedIndex, store: Path) -> None:
    record()
    session = Session(owned)
    assert session.ask("SELECT count(*) FROM run").rows() == [(1,)]
    for file in store.glob("index.duckdb*"):
        file.unlink()
    record()
    assert session.ask("SELECT count(*) FROM run").rows() == [(2,)]
    assert (store / "index.duckdb").exists()


def test_runs_whose_directories_were_removed_are_gone(index: Index, store: Path) -> None:
    runs = [record() for _ in range(4)]
    with OwnedIndex(index) as owned:
        session = Session(owned)
        listed = "SELECT run_id FROM run ORDER BY 1"
        assert session.ask(listed).rows() == [(run,) for run in runs]
        shutil.rmtree(store / "runs" / runs[0])
        assert session.ask(listed).rows() == [(run,) for run in runs[1:]]
        assert session.ask("SELECT count(*) FROM mnist.otrain").rows() == [(3,)]
    shutil.rmtree(store / "runs" / runs[1])
    with OwnedIndex(index) as owned:
        assert Session(owned).ask(listed).rows() == [(run,) for run in runs[2:]]
        run = record()
        assert Session(owned).ask(listed).rows() == [(runs[2],), (runs[3],), (run,)]


def test_an_index_that_cannot_be_written_is_kept_in_memory(index: Index, store: Path, told: list[str]) -> None:
    (store / "index.duckdb").mkdir()
    with OwnedIndex(index) as owned:
        session = Session(owned)
        for count in range(1, 3):
            record()
            assert session.ask("SELECT count(*) FROM run").rows() == [(count,)]
    (message,) = told
    assert "it is kept in memory" in message


def test_an_index_of_another_version_is_built_anew(index: Index, store: Path) -> None:
    run = record()
    with index.reading():
        pass
    with duckdb.connect(str(index.path)) as connection:
        connection.execute("UPDATE public.meta SET value = 'older' WHERE key = 'schema'")
    with OwnedIndex(index) as owned:
        assert Session(owned).ask("SELECT run_id FROM run").rows() == [(run,)]


def test_what_a_killed_process_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    script = "from dlprov.store.scratch import new_directory; print(new_directory() / 'x', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        left = Path(process.stdout.readline().decode().strip())
        moved = left.parent.rename(tmp_path / left.parent.name)
        (moved / "x").touch()
        mine = new_directory()
        assert (mine.stat().st_mode & 0o777, moved.exists()) == (0o700, True)
        process.kill()
    foreign = tmp_path / "dlprov-answers-00000000-1-1-x"
    foreign.mkdir()
    assert new_directory() != mine
    assert (mine.exists(), moved.exists(), foreign.exists()) == (True, False, True)


def test_work_is_shared_by_those_who_came_before_it_began() -> None:
    shared = _SharedWork()
    begun: list[float] = []
    late: list[object] = []

    def work() -> int:
        begun.append(time.monotonic())
        time.sleep(0.05)
        return 1

    def ask() -> None:
        came = time.monotonic()
        shared.share(work)
        if not any(came <= began for began in begun):
            late.append((came, begun))

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not late, "nobody was content with work that had begun before he came"
    assert len(begun) < 10, "it was shared"


def test_a_failure_of_shared_work_is_everybodys() -> None:
    shared = _SharedWork()
    outcomes: list[str] = []
    begun = threading.Event()

    def work() -> int:
        begun.set()
        time.sleep(0.1)
        raise dlprov.StoreError("no")

    def ask() -> None:
        try:
            shared.share(work)
        except dlprov.StoreError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
        begun.wait(5)
    for thread in threads:
        thread.join(5)
    assert outcomes == ["no"] * 4
    assert shared.share(lambda: 7) == 7
