"""DfAnalyzer's messages: what arrives is in the run log before the answer is sent, so 200 means stored."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from dlprov.capture.dfanalyzer import TaskMessage, UnknownDataflowError, generation, plan_of, task_of
from dlprov.capture.dfanalyzer.generation import undecided
from dlprov.errors import DlprovError
from dlprov.log.layout import SUFFIX, run_directory
from dlprov.service import lenient, text_protocol
from dlprov.service.errors import ClientGoneError, RefusedError, answer, refuse
from dlprov.service.plans import find_plan
from dlprov.service.repeats import Label, label_of
from dlprov.service.state import Service

LARGE = 256 * 1024
"""Bytes of a message from which on a thread of its own works on it: others need not wait that long."""

CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""Encodings that a ``Content-Type`` may name, as Python calls them."""

_RECORDED = re.compile(
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/([0-9]{1,10}-[0-9a-f]{8})", re.ASCII
)
_CHARSET = re.compile(rb"charset\s*=\s*\"?([\w-]+)", re.IGNORECASE)

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("dlprov.service")


_PREDEFINED = generation.HEADER.lower().encode()


class Request(NamedTuple):
    """What of a request matters here.

    Attributes:
        body: The whole body.
        charset: Its encoding, as Python calls it.
        is_recorded: Whether the client itself has written the message into this store.
        label: What the client calls the message; ``None`` if it cannot come twice.
        predefined: The profile that the client has put into a dataflow without knowing better; mostly empty.
    """

    body: bytes
    charset: str
    is_recorded: bool
    label: Label | None
    predefined: str = ""


class Reading(NamedTuple):
    """A message as a decoded JSON value, and remarks on what was passed over when it was read."""

    message: Any
    remarks: tuple[str, ...] = ()


Read = Callable[[Request], Reading]
"""Makes a message of a body."""

Store = Callable[[Service, Any, Request], tuple[str, ...]]
"""Stores a message, unless the store has it already; gives remarks on what was not taken as it came."""


def read_json(request: Request) -> Reading:
    """The message of a JSON body."""
    return Reading(lenient.decode(request.body, request.charset))


def read_dataflow(request: Request) -> Reading:
    """The message of a dataflow in the text protocol."""
    message, remarks = text_protocol.dataflow_of(lenient.text_of(request.body, request.charset))
    return Reading(message, tuple(remarks))


def read_task(request: Request) -> Reading:
    """The message of a task in the text protocol."""
    return Reading(text_protocol.task_of(lenient.text_of(request.body, request.charset)))


def store_dataflow(service: Service, message: Any, request: Request) -> tuple[str, ...]:
    """Declare the dataflow of a message; declaring it twice changes nothing."""
    plan = plan_of(message)
    if not request.is_recorded:
        service.recorder.declare(undecided(plan, request.predefined) if request.predefined else plan)
    return ()


def store_task(service: Service, message: Any, request: Request) -> tuple[str, ...]:
    """Record the task of a message."""
    task = task_of(message)
    if request.is_recorded:
        return ()
    try:
        if request.label is None:
            return service.recorder.record(task)
        return _store_once(service, task, request.label)
    except UnknownDataflowError as error:
        reason = error
    # Outside of the block: what comes of the lookup is not a consequence of this error, but instead of it.
    raise _LaterError(lambda: _learn_plan(service, task.dataflow, reason))


def store_text_task(service: Service, message: Any, request: Request) -> tuple[str, ...]:
    """Record the task of a message that came in the text protocol."""
    for entry in message["sets"]:
        values = entry["elements"]
        if values and not values[-1]:
            # A semicolon at the end of a row was nothing to DfAnalyzer's server; here it may be an empty last value.
            width = _width(service, message["dataflow"], message["transformation"], entry["tag"])
            while width and len(values) > width and not values[-1]:
                values.pop()
    return store_task(service, message, request)


def _width(service: Service, dataflow: str, transformation: str, tag: str) -> int:
    """How many values a row of a set has in a message; 0 if that is not known."""
    plan = service.recorder.plan(dataflow)
    for step in plan.transformations if plan is not None else ():
        for declared in step.sets:
            if (step.tag.lower(), declared.tag.lower()) == (transformation, tag):
                # All attributes of one extractor are one value: the name of a file.
                return len({attribute.extractor or (attribute.name,) for attribute in declared.attributes})
    return 0


def _store_once(service: Service, task: TaskMessage, label: Label) -> tuple[str, ...]:
    execution = (task.dataflow, task.execution)
    is_stored = service.repeats.has(*execution, label)
    if is_stored is None:
        raise _LaterError(lambda: service.repeats.learn(*execution))
    if is_stored:
        return ()
    with service.repeats.storing(*execution, label):
        return service.recorder.record(task)


def _learn_plan(service: Service, tag: str, error: UnknownDataflowError) -> None:
    plan = find_plan(service.index, tag)
    if plan is None:
        raise error
    service.plans[tag] = plan


class _LaterError(Exception):
    """Before the message can be stored, something must be looked up, which may take a while."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work


class Taker:
    """An ASGI application that takes one kind of messages."""

    def __init__(self, service: Service, read: Read, store: Store) -> None:
        self._service = service
        self._read = read
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: with the message, and with ``warnings`` in it, if there are any."""
        try:
            body = await self._take(self._request(scope, await body_of(receive)))
        except ClientGoneError:
            raise
        except (DlprovError, lenient.JSONError) as error:
            _log.warning("%s: %s", scope["path"], error)
            await refuse(scope, send, error)
        else:
            await answer(send, 200, body)

    async def _take(self, request: Request) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            try:
                if len(request.body) < LARGE:
                    body, times = self._work(request)
                else:
                    body, times = await loop.run_in_executor(self._service.slowly, self._work, request)
                break
            except _LaterError as later:
                await loop.run_in_executor(self._service.slowly, later.work)
        counters = self._service.counters
        counters.stored += 1
        counters.parsing += times[0]
        counters.storing += times[1]
        return body

    def _work(self, request: Request) -> tuple[bytes, tuple[float, float]]:
        """Read, store and echo one message. Any thread."""
        begin = time.perf_counter()
        reading = self._read(request)
        read = time.perf_counter()
        remarks = reading.remarks + self._store(self._service, reading.message, request)
        stored = time.perf_counter()
        for remark in remarks:
            _log.warning("%s", remark)
        message = reading.message
        if remarks and isinstance(message, dict):
            message = {**message, "warnings": remarks}
        return _encode(message), (read - begin, stored - read)

    def _request(self, scope: Scope, body: bytes) -> Request:
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
            raise RefusedError(415, "a body without Content-Encoding was expected: send it uncompressed")
        charset = _charset(headers.get(b"content-type", b""))
        recorded, label = headers.get(b"dlprov-recorded"), headers.get(b"dlprov-message")
        return Request(
            body,
            charset,
            recorded is not None and self._holds(recorded.decode("latin-1")),
            label_of(label.decode("latin-1")) if label is not None else None,
            headers.get(_PREDEFINED, b"").decode("latin-1"),
        )

    def _holds(self, recorded: str) -> bool:
        """Whether this store has the log that a client of ours says to have written the message to."""
        found = _RECORDED.fullmatch(recorded)
        if found is None:
            raise RefusedError(400, f"RUN/WRITER was expected as DLProv-Recorded, got {recorded[:80]!r}")
        return (run_directory(self._service.store, found[1]) / (found[2] + SUFFIX)).is_file()


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        ClientGoneError: The client left before all of it had come.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = bytearray()
    while message["type"] == "http.request":
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()
    raise ClientGoneError("the client left before its message was complete")


def _charset(content_type: bytes) -> str:
    found = _CHARSET.search(content_type)
    if found is None:
        return "utf-8"
    name = found[1].decode().lower()
    if name not in CHARSETS:
        raise RefusedError(415, f"one of the encodings {', '.join(CHARSETS)} was expected, got {name!r}: use utf-8")
    return CHARSETS[name]
