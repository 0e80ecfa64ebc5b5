"""Scenarios that a process of its own runs for the tests: each trains a small model under a dataflow of its name.

Prints one line of JSON: what each scenario saw for itself, to be compared with what was captured.
"""

# Its output is its answer; it runs without pytest.
# ruff: noqa: T201, PT017

from __future__ import annotations

import hashlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

import dlprov

callbacks = keras.callbacks
random = np.random.default_rng(7)
X = random.random((32, 6)).astype("float32")
Y = random.integers(0, 3, 32)


def small(**compile: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8), keras.layers.Activation("relu"), keras.layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": keras.optimizers.SGD(0.1), "loss": loss, "metrics": ["accuracy"], **compile})
    return model


def fit(model: Any, epochs: int = 2, **more: Any) -> dict[str, list[float]]:
    history = model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, **more)
    return {name: [float(value) for value in column] for name, column in history.history.items()}


def sha256(path: Path | str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class Watcher(callbacks.Callback):
    """What a callback sees of every batch; it makes Keras wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[float]] = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append([batch, logs["loss"], logs["accuracy"]])


def plain() -> Any:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, name="my_activation"), keras.layers.ReLU()])
    model.add(keras.layers.Activation("tanh", name="renamed"))
    model.add(keras.layers.Dropout(0.25, name="also_renamed"))
    model.add(keras.layers.Dense(3))
    hyps = {
        "OPTIMIZER_NAME": True,
        "LEARNING_RATE": True,
        "DECAY": False,
        "MOMENTUM": True,
        "NUM_EPOCHS": True,
        "NUM_LAYERS": True,
    }
    model.provenance(
        dataflow_tag="plain", adaptation=True, hyps=hyps, hyperparameters=[("growth_rate", "NUMERIC")], growth_rate=12
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss=loss, metrics=["accuracy"])
    watcher = Watcher()
    history = fit(model, 3, validation_data=(X[:8], Y[:8]), callbacks=[watcher])
    evaluated = model.evaluate(X, Y, verbose=0)
    predicted = model.predict(X, verbose=0)
    return {"history": history, "batches": watcher.batches, "evaluated": evaluated, "predicted": predicted.tolist()}


def unwatched() -> Any:
    """No callback of the user's: Keras dispatches from threads, and values come as they are ready."""
    model = small()
    model.provenance("unwatched")
    return fit(model, 3)


def twice() -> Any:
    model = small()
    model.provenance("twice")
    return [fit(model, 2), fit(model, 1)]


def declared_before_compile() -> Any:
    model = keras.Sequential([keras.layers.Dense(3)])
    model.provenance("declared_before_compile")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return fit(model, 1)


def scheduler() -> Any:
    model = small()
    model.provenance("scheduler", adaptation=True)
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch % 2 else rate)
    return fit(model, 4, callbacks=[halve])


def plateau() -> Any:
    model = small()
    model.provenance("plateau")
    # Nothing ever improves by 100: the rate is halved after every epoch but the first.
    return fit(model, 4, callbacks=[callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)])


def schedule() -> Any:
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5, staircase=True)
    model = small(optimizer=keras.optimizers.Adam(decay))
    model.provenance("schedule")
    return fit(model, 3)


class Halving(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate.numpy()) / 2


def assignment() -> Any:
    model = small()
    model.provenance("assignment")
    fit(model, 3, callbacks=[Halving()])
    model.optimizer.learning_rate = 0.5
    fit(model, 1)
    return None


def assigned_variable() -> Any:
    """Past the property, from a lambda: only the moment tells who it was."""
    model = small()
    model.provenance("assigned_variable")
    change = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.optimizer.learning_rate.assign(0.1 / (epoch + 1))
    )
    return fit(model, 2, callbacks=[change])


class WithinEpoch(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.optimizer.learning_rate = 0.01


def within_epoch() -> Any:
    model = small()
    model.provenance("within_epoch")
    return fit(model, 2, callbacks=[WithinEpoch()])


def tiny_change() -> Any:
    """4e-6 to 2e-6: the same at five decimals, where Keras-Prov looked."""
    model = small(optimizer=keras.optimizers.Adam(4e-6))
    model.provenance("tiny_change")
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: 2e-6 if epoch else rate)
    return fit(model, 2, callbacks=[halve])


def early_stopping() -> Any:
    model = small()
    model.provenance("early_stopping")
    stop = callbacks.EarlyStopping("loss", patience=2, min_delta=100.0, restore_best_weights=True)
    history = fit(model, 10, callbacks=[stop])
    return {"epochs": len(history["loss"]), "stopped": stop.stopped_epoch, "best": stop.best, "wait": stop.wait}


class Stopper(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def stopped_by_user() -> Any:
    model = small()
    model.provenance("stopped_by_user")
    return fit(model, 5, callbacks=[Stopper()])


def checkpoints() -> Any:
    model = small()
    model.provenance("checkpoints")
    directory = Path("checkpoints")
    every = callbacks.ModelCheckpoint(directory / "model-{epoch}.keras")
    weights = callbacks.ModelCheckpoint(directory / "last.weights.h5", save_weights_only=True)
    fit(model, 2, callbacks=[every, weights])
    model.save("final.keras")
    model.save_weights("final.weights.h5")
    keras.saving.save_model(model, "other.keras")
    files = [*(directory / f"model-{epoch}.keras" for epoch in (1, 2)), directory / "last.weights.h5"]
    return {Path(path).name: sha256(path) for path in [*files, "final.keras", "final.weights.h5", "other.keras"]}


def loading() -> Any:
    model = small()
    model.save("start.keras")
    model.save_weights("start.weights.h5")
    loaded = keras.models.load_model("start.keras")
    loaded.provenance("loading")
    loaded.load_weights("start.weights.h5")
    fit(loaded, 1)
    return [sha256("start.keras"), sha256("start.weights.h5")]


class Failing(callbacks.Callback):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise self.error


def failing() -> Any:
    model = small()
    model.provenance("failing")
    error = ValueError("the user's own")
    try:
        fit(model, callbacks=[Failing(error)])
    except ValueError as caught:
        assert caught is error
        assert caught.__cause__ is None
    model.evaluate(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    return None


def mended() -> Any:
    model = small()
    model.provenance("mended")
    try:
        fit(model, callbacks=[Failing(ValueError("first"))])
    except ValueError:
        pass
    return fit(model, 1)


def interrupted() -> Any:
    model = small()
    model.provenance("interrupted")
    try:
        fit(model, callbacks=[Failing(KeyboardInterrupt())])
    except KeyboardInterrupt:
        return "passed through"
    return None


def wrong_call() -> Any:
    """Keras's own complaint passes, and says which call it was."""
    model = small()
    model.provenance("wrong_call")
    try:
        model.fit(X, Y, no_such_argument=1)
    except TypeError as error:
        return str(error)
    return None


def shapes_of_callbacks() -> Any:
    model = small()
    model.provenance("shapes_of_callbacks")
    same = [Stopper()]
    for given in (None, (Stopper(),), Stopper(), same, same):
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=given)
    model.fit(X, Y, 8, 1, 0, same)
    return len(same)


class Overriding(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)

    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)


def overriding() -> Any:
    model = Overriding()
    model.provenance("overriding")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return fit(model, 2, validation_split=0.25)


class Evaluating(callbacks.Callback):
    def __init__(self, other: Any) -> None:
        super().__init__()
        self.other = other

    def on_epoch_end(self, epoch, logs=None):
        self.model.evaluate(X, Y, verbose=0)
        self.other.fit(X, Y, epochs=1, verbose=0)


def nested() -> Any:
    model, other = small(), small()
    model.provenance("nested")
    other.provenance("nested_inner")
    fit(model, 2, validation_split=0.25, callbacks=[Evaluating(other)])
    return None


def threads() -> Any:
    models = [small(), small()]
    for number, model in enumerate(models):
        model.provenance(f"thread_{number}")
    workers = [threading.Thread(target=fit, args=(model, 3)) for model in models]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return None


def clone() -> Any:
    model = small()
    attributes = set(vars(model))
    model.provenance("clone")
    assert set(vars(model)) == attributes
    copy = keras.models.clone_model(model)
    copy.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(copy, 1)
    assert "provenance" not in json.dumps(model.get_config())
    return None


class Batches(keras.utils.PyDataset):
    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        self.read += 1
        return X[index * 8 : index * 8 + 8], Y[index * 8 : index * 8 + 8]


def data_sets() -> Any:
    model = small()
    model.provenance("data_sets")
    batches = Batches()
    model.fit(batches, epochs=2, verbose=0)
    taken = []

    def generator():
        while True:
            taken.append(1)
            yield X[:8], Y[:8]

    model.fit(generator(), steps_per_epoch=3, epochs=1, verbose=0)
    return {"read": batches.read, "taken": len(taken)}


def names() -> Any:
    inputs = keras.Input((6,), name="features")
    first = keras.layers.Dense(3, name="first")(inputs)
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="deep")], name="inner")
    second = inner(first)
    model = keras.Model(inputs, {"one": first, "two": second})
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", {"one": loss, "two": "mse"}, metrics={"one": ["accuracy"], "two": ["mae"]})
    model.provenance("names")
    targets = {"one": Y, "two": random.random((32, 2))}
    history = model.fit({"features": X}, targets, batch_size=8, epochs=1, verbose=0)
    evaluated = model.evaluate({"features": X}, targets, verbose=0, return_dict=True)
    return {"history": sorted(history.history), "evaluated": {name: float(value) for name, value in evaluated.items()}}


class AddsMetric(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["of_callback"] = epoch + 0.5


def not_a_number() -> Any:
    model = small(optimizer=keras.optimizers.SGD(1e30))
    model.provenance("not_a_number")
    fit(model, 3, callbacks=[callbacks.TerminateOnNaN(), AddsMetric()])
    return None


def loss_scaling() -> Any:
    inner = keras.optimizers.Adam(0.01, epsilon=1e-5)
    model = small(optimizer=keras.optimizers.LossScaleOptimizer(inner))
    model.provenance("loss_scaling")
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / (epoch + 1))
    return fit(model, 2, callbacks=[halve])


def tested_first() -> Any:
    model = small()
    model.provenance("tested_first", hyps={})
    model.evaluate(X, Y, verbose=0)
    fit(model, 1)
    model.evaluate(X, Y, verbose=0)
    return None


def inside_a_run() -> Any:
    with dlprov.start_run("inside_a_run") as run:
        model = small()
        model.provenance()
        fit(model, 1)
        assert dlprov.current_run() is run
        second = small()
        second.provenance()
        fit(second, 1)
        other = small()
        other.provenance("inside_another")
        fit(other, 1)
        assert dlprov.current_run() is run
        assert run.status == "running"
    assert dlprov.current_run() is None
    model.evaluate(X, Y, verbose=0)
    return run.id


def refused() -> Any:
    model = small()
    told = []
    for arguments in (
        {"hyps": {"learning_rate": True}},
        {"hyps": ["LEARNING_RATE"]},
        {"hyperparameters": [("growth", "NUMBER")]},
        {"hyperparameters": "growth"},
        {"dataflow_tag": 5},
        {"transformations": [1]},
    ):
        try:
            model.provenance(**arguments)
        except dlprov.UsageError as error:
            told.append(str(error))
    try:
        dlprov.provenance("no model")
    except dlprov.UsageError as error:
        told.append(str(error))
    return told


ALL = (
    plain,
    unwatched,
    twice,
    declared_before_compile,
    scheduler,
    plateau,
    schedule,
    assignment,
    assigned_variable,
    within_epoch,
    tiny_change,
    early_stopping,
    stopped_by_user,
    checkpoints,
    loading,
    failing,
    mended,
    interrupted,
    wrong_call,
    shapes_of_callbacks,
    overriding,
    nested,
    threads,
    clone,
    data_sets,
    names,
    not_a_number,
    loss_scaling,
    tested_first,
    inside_a_run,
    refused,
)

if __name__ == "__main__":
    told = {}
    for scenario in ALL:
        began = time.perf_counter()
        told[scenario.__name__] = scenario()
        print(f"{scenario.__name__}: {time.perf_counter() - began:.2f} s", flush=True)
    print(json.dumps(told))
