"""MonetDB's clients at the service: the real pymonetdb over a real socket."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import json
import math
import re
import socket
import subprocess
import sys
import threading
import uuid

import hypothesis
import pytest
from hypothesis import strategies

pymonetdb = pytest.importorskip("pymonetdb")

from mapi_service import EXECUTION, HARDWARE, Service, ask, task  # noqa: E402 - it needs pymonetdb


@pytest.fixture
def connection(mapi):
    with contextlib.closing(mapi.connect()) as opened:
        yield opened


@pytest.fixture
def cursor(connection):
    return connection.cursor()


def test_the_scripts_that_print_tags(cursor):
    assert cursor.execute("SELECT tag FROM dataflow;") == 1
    assert cursor.fetchone() == ("alexnet",)
    assert cursor.fetchone() is None
    cursor.execute("SELECT tag FROM dataflow_execution;")
    assert cursor.fetchall() == [(EXECUTION,)]


class Document:
    """What DLProv's ``generate_prov.py`` reads, in the way in which it reads it."""

    def __init__(self, cursor) -> None:
        self.cursor = cursor
        self.nodes: list[str] = []
        self.relations: list[str] = []

    def one(self, sql, *parameters):
        assert self.cursor.execute(sql, parameters) == 1, sql
        return self.cursor.fetchone()

    def node(self, kind, identifier):
        # Only where it is NULL is a new one made and written back.
        assert uuid.UUID(identifier)
        self.nodes.append(kind)

    def read(self, execution):
        _, identifier, flow, scientist, hardware = self.one(
            'SELECT id, uuid, df_id, scientist_id, hardware_id FROM "public".dataflow_execution WHERE tag = %s;',
            execution,
        )
        tag, plan = self.one('SELECT tag, uuid FROM "public".dataflow WHERE id = %s;', flow)
        self.node("entity", plan)
        self.node("activity", identifier)
        self.relations.append("used")
        for table, row in (("data_scientist", scientist), ("hardware_info", hardware)):
            found = self.one(f'SELECT * FROM "public".{table} WHERE id = %s;', row)
            agent = dict(zip([column[0] for column in self.cursor.description], found, strict=True))
            self.node("agent", agent["uuid"])
            self.relations.append("wasAssociatedWith")
        assert agent | {"uuid": ""} == {"id": row, "uuid": "", **HARDWARE}
        tasks = self.tasks(flow, execution)
        self.sets(flow, tag, tasks)
        return tag

    def tasks(self, flow, execution):
        self.cursor.execute(
            """SELECT t.id, t.uuid, dt.tag, dt.id FROM "public".task t, "public".data_transformation dt
            WHERE t.dt_id = dt.id AND t.df_exec = %s
            AND t.df_version = (SELECT version FROM "public".dataflow_version WHERE df_id = %s);""",
            (execution, flow),
        )
        found = {}
        for number, identifier, tag, transformation in self.cursor.fetchall():
            self.node("activity", identifier)
            self.relations.append("wasInformedBy")
            found.setdefault(transformation, (tag, []))[1].append(number)
        return found

    def sets(self, flow, tag, tasks):
        self.cursor.execute('SELECT id, tag FROM "public".data_set WHERE df_id = %(df)s;', {"df": flow})
        for number, name in self.cursor.fetchall():
            self.cursor.execute('SELECT name FROM "public".attribute WHERE ds_id = %s', (number,))
            attributes = [row[0] for row in self.cursor.fetchall()]
            self.cursor.execute(
                'SELECT previous_dt_id, next_dt_id FROM "public".data_dependency WHERE ds_id = %s', (number,)
            )
            for previous, following in self.cursor.fetchall():
                self.rows(f'"{tag}".{name}', f'"{tag}"."ds_{name}"', attributes, tasks, previous, following)

    def rows(self, view, table, attributes, tasks, previous, following):
        conditions = []
        for transformation in (previous, following):
            if transformation is not None:
                name, numbers = tasks[transformation]
                conditions.append(f"{name}_task_id IN ({', '.join(map(str, numbers))})")
        self.cursor.execute(f"SELECT id, {', '.join(attributes)} FROM {view} WHERE {' AND '.join(conditions)};")
        for row in self.cursor.fetchall():
            self.node("entity", self.one(f"SELECT uuid FROM {table} WHERE id = %s;", row[0])[0])
            self.relations += ["used"] * (following is not None) + ["wasGeneratedBy"] * (previous is not None)
            if view.endswith((".ofilter", ".otrainset", ".ovalset", ".otestset")):
                self.relations.append("wasDerivedFrom")


def test_what_the_prov_generator_of_dlprov_reads(connection, cursor):
    document = Document(cursor)
    assert document.read(EXECUTION) == "alexnet"
    connection.commit()
    cursor.close()
    counted = {name: document.nodes.count(name) for name in set(document.nodes)}
    assert counted == {"entity": 15, "activity": 6, "agent": 2}
    counted = {name: document.relations.count(name) for name in set(document.relations)}
    assert counted == {
        "used": 11,
        "wasGeneratedBy": 10,
        "wasInformedBy": 5,
        "wasDerivedFrom": 4,
        "wasAssociatedWith": 2,
    }


def test_rows_are_there_as_soon_as_they_are_told(mapi, cursor):
    task(mapi, 4, "train", execution="watched", otrain=["now", "1", "0.5", "0.5", "0.5", "0.5", "1"])
    sql = """SELECT count(*) FROM "alexnet".otrain WHERE train_task_id IN
        (SELECT id FROM "public".task WHERE df_exec = %s)"""
    assert ask(cursor, sql, ("watched",)) == [(1,)]
    for epoch in (2, 3, 4):
        task(mapi, 4, "train", execution="watched", otrain=["now", "1", "0.5", "0.5", "0.5", "0.5", str(epoch)])
        assert ask(cursor, sql, ("watched",)) == [(epoch,)]


def test_the_schema_holds_for_a_connection(mapi, connection, cursor):
    with pytest.raises(pymonetdb.OperationalError, match=r"42S02!no such table 'itrain'"):
        cursor.execute("SELECT * FROM itrain")
    assert cursor.execute('SET SCHEMA "alexnet";') is None
    assert ask(cursor, "SELECT current_schema") == [("alexnet",)]
    assert ask(connection.cursor(), "SELECT optimizer_name, num_layers FROM itrain;") == [("Adam", 33.0)]
    with contextlib.closing(mapi.connect()) as other:
        assert ask(other.cursor(), "SELECT current_schema") == [("public",)]
    with pytest.raises(pymonetdb.OperationalError, match="3F000!there is no dataflow 'nope'"):
        cursor.execute("SET SCHEMA nope")
    assert ask(cursor, "SELECT count(*) FROM itrain") == [(1,)]


def test_values_of_every_type_come_back(cursor):
    cursor.execute(
        """
        SELECT true AS a, 7::TINYINT AS b, CAST(-32768 AS SMALLINT) AS c, 2147483647 AS d,
        CAST(-9223372036854775808 AS BIGINT) AS e,
        170141183460469231731687303715884105727 AS f, 0.1::FLOAT AS g, 0.1::DOUBLE AS h, 1.250::DECIMAL(9, 3) AS i,
        DATE '2024-02-29' AS j, TIME '10:11:12.5' AS k, TIMESTAMP '2024-01-02 03:04:05.000678' AS l,
        INTERVAL '90' SECOND AS m, CAST('6f1c2a14-5a4e-4b7c-8f0e-0123456789ab' AS UUID) AS n, NULL AS o,
        '{"a": [1, "x\\\\n"]}'::JSON AS p, [1, 2] AS q, {'a': 1.5} AS r, from_hex('00ff') AS s,
        CAST('text' AS CLOB) AS t, 18446744073709551615::UBIGINT AS u, 5e-324::DOUBLE AS v, 1e308::DOUBLE AS w
        """
    )
    assert dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True)) == {
        "a": True,
        "b": 7,
        "c": -32768,
        "d": 2147483647,
        "e": -(2**63),
        "f": 2**127 - 1,
        "g": 0.1,
        "h": 0.1,
        "i": decimal.Decimal("1.250"),
        "j": dt.date(2024, 2, 29),
        "k": dt.time(10, 11, 12, 500000),
        "l": dt.datetime(2024, 1, 2, 3, 4, 5, 678),  # noqa: DTZ001 - as MonetDB has it
        "m": dt.timedelta(seconds=90),
        "n": uuid.UUID("6f1c2a14-5a4e-4b7c-8f0e-0123456789ab"),
        "o": None,
        "p": '{"a": [1, "x\\n"]}',
        "q": "[1, 2]",
        "r": '{"a": 1.5}',
        "s": b"\x00\xff",
        "t": "text",
        "u": 2**64 - 1,
        "v": 5e-324,
        "w": 1e308,
    }
    assert [column.type_code for column in cursor.description] == [
        "boolean", "tinyint", "smallint", "int", "bigint", "hugeint", "real", "double", "decimal", "date", "time",
        "timestamp", "sec_interval", "uuid", "varchar", "json", "varchar", "varchar", "blob", "varchar", "hugeint",
        "double", "double",
    ]  # fmt: skip


def test_what_is_no_number_comes_back_as_such(cursor):
    found = ask(cursor, 'SELECT val_loss, val_accuracy FROM "alexnet".otrain WHERE loss > 2')
    assert all(math.isnan(loss) and accuracy == -9999999.0 for loss, accuracy in found)
    assert ask(cursor, "SELECT 'inf'::DOUBLE, '-inf'::DOUBLE, 'inf'::FLOAT") == [(math.inf, -math.inf, math.inf)]


# pymonetdb itself takes U+0080 for ASCII, and the engine has no NUL in a text.
TEXTS = strategies.text(strategies.characters(exclude_characters="\0\x80", exclude_categories=["Cs"]), max_size=30)


@hypothesis.settings(max_examples=60, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(strategies.lists(TEXTS, min_size=1, max_size=3))
def test_any_text_comes_back_as_a_parameter(cursor, texts):
    found = ask(cursor, f"SELECT {', '.join(['%s'] * len(texts))}", texts)
    assert found == [tuple(texts)]


def test_parameters(cursor):
    values = ('it\'s \\ "q"; -- #', 5, 1.5, None, True, dt.date(2024, 1, 2))
    found = ask(cursor, "SELECT %s, %s, %s, %s, %s, %s;", values)
    assert found == [('it\'s \\ "q"; -- #', 5, decimal.Decimal("1.5"), None, True, dt.date(2024, 1, 2))]
    named = {"tag": "alexnet", "rate": 0.001}
    sql = 'SELECT learning_rate = %(rate)s FROM "alexnet".itrain, dataflow WHERE tag = %(tag)s'
    assert ask(cursor, sql, named) == [(True,)]


def test_many_rows_are_fetched_in_parts(connection):
    first, second = connection.cursor(), connection.cursor()
    sql = "SELECT range AS n, 'row ' || range AS t FROM range(5003) ORDER BY n"
    assert first.execute(sql) == 5003
    assert first.fetchone() == (0, "row 0")
    assert ask(second, sql) == [(n, f"row {n}") for n in range(5003)]
    assert [row[0] for row in first.fetchmany(700)] == list(range(1, 701))
    assert sum(n for n, _ in first) == sum(range(701, 5003))
    first.execute(sql)
    first.scroll(4000, mode="absolute")
    assert first.fetchone() == (4000, "row 4000")


@pytest.mark.parametrize("replysize", [1, 5003, -1])
def test_a_client_chooses_how_many_rows_come_at_once(mapi, replysize):
    with contextlib.closing(mapi.connect(replysize=replysize)) as connection:
        assert [row[0] for row in ask(connection.cursor(), "SELECT range FROM range(5003)")] == list(range(5003))


def test_a_column_named_like_the_number_of_a_row(cursor):
    found = ask(cursor, "SELECT 5000 - range AS rowid FROM range(500)")
    assert [row[0] for row in found] == list(range(5000, 4500, -1))


def test_several_statements_give_several_answers(cursor):
    cursor.execute("SELECT 1 AS a; SET SCHEMA \"alexnet\"; ; SELECT 'b;c' AS b /* ; */; -- end")
    assert cursor.fetchall() == [(1,)]
    assert cursor.nextset()
    assert cursor.fetchall() == [("b;c",)]
    assert not cursor.nextset()


def test_names_of_columns(cursor):
    sql = 'SELECT round(1.234, 2), \'a#b\', 1 AS "Foo Bar", 2 AS Baz, MAX(3), LOSS FROM "alexnet".otrain GROUP BY LOSS'
    cursor.execute(sql)
    assert [column.name for column in cursor.description] == ["%1", "%2", "Foo Bar", "baz", "max(3)", "loss"]


def test_transactions_begin_and_end_and_do_nothing(mapi, connection, cursor):
    assert not connection.autocommit
    connection.commit()
    connection.rollback()
    for statement in ("START TRANSACTION", "SAVEPOINT s", "ROLLBACK TO SAVEPOINT s", "COMMIT", "SET ROLE monetdb"):
        cursor.execute(statement)
    connection.set_autocommit(True)
    assert connection.autocommit
    cursor.execute("START TRANSACTION")
    assert not connection.autocommit
    cursor.execute("ROLLBACK")
    assert connection.autocommit
    with contextlib.closing(mapi.connect(autocommit=True)) as other:
        assert ask(other.cursor(), "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELEC 1", '42000!Parser Error: syntax error at or near "SELEC"'),
        ("SELECT * FROM nothing", "42S02!no such table 'nothing'"),
        ("SELECT nothing FROM dataflow", "42S22!no such column 'nothing'"),
        ("SELECT CAST('a' AS INT)", "22018!Conversion Error"),
        ("SELECT 'open", "42000!Parser Error: unterminated"),
        ('SELECT "open', "42000!Parser Error: unterminated"),
        ("""UPDATE "alexnet"."ds_otrain" SET uuid = 'x' WHERE id = 1""", "25006!.*has its uuid from the start"),
        ("ALTER TABLE ds_itrain ADD x NUMERIC", "25006!.*becomes a column by itself"),
        ("CREATE VIEW v AS SELECT 1", "25006!.*WITH name AS"),
        ("DROP TABLE dataflow", "25006!"),
        ("COPY 2 RECORDS INTO dataflow FROM stdin USING DELIMITERS ','", "25006!.*dlprov import"),
        ("WITH d AS (DELETE FROM dataflow RETURNING *) SELECT * FROM d", "(25006|42000)!"),
        ("PREPARE SELECT 1", "25006!.*with its values"),
        ("CALL sys.shutdown(0)", "25006!"),
        ("SELECT * FROM read_text('/etc/passwd')", "42000!.*read_text"),
        ("SELECT * FROM '/etc/passwd'", "42000!.*files are not read here"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "25006!"),
        ("ATTACH '/tmp/x.db'", "25006!"),
        ("INSTALL httpfs", "(25006|42000)!"),
        ("SET memory_limit = '1TB'", "(25006|42000)!"),
        ("PRAGMA database_list", "42000!"),
    ],
)
def test_what_cannot_be_answered_is_an_error_with_its_code(cursor, statement, said):
    with pytest.raises(pymonetdb.OperationalError) as error:
        cursor.execute(statement)
    assert re.match(said, str(error.value), re.DOTALL), error.value
    assert len(str(error.value).strip().splitlines()) == 1
    assert "Traceback" not in str(error.value)
    assert ask(cursor, "SELECT 1") == [(1,)]


def test_a_wrong_statement_ends_those_that_come_with_it(cursor):
    with pytest.raises(pymonetdb.Error, match="no such table"):
        cursor.execute("SELECT 1; SELECT * FROM nothing; SET SCHEMA alexnet")
    assert ask(cursor, "SELECT current_schema") == [("public",)]


def test_the_catalogue(cursor):
    sql = """SELECT c.name FROM sys.columns c, sys.tables t WHERE c.table_id = t.id AND t.name = 'ds_itrain'
        ORDER BY c.number"""
    assert [row[0] for row in ask(cursor, sql)] == [
        "id", "train_task_id", "optimizer_name", "learning_rate", "num_epochs", "batch_size", "num_layers", "uuid",
    ]  # fmt: skip
    assert ask(cursor, "SELECT value FROM sys.env() WHERE name = 'gdk_dbname'") == [("dataflow_analyzer",)]


@pytest.mark.parametrize("wrong", [{"password": "nope"}, {"username": "bob"}, {"password": ""}])
def test_a_wrong_password_is_refused(mapi, wrong):
    with pytest.raises(pymonetdb.DatabaseError, match="invalid credentials"):
        mapi.connect(**wrong)


def test_any_name_of_the_database_will_do(mapi):
    with contextlib.closing(mapi.connect(database="mine")) as connection:
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]


def test_many_clients_at_once(mapi):
    answers: list[list[tuple]] = []

    def work(number):
        with contextlib.closing(mapi.connect()) as connection:
            cursor = connection.cursor()
            answers.extend(ask(cursor, f"SELECT {number * 10 + step}") for step in range(5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    assert sorted(row[0][0] for row in answers) == sorted(n * 10 + step for n in range(12) for step in range(5))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A service with a token."""
    place = tmp_path_factory.mktemp("guarded")
    (place / "token").write_text("a-long-enough-token", encoding="ascii")
    (place / "token").chmod(0o600)
    running = Service(place / "store", "--token-file", str(place / "token"))
    assert "the token as password" in "".join(running.said)
    yield running
    assert "Traceback" not in running.stop()


def test_a_token_is_the_password_where_there_is_one(guarded):
    with pytest.raises(pymonetdb.DatabaseError, match="invalid credentials"):
        guarded.connect()
    with contextlib.closing(guarded.connect(username="anybody", password="a-long-enough-token")) as connection:
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]


def test_the_key_of_the_stores_owner_is_a_password_too(guarded):
    key = json.loads((guarded.store / "service.json").read_text(encoding="utf-8"))["key"]
    with contextlib.closing(guarded.connect(password=key)) as connection:
        # A question that is not for everybody.
        sql = "PIVOT (SELECT 1 AS a, 'x' AS b) ON b USING sum(a)"
        assert ask(connection.cursor(), sql) == [(1,)]
    with (
        contextlib.closing(guarded.connect(password="a-long-enough-token")) as connection,
        pytest.raises(pymonetdb.Error, match="PIVOT"),
    ):
        ask(connection.cursor(), sql)


def test_a_port_that_is_taken(store, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "dlprov", "serve", "--port", "0", "--mapi-port", port]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 1
    assert f"127.0.0.1:{port} is in use" in found.stderr
    assert "--mapi-port" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_port_and_none_at_once(store):
    command = [sys.executable, "-m", "dlprov", "serve", "--mapi-port", "50000", "--no-mapi"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 2
    assert "leave one of them out" in found.stderr
