from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.py"
        path.write_text(text, encoding="utf-8")
        return path.name

    return write


def runs(dlprov_command, *arguments):
    return json.loads(dlprov_command("runs", "--format", "json", *arguments).stdout)


def test_whatever_stands_behind_the_script_is_the_scripts(dlprov_command, script):
    name = script("import sys; print(sys.argv[1:], __name__)")
    found = dlprov_command("run", name, "--epochs", "3", "--store", "x", "--help", "--", "-h")
    assert found.returncode == 0, found.stderr
    assert found.stdout == "['--epochs', '3', '--store', 'x', '--help', '--', '-h'] __main__\n"
    (run,) = runs(dlprov_command)
    assert (run["dataflow"], run["status"]) == ("script", "finished")


def test_the_options_stand_before_it(dlprov_command, script, tmp_path):
    dlprov_command("run", "--dataflow", "mine", "--store", "elsewhere", script("pass"))
    (run,) = runs(dlprov_command, "--store", str(tmp_path / "elsewhere"))
    assert run["dataflow"] == "mine"


@pytest.mark.parametrize(
    ("text", "status", "recorded", "said"),
    [
        ("import sys; sys.exit(7)", 7, "failed", ""),
        ("import sys; sys.exit(0)", 0, "finished", ""),
        ("import sys; sys.exit('in words')", 1, "failed", "in words\n"),
        ("raise KeyboardInterrupt", 130, "interrupted", "KeyboardInterrupt"),
        ("import dlprov; dlprov.start_run('')", 1, "failed", "dlprov.errors.UsageError: start_run expects"),
        ("raise BrokenPipeError", 1, "failed", "BrokenPipeError"),
    ],
)
def test_the_exit_status_is_the_scripts(dlprov_command, script, text, status, recorded, said):
    found = dlprov_command("run", script(text))
    assert found.returncode == status
    assert said in found.stderr
    assert runs(dlprov_command)[-1]["status"] == recorded


def test_the_traceback_is_the_one_that_python_shows(dlprov_command, script, tmp_path):
    name = script("def f():\n    raise ValueError('no')\n\nf()\n")
    expected = subprocess.run([sys.executable, str(tmp_path / name)], capture_output=True, text=True, check=False)
    assert dlprov_command("run", name).stderr == expected.stderr


def test_a_script_that_is_not_there(dlprov_command):
    found = dlprov_command("run", "nope.py")
    assert found.returncode == 2
    assert "nope.py" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_training_process_loads_no_database(dlprov_command, script):
    name = script("import sys; print([name for name in ('duckdb', 'rich', 'keras') if name in sys.modules])")
    assert dlprov_command("run", name).stdout == "[]\n"


def test_the_module_is_the_program(dlprov_command, store):
    assert dlprov_command("--version").stdout.startswith("dlprov ")
    program = Path(sys.executable).with_name("dlprov")
    if program.exists():
        found = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        assert found.stdout.startswith("dlprov ")
    found = dlprov_command("nonsense")
    assert found.returncode == 2
    assert "No such command 'nonsense'" in found.stderr
    assert "demo" in dlprov_command().stderr + dlprov_command().stdout
