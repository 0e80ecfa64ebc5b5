"""The events of the run log, format 1: one JSON object a line, one type a kind.

The written grammar and the version rule are in ``docs/reference/log-format.md``, the JSON Schema is made from
these types by :mod:`dlprov.log.schema`, and ``tests/golden`` keeps logs of every released version.

Every event has ``event`` (its kind) and ``time`` (UTC, microseconds since 1970-01-01). Optional keys that have
their default value are left out. A *key* of a task or an element is an integer counted by the writer of the
line; the same thing in the file of another writer is ``"<writer>:<integer>"``. A task that several writers take
part in may be named instead: :func:`named_task`.
"""

from __future__ import annotations

import time as _time
from typing import Annotated, Any

import msgspec

from dlprov.errors import LogFormatError
from dlprov.model import Dataflow, EndStatus

FORMAT_MAJOR = 1
FORMAT_MINOR = 1
FORMAT = f"{FORMAT_MAJOR}.{FORMAT_MINOR}"
"""The version that this package writes. A reader takes every minor version of its own major version."""

Key = int | str
"""A task or an element: counted by this writer, ``"<writer>:<n>"`` of another, or a task's name (``"@…"``)."""

Value = Any
"""A value as :mod:`dlprov.log.values` writes it."""


def now() -> int:
    """The time of an event: UTC, microseconds since 1970-01-01."""
    return _time.time_ns() // 1000


def named_task(transformation: str, identifier: int) -> str:
    """The key of a task that is known by its transformation and its client's number, as DfAnalyzer knows tasks.

    Every writer of the run may use it without having seen the task.
    """
    return f"@{transformation.lower()}/{identifier}"


def names_of_task(key: Key) -> tuple[str, int] | None:
    """Transformation and number of a task's client, if ``key`` is a name made by :func:`named_task`."""
    if not isinstance(key, str) or not key.startswith("@"):
        return None
    transformation, _, identifier = key[1:].rpartition("/")
    try:
        return transformation, int(identifier)
    except ValueError:
        return None


Time = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999_999)]
"""Microseconds since 1970-01-01, UTC, up to the end of the year 9999."""

RowNumber = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
"""The id of a row in another database. The index gives it the same id, if that is free."""

Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A step or an epoch: a 64-bit integer."""


class Event(msgspec.Struct, omit_defaults=True, tag_field="event", gc=False):
    """What all events share."""

    time: Time


class Log(Event, tag="log"):
    """First line of every file: who writes it, in which format, on which machine and process.

    ``process_started`` and ``boot`` tell a living writer from another process that got the same number later.
    """

    format: str
    run: str
    writer: str
    host: str = ""
    pid: int = 0
    process_started: int = 0
    boot: str = ""
    dlprov: str = ""


class Run(Event, tag="run"):
    """A run starts. ``execution`` is DfAnalyzer's execution tag; ``parent`` the run it was started in."""

    dataflow: str
    name: str = ""
    execution: str = ""
    parent: str = ""
    user: str = ""
    kind: str = ""


class Resume(Event, tag="resume"):
    """Work on a run goes on after its end: an ``evaluate`` after the ``fit``, say."""


class End(Event, tag="end"):
    """Work on a run ended. ``duration`` is in seconds since its start or resumption, by the monotonic clock."""

    status: EndStatus
    duration: float = 0.0
    error_type: str = ""
    error: str = ""
    traceback: str = ""


class Plan(Event, tag="dataflow"):
    """The dataflow that the run executes, as far as it is declared. Later plans add to earlier ones."""

    dataflow: Dataflow


class Environment(Event, tag="environment"):
    """Where the run happens: nested names and values (``python``, ``packages``, ``hardware``, ``git``, …)."""

    values: dict[str, Value]


class Agent(Event, tag="agent"):
    """Who ran it and where, as a client said: an e-mail address, and DLProv's description of the machine."""

    email: str = ""
    hardware: dict[str, Value] = {}


class Numbers(Event, tag="numbers"):
    """Ids that another database gave the rows of the dataflow's plan: by tag, and by ``<set>.<attribute>``.

    ``dependencies`` are ``(id, generating transformation, using transformation, set)``; an empty tag is none.
    """

    dataflow: RowNumber | None = None
    version: RowNumber | None = None
    transformations: dict[str, RowNumber] = {}
    sets: dict[str, RowNumber] = {}
    attributes: dict[str, RowNumber] = {}
    dependencies: tuple[tuple[RowNumber, str, str, str], ...] = ()


class Param(Event, tag="param"):
    """Hyperparameters and other settings of the run, or of one task."""

    values: dict[str, Value]
    task: Key | None = None


class Tag(Event, tag="tag"):
    """Labels of the run, for finding it again."""

    values: dict[str, Value]


class Task(Event, tag="task"):
    """A task starts; with the key of an earlier task: it goes on.

    ``identifier`` is the number by which the dataflow's user knows the task (DfAnalyzer's ``identifier``),
    ``depends_on`` the tasks whose results it waited for, ``parent`` the task it is part of. ``workspace`` (a
    directory), ``resource`` (a machine), ``status``, ``output`` and ``error`` are a DfAnalyzer client's words.
    ``number`` is the id that another database gave the task.
    """

    key: Key
    transformation: str
    identifier: Count = 0
    depends_on: tuple[Key, ...] = ()
    parent: Key | None = None
    workspace: str = ""
    resource: str = ""
    status: str = ""
    output: str = ""
    error: str = ""
    number: RowNumber | None = None


class TaskEnd(Event, tag="task-end"):
    """A task ended. ``duration`` is in seconds, by the monotonic clock; ``output`` what its program said."""

    task: Key
    status: EndStatus
    duration: float = 0.0
    error: str = ""
    output: str = ""


class Performance(Event, tag="performance"):
    """When a task, or a part of it, began and ended by its client's clock: texts, as the client wrote them.

    Of one task, ``method`` and ``subtask`` the first one counts; a later one only adds an end that was missing.
    """

    task: Key
    start: str = ""
    end: str = ""
    method: str = ""
    description: str = ""
    invocation: str = ""
    subtask: Count | None = None
    number: RowNumber | None = None


class File(Event, tag="file"):
    """A file that a task's client named, by name and directory; nobody looked whether it is there."""

    task: Key
    name: str
    path: str = ""
    number: RowNumber | None = None


class Used(Event, tag="used"):
    """A task used elements of a set.

    Either new ``elements`` from outside (``key`` is the first one's, the others count on), or ``keys`` of
    elements that tasks generated before, or, with ``generated_by``, all elements of the set that those tasks
    have generated so far and that no task of this transformation has used yet (DfAnalyzer's dependency rule).
    ``number`` is the id that another database gave the first of the new elements.
    """

    task: Key
    set: str
    key: int = 0
    elements: tuple[dict[str, Value], ...] = ()
    keys: tuple[Key, ...] = ()
    generated_by: tuple[Key, ...] = ()
    number: RowNumber | None = None


class Generated(Event, tag="generated"):
    """A task generated elements of a set; ``key`` and ``number`` are the first one's, the others count on."""

    task: Key
    set: str
    key: int
    elements: tuple[dict[str, Value], ...]
    number: RowNumber | None = None


class RawData(Event, tag="raw-data"):
    """Rows of a file that belong to an element: columns of ``extractor``, queryable beside the set's own.

    The rows stay in the file. ``sha256`` and ``size`` (bytes) are of its content at that moment; an index takes the
    rows in only while they still hold. ``format`` is ``csv``, ``parquet``, ``numpy`` or ``json``; ``delimiter`` that
    of a ``csv`` file, if it was named.
    """

    task: Key
    set: str
    element: Key
    extractor: str
    path: str
    format: str
    sha256: str
    size: int
    delimiter: str = ""


class Metric(Event, tag="metric"):
    """Numbers measured at one moment; ``true`` and ``false`` are 1 and 0.

    Non-finite ones are ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
    """

    task: Key | None = None
    step: Count | None = None
    epoch: Count | None = None
    values: dict[str, float | int | bool | str] = {}


class Adaptation(Event, tag="adaptation"):
    """A hyperparameter changed during the training: from what, to what, by which technique, and why."""

    name: str
    old: Value
    new: Value
    technique: str = ""
    reason: str = ""
    epoch: Count | None = None
    step: Count | None = None
    task: Key | None = None


class Artifact(Event, tag="artifact"):
    """A file that a task used or generated. ``sha256`` is of its content at that moment, ``size`` in bytes."""

    path: str
    direction: str = "generated"
    kind: str = ""
    sha256: str = ""
    size: int | None = None
    epoch: Count | None = None
    step: Count | None = None
    task: Key | None = None


class Data(Event, tag="data"):
    """Identity of data in memory. ``fingerprint`` is ``sha256:<hex>`` over type, shape and bytes, or empty."""

    role: str
    kind: str
    fingerprint: str = ""
    shape: tuple[int | None, ...] = ()
    dtype: str = ""
    size: int | None = None
    details: dict[str, Value] = {}
    direction: str = "used"
    task: Key | None = None


class Layer(Event, tag="layer"):
    """A layer of the model, with its whole configuration. ``position`` counts from 0 in the model's order."""

    position: int
    name: str
    type: str
    config: dict[str, Value] = {}
    weights: int = 0
    trainable: bool = True
    task: Key | None = None


class Stop(Event, tag="stop"):
    """The training stopped before its last epoch, or restored an earlier one: by what, when, and why."""

    technique: str
    epoch: int
    reason: str = ""
    monitor: str = ""
    best: float | int | str | None = None
    best_epoch: int | None = None
    task: Key | None = None


class Note(Event, tag="note"):
    """A person's words about the run."""

    text: str
    task: Key | None = None


class Problem(Event, tag="problem"):
    """Something that dlprov could not record, or a fault of its own; the training was not affected."""

    where: str
    message: str
    traceback: str = ""


class Document(Event, tag="document"):
    """A provenance document of others: the statements behind it are its own.

    ``name``, ``sha256`` and ``size`` (bytes) are of the file, ``format`` is what it was written in. ``prefixes`` are
    those of the qualified names in the statements, with their namespaces. ``warnings`` say what was repaired.
    """

    name: str
    format: str
    sha256: str
    size: int
    prefixes: dict[str, str]
    warnings: tuple[str, ...] = ()


class Statement(Event, tag="statement"):
    """A statement of a provenance document, in the terms of PROV-DM (W3C Recommendation, 30 April 2013).

    ``kind`` is its name in PROV-N, and ``arguments`` are its formal ones under PROV-DM's names: qualified names, and
    times as ISO 8601 texts. ``attributes`` are ``(name, text, type)``: the type is a qualified name, empty for a plain
    text, ``@`` and its language for one that has a language. ``bundle`` is the one that it stands in.
    """

    kind: str
    id: str = ""
    arguments: dict[str, str] = {}
    attributes: tuple[tuple[str, str, str], ...] = ()
    bundle: str = ""


class Received(Event, tag="received"):
    """The lines before it, of the same write, are a client's message: who repeats it is told that it is stored.

    ``client`` is the client's name for itself. It counts its messages, so ``number`` grows from one to the next.
    """

    client: str
    number: Count


class Heartbeat(Event, tag="heartbeat"):
    """The writer is alive."""


class Seal(Event, tag="seal"):
    """SHA-256 (hexadecimal) of the ``bytes`` bytes of the file before this line."""

    sha256: str
    bytes: int


AnyEvent = (
    Log
    | Run
    | Resume
    | End
    | Plan
    | Environment
    | Agent
    | Numbers
    | Param
    | Tag
    | Task
    | TaskEnd
    | Performance
    | File
    | Used
    | Generated
    | RawData
    | Metric
    | Adaptation
    | Artifact
    | Data
    | Layer
    | Stop
    | Note
    | Problem
    | Document
    | Statement
    | Received
    | Heartbeat
    | Seal
)

KINDS: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in AnyEvent.__args__}

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class _Kind(msgspec.Struct):
    event: str
    time: int


_kind_decoder = msgspec.json.Decoder(_Kind)


class Unknown(msgspec.Struct):
    """An event of a kind that a later minor version of the format brought: kept in the log, not indexed."""

    kind: str
    time: int


def encode(event: Event) -> bytes:
    """One event as one line, newline included."""
    return _encode(event) + b"\n"


def decode(line: bytes) -> AnyEvent | Unknown:
    """The event of one line.

    Raises:
        LogFormatError: the line is not an event.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            unknown = _kind_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise LogFormatError(str(error)) from None
        if unknown.event in KINDS:
            raise LogFormatError(str(error)) from None
        return Unknown(unknown.event, unknown.time)


def format_is_readable(version: str) -> bool:
    """Whether this package reads logs of format ``version`` ("major.minor")."""
    major, _, _ = version.partition(".")
    return major.isdecimal() and int(major) == FORMAT_MAJOR
