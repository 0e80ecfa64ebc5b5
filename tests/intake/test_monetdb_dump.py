"""What a dump says: its statements, its tables, and what of it cannot be read, with file and line."""

from __future__ import annotations

import io
import re
import tracemalloc
from pathlib import Path

import pytest
from dfanalyzer_databases import eight_runs, executions, four_trainings
from hypothesis import given
from hypothesis import strategies as st
from monetdb_dumps import as_in_mclient

from dlprov.errors import UsageError
from dlprov.intake import Report, kind_of
from dlprov.intake.monetdb import lines
from dlprov.intake.monetdb.database import read_database
from dlprov.intake.monetdb.lines import Lines
from dlprov.intake.monetdb.oddities import EpochWatch
from dlprov.intake.monetdb.statements import Column, Copy, CreateTable, Dump, Insert


def statements(text: str):
    return list(Dump(io.BytesIO(text.encode())).statements())


def told_of(text: str, tmp_path: Path):
    """The database of a dump, and what was told of it."""
    path = tmp_path / "dump.sql"
    path.write_bytes(text.encode())
    told: list[str] = []
    database = read_database(path, Report(path, told.append))
    rows = {data.name: list(database.rows_of(data, Report(path, told.append))) for data in database.sets}
    return database, rows, [message.removeprefix(f"{path}:") for message in told]


def lines_of(*text: str) -> str:
    return "\n".join(text) + "\n"


DATAFLOW = lines_of(
    'CREATE TABLE "public"."dataflow" ("id" INTEGER NOT NULL, "tag" VARCHAR(50) NOT NULL);',
    """COPY 1 RECORDS INTO "public"."dataflow" FROM stdin USING DELIMITERS '|','\\n','"';""",
    '1|"mnist"',
)


def test_a_table_has_its_columns_and_none_of_its_constraints():
    (found,) = statements(
        lines_of(
            'CREATE TABLE "my ""own"""."t" (',
            '\t"id"  INTEGER NOT NULL DEFAULT next value for "public"."t_seq",',
            '\t"Rate" DECIMAL(18,3), -- with, a comment;',
            "\t\"note\" VARCHAR(7000) DEFAULT 'a,;)',",
            '\t"long" CHARACTER LARGE OBJECT,',
            "\tokay BOOLEAN,",
            '\tCONSTRAINT "t_id_pkey" PRIMARY KEY ("id"), FOREIGN KEY ("id") REFERENCES "public"."task" ("id")',
            ");",
        )
    )
    columns = (Column("id", "integer"), Column("rate", "number"), Column("note", "text"))
    columns += (Column("long", "text"), Column("okay", "boolean"))
    assert found == CreateTable('my "own"', "t", columns)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (r"""USING DELIMITERS '|','\n','"'""", {"delimiter": b"|", "quote": b'"'}),
        (r"""USING DELIMITERS E'\t',E'\n','"'""", {"delimiter": b"\t", "quote": b'"'}),
        (r"""DELIMITERS '\t', '\n', '"' NULL AS ''""", {"delimiter": b"\t", "quote": b'"', "null": b""}),
        (r"""USING DELIMITERS '|',E'\n','"' NO ESCAPE""", {"quote": b'"', "escapes": False}),
        (r"USING DELIMITERS ','", {"delimiter": b","}),
        ("", {}),
    ],
)
def test_copy_in_each_spelling(options, expected):
    (found,) = statements(f'COPY 0 RECORDS INTO "s"."t" FROM stdin {options};\n')
    assert found == Copy(
        "s", "t", (), 0, 2, len(options) + len('COPY 0 RECORDS INTO "s"."t" FROM stdin ;\n'), **expected
    )


def test_copy_over_several_lines_with_columns():
    (found,) = statements(
        'copy 2 records into "s"."t"\n ("id",\n "Tag") from stdin\n using delimiters \'|\';\n1|a\n2|b\n'
    )
    assert (found.columns, found.announced, found.line) == (("id", "tag"), 2, 5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [("FROM '/data/rows.csv'", "in another file"), (r"FROM stdin USING DELIMITERS '||','\n'", "delimited by '||'")],
)
def test_rows_that_are_out_of_reach_say_so(options, reason):
    (found,) = statements(f'COPY 3 RECORDS INTO "s"."t" {options};\n')
    assert reason in found.fault


def test_a_name_without_schema_is_of_the_current_one():
    found = statements('SET SCHEMA "a";\nCREATE TABLE T (x INT);\nSET SCHEMA "b"; INSERT INTO "t" VALUES (1);\n')
    assert found == [CreateTable("a", "t", (Column("x", "integer"),)), Insert("b", "t", 3)]


def test_what_a_function_does_is_not_done():
    body = ["BEGIN", "  INSERT INTO task VALUES (1);", "  IF x THEN RETURN 1; END IF;", "  RETURN 2;", "END;"]
    found = statements(lines_of("create function f(x int) returns int", *body, "INSERT INTO task VALUES (2);"))
    assert found == [Insert("", "task", 7)]


def test_a_quote_that_nobody_closes_does_not_swallow_the_rows_behind_it():
    assert [statement.table for statement in statements("CREATE VIEW v AS SELECT 'oops;\n" + DATAFLOW)] == ["dataflow"]
    assert [statement.table for statement in statements('CREATE TABLE "oops (x INT);\n' + DATAFLOW)] == ["dataflow"]


def test_prompts_and_messages_are_passed_over(tmp_path):
    text = as_in_mclient(DATAFLOW.replace("COPY", "sql>COPY"))
    assert text.startswith("auto commit")
    database, _, told = told_of(text.replace("sql>\\D", DATAFLOW.splitlines()[0]), tmp_path)
    assert [row.values for row in database.tables["dataflow"]] == [{"id": 1, "tag": "mnist"}]
    assert not told


@pytest.mark.parametrize("dialect", ["bar", "loose", "tab", "blanks"])
@pytest.mark.parametrize("made", [four_trainings, eight_runs, executions])
def test_every_table_of_every_dialect(dialect, made, tmp_path):
    wanted = made()
    database, sets, told = told_of(wanted.dump(dialect), tmp_path)
    assert not told
    for table in wanted.tables:
        if not table.name.startswith("ds_"):
            assert [row.values for row in database.tables[table.name]] == wanted.rows(table.name, table.schema)
    for data in database.sets:
        (rows,) = [
            table.rows for table in wanted.tables if (table.schema, table.name) == (data.schema, f"ds_{data.name}")
        ]
        if made is not four_trainings or data.schema == "alexnet-df-1":
            assert [tuple(values) for _, values in database.rows_of(data, Report(tmp_path))] == rows
    assert sum(map(len, sets.values())) > 0


def test_line_breaks_of_windows_and_a_byte_order_mark(tmp_path):
    database, _, told = told_of("\ufeff" + DATAFLOW.replace("\n", "\r\n"), tmp_path)
    assert [row.values["tag"] for row in database.tables["dataflow"]] == ["mnist"]
    assert not told


def test_columns_that_the_statement_names_in_another_order(tmp_path):
    text = DATAFLOW + lines_of(
        'CREATE TABLE "mnist"."ds_o" ("id" INTEGER, "train_task_id" INTEGER, "loss" DOUBLE, "note" VARCHAR(9));',
        """COPY 1 RECORDS INTO "mnist"."ds_o" ("note", "loss", "id") FROM stdin USING DELIMITERS '|','\\n','"';""",
        '"x"|0.5|3',
    )
    _, sets, told = told_of(text, tmp_path)
    assert sets == {"o": [(6, [3, None, 0.5, "x"])]}
    assert not told


OTRAIN = 'CREATE TABLE "mnist"."ds_o" ("id" INTEGER, "note" VARCHAR(9), "loss" DOUBLE);'
COPY = """COPY {} RECORDS INTO "mnist"."ds_o" FROM stdin USING DELIMITERS '|','\\n','"';"""


def set_of(count: int, *rows: str) -> str:
    return DATAFLOW + lines_of(OTRAIN, COPY.format(count), *rows, "COMMIT;")


@pytest.mark.parametrize(
    ("rows", "read", "told"),
    [
        (['1|"a"|1', '2|"b"', '3|"c"|3'], [1, 3], ["7: a row of 'ds_o': 3 values were expected, got 2"]),
        (
            ['1|"a"|1', '2|"b"|x', '3|"c"|3'],
            [1, 3],
            ["7: a row of 'ds_o': a number was expected in column 'loss', got 'x'"],
        ),
        (['1|"a"|1', '2|"b|2', '3|"c"|3'], [1, 3], ["7: a row of 'ds_o': a value was expected, got '\"b|2'"]),
        (['1|"a|1', '2|"b|2', '3|"c"|3'], [3], ["6: a row", "7: a row"]),
        (['1|"a"|1', "12", '2|"b"|2', '3|"c"|3'], [1, 2, 3], ["7: a row of 'ds_o': 3 values were expected, got 1"]),
        (['1|"a"|1', "", '2|"b"|2', "   ", '3|"c"|3'], [1, 2, 3], []),
        (['1|"a"|1', '2|"b"|2'], [1, 2], ["6: 3 rows of 'ds_o' were announced, and there are 2"]),
        (['1|"a\nCOMMIT;\nb"|1', '2|"b"|2', '3|"c"|3'], [1, 2, 3], []),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_others_are_read(rows, read, told, tmp_path):
    _, sets, found = told_of(set_of(3, *rows), tmp_path)
    assert [values[0] for _, values in sets["o"]] == read
    assert len(found) == len(told)
    assert all(message.startswith(start) for message, start in zip(found, told, strict=True)), found


def test_the_last_row_of_a_dump_that_was_cut_off_is_not_believed(tmp_path):
    _, sets, told = told_of(set_of(2, '1|"a"|1', '2|"b"|0.25').removesuffix("5\nCOMMIT;\n"), tmp_path)
    assert [values for _, values in sets["o"]] == [[1, "a", 1.0]]
    assert told == ["7: a row of 'ds_o': the file ends within this line; if it is complete, end it with a line break"]


def test_rows_as_inserts_are_told(tmp_path):
    text = DATAFLOW + OTRAIN + '\nINSERT INTO "mnist"."ds_o" VALUES (1, \'a\', 0.5);\nINSERT INTO "x"."y" VALUES (1);\n'
    _, _, told = told_of(text, tmp_path)
    assert told == ["5: a row as INSERT statement is not read: dump without --inserts"]


def test_rows_that_nothing_announces_are_told(tmp_path):
    text = DATAFLOW + OTRAIN + '\n1|"a"|0.5\n2|"b"|0.5\n\n4 tuples\noperation successful\nCOMMIT;\n'
    _, _, told = told_of(text, tmp_path)
    assert told == ["5: 2 lines that look like rows are not read: no COPY statement announces them"]


def test_rows_without_a_table_are_told(tmp_path):
    _, _, told = told_of(DATAFLOW + COPY.format(2) + '\n1|"a"|1\n2|"a"|1\n', tmp_path)
    assert told == [
        "5: the rows of 'ds_o' are not read: the columns are not known: there is no CREATE TABLE before the rows"
    ]


def test_a_generic_row_lacks_what_it_needs(tmp_path):
    _, _, told = told_of(DATAFLOW.replace('"mnist"', "NULL"), tmp_path)
    assert told == ["3: a row of 'dataflow' has no tag"]


def test_a_line_without_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 1000)
    path = tmp_path / "long"
    path.write_bytes(b"first\n" + b"x" * 5000 + b"\nlast\n")
    with path.open("rb") as file:
        reader = Lines(file)
        found = [reader.take() for _ in range(4)]
    assert [line and (line.number, line.offset, len(line.text)) for line in found] == [
        (1, 0, 5), (2, 6, 1000), (3, 5007, 4), None
    ]  # fmt: skip
    assert found[1] is not None
    assert "longer than" in found[1].fault


def test_a_dump_is_read_row_by_row(tmp_path):
    """Ten times the dump takes no more memory."""
    path = tmp_path / "dump.sql"
    peaks = []
    for count in (3000, 30000):
        path.write_text(set_of(count, *(f'{n}|"{n:050}"|{n}' for n in range(count))))
        tracemalloc.start()
        try:
            database = read_database(path, Report(path))
            assert sum(1 for _ in database.rows_of(database.sets[0], Report(path))) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0], peaks


WHOLE = executions(generation="July").dump("tab").encode()


def rows_by_text(path: Path):
    """Every row that is read, by its table with its columns, and by the text of its line."""
    told: list[str] = []
    database = read_database(path, Report(path, told.append))
    text = path.read_bytes().split(b"\n")
    found = {}
    for name, rows in database.tables.items():
        for row in rows:
            found[name, tuple(row.values), text[row.line - 1]] = list(row.values.values())
    for data in database.sets:
        for line, values in database.rows_of(data, Report(path, told.append)):
            found[data.schema, data.name, data.columns, text[line - 1]] = values
    return found, told


def around(start: int, size: int) -> bytes:
    """The lines that a cut touches."""
    return WHOLE[WHOLE.rfind(b"\n", 0, start) + 1 : WHOLE.find(b"\n", start + size) + 1 or None]


@given(
    st.integers(0, len(WHOLE)) | st.integers(WHOLE.index(b"COPY "), len(WHOLE)),
    st.integers(0, 200),
    st.binary(max_size=10),
)
def test_a_damaged_dump_is_read_as_far_as_it_can_be(tmp_path_factory, start, size, put):
    """Whatever is cut out and put in: a line that is as it was is the row that it was, or something is told."""
    path = tmp_path_factory.getbasetemp() / "damaged.sql"
    path.write_bytes(WHOLE)
    wanted, _ = rows_by_text(path)
    path.write_bytes(WHOLE[:start] + put + WHOLE[start + size :])
    try:
        found, told = rows_by_text(path)
    except UsageError:
        return
    if start < WHOLE.index(b"COPY "):
        return  # a type or a name that was changed: nobody can tell that it was another one
    assert {key: values for key, values in found.items() if key in wanted and wanted[key] != values} == {}
    there = set(path.read_bytes().split(b"\n"))
    lost = [key for key in wanted if key not in found and key[-1] in there]
    assert told or not lost or re.search(rb"^(?:COPY|SET) ", around(start, size), re.MULTILINE)


# Recognition.


@pytest.mark.parametrize("made", [four_trainings, eight_runs, executions])
def test_a_dump_is_recognised_by_its_content(made, tmp_path):
    path = tmp_path / "whatever.json"
    path.write_text(as_in_mclient(made().dump("blanks")))
    assert kind_of(path) == "monetdb"


@pytest.mark.parametrize(
    "content",
    [
        b'{"prefix": {}}',
        b"\xef\xbb\xbf \n[1]",
        b"<?xml version='1.0'?>",
        "<?xml version='1.0' encoding='UTF-16'?>".encode("utf-16"),
        b"document\n  prefix dlprov <x>\nendDocument",
        b"// a remark\n/* and\nmore */ document\nendDocument",
        b"@prefix prov: <http://www.w3.org/ns/prov#> .",
        b"# a remark\n\nPREFIX prov: <http://www.w3.org/ns/prov#>",
        b"<http://example.org/a> a <http://www.w3.org/ns/prov#Entity> .",
    ],
)
def test_a_document_of_prov_is_recognised_by_its_content(content, tmp_path):
    path = tmp_path / "dump.sql"
    path.write_bytes(content)
    assert kind_of(path) == "prov"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b'{"event":"log","time":1}', "needs no import"),
        (b"\x1f\x8b\x08\x00", "unpack it first"),
        ("START TRANSACTION;\n".encode("utf-16"), "iconv"),
        (b"SQLite format 3\0", "SQLite"),
        (b"CREATE VIEW x AS SELECT 1;\nINSERT INTO y VALUES (1);", "no dump of MonetDB"),
        (b"a,b\n1,2\n", "something else"),
    ],
)
def test_what_can_not_be_imported_is_named(content, said, tmp_path):
    path = tmp_path / "dump.sql"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        kind_of(path)


def test_a_dump_of_another_database(tmp_path):
    path = tmp_path / "dump.sql"
    path.write_text('START TRANSACTION;\nCREATE TABLE "shop"."customer" ("id" INTEGER);\nCOMMIT;\n')
    with pytest.raises(UsageError, match="no table dataflow"):
        read_database(path, Report(path))


# Epochs.


@pytest.mark.parametrize(
    ("epochs", "odd"),
    [
        ([*range(199), 19912], {19912: 199}),
        ([*range(5), 512, 6], {512: 5}),
        ([*range(100), *range(100)], {}),
        ([9, 19, 29, 39, *range(49, 200)], {}),
        ([0, 500, 1000], {}),
        ([0, None, 1, 2, 3, "x", 4], {}),
    ],
)
def test_only_an_epoch_that_jumps_out_of_a_row_that_counts_is_odd(epochs, odd):
    watch = EpochWatch()
    found = {epoch: expected for epoch in epochs if (expected := watch.expected(1, epoch)) is not None}
    assert found == odd
