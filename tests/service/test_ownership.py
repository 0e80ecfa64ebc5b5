"""A service that keeps the index: local readers ask it, whatever happens to it."""

from __future__ import annotations

import datetime as dt
import math
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
import requests

import dlprov
from dlprov.query import Result, open_session, remote
from dlprov.store import Index, address

PYTHON = [sys.executable, "-W", "error"]


@contextmanager
def serving(store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``dlprov serve`` as a process of its own, which listens; it is killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dlprov", "serve", "--port", "0"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        wait_for(lambda: found(store, process.pid) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def found(store: Path, pid: int) -> address.Address | None:
    there = address.read(address.beside(store / "index.duckdb"))
    return there if there is not None and there.pid == pid else None


def wait_for(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


READER = """
import sys, dlprov
from pathlib import Path
stop, last, asked = Path(sys.argv[1]), 0, 0
while not stop.exists() or asked < 5:
    rows, runs = dlprov.query("SELECT count(*), count(DISTINCT run_id) FROM metric").rows()[0]
    assert rows >= last, "rows vanished"
    last = rows
    dlprov.runs(limit=3).df()
    asked += 1
print(asked, last)
"""

WRITER = """
import dlprov
for number in range(20):
    with dlprov.start_run("campaign", params={"number": number}) as run, run.task("Train") as task:
        for epoch in range(50):
            task.log(step=epoch, epoch=epoch, loss=epoch / 3)
            task.generated("oTrain", epoch=epoch, loss=epoch / 3)
"""


def readers(stop: Path, count: int) -> list[subprocess.Popen[bytes]]:
    command = [*PYTHON, "-c", READER, str(stop)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]


def finish(processes: list[subprocess.Popen[bytes]]) -> list[list[int]]:
    """What the readers printed: how often each asked, and how many rows it saw last. Nothing went wrong."""
    outcomes = []
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert (err.decode(), process.returncode) == ("", 0), err.decode()
        outcomes.append([int(part) for part in out.split()])
    return outcomes


@pytest.mark.slow
def test_eight_readers_a_service_and_a_training_at_once(store: Path, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with serving(store):
        asking = readers(stop, 8)
        subprocess.run([*PYTHON, "-c", WRITER], check=True, timeout=200, stderr=subprocess.PIPE)
        stop.touch()
        outcomes = finish(asking)
        assert all(asked >= 5 for asked, _ in outcomes)
        assert dlprov.query("SELECT count(*), count(DISTINCT run_id) FROM metric").rows() == [(1000, 20)]
        assert dlprov.query("SELECT count(*), count(DISTINCT id) FROM campaign.otrain").rows() == [(1000, 1000)]
    # Killed, not ended: its write-ahead log is still there.
    assert dlprov.query("SELECT count(*), count(DISTINCT run_id) FROM metric").rows() == [(1000, 20)]


@pytest.mark.slow
def test_services_come_go_and_are_killed_while_readers_ask(store: Path, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    asking = readers(stop, 4)
    writing = subprocess.Popen([*PYTHON, "-c", WRITER], stderr=subprocess.PIPE)
    for number in range(4):
        with serving(store) as process:
            time.sleep(0.5)
            if number % 2:
                process.terminate()
                assert process.wait(30) == 0
                assert not address.beside(store / "index.duckdb").exists()
    assert (writing.communicate(timeout=200)[1], writing.returncode) == (b"", 0)
    stop.touch()
    finish(asking)
    assert dlprov.query("SELECT count(*), count(DISTINCT (run_id, step)) FROM metric").rows() == [(1000, 1000)]


@pytest.fixture
def asked_there(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that a service was asked."""
    statements: list[str] = []
    ask = remote.Remote.ask

    def noting(self: remote.Remote, statement: str, *rest: object) -> Result:
        statements.append(statement)
        return ask(self, statement, *rest)

    monkeypatch.setattr(remote.Remote, "ask", noting)
    return statements


@pytest.fixture
def trained(store: Path) -> dlprov.Run:
    with dlprov.start_run("mnist", params={"lr": 0.1}) as run, run.task("Train") as task:
        for epoch in range(3):
            task.log(step=epoch, epoch=epoch, loss=1 / (epoch + 1), accuracy=math.nan)
            task.generated("oTrain", epoch=epoch, loss=1 / (epoch + 1))
    return run


EXACT = [
    "SELECT 170141183460469231731687303715884105727::HUGEINT, (2**63)::UBIGINT, (-128)::TINYINT",
    "SELECT 'NaN'::DOUBLE, 'Infinity'::DOUBLE, '-Infinity'::DOUBLE, -0.0::DOUBLE, 0.1::FLOAT, 5e-324::DOUBLE",
    "SELECT 1.10::DECIMAL(9,2), 12345678901234567890.123456789::DECIMAL(38,9)",
    "SELECT TIMESTAMP '1677-09-22 00:12:43.145225', DATE '0044-03-15 (BC)', TIME '23:59:59.999999'",
    "SELECT '2020-01-01 00:00:00.123456789'::TIMESTAMP_NS, now() IS NOT NULL, TIMESTAMPTZ '2020-01-01 01:00:00+01'",
    "SELECT INTERVAL '1 month 2 days 3.5 seconds', '\\x00\\xFFa'::BLOB, uuid '01a1feb5-e23b-7fb0-a386-502478bb5cd6'",
    "SELECT MAP {'b': 2, 'a': NULL}, {'x': [1, NULL], 'y': {'z': 'NULL'}}, [[], NULL, ['', 'it''s \"q\", [x]']]",
    "SELECT '{\"a\": [1, null]}'::JSON, 'x'::ENUM('y', 'x'), '10101'::BIT, NULL, ''",
    'SELECT 1 AS a, 2 AS a, 3 AS "A", 4 AS "a b\\"',
    "SELECT * FROM run WHERE false",
    "SELECT range AS n, 'text ' || range AS s FROM range(50000) ORDER BY hash(range)",
    "SELECT * FROM run",
    "SELECT * FROM metric ORDER BY ALL",
    "DESCRIBE run",
    "SUMMARIZE metric",
    "EXPLAIN SELECT 1",
    "PRAGMA table_info('run')",
    "PIVOT metric ON name USING count(value) ORDER BY ALL",
]


def test_a_service_gives_the_same_answers_in_every_form(
    store: Path, trained: dlprov.Run, tmp_path: Path, asked_there: list[str]
) -> None:
    alone = [dlprov.query(sql) for sql in EXACT]
    assert not asked_there
    with serving(store):
        for sql, here in zip(EXACT, alone, strict=True):
            there = dlprov.query(sql)
            assert asked_there.pop() == sql
            assert (there.columns, there.types, len(there)) == (here.columns, here.types, len(here)), sql
            assert repr(there.rows()) == repr(here.rows()), sql
            assert list(there.plain()) == list(here.plain()), sql
            assert there.arrow().schema.equals(here.arrow().schema), sql
            if "BC" not in sql:  # Python has no such date
                assert repr(there.arrow().to_pylist()) == repr(here.arrow().to_pylist()), sql
                assert there.df().equals(here.df()), sql
            if "BC" not in sql and "INTERVAL" not in sql:  # nor has Polars such an interval
                assert repr(there.pl().rows()) == repr(here.pl().rows()), sql
            for kind in ("csv", "json", "parquet"):
                here.write(str(tmp_path / "here"), kind)
                there.write(str(tmp_path / "there"), kind)
                assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes(), (sql, kind)


PARAMETERS = [
    1, -(2**63), 2**70, 0.1, -0.0, math.inf, math.nan, True, None, "it's \x00 ü 💡", b"\x00\xff", bytearray(b"x"),
    dt.datetime.fromisoformat("2020-01-02 03:04:05.000006"), dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
    dt.date(2020, 1, 2), dt.time(1, 2, 3, 4), dt.timedelta(days=-1, microseconds=3), Decimal("1.10"),
    uuid.UUID(int=5), [1, 2.5], ["a", None], {"a": 1, "@": "x"}, np.float64(0.1), np.array([1, 2]),
]  # fmt: skip


def test_parameters_arrive_as_they_are(store: Path, asked_there: list[str]) -> None:
    sql = "SELECT ? AS value, typeof(value)"
    alone = [dlprov.query("SELECT v, typeof(v) FROM (SELECT ? AS v)", [value]).rows() for value in PARAMETERS]
    with serving(store):
        for value, here in zip(PARAMETERS, alone, strict=True):
            there = dlprov.query("SELECT v, typeof(v) FROM (SELECT ? AS v)", [value]).rows()
            assert repr(there) == repr(here), value
        assert dlprov.query("SELECT $a + $b", {"a": 1, "b": 2}).rows() == [(3,)]
        with pytest.raises(dlprov.QueryError, match=r"as a parameter, got a builtins\.object"):
            dlprov.query(sql, [object()])
    assert len(asked_there) == len(PARAMETERS) + 2


MISTAKES = [
    "SELECT * FROM nothing",
    "SELEC 1",
    "SELECT error('mine')",
    "SELECT 1 FROM run WHERE run_id + 1",
    "DROP TABLE run",
    "WITH gone AS (DELETE FROM run RETURNING *) SELECT * FROM gone",
    "SET SCHEMA cifar",
    "SELECT ?",
    "",
]


def test_a_service_gives_the_same_errors(store: Path, trained: dlprov.Run, asked_there: list[str]) -> None:
    def error(sql: str) -> tuple[type, str]:
        with pytest.raises(dlprov.DlprovError) as caught:
            dlprov.query(sql)
        return type(caught.value), str(caught.value)

    alone = [error(sql) for sql in MISTAKES]
    with serving(store):
        assert [error(sql) for sql in MISTAKES] == alone
    assert asked_there


def test_a_session_keeps_its_schema_over_services(store: Path, trained: dlprov.Run, asked_there: list[str]) -> None:
    session = open_session()
    session.ask('SET SCHEMA "mnist"')
    with serving(store):
        assert session.ask("SELECT count(*) FROM otrain").rows() == [(3,)]
        session.ask("SET SCHEMA public")
        with pytest.raises(dlprov.QueryError, match="otrain"):
            session.ask("SELECT count(*) FROM otrain")
        session.use("mnist")
    assert len(asked_there) >= 4
    assert session.ask("SELECT count(*) FROM otrain").rows() == [(3,)]


@pytest.mark.slow
def test_every_command_works_beside_a_service(store: Path, trained: dlprov.Run) -> None:
    def command(*arguments: str, input: str | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dlprov", *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            input=input,
            timeout=60,
        )
        assert (done.stderr, done.returncode) == ("", 0), arguments
        return done.stdout

    commands = [
        ["runs"],
        ["show"],
        ["show", "--format", "json"],
        ["verify", "last"],
        ["query", "FROM metric"],
        ["index"],
    ]
    alone = [command(*arguments) for arguments in commands]
    numbers = command("query", "SELECT id, loss FROM mnist.otrain ORDER BY ALL")
    with serving(store) as process:
        there = found(store, process.pid)
        assert [command(*arguments) for arguments in commands] == alone
        assert "built anew" in command("index", "--rebuild")
        assert command("query", "SELECT id, loss FROM mnist.otrain ORDER BY ALL") == numbers
        assert f"{there.url} (process {process.pid}) keeps the index" in command("doctor")
        assert "0.3333" in command("shell", input='SET SCHEMA "mnist";\nSELECT loss FROM otrain;\n\\d\n')
    assert "keeps the index" not in command("doctor")


def test_progress_of_a_rebuild_is_told(store: Path, trained: dlprov.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [remote.Line("working"), remote.Line("progress", done=1, total=2), remote.Line("done", done=2)]
    told: list[tuple[int, int]] = []

    class Answer:
        def __init__(self) -> None:
            self._lines = [msgspec.json.encode(line) + b"\n" for line in lines]

        def readline(self) -> bytes:
            return self._lines.pop(0)

    last = remote.Remote(address.Address())._read(Answer(), lambda *bytes_: told.append(bytes_), None)
    assert (told, last.done) == ([(1, 2)], 2)


SLOW = "SELECT count(*) FROM range({}) AS a, range(1000) AS b WHERE (a.range * b.range) % 7 = 1"


def busy(process: subprocess.Popen[bytes], seconds: float = 1.0) -> float:
    """How many processors the service keeps busy."""
    times = psutil.Process(process.pid).cpu_times
    before = times()
    time.sleep(seconds)
    after = times()
    return (after.user - before.user + after.system - before.system) / seconds


def wait_until_busy(process: subprocess.Popen[bytes]) -> None:
    wait_for(lambda: busy(process, 0.2) > 0.5)


@contextmanager
def resting(store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service that has done what it does at its beginning."""
    with serving(store) as process:
        wait_for(lambda: busy(process, 0.5) < 0.2)
        yield process


@pytest.mark.slow
def test_a_service_that_is_killed_while_it_answers_is_not_missed(store: Path, trained: dlprov.Run) -> None:
    with resting(store) as process:
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(dlprov.query(SLOW.format(400_000)).rows()))
        thread.start()
        wait_until_busy(process)
        process.kill()
        thread.join(120)
        assert answers == [dlprov.query(SLOW.format(400_000)).rows()]
        assert dlprov.query("SELECT count(*) FROM metric").rows() == [(6,)]


def test_ctrl_c_stops_the_question_there_too(store: Path) -> None:
    with resting(store) as process:
        asking = subprocess.Popen(
            [sys.executable, "-m", "dlprov", "query", SLOW.format(10_000_000_000)], stderr=subprocess.PIPE
        )
        wait_until_busy(process)
        asking.send_signal(signal.SIGINT)
        assert asking.wait(30) == 130
        asking.communicate()
        wait_for(lambda: busy(process, 0.5) < 0.3, 20)


@pytest.mark.slow
def test_a_service_that_hangs_is_told_and_done_without(
    store: Path, trained: dlprov.Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(remote, "SILENCE_SECONDS", 3.0)
    with serving(store) as process:
        assert dlprov.query("SELECT count(*) FROM run").rows() == [(1,)]
        process.send_signal(signal.SIGSTOP)
        assert dlprov.query("SELECT count(*) FROM run").rows() == [(1,)]
        told = capsys.readouterr().err
        assert f"(process {process.pid}) keeps the index and has been silent for 3 s" in told
        assert "built in memory" in told
        process.send_signal(signal.SIGCONT)
        # A long question is no silence.
        assert dlprov.query(SLOW.format(1_500_000)).rows()
        assert capsys.readouterr().err == ""


def test_a_question_that_reads_files_is_answered_here(
    store: Path, trained: dlprov.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("dataflow,label\nmnist,digits\n")
    query = f"SELECT label FROM run JOIN '{labels}' USING (dataflow)"
    with serving(store):
        assert dlprov.query(query).rows() == [("digits",)]
    assert "reads no files; the index is built in memory for this once" in capsys.readouterr().err


def test_what_a_dead_service_left_behind_is_passed_over(
    store: Path, trained: dlprov.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(store) as process:
        place = address.beside(store / "index.duckdb")
        left = place.read_bytes()
        process.kill()
        process.wait()
    for text in (left, b"", b"{", b'{"url": 1}', b"\xff"):
        place.write_bytes(text)
        assert dlprov.query("SELECT count(*) FROM run").rows() == [(1,)]
    assert capsys.readouterr().err == ""


def test_a_service_of_another_version_is_not_asked(
    store: Path, trained: dlprov.Run, capsys: pytest.CaptureFixture[str], asked_there: list[str]
) -> None:
    with serving(store):
        place = address.beside(store / "index.duckdb")
        there = msgspec.json.decode(place.read_bytes())
        place.write_bytes(msgspec.json.encode(there | {"version": "0.0.1"}))
        assert dlprov.query("SELECT count(*) FROM run").rows() == [(1,)]
    assert not asked_there
    assert "runs dlprov 0.0.1: restart it" in capsys.readouterr().err


def test_the_key_is_for_the_owner_alone(store: Path) -> None:
    with serving(store) as process:
        place = address.beside(store / "index.duckdb")
        assert place.stat().st_mode & 0o777 == 0o600
        there = found(store, process.pid)
        stranger = remote.Remote(msgspec.structs.replace(there, key="guessed"))
        with pytest.raises(remote.GoneError, match="403"):
            stranger.ask("SELECT 1", None, "public")


def test_a_second_service_says_where_the_first_is(store: Path) -> None:
    with serving(store) as process:
        second = subprocess.run(
            [sys.executable, "-m", "dlprov", "serve", "--port", "0"],
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=60,
        )
        assert second.returncode == 1
        assert f"(process {process.pid}): use it, or end it" in second.stderr
        assert dlprov.query("SELECT 1").rows() == [(1,)]


def test_an_index_asked_directly_names_the_service(store: Path, tmp_path: Path) -> None:
    with serving(store), pytest.raises(dlprov.StoreBusyError, match="keeps the index"):
        Index(store, tmp_path / "cache").refresh()


@pytest.mark.slow
def test_a_service_that_is_ended_stops_what_it_was_asked(store: Path) -> None:
    with resting(store) as process:
        there = found(store, process.pid)
        refused: list[BaseException] = []

        def ask_without_end() -> None:
            try:
                requests.post(f"{there.url}/api/query", json={"sql": SLOW.format(10**10)}, timeout=100)
            except requests.ConnectionError as error:
                refused.append(error)

        answers: list[object] = []
        threads = [
            threading.Thread(target=ask_without_end),
            threading.Thread(target=lambda: answers.append(dlprov.query(SLOW.format(300_000)).rows())),
        ]
        for thread in threads:
            thread.start()
        wait_until_busy(process)
        process.terminate()
        assert process.wait(60) == 0
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert "Traceback" not in said, said
        for thread in threads:
            thread.join(60)
        assert answers == [dlprov.query(SLOW.format(300_000)).rows()]
        assert refused
