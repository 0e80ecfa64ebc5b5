"""Every row that MonetDB can write comes back as it was, in each dialect; what is no row is refused, and no more."""

from __future__ import annotations

import io
import math
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from monetdb_dumps import quoted, spelled

from dlprov.intake.monetdb.lines import Lines
from dlprov.intake.monetdb.rows import RowError, RowReader
from dlprov.intake.monetdb.statements import Column, Copy, records

COLUMNS = (
    Column("id", "integer"),
    Column("loss", "number"),
    Column("name", "text"),
    Column("ok", "boolean"),
    Column("note", "text"),
)

BAR = Copy("s", "t", (), 1, 1, 0, b"|", b'"')
TAB = BAR._replace(delimiter=b"\t")

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.sampled_from(
    [
        "NULL",
        "null",
        "",
        '"',
        '""',
        "\\",
        '\\"',
        "a|b",
        "a\tb",
        "a\nb",
        "\r\n",
        "\x01\x7f",
        "é 💡",
        "COPY 1 RECORDS INTO x",
    ]
)
rows = st.tuples(
    st.none() | st.integers(-(2**63), 2**63),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | texts,
    st.none() | st.booleans(),
    st.none() | texts,
)
AWKWARD = (7, 2.0647256774113946e17, 'a "b"\\', True, "NULL")


def read(text: str, copy: Copy = BAR, columns=COLUMNS):
    return RowReader(copy, columns).read(text.encode())


def same(found, wanted) -> bool:
    return all(
        struct.pack("d", left) == struct.pack("d", right)
        if isinstance(left, float) and isinstance(right, float)
        else left == right and type(left) is type(right)
        for left, right in zip(found, wanted, strict=True)
    )


@given(rows)
@example(AWKWARD)
def test_a_row_with_bars(row):
    assert same(read("|".join(map(as_printed, row))), row)


@given(rows, st.lists(st.sampled_from(["", " ", "  ", "\t"]), min_size=10, max_size=10))
@example(AWKWARD, [" "] * 10)
def test_a_row_with_bars_and_blanks_around_the_values(row, blanks):
    values = [before + as_printed(value) + after for value, before, after in zip(row, blanks, blanks[5:], strict=False)]
    assert same(read("|".join(values)), row)


@given(rows)
@example(AWKWARD)
def test_a_row_with_tabs(row):
    assert same(read("\t".join(map(as_printed, row)), TAB), row)


@given(rows, st.lists(st.integers(1, 9), min_size=4, max_size=4))
@example(AWKWARD, [1, 2, 3, 4])
def test_a_row_with_tabs_that_became_blanks(row, widths):
    values = list(map(as_printed, row))
    line = values[0] + "".join(" " * width + value for width, value in zip(widths, values[1:], strict=True))
    assert same(read(line, TAB), row)


@given(rows)
@example(AWKWARD)
def test_a_row_with_some_tabs_that_became_blanks(row):
    first, second, *rest = map(as_printed, row)
    assert same(read(f"{first}\t{second}      " + "\t".join(rest), TAB), row)


@given(rows)
@example((1, 1.0, "a\nb", None, 'c "\n| d'))
def test_a_text_may_double_its_quotes_and_hold_line_breaks(row):
    def doubled(value):
        if not isinstance(value, str):
            return as_printed(value)
        return '"' + value.replace("\\", "\\\\").replace('"', '""').replace("\r", "\\r") + '"'

    text = "|".join(map(doubled, row))
    file = io.BytesIO(f'{text}\nCOPY 1 RECORDS INTO "s"."t" FROM stdin;\n'.encode())
    (record,) = records(Lines(file), BAR, RowReader(BAR, COLUMNS).fits)
    assert record.line == 1
    assert same(RowReader(BAR, COLUMNS).read(record.text), row)


@given(texts)
def test_a_text_without_escapes(text):
    copy = BAR._replace(escapes=False)
    line = '"' + text.replace('"', '""') + '"'
    assert read(line, copy, [Column("x", "text")]) == [text]


@given(st.binary(max_size=60), st.sampled_from([BAR, TAB, BAR._replace(quote=b""), BAR._replace(escapes=False)]))
def test_any_bytes_are_a_row_or_are_refused_with_a_reason(text, copy):
    for kind in ("any", "integer", "number", "boolean", "text"):
        reader = RowReader(copy, [Column("x", kind), Column("y", kind)])
        if reader.fits(text):
            assert len(reader.read(text)) == 2
        else:
            with pytest.raises(RowError, match="expected"):
                reader.read(text)


def as_printed(value):
    """Floats with a point or an exponent, so that they are not taken for integers in a comparison of types."""
    return repr(value) if isinstance(value, float) else spelled(value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NULL", None),
        ("null", None),
        (' "NULL" ', "NULL"),
        (r'"\303\251"', "é"),
        (r'"\x41\u00e9\U0001f4a1"', "Aé💡"),
        (r'"a\\nb"', r"a\nb"),
        (r'"\q"', "q"),
        ('""', ""),
        ('""""', '"'),
        ("plain words", "plain words"),
        ("", ""),
    ],
)
def test_a_text(line, value):
    assert read(line, BAR, [Column("x", "text")]) == [value]


@pytest.mark.parametrize(
    ("line", "value"), [("199", 199.0), ("-9999999", -9999999.0), ("1e+20", 1e20), ('"0.5"', 0.5), ("inf", math.inf)]
)
def test_a_number(line, value):
    (found,) = read(line, BAR, [Column("x", "number")])
    assert found == value
    assert isinstance(found, float)


@pytest.mark.parametrize(
    ("line", "value"),
    [("1", 1), ("-0.5", -0.5), ('"1"', "1"), ("true", True), ("NULL", None), ("1_000", "1_000"), ("word", "word")],
)
def test_a_value_of_a_column_of_which_the_dump_says_nothing(line, value):
    (found,) = read(line, BAR, [Column("x", "any")])
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1|2", "5 values were expected, got 2"),
        ('1|0.5|"a"|true|"b"|', "5 values were expected, got 6"),
        ('x|0.5|"a"|true|"b"', "an integer was expected in column 'id', got 'x'"),
        ('1_0|0.5|"a"|true|"b"', "an integer was expected in column 'id', got '1_0'"),
        ('1|abc|"a"|true|"b"', "a number was expected in column 'loss', got 'abc'"),
        ('1|0.5|"a"|perhaps|"b"', "true or false was expected in column 'ok', got 'perhaps'"),
        ('1|0.5|"a|true|"b"', "a value was expected"),
        (r'1|0.5|"\377"|true|"b"', "text in UTF-8 was expected in column 'name'"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(line, reason):
    with pytest.raises(RowError) as caught:
        read(line)
    assert reason in str(caught.value)


def test_the_spelling_in_these_tests_is_the_one_of_monetdb():
    assert quoted('a"b\\c\n\t\x01é') == '"a\\"b\\\\c\\n\\t\\001é"'
