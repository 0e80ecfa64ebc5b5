"""What files hold, as people and programs write them: rows, types, and what is no row."""

from __future__ import annotations

import csv
import functools
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_data_runs import columns, problems, recorded, taken_in, written
from run_logs import rows

import dlprov
from dlprov.capture.extraction import describe
from dlprov.store import raw_files

CSV_TEXTS: dict[str, tuple[str | bytes, list[tuple[Any, ...]], str]] = {
    "quotes": ('a,b\n"x, ""y""",1\n"line\nbreak",2\n', [("line\nbreak", 2), ('x, "y"', 1)], ""),
    "quotes and carriage returns": ('a,b\r\n"x\ny",1\r\nz,2\r\n', [("x\ny", 1), ("z", 2)], ""),
    "single quotes": ("a;b\n'x;y';1\n'it''s';2\n", [("it's", 2), ("x;y", 1)], ""),
    "apostrophes": ("a,b\nit's,1\n'tis,2\n", [("'tis", 2), ("it's", 1)], ""),
    "old Mac": ("a,b\rx,1\ry,2\r", [("x", 1), ("y", 2)], ""),
    "tabs": ("a\tb\nx, y\t1\n", [("x, y", 1)], ""),
    "bars": ("a|b\nx;y|1\n", [("x;y", 1)], ""),
    "decimal commas": ("a;b\n1,5;1\n2,5;2\n", [("1,5", 1), ("2,5", 2)], ""),
    "byte order mark": ("\ufeffa,b\nx,1\n", [("x", 1)], ""),
    "UTF-16": ("a,b\nä,1\n".encode("utf-16"), [("ä", 1)], ""),
    "Latin-1": ("a,b\n°C,1\n".encode("latin-1"), [("\\xb0C", 1)], "UTF-8 was expected"),
    "one column": ("a\nx\ny\n", [("x",), ("y",)], ""),
    "blank lines": ("a,b\n\nx,1\n\n", [("x", 1)], ""),
    "no line feed at the end": ("a,b\nx,1", [("x", 1)], ""),
    "header alone": ("a,b\n", [], ""),
    "empty": ("", [], ""),
    "a quote that is not closed": ('a,b\nw,1\n"x,2\ny,3\nz,4\n', [("w", 1)], "line 5 (unexpected end of data)"),
    "text behind a quote": ('a,b\n"x"y,1\nz,2\n', [("z", 2)], "lines that are no rows were left out: line 2"),
    "too many values": ("a,b\nx,1,2\ny,2\n", [("y", 2)], "line 2 (3 values instead of 2)"),
    "empty values at the end": ("a,b\nx,1,,\n", [("x", 1)], ""),
    "too few values": ("a,b\nx\ny,2\n", [("x", None), ("y", 2)], "1 rows have too few values"),
    "zero bytes": ("a,b\nx\0y,1\n", [("x\0y", 1)], ""),
    "a very long value": ("a,b\n" + "x" * 140_000 + ",1\ny,2\n", [("y", 2)], "field larger than field limit"),
    "long values": ("a,b\n" + "x" * 130_000 + ",1\n", [("x" * 130_000, 1)], ""),
}


@pytest.mark.parametrize("text", CSV_TEXTS.values(), ids=CSV_TEXTS)
def test_csv_files_as_people_write_them(
    store: Path, tmp_path: Path, text: tuple[str | bytes, list[tuple[Any, ...]], str]
) -> None:
    content, expected, problem = text
    recorded(written(tmp_path, "a.csv", content))
    found = [row[1:] for row in rows("SELECT 1, * EXCLUDE (otrain_id, otrain_file_id, filename) FROM flow.ext_otrain")]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert [problem in message for message in problems()] == ([True] if problem else [])


def test_a_delimiter_that_is_named_is_not_looked_for(store: Path, tmp_path: Path) -> None:
    recorded(written(tmp_path, "a.txt", "a b\n1,2 3\n"), delimiter=" ")
    assert taken_in("a, b") == [("1,2", 3)]


values = st.text(st.characters(exclude_categories=("Cs",)), max_size=8).filter(
    lambda value: value.strip() == value and not value.startswith("\ufeff")
)


@functools.cache
def reader() -> tuple[duckdb.DuckDBPyConnection, raw_files.RawFiles]:
    connection = duckdb.connect()
    return connection, raw_files.RawFiles(connection)


@settings(max_examples=80)
@given(st.lists(st.tuples(values, values, values), max_size=5), st.sampled_from(";,\t|"), st.booleans())
@example([("\r", '"', "'"), ("a\r\nb", "\0", "''")], ";", True)
def test_what_a_csv_writer_wrote_comes_back(table: list[tuple[str, str, str]], delimiter: str, is_unix: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "a.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            end = "\n" if is_unix else "\r\n"
            writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator=end)
            writer.writerows([("a", "b", "c"), *table])
        found = describe(path, delimiter=delimiter)
        content = raw_files.Content(found.path, found.format, found.sha256, found.size, found.delimiter)
        connection, files = reader()
        with files.rows(content, []) as given:
            assert (given.names, given.remarks, given.is_text) == (["a", "b", "c"], [], True)
            kept = connection.execute(f"SELECT c0, c1, c2 FROM {given.source} ORDER BY place").fetchall()
    assert [tuple(value or "" for value in row) for row in kept] == table


JSON_TEXTS: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "a list of objects": ('[{"a": 1, "b": "x"}, {"b": "y", "c": {"d": [1]}}]',
        [{"a": 1, "b": "x", "c": None}, {"a": None, "b": "y", "c": '{"d":[1]}'}], ""),
    "lines": ('{"a": 1.5}\n{"a": NaN}\n{"a": 2}\n', [{"a": 1.5}, {"a": "nan"}, {"a": 2.0}], ""),
    "keys in two cases": ('[{"a": 1, "A": 2}]', [{"a": 1, "a_1": 2}], ""),
    "large integers": ('[{"a": 9007199254740993}]', [{"a": 9007199254740993}], ""),
    "dates": ('[{"a": "2026-01-02", "b": "around"}]', [{"a": "2026-01-02", "b": "around"}], ""),
    "texts like numbers": ('[{"a": "1"}]', [{"a": "1"}], ""),
    "nothing": ("[]", [], ""),
    "no byte": ("", [], ""),
    "numbers": ("[1, 2]", [], "a list of objects, or an object a line, was expected, got other JSON"),
    "no JSON": ("{nope", [], "rows of json were expected, got: Malformed JSON"),
    "a key twice": ('[{"a": 1, "a": 2}]', [], "duplicate key"),
}  # fmt: skip


@pytest.mark.parametrize("text", JSON_TEXTS.values(), ids=JSON_TEXTS)
def test_json_files(store: Path, tmp_path: Path, text: tuple[str, list[dict[str, Any]], str]) -> None:
    content, expected, problem = text
    recorded(written(tmp_path, "a.json", content))
    query = "SELECT 1 AS one, * EXCLUDE (otrain_id, otrain_file_id, filename) FROM flow.ext_otrain"
    found = [{key: value for key, value in row.items() if key != "one"} for row in dlprov.query(query).dicts()]
    shown = [{key: "nan" if value != value else value for key, value in row.items()} for row in found]  # noqa: PLR0124
    assert [{key: str(value) if not isinstance(value, float | int | None) else value for key, value in row.items()}
            for row in shown] == expected  # fmt: skip
    assert [problem in message for message in problems()] == ([True] if problem else [])


def test_parquet_files_keep_their_types(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    query = """
        SELECT 1::TINYINT AS small, 18446744073709551615::UBIGINT AS large, 'nan'::FLOAT AS f, 1.25::DECIMAL(5, 2) AS d,
        TIMESTAMP '2026-01-02 03:04:05' AS t, TIMESTAMPTZ '2026-01-02 03:04:05+02' AS z, DATE '2026-01-02' AS day,
        [1, 2] AS list, {'a': 1} AS struct, 'x' AS text, NULL::INT AS nothing, '\\x00'::BLOB AS bytes
    """
    duckdb.sql(f"SET TimeZone = 'UTC'; COPY ({query}) TO '{path}' (FORMAT parquet)")
    recorded(path)
    found = columns()
    assert [found[name] for name in ("small", "large", "f", "d", "t", "z", "day", "list", "text", "bytes")] == [
        "BIGINT", "HUGEINT", "DOUBLE", "DECIMAL(5,2)", "TIMESTAMP", "TIMESTAMP", "DATE", "JSON", "VARCHAR", "BLOB"
    ]  # fmt: skip
    assert rows("SELECT small, large, d::VARCHAR, z::VARCHAR, list, struct, nothing FROM flow.otrain") == [
        (1, 2**64 - 1, "1.25", "2026-01-02 01:04:05", "[1,2]", '{"a":1}', None)
    ]
    assert math.isnan(rows("SELECT f FROM flow.otrain")[0][0])


def test_a_damaged_parquet_file_is_a_problem_and_the_index_goes_on(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT i, md5(i::VARCHAR) AS text FROM range(5000) AS t(i)) TO '{path}' (FORMAT parquet)")
    content = bytearray(path.read_bytes())
    content[100:400] = bytes(300)
    recorded([written(tmp_path, "b.parquet", bytes(content)), path, written(tmp_path, "c.parquet", "PAR1")])
    assert rows("SELECT epoch, count(text) FROM flow.otrain GROUP BY 1 ORDER BY 1") == [(0, 0), (1, 5000), (2, 0)]
    assert len(problems()) == 2
    assert all("rows of parquet were expected, got: " in problem for problem in problems())


def test_damaged_arrays_are_a_problem_and_the_index_goes_on(store: Path, tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, x=np.arange(5000.0))
    damaged = bytearray(whole.read_bytes())
    damaged[100:200] = bytes(100)
    np.save(tmp_path / "torn.npy", np.arange(3.0))
    torn = (tmp_path / "torn.npy").read_bytes().replace(b"'shape': (3,)", b"'shape': (3,(")
    huge = (tmp_path / "torn.npy").read_bytes().replace(b"(3,), }     ", b"(9999999999,")
    contents = [bytes(damaged), torn, huge]
    recorded([*(written(tmp_path, f"{number}.npy", text) for number, text in enumerate(contents)), whole])
    assert rows("SELECT count(*) FROM run") == [(1,)]
    assert rows("SELECT epoch, count(x) FROM flow.otrain GROUP BY 1 ORDER BY 1")[-1] == (3, 5000)
    assert len(problems()) == 3


def test_arrays_of_numpy(store: Path, tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    structured = np.array(
        [(1, 0.5, "a", [1, 2]), (2, math.nan, "bé", [3, 4])],
        dtype=[("n", ">i4"), ("x", "<f2"), ("name", "U5"), ("pair", "i8", (2,))],
    )
    arrays = {
        "one": (np.array([1.5, math.nan, math.inf]), [(0, 1.5), (1, "nan"), (2, math.inf)]),
        "two": (np.arange(6, dtype=np.uint8).reshape(3, 2), [(0, 0, 1), (1, 2, 3), (2, 4, 5)]),
        "fortran": (np.asfortranarray(np.arange(4).reshape(2, 2)), [(0, 0, 1), (1, 2, 3)]),
        "none": (np.zeros((0, 2)), []),
        "scalar": (np.array(5), [(0, 5)]),
        "bool": (np.array([True, False]), [(0, True), (1, False)]),
        "times": (np.array(["2026-01-02", "NaT"], dtype="datetime64[D]"), [(0, "2026-01-02 00:00:00"), (1, None)]),
        "bytes": (np.array([b"a", b"\xff"]), [(0, "a"), (1, "\\xff")]),
        "complex": (np.array([1 + 2j]), [(0, "(1+2j)")]),
        "large": (np.array([2**64 - 1], dtype=np.uint64), [(0, 2**64 - 1)]),
        "structured": (structured, [(0, 1, 0.5, "a", 1, 2), (1, 2, "nan", "bé", 3, 4)]),
    }
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        for name, (array, _) in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
            task.raw_data(task.generated(f"o{name}", {}), tmp_path / f"{name}.npy", extractor=name)
    for name, (_, expected) in arrays.items():
        query = f"SELECT {name}_id - 1, * EXCLUDE ({name}_id, {name}_file_id, filename) FROM flow.ext_{name} ORDER BY 1"
        found = [
            tuple("nan" if value != value else str(value) if hasattr(value, "isoformat") else value for value in row)  # noqa: PLR0124
            for row in rows(query)
        ]
        first = found[0][0] if found else 0
        assert [(row[0] - first, *row[1:]) for row in found] == expected, name
    assert list(columns("flow.ext_structured"))[3:] == ["n", "x", "name", "pair_0", "pair_1"]
    assert list(columns("flow.ext_two"))[3:] == ["column0", "column1"]
    assert problems() == []


def test_archives_of_arrays(store: Path, tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    np.savez(tmp_path / "a.npz", loss=np.array([0.5, 0.25]), grid=np.arange(4).reshape(2, 2))
    np.savez_compressed(tmp_path / "b.npz", loss=np.arange(200_000), step=np.arange(200_000)[::-1])
    np.savez(tmp_path / "c.npz", a=np.arange(2), b=np.arange(3))
    written(tmp_path, "d.npz", b"PK\x03\x04 and no archive")
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        for name in "abcd":
            task.raw_data(task.generated(f"o{name}", {}), tmp_path / f"{name}.npz", extractor=name)
    assert rows("SELECT loss, grid_0, grid_1 FROM flow.oa ORDER BY a_id") == [(0.5, 0, 1), (0.25, 2, 3)]
    assert rows("SELECT count(*), sum(loss + step), min_by(loss, b_id) FROM flow.ob") == [
        (200_000, 199_999 * 200_000, 0)
    ]
    assert len(problems()) == 2
    assert any("arrays of one length were expected, got 2, 3" in problem for problem in problems())


def test_objects_in_arrays_are_never_unpickled(store: Path, tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", a=np.array([Trap()], dtype=object))
    np.save(tmp_path / "c.npy", np.zeros((2, 2, 2)))
    recorded([tmp_path / "a.npy", tmp_path / "b.npz", tmp_path / "c.npy"])
    assert taken_in("epoch, otrain_id") == [(0, None), (1, None), (2, None)]
    assert not (tmp_path / "sprung").exists()
    told = problems()
    assert sum("got Python objects, which are never unpickled" in problem for problem in told) == 2
    assert any("one axis or two were expected, got shape (2, 2, 2)" in problem for problem in told)


def test_without_numpy_its_files_are_a_problem_that_says_so(store: Path, tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    np.save(tmp_path / "a.npy", np.arange(3))
    recorded(tmp_path / "a.npy")
    code = """
import sys
sys.modules["numpy"] = None
import dlprov
print(dlprov.query("SELECT epoch, otrain_id FROM flow.otrain").rows())
print(dlprov.query("SELECT message FROM problem").rows())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("[(0, None)]")
    assert "NumPy is needed to read it and is not installed" in found.stdout


def test_no_more_rows_and_columns_than_the_limits_are_taken_in(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np = pytest.importorskip("numpy")
    monkeypatch.setattr(raw_files, "MAX_ROWS", 3)
    monkeypatch.setattr(raw_files, "MAX_COLUMNS", 2)
    np.save(tmp_path / "a.npy", np.arange(15).reshape(5, 3))
    duckdb.sql(f"COPY (SELECT i, i AS j, i AS k FROM range(5) AS t(i)) TO '{tmp_path / 'a.parquet'}' (FORMAT parquet)")
    text = "".join(f"{n},{n},{n}\n" for n in range(5))
    files = [
        tmp_path / "a.npy",
        tmp_path / "a.parquet",
        written(tmp_path, "a.csv", "i,j,k\n" + text),
        written(tmp_path, "b.csv", text),
        written(tmp_path, "a.json", "".join(json.dumps({"i": n, "j": n, "k": n}) + "\n" for n in range(5))),
    ]
    with dlprov.start_run("flow") as run, run.task("Train") as task:
        for number, file in enumerate(files):
            task.raw_data(task.generated(f"o{number}", {}), file, extractor=f"e{number}")
    for number, file in enumerate(files):
        found = rows(f"SELECT * FROM flow.ext_e{number} ORDER BY 1")
        assert [row[0] for row in found] == [1, 2, 3], file
        assert len(found[0]) == 3 + 2, file
        assert [row[3] for row in found] == ([0, 3, 6] if number == 0 else [0, 1, 2]), file
    assert sum("it has more than 3 rows" in problem for problem in problems()) == 5
    assert sum("it has 3 columns; those behind the first 2" in problem for problem in problems()) == 5


@pytest.mark.slow
def test_ten_times_the_rows_take_about_ten_times_as_long_and_little_memory(tmp_path: Path) -> None:
    # Not ru_maxrss: a process that was made by vfork inherits its parent's.
    code = """
import time

import dlprov

began = time.process_time()
print(dlprov.query("SELECT count(*), count(DISTINCT label) FROM flow.otrain").rows())
print(time.process_time() - began)
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))
"""
    program = written(tmp_path, "ask.py", code)

    def spent(count: int) -> tuple[float, float]:
        path, store = tmp_path / f"{count}.csv", tmp_path / f"store-{count}"
        query = f"SELECT i AS step, random() AS loss, 'class ' || i % 10 AS label FROM range({count}) AS t(i)"
        duckdb.sql(f"COPY ({query}) TO '{path}'")
        with dlprov.start_run("flow", store=store) as run, run.task("train") as task:
            task.raw_data(task.generated("oTrain", {}), path)
        environment = {**os.environ, "DLPROV_STORE": str(store)}
        done = subprocess.run(
            [sys.executable, str(program)], capture_output=True, text=True, check=True, env=environment
        )
        answer, seconds, megabytes = done.stdout.splitlines()
        assert answer == f"[({count}, 10)]"
        return float(seconds), float(megabytes)

    # Of the processor: other programs may have it, too.
    few, many = spent(100_000), spent(1_000_000)
    assert many[0] < 25 * few[0]
    assert many[1] < 800


def test_temporary_files_are_gone_afterwards(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    recorded([written(tmp_path, "a.csv", "x\n1\n"), written(tmp_path, "b.json", "nope")])
    assert len(taken_in()) == 2
    assert list(scratch.glob("dlprov-raw-*")) == []


def test_paths_with_the_letters_of_patterns_mean_themselves(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no directory of descriptors to name a file by."""
    monkeypatch.setattr(raw_files, "_name_of", lambda _, path: raw_files._escaped(path))
    (tmp_path / "a=1").mkdir()
    for name in ("a[1]", "a*", "a?", "it's", "a=1/b", "a1", "aa"):
        duckdb.sql(f"COPY (SELECT '{name.replace(chr(39), chr(39) * 2)}' AS name) TO '{tmp_path / 'x.parquet'}'")
        (tmp_path / "x.parquet").rename(tmp_path / f"{name}.parquet")
    recorded([tmp_path / f"{name}.parquet" for name in ("a[1]", "a*", "a?", "it's", "a=1/b")])
    assert taken_in("epoch, name") == [(0, "a[1]"), (1, "a*"), (2, "a?"), (3, "it's"), (4, "a=1/b")]
    assert "a" not in columns()


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("12", "BIGINT", 12),
        ("-12", "BIGINT", -12),
        ("123456789012345678", "BIGINT", 123456789012345678),
        ("12345678901234567890", "VARCHAR", "12345678901234567890"),  # more digits than a number holds
        ("007", "VARCHAR", "007"),
        ("+49", "VARCHAR", "+49"),
        ("1.5", "DOUBLE", 1.5),
        ("-.5e-3", "DOUBLE", -0.0005),
        ("1e400", "DOUBLE", math.inf),
        ("inf", "DOUBLE", math.inf),
        ("-Infinity", "DOUBLE", -math.inf),
        ("true", "BOOLEAN", True),
        ("2026-01-02", "VARCHAR", "2026-01-02"),
        ("0x1F", "VARCHAR", "0x1F"),
        ("1_000", "VARCHAR", "1_000"),
        (".", "VARCHAR", "."),
    ],
)
def test_types_of_undeclared_columns_follow_from_all_values(
    store: Path, tmp_path: Path, text: str, kind: str, value: Any
) -> None:
    recorded(written(tmp_path, "a.csv", f"name,x\nfirst,\nsecond,{text}\n"))
    assert columns()["x"] == kind
    found = taken_in("x", "name = 'second'")
    assert found == [(value,)]
    assert taken_in("x", "name = 'first'") == [(None,)]
