"""A DfAnalyzer-compatible server on a real socket, which records what it gets and answers as a test wants."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Request(NamedTuple):
    """One request: its target as it was on the wire, its headers, its JSON, and the connection that it came by."""

    target: str
    headers: dict[str, str]
    json: Any
    connection: int


class Stub:
    """The server. ``answer(request)`` gives a status; it may wait, and ``None`` closes the connection without one.

    A port that is given is that of an earlier stub, which has ended.
    """

    def __init__(self, answer: Callable[[Request], int | None] = lambda _: 200, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.taken: list[Request] = []
        self.answer = answer
        self.sockets: list[socket.socket] = []
        self.changed = threading.Condition()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                stub.sockets.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # Not `self.path`, which has lost the second slash.
                target = self.requestline.split()[1]
                request = Request(target, dict(self.headers), json.loads(body), id(self.connection))
                with stub.changed:
                    stub.requests.append(request)
                    stub.changed.notify_all()
                status = stub.answer(request)
                if status is None:
                    self.close_connection = True
                    return
                # What is sent back is seen by the client a moment after the test sees it here.
                if 200 <= status < 300:
                    with stub.changed:
                        stub.taken.append(request)
                        stub.changed.notify_all()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *args: object) -> None:
                pass  # a client that was killed

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Close the socket and every connection."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait(self, count: int, seconds: float = 20.0) -> list[Request]:
        """The requests that were answered with success, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.taken) >= count, seconds), f"got {len(self.taken)}"
            return list(self.taken)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
