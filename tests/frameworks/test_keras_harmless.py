"""Capture changes nothing: not the weights, not when our own hooks fail, not what others do to Keras."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

import dlprov

IDENTITY = str(Path(__file__).with_name("keras_identity.py"))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_with_and_without_capture(backend, child):
    without = child(backend, IDENTITY, "without")
    captured = child(backend, IDENTITY, "with")
    assert captured.answer == without.answer
    assert without.logs == []
    (log,) = captured.logs
    assert len(log.rows("oTrainingModel")) == 6
    assert log.problems == []


@pytest.mark.slow
def test_a_hook_of_ours_that_raises_changes_nothing_and_is_told_once(backend, child):
    without = child(backend, IDENTITY, "without")
    broken = child(backend, IDENTITY, "faults")
    assert {answer for _, _, answer in broken.answer} == {without.answer[1]}
    logs = {log.run.dataflow: log for log in broken.logs}
    told = [line for line in broken.err.splitlines() if "a fault in" in line]
    # load_model makes a model that nobody captures: there is no log that its fault could stand in.
    unlogged = {"load model"}
    # Nothing exports in this program, since exporting needs TensorFlow.
    unused = {"export"}
    for tag, name, _ in broken.answer:
        if name in unused:
            continue
        assert sum(f"the Keras hook {name} (" in line for line in told) == 1, tag
        if name in unlogged:
            continue
        problems = logs[tag].problems
        assert [problem.where for problem in problems] == [f"the Keras hook {name}"], tag
        assert "broken on purpose" in problems[0].traceback
    assert len(told) == len({name for _, name, _ in broken.answer} - unused)


def test_patches_of_others_survive_in_any_order(one_backend, child):
    code = """
import functools, json
import keras, numpy as np
seen = []
def around(name, cls, attribute):
    original = getattr(cls, attribute)
    @functools.wraps(original)
    def patched(*args, **kwargs):
        seen.append(name)
        return original(*args, **kwargs)
    setattr(cls, attribute, patched)
around("below", keras.Model, "fit")
import dlprov
from dlprov.capture.keras.adapter import install
around("above", keras.Model, "fit")
around("batch", keras.callbacks.CallbackList, "on_train_batch_end")
trainer = next(cls for cls in keras.Model.__mro__[1:] if "evaluate" in vars(cls))
around("late base", trainer, "evaluate")
for _ in range(3):
    install(keras)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.provenance("patched")
model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=4, verbose=0)
model.evaluate(np.ones((8, 2)), np.ones((8, 1)), verbose=0)
print(json.dumps(seen))
"""
    finished = child(one_backend, code=code)
    assert finished.answer == ["above", "below", "batch", "batch", "late base"]
    (log,) = finished.logs
    assert len(log.series("batch_loss")) == 2
    assert len(log.rows("oTrainingModel")) == 1


def test_fifty_steps_and_another_fit_with_nobody_waiting(backend, child):
    """On JAX, touching the state between batches breaks the model for good."""
    code = """
import json
import keras, numpy as np
import dlprov
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(), "mse", metrics=["mae"])
model.provenance("fifty")
x = np.ones((200, 4))
y = np.ones((200, 1))
first = model.fit(x, y, batch_size=4, verbose=0).history
second = model.fit(x, y, batch_size=4, verbose=0).history
print(json.dumps([first["loss"], second["loss"]]))
"""
    finished = child(backend, code=code)
    (log,) = finished.logs
    assert [[value] for _, _, value in log.series("loss")] == finished.answer
    batches = log.series("batch_mae")
    assert [step for _, step, _ in batches] == list(range(100))


def test_steps_per_execution_counts_the_steps(backend, child):
    if backend == "torch":
        pytest.skip("the PyTorch backend has no steps_per_execution")
    code = """
import keras, numpy as np
import dlprov
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse", steps_per_execution=2)
model.provenance("several")
model.fit(np.ones((32, 4)), np.ones((32, 1)), batch_size=4, epochs=2, verbose=0)
"""
    (log,) = child(backend, code=code).logs
    assert [step for _, step, _ in log.series("batch_loss")] == [1, 3, 5, 7, 9, 11, 13, 15]
    assert log.params["steps_per_execution"] == 2


def test_disabled(one_backend, child, monkeypatch):
    code = """
import os
os.environ["DLPROV_DISABLE"] = "1"
import dlprov, keras, numpy as np
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.provenance("nothing")
model.fit(np.ones((8, 2)), np.ones((8, 1)), verbose=0)
assert dlprov.current_run() is None
"""
    finished = child(one_backend, code=code)
    assert finished.logs == []
    assert "dlprov" not in finished.err


def test_no_program_is_started_beside_the_training(store, monkeypatch):
    """Between fork and exec a child holds the locks of the files that the training has open: h5py then fails."""
    starters = []

    class Spy(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            starters.append(threading.current_thread())
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", Spy)
    with dlprov.start_run("programs"):
        pass
    assert set(starters) <= {threading.current_thread()}
