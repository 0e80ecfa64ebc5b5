"""Many processes write and read one store at the same time: no error, nothing missing, nothing twice."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import dlprov
from dlprov.log.identifiers import hostname

WRITER = """
import sys, dlprov
for number in range(50):
    with dlprov.start_run("campaign", params={"writer": int(sys.argv[1]), "number": number}) as run:
        with run.task("Train") as task:
            for epoch in range(4):
                task.log(step=epoch, epoch=epoch, loss=epoch / 3, accuracy=number / 50)
                task.generated("oTrain", epoch=epoch, loss=epoch / 3)
"""

READER = """
import sys, time, dlprov
from pathlib import Path
stop, last, asked = Path(sys.argv[1]), 0, 0
while not stop.exists() or asked < 5:
    rows = dlprov.query("SELECT count(*), count(DISTINCT run_id) FROM metric").rows()[0]
    assert rows[0] >= last, "rows vanished"
    last = rows[0]
    dlprov.runs("campaign", limit=3).rows()
    asked += 1
print(asked)
"""


def test_eight_writers_of_fifty_runs_while_three_readers_ask(store: Path, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    command = [sys.executable, "-W", "error", "-c"]
    readers = [
        subprocess.Popen([*command, READER, str(stop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    writers = [subprocess.Popen([*command, WRITER, str(n)], stderr=subprocess.PIPE) for n in range(8)]
    for process in writers:
        assert (process.communicate(timeout=200)[1], process.returncode) == (b"", 0)
    stop.touch()
    for process in readers:
        out, err = process.communicate(timeout=200)
        assert (err, process.returncode) == (b"", 0)
        assert int(out) >= 5
    ask = dlprov.query
    assert ask("SELECT count(*), count(DISTINCT run_id) FROM metric").rows() == [(8 * 50 * 4 * 2, 400)]
    assert ask("SELECT count(*), count(DISTINCT id) FROM task").rows() == [(400, 400)]
    assert ask("SELECT status, count(*) FROM run GROUP BY ALL").rows() == [("finished", 400)]
    assert ask("SELECT count(*), count(DISTINCT id), count(train_task_id) FROM campaign.otrain").rows() == [(1600,) * 3]
    assert ask("SELECT count(*), count(DISTINCT (run_id, name)) FROM param").rows() == [(800, 800)]
    assert ask("SELECT count(*), sum(points) FROM metric_summary").rows() == [(800, 3200)]
    assert ask("SELECT count(*) FROM log_problem").rows() == [(0,)]


def test_a_run_is_seen_from_another_process_while_it_runs(store: Path) -> None:
    script = """
import dlprov, time
run = dlprov.start_run("live")
run.log(step=1, loss=0.5)
print("up", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert dlprov.query("SELECT status, ended FROM run").rows() == [("running", None)]
        assert dlprov.query("SELECT step, value FROM metric").rows() == [(1, 0.5)]
    finally:
        with process:
            process.kill()
    # The process is reaped, so its end is known at once, without a minute of silence.
    assert dlprov.query("SELECT status, ended FROM run").rows() == [("lost", None)]


def test_a_silent_run_on_another_machine_is_lost_and_found(store: Path, monkeypatch) -> None:
    run = dlprov.start_run("elsewhere")
    path = run.path
    assert path is not None
    first, *rest = path.read_text().splitlines(keepends=True)
    run.finish()
    away = first.replace(f'"host":"{hostname()}"', '"host":"another"')
    assert away != first
    path.write_text(away + "".join(line for line in rest if '"end"' not in line))
    assert dlprov.query("SELECT status FROM run").rows() == [("running",)]
    monkeypatch.setenv("DLPROV_LOST_AFTER", "0.2")
    time.sleep(0.3)
    assert dlprov.query("SELECT status FROM run").rows() == [("lost",)]
    with path.open("a") as file:
        file.write(f'{{"event":"heartbeat","time":{time.time_ns() // 1000 + 3_000_000}}}\n')
    assert dlprov.query("SELECT status FROM run").rows() == [("running",)]


def _log_in_child(run: dlprov.Run, start: int) -> None:
    for step in range(start, start + 100):
        run.log(step=step, loss=float(step))


def test_forked_and_spawned_workers_write_to_the_same_run(store: Path) -> None:
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with dlprov.start_run(method) as run:
            run.log(step=-1, loss=0.0)
            workers = [context.Process(target=_log_in_child, args=(run, n * 100)) for n in range(3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
                assert worker.exitcode == 0
        steps = dlprov.query("SELECT step FROM metric WHERE run_id = ? ORDER BY step", [run.id]).rows()
        assert steps == [(step,) for step in range(-1, 300)]
        files = dlprov.query("SELECT count(*), bool_and(is_sealed) FROM log_file WHERE run_id = ?", [run.id]).rows()
        assert files == [(4, True)]
    assert dlprov.query("SELECT dataflow, status FROM run ORDER BY started").rows() == [
        ("fork", "finished"),
        ("spawn", "finished"),
    ]


def test_twenty_forks_while_threads_log_neither_hang_nor_repeat(store: Path) -> None:
    script = """
import os, threading, time, dlprov
run = dlprov.start_run("forks")
stop = threading.Event()
counts = [0] * 3
def work(n):
    while not stop.is_set():
        run.log(step=counts[n], **{f"thread{n}": 1.0})
        counts[n] += 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads: t.start()
for child in range(20):
    pid = os.fork()
    if pid == 0:
        for step in range(20):
            run.log(step=step, **{f"child{child}": 1.0})
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for t in threads: t.join()
run.finish()
print(*counts)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script], capture_output=True, timeout=120, check=True
    )
    counts = list(map(int, done.stdout.split()))
    found = dict(dlprov.query("SELECT name, count(*) FROM metric GROUP BY name").rows())
    assert found == {f"thread{n}": count for n, count in enumerate(counts)} | {f"child{n}": 20 for n in range(20)}
    assert dlprov.query("SELECT count(*), count(DISTINCT (name, step)) FROM metric").rows()[0][0] == sum(found.values())
