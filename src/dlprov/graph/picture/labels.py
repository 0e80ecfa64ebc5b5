"""What nodes say: the name first, then what kind of thing it is, then the few attributes that tell most."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise, takewhile
from typing import NamedTuple

from dlprov.graph.picture.folding import METRIC, Node, title, value_of
from dlprov.graph.statements import TYPE, Literal, Name, Statement, Value, own

TIMES = "\N{MULTIPLICATION SIGN}"

LINES = 5
"""Attributes under a name, at most."""

_LONGEST = 32
"""Letters of a value."""

_TELLING = (
    "epoch", "epoch_id", "step", "loss", "accuracy", "val_loss", "val_accuracy", "optimizer", "optimizer_name",
    "learning_rate", "lr", "epochs", "num_epochs", "batch_size", "path", "last_value", "points",
)  # fmt: skip
"""The attributes that come first, in this order."""

_SILENT = frozenset({
    "id", "uuid", "ds_tag", "dt_tag", "df_tag", "df_id", "exec_tag", "run_id", "task_id", "identifier", "kind", "name",
    "fingerprint", "role", "technique", "git_commit", "last_step", "last_epoch", "email", "hostname", "processor_count",
})  # fmt: skip
"""The attributes that are names, or that the name says already."""

_NUMBERS = frozenset({"int", "long", "double"})

_LATE = ("elapsed", "sha256", "script")
"""Parts of the names of attributes that come last."""


_ESCAPED = re.compile("_u([0-9A-F]{4,6})_")
"""What :func:`dlprov.graph.statements.local_name` makes of characters that a name in a document may not have."""

_TERMINAL = re.compile("[\ufffd\x1b]\\[[0-9;?]*[A-Za-z]|\ufffd")
"""What terminals take for colours, and what documents have in place of characters that they cannot hold."""


class Label(NamedTuple):
    """What a node says.

    Attributes:
        title: The name.
        note: What kind of thing it is, and its number; may be empty.
        lines: Attributes, each as name and value.
    """

    title: str
    note: str
    lines: tuple[str, ...]


def label(node: Node) -> Label:
    """What a node says; of a series, how many things it has and how their values go from the first to the last."""
    first, count = node.members[0], len(node.members)
    name = title(first)
    tag = value_of(first, own("ds_tag"))
    if count > 1:
        if any(title(member) != name for member in node.members):
            name = _common(name, title(node.members[-1]))
        name = f"{cut(name)} {TIMES} {count}"
    elif tag is not None:
        # As `dlprov lineage` names it.
        name = f"{cut(name)}:{_text(value_of(first, own('id')) or '')}".rstrip(":")
    if count > 1 and _is_metric(first):
        name = f"metrics {TIMES} {count}"
        lines = _metrics(node.members)
    else:
        lines = _series(node.members) if count > 1 else _attributes(first)
    # A setting that is named by its value says it there.
    told = [f"{key} {value}".strip() for key, value in lines if f"{key} {value}" != name]
    more = len(told) - LINES
    if more > 1:
        told[LINES - 1 :] = [f"… {more + 1:,} more"]
    return Label(cut(name, 40), _note(node), tuple(told))


def _note(node: Node) -> str:
    first = node.members[0]
    run_id = value_of(first, own("run_id"))
    if run_id is not None:
        status = value_of(first, own("status"))
        # The end of an id: the beginning is a time, which runs of one minute share. `dlprov runs` shows the same.
        return f"run {_text(run_id)[-8:]}" + (f", {_text(status)}" if status not in (None, "finished") else "")
    number = value_of(first, own("task_id"))
    if number is not None:
        return f"task {_text(number)}" if len(node.members) == 1 else "tasks"
    types = [value.local for key, value in first.attributes if key == TYPE and isinstance(value, Name)]
    words = {"Plan": "dataflow", "SoftwareAgent": "software"}
    note = words.get(types[0], types[0].lower()) if types else ""
    if not first.attributes and "-" in first.id:
        kind, _, rest = first.id.partition("-")
        return rest[-8:] if kind == "run" else rest[:8]
    return note if note != title(first).partition(" ")[0] else ""


def _attributes(statement: Statement) -> list[tuple[str, str]]:
    found = [(key, cut(_text(value))) for key, value in _ranked(statement, title(statement))]
    return [*found, *_duration((statement,))]


def _common(one: str, other: str) -> str:
    """A name for all things between two that differ in numbers: ``weights_….h5``."""
    start = _beginning(one, other).rstrip("0123456789.")
    end = _beginning(one[len(start) :][::-1], other[len(start) :][::-1])[::-1].lstrip("0123456789")
    return f"{start}…{end}" if end.strip(".e+-") else start.strip() or one


def _beginning(one: str, other: str) -> str:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(letter for letter, _ in pairs)


def _is_metric(statement: Statement) -> bool:
    return any(key == TYPE and str(value) == METRIC for key, value in statement.attributes)


def _metrics(members: tuple[Statement, ...]) -> list[tuple[str, str]]:
    """The last value of each metric."""
    last = [(title(member), value_of(member, own("last_value"))) for member in members]
    told = [(cut(name), _text(value)) for name, value in last if value is not None]
    return sorted(told, key=lambda pair: _rank(pair[0]))


def _series(members: tuple[Statement, ...]) -> list[tuple[str, str]]:
    """How values go from the first to the last thing; those that never change come last."""
    values: dict[str, list[Value]] = {}
    for member in members:
        for key, value in _ranked(member, name=""):
            values.setdefault(key, []).append(value)
    changing, constant = [], []
    for key, found in sorted(values.items(), key=lambda pair: _rank(pair[0])):
        ends = cut(_text(found[0]), 16), cut(_text(found[-1]), 16)
        if len(set(found)) == 1:
            constant.append((key, cut(_text(found[0]))))
        elif ends[0] != ends[1] and _rank(key) <= 0:
            changing.append((key, f"{ends[0]} {_joint(found)} {ends[1]}"))
    return [*changing, *constant, *_duration(members)]


def _joint(values: list[Value]) -> str:
    """``…`` if every value between is meant, as epochs and names are counted, else an arrow."""
    if not all(isinstance(value, Literal) and value.datatype in _NUMBERS for value in values):
        return "…"
    numbers = [float(value.text) for value in values if isinstance(value, Literal)]
    whole = all(number.is_integer() for number in numbers)
    return "…" if whole and all(one < other for one, other in pairwise(numbers)) else "→"


def _duration(members: tuple[Statement, ...]) -> Iterator[tuple[str, str]]:
    if members[0].kind != "activity":
        return
    times = [_seconds(member) for member in members]
    known = [seconds for seconds in times if seconds is not None]
    if known and sum(known) > 0:
        yield "took", _span(sum(known)) + (" in all" if len(members) > 1 else "")


def _seconds(statement: Statement) -> float | None:
    start, end = (statement.arguments.get(name) for name in ("startTime", "endTime"))
    if not start or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _span(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _ranked(statement: Statement, name: str) -> list[tuple[str, Value]]:
    """The attributes that are worth a line beside the name, the most telling first."""
    pairs = [(key.local, value) for key, value in statement.attributes if key.prefix != "prov"]
    is_content = any(key in ("sha256", "fingerprint") for key, _ in pairs)
    found: list[tuple[str, Value]] = []
    for key, value in pairs:
        text = value.text if isinstance(value, Literal) else str(value)
        # The name may say it already, and that something ended well needs no words.
        said = (
            key in _SILENT or "timestamp" in key or not _text(value) or text == name or (len(text) > 2 and text in name)
        )
        if said or (key, text.lower()) == ("status", "finished"):
            continue
        # An attribute that a user calls so may be anything.
        if is_content and key == "size" and text.isdecimal():
            found.append((key, _bytes(int(text))))
        elif is_content and key == "sha256":
            found.append((key, f"{text[:12]}…"))
        else:
            found.append((key, value))
    return [(_unescaped(key), value) for key, value in sorted(found, key=lambda pair: _rank(pair[0]))]


def _unescaped(name: str) -> str:
    """The name of an attribute as whoever gave it wrote it."""
    return _text(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)) if "_u" in name else name


def _bytes(size: int) -> str:
    number = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.4g} {unit}"
        number /= 1000
    return f"{number:.4g} TB"


def _rank(key: str) -> int:
    if key in _TELLING:
        return _TELLING.index(key) - len(_TELLING)
    return next((number for number, part in enumerate(_LATE, 1) if part in key), 0)


def _text(value: Value) -> str:
    if isinstance(value, Literal) and value.datatype == "double":
        number = float(value.text)
        return f"{number:.4g}" if math.isfinite(number) else value.text
    text = _TERMINAL.sub(" ", value.text if isinstance(value, Literal) else str(value))
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def cut(text: str, longest: int = _LONGEST) -> str:
    """``text`` on one line, its middle left out if it is long: both ends of a path tell something."""
    line = _text(text)
    if len(line) <= longest:
        return line
    end = longest // 2
    return f"{line[: longest - end - 1]}…{line[-end:]}"
