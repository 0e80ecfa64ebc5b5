"""Trains one model from a seed and prints the SHA-256 of all its weights, and of what it answers.

Argument: ``without`` never imports dlprov; ``with`` captures; ``faults`` captures with every hook raising in turn, and
prints one hash for each.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import keras
import numpy as np


def train(model: Any, x: Any, y: Any) -> str:
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


def with_faults() -> list[list[Any]]:
    import dlprov
    from dlprov.capture.keras.adapter import HOOKS

    def broken(invocation: Any) -> None:
        raise RuntimeError("broken on purpose")

    # One model, set back each time: making it anew would compile it anew.
    model, x, y = make()
    variables = [*model.variables, *model.optimizer.variables]
    start = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    found = []
    for hook in HOOKS:
        for side in ("before", "after"):
            original = getattr(hook, side)
            if original is None:
                continue
            setattr(hook, side, broken)
            for variable, value in zip(variables, start, strict=True):
                variable.assign(value)
            keras.utils.set_random_seed(11)
            np.random.rand(48, 6), np.random.randint(0, 3, 48)
            model.provenance(f"{hook.name} {side}")
            found.append([f"{hook.name} {side}", hook.name, train(model, x, y)])
            setattr(hook, side, original)
            assert dlprov.current_run() is None
    return found


if __name__ == "__main__":
    if sys.argv[1] == "faults":
        print(json.dumps(with_faults()))
        sys.exit()
    if sys.argv[1] == "with":
        import dlprov  # noqa: F401
    model, x, y = make()
    if sys.argv[1] == "with":
        model.provenance("identity", adaptation=True)
    print(json.dumps(train(model, x, y)))
    assert ("dlprov" in sys.modules) == (sys.argv[1] == "with")
