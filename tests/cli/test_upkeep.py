"""verify, index and doctor."""

from __future__ import annotations

import getpass
import os
import tempfile

import pytest

import dlprov
from dlprov.log.layout import log_files, run_directory


def logs(run):
    return log_files(run_directory(run.store, run.id))


def test_what_was_not_changed_is_sealed(dlprov_command, trained):
    found = dlprov_command("verify", "last")
    assert found.returncode == 0
    assert " sealed " in found.stdout
    assert "1 file of 1 run: 1 sealed" in dlprov_command("verify", "--all").stdout


def test_one_changed_letter_is_found(dlprov_command, trained, failed):
    (path,) = logs(trained)
    path.write_bytes(path.read_bytes().replace(b'"median"', b'"medium"'))
    for arguments in ([trained.id], [trained.id[-8:]], ["--all"]):
        found = dlprov_command("verify", *arguments)
        assert found.returncode == 1
        assert "altered" in found.stdout
        assert "does not match" in found.stdout


def test_a_run_that_is_damaged_beyond_recognition_is_still_found(dlprov_command, trained):
    (path,) = logs(trained)
    path.write_bytes(b"nothing of all that\n" * 5)
    found = dlprov_command("verify", trained.id[-8:])
    assert found.returncode == 1
    assert "unreadable" in found.stdout
    assert "and 2 more" in found.stdout


def test_a_running_run_is_unsealed_and_no_failure(dlprov_command, store):
    run = dlprov.start_run("mnist")
    try:
        found = dlprov_command("verify", "last")
        assert found.returncode == 0
        assert "the run is still writing" in found.stdout
        assert "1 unsealed" in dlprov_command("verify", "--all").stdout
    finally:
        run.finish()


def test_verify_wants_one_run_or_all(dlprov_command, trained):
    assert dlprov_command("verify").returncode == 2
    assert dlprov_command("verify", "last", "--all").returncode == 2
    assert dlprov_command("verify", "nope").returncode == 1


def test_index(dlprov_command, trained):
    assert "taken in" in dlprov_command("index").stdout
    assert "there was nothing new" in dlprov_command("index").stdout
    found = dlprov_command("index", "--rebuild")
    assert "is built anew" in found.stdout
    assert found.stderr == ""


def test_index_of_a_store_that_is_not_there(dlprov_command, tmp_path):
    found = dlprov_command("index", "--store", str(tmp_path / "nothing"))
    assert found.returncode == 1
    assert "there is no store" in found.stderr
    assert not (tmp_path / "nothing").exists()


@pytest.fixture
def own_temporary_directory(tmp_path, monkeypatch):
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def test_a_healthy_store(dlprov_command, trained, own_temporary_directory):
    found = dlprov_command("doctor")
    assert found.returncode == 0, found.stdout
    assert "from DLPROV_STORE" in found.stdout
    assert "1 finished" in found.stdout
    assert "nothing needs attention" in found.stdout
    assert f"dlprov {dlprov.__version__}" in found.stdout
    assert "from --store" in dlprov_command("doctor", "--store", str(trained.store)).stdout


def test_a_damaged_line_and_a_newer_format(dlprov_command, trained, failed, own_temporary_directory):
    (path,) = logs(trained)
    lines = path.read_bytes().split(b"\n")
    lines[3] = lines[3][:10]
    path.write_bytes(b"\n".join(lines))
    (path,) = logs(failed)
    path.write_bytes(path.read_bytes().replace(b'"format":"1.', b'"format":"9.', 1))
    found = dlprov_command("doctor")
    assert found.returncode == 1
    assert "damaged logs    1 lines cannot be read" in found.stdout
    assert "newer logs      1 written by a newer dlprov" in found.stdout
    assert trained.id in found.stdout
    assert "2 things need attention" in found.stdout


def test_what_was_not_recorded(dlprov_command, trained, own_temporary_directory, capsys):
    with dlprov.start_run("mnist") as run:
        run.log(loss="text")
    found = dlprov_command("doctor")
    assert found.returncode == 1
    assert "metric 'loss' was not recorded" in found.stdout


def test_runs_in_the_temporary_directory(dlprov_command, tmp_path, own_temporary_directory, store, capsys):
    (tmp_path / "file").touch()
    with dlprov.start_run("mnist", store=tmp_path / "file") as run:
        pass
    assert run.store == own_temporary_directory / f"dlprov-{getpass.getuser()}"
    found = dlprov_command("doctor")
    assert found.returncode == 1
    assert "left over" in found.stdout
    (command,) = [line.strip() for line in found.stdout.splitlines() if line.strip().startswith("cp -rn ")]
    assert os.system(command) == 0
    assert "nothing needs attention" in dlprov_command("doctor").stdout
    assert run.id[-8:] in dlprov_command("runs").stdout


def test_a_lost_run_is_a_note(dlprov_command, store, own_temporary_directory):
    run = dlprov.start_run("mnist")
    (path,) = logs(run)
    text = path.read_bytes()
    run.finish()
    path.write_bytes(text)
    found = dlprov_command("doctor", env={"DLPROV_LOST_AFTER": "0.001"})
    assert found.returncode == 0
    assert "note  lost runs       1 ended without saying so" in found.stdout
    assert run.id[-8:] in found.stdout


@pytest.mark.parametrize(
    ("variable", "value", "status", "said"),
    [
        ("DLPROV_DISABLE", "1", 1, "nothing is captured"),
        ("DLPROV_FINGERPRINT", "off", 0, "not hashed"),
        ("DLPROV_STORE", "/proc/nowhere", 1, "cannot be written"),
    ],
)
def test_settings_that_need_attention(dlprov_command, own_temporary_directory, variable, value, status, said):
    found = dlprov_command("doctor", env={variable: value})
    assert found.returncode == status
    assert said in found.stdout


def test_a_store_that_is_a_file(dlprov_command, tmp_path, own_temporary_directory):
    (tmp_path / "file").touch()
    found = dlprov_command("doctor", "--store", "file")
    assert found.returncode == 1
    assert "a directory was expected" in found.stdout
    assert "Traceback" not in found.stderr
