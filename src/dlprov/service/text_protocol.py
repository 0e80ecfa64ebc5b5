"""DfAnalyzer's text protocol, which its C++ client speaks: made into the JSON messages that mean the same.

The answers of the service are these messages, as the server of DfAnalyzer gave them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlprov.capture.dfanalyzer import MessageError
from dlprov.service.calls import Call, calls, groups, items

Message = dict[str, Any]

STATUSES = ("READY", "RUNNING", "FINISHED", "FINISHED_WITH_ERROR")

_DATAFLOW = {
    "dataflow": "dataflow(tag)",
    "program": "program(name, path)",
    "dataset": "dataset(tag, {names}, {types})",
    "extractor": "extractor(datasetTag, tag, method, cartridge, {names}, {types})",
    "extractor_combination": "extractor_combination(datasetTag, innerTag, outerTag, {keys}, {types})",
    "transformation": "transformation(tag, {inputs}, {outputs}, {programs})",
}
_TASK = {
    "task": "task(dataflowTag, transformationTag, id, subid, status, workspace, resource)",
    "collection": "collection(datasetTag, {{v;v};{v;v}})",
    "dependency": "dependency({transformationTags}, {ids})",
    "file": "file(name, path)",
}


def dataflow_of(text: str) -> tuple[Message, list[str]]:
    """The JSON message of a dataflow, and remarks on lines that were passed over.

    Raises:
        MessageError: It is no such text; see the grammar in :mod:`dlprov.service.calls`.
    """
    found = calls(text, _DATAFLOW)
    first = _first(found, "dataflow", _DATAFLOW)
    reader = _Dataflow()
    for call in found[1:]:
        reader.take(call)
    return {"tag": first.arguments[0].lower(), "transformations": reader.transformations()}, reader.remarks


def task_of(text: str) -> Message:
    """The JSON message of a task.

    Raises:
        MessageError: It is no such text. A single line that is wrong makes the task wrong.
    """
    found = calls(text, _TASK)
    message = _head(_first(found, "task", _TASK))
    takers: dict[str, Callable[[Message, Call], None]] = {
        "collection": _collect,
        "dependency": _depend,
        "file": _name_file,
    }
    for call in found[1:]:
        if call.name == "task" or len(call.arguments) != 2:
            raise _wrong(call, _TASK)
        takers[call.name](message, call)
    return message


class _Dataflow:
    """What the lines behind ``dataflow(tag)`` declare; the order of the lines is free."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self._programs: dict[str, str] = {}
        self._sets: dict[str, Message] = {}
        self._transformations: dict[str, Call] = {}
        self._taken: list[Call] = []

    def take(self, call: Call) -> None:
        number = len(call.arguments)
        wanted = {"program": 2, "dataset": 3, "extractor": 6, "extractor_combination": 5, "transformation": 4}
        if call.name == "transformation" and number == 3:
            # The C++ client writes a blank as the last argument, the server lost a missing one.
            call.arguments.append("")
        elif number != wanted.get(call.name):
            self.remarks.append(
                f"line {call.line} was passed over: {_DATAFLOW[call.name]} was expected, got {number} arguments"
            )
            return
        if call.name == "program":
            self._programs[call.arguments[0]] = call.arguments[1]
        elif call.name == "dataset":
            self._declare(call)
        elif call.name == "transformation":
            tag = call.arguments[0].lower()
            if tag in self._transformations:
                self.remarks.append(
                    f"line {self._transformations[tag].line} was passed over: line {call.line} declares {tag!r}, too"
                )
            self._transformations[tag] = call
        else:
            self._taken.append(call)

    def transformations(self) -> list[Message]:
        """The transformations in the order in which they were declared."""
        for call in self._taken:
            if call.name == "extractor":
                self._extract(call)
            else:
                self._combine(call)
        producers: dict[str, list[str]] = {}
        for tag, call in self._transformations.items():
            for output in items(call.arguments[2]):
                producers.setdefault(output.lower(), []).append(tag)
        return [self._transformation(tag, call, producers) for tag, call in self._transformations.items()]

    def _transformation(self, tag: str, call: Call, producers: dict[str, list[str]]) -> Message:
        sets = []
        for name in items(call.arguments[1]):
            other = next((producer for producer in producers.get(name.lower(), ()) if producer != tag), "")
            if other:
                sets.append({"tag": name.lower(), "type": "INPUT", "dependency": other})
            else:
                sets.append(self._set(name, "INPUT", call))
        sets += [self._set(name, "OUTPUT", call) for name in items(call.arguments[2])]
        message: Message = {"tag": tag, "sets": sets}
        programs = [{"name": name, "path": self._programs.get(name, "")} for name in items(call.arguments[3])]
        return message | ({"programs": programs} if programs else {})

    def _set(self, name: str, kind: str, call: Call) -> Message:
        tag = name.lower()
        return {"tag": tag, "type": kind, **self._declared(tag, call)}

    def _declare(self, call: Call) -> None:
        tag, names, types = call.arguments
        self._sets.setdefault(tag.lower(), {"attributes": []})["attributes"] += _attributes(names, types, call)

    def _extract(self, call: Call) -> None:
        dataset, tag, method, cartridge, names, types = call.arguments
        declared = self._declared(dataset.lower(), call)
        # The two words changed places between the protocols.
        extractor = {"tag": tag.lower(), "cartridge": method.upper(), "extension": cartridge.upper()}
        declared.setdefault("extractors", []).append(extractor)
        declared["attributes"] += [
            {**attribute, "extractor": tag.lower()} for attribute in _attributes(names, types, call)
        ]

    def _combine(self, call: Call) -> None:
        dataset, inner, outer, keys, types = call.arguments
        combination = {
            "outer": outer.lower(),
            "inner": inner.lower(),
            "keys": ";".join(items(keys)).lower(),
            "key_types": ";".join(items(types)).upper(),
        }
        self._declared(dataset.lower(), call).setdefault("extractor.combinations", []).append(combination)

    def _declared(self, tag: str, call: Call) -> Message:
        if tag not in self._sets:
            known = ", ".join(self._sets) or "none"
            raise MessageError(
                f"a dataset that is declared was expected by {call} ({known}), got {tag!r}: "
                f"add a line {_DATAFLOW['dataset']}"
            )
        return self._sets[tag]


def _attributes(names: str, types: str, call: Call) -> list[Message]:
    found, kinds = items(names), items(types)
    if len(found) != len(kinds):
        raise MessageError(
            f"as many types as names were expected by {call}, got {len(found)} names and {len(kinds)} types"
        )
    return [{"name": name.lower(), "type": kind.upper()} for name, kind in zip(found, kinds, strict=True)]


def _head(call: Call) -> Message:
    """The message's own members. The published documentation leaves the sub id out, the server needed its place."""
    arguments = list(call.arguments)
    if len(arguments) >= 4 and arguments[3].upper() in STATUSES:
        arguments.insert(3, "")
    if not 5 <= len(arguments) <= 7:
        raise _wrong(call, _TASK)
    dataflow, transformation, identifier, sub, status, *rest = arguments
    if status.upper() not in STATUSES:
        raise MessageError(f"one of {', '.join(STATUSES)} was expected as status of {call}, got {status!r}")
    message: Message = {
        "dataflow": dataflow.lower(),
        "transformation": transformation.lower(),
        "id": identifier,
        "subid": sub or "null",
        "dependency": {},
        "status": status.upper(),
        "sets": [],
    }
    return message | dict(zip(("workspace", "resource"), rest, strict=False))


def _collect(message: Message, call: Call) -> None:
    """Each row becomes an entry of its own, as one entry of the JSON protocol is one row."""
    tag, rows = call.arguments
    found = groups(rows)
    for row in [items(rows)] if found is None else found:
        message["sets"].append({"tag": tag.lower(), "elements": row})


def _depend(message: Message, call: Call) -> None:
    """Another tuple of numbers; the transformations of the last line count for all of them.

    The C++ client writes one list of numbers a transformation: a tuple takes one of each list, and the last one again
    of a list that is short.
    """
    tags = [tag.lower() for tag in items(call.arguments[0])]
    found = groups(call.arguments[1])
    if found is None:
        found = [[number] for number in items(call.arguments[1])]
    if len(found) != len(tags):
        found = [[number for group in found for number in group]]
    tuples = [
        ",".join(group[min(number, len(group) - 1)] if group else "" for group in found)
        for number in range(max(map(len, found), default=0))
    ]
    dependency = message["dependency"]
    dependency["tags"] = [{"tag": tag} for tag in tags]
    dependency.setdefault("ids", []).extend({"id": numbers} for numbers in tuples)


def _name_file(message: Message, call: Call) -> None:
    name, path = call.arguments
    message.setdefault("files", []).append({"name": name, "path": path})


def _first(found: list[Call], name: str, grammar: dict[str, str]) -> Call:
    if not found or found[0].name != name:
        came = str(found[0]) if found else "nothing"
        raise MessageError(f"{grammar[name]} was expected as the first line, got {came}")
    if name == "dataflow" and len(found[0].arguments) != 1:
        raise _wrong(found[0], grammar)
    return found[0]


def _wrong(call: Call, grammar: dict[str, str]) -> MessageError:
    given = ", ".join(call.arguments)
    shown = given if len(given) <= 60 else f"{given[:59]}…"
    return MessageError(
        f"{grammar[call.name]} was expected in line {call.line}, got {len(call.arguments)} arguments: {shown}"
    )
