"""The service as a process: sockets, the server under the application, its beginning and its end."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from dlprov.capture.dfanalyzer import Recorder
from dlprov.errors import StoreError, UsageError
from dlprov.log.identifiers import hostname
from dlprov.model import Dataflow
from dlprov.service import asking, logs
from dlprov.service.app import make_app
from dlprov.service.connections import Limits, limited
from dlprov.service.guard import is_loopback
from dlprov.service.mapi import MapiServer
from dlprov.service.repeats import LabelledFile, Repeats
from dlprov.service.state import MAX_BODY, Service
from dlprov.store import Index, address
from dlprov.store.ownership import OwnedIndex

PORT = 22000
"""DfAnalyzer's port."""

TICK_SECONDS = 1.0
DRAIN_SECONDS = 5.0
"""How long requests that have begun may go on when the service ends; whoever is slower loses the connection."""

PATIENCE_SECONDS = 2.0
"""How long the end of the service waits for questions that were stopped."""

OPEN_FILES = 65_536
"""How many files and connections the process asks the system for: each execution that is written to is a file."""

_BACKLOG = 2048
_MAX_HEAD = 64 * 1024
_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

_log = logging.getLogger("dlprov.service")


@dataclass(frozen=True)
class Plan:
    """How to serve.

    Attributes:
        host: Name or address to listen at; ``localhost`` is 127.0.0.1 and ::1.
        port: Port; 0 lets the system choose.
        token: What clients must show; needed where other machines can connect.
        allowed_hosts: Further names under which clients may ask for the service.
        max_body: The largest body that is taken, in bytes.
        raw_data: Directories with files that clients' elements may name for their rows.
        limits: What a connection may take.
        questions: What questions may take of clients that are not the owner of the store.
        memory: Bytes that all questions together may hold in memory; ``None``: as the machine has.
        mapi_port: Port for MonetDB's clients, at the same addresses; 0 lets the system choose, ``None`` is none.
        needs_mapi: Whether it is an error if that port is taken.
    """

    host: str = "localhost"
    port: int = PORT
    token: str = ""
    allowed_hosts: tuple[str, ...] = ()
    max_body: int = MAX_BODY
    raw_data: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    questions: asking.Limits = field(default_factory=asking.Limits)
    memory: int | None = None
    mapi_port: int | None = None
    needs_mapi: bool = True


def serve(store: Path, cache: Path, plan: Plan, tell: Callable[[str], None], *, lost_after: float = 60.0) -> None:
    """Serve a store until a signal, or a request to ``/pde/shutdown``, ends it. In the main thread.

    It ends the process, with status 0, if the engine cannot be stopped in its work on a question.

    Args:
        store: The store directory; it is made if it is not there. This process keeps its index meanwhile.
        cache: Where the index lives if it cannot live in the store.
        plan: How to serve.
        tell: Called with a sentence for a person: where the service is.
        lost_after: Seconds of silence after which a run without an end is lost.

    Raises:
        UsageError: It cannot listen there, or may not without a token.
        StoreError: The store cannot be written, or another service has it.
    """
    _need_store(store)
    index = Index(store, cache, lost_after=lost_after, tell=tell)
    with ExitStack() as stack:
        owned = stack.enter_context(OwnedIndex(index, memory=plan.memory))
        sockets = listen(plan)
        mapi_sockets = _listen_for_mapi(plan, tell)
        for each in [*sockets, *mapi_sockets]:
            stack.callback(each.close)
        logs.begin()
        plans: dict[str, Dataflow] = {}
        service = Service(
            store=store,
            recorder=Recorder(
                store, open_log=partial(LabelledFile, store), find_plan=plans.get, raw_data=plan.raw_data
            ),
            repeats=Repeats(store),
            index=owned,
            plans=plans,
            token=plan.token,
            local_key=secrets.token_urlsafe(32),
            hosts=_hosts(plan),
            max_body=plan.max_body,
        )
        stack.callback(service.close)
        url = url_of(sockets[0])

        def begun() -> None:
            _spare_collector()
            # At its end the interpreter clears away what it sees, and the engine complains of what it does not.
            stack.callback(gc.unfreeze)
            if index.path is not None:
                address.write(address.beside(index.path), url, service.local_key)
                stack.callback(address.remove, address.beside(index.path))
            if mapi_sockets:
                tell(_about_mapi(mapi_sockets[0], plan))
            tell(f"the store {index.store} is served at {url}; Ctrl-C ends it")

        desk = asking.Desk(service, plan.questions)
        server = _Server(_configuration(service, desk, plan), begun)
        service.stop = server.stop
        asyncio.run(_run(server, sockets, service.recorder, MapiServer(service, mapi_sockets, desk=desk)))
    tell("the service has ended")
    if not desk.close(patience=PATIENCE_SECONDS):
        # All is sealed and let go. The interpreter would wait for its threads, and so for an answer that nobody wants.
        sys.stderr.flush()
        os._exit(0)


def listen(plan: Plan) -> list[socket.socket]:
    """The sockets of a service.

    Raises:
        UsageError: It cannot listen there, or may not without a token.
    """
    found = _addresses(plan.host, plan.port)
    foreign = [place for _, place in found if not is_loopback(str(place[0]))]
    if foreign and not plan.token:
        raise UsageError(
            f"a token was expected for {plan.host}, since other machines can connect there, got none: write one into a "
            'file that only you can read (python -c "import secrets; print(secrets.token_urlsafe())"), and name it '
            "with --token-file, or set DLPROV_TOKEN. Clients then use http://dlprov:TOKEN@HOST:PORT"
        )
    sockets: list[socket.socket] = []
    try:
        for family, place in found:
            port = sockets[0].getsockname()[1] if sockets else place[1]
            with suppress(_MissingError):
                sockets.append(_listen(family, (str(place[0]), port, *place[2:])))
    except UsageError:
        for each in sockets:
            each.close()
        raise
    if not sockets:
        raise UsageError(f"an address of this machine was expected as --host, got {plan.host}")
    return sockets


def url_of(listening: socket.socket) -> str:
    """Where programs of this machine reach a socket."""
    name, port, *_ = listening.getsockname()
    if name in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        name = "127.0.0.1" if name == "0.0.0.0" else "::1"  # noqa: S104 - as above
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


class _MissingError(Exception):
    """The machine lacks this address, or this family of them."""


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    if host == "localhost":
        # Both: a name server may give either first, and nobody else shall listen at the other one.
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UsageError(f"a name or address of this machine was expected as --host, got {host} ({error})") from None
    return list(dict.fromkeys((family, place) for family, _, _, _, place in found))


def _listen(family: socket.AddressFamily, place: tuple[object, ...]) -> socket.socket:
    # Only if the protocol is named, asyncio switches Nagle's algorithm off, which holds back the bodies of answers.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # There it means something else: that others may listen here, too.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno in _NO_SUCH_ADDRESS:
            raise _MissingError from None
        raise UsageError(_why_not(error, f"{place[0]}:{place[1]}")) from None
    return listening


def _why_not(error: OSError, place: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"a free port was expected, and {place} is in use by another program: end that, or choose one with --port"
        )
    if error.errno == errno.EACCES:
        return f"a port that this user may use was expected, got {place}: choose one above 1023 with --port"
    return f"a place to listen at was expected, got {place} ({error.strerror}): choose another --host or --port"


def _hosts(plan: Plan) -> frozenset[str]:
    """Names of the service; addresses of this machine need none."""
    names = {"localhost", plan.host.strip("[]").lower(), *(name.lower() for name in plan.allowed_hosts)}
    if plan.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        names.add(hostname().lower())
    return frozenset(names)


def _need_store(store: Path) -> None:
    try:
        (store / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"a store that can be written was expected, got {store} ({error.strerror}): the service keeps what it is "
            "told there; name another one with --store or DLPROV_STORE"
        ) from None


def _spare_collector() -> None:
    """Keep what is loaded out of the garbage collector's sight, which costs a third of the time of a message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _open_files() -> int:
    """Have the system allow more open files; gives how many there may be."""
    if sys.platform == "win32":
        return OPEN_FILES
    import resource  # noqa: PLC0415 - not on every platform

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def _configuration(service: Service, desk: asking.Desk, plan: Plan) -> uvicorn.Config:
    # The other half is for logs.
    connections = min(plan.limits.connections, _open_files() // 2)
    return uvicorn.Config(
        make_app(service, desk),
        http=limited(replace(plan.limits, connections=connections)),
        ws="none",
        loop="asyncio",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        # Who asks is told by the connection: a header can be written by anybody.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(plan.limits.idle),
        # Only should a request go on although its client is gone.
        timeout_graceful_shutdown=int(2 * DRAIN_SECONDS),
        h11_max_incomplete_event_size=_MAX_HEAD,
    )


def _listen_for_mapi(plan: Plan, tell: Callable[[str], None]) -> list[socket.socket]:
    """The sockets for MonetDB's clients; none if the port is taken and need not be had."""
    if plan.mapi_port is None:
        return []
    try:
        return listen(replace(plan, port=plan.mapi_port))
    except UsageError as error:
        if plan.needs_mapi:
            raise UsageError(str(error).replace("--port", "--mapi-port")) from None
        tell(f"MonetDB's clients are not served: port {plan.mapi_port} is in use; --mapi-port chooses another")
        return []


def _about_mapi(listening: socket.socket, plan: Plan) -> str:
    place = url_of(listening).removeprefix("http://")
    password = "the token as password" if plan.token else "user and password monetdb"
    return f"MonetDB's clients are served at {place}, database dataflow_analyzer, {password}"


async def _run(server: _Server, sockets: list[socket.socket], recorder: Recorder, mapi: MapiServer) -> None:
    ticking = asyncio.create_task(_tick(recorder))
    try:
        await mapi.start()
        await server.serve(sockets)
    finally:
        await mapi.stop()
        ticking.cancel()


async def _tick(recorder: Recorder) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        try:
            await asyncio.to_thread(recorder.tick)
        except Exception:  # noqa: BLE001 - the next time may go well, and there is no one to raise to
            _log.exception("a fault of the service in its regular work")


class _Server(uvicorn.Server):
    """uvicorn's server: it says when it has begun, and a signal ends it as a request does, with status 0."""

    def __init__(self, config: uvicorn.Config, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun = begun

    def stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._begun()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._leave)
        await super().shutdown(sockets)

    def _leave(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        # Whoever asks twice does not want to wait.
        self.force_exit = self.should_exit
        self.should_exit = True
