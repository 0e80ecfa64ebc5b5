"""Trains one model from a seed and prints the SHA-256 of all its weights, and of what it answers.

Argument: ``without`` never imports dlprov; ``with`` captures; ``faults`` captures with every hook raising in turn, and
prints one hash for each. Otherwise two hashes: of the first training of the model, and of the second.
"""

# Its output is its answer, and whether dlprov is imported is what it is about.
# ruff: noqa: T201, PLC0415

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import keras
import numpy as np


def train(model: Any, x: Any, y: Any) -> str:
    keras.utils.set_random_seed(12)

    def schedule(epoch: int, rate: float) -> float:
        return rate / (epoch + 1)

    callbacks = [
        keras.callbacks.LearningRateScheduler(schedule),
        keras.callbacks.ModelCheckpoint("identity.weights.h5", save_weights_only=True),
        keras.callbacks.EarlyStopping("val_loss", patience=5),
    ]
    history = model.fit(
        x, y, batch_size=8, epochs=3, validation_split=0.25, verbose=0, callbacks=callbacks, shuffle=True
    )
    answers = [model.evaluate(x, y, verbose=0, return_dict=True), history.history]
    model.save("identity.keras")
    model.save_weights("other.weights.h5")
    model.load_weights("other.weights.h5")
    keras.saving.save_model(model, "identity.keras")
    keras.saving.load_model("identity.keras")
    digest = hashlib.sha256(np.ascontiguousarray(model.predict(x, verbose=0)).tobytes())
    for weight in [*model.weights, *model.optimizer.variables]:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    digest.update(json.dumps(answers, sort_keys=True, default=float).encode())
    return digest.hexdigest()


def make() -> tuple[Any, Any, Any]:
    keras.utils.set_random_seed(11)
    x = np.random.rand(48, 6).astype("float32")
    y = np.random.randint(0, 3, 48)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.3)])
    model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Dense(3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model, x, y


class Restarts:
    """One model that is trained from the same start again and again: making it anew would compile it anew.

    The first training of a model draws other random numbers than the later ones, for it builds the metrics.
    """

    def __init__(self) -> None:
        self.model, self.x, self.y = make()
        self.variables = [*self.model.variables, *self.model.optimizer.variables]
        self.start = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self.variables]

    def train(self) -> str:
        for variable, value in zip(self.variables, self.start, strict=True):
            variable.assign(value)
        return train(self.model, self.x, self.y)


def with_faults(restarts: Restarts) -> list[list[Any]]:
    import dlprov
    from dlprov.capture.keras.adapter import HOOKS

    def broken(invocation: Any) -> None:
        raise RuntimeError("broken on purpose")

    found = []
    for hook in HOOKS:
        for side in ("before", "after"):
            original = getattr(hook, side)
            if original is None:
                continue
            setattr(hook, side, broken)
            restarts.model.provenance(f"{hook.name} {side}")
            found.append([f"{hook.name} {side}", hook.name, restarts.train()])
            setattr(hook, side, original)
            assert dlprov.current_run() is None
    return found


if __name__ == "__main__":
    if sys.argv[1] != "without":
        import dlprov  # noqa: F401
    restarts = Restarts()
    if sys.argv[1] == "with":
        restarts.model.provenance("identity", adaptation=True)
    first = restarts.train()
    if sys.argv[1] == "faults":
        print(json.dumps(with_faults(restarts)))
    else:
        print(json.dumps([first, restarts.train()]))
    assert ("dlprov" in sys.modules) == (sys.argv[1] != "without")
