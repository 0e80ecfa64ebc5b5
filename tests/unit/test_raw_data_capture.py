"""What a run records of a raw data file, and what it refuses."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from raw_data_runs import taken_in, written
from run_logs import rows

import dlprov
from dlprov.capture import extraction
from dlprov.capture.extraction import RawFile, describe


def test_a_file_is_described_by_where_it_is_and_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.csv", "x\n1\n")
    (tmp_path / "link.csv").symlink_to(path)
    found = describe(tmp_path / "link.csv", delimiter=",")
    assert (found.path, found.format, found.size, found.delimiter) == (str(path.resolve()), "csv", 4, ",")
    assert found.sha256 == hashlib.sha256(b"x\n1\n").hexdigest()
    monkeypatch.chdir(tmp_path)
    assert describe("a.csv").path == str(path.resolve())


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.TSV", b"", "csv"),
        ("e.data", b"", "csv"),
        ("e.index", b"", "csv"),
        ("a.pq", b"", "parquet"),
        ("a.npz", b"", "numpy"),
        ("a.ndjson", b"", "json"),
        ("a", b"PAR1...", "parquet"),
        ("a.out", b"\x93NUMPY", "numpy"),
        ("a.out", b"PK\x03\x04", "numpy"),
        ("a.out", b"\xef\xbb\xbf \n[", "json"),
    ],
)
def test_the_format_is_what_the_name_says_or_the_first_bytes(
    tmp_path: Path, name: str, content: bytes, format: str
) -> None:
    assert describe(written(tmp_path, name, content)).format == format


def test_a_format_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "a.out", "x\n1\n")
    with pytest.raises(dlprov.UsageError, match=r"does not tell which it is: name it, format='csv'"):
        describe(path)
    assert describe(path, default="csv").format == "csv"
    assert describe(path, format="json").format == "json"
    with pytest.raises(dlprov.UsageError, match="one of the formats csv, parquet, numpy, json was expected, got 'xls'"):
        describe(path, format="xls")
    with pytest.raises(dlprov.UsageError, match="one character was expected as the delimiter, got ';;'"):
        describe(path, format="csv", delimiter=";;")


@pytest.mark.parametrize("system", ["tells where open files are", "does not"])
def test_only_files_within_the_allowed_directories_are_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    if system == "does not":
        monkeypatch.setattr(extraction, "_place_of", lambda _, otherwise: otherwise)
    allowed, outside = tmp_path / "allowed", tmp_path / "allowed-not"
    allowed.mkdir()
    outside.mkdir()
    inside = written(allowed, "a.csv", "x\n")
    secret = written(outside, "b.csv", "x\n")
    (allowed / "link.csv").symlink_to(secret)
    (allowed / "directory").symlink_to(outside)
    (outside / "back.csv").symlink_to(inside)
    (tmp_path / "also-allowed").symlink_to(allowed)
    assert describe(inside, within=[allowed]).path == str(inside.resolve())
    assert describe(outside / "back.csv", within=[outside, tmp_path / "also-allowed"]).path == str(inside.resolve())
    refused = [secret, allowed / "link.csv", allowed / "directory" / "b.csv", allowed / ".." / "allowed-not" / "b.csv"]
    for path in refused:
        with pytest.raises(dlprov.UsageError, match="a file in one of the allowed directories"):
            describe(path, within=[allowed])
    with pytest.raises(dlprov.UsageError, match=r"\(none\) was expected"):
        describe(inside, within=[])
    # Nobody learns what there is outside.
    with pytest.raises(dlprov.UsageError) as error:
        describe(outside / "nothing.csv", within=[allowed])
    with pytest.raises(dlprov.UsageError) as other:
        describe(secret, within=[allowed])
    assert str(error.value).replace("nothing.csv", "b.csv") == str(other.value)
    with pytest.raises(dlprov.UsageError, match=r"can be read was expected, got '.*nothing\.csv' \(No such file"):
        describe(allowed / "nothing.csv", within=[allowed])


@pytest.mark.parametrize("kind", ["nothing", "directory", "pipe", "loop", "zero", "surrogate"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path: Any = tmp_path / "a.csv"
    expected = "a file with rows was expected"
    if kind == "nothing":
        expected = r"a file that can be read was expected, got '.*a\.csv' \(No such file or directory\)"
    elif kind == "directory":
        path.mkdir()
        expected = r"a file that can be read was expected, got '.*a\.csv' \(Is a directory\)"
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
        expected = "a file that can be read was expected"
    elif kind == "zero":
        path = "a\0b"
        expected = "a file that can be read was expected"
    else:
        path = os.fsencode(tmp_path) + b"/\xff.csv"
        Path(os.fsdecode(path)).write_text("x\n")
        path = os.fsdecode(path)
        expected = "a path in UTF-8 was expected"
    with pytest.raises(dlprov.UsageError, match=expected):
        describe(path)


def test_a_mistake_is_told_and_recorded_and_harms_nobody(
    store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "a.csv", "x\n1\n")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        element = task.generated("oTrain", n=1)
        task.raw_data(None, path)
        task.raw_data("oTrain", path)  # type: ignore[arg-type]
        task.raw_data(element, tmp_path / "nothing.csv")
        task.raw_data(element, path, format="xls")
        task.raw_data(element, 5)  # type: ignore[arg-type]
    told = capfd.readouterr().err
    assert "an element that used or generated gave was expected, got str; the rows were not recorded" in told
    assert "nothing.csv' (No such file or directory); the rows were not recorded" in told
    assert "a fault in" not in told
    assert len(rows("SELECT * FROM problem WHERE place = 'raw_data'")) == 4
    assert taken_in("n") == [(1,)]


def test_a_run_that_is_not_recorded_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLPROV_DISABLE", "1")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        assert not run.is_recorded
        task.raw_data(task.generated("oTrain", n=1), tmp_path / "nothing.csv")


def test_the_event_says_where_the_element_is(tmp_path: Path) -> None:
    found = RawFile("/d/a.csv", "csv", "0" * 64, 5, ";").event("@train/1", "oTrain", 3, "e")
    assert (found.task, found.set, found.element, found.extractor) == ("@train/1", "oTrain", 3, "e")
    assert (found.path, found.format, found.sha256, found.size, found.delimiter) == (
        "/d/a.csv",
        "csv",
        "0" * 64,
        5,
        ";",
    )
