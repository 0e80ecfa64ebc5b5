"""The JSON messages of DfAnalyzer's clients: checked, and made into terms of ours.

A message that DfAnalyzer's server took is taken, and more: numbers for texts, any case of types, missing optional
members, names that later clients use. What cannot be understood is refused with what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dlprov.capture.dfanalyzer.dependencies import tasks_of
from dlprov.errors import UsageError
from dlprov.log.values import encode_text
from dlprov.model import (
    Attribute,
    AttributeType,
    Combination,
    Dataflow,
    Extractor,
    Program,
    Set,
    SetType,
    Transformation,
)

MAX_ATTRIBUTES = 4096
"""How many attributes a set may have."""

MAX_TAG = 1024
"""How many characters a tag or a name may have."""

_ATTRIBUTE_TYPES: dict[str, AttributeType] = {
    "TEXT": "TEXT",
    "NUMERIC": "NUMERIC",
    "FILE": "FILE",
    "LONG_TEXT": "LONG_TEXT",
    # The Python client knows this one, DfAnalyzer's server never did.
    "RDFILE": "FILE",
}
_SET_TYPES: dict[str, SetType] = {"INPUT": "INPUT", "OUTPUT": "OUTPUT"}


class MessageError(UsageError):
    """A message that cannot be understood: what was expected, what came, and where."""


class UnknownDataflowError(MessageError):
    """A task's dataflow has not been declared."""


class Interval(msgspec.Struct):
    """When a task, or a method of it, began and ended: texts, as the client wrote them."""

    start: str = ""
    end: str = ""
    method: str = ""
    description: str = ""
    invocation: str = ""


class TaskMessage(msgspec.Struct):
    """What a client says of one task.

    Tags are in lower case, ``status`` in upper case; ``execution`` is as it came, and empty if none was named.
    ``sets`` are pairs of a set's tag and its elements as they came; ``dependency`` are the transformations and
    numbers of the tasks that it depends on.
    """

    dataflow: str
    transformation: str
    identifier: int
    execution: str = ""
    status: str = "RUNNING"
    sets: list[tuple[str, list[Any]]] = []
    dependency: tuple[tuple[str, int], ...] = ()
    subtask: int | None = None
    workspace: str = ""
    resource: str = ""
    output: str = ""
    error: str = ""
    files: tuple[tuple[str, str], ...] = ()
    performances: tuple[Interval, ...] = ()
    email: str = ""
    hardware: dict[str, Any] = {}


def plan_of(message: object) -> Dataflow:
    """The dataflow that a message declares.

    Args:
        message: The decoded JSON.

    Raises:
        MessageError: It is not a dataflow message.
    """
    known = _object(message, "a dataflow message")
    listed = _list(known.get("transformations"), "transformations")
    transformations = tuple(_transformation(item, f"transformations[{n}]") for n, item in enumerate(listed))
    return Dataflow(_tag(known, "tag", "the dataflow message").lower(), transformations)


def task_of(message: object) -> TaskMessage:
    """What a message says of a task.

    Args:
        message: The decoded JSON.

    Raises:
        MessageError: It is not a task message.
    """
    known = _object(message, "a task message")
    where = "the task message"
    return TaskMessage(
        dataflow=_tag(known, "dataflow", where).lower(),
        transformation=_tag(known, "transformation", where).lower(),
        identifier=whole_number(_needed(known, "id", where), "id"),
        execution=_text(known.get("exec"), "exec"),
        status=(_text(known.get("status"), "status") or "RUNNING").upper(),
        sets=_sets(known.get("sets")),
        dependency=tasks_of(known.get("dependency")),
        subtask=_subtask(known),
        workspace=_text(known.get("workspace"), "workspace"),
        resource=_text(known.get("resource"), "resource"),
        output=_text(known.get("output"), "output"),
        error=_text(known.get("error"), "error"),
        files=tuple(_file(item, f"files[{n}]") for n, item in enumerate(_list(known.get("files"), "files"))),
        performances=tuple(_intervals(known.get("performances"))),
        email=_text(known.get("email"), "email"),
        hardware=_hardware(known.get("hardware")),
    )


def _transformation(item: object, where: str) -> Transformation:
    known = _object(item, where)
    sets = _list(known.get("sets"), f"{where}.sets")
    programs = _list(known.get("programs"), f"{where}.programs")
    return Transformation(
        _tag(known, "tag", where).lower(),
        tuple(_set(item, f"{where}.sets[{n}]") for n, item in enumerate(sets)),
        tuple(_program(item, f"{where}.programs[{n}]") for n, item in enumerate(programs)),
    )


def _set(item: object, where: str) -> Set:
    known = _object(item, where)
    tag = _tag(known, "tag", where).lower()
    kind = _choice(_needed(known, "type", where), _SET_TYPES, f"{where}.type")
    dependency = _text(known.get("dependency"), f"{where}.dependency").strip().lower()
    if dependency:
        # The set's shape is its producer's: what else this entry says was never looked at.
        return Set(tag, kind, dependency=dependency)
    listed = _list(known.get("attributes"), f"{where}.attributes")
    if len(listed) > MAX_ATTRIBUTES:
        raise MessageError(
            f"at most {MAX_ATTRIBUTES} attributes were expected in {where} ({tag!r}), got {len(listed)}: "
            "make them elements, with the columns name and value"
        )
    extractors = _list(known.get("extractors"), f"{where}.extractors")
    combinations = _list(known.get("extractor.combinations"), f"{where}.extractor.combinations")
    return Set(
        tag,
        kind,
        tuple(_attribute(item, f"{where}.attributes[{n}]") for n, item in enumerate(listed)),
        extractors=tuple(_extractor(item, f"{where}.extractors[{n}]") for n, item in enumerate(extractors)),
        combinations=tuple(_combination(item, where) for item in combinations),
    )


def _attribute(item: object, where: str) -> Attribute:
    known = _object(item, where)
    kind = _choice(known.get("type", "TEXT"), _ATTRIBUTE_TYPES, f"{where}.type")
    return Attribute(_tag(known, "name", where), kind, _text(known.get("extractor"), f"{where}.extractor").lower())


def _extractor(item: object, where: str) -> Extractor:
    known = _object(item, where)
    words = {name: _text(_single(known.get(name)), f"{where}.{name}").upper() for name in ("cartridge", "extension")}
    return Extractor(_tag(known, "tag", where).lower(), words["cartridge"] or "EXTRACTION", words["extension"] or "CSV")


def _combination(item: object, where: str) -> Combination:
    where = f"{where}.extractor.combinations"
    known = _object(item, where)
    keys, types = (
        tuple(part.strip() for part in _text(known.get(name), f"{where}.{name}").split(";") if part.strip())
        for name in ("keys", "key_types")
    )
    return Combination(_tag(known, "outer", where).lower(), _tag(known, "inner", where).lower(), keys, types)


def _program(item: object, where: str) -> Program:
    known = _object(item, where)
    return Program(_tag(known, "name", where), _text(known.get("path"), f"{where}.path"))


def _subtask(known: Mapping[str, Any]) -> int | None:
    subtask, sub = known.get("subid"), known.get("sub")
    if not _is_missing(subtask):
        return whole_number(subtask, "subid")
    try:
        return None if _is_missing(sub) else whole_number(sub, "sub")
    except MessageError:
        # The Python client's name for it, which DfAnalyzer's server did not read: scripts may have put any text there.
        return None


def _sets(value: object) -> list[tuple[str, list[Any]]]:
    found = []
    for number, item in enumerate(_list(value, "sets")):
        known = _object(item, f"sets[{number}]")
        elements = _list(known.get("elements"), f"sets[{number}].elements")
        found.append((_tag(known, "tag", f"sets[{number}]").lower(), elements))
    return found


def _file(item: object, where: str) -> tuple[str, str]:
    known = _object(item, where)
    return _tag(known, "name", where), _text(known.get("path"), f"{where}.path")


def _intervals(value: object) -> list[Interval]:
    found = []
    for number, item in enumerate(_list(value, "performances")):
        where = f"performances[{number}]"
        known = _object(item, where)
        names = ("startTime", "endTime", "method", "description", "invocation")
        texts = [_text(known.get(name), f"{where}.{name}") for name in names]
        found.append(Interval(*texts))
    return found


def _hardware(value: object) -> dict[str, Any]:
    """The description of a machine: DLProv's client sends it as a text that holds JSON."""
    if isinstance(value, str) and value.strip():
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise MessageError(f"a JSON object was expected as the text of hardware, got {_shown(value)}") from None
    return dict(value) if isinstance(value, Mapping) else {}


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MessageError(f"a JSON object was expected as {where}, got {_shown(value)}")
    return value


def _list(value: object, where: str) -> list[Any]:
    if _is_missing(value) or value == {}:
        return []
    if not isinstance(value, list):
        raise MessageError(f"a list was expected as {where}, got {_shown(value)}")
    return value


def _needed(known: Mapping[str, Any], name: str, where: str) -> Any:
    value = known.get(name)
    if value is None:
        raise MessageError(f"the member {name!r} was expected in {where}, got only {', '.join(known) or 'none'}")
    return value


def _tag(known: Mapping[str, Any], name: str, where: str) -> str:
    text = _text(_needed(known, name, where), f"{name} of {where}").strip()
    if not text or len(text) > MAX_TAG or "\0" in text:
        raise MessageError(f"a text of 1 to {MAX_TAG} characters was expected as {name} of {where}, got {_shown(text)}")
    return text


def _text(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, bool | int | float):
        return str(value)
    raise MessageError(f"a text was expected as {where}, got {_shown(value)}")


def whole_number(value: object, where: str) -> int:
    """A whole number of 64 bits, also as a text.

    Raises:
        MessageError: It is none.
    """
    try:
        # Tables make floats of numbers. Python's 1_000 is a number in Python alone.
        found = value if isinstance(value, int) else int(str(value).removesuffix(".0").replace("_", "?"))
    except ValueError:
        found = None
    if found is None or isinstance(value, bool) or not -(2**63) <= found < 2**63:
        raise MessageError(f"a whole number of 64 bits was expected as {where}, got {_shown(value)}")
    return found


def _choice(value: object, choices: Mapping[str, Any], where: str) -> Any:
    found = choices.get(_text(_single(value), where).strip().upper())
    if found is None:
        raise MessageError(f"one of {', '.join(choices)} was expected as {where}, got {_shown(value)}")
    return found


def _single(value: object) -> object:
    """The only item of a list: two of the Python client's extensions were tuples by mistake."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in ("", "null"))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
