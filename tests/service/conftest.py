"""What the tests of the service share: the real service, as a process of its own, on a real socket."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import dlprov

# pytest's import mode puts no folder of tests on the path, and helpers of these tests lie beside them.
sys.path.insert(0, str(Path(__file__).parent))

LIMITED = """
import sys
from pathlib import Path
from dlprov.service.connections import Limits
from dlprov.service.server import Plan, serve
store, limits = Path(sys.argv[1]), eval(sys.argv[2])
plan = Plan(port=0, max_body=1 << 20, limits=Limits(**limits))
serve(store, store / "cache", plan, lambda text: print(text, file=sys.stderr, flush=True))
"""


class Served:
    """A service that runs: its address, what it says on stderr, and ways to speak with it."""

    def __init__(self, store: Path, command: list[str], env: dict[str, str] | None = None, **options) -> None:
        self.store = store
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, env={**os.environ, "DLPROV_STORE": str(store), **(env or {})}, **options
        )
        self.said: list[str] = []
        self.url = ""
        for line in self.process.stderr:
            self.said.append(line.decode())
            found = re.search(r"is served at (http://\S+);", self.said[-1])
            if found:
                self.url = found[1]
                break
        else:
            raise AssertionError(f"the service did not begin: {''.join(self.said)}")
        self.host, self.port = urlsplit(self.url).hostname, urlsplit(self.url).port
        self._listener = threading.Thread(target=lambda: self.said.extend(map(bytes.decode, self.process.stderr)))
        self._listener.start()

    @property
    def text(self) -> str:
        """What it said on stderr so far."""
        return "".join(self.said)

    def post(self, path: str, body, **options) -> requests.Response:
        """A message: an object of JSON, a text, or bytes."""
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body)
        return requests.post(self.url + path, data=data, timeout=60, **options)

    def get(self, path: str, **options) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def raw(self, sent: bytes, timeout: float = 60.0) -> bytes:
        """What comes back for bytes on a connection of their own, until the service closes it or an answer is whole."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as connection:
            connection.sendall(sent)
            return self.answer_on(connection)

    @staticmethod
    def answer_on(connection: socket.socket) -> bytes:
        """One answer, as far as it comes."""
        got = b""
        while True:
            head, separator, body = got.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            if separator and length and len(body) >= int(length[1]):
                return got
            part = connection.recv(65536)
            if not part:
                return got
            got += part

    def ask(self, sql: str) -> list[tuple]:
        """The rows of an answer."""
        return dlprov.query(sql, store=self.store).rows()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the service; gives its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; gives its exit status."""
        status = self.process.wait(60)
        self._listener.join(10)
        self.process.stderr.close()
        return status


@pytest.fixture
def serve(store: Path):
    """Starts a service over the test's store; all are ended, and none may have had a fault."""
    begun: list[Served] = []

    def start(*arguments: str, env: dict[str, str] | None = None, limits: dict | None = None, **options) -> Served:
        command = [sys.executable, "-W", "error", "-m", "dlprov", "serve", "--port", "0", *arguments]
        if limits is not None:
            command = [sys.executable, "-W", "error", "-c", LIMITED, str(store), repr(limits)]
        begun.append(Served(store, command, env, **options))
        return begun[-1]

    yield start
    for each in begun:
        if each.process.poll() is None:
            assert each.stop() == 0, each.text
        each.wait()
        assert "Traceback" not in each.text, each.text
        assert "leaked" not in each.text, each.text
        assert "a fault of the service" not in each.text, each.text


@pytest.fixture
def served(serve) -> Served:
    """A service over the test's store."""
    return serve()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One service for a whole file of tests; each of them uses dataflows of its own."""
    store = tmp_path_factory.mktemp("shared") / "store"
    service = Served(store, [sys.executable, "-W", "error", "-m", "dlprov", "serve", "--port", "0"])
    yield service
    assert service.stop() == 0, service.text
    assert "Traceback" not in service.text, service.text
    assert "a fault of the service" not in service.text, service.text


def error_of(answer: requests.Response, status: int) -> str:
    """The message of an error body, which has DfAnalyzer's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert {"timestamp", "status", "error", "message", "path"} <= set(body)
    assert body["status"] == status
    assert isinstance(body["timestamp"], int)
    return body["message"]


@pytest.fixture
def refused():
    """:func:`error_of`."""
    return error_of


@pytest.fixture(scope="module")
def mapi(tmp_path_factory):
    """A service with a port for MonetDB's clients, and one execution of DLProv's dataflow in its store."""
    pytest.importorskip("pymonetdb")
    from mapi_service import Service, report  # noqa: PLC0415 - it needs pymonetdb

    running = Service(tmp_path_factory.mktemp("mapi") / "store")
    report(running)
    yield running
    said = running.stop()
    assert "Traceback" not in said, said
    assert "a fault of the service" not in said, said
