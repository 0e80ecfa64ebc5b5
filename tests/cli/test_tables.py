from __future__ import annotations

import math
from datetime import datetime

import pytest
from rich.cells import cell_len

from dlprov.cli import cells, tables
from dlprov.cli.tables import Column, Look


def shown(*columns: Column, width: int | None = None, styled: bool = False) -> list[str]:
    return list(tables.lines(columns, Look(width, styled)))


def test_columns_stand_side_by_side_and_numbers_at_the_right():
    assert shown(Column("name", ["a", "bcdef"]), Column("n", ["1", "200"], right=True)) == [
        "name     n",
        "-----  ---",
        "a        1",
        "bcdef  200",
    ]


def test_a_table_without_rows_has_its_titles():
    assert shown(Column("name", [])) == ["name", "----"]
    assert shown() == []


def test_null_is_nothing_in_a_pipe_and_a_dim_dash_on_a_terminal():
    column = Column("name", ["", None, "x"])
    assert shown(column)[2:] == ["", "", "x"]
    assert shown(column, styled=True)[3].strip().startswith("\x1b[2m-")


def test_wide_letters_take_two_cells():
    lines = shown(Column("名前", ["日本", "a"]), Column("b", ["1", "2"]))
    assert [cell_len(line) for line in lines] == [7, 7, 7, 7]


def test_a_text_that_is_too_wide_is_wrapped_between_words():
    lines = shown(Column("text", ["one two three four five six seven"]), Column("n", ["1"], right=True), width=26)
    assert lines[2:] == ["one two three four five  1", "six seven"]


def test_a_word_that_is_too_wide_is_broken_and_nothing_is_lost():
    word = "x" * 95
    lines = shown(Column("text", [word]), width=30)
    assert "".join(lines[2:]) == word
    assert max(map(cell_len, lines)) <= 30


def test_a_cut_column_ends_in_an_ellipsis_only_where_it_must():
    column = Column("text", ["a" * 50, "short"], cut=True)
    assert shown(column, width=20)[2:] == ["a" * 19 + "…", "short"]
    assert shown(column)[2] == "a" * 50


def test_a_table_that_cannot_fit_becomes_records():
    columns = [Column(f"column_{number}", [f"value {number}", None]) for number in range(9)]
    lines = shown(*columns, width=60)
    assert lines[0].startswith("-- 1 ---")
    assert lines[1] == "column_0  value 0"
    assert sum(line.startswith("column_3") for line in lines) == 2


def test_a_cell_with_several_lines_keeps_them():
    assert shown(Column("a", ["x\ny"]), Column("b", ["1"]))[2:] == ["x  1", "y"]


@pytest.mark.parametrize(
    ("value", "full", "brief"),
    [
        (0.1 + 0.2, "0.30000000000000004", "0.3"),
        (1e-5, "1e-05", "1e-05"),
        (123456789.0, "123456789.0", "123456789.0"),
        (1.2345678, "1.2345678", "1.23457"),
        (math.nan, "NaN", "NaN"),
        (-math.inf, "-Infinity", "-Infinity"),
        (2**70, "1180591620717411303424", "1180591620717411303424"),
        (True, "true", "true"),
        (datetime(2026, 1, 2, 3, 4, 5, 600000), "2026-01-02 03:04:05.600000", "2026-01-02 03:04:05"),  # noqa: DTZ001
        ({"a": [1, math.inf]}, '{"a": [1, "Infinity"]}', '{"a": [1, "Infinity"]}'),
        (b"a\x00\\", "a\\x00\\x5C", "a\\x00\\x5C"),
        ("red \x1b[31m \u202e", "red \\x1b[31m \\x202e", "red \\x1b[31m \\x202e"),
        ("a\r\nb\tc", "a\nb   c", "a\nb   c"),
        (None, None, None),
    ],
)
def test_values_as_text(value, full, brief):
    assert cells.text_of(value) == full
    assert cells.text_of(value, brief=True) == brief


def test_numbers_are_aligned_at_their_points():
    assert cells.aligned(["1", "22.25", None, "NaN", "1e-05"]) == ["1    ", "22.25 ", None, "NaN", "1e-05"]


@pytest.mark.parametrize(
    ("kind", "is_number"),
    [("BIGINT", True), ("DOUBLE", True), ("DECIMAL(10,2)", True), ("DOUBLE[]", False), ("VARCHAR", False),
     ("MAP(VARCHAR, DOUBLE)", False), ("INTERVAL", False), ("HUGEINT", True), ("TIMESTAMP", False)],
)  # fmt: skip
def test_which_types_are_numbers(kind, is_number):
    assert cells.is_number(kind) is is_number


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0042, "4 ms"), (4.25, "4.2 s"), (125, "2 min 05 s"), (11220, "3 h 07 min"), (None, None)]
)
def test_durations(seconds, said):
    assert cells.duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(12, "12 B"), (1500, "1.5 kB"), (3e12, "3.0 TB"), (None, None)])
def test_sizes(count, said):
    assert cells.size(count) == said
