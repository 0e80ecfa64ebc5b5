from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import duckdb
import pytest

ODD = "SELECT 'nan'::DOUBLE AS a, '-inf'::DOUBLE AS b, NULL AS c, TIMESTAMP '2026-01-02 03:04:05.5' AS d, '' AS e"


def test_a_table_has_all_digits(dlprov_command):
    found = dlprov_command("query", "SELECT 0.1::DOUBLE + 0.2 AS sum, 'a' AS letter")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.splitlines()[2] == "0.30000000000000004  a"


def test_csv(dlprov_command):
    found = dlprov_command("query", ODD, "--format", "csv")
    assert found.stdout == 'a,b,c,d,e\nNaN,-Infinity,,2026-01-02 03:04:05.5,""\n'


def test_json_is_json(dlprov_command):
    found = dlprov_command(
        "query", ODD + """, {'x': 'inf'::DOUBLE} AS f, '{"y": [1]}'::JSON AS g, 2::HUGEINT ** 70 AS h"""
    )
    assert found.returncode == 0
    found = dlprov_command(
        "query", ODD + """, {'x': 'inf'::DOUBLE} AS f, '{"y": [1]}'::JSON AS g""", "--format", "json"
    )

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(found.stdout, parse_constant=refuse) == [
        {
            "a": "NaN",
            "b": "-Infinity",
            "c": None,
            "d": "2026-01-02T03:04:05.500000Z",
            "e": "",
            "f": {"x": "Infinity"},
            "g": {"y": [1]},
        }
    ]


def test_json_without_rows_is_an_empty_list(dlprov_command):
    assert json.loads(dlprov_command("query", "SELECT 1 AS a WHERE false", "--format", "json").stdout) == []


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.parquet", "it's here.csv"])
def test_the_suffix_of_the_file_is_the_format(dlprov_command, tmp_path, name):
    found = dlprov_command("query", "SELECT 1 AS a, 'x' AS b", "-o", name)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    path = str(tmp_path / name).replace("'", "''")
    assert duckdb.sql(f"FROM '{path}'").fetchall() == [(1, "x")]


def test_a_table_in_a_file_is_not_cut(dlprov_command, tmp_path):
    assert dlprov_command("query", "SELECT repeat('long ', 100) AS a", "-o", "x.txt").returncode == 0
    assert "long " * 99 in (tmp_path / "x.txt").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_a_message(dlprov_command):
    for name in ("no/such/x.csv", "no/such/x.json", "no/such/x.txt"):
        found = dlprov_command("query", "SELECT 1", "-o", name)
        assert found.returncode == 1
        assert found.stderr.startswith("dlprov: a file that can be written was expected")
        assert "Traceback" not in found.stderr


def test_parquet_needs_a_file(dlprov_command):
    found = dlprov_command("query", "SELECT 1", "--format", "parquet")
    assert found.returncode == 2
    assert "-o FILE" in found.stderr


def test_the_schema_changes_within_one_call(dlprov_command, trained):
    found = dlprov_command("query", 'SET SCHEMA "mnist"; SELECT name, sigma FROM ofilter', "--format", "csv")
    assert found.stdout == "name,sigma\nmedian,1.5\n"


@pytest.mark.parametrize("arguments", [["query"], ["query", "-"]])
def test_sql_comes_from_stdin(dlprov_command, arguments):
    found = dlprov_command(*arguments, "--format", "csv", input="-- a comment\nSELECT 'ä' AS a;\n")
    assert found.stdout == "a\nä\n"


def test_stdin_in_another_encoding_is_a_message(store):
    command = [sys.executable, "-m", "dlprov", "query"]
    found = subprocess.run(command, input=b"SELECT '\xff'", capture_output=True, check=False)
    assert found.returncode == 2
    assert b"UTF-8" in found.stderr


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT * FROM nothing", "DROP TABLE run", "", 'SET SCHEMA "nope"; SELECT 1']
)
def test_a_mistake_is_a_message_and_not_a_traceback(dlprov_command, sql):
    found = dlprov_command("query", sql)
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith("dlprov: ")
    assert "Traceback" not in found.stderr


def test_a_store_that_is_a_file_is_a_message(dlprov_command, tmp_path):
    (tmp_path / "file").touch()
    found = dlprov_command("query", "SELECT 1", "--store", "file")
    assert found.returncode == 1
    assert "a directory was expected" in found.stderr


def test_whoever_reads_may_stop(store):
    """``dlprov query … | head -1``: silent, whatever the format."""
    for kind in ("table", "csv", "json"):
        command = [sys.executable, "-m", "dlprov", "query", "SELECT * FROM range(300000)", "--format", kind]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(60) == 141


def test_letters_that_the_terminal_lacks_are_escaped(dlprov_command):
    found = dlprov_command("query", "SELECT 'ä💡' AS a", env={"PYTHONIOENCODING": "latin-1"}, encoding="latin-1")
    assert found.returncode == 0
    assert found.stdout.splitlines()[1:] == ["---", "ä\\U0001f4a1"]


def test_a_value_cannot_move_the_cursor(dlprov_command):
    assert "\x1b" not in dlprov_command("query", "SELECT chr(27) || '[2J' AS a").stdout


def test_no_framework_is_loaded(store):
    code = (
        "import sys\nfrom dlprov.cli.program import program\n"
        "program(['query', 'SELECT 1', '--format', 'csv'], standalone_mode=False)\n"
        "print(sorted({'keras', 'jax', 'numpy', 'pandas', 'pyarrow', 'rich.console', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.splitlines()[-1] == "[]"


def test_csv_of_awkward_text_comes_back(dlprov_command):
    found = dlprov_command("query", """SELECT 'a,"b"\n' || chr(10) || 'c' AS t""", "--format", "csv")
    assert list(csv.reader(io.StringIO(found.stdout)))[1] == ['a,"b"\n\nc']
