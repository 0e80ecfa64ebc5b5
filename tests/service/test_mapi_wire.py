"""MonetDB's protocol as it is on the wire: what mclient sends, and bytes that no client would send."""

from __future__ import annotations

import contextlib
import time

import pytest

pytest.importorskip("pymonetdb")

from mapi_service import Raw, ask, rows_of


@pytest.fixture
def raw(mapi):
    """Opens raw connections; at the end the service answers as before."""
    opened = []

    def begin(login=False, **more):
        opened.append(Raw(mapi.port))
        if login:
            assert opened[-1].login(**more) == ""
        return opened[-1]

    yield begin
    for each in opened:
        each.close()
    with contextlib.closing(mapi.connect()) as connection:
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]


def test_mclient_sends_a_script_line_by_line(raw):
    client = raw(login=True, options="FILETRANS:auto_commit=1,reply_size=1000,size_header=0,columnar_protocol=0:")
    more = "\1\2\n"
    assert client.say("SSELECT tag\n") == more
    answer = client.say("FROM dataflow; SELECT 'two\n")
    assert rows_of(answer) == ['[ "alexnet"\t]']
    assert answer.endswith(more)
    assert "typesizes" not in answer
    assert "% 7 # length" in answer
    assert rows_of(client.say("lines';\n")) == ['[ "two\\nlines"\t]']
    assert client.say("S-- nothing but a comment\n") == ""
    assert client.say("S/* a comment that goes on\n") == more
    assert client.say("and ends */\n") == ""
    assert client.say("SSELECT 1\n") == more
    assert rows_of(client.say("")) == ["[ 1\t]"]
    assert client.say('SSET SCHEMA "alexnet";\n') == "&3 0 0\n"
    mistakes = client.say("SSELECT * FROM nothing; SELECT count(*) FROM itrain;\n")
    assert mistakes.startswith("!42S02!no such table 'nothing'")
    assert rows_of(mistakes) == ["[ 1\t]"]


def test_mclient_fetches_the_rest_of_an_answer(raw):
    client = raw(login=True)
    assert client.say("Xreply_size 3\n") == ""
    assert client.say("Xsizeheader 1\n") == ""
    answer = client.say("sSELECT range AS n FROM range(10)\n;\n")
    kind, number, rows, columns, sent, *_ = answer.splitlines()[0].split()
    assert (kind, rows, columns, sent) == ("&1", "10", "1", "3")
    assert answer.splitlines()[1:6] == [
        "% . # table_name",
        "% n # name",
        "% bigint # type",
        "% 1 # length",
        "% 63 0 # typesizes",
    ]
    assert client.say(f"Xexport {number} 3\n") == f"&6 {number} 1 3 3\n[ 3\t]\n[ 4\t]\n[ 5\t]\n"
    assert client.say(f"Xexport {number} 8 100\n") == f"&6 {number} 1 2 8\n[ 8\t]\n[ 9\t]\n"
    assert client.say(f"Xexport {number} 100 1\n") == f"&6 {number} 1 0 100\n"
    assert client.say(f"Xclose {number}\n") == ""
    assert "is not kept" in client.say(f"Xexport {number} 3 1\n")
    assert client.say("Xexport 1 -1 1\n").startswith("!")
    assert client.say("Xclientinfo ApplicationName=mclient\nClientPid=1\n") == ""
    for wrong in ("Xnonsense", "Xexport", "Xexport 1", "Xexport a b", "X", "Xexportbin 1 2 3"):
        assert client.say(wrong).startswith("!42000!a command"), wrong


MCLIENT_LISTS = """with describe_all_objects AS (
  SELECT s.name AS sname, t.name, s.name || '.' || t.name AS fullname,
      CAST(CASE t.type WHEN 1 THEN 2 ELSE 1 END AS SMALLINT) AS ntype,
      (CASE WHEN t.system THEN 'SYSTEM ' ELSE '' END) || tt.table_type_name AS type, t.system, c.remark AS remark
    FROM sys._tables t
    LEFT OUTER JOIN sys.comments c ON t.id = c.id
    LEFT OUTER JOIN sys.schemas s ON t.schema_id = s.id
    LEFT OUTER JOIN sys.table_types tt ON t.type = tt.table_type_id
  UNION ALL
  SELECT s.name AS sname, sq.name, s.name || '.' || sq.name AS fullname, CAST(4 AS SMALLINT) AS ntype,
      'SEQUENCE' AS type, false AS system, c.remark AS remark
    FROM sys.sequences sq
    LEFT OUTER JOIN sys.comments c ON sq.id = c.id LEFT OUTER JOIN sys.schemas s ON sq.schema_id = s.id
  UNION ALL
  SELECT DISTINCT s.name AS sname, f.name, s.name || '.' || f.name AS fullname, CAST(8 AS SMALLINT) AS ntype,
      (CASE WHEN f.system THEN 'SYSTEM ' ELSE '' END) || function_type_keyword AS type, f.system AS system,
      c.remark AS remark
    FROM sys.functions f
    LEFT OUTER JOIN sys.comments c ON f.id = c.id
    LEFT OUTER JOIN sys.function_types ft ON f.type = ft.function_type_id
    LEFT OUTER JOIN sys.schemas s ON f.schema_id = s.id
  UNION ALL
  SELECT NULL AS sname, s.name, s.name AS fullname, CAST(16 AS SMALLINT) AS ntype,
      (CASE WHEN s.system THEN 'SYSTEM SCHEMA' ELSE 'SCHEMA' END) AS type, s.system, c.remark AS remark
    FROM sys.schemas s LEFT OUTER JOIN sys.comments c ON s.id = c.id
  ORDER BY system, name, sname, ntype)
SELECT type, fullname, remark FROM describe_all_objects WHERE (ntype & 3) > 0 AND NOT system
AND (sname IS NULL OR sname = current_schema) ORDER BY fullname, type, remark"""
"""What mclient asks for ``\\\\d``: MonetDB's own catalogue."""

MCLIENT_DESCRIBES = [
    "SELECT id FROM sys.types WHERE sqlname = 'hugeint'",
    """SELECT t.name, t.query, t.type, t.id, c.remark, t.commit_action FROM sys.schemas s, sys._tables t
    LEFT OUTER JOIN sys.comments c ON t.id = c.id
    WHERE s.name = 'alexnet' AND t.schema_id = s.id AND t.name = 'ds_otest'""",
    """SELECT c.name, c.type, c.type_digits, c.type_scale, c."null", c.number, c.storage
    FROM sys._columns c, sys._tables t, sys.schemas s WHERE c.table_id = t.id AND t.name = 'ds_otest'
    AND t.schema_id = s.id AND s.name = 'alexnet' ORDER BY c.number""",
    """SELECT kc.name, kc.nr, k.name, kc.id FROM sys.objects kc, sys.keys k, sys.schemas s, sys._tables t
    WHERE kc.id = k.id AND k.table_id = t.id AND k.type = 0 AND t.schema_id = s.id AND s.name = 'alexnet'
    AND t.name = 'ds_otest' ORDER BY kc.id, kc.nr""",
    """SELECT ps.name, pkt.name, pkkc.name, fkkc.name, fkkc.nr, fkk.name, fkk."action", fs.name, fkt.name
    FROM sys._tables fkt, sys.objects fkkc, sys.keys fkk, sys._tables pkt, sys.objects pkkc, sys.keys pkk,
    sys.schemas ps, sys.schemas fs WHERE fkt.id = fkk.table_id AND pkt.id = pkk.table_id AND fkk.id = fkkc.id
    AND pkk.id = pkkc.id AND fkk.rkey = pkk.id AND fkkc.nr = pkkc.nr AND pkt.schema_id = ps.id
    AND fkt.schema_id = fs.id AND fs.name = 'alexnet' AND fkt.name = 'ds_otest' ORDER BY fkk.name, fkkc.nr""",
    """SELECT f.id, s.name, f.name FROM sys.schemas s, sys.functions f WHERE s.id = f.schema_id
    AND f.id IN (SELECT id FROM sys.dependencies WHERE depend_id = '23000')""",
    """SELECT i.name, k.name, kc.nr, c.name, it.idx FROM sys.idxs AS i LEFT JOIN sys.keys AS k ON i.name = k.name,
    sys.objects AS kc, sys._columns AS c, sys.schemas s, sys._tables AS t, (VALUES (0, 'INDEX'), (4, 'IMPRINTS INDEX'))
    AS it (id, idx) WHERE i.table_id = t.id AND i.id = kc.id AND t.id = c.table_id AND kc.name = c.name
    AND (k.type IS NULL OR k.type = 1) AND t.schema_id = s.id AND s.name = 'alexnet' AND t.name = 'ds_otest'
    AND i.type in (0, 4, 5) AND i.type = it.id ORDER BY i.name, kc.nr""",
    (
        "SELECT s.name, a.name, c.remark FROM sys.auths a, sys.schemas s LEFT OUTER JOIN sys.comments c ON s.id = c.id "
        "WHERE s.\"authorization\" = a.id AND s.name = 'alexnet' ORDER BY s.name"
    ),
    (
        "SELECT s.name, t.systemname, t.sqlname FROM sys.types t LEFT JOIN sys.schemas s ON s.id = t.schema_id "
        "WHERE t.eclass = 18 AND (t.schema_id <> 2000 OR (t.schema_id = 2000 AND t.sqlname NOT IN ('uuid','json')))"
    ),
    "SELECT * FROM sys.describe_sequences ORDER BY sch, seq",
    """SELECT s.name, t.name, a.name, sum(p.privileges), g.name, go.opt FROM sys.schemas s, sys.tables t, sys.auths a,
    sys.privileges p, sys.auths g, (VALUES (0, ''), (1, ' WITH GRANT OPTION')) AS go (id, opt) WHERE p.obj_id = t.id
    AND p.auth_id = a.id AND t.schema_id = s.id AND t.system = FALSE AND p.grantor = g.id AND p.grantable = go.id
    GROUP BY s.name, t.name, a.name, g.name, go.opt ORDER BY s.name, t.name, a.name, g.name, go.opt""",
    'SELECT tr.name, tr.id, tr."statement" FROM sys.triggers tr, sys._tables t WHERE t.id = tr.table_id',
    (
        "SELECT s1.name, t1.name FROM sys.schemas s1, sys._tables t1, sys.dependencies d, sys._tables t2 "
        "WHERE t1.type IN (3, 6) AND t1.schema_id = s1.id AND t1.id = d.depend_id AND d.id = t2.id"
    ),
]
"""What mclient asks to describe a table, and around it for a dump."""


def test_mclient_lists_and_describes(raw):
    client = raw(login=True, options="FILETRANS:auto_commit=1,reply_size=-1:")
    client.say('SSET SCHEMA "alexnet";\n')
    listed = rows_of(client.say(f"s{MCLIENT_LISTS}\n;\n"))
    assert '[ "TABLE",\t"alexnet.ds_otest",\tNULL\t]' in listed
    assert '[ "VIEW",\t"alexnet.otest",\tNULL\t]' in listed
    assert not any("public." in row for row in listed)
    answers = [client.say(f"s{sql}\n;\n") for sql in MCLIENT_DESCRIBES]
    assert [sql for sql, answer in zip(MCLIENT_DESCRIBES, answers, strict=True) if answer.startswith("!")] == []
    assert len(rows_of(answers[0])) == 1
    assert rows_of(answers[1])[0].startswith('[ "ds_otest",\tNULL,\t0,\t')
    assert rows_of(answers[2])[:3] == [
        '[ "id",\t"int",\t31,\t0,\ttrue,\t0,\tNULL\t]',
        '[ "test_task_id",\t"int",\t31,\t0,\ttrue,\t1,\tNULL\t]',
        '[ "loss",\t"double",\t53,\t0,\ttrue,\t2,\tNULL\t]',
    ]
    assert all(rows_of(answer) == [] for answer in answers[3:7])
    assert rows_of(answers[7]) == ['[ "alexnet",\t"sysadmin",\tNULL\t]']


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: localhost:50000\r\n\r\n",
        b"\xff" * 100_000,
        bytes(range(256)) * 50,
        b"\x0b\x00hello",
    ],
    ids=["http", "ones", "bytes", "no-login"],
)
def test_what_is_no_login_is_left(raw, garbage):
    client = raw()
    client.read()
    with contextlib.suppress(OSError):
        client.socket.sendall(garbage)
    assert client.is_closed()


@pytest.mark.parametrize(
    "answer", ["", "LIT", "LIT:monetdb:x:sql", ":::::::", "LIT:monetdb:{MD5}aa:sql:db:", "\0" * 99]
)
def test_an_answer_to_the_challenge_that_is_none(raw, answer):
    client = raw()
    client.read()
    client.send(answer)
    assert client.read().startswith("!")
    assert client.is_closed()


def test_a_login_that_is_too_long_or_for_another_language(raw):
    client = raw()
    client.read()
    client.send("LIT:" + "x" * 20_000)
    assert client.read().startswith("!")
    assert client.is_closed()
    other = raw()
    assert other.login(language="mal").startswith("!the language sql was expected, got 'mal'")
    assert other.is_closed()


def test_blocks_of_no_bytes_and_of_one_byte(raw):
    client = raw()
    client.socket.sendall(bytes(8))
    assert client.login() == ""
    for byte in b"sSELECT 40 + 2;":
        client.send(bytes([byte]), last=False)
        client.send(b"", last=False)
    client.send(b"")
    assert rows_of(client.read()) == ["[ 42\t]"]


def test_half_a_block_and_away(raw):
    for sent in (b"\x01", b"\xfe\x3f", b"\xfe\x3fsSELECT"):
        client = raw(login=True)
        client.socket.sendall(sent)
        client.close()


def test_a_block_that_is_longer_than_blocks_are(raw):
    client = raw(login=True)
    client.socket.sendall(b"\xff\xffsSELECT 1;")
    assert client.is_closed()


def test_a_statement_that_is_too_long_is_refused_and_no_more(raw):
    client = raw(login=True)
    client.send("sSELECT '" + "x" * (2 << 20) + "';")
    assert client.read().startswith("!42000!a statement of at most 1,048,576 bytes was expected")
    assert rows_of(client.say("sSELECT 1;")) == ["[ 1\t]"]
    assert client.say("SSELECT '" + "x" * 600_000) == "\1\2\n"
    assert client.say("x" * 600_000).startswith("!42000!a statement of at most")
    assert rows_of(client.say("sSELECT 2;")) == ["[ 2\t]"]
    with contextlib.suppress(OSError):
        client.send("s" + "x" * (40 << 20))
    assert client.is_closed()


def test_what_is_no_message(raw):
    client = raw(login=True)
    assert client.say(b"s\xff\xfe;").startswith("!42000!a statement in UTF-8")
    assert rows_of(client.say("sSELECT 1;")) == ["[ 1\t]"]
    assert client.say("") == ""
    assert client.say("quit").startswith("!42000!a message that begins with s, S or X")
    assert client.is_closed()


def test_answers_that_nobody_reads_are_forgotten_in_the_end(raw):
    client = raw(login=True, options="FILETRANS:reply_size=1:")
    numbers = [client.say("sSELECT range FROM range(9);").split()[1] for _ in range(40)]
    assert "is not kept" in client.say(f"Xexport {numbers[0]} 1 1")
    assert rows_of(client.say(f"Xexport {numbers[-1]} 1 1")) == ["[ 1\t]"]


SLOW = "SELECT sum(a.range * b.range) FROM range(3000000) AS a, range(3000000) AS b"


def test_a_client_that_leaves_stops_its_question(mapi, raw):
    for _ in range(12):
        client = raw(login=True)
        client.send(f"s{SLOW};")
        client.close()
    began = time.monotonic()
    with contextlib.closing(mapi.connect()) as connection:
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]
    assert time.monotonic() - began < 20


def test_a_hundred_clients_and_more(mapi, raw):
    clients = [raw(login=True) for _ in range(100)]
    refused = Raw(mapi.port)
    assert refused.read().startswith("!08004!at most 100 connections")
    refused.close()
    assert all(rows_of(client.say("sSELECT 1;")) == ["[ 1\t]"] for client in clients)
    clients[0].close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        late = Raw(mapi.port)
        if late.login() == "":
            break
    assert rows_of(late.say("sSELECT 7;")) == ["[ 7\t]"]
    late.close()
    for client in clients:
        client.close()
    time.sleep(0.5)
