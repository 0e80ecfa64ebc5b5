"""The way of messages out of a script: into the run log, and with ``DFA_URL`` to a server, too.

Nothing in here raises into the training, or waits for a network. Any thread.
"""

from __future__ import annotations

import json
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dfa_lib_python import build_w3c
from dlprov import settings
from dlprov.capture.dfanalyzer import (
    NEWEST,
    Interval,
    MessageError,
    Recorder,
    TaskMessage,
    UnknownDataflowError,
    plan_of,
)
from dlprov.capture.dfanalyzer.dependencies import tasks_of
from dlprov.capture.dfanalyzer.generation import HEADER, undecided
from dlprov.capture.dfanalyzer.local import RunLog, local_recorder, run_in
from dlprov.capture.dfanalyzer.local import default_execution as shared_execution
from dlprov.capture.dfanalyzer.messages import whole_number
from dlprov.capture.faults import faults
from dlprov.capture.run import start_execution
from dlprov.errors import DlprovError, StoreError, UsageError
from dlprov.log.layout import temporary_store
from dlprov.log.values import encode_text
from dlprov.model import Dataflow as Plan

if TYPE_CHECKING:
    from dfa_lib_python.dataflow import Dataflow
    from dfa_lib_python.task import Task
    from dlprov.capture.dfanalyzer.delivery import Delivery

DEFAULT_URL = "http://localhost:22000/"
DATAFLOW_PATH, TASK_PATH = "/pde/dataflow/json", "/pde/task/json"

_encode = msgspec.json.Encoder(enc_hook=str).encode

_is_delivered = bool(settings.load().server)
"""Whether messages go to a server, too: only if somebody named one."""

_dataflows: dict[str, Dataflow] = {}
"""The dataflows of this process by their tags in lower case."""

_complaints: set[str] = set()


def server_url() -> str:
    """The server of this process; DfAnalyzer's own address if nobody named one."""
    return settings.load().server or DEFAULT_URL


def default_execution(dataflow: str) -> str:
    """The execution of the tasks of a dataflow that name none."""
    known = _dataflows.get(_tag(dataflow.lower()))
    return known.execution if known is not None and known.execution else _shared_execution(dataflow)


@cache
def _shared_execution(dataflow: str) -> str:
    try:
        return shared_execution(_tag(dataflow))
    except Exception as error:  # noqa: BLE001 - no fault of ours reaches the training
        faults.report("the choice of an execution", error, None)
        return dataflow


def remember(dataflow: Dataflow) -> None:
    """Tasks of this dataflow's tag are those of this object."""
    _dataflows[_tag(dataflow._tag)] = dataflow


def declare(dataflow: Dataflow, url: str) -> None:
    """Record the dataflow as it is now, put it on its way to the server, and print the status."""
    remember(dataflow)
    recorder = _recorder()
    if recorder is None or _is_over():
        return
    # Chosen now: the processes that this one starts share it, also those that tell of a task before this one does.
    default_execution(dataflow.name)
    status = 200
    try:
        dataflow.declared = _json(dataflow.get_specification())
        plan = _plan(dataflow.declared)
        recorder = _declare(recorder, undecided(plan, NEWEST) if dataflow.generation is not None else plan)
    except Exception as error:  # noqa: BLE001 - no fault of ours reaches the training
        status = _refused("Dataflow.save", error)
    if _is_delivered:
        headers = {HEADER: NEWEST} if dataflow.generation is not None else {}
        _deliver(url, DATAFLOW_PATH, dataflow.declared, recorder, headers)
    _tell(status)


def report(task: Task, url: str) -> None:
    """Record the task as it is now, put it on its way to the server, and print the status."""
    recorder = _known_recorder or _recorder()
    if recorder is None or _is_over():
        return
    status = 200
    headers: dict[str, str] = {}
    try:
        message = _message(task)
        dataflow = _dataflows.get(message.dataflow)
        if dataflow is not None and (dataflow.is_watched or dataflow.generation is not None):
            _prepare(dataflow, message, recorder, url)
        remarks = recorder.record(message)
        if remarks:
            _complain(recorder, message, remarks)
        if _is_delivered:
            headers = _where(recorder, message)
    except Exception as error:  # noqa: BLE001 - no fault of ours reaches the training
        status = _refused("Task.save", error)
    if _is_delivered:
        _deliver(url, TASK_PATH, task, recorder, headers)
    _tell(status)


def ended(task: Task) -> None:
    """The task has told its end: the last one of a dataflow in W3C mode has its document written."""
    dataflow = _dataflows.get(_tag(task._dataflow))
    if dataflow is None or not dataflow.w3c:
        return
    build_w3c.config.w3c = dataflow.w3c
    build_w3c.config.transformations_number = len(dataflow.transformations)
    if task._id == str(build_w3c.config.transformations_number):
        build_w3c.build_provenance_document(task._dataflow, task._exec, dataflow.w3c)


_known_recorder: Recorder | None = None


def _recorder() -> Recorder | None:
    global _known_recorder  # noqa: PLW0603 - it is the process's
    if _known_recorder is not None:
        return _known_recorder
    try:
        _known_recorder = local_recorder()
    except Exception as error:  # noqa: BLE001 - no fault of ours reaches the training
        faults.report("dfa_lib_python", error, None)
    return _known_recorder


def _is_over() -> bool:
    """Whether the interpreter goes: a log that was closed cannot be opened again, for no thread begins any more."""
    if not sys.is_finalizing():
        return False
    faults.tell(
        "a message came from an object that the interpreter deletes at its end, after its run was ended, and is not "
        "recorded: end tasks before the script ends, or in a function that atexit calls",
        once="after the end",
    )
    return True


def _declare(recorder: Recorder, plan: Plan) -> Recorder:
    """Declare a dataflow; gives the recorder that knows it.

    Where the store takes no declaration, the temporary directory does: tasks of a dataflow that is not known are not
    recorded, and the logs of their runs, which hold the declaration, too, may well find room.
    """
    global _known_recorder  # noqa: PLW0603
    try:
        recorder.declare(plan)
    except StoreError as error:
        faults.tell(str(error), once=f"declare {error}")
        recorder = _known_recorder = Recorder(
            temporary_store(),
            open_log=lambda dataflow, execution: RunLog(start_execution(dataflow, execution)),
            # What was declared while there was room: its tasks go on.
            find_plan=recorder.plan,
            raw_data=None,
        )
        recorder.declare(plan)
    return recorder


def _message(task: Task) -> TaskMessage:
    """What the task tells, without a detour through JSON."""
    sets = [(_tag(data_set.get("tag", "")), _written(data_set.get("elements", []))) for data_set in task._sets]
    dataflow, transformation = _tag(task._dataflow), _tag(task._transformation)
    message = TaskMessage(dataflow, transformation, whole_number(task._id, "id"), task._exec, task._status, sets)
    if task._dependency:
        message.dependency = tasks_of(task._dependency)
    if task._sub_id:
        message.subtask = _subtask(task._sub_id)
    if task._performances:
        message.performances = tuple(map(_interval, task._performances))
    if task._hardware:
        message.hardware = _hardware(task._hardware)
    if not task._exec.isascii():
        message.execution = encode_text(task._exec)
    if task._workspace:
        message.workspace = encode_text(task._workspace)
    if task._resource:
        message.resource = encode_text(task._resource)
    if task._output:
        message.output = encode_text(task._output)
    if task._error:
        message.error = encode_text(task._error)
    if task._email:
        message.email = encode_text(task._email)
    return message


@lru_cache(maxsize=1024)
def _tag(text: str) -> str:
    """A tag as declarations have it: without blanks around it, which no question could name."""
    return text.strip() if text.isascii() else encode_text(text).strip()


def _written(elements: list[list[str]]) -> list[list[str]]:
    """Elements as a log can hold them: it has no place for lone surrogates, which file names bring along."""
    try:
        if all(map(str.isascii, map("".join, elements))):
            return elements
    except TypeError:
        pass  # somebody has put something else into the lists since
    return [[encode_text(str(value)) for value in row] for row in elements]


def _subtask(text: str) -> int | None:
    try:
        return None if text == "null" else whole_number(text, "sub_id")
    except MessageError as error:
        # The originals sent it under a name that no server read, so it stopped no message.
        faults.tell(f"{error}; the task is recorded without it", once=f"sub_id {text}")
        return None


@cache
def _hardware(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _interval(performance: dict[str, str]) -> Interval:
    get = performance.get
    return Interval(get("startTime", ""), get("endTime", ""), get("method", ""), get("description", ""))


def _prepare(dataflow: Dataflow, message: TaskMessage, recorder: Recorder, url: str) -> None:
    """Before a task is recorded: declare what it is the first to tell of."""
    if dataflow.is_watched and _json(dataflow.get_specification()) != dataflow.declared:
        declare(dataflow, url)
    generation = dataflow.generation
    if generation is None or not generation.narrow(message):
        return
    dataflow.settle(generation.profile)
    body = _json(dataflow.get_specification())
    _declare(recorder, _plan(body))
    if _is_delivered and generation.profile != NEWEST:
        # The newest one is what a server got when the dataflow was saved.
        _deliver(url, DATAFLOW_PATH, body, recorder, {})


def _complain(recorder: Recorder, message: TaskMessage, remarks: tuple[str, ...]) -> None:
    run = run_in(recorder, message.dataflow, message.execution)
    for remark in remarks:
        # What stands before the colon names the set or the attribute: the same trouble in every epoch is told once.
        key = f"{message.dataflow} {remark.partition(':')[0]}"
        if key not in _complaints:
            _complaints.add(key)
            faults.tell(remark)
            if run is not None:
                run.problem("dfa_lib_python", remark)


def _where(recorder: Recorder, message: TaskMessage) -> dict[str, str]:
    """Which log holds the message: a service of the same store need not store it a second time."""
    run = run_in(recorder, message.dataflow, message.execution)
    path = run.path if run is not None else None
    return {} if path is None else _header(path)


@lru_cache
def _header(path: Path) -> dict[str, str]:
    return {"DLProv-Recorded": f"{path.parent.name}/{path.stem}"}


def _deliver(url: str, path: str, what: bytes | Task, recorder: Recorder, headers: dict[str, str]) -> None:
    try:
        delivery = _delivery(url, recorder)
        if delivery is not None:
            delivery.send(path, what if isinstance(what, bytes) else _body(what), headers)
    except Exception as error:  # noqa: BLE001 - no fault of ours reaches the training
        faults.report("the delivery of a message", error, None)


@cache
def _delivery(url: str, recorder: Recorder) -> Delivery | None:
    # Late: the clients of HTTP and TLS cost milliseconds and memory that a script without a server has not to pay.
    from dlprov.capture.dfanalyzer.delivery import delivery_to  # noqa: PLC0415

    try:
        return delivery_to(url, recorder.store)
    except UsageError as error:
        faults.tell(f"{error}; messages are recorded, and not delivered: correct DFA_URL")
        return None


def _plan(body: bytes) -> Plan:
    try:
        return plan_of(msgspec.json.decode(body))
    except msgspec.DecodeError:
        # Lone surrogates, which `_json` has written as escapes.
        return plan_of(json.loads(body))


def _body(task: Task) -> bytes:
    message = task.get_specification()
    if task._dependency:
        # As texts, whatever they were given as: DfAnalyzer's server fails at numbers.
        identifiers = [{**one, "id": str(one["id"])} for one in task._dependency.get("ids", ())]
        message["dependency"] = {**task._dependency, "ids": identifiers}
    return _json(message)


def _json(message: dict[str, Any]) -> bytes:
    try:
        return _encode(message)
    except (UnicodeEncodeError, TypeError):
        # Lone surrogates, which UTF-8 has no place for; JSON's escapes have.
        return json.dumps(message, default=str).encode("ascii")


def _refused(where: str, error: Exception) -> int:
    """Tell what is wrong with a message, and give the status that a server would answer."""
    if not isinstance(error, DlprovError):
        faults.report(where, error, None)
        return 500
    faults.tell(str(error), once=f"{where} {error}")
    if isinstance(error, UnknownDataflowError):
        return 404
    return 400 if isinstance(error, MessageError) else 507


def _tell(status: int) -> None:
    if faults.quiet:
        return
    try:
        print(status)  # noqa: T201 - as the originals did, whose output is compared
    except Exception:  # noqa: BLE001, S110 - it is closed, or an object of the user's, which may raise anything
        pass
