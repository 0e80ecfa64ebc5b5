"""What a connection of MonetDB's protocol may take: a server in this process, with little patience."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from dlprov.capture.dfanalyzer import Recorder
from dlprov.service import asking
from dlprov.service.asking import Desk
from dlprov.service.mapi import MapiServer, conversation
from dlprov.service.mapi.server import Limits
from dlprov.service.repeats import Repeats
from dlprov.service.state import Service
from dlprov.store import Index
from dlprov.store.ownership import OwnedIndex

pymonetdb = pytest.importorskip("pymonetdb")


class Running:
    """A server on an event loop in a thread of its own."""

    def __init__(self, service: Service, limits: Limits, questions: asking.Limits) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.server = MapiServer(service, [self.listening], limits, Desk(service, questions))
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._begun.wait(10)

    async def _run(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        await self.server.start()
        self._begun.set()
        await self._end.wait()
        await self.server.stop()

    def stop(self):
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.listening.close()

    def connect(self, **more):
        arguments = {"username": "monetdb", "password": "monetdb", "hostname": "127.0.0.1", "port": self.port}
        return pymonetdb.connect(database="x", **{**arguments, **more})

    def bytes(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@pytest.fixture
def serve(store, tmp_path):
    """Starts a server with these limits, of a connection and of questions."""
    with contextlib.ExitStack() as stack:
        owned = stack.enter_context(OwnedIndex(Index(store, tmp_path / "cache")))
        recorder = Recorder(store)
        service = Service(store=store, recorder=recorder, repeats=Repeats(store), index=owned, local_key="the key")
        stack.callback(service.close)

        def start(questions: asking.Limits | None = None, **limits):
            running = Running(service, Limits(**limits), questions or asking.Limits())
            stack.callback(running.stop)
            return running

        yield start


def ends(connection: socket.socket, within: float) -> None:
    """The other side closes the connection, in this time; what comes before is read."""
    began = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass
    assert time.monotonic() - began < within


@pytest.mark.parametrize(
    "sent", [b"", b"\x10", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300)], ids=["none", "half", "tls"]
)
def test_a_login_has_to_come(serve, sent):
    with serve(login=1).bytes() as connection:
        connection.sendall(sent)
        ends(connection, 20)


def test_a_message_that_began_has_to_end(serve):
    running = serve(patience=2)
    with contextlib.closing(running.connect()) as opened:
        time.sleep(3)  # thinking takes no patience
        cursor = opened.cursor()
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
        opened.mapi.sock.sendall(b"\xfe\x3fsSELECT")
        ends(opened.mapi.sock, 20)


def test_an_answer_has_to_be_read(serve):
    running = serve(patience=2)
    opened = running.connect(replysize=-1)
    text = b"sSELECT repeat('x', 8000) FROM range(20000);"
    opened.mapi.sock.sendall((len(text) << 1 | 1).to_bytes(2, "little") + text)
    time.sleep(5)
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while part := opened.mapi.sock.recv(1 << 20):
            received += len(part)
    assert received < 100_000_000
    opened.close()
    with contextlib.closing(running.connect()) as other:
        assert other.cursor().execute("SELECT 1") == 1


def test_the_connection_that_rested_longest_gives_its_place(serve):
    running = serve(connections=2, rest=2)
    first, second = running.connect(), running.connect()
    with pytest.raises(pymonetdb.Error):
        running.connect()
    time.sleep(2.5)
    assert second.cursor().execute("SELECT 1") == 1
    third = running.connect()
    assert third.cursor().execute("SELECT 1") == 1
    assert second.cursor().execute("SELECT 1") == 1
    with pytest.raises((pymonetdb.Error, OSError)):
        first.cursor().execute("SELECT 1")
    for each in (first, second, third):
        each.close()


def test_a_question_that_takes_too_long_is_stopped(serve):
    running = serve(questions=asking.Limits(seconds=4))
    with contextlib.closing(running.connect()) as opened:
        cursor = opened.cursor()
        began = time.monotonic()
        with pytest.raises(pymonetdb.OperationalError, match=r"HYT00!a question that takes at most 4 s"):
            cursor.execute("SELECT sum(a.range * b.range) FROM range(3000000) AS a, range(3000000) AS b")
        assert time.monotonic() - began < 20
        assert cursor.execute("SELECT 1") == 1


def test_an_answer_with_too_many_rows_is_an_error_and_no_part_of_it(serve, monkeypatch):
    monkeypatch.setattr(conversation, "MOST_ROWS", 100)
    running = serve()
    with contextlib.closing(running.connect()) as opened:
        cursor = opened.cursor()
        assert cursor.execute("SELECT * FROM range(100)") == 100
        with pytest.raises(pymonetdb.OperationalError, match="at most 100 rows was expected, this one has more"):
            cursor.execute("SELECT * FROM range(101)")
    with contextlib.closing(running.connect(password="the key")) as owner:
        assert owner.cursor().execute("SELECT * FROM range(101)") == 101


def test_a_server_that_ends_leaves_its_clients(serve):
    running = serve()
    resting, asking_now = running.connect(), running.connect()
    text = b"sSELECT sum(a.range * b.range) FROM range(3000000) AS a, range(3000000) AS b;"
    asking_now.mapi.sock.sendall((len(text) << 1 | 1).to_bytes(2, "little") + text)
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 10
    for each in (resting, asking_now):
        ends(each.mapi.sock, 10)
        each.close()
