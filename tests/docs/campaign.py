"""A small campaign whose answers can be worked out by hand: what the questions page is asked about.

Four trainings of the dataflow ``alexnet`` (optimizer, rate, filter of the input), the second half of them on a filtered
file; and one federated training of two rounds with two clients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import dlprov

RUNS = (
    # name, optimizer, rate, filter, validation accuracy of the epochs
    ("first", "adam", 0.001, "none", (0.50, 0.60, 0.70)),
    ("second", "adam", 0.01, "none", (0.40, 0.45, 0.44)),
    ("third", "sgd", 0.001, "gray", (0.55, 0.65, 0.80)),
    ("fourth", "sgd", 0.01, "gray", (0.30, 0.35, 0.20)),
)
"""Training accuracy is 0.1 above, loss is 1 less the validation accuracy; an epoch takes ten seconds with adam and 20
with sgd. The rate is halved before the last epoch."""


def record(store: Path, directory: Path) -> None:
    """Record the campaign; its files are written to ``directory``."""
    raw = directory / "flowers.csv"
    raw.write_text("petal,label\n1,a\n2,b\n")
    for name, optimizer, rate, applied, accuracies in RUNS:
        _training(store, directory, raw, name, optimizer, rate, applied, accuracies)
    _federated(store)


def _training(
    store: Path,
    directory: Path,
    raw: Path,
    name: str,
    optimizer: str,
    rate: float,
    applied: str,
    accuracies: tuple[float, ...],
) -> None:
    params = {"optimizer": optimizer, "learning_rate": rate, "epochs": len(accuracies)}
    with dlprov.start_run("alexnet", store=store, name=name, params=params, tags={"team": "vision"}) as run:
        with run.task("LoadData") as load:
            load.artifact(raw, kind="data", direction="used")
            load.used("iLoadData", dataset_name="flowers", source="https://example.org/flowers")
            loaded = load.generated("oLoadData", samples=100)
        with run.task("ApplyFilter", depends_on=[load]) as select:
            select.used("oLoadData", loaded)
            select.used("iFilter", filter_type=applied)
            filtered = select.generated("oFilter", samples=90)
            file = directory / f"{applied}.npy"
            file.write_bytes(applied.encode())
            select.artifact(file, kind="data")
        with run.task("DenseBlock") as block:
            block.used("iDenseBlock", growth_rate=12 if optimizer == "adam" else 24, layers=3)
        with run.task("Train", depends_on=[select]) as train:
            train.used("oFilter", filtered)
            train.artifact(file, kind="data", direction="used")
            train.data("x", np.full((4, 2), 0.0 if applied == "none" else 1.0))
            seconds = 10.0 if optimizer == "adam" else 20.0
            for epoch, value in enumerate(accuracies):
                if epoch == len(accuracies) - 1:
                    train.adaptation(
                        "learning_rate", rate, rate / 2, technique="LearningRateScheduler", reason="drop", epoch=epoch
                    )
                metrics = {"loss": 1 - value, "accuracy": value + 0.1, "val_accuracy": value}
                train.log(metrics, epoch=epoch)
                train.generated("oTrain", epoch=epoch, elapsed_time=seconds, **metrics)
            model = directory / f"{name}.keras"
            model.write_bytes(name.encode())
            train.artifact(model, kind="model")
            trained = train.generated("oTrainedModel", model_name=name, weights=1000 * len(applied))
        with run.task("Test", depends_on=[train]) as test:
            test.used("oTrainedModel", trained)
            test.artifact(model, kind="model", direction="used")
            test.generated("oTest", loss=1.05 - accuracies[-1], accuracy=accuracies[-1] - 0.05)
        run.note("looks well" if accuracies[-1] > 0.6 else "to be repeated")


def _federated(store: Path) -> None:
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
