"""Trouble with disks and logs: a clear message, the training goes on, and nothing that was recorded is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dlprov
from dlprov.log import events, layout
from dlprov.log.seal import verify_run

TRAINING = """
import dlprov
run = dlprov.start_run("trouble", params={"lr": 0.1})
total = 0.0
for step in range(2000):
    total += step
    run.log(step=step, loss=total)
run.note("done")
run.finish()
print("trained", total)
"""


def train(script: str = TRAINING, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a training in a process of its own; whatever happens to our files, it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "trained 1999000.0\n"), done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_keeps_what_was_recorded_and_says_so(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 200_000)
    done = train(DLPROV_STORE=str(small_disk))
    assert "No space left on device" in done.stderr
    assert "the training goes on" in done.stderr
    steps = [row[0] for row in dlprov.query("SELECT step FROM metric ORDER BY step", store=small_disk).rows()]
    assert len(steps) > 100
    assert steps == list(range(len(steps)))


def test_a_disk_that_was_full_for_a_while_loses_nothing(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 210_000)
    script = TRAINING.replace("run.note", f"import os, time; os.unlink({str(ballast)!r}); time.sleep(0.5); run.note")
    done = train(script, DLPROV_STORE=str(small_disk))
    assert "No space left on device" in done.stderr
    found = dlprov.query("SELECT count(*), min(step), max(step) FROM metric", store=small_disk).rows()
    assert found == [(2000, 0, 1999)]
    assert dlprov.query("SELECT text FROM note", store=small_disk).rows() == [("done",)]
    assert dlprov.query("SELECT status FROM run", store=small_disk).rows() == [("finished",)]
    # The record that the full disk cut in two is told, and stands again as a whole.
    problems = dlprov.query("SELECT count(*) FROM log_problem", store=small_disk).rows()
    assert problems[0][0] <= 1


def test_a_file_size_limit_is_met_like_a_full_disk(store: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n" + TRAINING
    done = train(limited)
    assert "cannot write the run log" in done.stderr
    assert done.stderr.count("cannot write the run log") == 1
    steps = [row[0] for row in dlprov.query("SELECT step FROM metric ORDER BY step").rows()]
    assert len(steps) > 300
    assert steps == list(range(len(steps)))


def test_a_store_that_cannot_be_written_sends_the_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = train(DLPROV_STORE="/proc/dlprov", TMPDIR=str(temporary))
    assert "the store /proc/dlprov cannot be written" in done.stderr
    assert "recording into" in done.stderr
    (fallback,) = temporary.glob("dlprov-*")
    assert len(dlprov.query("SELECT * FROM metric", store=fallback)) == 2000


def test_a_store_that_is_a_file_is_named_as_such(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a directory")
    done = train(DLPROV_STORE=str(place), TMPDIR=str(tmp_path))
    assert f"{place} is a file, and a directory was expected" in done.stderr
    assert place.read_text() == "not a directory"
    with pytest.raises(dlprov.StoreError, match="is a file, and a directory was expected"):
        dlprov.query("SELECT 1", store=place)


def test_no_home_and_no_place_at_all_still_trains(tmp_path: Path) -> None:
    environment = {"HOME": "/nonexistent", "XDG_DATA_HOME": "", "TMPDIR": str(tmp_path)}
    bare = {name: value for name, value in os.environ.items() if name not in ("DLPROV_STORE", "XDG_DATA_HOME")}
    if os.geteuid() == 0:
        # Root can make /nonexistent; a file in the way stops even root.
        (tmp_path / "file").write_text("")
        environment["HOME"] = str(tmp_path / "file" / "home")
    done = subprocess.run(
        [sys.executable, "-c", TRAINING], capture_output=True, text=True, env={**bare, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "recording into" in done.stderr
    assert (tmp_path / "file").exists()


def test_a_home_that_is_missing_from_the_environment_is_found_or_replaced(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DLPROV_STORE", "HOME")}
    script = "import dlprov.settings as s; p = s.load().store; assert p.is_absolute() and '~' not in str(p); print(p)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.startswith("/")


def read_only(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def test_a_store_that_is_read_only_can_be_asked(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLPROV_CACHE", str(tmp_path / "cache"))
    with dlprov.start_run("colleague", store=small_disk) as run:
        run.log(step=0, loss=0.5)
    before = sorted(path.name for path in small_disk.iterdir())
    read_only(small_disk)
    for _ in range(2):
        assert dlprov.query("SELECT value FROM metric", store=small_disk).rows() == [(0.5,)]
    assert sorted(path.name for path in small_disk.iterdir()) == before == ["runs"]
    assert len(list((tmp_path / "cache").glob("*/index.duckdb"))) == 1


def test_a_read_only_store_without_a_cache_is_asked_in_memory(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLPROV_CACHE", "/proc/nowhere")
    with dlprov.start_run("colleague", store=small_disk) as run:
        run.log(step=0, loss=0.5)
    read_only(small_disk)
    assert dlprov.query("SELECT value FROM metric", store=small_disk).rows() == [(0.5,)]


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(ballast.parent).free == 0


def test_a_full_disk_under_the_index_does_not_keep_the_answer(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with dlprov.start_run("full", store=small_disk) as run:
        run.log(step=0, loss=0.5)
    fill(small_disk / "ballast")
    assert dlprov.query("SELECT value FROM metric", store=small_disk).rows() == [(0.5,)]
    assert "built in memory" in capsys.readouterr().err


@pytest.fixture
def log(store: Path) -> Path:
    """The log of a finished run with ten metrics and a note behind them."""
    with dlprov.start_run("log", params={"lr": 0.1}) as run:
        for step in range(10):
            run.log(step=step, loss=float(step))
        run.note("after")
    (path,) = layout.log_files(layout.run_directory(store, run.id))
    return path


@pytest.mark.parametrize(
    "damage",
    [
        b"garbage\n",
        b"\xff\xfe\x00\n",
        b'{"event":"metric","time":\n',
        b"[]\n",
        b'{"event":"metric","time":1,"values":{"x":"y"}}\n',
        b'{"event":"metric","time":1,"values":{"x":"1.5"}}\n',
        b'{"event":"metric","time":1,"step":"x","values":{"x":1.5}}\n',
        b'{"event":"metric","time":1,"step":1180591620717411303424,"values":{"x":1.5}}\n',
        b'{"event":"metric","time":9223372036854775807,"values":{"x":1.5}}\n',
        b'{"event":"note","time":-1,"text":"x"}\n',
    ],
)
def test_a_corrupt_line_in_the_middle_is_told_and_the_rest_is_read(log: Path, damage: bytes) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    metrics = [number for number, line in enumerate(lines) if line.startswith(b'{"event":"metric"')]
    lines[metrics[4]] = damage
    position = sum(map(len, lines[: metrics[4]]))
    log.write_bytes(b"".join(lines))
    steps = [row[0] for row in dlprov.query("SELECT step FROM metric ORDER BY step").rows()]
    assert steps == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert dlprov.query("SELECT text FROM note").rows() == [("after",)]
    ((where, reason),) = dlprov.query("SELECT position, reason FROM log_problem").rows()
    assert (where, bool(reason)) == (position, True)
    (found,) = verify_run(log.parent)
    assert found.verdict == "altered"


def in_format(version: str, text: str) -> str:
    """A log as if its format had this version."""
    changed = text.replace(f'"format":"{events.FORMAT}"', f'"format":"{version}"', 1)
    assert changed != text
    return changed


def test_a_log_of_a_newer_format_is_left_alone_and_told(log: Path, store: Path) -> None:
    log.write_text(in_format("2.0", log.read_text()))
    with dlprov.start_run("new") as run:
        run.log(loss=1.0)
    for _ in range(2):
        assert dlprov.query("SELECT run_id, value FROM metric").rows() == [(run.id, 1.0)]
        ((reason,),) = dlprov.query("SELECT reason FROM log_problem").rows()
        assert "format 2.0" in reason
        assert "update dlprov" in reason


def test_a_minor_version_with_unknown_events_and_keys_is_read(log: Path) -> None:
    text = in_format("1.999", log.read_text()).replace('"event":"note"', '"colour":"red","event":"note"')
    log.write_text(text + '{"event":"teleport","time":1,"where":"there"}\n')
    assert dlprov.query("SELECT text FROM note").rows() == [("after",)]
    assert dlprov.query("SELECT count(*) FROM log_problem").rows() == [(0,)]


def test_an_index_that_is_garbage_or_of_another_version_is_built_anew(log: Path, store: Path) -> None:
    assert dlprov.query("SELECT count(*) FROM metric").rows() == [(10,)]
    index = store / "index.duckdb"
    for content in (b"garbage", b"", b"x" * 100_000):
        index.write_bytes(content)
        assert dlprov.query("SELECT count(*) FROM metric").rows() == [(10,)]
    index.unlink()
    assert dlprov.query("SELECT count(*) FROM metric").rows() == [(10,)]


def test_an_index_in_the_hands_of_a_foreign_program_is_waited_for(log: Path, store: Path) -> None:
    dlprov.query("SELECT 1")
    index = str(store / "index.duckdb")
    script = f"import duckdb, time; c = duckdb.connect({index!r}); print(1, flush=True); time.sleep(1)"
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert dlprov.query("SELECT count(*) FROM metric").rows() == [(10,)]


def test_a_store_of_somebody_else_is_not_made_by_asking(tmp_path: Path) -> None:
    place = tmp_path / "absent"
    assert dlprov.query("SELECT count(*) FROM run", store=place).rows() == [(0,)]
    assert not place.exists()


def test_the_log_can_be_read_by_others_but_not_written(log: Path) -> None:
    mode = stat.S_IMODE(log.stat().st_mode)
    assert mode & 0o022 == 0
