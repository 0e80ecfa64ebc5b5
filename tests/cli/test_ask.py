from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import dlprov

MESSAGE = """\
mapping(physical)
source(iTrain)
target(oTest)
projection(itrain.rate; otest.accuracy)
selection(otest.accuracy > 0.5)
"""

SQL = (
    "SELECT itrain.rate, otest.accuracy\n"
    "FROM itrain, otrain, otest\n"
    "WHERE (otest.accuracy > 0.5) AND (itrain.train_task_id = otrain.train_task_id) "
    "AND (otrain.test_task_id = otest.test_task_id)\n"
    ";\n"
)


@pytest.fixture
def message(store: Path, tmp_path: Path) -> str:
    """The name of a file with a message about three runs, of which two have a test."""
    for number in range(3):
        with dlprov.start_run("mnist") as run:
            with run.task("Train") as train:
                train.used("iTrain", rate=number / 10)
                train.generated("oTrain", loss=0.5)
            if number:
                with run.task("Test") as test:
                    test.used_all("oTrain", train)
                    test.generated("oTest", accuracy=1 - number / 10)
    (tmp_path / "question.txt").write_text(MESSAGE, encoding="utf-8")
    return "question.txt"


def test_rows_go_to_stdout_and_the_sql_to_stderr(dlprov_command, message):
    found = dlprov_command("ask", message)
    assert found.returncode == 0
    assert found.stderr == SQL
    assert [line.split() for line in found.stdout.splitlines()] == [
        ["rate", "accuracy"],
        ["────", "────────"],
        ["0.1", "0.9"],
        ["0.2", "0.8"],
    ]


def test_a_message_comes_from_stdin_too(dlprov_command, message):
    found = dlprov_command("ask", "-", "--format", "csv", input="\ufeff" + MESSAGE.replace("\n", "\r\n"))
    assert list(csv.reader(io.StringIO(found.stdout))) == [["rate", "accuracy"], ["0.1", "0.9"], ["0.2", "0.8"]]


def test_sql_alone_is_not_run_and_can_be_asked(dlprov_command, message):
    found = dlprov_command("ask", message, "--sql")
    assert (found.returncode, found.stdout, found.stderr) == (0, SQL, "")
    typed = f'SET SCHEMA "mnist";\n{found.stdout}'
    assert dlprov_command("query", "--format", "csv", input=typed).stdout.splitlines()[1:] == ["0.1,0.9", "0.2,0.8"]
    broken = dlprov_command("ask", "-", "--sql", "--dataflow", "mnist", input="source(itrain)\nselection(nope > 1)")
    assert broken.returncode == 0
    assert "WHERE (nope > 1)" in broken.stdout
    assert dlprov_command("ask", message, "--sql", "-o", "question.sql").stdout == ""
    assert dlprov_command("ask", message, "--sql", "--format", "csv").returncode == 2


def test_the_answer_goes_to_a_file(dlprov_command, message, tmp_path):
    found = dlprov_command("ask", message, "-o", "answer.json")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", SQL)
    assert json.loads((tmp_path / "answer.json").read_text()) == [
        {"rate": 0.1, "accuracy": 0.9},
        {"rate": 0.2, "accuracy": 0.8},
    ]
    assert dlprov_command("ask", message, "--format", "parquet").returncode == 2


def test_notes_are_told_on_stderr(dlprov_command, message):
    found = dlprov_command("ask", "-", input="source(itrain)\ntarget(itrain)\njust words\n")
    assert found.stderr.splitlines()[0] == (
        "dlprov: note: line 3 is passed over: function(argument; …) was expected, got 'just words'"
    )
    assert found.stderr.splitlines()[1] == "SELECT *"
    assert len(found.stdout.splitlines()) == 5


def test_the_dataflow_is_named_where_several_have_the_sets(dlprov_command, message):
    with dlprov.start_run("copy") as run, run.task("Train") as train:
        train.used("iTrain", rate=7)
    text = "source(itrain)\nprojection(itrain.rate)"
    found = dlprov_command("ask", "-", input=text)
    assert found.returncode == 1
    assert found.stderr == (
        "dlprov: 2 dataflows have the sets that the message names (copy, mnist): name one of them (--dataflow TAG)\n"
    )
    assert dlprov_command("ask", "-", "--dataflow", "COPY", "--format", "csv", input=text).stdout == "rate\n7\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sauce(itrain)", "dlprov: line 1: one of mapping"),
        ("", "dlprov: the message names no set"),
        ("source(nope)", "dlprov: no dataflow in this store has a set nope"),
        ("source(itrain)\nprojection(itrain.nope)", "dlprov: line 2: itrain has no attribute 'nope'; it has: id, "),
        ("source(itrain)\nselection(1=1) UNION SELECT * FROM run --)", "dlprov: line 2: one expression was expected"),
        ("source(itrain)\nselection(itrain.nope > 1)", 'SELECT *\nFROM itrain\nWHERE (itrain.nope > 1)\n;\ndlprov: '),
    ],
)  # fmt: skip
def test_a_mistake_is_a_message_and_not_a_traceback(dlprov_command, message, text, reason):
    found = dlprov_command("ask", "-", input=text)
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith(reason)
    assert "Traceback" not in found.stderr


def test_a_file_that_is_no_message_is_told(dlprov_command, store, tmp_path):
    (tmp_path / "latin").write_bytes(b"source(\xff)")
    for arguments, reason in (
        (["nothing"], "a file with a message was expected, got nothing (No such file"),
        (["latin"], "a message in UTF-8 was expected"),
        ([], "Missing argument 'MESSAGE-FILE'"),
    ):
        found = dlprov_command("ask", *arguments)
        assert found.returncode == 2
        assert reason in found.stderr


def test_a_name_does_not_reach_the_terminal_as_a_command(dlprov_command, store):
    with dlprov.start_run("odd") as run, run.task("\x1b[31mT") as task:
        task.generated("o", **{"a\x1b[31mb": 1})
        task.generated("o\u2028x", x=1)
    found = dlprov_command("ask", "-", "--format", "json", input="source(o)\nprojection(o.a\x1b[31mb)")
    assert found.returncode == 0
    assert found.stderr == 'SELECT o."a\\x1b[31mb"\nFROM o\n;\n'
    assert dlprov_command("ask", "-", "--sql", input="source(o\u2028x)").stdout == 'SELECT *\nFROM "o\u2028x"\n;\n'


def test_on_a_terminal_a_line_parts_the_sql_from_the_rows(store, message, tmp_path):
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "dlprov", "ask", message]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdin=child, stdout=child, stderr=child, env={**os.environ, "TERM": "xterm"}
    )
    os.close(child)
    seen = b""
    try:
        while piece := os.read(parent, 4096):
            seen += piece
    except OSError:  # Linux says so when the last one who could write has gone
        pass
    os.close(parent)
    assert process.wait(60) == 0
    sql, rows = seen.decode().replace("\r", "").split(";\x1b[0m\n\n")
    assert sql.startswith("\x1b[2mSELECT itrain.rate")
    assert "rate" in rows.splitlines()[0]
    assert "2 rows" in rows.splitlines()[-1]
