"""Runs of every kind, made as users make them, and documents to compare."""

from __future__ import annotations

import io
import math
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prov.identifier import Identifier
from prov.model import ProvDocument

import dlprov
from dlprov.capture.dfanalyzer import PROFILES, Recorder, task_of
from dlprov.graph.formats import writer
from dlprov.graph.statements import Statement
from dlprov.log.identifiers import execution_run_id
from dlprov.log.layout import log_files, run_directory
from dlprov.model import Dataflow

PARSED = {name: {"format": name} for name in ("provn", "json", "jsonld", "xml")} | {
    "ttl": {"format": "rdf", "rdf_format": "turtle"},
    "trig": {"format": "rdf", "rdf_format": "trig"},
}
"""What ``prov`` calls our formats."""

HARDWARE = {
    "hostname": "host1", "os": "Linux", "os_version": "1", "platform": "Linux-1", "architecture": "x86_64",
    "processor": "AMD", "gpus": "Not available", "in_container": True,
}  # fmt: skip

EXECUTION = "alexnet-2025-11-26 16:00:00.123456"


def p7(store: Path, execution: str = EXECUTION) -> str:
    """DLProv's newest dataflow, as its client library reports it: five tasks, two epochs. Gives the run's id."""
    recorder = Recorder(store)
    recorder.declare(Dataflow("alexnet", PROFILES["P7"]))

    def task(tag: str, number: int, after: list[tuple[str, int]], **sets: list[Any]) -> None:
        message: dict[str, Any] = {
            "dataflow": "alexnet", "exec": execution, "transformation": tag, "id": str(number), "status": "FINISHED",
            "email": "bob@fictional.com", "hardware": HARDWARE,
            "performances": [{"startTime": f"2025-11-26 16:0{number}:00", "endTime": f"2025-11-26 16:0{number}:30"}],
            "sets": [{"tag": name, "elements": elements} for name, elements in sets.items()],
        }  # fmt: skip
        if after:
            tags = [{"tag": earlier} for earlier, _ in after]
            message["dependency"] = {"tags": tags, "ids": [{"id": str(identifier)} for _, identifier in after]}
        recorder.record(task_of(message))

    source = [["OxfordFlowers17", "http://x/17flowers.tgz"]]
    task("loaddata", 1, [], iinputdataset=source, oloaddata=[["d/raw_images.npy"]])
    task("applyfilter", 2, [("loaddata", 1)], ifilter=[["Grayscale"]], ofilter=[["d/x_gray.npy"]])
    task(
        "splitdata", 3, [("applyfilter", 2)],
        isplitconfig=[["1088", "136", "136"]], otrainset=[["d/x_train.npy", "d/y_train.npy"]],
        ovalset=[["d/x_val.npy", "d/y_val.npy"]], otestset=[["d/x_test.npy", "d/y_test.npy"]],
    )  # fmt: skip
    epochs = [
        ["2025-11-26 16:01:00", "10.5", "2.9312345678", "0.1", "-9999999", "-9999999", "1"],
        ["2025-11-26 16:02:00", "10.1", "2.5", "0.2", "nan", "-9999999", "2"],
    ]
    task(
        "train", 4, [("splitdata", 3)],
        itrain=[["SGD", "0.002", "2", "64", "16"]], otrain=epochs, otrainedmodel=[["trained_model", "d/model.keras"]],
        oweights=[["d/weights.h5"]],
    )  # fmt: skip
    task("test", 5, [("splitdata", 3), ("train", 4)], otest=[["2.55", "0.12"]])
    recorder.close()
    return execution_run_id("alexnet", execution)


def native(place: Path) -> str:
    """A run with something of everything, made through ``dlprov.start_run``."""
    data, weights = place / "data.npz", place / "weights of run.bin"
    data.write_bytes(b"the same for everybody")
    weights.write_bytes(os.urandom(16))
    import numpy as np  # noqa: PLC0415 - only this one needs it

    settings = {"learning_rate": 0.001, "layers": [1, 2], "deep": {"a": {"b": None}}, "on": True, "off": None}
    with dlprov.start_run("flow", name="first", params=settings, kind="script") as run:
        run.artifact(data, kind="data", direction="used")
        with run.task("Load") as load:
            load.data("x", np.arange(12.0).reshape(3, 4))
            images = load.generated("oImages", path="images.npy", count=12)
        with run.task("Train", depends_on=[load], identifier=7) as train:
            train.used("oImages", images)
            train.used("iTrain", optimizer="Adam", rate=0.1)
            with run.task("Inner", parent=train) as inner:
                inner.log(seen=1)
            for epoch in range(3):
                train.log(epoch=epoch, loss=1 / (epoch + 1), accuracy=math.nan if epoch == 1 else 0.5)
                train.generated("oTrain", epoch=epoch, loss=1 / (epoch + 1))
            train.adaptation("rate", 0.1, 0.05, technique="Scheduler", reason="by half", epoch=1)
            train.adaptation("rate", 0.05, "adaptive", epoch=2)
            train.artifact(weights, kind="weights", epoch=2)
            model = train.generated("oModel", path="model.keras")
        with run.task("Test", depends_on=[train, load]) as test:
            test.used("oModel", model)
            test.generated("oTest", accuracy=0.5)
            test.data("predictions", np.zeros((2, 2)), direction="generated")
    return run.id


def failed() -> str:
    """A run that an exception ended, in the middle of a task."""
    run = dlprov.start_run("flow")
    task = run.task("Train")
    task.generated("oModel", path="half a model")
    run.finish(error=ValueError("boom\n\x1b[31m" * 3))
    return run.id


def lost() -> str:
    """A run whose process is gone: its log ends in the middle of a line."""
    run = dlprov.start_run("flow", params={"rate": 0.5})
    run.task("Train").generated("oModel", path="model")
    run.log(loss=0.5)
    (path,) = log_files(run_directory(run.store or Path(), run.id))
    text = path.read_bytes()
    run.finish()
    path.write_bytes(text[:-10])
    return run.id


def empty() -> str:
    """A run in which nothing happens."""
    with dlprov.start_run("flow") as run:
        pass
    return run.id


def nested() -> list[str]:
    """A run that is started within another one."""
    with dlprov.start_run("outer") as outer, dlprov.start_run("inner") as inner:
        inner.log(loss=0.5)
    return [outer.id, inner.id]


ODD_TEXTS = [
    "", " ", "😀", '"', "'", "\\", '"""', "]]>", "&amp;<a>", "\n", "a\tb", "a\r\nb\rc", "\0\x01\x1f\x7f\x85",
    "\ufffe\uffff", "-", "%%", "@en", "prov:Plan", "_:id1", "x" * 10_000, "\u2028é", " a ", "\\u0041", "null", "NaN",
    '\\"', "ends in \\",
]  # fmt: skip

ODD_VALUES = [
    *ODD_TEXTS, math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308, 0.1 + 0.2, 1e16, 1e-5, True, False, 0, -1,
    2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63), 2**64 + 1, 10**40, b"\0\xff", [1, [2.5, None, "x"]],
    {"a": {"@": math.nan}},
]  # fmt: skip

ODD_NAMES = [
    "a b", "größe", "1st", "-", ".", "a.", "a:b", "a/b", "_x0041_", "_u0041_", "__x", "x" * 300, "ds_tag", "id", "uuid",
    "epoch", "prov:type", "label", "activity", "entity", "'", '"', "😀", "Case", "case", "user", "select", "\n",
    "wasDerivedFrom", "a\0b",
]  # fmt: skip


def odd() -> str:
    """A run in which everything has a name and a value that some format could stumble over."""
    params = {f"p{number}": value for number, value in enumerate(ODD_VALUES)}
    with dlprov.start_run(
        'the "flow" <&> 😀', name="\x1b[31m", params={**params, **dict.fromkeys(ODD_NAMES, 1)}
    ) as run:
        for number, value in enumerate(ODD_VALUES):
            with run.task(f"T{number % 3} 'x' <&>") as task:
                task.generated("o <set>", value=value, number=number)
        with run.task("Names") as task:
            task.generated("oNames", dict.fromkeys(ODD_NAMES, "x"))
            task.log(dict.fromkeys(ODD_NAMES, math.nan))
            for name in ODD_NAMES:
                task.adaptation(name, 0.1, name, technique=name, reason=name)
    return run.id


KINDS = ("p7", "native", "failed", "lost", "empty", "nested", "odd")
"""Kinds of runs; ``lost`` needs a short ``DLPROV_LOST_AFTER``."""


def recorded(kind: str, store: Path, place: Path) -> list[str]:
    """Runs of a kind, recorded into ``store``, which is the default; files of theirs are in ``place``."""
    if kind == "nested":
        return nested()
    make: dict[str, Callable[[], str]] = {"failed": failed, "lost": lost, "empty": empty, "odd": odd}
    make |= {"p7": lambda: p7(store), "native": lambda: native(place)}
    return [make[kind]()]


def written(statements: Iterable[Statement], name: str) -> bytes:
    """A document in a format of ours."""
    target = io.BytesIO()
    writer(name)(statements, target)
    return target.getvalue()


def parsed(content: bytes, name: str) -> ProvDocument:
    """What ``prov`` reads in one of our formats; it may not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="rdflib")
        document = ProvDocument.deserialize(content=content.decode(), **PARSED[name])
    assert isinstance(document, ProvDocument)
    return document


def facts(document: ProvDocument) -> Counter[Any]:
    """A document as a set of statements that can be compared: NaN equals itself, and types count."""
    return Counter(dict.fromkeys(_fact(record) for record in document.get_records()))


def _fact(record: Any) -> Any:
    values = frozenset((name.uri, type(value).__name__, _comparable(value)) for name, value in record.attributes)
    return (record.get_type().uri, record.identifier.uri if record.identifier else None, values)


def _comparable(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value.uri if isinstance(value, Identifier) else value
