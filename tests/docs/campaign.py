"""A small campaign whose answers can be worked out by hand: what the questions page is asked about.

Six trainings of the dataflow ``alexnet`` (optimizer, rate, batch size, dropout, filter of the input), one that fails,
two of ``finetuning`` that go on from the best model, and one of ``federated`` with two rounds and two clients.

Run as a script, ``campaign.py STORE DIRECTORY`` records it all and prints the ids of the runs by their names, as JSON.
Its files are written to ``DIRECTORY``, with the provenance document ``garden.provn`` about the training data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import dlprov
from dlprov import Element, Run, Task


class Training(NamedTuple):
    """One training. Its accuracy is 0.05 an epoch above the validation's; its loss is 1 less the validation accuracy.

    An epoch takes ten seconds with adam and 20 with sgd, half of that in batches of 64. The rate is halved before the
    third epoch.
    """

    name: str
    optimizer: str
    rate: float
    batch_size: int
    dropout: float
    filter: str
    modality: str
    accuracies: tuple[float, ...]


TRAININGS = (
    Training("first", "adam", 0.001, 32, 0.5, "none", "visual", (0.50, 0.60, 0.70)),
    Training("second", "adam", 0.01, 32, 0.5, "none", "audio", (0.40, 0.45, 0.44)),
    Training("third", "sgd", 0.001, 32, 0.2, "gray", "speech", (0.55, 0.65, 0.80)),
    Training("fourth", "sgd", 0.01, 64, 0.4, "gray", "smell", (0.30, 0.25, 0.20)),
    Training("repeat", "adam", 0.01, 32, 0.5, "none", "smell", (0.40, 0.45, 0.44)),
    Training("split", "adam", 0.001, 64, 0.4, "gray", "smell", (0.50, 0.55, 0.60, 0.60, 0.65, 0.70)),
)
"""``repeat`` is ``second`` once more; ``split`` does in two steps what the others do in ``ApplyFilter``."""

FIRST_VERSION = b"petal,label\n1,a\n2,b\n"
SECOND_VERSION = b"petal,label\n1,a\n2,c\n"
"""The training data before and after a wrong label was put right. Runs from ``third`` on have the second version."""

LARGE = 100_000_001
"""Bytes of a file that is larger than 100 MB; it is a hole, and takes no place on the disk."""

DOCUMENT = """document
  prefix ex <http://example.org/>
  prefix dlprov <https://w3id.org/dlprov#>
  entity(ex:flowers, [prov:label="Flowers of the garden"])
  entity(dlprov:file-{first}, [ex:checked="by one"])
  entity(dlprov:file-{second}, [ex:checked="by two"])
  specializationOf(dlprov:file-{first}, ex:flowers)
  specializationOf(dlprov:file-{second}, ex:flowers)
  activity(ex:correction, 2026-05-04T09:00:00, 2026-05-04T10:00:00, [prov:label="label of flower 2 put right"])
  wasGeneratedBy(dlprov:file-{second}, ex:correction, 2026-05-04T10:00:00)
  wasDerivedFrom(dlprov:file-{second}, dlprov:file-{first}, ex:correction, -, -, [prov:type='prov:Revision'])
  agent(ex:ann, [prov:type='prov:Person', prov:label="Ann"])
  agent(ex:garden, [prov:type='prov:Organization', prov:label="Botanical garden"])
  wasAttributedTo(dlprov:file-{second}, ex:ann)
  actedOnBehalfOf(ex:ann, ex:garden, -)
endDocument
"""
"""What the garden says of its data, in PROV-N."""


def record(store: Path, directory: Path) -> dict[str, str]:
    """Record the campaign; its files are written to ``directory``.

    Returns:
        The ids of the runs by their names.
    """
    raw = directory / "flowers.csv"
    raw.write_bytes(FIRST_VERSION)
    runs = []
    for number, training in enumerate(TRAININGS):
        if number == 2:
            raw.write_bytes(SECOND_VERSION)
        runs.append(_training(store, directory, raw, training))
    runs.append(_broken(store, directory))
    runs.append(_finetuning(store, directory, "tuned", rate=0.0001, r2=0.81, meter=(1.5, 2.0)))
    runs.append(_finetuning(store, directory, "tuned-longer", rate=0.0002, r2=0.87, meter=(2.5, 4.0)))
    runs.append(_federated(store))
    versions = {"first": _content(FIRST_VERSION), "second": _content(SECOND_VERSION)}
    (directory / "garden.provn").write_text(DOCUMENT.format(**versions), encoding="utf-8")
    return {name: run.id for name, run in runs}


def _content(version: bytes) -> str:
    return hashlib.sha256(version).hexdigest()


def _training(store: Path, directory: Path, raw: Path, training: Training) -> tuple[str, Run]:
    name, accuracies = training.name, training.accuracies
    params = {
        "optimizer": training.optimizer,
        "learning_rate": training.rate,
        "batch_size": training.batch_size,
        "epochs": len(accuracies),
    }
    tags = {"team": "vision", "modality": training.modality, "container": "example/alexnet:2.1"}
    with dlprov.start_run("alexnet", store=store, name=name, params=params, tags=tags) as run:
        with run.task("LoadData") as load:
            load.artifact(raw, kind="data", direction="used")
            load.used("iLoadData", dataset_name="flowers", source=f"https://example.org/{training.filter}")
            loaded = load.generated("oLoadData", samples=100)
        prepare, filtered, file = _prepare(run, directory, training, load, loaded)
        with run.task("DenseBlock") as block:
            block.used("iDenseBlock", growth_rate=12 if training.optimizer == "adam" else 24, layers=3)
            dense = block.generated("oDenseBlock", channels=64)
        with run.task("Train", depends_on=[prepare, block]) as train:
            train.used("oFilter", filtered)
            train.used("oDenseBlock", dense)
            train.used("iTrain", dropout=training.dropout, layers=8, **params)
            train.artifact(file, kind="data", direction="used")
            settings = directory / "train.yaml"
            settings.write_text("shuffle: true\n")
            train.artifact(settings, kind="configuration", direction="used")
            train.data("x", np.full((4, 2), 0.0 if training.filter == "none" else 1.0))
            _epochs(train, training)
            model = directory / f"{name}.keras"
            model.write_text(f"{training.optimizer} {training.rate} {training.filter} {accuracies}")
            train.artifact(model, kind="model")
            trained = train.generated("oTrainedModel", model_name=name, weights=1000 * len(training.filter))
        with run.task("Test", depends_on=[train]) as test:
            test.used("oTrainedModel", trained)
            test.artifact(model, kind="model", direction="used")
            test.generated("oTest", loss=1.05 - accuracies[-1], accuracy=accuracies[-1] - 0.05)
            predictions = directory / f"{name}.csv"
            predictions.write_text(f"flower,label\n1,{accuracies[-1]}\n")
            test.artifact(predictions, kind="predictions")
        run.note("looks well" if accuracies[-1] > 0.6 else "to be repeated")
    return name, run


def _prepare(
    run: Run, directory: Path, training: Training, load: Task, loaded: Element | None
) -> tuple[Task, Element | None, Path]:
    """The filter: one step, or two that do the same."""
    step, before, used, file = "ApplyFilter", load, ("oLoadData", loaded), directory / f"{training.filter}.npy"
    if training.name == "split":
        with run.task("Resize", depends_on=[load]) as resize:
            resize.used("oLoadData", loaded)
            used = ("oResize", resize.generated("oResize", samples=90))
        step, before, file = "ToGray", resize, directory / "resized.npy"
    with run.task(step, depends_on=[before]) as task:
        task.used(*used)
        task.used("iFilter", filter_type=training.filter)
        task.param(size=224, channels=3 if training.filter == "none" else 1)
        filtered = task.generated("oFilter", samples=90)
        file.write_text(file.stem)
        task.artifact(file, kind="data")
    return task, filtered, file


def _epochs(train: Task, training: Training) -> None:
    rate = training.rate
    seconds = (10.0 if training.optimizer == "adam" else 20.0) * 32 / training.batch_size
    for epoch, value in enumerate(training.accuracies):
        if epoch == 2:
            train.adaptation(
                "learning_rate", rate, rate / 2, technique="LearningRateScheduler", reason="drop", epoch=epoch
            )
        metrics = {"loss": 1 - value, "accuracy": value + 0.05 * (epoch + 1), "val_accuracy": value}
        train.log(metrics, epoch=epoch)
        train.generated("oTrain", epoch=epoch, elapsed_time=seconds, **metrics)


def _broken(store: Path, directory: Path) -> tuple[str, Run]:
    with (
        contextlib.suppress(FileNotFoundError),
        dlprov.start_run("alexnet", store=store, name="broken") as run,
        run.task("LoadData") as load,
    ):
        load.used("iLoadData", dataset_name="trees", source="https://example.org/trees")
        (directory / "trees.csv").read_text()
    return "broken", run


def _finetuning(
    store: Path, directory: Path, name: str, *, rate: float, r2: float, meter: tuple[float, float]
) -> tuple[str, Run]:
    """``meter`` is what the script itself measured in each of two epochs: energy in watt-hours."""
    with dlprov.start_run("finetuning", store=store, name=name, params={"learning_rate": rate}) as run:
        with run.task("Embed") as embed:
            large = directory / "embeddings.npy"
            with large.open("wb") as file:
                file.truncate(LARGE)
            embed.log({"system/cpu_seconds": 3.0, "system/memory": 2e9, "system/disk": 1e8})
        with run.task("FineTune", depends_on=[embed]) as tune:
            tune.artifact(directory / "third.keras", kind="model", direction="used")
            tune.artifact(large, kind="data", direction="used")
            for epoch, energy in enumerate(meter):
                tune.log(epoch=epoch, r2=r2 - 0.1 + 0.1 * epoch, energy_wh=energy)
            time.sleep(0.2)
            tune.log({"system/cpu_seconds": 40.0, "system/memory": 6e9, "system/disk": 5e6})
            model = directory / f"{name}.keras"
            model.write_text(name)
            tune.artifact(model, kind="model")
    return name, run


def _federated(store: Path) -> tuple[str, Run]:
    with dlprov.start_run("federated", store=store, name="rounds", params={"clients": 2}) as run:
        for number in (1, 2):
            made: list[Any] = []
            for client in ("hospital-a", "hospital-b"):
                with run.task("ClientTraining") as task:
                    task.used("iClientTraining", round=number, client=client, learning_rate=0.1 / number)
                    accuracy = 0.5 + 0.1 * number + (0.05 if client == "hospital-b" else 0)
                    made.append(task.generated("oClientTraining", round=number, client=client, accuracy=accuracy))
            with run.task("Aggregation") as task:
                task.used("oClientTraining", *made)
                task.generated("oAggregation", round=number, accuracy=0.525 + 0.1 * number)
                if number == 2:
                    task.adaptation("learning_rate", 0.1, 0.05, technique="server", reason="plateau", step=2)
    return "rounds", run


if __name__ == "__main__":
    sys.stdout.write(json.dumps(record(Path(sys.argv[1]), Path(sys.argv[2]))))
