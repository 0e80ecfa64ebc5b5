"""Nothing that a call returned for is lost: not by SIGKILL, not by a cut file."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dlprov
from dlprov.log import layout
from dlprov.log.reader import read_events
from dlprov.store import Index

LOOP = """
import os, sys, time, dlprov
run = dlprov.start_run("killed")
with os.fdopen(1, "wb", buffering=0) as out:
    for step in range(int(sys.argv[1])):
        run.log(step=step, loss=step / 7, accuracy=1 - 1 / (step + 1))
        out.write(b".")
    time.sleep(60)  # until it is killed
"""


def run_files(store: Path) -> list[Path]:
    return [path for run in layout.run_directories(store) for path in layout.log_files(run)]


def killed_after(points: int, steps: int = 10_000) -> int:
    """Kill a logging loop once it has told of ``points`` returned calls; gives how many had returned in the end."""
    process = subprocess.Popen([sys.executable, "-c", LOOP, str(steps)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = 0
    while told < points:
        chunk = os.read(process.stdout.fileno(), min(65536, points - told))
        assert chunk, "the loop ended by itself"
        told += len(chunk)
    process.send_signal(signal.SIGKILL)
    with process:
        rest = process.stdout.read()
    return told + len(rest)


@pytest.mark.parametrize("points", [1, 100, 2_500, 9_900])
def test_sigkill_during_a_steady_loop_loses_no_returned_call(store: Path, points: int) -> None:
    returned = killed_after(points)
    steps = dlprov.query("SELECT step, value FROM metric WHERE name = 'loss' ORDER BY step").rows()
    # The process may have been killed between the write and its telling: one more is no invention.
    assert returned <= len(steps) <= returned + 1
    assert steps == [(step, step / 7) for step in range(len(steps))]
    assert dlprov.query("SELECT status FROM run").rows() == [("lost",)]
    assert dlprov.query("SELECT count(*) FROM log_problem").rows() == [(0,)]


def test_a_whole_loop_of_ten_thousand_calls_is_there_after_sigkill(store: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", LOOP, "10000"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert len(process.stdout.read(10_000)) == 10_000
    with process:
        process.kill()
    assert dlprov.query("SELECT count(*), count(DISTINCT step) FROM metric").rows() == [(20_000, 10_000)]


def a_finished_log(store: Path) -> tuple[str, Path, bytes]:
    with dlprov.start_run("cut", params={"lr": 0.1}) as run:
        for step in range(5):
            run.log(step=step, loss=float(step), not_a_number=float("nan"))
        run.note("the last words, with ünïcode 😀")
    (path,) = run_files(store)
    return run.id, path, path.read_bytes()


def test_a_reader_of_a_cut_log_takes_its_whole_lines_and_nothing_else(store: Path, tmp_path: Path) -> None:
    _, path, whole = a_finished_log(store)
    expected = list(read_events(path))
    copy = tmp_path / "cut.jsonl"
    for cut in range(len(whole) + 1):
        copy.write_bytes(whole[:cut])
        assert list(read_events(copy)) == expected[: whole.count(b"\n", 0, cut)]


def test_a_log_cut_at_any_byte_of_its_tail_loses_at_most_the_cut_line(store: Path, tmp_path: Path) -> None:
    run_id, path, whole = a_finished_log(store)
    begin = whole.rfind(b'{"event":"metric"') + 1
    copy = layout.run_directory(tmp_path / "cut", run_id) / path.name
    copy.parent.mkdir(parents=True)
    index = Index(tmp_path / "cut", tmp_path / "cache")
    # From short to long, each state indexed as it is found: what was cut must not have left a trace.
    for cut in [*range(begin, whole.find(b"\n", begin) + 2), *range(whole.rfind(b'{"event":"end"'), len(whole) + 1)]:
        copy.write_bytes(whole[:cut])
        kept = whole[: whole.rfind(b"\n", 0, cut) + 1]
        with index.reading() as connection:
            metrics = connection.execute("SELECT count(*), count(DISTINCT (step, name)) FROM public.metric").fetchone()
            notes = connection.execute("SELECT text FROM public.note").fetchall()
            problems = connection.execute("SELECT * FROM public.log_problem").fetchall()
        assert metrics == (2 * kept.count(b'{"event":"metric"'),) * 2
        assert notes == [("the last words, with ünïcode 😀",)] * kept.count(b'{"event":"note"')
        assert problems == []


def test_a_file_that_arrives_byte_by_byte_is_indexed_exactly_once(store: Path, tmp_path: Path) -> None:
    with dlprov.start_run("slow copy", params={"lr": 0.1}) as run, run.task("Train") as task:
        for step in range(4):
            task.log(step=step, loss=float(step))
            task.generated("oTrain", loss=float(step), epoch=step)
    (path,) = run_files(store)
    whole = path.read_bytes()
    other = tmp_path / "copy"
    copy = layout.run_directory(other, run.id) / path.name
    copy.parent.mkdir(parents=True)
    index = Index(other, tmp_path / "cache")
    random.seed(0)
    position = 0
    while position < len(whole):
        step = random.randint(1, 400)
        with copy.open("ab") as file:
            file.write(whole[position : position + step])
        position += step
        with index.reading():
            pass
    session = dlprov.query.Session(index)
    assert session.ask("SELECT step, value FROM metric ORDER BY step").rows() == [(n, float(n)) for n in range(4)]
    assert session.ask('SELECT epoch, loss FROM "slow copy".otrain').rows() == [(n, float(n)) for n in range(4)]
    assert session.ask("SELECT count(*) FROM param").rows() == [(1,)]
    assert session.ask("SELECT count(*) FROM log_problem").rows() == [(0,)]


def test_an_index_killed_in_the_middle_goes_on_where_it_stopped(store: Path) -> None:
    for _ in range(3):
        with dlprov.start_run("big") as run:
            for step in range(20_000):
                run.log(step=step, loss=step * 0.5)
    script = "import dlprov; dlprov.query('SELECT 1')"
    for delay in (0.15, 0.25, 0.35, 0.5):
        process = subprocess.Popen([sys.executable, "-c", script])
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert dlprov.query("SELECT count(*), sum(value) FROM metric").rows() == [(60_000, 3 * 0.5 * 19_999 * 10_000)]
