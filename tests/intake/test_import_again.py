"""The same again adds nothing, more adds what is new, and what was cut off goes on."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from dfanalyzer_databases import NOTHING, eight_runs, executions, four_trainings, one_schema
from imported import assert_same_tables, assert_sealed, logs

import dlprov
from dlprov.intake.runlogs import LOCK
from dlprov.log import events
from dlprov.log.layout import run_directories
from dlprov.log.reader import read_events


@pytest.mark.parametrize("made", [four_trainings, eight_runs, executions, one_schema])
def test_the_same_again_adds_nothing(taken, store, made):
    taken(made().dump("tab"))
    before = logs(store)
    assert before
    # Another dialect of the same database is the same.
    report, _ = taken(made().dump("loose"))
    assert (report.dataflows, report.runs, report.tasks, report.elements, report.lines) == (0, 0, 0, 0, 0)
    assert logs(store) == before


@pytest.mark.parametrize("is_indexed", [True, False])
@pytest.mark.parametrize("generation", ["K1", "July"])
def test_a_later_dump_adds_what_is_new(taken, store, generation, is_indexed):
    taken(executions(2, generation=generation).dump("tab"))
    if is_indexed:
        assert dlprov.query("SELECT count(*) FROM run WHERE ended IS NOT NULL").rows() == [(1,)]
    before = logs(store)
    database = executions(3, generation=generation)
    report, told = taken(database.dump("bar"))
    assert (report.runs, report.tasks, told) == (1, 3, [])
    after = logs(store)
    assert all(after[path].startswith(text) for path, text in before.items())
    assert sum(after[path] != text for path, text in before.items()) == 1
    assert_same_tables(database)
    assert_sealed(store)
    assert dlprov.query("SELECT duration FROM run WHERE ended IS NOT NULL").rows() == [(1920.0,), (1920.0,)]
    assert not dlprov.query("SELECT * FROM log_problem").rows()


def test_a_run_of_which_all_was_finished_goes_on(taken, store):
    """Databases without executions: what ran later is in the run that was there."""
    first, second = eight_runs(), eight_runs()
    for table in first.tables:
        if table.name == "performance":
            early = "2021-03-24 22:00:00"
            table.rows[:] = [(*row[:6], early, row[7]) for row in table.rows]
        elif table.name.startswith("ds_"):
            table.rows[:] = table.rows[: len(table.rows) // 2]
    taken(first.dump())
    for directory in run_directories(store):
        os.utime(directory, (1, 1))
    ended = "SELECT ended, duration, status FROM run"
    assert [(str(row[0]), *row[1:]) for row in dlprov.query(ended)] == [("2021-03-24 22:00:00", 820.595755, "finished")]
    # Its directory has rested: only a change of it makes a reader look.
    assert dlprov.query("SELECT is_closed FROM log_directory").rows() == [(True,)]
    report, _ = taken(second.dump())
    assert (report.runs, report.tasks, report.elements) == (0, 0, 468)
    assert_same_tables(second, but=("performance",))
    assert [str(row[0]) for row in dlprov.query(ended)] == ["2021-03-25 02:21:03.634388"]
    whole = 16484.230143
    assert dlprov.query("SELECT duration FROM run").rows() == [(pytest.approx(whole),)]
    assert dlprov.query("SELECT DISTINCT duration FROM task").rows() == [(pytest.approx(whole),)]
    assert_sealed(store)


def test_a_finished_run_that_goes_on_has_no_end(taken, store):
    database = executions(2, open_last=False)
    taken(database.dump())
    states = "SELECT status, ended IS NULL, duration FROM run ORDER BY started"
    assert dlprov.query(states).rows() == [("finished", False, 1920.0), ("finished", False, 1920.0)]
    tasks = database.table("task").rows
    tasks.append((7, 4, 1, tasks[-1][3], 2, "RUNNING", *NOTHING))
    taken(database.dump())
    assert dlprov.query(states).rows() == [("finished", False, 1920.0), ("lost", True, 1920.0)]
    tasks[-1] = (*tasks[-1][:5], "FINISHED", *NOTHING)
    clock = ("2024-10-02 12:40:00", "2024-10-02 12:50:00")
    database.table("performance").rows.append((7, 7, None, "null", "null", *clock, "null"))
    taken(database.dump())
    assert dlprov.query(states).rows() == [("finished", False, 1920.0), ("finished", False, 3000.0)]
    assert_same_tables(database)
    assert_sealed(store)


def test_a_task_that_begins_again_ends_again(taken, store):
    database = executions(1, open_last=False)
    tasks = database.table("task").rows
    finished = tasks[1]
    for status in ("FINISHED", "READY", "FINISHED"):
        tasks[1] = (*finished[:5], status, *finished[6:])
        report, _ = taken(database.dump())
        assert_same_tables(database)
    assert report.tasks == 0
    assert dlprov.query("SELECT duration, ended IS NULL FROM task").rows() == [(1800.0, False)] * 3
    assert_sealed(store)


@pytest.mark.parametrize("is_indexed", [True, False])
def test_an_older_dump_takes_nothing_back(taken, store, is_indexed):
    database = executions(3)
    taken(database.dump())
    before = logs(store)
    if is_indexed:
        assert_same_tables(database)
    assert taken(executions(2).dump())[0].lines == 0
    assert logs(store) == before
    assert_same_tables(database)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_an_import_that_was_cut_off_goes_on(taken, store, part):
    database = executions()
    taken(database.dump())
    whole = logs(store)
    for path, text in whole.items():
        Path(path).write_bytes(text[: int(len(text) * part)])
    dlprov.query("SELECT * FROM run")
    taken(database.dump())
    assert_same_tables(database)
    assert_sealed(store)
    again = logs(store)
    assert taken(database.dump())[0].lines == 0
    assert logs(store) == again


def test_an_import_that_was_killed_goes_on(taken, store, tmp_path):
    database = executions(3, 4000)
    (tmp_path / "dump.sql").write_text(database.dump())
    program = "import sys; from pathlib import Path; from dlprov.intake import *; f = Path(sys.argv[1]); "
    program += "import_dump(f, Path(sys.argv[2]), Report(f))"
    command = [sys.executable, "-c", program, str(tmp_path / "dump.sql"), str(store)]
    process = subprocess.Popen(command)
    try:
        while process.poll() is None and sum(map(len, logs(store).values())) < 100_000:
            pass
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
    taken(database.dump())
    assert_same_tables(database)
    assert_sealed(store)


def test_an_import_for_which_there_is_no_room_goes_on_later(taken, store, tmp_path):
    database = executions(3, 300)
    (tmp_path / "dump.sql").write_text(database.dump())
    program = """
        import resource, sys
        from pathlib import Path
        from dlprov.errors import StoreError
        from dlprov.intake import Report, import_dump
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            import_dump(Path(sys.argv[1]), Path(sys.argv[2]), Report(Path(sys.argv[1])))
        except StoreError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "dump.sql"), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "make room or name another store, and import again" in done.stdout
    assert max(map(len, logs(store).values())) == 20_000
    taken(database.dump())
    assert_same_tables(database)
    assert_sealed(store)


def test_an_import_waits_for_another(store, tmp_path):
    (tmp_path / "dump.sql").write_text(executions().dump())
    lock = os.open(store / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "dlprov", "import", str(tmp_path / "dump.sql")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert not logs(store)
    finally:
        os.close(lock)
    assert process.wait(60) == 0
    assert_sealed(store)


def test_two_imports_at_a_time(store, tmp_path):
    database = executions(4, 300)
    (tmp_path / "dump.sql").write_text(database.dump())
    command = [sys.executable, "-m", "dlprov", "import", str(tmp_path / "dump.sql")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(process.communicate(timeout=120)[0].rpartition(": ")[2] for process in started)
    assert [process.returncode for process in started] == [0, 0, 0]
    assert said[0].startswith("2 dataflows, 4 runs, 11 tasks")
    assert said[1:] == ["nothing new\n", "nothing new\n"]
    assert_same_tables(database)
    assert_sealed(store)


def test_the_same_import_gives_the_same_bytes_at_any_time(taken, store, monkeypatch):
    taken(executions().dump())
    first = logs(store)
    for path in first:
        Path(path).unlink()
    monkeypatch.setattr(events, "now", lambda: 1)
    taken(executions().dump("blanks"))
    assert logs(store) == first
    for path in first:
        (log,) = [event for _, event in read_events(Path(path)) if isinstance(event, events.Log)]
        assert (log.host, log.pid, log.writer) == ("", 0, Path(path).stem)
