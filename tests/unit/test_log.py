"""The log file: what is written, how it is read, sealed and verified, and what a slow disk changes."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import dlprov
from dlprov.errors import LogFormatError
from dlprov.log import events, identifiers, writer
from dlprov.log.reader import read_chunk, read_events, unfinished_bytes
from dlprov.log.schema import json_schema
from dlprov.log.seal import verify_file
from dlprov.log.writer import Writer


def open_writer(directory: Path, warnings: list[str] | None = None) -> Writer:
    told = warnings if warnings is not None else []
    return Writer(directory, identifiers.new_run_id(), warn=told.append, package_version="test")


def note(text: str) -> events.Note:
    return events.Note(events.now(), text)


def notes(path: Path) -> list[str]:
    return [event.text for _, event in read_events(path) if isinstance(event, events.Note)]


def test_a_line_is_in_the_kernel_when_the_call_returns(tmp_path: Path) -> None:
    log = open_writer(tmp_path)
    for number in range(100):
        before = log.path.stat().st_size
        line = events.encode(note(str(number)))
        log.write(line)
        assert log.path.stat().st_size == before + len(line)


def test_a_seal_ends_the_file_and_covers_every_byte(tmp_path: Path) -> None:
    log = open_writer(tmp_path)
    log.append(note("one"))
    log.seal()
    assert verify_file(log.path).verdict == "sealed"
    content = log.path.read_bytes()
    for place in range(content.rfind(b'{"event":"seal"')):
        changed = bytearray(content)
        changed[place] ^= 1
        log.path.write_bytes(changed)
        assert verify_file(log.path).verdict != "sealed"
    log.path.write_bytes(content.replace(b"one", b"two"))
    found = verify_file(log.path)
    assert (found.verdict, len(found.problems)) == ("altered", 1)


def test_what_comes_after_a_seal_is_sealed_again(tmp_path: Path) -> None:
    log = open_writer(tmp_path)
    log.seal()
    log.append(note("later"))
    found = verify_file(log.path)
    assert found.verdict == "unsealed"
    assert found.unsealed_bytes == len(log.path.read_bytes().splitlines(keepends=True)[-1])
    log.seal()
    log.seal()
    found = verify_file(log.path)
    assert (found.verdict, found.seals) == ("sealed", 2)


def test_a_torn_last_line_is_closed_by_whoever_opens_the_file_again(tmp_path: Path) -> None:
    log = open_writer(tmp_path)
    log.append(note("whole"))
    log.seal()
    with log.path.open("ab") as file:
        file.write(b'{"event":"note","time":1,"te')
    assert unfinished_bytes(log.path) == 28
    log.append(note("after"))
    assert notes(log.path) == ["whole", "after"]
    assert [type(event) for _, event in read_events(log.path)].count(LogFormatError) == 1


def test_a_reader_takes_whole_lines_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"aa\nbb")
    assert read_chunk(path, 0) == b"aa\n"
    assert read_chunk(path, 3) == b""
    with path.open("ab") as file:
        file.write(b"b\n" + b"c" * 100_000 + b"\nd")
    assert read_chunk(path, 3, size=4) == b"bbb\n"
    assert read_chunk(path, 7, size=4) == b"c" * 100_000 + b"\n"


def test_a_disk_that_stalls_moves_writing_to_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_writer(tmp_path)
    real, slow = os.write, [True]

    def slow_write(fd: int, data: bytes) -> int:
        # No file system here stalls on demand: the call itself is delayed, and then done for real.
        if slow[0]:
            time.sleep(0.012)
        return real(fd, data)

    monkeypatch.setattr(os, "write", slow_write)
    monkeypatch.setattr(writer, "CALM_SECONDS", 0.2)
    for number in range(writer.SLOW_IN_A_ROW):
        log.append(note(str(number)))
    begin = time.perf_counter()
    for number in range(writer.SLOW_IN_A_ROW, 500):
        log.append(note(str(number)))
    assert time.perf_counter() - begin < 490 * 0.012 / 2
    slow[0] = False
    deadline = time.monotonic() + 20
    while len(notes(log.path)) < 500 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert notes(log.path) == [str(number) for number in range(500)]
    problems = [event for _, event in read_events(log.path) if isinstance(event, events.Problem)]
    assert len(problems) == 1
    assert "the file system is slow" in problems[0].message
    while log._state != "direct" and time.monotonic() < deadline:
        time.sleep(0.05)
    before = log.path.stat().st_size
    log.append(note("direct again"))
    assert log.path.stat().st_size > before
    log.seal()
    assert verify_file(log.path).verdict == "sealed"


def test_slow_writes_now_and_then_are_no_stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_writer(tmp_path)
    real, delays = os.write, iter([*[0.012] * (writer.SLOW_IN_A_ROW - 1), 0] * 2)

    def write(fd: int, data: bytes) -> int:
        time.sleep(next(delays))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for number in range(2 * writer.SLOW_IN_A_ROW):
        log.append(note(str(number)))
        assert len(notes(log.path)) == number + 1


def test_a_buffer_has_an_end_and_says_what_it_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    log = open_writer(tmp_path, warnings)
    real, full = os.write, [True]

    def write(fd: int, data: bytes) -> int:
        if full[0]:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(writer, "BUFFER_BYTES", 2000)
    monkeypatch.setattr(os, "write", write)
    for number in range(200):
        log.append(note(str(number)))
    full[0] = False
    log.tick(time.monotonic())
    log.append(note("end"))
    kept = notes(log.path)
    assert kept[:-1] == [str(number) for number in range(len(kept) - 1)]
    assert kept[-1] == "end"
    (problem,) = [event for _, event in read_events(log.path) if isinstance(event, events.Problem)]
    assert problem.message.startswith(f"{200 - len(kept) + 1} records were dropped")
    assert len(warnings) == 1


def test_heartbeats_show_that_a_silent_writer_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "HEARTBEAT_SECONDS", 0.2)
    log = open_writer(tmp_path)
    time.sleep(1.0)
    beats = [event for _, event in read_events(log.path) if isinstance(event, events.Heartbeat)]
    assert 1 <= len(beats) <= 6
    log.seal()
    time.sleep(0.5)
    assert verify_file(log.path).verdict == "sealed"


GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.jsonl"))

ADDED_KINDS = {"format-1.1.jsonl": {
    "agent", "numbers", "performance", "file", "raw-data", "document", "statement", "received",
}}  # fmt: skip
"""The kinds that each version after 1.0 added."""


def kinds_of(version: str) -> set[str]:
    """All kinds of a version: those of now without the ones that later versions added."""
    later = [kinds for name, kinds in ADDED_KINDS.items() if name > version]
    return set(events.KINDS).difference(*later)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_golden_logs_of_every_version_are_read_and_fit_the_schema(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    kinds = set()
    for line in path.read_bytes().splitlines(keepends=True):
        event = events.decode(line)
        assert isinstance(event, events.Event)
        validator.validate(json.loads(line))
        kinds.add(str(event.__struct_config__.tag))
    assert kinds == kinds_of(path.name)
    assert verify_file(path).verdict == "sealed"


def test_there_is_a_golden_log_of_this_version() -> None:
    assert f"format-{events.FORMAT}.jsonl" in [path.name for path in GOLDEN]


def test_a_version_added_kinds_that_no_earlier_log_has() -> None:
    for later, added in ADDED_KINDS.items():
        assert added <= set(events.KINDS)
        for path in GOLDEN:
            if path.name < later:
                assert not added & {json.loads(line)["event"] for line in path.read_bytes().splitlines()}


def test_lines_that_are_no_events_are_refused() -> None:
    for line in (b"", b"{}", b"[]", b'{"event":"note"}', b'{"event":"metric","time":"x"}', b"\xff", b'{"time":1}'):
        with pytest.raises(LogFormatError):
            events.decode(line)
    assert events.decode(b'{"event":"of the future","time":1}') == events.Unknown("of the future", 1)


def test_run_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    ids = []
    for _ in range(5):
        ids.append(identifiers.new_run_id())
        time.sleep(0.002)
    assert ids == sorted(ids)
    for text in ids:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert abs((parsed.int >> 80) / 1000 - time.time()) < 60


def test_liveness_knows_a_process_from_a_later_one_with_its_number() -> None:
    started = identifiers.process_started(os.getpid())
    assert identifiers.process_is_alive(os.getpid(), started)
    assert not identifiers.process_is_alive(os.getpid(), started + 1)
    assert not identifiers.process_is_alive(2**22 + 1, 0)


def golden_rows(store: Path, version: str, run_id: str) -> Callable[[str], list[tuple[object, ...]]]:
    """Asks a store that holds nothing but the golden log of a version."""
    target = store / "runs" / run_id / "4711-0badcafe.jsonl"
    target.parent.mkdir(parents=True)
    target.write_bytes((Path(__file__).parents[1] / "golden" / f"format-{version}.jsonl").read_bytes())
    return lambda sql: dlprov.query(sql, store=store).rows()


def test_the_golden_log_of_1_0_gives_the_rows_that_it_gave_when_it_was_written(tmp_path: Path) -> None:
    rows = golden_rows(tmp_path / "store", "1.0", "01a1fe00-8b98-7581-9aa6-fab278c156ca")
    assert rows('SELECT dataflow, status, duration, host, "user" FROM run') == [
        ("alexnet-df-1", "finished", 22.5, "node1", "ada")
    ]
    assert rows("SELECT name, value FROM metric WHERE isfinite(value) ORDER BY name") == [
        ("loss", 2.302585092994046),
        ("tiny", 5e-324),
        ("whole", 3.0),
    ]
    assert rows('SELECT id, train_task_id, test_task_id, loss, model FROM "alexnet-df-1".otrain') == [
        (1, 1, 2, 2.3, "/m/1.keras"),
        (2, 1, 2, 1.1, None),
    ]
    assert rows('SELECT learning_rate, optimizer_name FROM "alexnet-df-1".itrain') == [(0.001, "Adam")]
    assert rows("SELECT count(*) FROM param") == [(7,)]
    assert rows("SELECT technique, best, best_epoch FROM stop") == [("EarlyStopping", 0.25, 0)]
    assert rows("SELECT count(*) FROM log_problem") == [(0,)]


def test_the_golden_log_of_1_1_gives_the_rows_that_it_gave_when_it_was_written(tmp_path: Path) -> None:
    execution = "alexnet-df-1-2026-11-21 12:00:00.123456"
    run_id = identifiers.execution_run_id("AlexNet-DF-1", execution)
    assert run_id == "849f3579-5a7f-50c3-bd26-3b76dcc14d90"
    rows = golden_rows(tmp_path / "store", "1.1", run_id)
    assert rows("SELECT dataflow, status, duration, host, execution FROM run") == [
        ("alexnet-df-1", "finished", 22.5, "node1", execution)
    ]
    assert rows("SELECT d.id, v.version FROM dataflow AS d JOIN dataflow_version AS v ON v.df_id = d.id") == [(3, 4)]
    assert rows("SELECT * EXCLUDE (df_id) FROM data_transformation WHERE tag IN ('train', 'test') ORDER BY id") == [
        (7, "train"),
        (8, "test"),
    ]
    assert rows("SELECT id, tag FROM data_set ORDER BY id") == [(11, "itrain"), (12, "otrain"), (13, "otest")]
    assert rows("SELECT * FROM data_dependency WHERE id IN (21, 22) ORDER BY id") == [
        (21, None, 7, 11),
        (22, 7, 8, 12),
    ]
    assert rows("SELECT id, name, type FROM attribute WHERE id IN (40, 50) OR type = 'LONG_TEXT' ORDER BY id") == [
        (40, "learning_rate", "NUMERIC"),
        (50, "loss", "NUMERIC"),
        (52, "report", "LONG_TEXT"),
    ]
    assert rows("SELECT p.* FROM program AS p JOIN use_program AS u ON u.program_id = p.id WHERE u.dt_id = 7") == [
        (1, 3, "train.py", "/opt/bin")
    ]
    assert rows(
        "SELECT s.email, h.platform, h.gpus, h.in_container FROM dataflow_execution AS e "
        "JOIN data_scientist AS s ON s.id = e.scientist_id JOIN hardware_info AS h ON h.id = e.hardware_id"
    ) == [("ada@example.org", "Linux-6.1-x86_64", "Not available", True)]
    assert rows(
        "SELECT id, identifier, status, workspace, computing_resource, output_msg, error_msg FROM task ORDER BY id"
    ) == [
        (31, 4, "FINISHED", "/data/w", "node1", "done", "null"),
        (32, 3, None, None, None, None, None),
        (33, 5, "FAILED", "null", "null", "null", "ValueError: no"),
        (34, 0, "FINISHED", None, None, None, None),
    ]
    assert rows("SELECT * FROM task_dependency ORDER BY ALL") == [(31, 32), (33, 31)]
    assert rows("SELECT * FROM performance WHERE task_id = 31 ORDER BY id") == [
        (51, 31, None, "null", "null", "2026-11-21 12:00:01", "2026-11-21 12:00:11", "train.py"),
        (52, 31, 1, "COMPUTATION", "epoch 1", "2026-11-21 12:00:02", "2026-11-21 12:00:09", "train.py --fast"),
    ]
    assert rows("SELECT * FROM file WHERE name = 'train.npz'") == [(61, 31, "train.npz", "/data/w")]
    assert rows('SELECT id, train_task_id, learning_rate, optimizer_name FROM "alexnet-df-1".itrain') == [
        (71, 31, 0.001, "Adam")
    ]
    assert rows(
        'SELECT id, train_task_id, test_task_id, look_task_id, loss, model, report FROM "alexnet-df-1".otrain'
    ) == [
        (81, 31, 33, 34, 2.3, "/m/1.keras", "long"),
        (82, 31, 33, 34, 1.1, None, None),
    ]
    assert rows('SELECT * FROM "alexnet-df-1".otest') == [(1, 33, 0.875)]
    assert rows("SELECT count(*) FROM usage") == [(4,)]
    assert rows("SELECT count(*) FROM log_problem") == [(0,)]
    assert rows("SELECT count(*) FROM renumbered") == [(0,)]
