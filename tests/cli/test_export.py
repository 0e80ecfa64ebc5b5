"""export and validate."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from prov.model import ProvDocument

import dlprov
from dlprov.cli.program import program
from dlprov.errors import NotFoundError, UsageError
from dlprov.graph.exporting import dataflow_file_name, execution_file_name
from dlprov.graph.formats import FORMATS


def refused(*arguments: str) -> tuple[int, str]:
    """Exit status and message of a command that is refused, in this process: it need not start for each."""
    found = CliRunner().invoke(program, arguments)
    assert found.stdout == ""
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.stderr


INVALID = "document\nprefix ex <http://example.org/>\nentity(ex:a)\nactivity(ex:a)\nendDocument\n"


def test_a_run_goes_to_stdout_as_prov_n(dlprov_command, trained):
    found = dlprov_command("export", "last")
    assert (found.returncode, found.stderr) == (0, "")
    assert f"run-{trained.id}" in str(ProvDocument.deserialize(content=found.stdout, format="provn").get_provn())
    assert dlprov_command("export", trained.id[-8:]).stdout == found.stdout


def test_the_suffix_is_the_format_unless_one_is_named(dlprov_command, trained, tmp_path):
    assert dlprov_command("export", "last", "-o", "run.json").stdout == ""
    assert "entity" in json.loads((tmp_path / "run.json").read_text())
    assert dlprov_command("export", "last", "-o", "run.unknown").returncode == 0
    assert (tmp_path / "run.unknown").read_text().startswith("document\n")
    assert dlprov_command("export", "last", "--format", "ttl", "-o", "run.json").returncode == 0
    assert (tmp_path / "run.json").read_text().startswith("@prefix")


def test_a_file_is_replaced_when_its_document_is_complete(dlprov_command, trained, tmp_path):
    (tmp_path / "run.provn").write_text("before")
    assert dlprov_command("export", "last", "-o", "run.provn").returncode == 0
    assert (tmp_path / "run.provn").read_text().startswith("document\n")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "run.provn").stat().st_mode) == 0o666 & ~mask
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    (tmp_path / "link.provn").symlink_to(tmp_path / "run.provn")
    (tmp_path / "run.provn").write_text("before")
    assert dlprov_command("export", "last", "-o", "link.provn").returncode == 0
    assert (tmp_path / "link.provn").is_symlink()
    assert (tmp_path / "run.provn").read_text().startswith("document\n")
    assert dlprov_command("export", "last", "-o", "/dev/null").returncode == 0


def test_several_runs_become_one_document(dlprov_command, trained, failed):
    one = dlprov_command("export", trained.id).stdout
    both = dlprov_command("export", trained.id, failed.id[-8:], trained.id).stdout
    assert both.startswith(one.removesuffix("endDocument\n"))
    assert f"run-{failed.id}" in both


def test_all_runs_of_a_dataflow(dlprov_command, trained, failed, store):
    with dlprov.start_run("MNIST") as second:
        pass
    found = dlprov_command("export", "--dataflow", "Mnist").stdout
    assert f"run-{trained.id}" in found
    assert f"run-{second.id}" in found
    assert failed.id not in found


def test_a_directory_takes_a_file_of_each_run_and_format(dlprov_command, trained, failed, tmp_path):
    named = dlprov_command("export", trained.id, failed.id, "--format", "provn", "--format", "json", "-o", "out/")
    stems = [execution_file_name(run.execution, run.id) for run in (trained, failed)]
    assert named.stdout.split() == [f"out/{stem}.{suffix}" for stem in stems for suffix in ("provn", "json")]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {Path(name).name for name in named.stdout.split()}
    assert dlprov_command("export", "--dataflow", "mnist", "-o", "out").stdout == "out/mnist.provn\n"


def test_runs_with_one_execution_tag_have_files_of_their_own(dlprov_command, store, tmp_path):
    runs = []
    for dataflow in ("one", "other"):
        with dlprov.start_run(dataflow, execution="../same tag/☃") as run:
            runs.append(run.id)
    assert dlprov_command("export", *runs, "-o", "out/").returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"..-same_tag--{runs[1]}.provn", "..-same_tag-.provn",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("alexnet-2025-11-26 16:00:00.123456", "alexnet-2025-11-26_16-00-00.123456"),
        ("a/b\\c:d*e?é", "a-bc-de"),
        ("", "the-run"),
        ("..", "the-run"),
        ("☃", "the-run"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_names_of_files_are_dlprovs(tag, name):
    assert execution_file_name(tag, "the-run") == name


@pytest.mark.parametrize(
    ("tag", "name"),
    [("keras alexnet", "keras alexnet"), ("a/../b", "a-..-b"), ("..", "dataflow-2e2e"), ("a\0b", "a-b")],
)
def test_names_of_files_of_dataflows_are_their_tags(tag, name):
    assert dataflow_file_name(tag) == name


def test_what_cannot_be_exported_is_told(trained):
    for arguments, status, said in (
        ((), 2, "runs or --dataflow TAG was expected"),
        (("last", "--dataflow", "mnist"), 2, "runs or --dataflow TAG was expected"),
        (("nope",), 1, "there is no run 'nope'"),
        (("--dataflow", "nope"), 1, "there is no run of a dataflow 'nope'"),
        (("last", "--format", "docx"), 2, "'docx' is not one of"),
        (("last", "--format", "provn", "--format", "json"), 2, "one format was expected, got provn and json"),
        (("last", "-o", "nowhere/run.json"), 1, "a file that can be written was expected"),
        (("last", "-o", "/dev/null/"), 2, "a directory was expected"),
        (("last", "-o", "x" * 300), 1, "a file that can be written was expected"),
    ):
        code, message = refused("export", *arguments)
        assert code == status, arguments
        assert said in message


def test_whoever_stops_reading_stops_the_export(store, tmp_path):
    with dlprov.start_run("flow", params={"text": "x" * 1_000_000}):
        pass
    command = [sys.executable, "-m", "dlprov", "export", "last"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout.read(8) == b"document"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.parametrize("name", [name for name, found in FORMATS.items() if "writers" in found.writer])
def test_what_is_exported_is_valid(dlprov_command, trained, tmp_path, name):
    path = f"run{FORMATS[name].suffixes[0]}"
    assert dlprov_command("export", "last", "-o", path).returncode == 0
    found = dlprov_command("validate", path)
    assert (found.returncode, found.stderr) == (0, "")
    counted = dlprov_command("validate", "last").stdout.partition(": ")[2]
    assert found.stdout == f"{path}: {counted}"
    assert counted.endswith(" statements, valid\n")


def test_violations_are_told_with_constraint_and_statements(dlprov_command, store, tmp_path):
    (tmp_path / "bad.provn").write_text(INVALID)
    found = dlprov_command("validate", "bad.provn")
    assert (found.returncode, found.stderr) == (1, "")
    assert found.stdout.splitlines() == [
        "55 entity-activity-disjoint: http://example.org/a is an entity and an activity at once",
        "    entity(ex:a)",
        "    activity(ex:a, -, -)",
        "bad.provn: 2 statements, 1 violation",
    ]
    found = dlprov_command("validate", "bad.provn", "--json")
    assert found.returncode == 1
    verdict = json.loads(found.stdout)
    (violation,) = verdict.pop("violations")
    assert verdict == {"source": "bad.provn", "format": "provn", "statements": 2, "warnings": []}
    assert violation["constraint"] == 55
    assert violation["constraints"][1] == {"number": 50, "name": "typing"}
    assert violation["statements"] == ["entity(ex:a)", "activity(ex:a, -, -)"]


def test_a_violation_in_a_bundle_names_it(dlprov_command, store, tmp_path):
    inner = INVALID.replace("document\n", "bundle ex:b\n").replace("endDocument", "endBundle")
    head, *body = inner.splitlines()
    text = "\n".join(["document", "prefix ex <http://example.org/>", head, *body[1:], "endDocument"])
    (tmp_path / "bad.provn").write_text(text)
    assert "(in the bundle http://example.org/b)" in dlprov_command("validate", "bad.provn").stdout


def test_repairs_are_told_on_stderr(dlprov_command, store, tmp_path):
    (tmp_path / "old.provn").write_text(
        INVALID.replace("http://example.org/", "DLProv").replace("activity(ex:a)\n", "")
    )
    found = dlprov_command("validate", "old.provn")
    assert found.returncode == 0
    assert found.stderr.startswith("old.provn: warning: the namespace 'DLProv' is no IRI")
    assert json.loads(dlprov_command("validate", "old.provn", "--json").stdout)["warnings"]


def test_what_cannot_be_validated_is_told(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.json").write_text('{"entity": ')
    for arguments, said in (
        (("nope",), "there is no file 'nope' here, and there is no run 'nope' in this store"),
        (("x" * 300,), "there is no run"),
        (("cut.json",), "cut.json:1: PROV-JSON was expected: Expecting value, column 12 (it ends too early)"),
        (("cut.json", "--format", "xml"), "PROV-XML was expected"),
        (("nope.json", "--format", "json"), "a file that can be read was expected"),
    ):
        code, message = refused("validate", *arguments)
        assert code == 1, arguments
        assert said in message


def test_from_python(trained, failed, tmp_path):
    text = dlprov.export()
    assert text == dlprov.export("last") == dlprov.export([failed.id], format="provn")
    assert dlprov.export([trained.id, failed.id], tmp_path / "both.ttl") is None
    assert dlprov.validate(tmp_path / "both.ttl") == [] == dlprov.validate(trained.id)
    (tmp_path / "bad.provn").write_text(INVALID)
    (violation,) = dlprov.validate(str(tmp_path / "bad.provn"))
    assert (violation.number, violation.name) == (55, "entity-activity-disjoint")
    with pytest.raises(NotFoundError):
        dlprov.export("nope")
    with pytest.raises(NotFoundError):
        dlprov.validate("nope")
    with pytest.raises(UsageError):
        dlprov.export(format="docx")


def test_a_full_disk_leaves_nothing_of_the_file(dlprov_command, trained, tmp_path):
    place = tmp_path / "documents"
    place.mkdir()
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); import dlprov; "
        f"dlprov.export('last', {str(place / 'run.json')!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "a file that can be written was expected" in done.stderr
    assert list(place.iterdir()) == []
