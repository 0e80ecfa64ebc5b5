from __future__ import annotations

import importlib.util
import json
import sys

import pytest

import dlprov


def test_what_is_missing_is_named_with_the_way_to_get_it(dlprov_command, store):
    found = dlprov_command("demo", env={"KERAS_BACKEND": "no_such_backend"})
    assert found.returncode == 1
    assert found.stderr == (
        "dlprov: the demo needs no_such_backend, which is not installed: pip install 'dlprov[demo]'\n"
    )
    assert not list(store.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("keras", "jax", "sklearn")), reason="needs dlprov[demo]"
)
def test_the_whole_demo(dlprov_command, store):
    found = dlprov_command("demo", env={"KERAS_BACKEND": "jax"})
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    lines = found.stdout.splitlines()

    # The live lines: every epoch of both trainings, as the store told it.
    live = [line.split() for line in lines if line.startswith("  epoch ")]
    stored = dlprov.query(
        """
        SELECT o.epoch_id, o.loss, o.accuracy, o.val_accuracy, t.run_id
        FROM "keras-alexnet-df".otrainingmodel AS o JOIN task AS t ON t.id = o.trainingmodel_task_id
        ORDER BY t.run_id, o.epoch_id
        """
    ).rows()
    assert [[int(line[1]), line[3], line[5], line[7]] for line in live] == [
        [epoch, f"{loss:.4f}", f"{accuracy:.4f}", f"{val_accuracy:.4f}"]
        for epoch, loss, accuracy, val_accuracy, _ in stored
    ]

    # The first question: what Keras's own schedule must have done, 0.001 halved in every third epoch.
    adapted = [line.split() for line in lines if "LearningRateScheduler" in line]
    for name in ("none", "gaussian"):
        of_filter = [(row[1], float(row[2]), float(row[3])) for row in adapted if row[0] == name]
        epochs = len({row[0] for row in stored if row[4] == stored[0 if name == "none" else -1][4]})
        rate, expected = 0.001, []
        for epoch in range(3, epochs, 3):
            expected.append((str(epoch), rate, rate / 2))
            rate /= 2
        assert of_filter == expected

    # The second: both filters, and numbers that are those of the tests.
    effect = {row[0]: row for row in map(str.split, lines[-20:]) if row and row[0] in {"none", "gaussian"}}
    tested = dlprov.query('SELECT otest_accuracy FROM "keras-alexnet-df".otestingmodel').rows()
    told = sorted(float(row[-1]) for row in effect.values())
    assert told == pytest.approx(sorted(value for (value,) in tested), abs=1e-5)
    assert all(float(row[-1]) > 0.8 for row in effect.values()), "the example learns to read"

    # What it says to type next works.
    for words in (["runs"], ["show", "last"], ["runs", "--best", "val_accuracy"], ["verify", "--all"]):
        assert any(line.startswith(f"  dlprov {' '.join(words)} ") for line in lines)
        assert dlprov_command(*words).returncode == 0
    assert dlprov_command("query", 'FROM "keras-alexnet-df".otrainingmodel').returncode == 0

    run = json.loads(dlprov_command("show", "--format", "json").stdout)
    assert run["status"] == "finished"
    assert {"Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout", "Activation"} <= {
        row["type"] for row in run["layers"]
    }
    assert {row["kind"] for row in run["artifacts"]} == {"checkpoint"}
    assert run["problems"] == []


def test_the_demo_module_loads_no_framework(store):
    assert sys.modules.get("dlprov.demo") is None or "sklearn" not in vars(sys.modules["dlprov.demo"])
