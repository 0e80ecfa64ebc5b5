"""Messages and clients that are wrong or mean harm: a readable answer, and the service goes on for the others."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest
import requests

from dlprov.service.lenient import MAX_DEPTH, JSONError, decode

FLOW = {
    "tag": "abuse",
    "transformations": [
        {
            "tag": "step",
            "sets": [{"tag": "iset", "type": "INPUT", "attributes": [{"name": "a", "type": "NUMERIC"}]}],
        }
    ],
}
TASK = {"dataflow": "abuse", "transformation": "step", "id": "1", "status": "RUNNING"}


@pytest.fixture(scope="module")
def declared(shared):
    assert shared.post("/pde/dataflow/json", FLOW).status_code == 200
    return shared


@pytest.fixture(autouse=True)
def goes_on(request):
    """Whatever a test did, a proper message is taken and stored afterwards."""
    yield
    if "declared" in request.fixturenames:
        service = request.getfixturevalue("declared")
        number = str(random.getrandbits(60))
        message = {**TASK, "sets": [{"tag": "iset", "elements": [[number]]}]}
        assert service.post("/pde/task/json", message).status_code == 200
        assert service.ask(f"SELECT count(*) FROM abuse.iset WHERE a = {number}") == [(1,)]


NO_JSON = [
    (b"", "got nothing"),
    (b"   ", "got nothing"),
    (b"{", "ends in the middle"),
    (b'{"dataflow":', "ends in the middle"),
    (b'{"dataflow":"abuse"', "ends in the middle"),
    (b'{"dataflow":"abuse"]', "line 1, column 20"),
    (b'{"a":1}\n{"b":2}', "line 2"),
    (b"dataflow=abuse&id=1", "near 'dataflow=abuse&id=1'"),
    (b"<xml/>", "near '<xml/>'"),
    (b"\x00", "line 1"),
    (b'{"id": 1.2.3}', "column"),
    (b'{"id": ' + b"9" * 5000 + b"}", "300 digits"),
    (b'"\\ud800', "something else"),
]


@pytest.mark.parametrize(("body", "said"), NO_JSON)
@pytest.mark.parametrize("path", ["/pde/task/json", "/pde/dataflow/json"])
def test_what_is_no_json(declared, refused, path, body, said):
    assert said in refused(declared.post(path, body), 400)


@pytest.mark.parametrize("body", [b"\xff\xfe{\x00", b'{"dataflow":"\xe9"}', b'{"a":"\xed\xa0\x80"}', b"\xc3"])
def test_what_is_not_utf_8(declared, refused, body):
    said = refused(declared.post("/pde/task/json", body), 400)
    assert "UTF-8 was expected" in said
    assert "byte " in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "a JSON object was expected"),
        ("text", "a JSON object was expected"),
        (7, "a JSON object was expected"),
        (None, "a JSON object was expected"),
        ({}, "'dataflow'"),
        ({"dataflow": "abuse"}, "'transformation'"),
        ({"dataflow": "abuse", "transformation": "step"}, "'id'"),
        ({**TASK, "dataflow": ["abuse"]}, "dataflow"),
        ({**TASK, "dataflow": ""}, "1 to 1024 characters"),
        ({**TASK, "dataflow": "x" * 2000}, "1 to 1024 characters"),
        ({**TASK, "dataflow": "a\0b"}, "1 to 1024 characters"),
        ({**TASK, "transformation": {}}, "transformation"),
        ({**TASK, "id": "one"}, "'one'"),
        ({**TASK, "id": 1.5}, "1.5"),
        ({**TASK, "id": True}, "True"),
        ({**TASK, "id": 2**70}, "whole number"),
        ({**TASK, "id": None}, "'id'"),
        ({**TASK, "sets": "iset"}, "sets"),
        ({**TASK, "sets": ["iset"]}, "sets[0]"),
        ({**TASK, "sets": [{"elements": []}]}, "'tag'"),
        ({**TASK, "sets": [{"tag": "iset", "elements": "1"}]}, "sets[0].elements"),
        ({**TASK, "performances": [7]}, "performances[0]"),
        ({**TASK, "files": [{"path": "x"}]}, "'name'"),
        ({**TASK, "hardware": "no json"}, "hardware"),
        ({**TASK, "workspace": {"a": 1}}, "workspace"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_tasks_of_wrong_types_or_without_what_is_needed(declared, refused, body, said):
    assert said in refused(declared.post("/pde/task/json", json.dumps(body)), 400)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "a JSON object was expected"),
        ({}, "'tag'"),
        ({"tag": 7, "transformations": "t"}, "transformations"),
        ({"tag": "x", "transformations": [{}]}, "'tag'"),
        ({"tag": "x", "transformations": [{"tag": "t", "sets": [{"tag": "s"}]}]}, "'type'"),
        ({"tag": "x", "transformations": [{"tag": "t", "sets": [{"tag": "s", "type": "SIDEWAYS"}]}]}, "'SIDEWAYS'"),
        (
            {
                "tag": "x",
                "transformations": [{"tag": "t", "sets": [{"tag": "s", "type": "INPUT", "attributes": [{}]}]}],
            },
            "'name'",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_dataflows_of_wrong_types_or_without_what_is_needed(declared, refused, body, said):
    assert said in refused(declared.post("/pde/dataflow/json", json.dumps(body)), 400)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":', b"{,,,"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_deep_nesting(declared, refused, opening, depth):
    body = opening * depth
    closing = bytes(reversed(body)).translate(bytes.maketrans(b"[{", b"]}")).replace(b":", b"").replace(b'"a"', b"")
    for whole in (body, body + closing):
        said = refused(declared.post("/pde/task/json", whole), 400)
        assert f"at most {MAX_DEPTH} levels" in said or "name of a member" in said


def test_nesting_beside_what_is_read(declared, refused):
    deep = json.loads("[" * 40 + "]" * 40)
    assert declared.post("/pde/task/json", {**TASK, "later": deep}).status_code == 200
    answer = declared.post("/pde/task/json", {**TASK, "sets": [{"tag": "iset", "elements": [deep]}]})
    assert answer.status_code == 200


def test_ten_thousand_attributes(declared, refused):
    attributes = [{"name": f"a{number}", "type": "NUMERIC"} for number in range(10_000)]
    flow = {
        "tag": "wide",
        "transformations": [{"tag": "t", "sets": [{"tag": "s", "type": "OUTPUT", "attributes": attributes}]}],
    }
    said = refused(declared.post("/pde/dataflow/json", flow), 400)
    assert "at most 4096 attributes" in said
    assert "10000" in said
    attributes = attributes[:1000]
    flow["transformations"][0]["sets"][0]["attributes"] = attributes
    assert declared.post("/pde/dataflow/json", flow).status_code == 200
    row = [str(number) for number in range(1000)]
    message = {"dataflow": "wide", "transformation": "t", "id": "1", "sets": [{"tag": "s", "elements": [row]}]}
    assert declared.post("/pde/task/json", message).status_code == 200
    assert declared.ask("SELECT a0, a999 FROM wide.s") == [(0, 999)]


def test_a_hundred_megabytes(declared, refused):
    body = b'{"dataflow":"' + b"x" * 100_000_000 + b'"}'
    before = psutil.Process(declared.process.pid).memory_info().rss
    said = refused(declared.post("/pde/task/json", body), 413)
    assert "at most 67,108,864 bytes" in said
    assert "100,000,015" in said
    assert "--max-body" in said
    assert psutil.Process(declared.process.pid).memory_info().rss - before < 50_000_000


def test_a_hundred_megabytes_that_nobody_announced(declared, refused):
    chunks = (b"x" * 1_000_000 for _ in range(100))
    refused(requests.post(declared.url + "/pde/task/json", data=chunks, timeout=60), 413)


def test_a_hundred_megabytes_after_asking_for_leave(declared):
    head = (
        "POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n"
    )
    assert declared.raw(head.encode()).startswith(b"HTTP/1.1 413 ")
    with_leave = head.replace("100000000", "2")
    with socket.create_connection((declared.host, declared.port), 60) as connection:
        connection.sendall(with_leave.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_large_message_is_taken_while_others_are_answered(declared):
    """Megabytes of rows: nobody else waits until they are read and stored."""
    rows = [[number] for number in range(300_000)]
    body = json.dumps({**TASK, "exec": "large", "sets": [{"tag": "iset", "elements": rows}]}).encode()
    assert len(body) > 2_000_000
    answers = []
    large = threading.Thread(target=lambda: answers.append(declared.post("/pde/task/json", body)))
    large.start()
    waits = []
    while large.is_alive():
        begin = time.perf_counter()
        assert declared.post("/pde/task/json", {**TASK, "exec": "small"}).status_code == 200
        waits.append(time.perf_counter() - begin)
    assert answers[0].status_code == 200
    assert len(waits) > 3
    assert sorted(waits)[len(waits) // 2] < 1


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:40]),
)
def test_what_is_no_http(declared, sent):
    answer = declared.raw(sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"]


def test_two_lengths_of_one_body_are_no_way_around_the_guard(declared):
    """A proxy and the service must agree about where a request ends."""
    smuggled = b"GET /pde/shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = (
        b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n" + smuggled
    )
    answer = declared.raw(sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    time.sleep(0.3)
    assert declared.process.poll() is None


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_compressed_bodies_are_refused(declared, refused, encoding):
    assert "uncompressed" in refused(declared.post("/pde/task/json", b"x", headers={"Content-Encoding": encoding}), 415)


@pytest.mark.parametrize("encoding", ["identity", "Identity", " IDENTITY ", ""])
def test_a_body_that_says_to_be_uncompressed_is_taken(declared, encoding):
    answer = declared.post("/pde/task/json", TASK, headers={"Content-Encoding": encoding.strip()})
    assert answer.status_code == 200


@pytest.mark.parametrize("charset", ["UTF-8", "ascii", "US-ASCII", "ISO-8859-1", "utf-16", "UTF-16LE", "utf-16be"])
def test_encodings_that_programs_name(declared, charset):
    body = json.dumps({**TASK, "workspace": charset}).encode(charset)
    answer = declared.post("/pde/task/json", body, headers={"Content-Type": f"application/json; charset={charset}"})
    assert (answer.status_code, answer.json()["workspace"]) == (200, charset)


def test_an_encoding_that_is_not_known(declared, refused):
    headers = {"Content-Type": "application/json; charset=utf-7"}
    assert "'utf-7'" in refused(declared.post("/pde/task/json", TASK, headers=headers), 415)


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_path_without_end_is_told_without_being_repeated(declared, refused, verb):
    answer = requests.request(verb, f"{declared.url}/{'a' * 30_000}", timeout=60)
    assert len(refused(answer, 404)) < 300


def test_a_client_that_leaves_in_the_middle(declared):
    head = b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    for sent in (head, head[:30], b""):
        with socket.create_connection((declared.host, declared.port), 60) as connection:
            connection.sendall(sent)


def test_requests_that_do_not_wait_for_answers_are_answered_in_order(declared):
    bodies = [json.dumps({**TASK, "id": str(number)}).encode() for number in range(20)]
    sent = b"".join(
        b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        for body in bodies
    )
    with socket.create_connection((declared.host, declared.port), 60) as connection:
        connection.sendall(sent)
        got = b""
        while got.count(b'"id"') < 20:
            part = connection.recv(65536)
            assert part
            got += part
    places = [got.index(b'"id":"%d"' % number) for number in range(20)]
    assert places == sorted(places)


def test_trouble_is_told_without_flooding_and_without_control_characters(serve):
    served = serve()
    for _ in range(200):
        served.post("/pde/task/json", b"\x1b[2J\x1b]0;owned\x07")
    served.post("/pde/task/json", {"dataflow": "a\r\nb", "transformation": "t", "id": 1})
    served.stop()
    assert "\x1b" not in served.text
    assert "\\x1b[2J" in served.text
    warnings = [line for line in served.said if "WARNING" in line]
    assert 1 <= len(warnings) <= 60
    assert [line for line in served.said if not line.startswith(("dlprov: ", "20"))] == []


SHORT = {"head": 0.5, "body": 0.5, "rate": 100_000, "idle": 1, "reading": 1.0, "linger": 0.3}


def drip(served, first: bytes, rest: bytes, every: float) -> tuple[bytes, float]:
    """Send ``first``, and then a byte now and then; what comes back, and after how many seconds."""
    begin = time.monotonic()
    with socket.create_connection((served.host, served.port), 60) as connection:
        connection.sendall(first)
        connection.settimeout(every)
        for byte in rest:
            try:
                got = connection.recv(65536)
                return got, time.monotonic() - begin
            except TimeoutError:
                pass
            connection.sendall(bytes([byte]))
    raise AssertionError("the service has endless patience")


@contextmanager
def held(served, number: int) -> Iterator[list[socket.socket]]:
    """Connections that are open meanwhile."""
    with ExitStack() as stack:
        place = (served.host, served.port)
        yield [stack.enter_context(socket.create_connection(place, 10)) for _ in range(number)]


HEAD = b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "rest", "said"),
    [
        (b"", b"", b"head of a request"),
        (b"", HEAD, b"head of a request"),
        (HEAD[:20], HEAD[20:] * 5, b"head of a request"),
        (HEAD, b"x" * 1000, b"rest of the body"),
        (
            HEAD.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked"),
            b"1\r\nx\r\n" * 200,
            b"rest of the body",
        ),
    ],
)
def test_a_slow_client_loses_its_connection(serve, first, rest, said):
    served = serve(limits=SHORT)
    if not rest:
        answer = served.raw(first, timeout=10)
    else:
        answer, seconds = drip(served, first, rest, every=0.05)
        assert 0.4 < seconds < 5
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert said in answer


def test_a_second_request_on_a_connection_must_not_be_slow_either(serve):
    served = serve(limits=SHORT)
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for ahead in (b"", HEAD[:30], HEAD + b"{"):
        with socket.create_connection((served.host, served.port), 10) as connection:
            connection.sendall(whole + ahead)
            assert b'"UP"' in served.answer_on(connection)
            if not ahead:
                connection.sendall(HEAD[:10])
            begin = time.monotonic()
            while connection.recv(65536):
                pass
            assert time.monotonic() - begin < 5


def test_slow_clients_keep_nobody_else_waiting(serve):
    served = serve(limits={**SHORT, "head": 5, "connections": 60})
    with held(served, 50) as slow:
        for each in slow:
            each.sendall(HEAD[:40])
        begin = time.monotonic()
        for _ in range(20):
            assert served.get("/health").status_code == 200
        assert time.monotonic() - begin < 4


def test_more_connections_than_there_may_be(serve):
    served = serve(limits={**SHORT, "head": 2, "connections": 20})
    with held(served, 20):
        time.sleep(0.3)
        answer = served.raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", timeout=10)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"at most 20 connections" in answer
        time.sleep(2.5)
        assert served.get("/health").status_code == 200


def test_a_client_that_does_not_read_its_answers(serve):
    served = serve(limits=SHORT)
    body = json.dumps({"tag": "unread", "note": "x" * 900_000}).encode()
    sent = b"POST /pde/dataflow/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with socket.create_connection((served.host, served.port), 10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises((ConnectionError, TimeoutError)):
            connection.sendall(sent * 200)
    assert served.get("/health").status_code == 200


def test_a_slow_link_has_the_time_that_its_size_needs(serve):
    served = serve(limits={**SHORT, "rate": 2_000})
    body = json.dumps({"tag": "slowly", "note": "x" * 5000}).encode()
    head = b"POST /pde/dataflow/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection((served.host, served.port), 10) as connection:
        connection.sendall(head)
        for first in range(0, len(body), 500):
            time.sleep(0.15)
            connection.sendall(body[first : first + 500])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":[1 2,,3,],,"b" "c",}', {"a": [1, 2, 3], "b": "c"}),
        (rb'"x\y\u00e9\ud83d\ude00\/\n"', "x\\yé😀/\n"),
        (b'{"a":NaN,"b":-Infinity,"c":1e999}', {"a": "NaN", "b": "-Infinity", "c": "Infinity"}),
        (b'"two\nlines"', "two\nlines"),
        (b"[007,-1.5e3,0]", [7, -1500.0, 0]),
        (b"\xef\xbb\xbf[true,false,null]", [True, False, None]),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_lenient_json_by_itself(text, value):
    assert decode(text) == value


@pytest.mark.parametrize(
    "text", [b"[1:2]", b"{1:2}", b"{]", b"[}", b"{{}}", b"{[]}", b",", b":", b"]", b'{"a","b"}', b"[1]]"]
)
def test_what_even_leniency_does_not_take(text):
    with pytest.raises(JSONError, match="line 1, column"):
        decode(text)


@pytest.mark.parametrize(
    "text", [b'["' + b"a\\n" * 500_000, b"\\" * 500_000, b"[," * 200_000, b'"' * 500_001, b"1" * 500_000]
)
def test_the_time_that_refusing_takes_does_not_explode(text):
    begin = time.perf_counter()
    with pytest.raises(JSONError):
        decode(text)
    assert time.perf_counter() - begin < 3
