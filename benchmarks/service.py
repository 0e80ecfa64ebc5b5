"""200 clients post task messages to the service, beside servers that answer at once and store nothing.

The load comes from a process of its own that speaks HTTP on bare sockets: each client has one connection and sends its
next message when the last one is answered. The floors are the same server stack (uvicorn, h11, Starlette) with an
empty answer, and the standard library's ``http.server``.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, Spread, child, command, environment, percentile

MUST = "at least half the rate of the same server stack that stores nothing; every message stored once"

CLIENTS = 200
ALONE = 2_000
"""Messages of the single client whose latencies are measured without others."""

FLOW = {
    "tag": "bench",
    "transformations": [
        {
            "tag": "trainingmodel",
            "sets": [
                {
                    "tag": "otrainingmodel",
                    "type": "OUTPUT",
                    "attributes": [
                        {"name": "TIMESTAMP", "type": "TEXT"},
                        {"name": "ELAPSED_TIME", "type": "TEXT"},
                        *(
                            {"name": name, "type": "NUMERIC"}
                            for name in ("LOSS", "ACCURACY", "VAL_LOSS", "VAL_ACCURACY")
                        ),
                        {"name": "EPOCH", "type": "NUMERIC"},
                    ],
                }
            ],
        }
    ],
}
"""Keras-Prov's set of epochs."""


def measure(*, quick: bool) -> Result:
    """Rates with all clients at once, and latencies of one client alone; the servers take turns."""
    messages = 10_000 if quick else 50_000
    rounds = 1 if quick else 3
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SERVERS}
    for turn in range(rounds):
        names = list(SERVERS)
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(_with_server(name, messages))

    def spread(name: str, figure: str) -> Spread:
        return Spread.of(each[figure] for each in found[name])

    def over(figure: str) -> Spread:
        pairs = zip(found["dlprov"], found["stack"], strict=True)
        return Spread.of(ours[figure] / floor[figure] for ours, floor in pairs)

    ratio = over("rate")
    rates = {name: spread(name, "rate") for name in SERVERS}
    figures: dict[str, Any] = {
        "messages": messages,
        "clients": CLIENTS,
        "rounds": rounds,
        "rate over the floor's": ratio,
    }
    for name in SERVERS:
        for figure in ("rate", "cpu", "p50", "p99", "alone p50", "alone p99"):
            figures[f"{name}: {figure}"] = spread(name, figure)
    ours, floor = (
        f"p50 {spread(n, 'alone p50'):.2f}, p99 {spread(n, 'alone p99'):.2f} ms" for n in ("dlprov", "stack")
    )
    return Result(
        MUST,
        f"{ratio:.2f} times: {rates['dlprov']:,.0f} against {rates['stack']:,.0f} messages/s (http.server "
        f"{rates['http.server']:,.0f}); {over('cpu'):.2f} times the processor time; "
        f"one client alone: {ours} against {floor}",
        ratio.median >= 0.5,
        figures,
    )


def _with_server(name: str, messages: int) -> dict[str, float]:
    """Start a server, put load on it, end it; what the load generator measured."""
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "store")
        process = subprocess.Popen(
            SERVERS[name], stderr=subprocess.PIPE, text=True, env=environment(DLPROV_STORE=store)
        )
        try:
            assert process.stderr is not None
            port = next(int(found[1]) for line in process.stderr if (found := re.search(r"http://[\d.]+:(\d+)", line)))
            found = json.loads(child("service", "load", port, messages, process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()
        if name == "dlprov":
            stored = sum(path.read_bytes().count(b'{"event":"generated"') for path in store.glob("runs/*/*.jsonl"))
            assert stored == found["answered"], "every message that was answered is stored once"
    return dict(found)


def load(port: int, messages: int, server: int) -> None:
    """Post messages: a warm-up, one client alone, then all clients at a time; prints figures as JSON."""
    import psutil  # noqa: PLC0415 - each part of this file is a process of its own

    process = psutil.Process(server)

    def spent() -> float:
        times = process.cpu_times()
        return times.user + times.system

    async def work() -> dict[str, float]:
        await _clients(port, [[_request("/pde/dataflow/json", FLOW)]])
        await _clients(port, [_requests("warm", client, 20) for client in range(CLIENTS)])
        alone, _ = await _clients(port, [_requests("alone", 0, ALONE)])
        share = messages // CLIENTS
        before = spent()
        latencies, seconds = await _clients(port, [_requests("load", client, share) for client in range(CLIENTS)])
        return {
            "answered": 20 * CLIENTS + ALONE + share * CLIENTS,
            "rate": len(latencies) / seconds,
            "cpu": (spent() - before) / len(latencies) * 1e6,
            "p50": percentile(latencies, 0.5) * 1e3,
            "p99": percentile(latencies, 0.99) * 1e3,
            "alone p50": percentile(alone, 0.5) * 1e3,
            "alone p99": percentile(alone, 0.99) * 1e3,
        }

    print(json.dumps(asyncio.run(work())))


async def _clients(port: int, requests: list[list[bytes]]) -> tuple[list[float], float]:
    """Latencies in seconds of all requests, a list of which each client works off, and how long it took in all."""
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda each=each: _Client(each), "127.0.0.1", port))[1] for each in requests
    ]
    begin = time.perf_counter()
    for client in clients:
        client.next()
    await asyncio.gather(*(client.done for client in clients))
    return [latency for client in clients for latency in client.latencies], time.perf_counter() - begin


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is complete."""

    def __init__(self, requests: list[bytes]) -> None:
        self._requests = iter(requests)
        self._got = b""
        self._sent = 0.0
        self._transport: asyncio.Transport
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        length = self._got.lower().index(b"content-length: ") + 16
        if len(self._got) < end + 4 + int(self._got[length : self._got.index(b"\r", length)]):
            return
        assert self._got.startswith(b"HTTP/1.1 200 "), self._got[:300]
        self._got = b""
        self.latencies.append(time.perf_counter() - self._sent)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server left"))


def _requests(execution: str, client: int, count: int) -> list[bytes]:
    """Messages of one client, which reports the epochs of an execution of its own."""
    found = []
    for number in range(count):
        values = ["2026-11-21 12:00:00", "10.316691160202026", "0.30292075872421265", "0.9121999740600586"]
        message = {
            "tag": "trainingmodel",
            "first": "0",
            "exec": f"{execution}-{client}",
            "dataflow": "bench",
            "transformation": "trainingmodel",
            "id": "1",
            "status": "RUNNING",
            "sets": [{"tag": "otrainingmodel", "elements": [[*values, "0.14573220908641815", "0.95", str(number)]]}],
        }
        found.append(_request("/pde/task/json", message))
    return found


def _request(path: str, message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:22000\r\nUser-Agent: python-requests/2.32\r\n"
        f"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/json\r\n\r\n"
    )
    return head.encode() + body


def stack() -> None:
    """The floor: the service's server stack with an application that reads the body and answers at once."""
    import uvicorn  # noqa: PLC0415 - each part of this file is a process of its own
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def at_once(request: Request) -> Response:
        await request.body()
        return Response(b"{}", media_type="application/json")

    app = Starlette(routes=[Route("/pde/{rest:path}", at_once, methods=["POST"])])
    with _listening() as listening:
        config = uvicorn.Config(app, http="h11", loop="asyncio", lifespan="off", log_config=None, access_log=False)
        uvicorn.Server(config).run([listening])


def standard() -> None:
    """The other floor: the standard library's server, a thread a connection."""

    class AtOnce(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = CLIENTS
        daemon_threads = True

    with Server(("127.0.0.1", 0), AtOnce) as server:
        print(f"http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
        server.serve_forever()


def _listening() -> Any:
    import socket  # noqa: PLC0415 - see above

    # With the protocol named, as uvicorn does by itself: then asyncio switches Nagle's algorithm off.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(CLIENTS)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
    return listening


SERVERS = {
    "dlprov": [sys.executable, "-m", "dlprov", "serve", "--port", "0"],
    "stack": command("service", "stack"),
    "http.server": command("service", "standard"),
}

if __name__ == "__main__":
    part, *arguments = sys.argv[1:]
    if part == "load":
        load(*map(int, arguments))
    elif part == "stack":
        stack()
    else:
        standard()
