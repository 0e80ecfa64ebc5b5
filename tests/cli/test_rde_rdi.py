"""The programs RDE and RDI: what they write, what they say, and that it comes into the store."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlprov
from dlprov.extraction import command_line
from dlprov.extraction.positions import fields
from dlprov.model import Attribute, Dataflow, Extractor, Set, Transformation

ROOT = Path(__file__).parents[2]

CUSTOMERS = "CUSTOMERID,COUNTRY,CONTINENT\n1,'United_Kingdom','Europe'\n22,'Brazil','America'\n"


@pytest.fixture
def call(capfd):
    """Runs a program's command line in this process: ``call("RDE", …)`` gives exit status, stdout and stderr."""

    def run(program, *words):
        status = {"RDE": command_line.extract, "RDI": command_line.index}[program]([str(word) for word in words])
        told = capfd.readouterr()
        return status, told.out, told.err

    return run


def written(directory, name, content):
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_documented_example_of_the_positional_index(tmp_path, call):
    path = written(tmp_path, "file-1.csv", CUSTOMERS)
    status, out, err = call(
        "RDI", "CSV:INDEX", "ext", tmp_path, "file-1.csv", "[CUSTOMERID:numeric:key,COUNTRY:text,CONTINENT:text]",
        "-delimiter=,",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert out.startswith("CSV:INDEX --> 0.")
    assert out.endswith(" seconds\n")
    assert (tmp_path / "ext.index").read_text() == (
        f"FILENAME;CUSTOMERID;COUNTRY;CONTINENT\n'{path}';1;32;49\n'{path}';22;61;70\n"
    )


def test_the_programs_are_installed_under_their_names():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name in ("RDE", "RDI"):
        module, _, function = scripts[name].partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_two_files_of_one_name_outside_the_directory_are_not_taken_for_one(tmp_path, call):
    for name in ("a", "b"):
        written(tmp_path / "outside" / name, "data.csv", f"ID\n{name}\n")
    (tmp_path / "work").mkdir()
    words = ["FASTBIT:INDEX", "e", tmp_path / "work", f"{tmp_path}/outside/*/data.csv", "[ID:text]"]
    status, _, err = call("RDI", *words)
    assert status == 1
    assert "files of different names were expected, got two for" in err
    assert call("RDI", *words[:3], f"{tmp_path}/outside/**/a/**/data.csv", words[4])[0] == 0


def test_a_program_ends_with_its_status_and_without_a_traceback(tmp_path):
    code = "import sys; from dlprov.extraction.command_line import rde; sys.argv[0] = 'RDE'; rde()"
    for words, expected in ((["--help"], 0), ([], 2), (["CSV:EXTRACT", "e", str(tmp_path), "no.csv", "[a:text]"], 1)):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == expected
        assert "Traceback" not in done.stderr
        assert "usage: RDE" in done.stdout + done.stderr or "a file or a pattern of files" in done.stderr


def test_neither_database_nor_numpy_is_loaded_for_csv(tmp_path):
    written(tmp_path, "a.csv", "a,b\n1,2\n")
    code = (
        "import sys\nfrom dlprov.extraction import command_line as c\n"
        f"c.extract(['CSV:EXTRACT', 'e', {str(tmp_path)!r}, 'a.csv', '[a:text]'])\n"
        f"c.index(['CSV:INDEX', 'e', {str(tmp_path)!r}, 'a.csv', '[a:text]'])\n"
        "print(sorted({'duckdb', 'numpy', 'astropy', 'pandas', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_columns_are_copied_by_name_in_the_order_that_is_asked_for(tmp_path, call):
    written(tmp_path, "a.csv", CUSTOMERS)
    status, _, err = call("RDE", "csv:extract", "e", tmp_path, "a.csv", "[continent:TEXT,CustomerId:Numeric]")
    assert (status, err) == (0, "")
    assert (tmp_path / "e.data").read_text() == "CONTINENT;CUSTOMERID\nEurope;1\nAmerica;22\n"


def test_columns_are_copied_by_position_where_the_file_does_not_have_the_names(tmp_path, call):
    written(tmp_path, "a.csv", "x;y;z\n1;a;!\n2;b;!\n")
    written(tmp_path, "b.csv", "3;c;!\n")
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, "?.csv", "[N:numeric,", "T:text]")[0] == 0
    assert (tmp_path / "e.data").read_text() == "N;T\n1;a\n2;b\n3;c\n"


def test_several_files_are_one_after_the_other(tmp_path, call):
    for name in ("b/2.csv", "a/1.csv", "3.csv", "a/deep/4.csv"):
        written(tmp_path, name, f"A,B\n{name},x\n")
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, '"**/*.csv"', "[A:text]")[0] == 0
    assert (tmp_path / "e.data").read_text().splitlines()[1:] == ["3.csv", "a/1.csv", "a/deep/4.csv", "b/2.csv"]


def test_a_file_whose_name_is_like_a_pattern_is_that_file(tmp_path, call):
    written(tmp_path, "a[1].csv", "A\nright\n")
    written(tmp_path, "a1.csv", "A\nwrong\n")
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, tmp_path / "a[1].csv", "[A:text]")[0] == 0
    assert (tmp_path / "e.data").read_text() == "A\nright\n"


def test_values_with_separators_quotes_and_line_breaks_stay_whole(store, tmp_path, call):
    written(tmp_path, "a.csv", 'A,B\n"x;y","say ""hi"""\n"two\nlines",it\'s\n')
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, "a.csv", "[A:text,B:text]")[0] == 0
    declared = Set(
        "oX", "OUTPUT", (Attribute("a", "TEXT", "e"), Attribute("b", "TEXT", "e")), extractors=(Extractor("e"),)
    )
    with dlprov.start_run("flow") as run:
        run.plan(Dataflow("flow", (Transformation("T", (declared,)),)))
        with run.task("T") as task:
            task.raw_data(task.generated("oX", {}), tmp_path / "e.data", extractor="e")
    found = dlprov.query("SELECT a, b FROM flow.ox ORDER BY e_id").rows()
    assert found == [("x;y", 'say "hi"'), ("two\nlines", "it's")]


def test_lines_that_are_no_rows_are_told(tmp_path, call):
    written(tmp_path, "a.csv", "A,B\n1,2,3\n4,5\n")
    status, _, err = call("RDE", "CSV:EXTRACT", "e", tmp_path, "a.csv", "[A:numeric]")
    assert status == 0
    assert "a.csv: lines that are no rows were left out: line 2 (3 values instead of 2)" in err
    assert (tmp_path / "e.data").read_text() == "A\n4\n"


def test_a_delimiter_is_taken_as_it_is_named(tmp_path, call):
    written(tmp_path, "a.csv", "A B\n1,5 2;5\n")
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, "a.csv", "[B:text]", '-delimiter=" "')[0] == 0
    assert (tmp_path / "e.data").read_text() == 'B\n"2;5"\n'
    written(tmp_path, "a.csv", "A\tB\n1\t2\n")
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, "a.csv", "[B:text]", "-delimiter=\\t")[0] == 0
    assert (tmp_path / "e.data").read_text() == "B\n2\n"


def test_what_was_extracted_is_shown_on_request(tmp_path, call):
    written(tmp_path, "a.csv", "A;B\n1;2\n")
    assert call("RDE", "CSV:ACCESS", "e", tmp_path, "a.csv", "-verbose")[0] == 1
    assert call("RDE", "CSV:EXTRACT", "e", tmp_path, "a.csv", "[A:numeric,B:numeric]")[0] == 0
    status, out, _ = call("RDE", "CSV:ACCESS", "e", tmp_path, "a.csv", "-verbose")
    assert (status, out.splitlines()[:2]) == (0, ["A;B", "1;2"])
    assert "A;B" not in call("RDE", "CSV:ACCESS", "e", tmp_path, "a.csv")[1]


def program(tmp_path, body):
    return f"{sys.executable} {written(tmp_path, 'make it.py', body)!s}".replace("make it", "'make it'")


WRITES = "import sys\nopen('e.data', 'w').write('A;B\\n' + ';'.join(sys.argv[1:3]) + '\\n')\n"


def test_a_program_is_run_without_a_shell_and_writes_the_file(tmp_path, call):
    command = program(tmp_path, WRITES)
    status, _, err = call(
        "RDE", "PROGRAM:EXTRACT", "e", tmp_path, f"{command} '$HOME' '; touch sprung'", "[A:text,B:text]"
    )
    assert (status, err) == (0, "")
    assert (tmp_path / "e.data").read_text() == "A;B\n$HOME;; touch sprung\n"
    assert not (tmp_path / "sprung").exists()
    # As DfAnalyzer's Python library passes it, and as single words.
    assert call("RDE", "PROGRAM:EXTRACT", "e", tmp_path, f"\\{command} 1 2\\", "[A:text,B:text]")[0] == 0
    assert (tmp_path / "e.data").read_text() == "A;B\n1;2\n"
    words = [sys.executable, tmp_path / "make it.py", "-x", "y"]
    assert call("RDE", "PROGRAM:EXTRACT", "e", tmp_path, *words, "[A:text,B:text]", "-verbose")[0] == 0
    assert (tmp_path / "e.data").read_text() == "A;B\n-x;y\n"
    assert call("RDE", "PROGRAM:ACCESS", "e", tmp_path, "any", "-verbose")[1].splitlines()[1] == "-x;y"


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        ("", (), "was expected to write"),
        ("raise SystemExit(3)", (), "was expected to succeed, got exit status 3"),
        ("import time; time.sleep(60)", ("-timeout=0.5",), "was expected to end within 0.5 seconds"),
        (WRITES, ("-timeout=soon",), "seconds were expected as -timeout, got 'soon'"),
    ],
)
def test_a_program_that_does_not_do_its_work_is_told(tmp_path, call, body, options, expected):
    # What an earlier run left is no result of this one.
    written(tmp_path, "e.data", "A;B\n1;2\n")
    began = time.monotonic()
    status, out, err = call("RDE", "PROGRAM:EXTRACT", "e", tmp_path, program(tmp_path, body), "[A:text]", *options)
    assert (status, out) == (1, "")
    assert expected in err
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["CSV"], "a cartridge, a name and a directory were expected"),
        (
            ["FITS:EXTRACT", "e", ".", "a.csv"],
            "one of PROGRAM:EXTRACT, PROGRAM:ACCESS, CSV:EXTRACT, CSV:ACCESS was expected",
        ),
        (["CSV:INDEX", "e", ".", "a.csv"], "got CSV:INDEX"),
        (["CSV:EXTRACT", "../e", ".", "a.csv", "[a:text]"], "a name without a directory was expected, got '../e'"),
        (["CSV:EXTRACT", "e", "nowhere", "a.csv", "[a:text]"], "a directory was expected, got 'nowhere'"),
        (
            ["CSV:EXTRACT", "e", ".", "a.csv", "[a:text]", "-loud"],
            "one of the options -delimiter, -bin, -timeout, -verbose",
        ),
        (["CSV:EXTRACT", "e", ".", "a.csv", "[a:text]", "-delimiter=;;"], "one character was expected as -delimiter"),
    ],
)
def test_a_command_line_that_is_none_is_told_with_the_usage(tmp_path, call, monkeypatch, words, expected):
    monkeypatch.chdir(tmp_path)
    status, out, err = call("RDE", *words)
    assert (status, out) == (2, "")
    assert expected in err
    assert "usage: RDE" in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["no.csv", "[a:text]"], "a file or a pattern of files in"),
        (["a.csv"], "attributes were expected, got none"),
        (["a.csv", "[a:color]"], "NAME:TYPE with one of the types"),
        (["a.csv", "[a:text:loud]"], "key or a number of digits was expected behind A:TEXT, got 'loud'"),
        (["a.csv", "[a:text,c:text]"], "the columns A, C were expected in"),
    ],
)
def test_a_request_that_cannot_be_carried_out_leaves_what_was_there(tmp_path, call, words, expected):
    written(tmp_path, "a.csv", "A,B\n1,2\n")
    written(tmp_path, "e.data", "old")
    status, _, err = call("RDE", "CSV:EXTRACT", "e", tmp_path, *words)
    assert status == 1
    assert expected in err
    assert (tmp_path / "e.data").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "e.data"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_told(tmp_path, call):
    written(tmp_path, "a.csv", "A\n1\n")
    tmp_path.chmod(0o500)
    try:
        status, _, err = call("RDE", "CSV:EXTRACT", "e", tmp_path, "a.csv", "[A:text]")
    finally:
        tmp_path.chmod(0o700)
    assert status == 1
    assert "cannot be used: Permission denied" in err


values = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=6)


@settings(max_examples=200)
@given(
    st.lists(st.lists(values, min_size=2, max_size=4), min_size=1, max_size=4), st.sampled_from(";,|"), st.booleans()
)
def test_each_position_is_where_the_value_begins(table, delimiter, is_quoted):
    """The values of a line, however they are quoted, are those that were joined, at their bytes."""
    for row in table:
        kept = [value if is_quoted else value.translate(str.maketrans("", "", f"{delimiter}\"'\n")) for value in row]
        texts = ['"' + value.replace('"', '""') + '"' if is_quoted else value for value in kept]
        record = delimiter.join(texts).encode()
        found = fields(record, delimiter.encode(), 100)
        assert [field.text for field in found] == kept
        assert all(
            record[field.offset - 100 :].startswith(text.encode()) for field, text in zip(found, texts, strict=True)
        )
        assert [field.offset - 100 for field in found] == [
            len(delimiter.join(texts[:place]).encode()) + bool(place) for place in range(len(texts))
        ]


def test_positions_count_bytes_and_quotes_span_lines(tmp_path, call):
    content = '\ufeffA;B;C\r\nä;"x;\ny";1\r\n\r\nz;;2\n;"open;3\n'.encode()
    path = written(tmp_path, "a.csv", content)
    assert call("RDI", "CSV:INDEX", "e", tmp_path, "a.csv", "[A:text:key,B:text,C:numeric]")[0] == 0
    rows = [line.split(";") for line in (tmp_path / "e.index").read_text().splitlines()[1:]]
    assert [row[:2] for row in rows] == [[f"'{path}'", "'ä'"], [f"'{path}'", "'z'"], [f"'{path}'", ""]]
    for row, (second, third) in zip(rows, [(b'"x;\ny"', b"1"), (b";2", b"2"), (b'"open', b"3")], strict=True):
        assert content[int(row[2]) - 1 :].startswith(second)
        assert content[int(row[3]) - 1 :].startswith(third)
    b, c = rows[0][2:]
    assert call("RDI", "CSV:ACCESS", "e", tmp_path, "a.csv", f"[B:{b},C:{c}]")[0] == 0
    assert (tmp_path / "e.access").read_text() == 'B;C\n"x;\ny";1\n'


@pytest.mark.parametrize("place", ["0", "1000", "x", "-1"])
def test_a_byte_that_the_file_does_not_have_is_told(tmp_path, call, place):
    written(tmp_path, "a.csv", "A,B\n1,2\n")
    status, _, err = call("RDI", "CSV:ACCESS", "e", tmp_path, "a.csv", f"[A:{place}]")
    assert status == 1
    assert "a byte from 1 to 8" in err


def test_an_index_of_several_files_tells_them_apart(tmp_path, call):
    paths = [written(tmp_path, name, "A;B\n1;2\n") for name in ("it's 1.csv", "x/2.csv")]
    assert call("RDI", "CSV:INDEX", "e", tmp_path, "**/*.csv", "[B:numeric]")[0] == 0
    lines = (tmp_path / "e.index").read_text().splitlines()
    assert lines[1:] == ["'" + str(paths[0]).replace("'", "''") + "';7", f"'{paths[1]}';7"]
    status, _, err = call("RDI", "CSV:ACCESS", "e", tmp_path, "**/*.csv", "[B:7]")
    assert status == 1
    assert "one file was expected, got 2" in err


def test_the_time_is_noted_where_it_is_asked_for(tmp_path, call):
    written(tmp_path, "a.csv", "A;B\n1;2\n")
    for _ in range(2):
        words = ["CSV:INDEX", "e", tmp_path, "a.csv", "[A:numeric]", f"-performance={tmp_path / 'times'}"]
        assert call("RDI", *words)[0] == 0
    lines = (tmp_path / "times").read_text().splitlines()
    assert lines[0] == lines[2] == "Indexing:RDI:Index"
    assert lines[1].startswith("      elapsed-time: 0.")
    assert lines[1].endswith(" seconds.")


def test_a_positional_index_of_a_million_rows_takes_seconds(tmp_path, call):
    rows = "".join(f"{number},name {number},0.{number}\n" for number in range(200_000))
    written(tmp_path, "a.csv", "ID,NAME,X\n" + rows)
    began = time.process_time()
    assert call("RDI", "CSV:INDEX", "e", tmp_path, "a.csv", "[ID:numeric:key,NAME:text,X:numeric]")[0] == 0
    assert time.process_time() - began < 15
    last = (tmp_path / "e.index").read_text().splitlines()[-1].split(";")
    content = (tmp_path / "a.csv").read_bytes()
    assert last[1] == "199999"
    assert content[int(last[2]) - 1 :] == b"name 199999,0.199999\n"


def test_a_bitmap_index_finds_rows(store, tmp_path, call):
    written(tmp_path, "data/a.csv", "ID,NAME,X\n" + "".join(f"{n},n{n % 7},{n / 8}\n" for n in range(1000)))
    written(tmp_path, "data/b.csv", "ID,NAME,X\n5,n5,\nnone,it's,0.5\n")
    words = ["FASTBIT:INDEX", "e", tmp_path, "data/*.csv", "[ID:numeric,NAME:text,X:numeric:2]"]
    assert call("RDI", *words, "-option=[b:precision=2,e:equality]", "-bin=/opt/fastbit")[0] == 0
    place = tmp_path / "FastBit_e_b.precision=2_e.equality" / "data"
    lines = (tmp_path / "e.index").read_text().splitlines()
    assert lines[:3] == [
        "FILENAME;ROWID;ID;NAME;X",
        f"'{place / 'a.csv'}';1;'ID.idx';'NAME.idx';'X.idx'",
        f"'{place / 'a.csv'}';2;'ID.idx';'NAME.idx';'X.idx'",
    ]
    assert len(lines) == 1 + 1000 + 2
    kinds = dlprov.query(
        f"DESCRIBE FROM read_parquet('{place / 'a.csv' / 'ID.idx'}', hive_partitioning = false)"
    ).rows()
    assert [row[:2] for row in kinds] == [("value", "BIGINT"), ("row", "BIGINT")]
    expected = [n for n in range(1000) if n % 7 == 3 and 10 <= n / 8 <= 12]
    assert call("RDI", "FASTBIT:ACCESS", "e", tmp_path, "data/a.csv", "[NAME:n3,X:10..12]")[0] == 0
    found = [line.split(";") for line in (tmp_path / "e.access").read_text().splitlines()]
    assert found[0] == ["FILENAME", "ROWID", "NAME", "X"]
    assert [row[1:] for row in found[1:]] == [[str(n + 1), "n3", str(n / 8)] for n in expected]
    assert call("RDI", "FASTBIT:ACCESS", "e", tmp_path, "*.csv", "[ID:5]")[0] == 0
    assert [Path(line.split(";")[0]).name for line in (tmp_path / "e.access").read_text().splitlines()[1:]] == [
        "a.csv", "b.csv"
    ]  # fmt: skip
    for words, message in (
        ("[NO:1]", "a column with an index in"),
        ("[ID:x]", "a number, or LOW..HIGH, was expected for ID"),
    ):
        status, _, err = call("RDI", "FASTBIT:ACCESS", "e", tmp_path, "*.csv", words)
        assert status == 1
        assert message in err
    assert call("RDI", "FASTBIT:ACCESS", "other", tmp_path, "*.csv", "[ID:5]")[0] == 1


def test_an_optimized_bitmap_index_has_a_line_a_file(tmp_path, call):
    for name in ("a.csv", "b.csv"):
        written(tmp_path, name, "ID;X\n1;2\n3;4.5\n")
    words = ["OPTIMIZED_FASTBIT:INDEX", "e", tmp_path, "*.csv", "[ID:numeric,X:numeric]", "-delimiter=;"]
    assert call("RDI", *words)[0] == 0
    place = tmp_path / "OptimizedFastBit_e"
    assert (tmp_path / "e.index").read_text() == (
        f"FILENAME;ID;X\n'{place / 'a.csv'}';'ID.idx';'X.idx'\n'{place / 'b.csv'}';'ID.idx';'X.idx'\n"
    )
    assert call("RDI", "OPTIMIZED_FASTBIT:ACCESS", "e", tmp_path, "a.csv", "[X:4..]")[0] == 0
    assert (tmp_path / "e.access").read_text().splitlines()[1:] == [f"{place / 'a.csv'};2;4.5"]


def test_postgres_raw_says_what_to_use_instead(tmp_path, call):
    written(tmp_path, "a.csv", "A\n1\n")
    for action in ("INDEX", "ACCESS"):
        status, _, err = call("RDI", f"POSTGRES_RAW:{action}", "e", tmp_path, "a.csv", "[A:text]", "-pgData=/data")
        assert status == 1
        assert "got POSTGRES_RAW: ask the file itself" in err
    assert dlprov.query(f"SELECT * FROM read_csv('{tmp_path / 'a.csv'}')").rows() == [(1,)]


def test_fits_without_astropy_says_what_to_install(tmp_path, call, monkeypatch):
    written(tmp_path, "a.fits", b"")
    monkeypatch.setitem(sys.modules, "astropy.io.fits", None)
    status, _, err = call("RDI", "FITS:INDEX", "e", tmp_path, "a.fits", "[A:text]")
    assert status == 1
    assert "FITS needs astropy, which is not installed: pip install astropy" in err


def test_an_index_of_fits_files_has_cards_and_places_in_tables(tmp_path, call):
    fits = pytest.importorskip("astropy.io.fits")
    np = pytest.importorskip("numpy")
    columns = [
        fits.Column("flux", "D", array=np.array([1.5, 2.5])),
        fits.Column("name", "5A", array=np.array(["a", "bc"])),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["EXPTIME"] = 30.5
    primary = fits.PrimaryHDU()
    primary.header["OBJECT"] = "M 31"
    path = tmp_path / "a.fits"
    fits.HDUList([primary, table]).writeto(path)
    assert (
        call("RDI", "FITS:INDEX", "e", tmp_path, "*.fits", "[OBJECT:text,EXPTIME:numeric,FLUX:numeric,NAME:text:key]")[
            0
        ]
        == 0
    )
    lines = [line.split(";") for line in (tmp_path / "e.index").read_text().splitlines()]
    assert lines[0] == ["FILENAME", "OBJECT", "EXPTIME", "FLUX", "NAME"]
    assert [line[:3] + line[4:] for line in lines[1:]] == [
        [f"'{path}'", "'M 31'", "30.5", "'a'"], [f"'{path}'", "'M 31'", "30.5", "'bc'"]
    ]  # fmt: skip
    content = path.read_bytes()
    for line, value in zip(lines[1:], (1.5, 2.5), strict=True):
        place = int(line[3]) - 1
        assert np.frombuffer(content[place : place + 8], ">f8")[0] == value
    assert call("RDI", "FITS:INDEX", "e", tmp_path, "*.fits", "[OBJECT:text]")[0] == 0
    assert (tmp_path / "e.index").read_text() == f"FILENAME;OBJECT\n'{path}';'M 31'\n"
    for name, words, message in (
        ("a.fits", "[NOTHING:text]", "a column or a card NOTHING was expected in"),
        ("no.txt", "[OBJECT:text]", "a FITS file was expected, got"),
    ):
        written(tmp_path, "no.txt", "no")
        status, _, err = call("RDI", "FITS:INDEX", "e", tmp_path, name, words)
        assert status == 1
        assert message in err
    status, _, err = call("RDI", "FITS:ACCESS", "e", tmp_path, "a.fits", "[FLUX:1]")
    assert status == 1
    assert "mark an attribute as key" in err


@pytest.mark.parametrize("cartridge", ["CSV", "FASTBIT", "OPTIMIZED_FASTBIT"])
def test_what_rdi_wrote_comes_into_the_store(store, tmp_path, call, cartridge):
    written(tmp_path, "it's.csv", "ID,NAME\n1,a\n2,b\n")
    assert call("RDI", f"{cartridge}:INDEX", "e", tmp_path, "*.csv", "[ID:numeric:key,NAME:text]")[0] == 0
    attributes = (Attribute("id", "NUMERIC", "e"), Attribute("name", "TEXT", "e"))
    declared = Set("oX", "OUTPUT", attributes, extractors=(Extractor("e", "INDEXING", cartridge),))
    with dlprov.start_run("flow") as run:
        run.plan(Dataflow("flow", (Transformation("T", (declared,)),)))
        with run.task("T") as task:
            task.raw_data(task.generated("oX", {}), tmp_path / "e.index", extractor="e")
    assert dlprov.query("SELECT message FROM problem").rows() == []
    found = dlprov.query("SELECT e_filename, id_2, name FROM flow.ox ORDER BY e_id").rows()
    if cartridge == "CSV":
        assert found == [(str(tmp_path / "it's.csv"), 1.0, "11"), (str(tmp_path / "it's.csv"), 2.0, "15")]
    else:
        assert set(found) == {(found[0][0], "ID.idx", "NAME.idx")}
        assert (Path(found[0][0]) / "ID.idx").is_file()
        assert len(found) == (2 if cartridge == "FASTBIT" else 1)
