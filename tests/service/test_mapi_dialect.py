"""MonetDB's spelling of texts and comments, in whatever parts it comes."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, strategies

from dlprov.service.mapi.dialect import split


@pytest.mark.parametrize(
    ("sql", "statements", "rest"),
    [
        ("", [], ""),
        (" ; ;\n;", [], ""),
        ("SELECT 1;", ["SELECT 1"], ""),
        ("SELECT 1\n;\n;", ["SELECT 1"], ""),
        ("SELECT 1; SELECT 2", ["SELECT 1"], " SELECT 2"),
        ("SELECT 1; -- behind\n", ["SELECT 1"], ""),
        ("SELECT 1; -- it may go on", ["SELECT 1"], " -- it may go on"),
        ("SELECT 1 # MonetDB's\n + 1;", ["SELECT 1  \n + 1"], ""),
        ("SELECT 1 /* ; */ + 1;", ["SELECT 1   + 1"], ""),
        ("SELECT 1; /* open", ["SELECT 1"], " /* open"),
        ("SELECT ';', \";\" FROM t;", ["SELECT ';', \";\" FROM t"], ""),
        ("SELECT 'a''b';", ["SELECT 'a''b'"], ""),
        (r"SELECT 'it\'s; x';", ["SELECT 'it''s; x'"], ""),
        (r"SELECT 'a\\';", [r"SELECT 'a\'"], ""),
        (r"SELECT E'a\tb', e'\'';", ["SELECT 'a\tb', ''''"], ""),
        (r"SELECT R'a\n', r'\';", [r"SELECT 'a\n', '\'"], ""),
        (r"SELECT '\303\251\u00e9\U0001f4a1\x41\q';", ["SELECT 'éé💡Aq'"], ""),
        ("SELECT * FROM t WHERE a LIKE'x%';", ["SELECT * FROM t WHERE a LIKE'x%'"], ""),
        ("SELECT 1 - 2, 3 / 4, 5#6\n;", ["SELECT 1 - 2, 3 / 4, 5"], ""),
        ("SELECT 'open;", [], "SELECT 'open;"),
        ('SELECT "open;', [], 'SELECT "open;'),
        ("SELECT 'open\\", [], "SELECT 'open\\"),
        ("SELECT r'open\\", [], "SELECT r'open\\"),
        (r"SELECT 'a\000b';", ["SELECT 'ab'"], ""),
        ("SELECT 'a\\377b';", ["SELECT 'a\ufffdb'"], ""),
    ],
)
def test_statements_and_what_stands_behind_them(sql, statements, rest):
    assert split(sql) == (statements, rest)


def escaped(text: str) -> str:
    """As clients write a parameter."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


TEXTS = strategies.text(strategies.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(TEXTS, TEXTS)
def test_the_engine_reads_the_texts_that_clients_write(first, second):
    statements, rest = split(f"SELECT {escaped(first)}, {escaped(second)};")
    assert rest == ""
    assert duckdb.execute(statements[0]).fetchall() == [(first, second)]


PARTS = strategies.lists(
    strategies.sampled_from(
        ["SELECT", "'", '"', ";", "\\", "--", "#", "/*", "*/", "\n", " ", "a", "r'", "E'", "''", "\\'"]
    )
)


@given(PARTS, strategies.integers(min_value=0))
def test_what_comes_in_two_parts_is_what_comes_in_one(parts, where):
    sql = "".join(parts)
    cut = where % (len(sql) + 1)
    first, rest = split(sql[:cut])
    second, end = split(rest + sql[cut:])
    whole, whole_end = split(sql)
    assert [*first, *second] == whole
    assert split(end + "\n;")[0] == split(whole_end + "\n;")[0]


@given(strategies.text())
def test_nothing_is_too_odd(sql):
    statements, rest = split(sql)
    assert all(statement.strip() == statement for statement in statements)
    assert sql.endswith(rest)
