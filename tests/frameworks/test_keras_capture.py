"""What is captured of stock Keras models, compared with what the models and their callbacks say themselves."""

from __future__ import annotations

import pytest

from dlprov.log import events


def test_every_scenario_is_recorded_without_a_problem(scenarios):
    assert len(scenarios.logs) > 25
    assert [problem for log in scenarios.logs for problem in log.problems] == []
    assert "a fault in" not in scenarios.err


def test_epochs_equal_history(scenarios):
    log, told = scenarios.run("plain"), scenarios.told["plain"]
    for name, column in told["history"].items():
        assert [value for _, _, value in log.series(name)] == column
    assert [(epoch, step) for epoch, step, _ in log.series("loss")] == [(0, 3), (1, 7), (2, 11)]
    rows = log.rows("oTrainingModel")
    assert [row["EPOCH_ID"] for row in rows] == [0, 1, 2]
    assert [row["val_loss"] for row in rows] == told["history"]["val_loss"]
    assert all(float(row["ELAPSED_TIME"]) > 0 and float(row["OTRAIN_TIMESTAMP"]) > 1.6e9 for row in rows)


def test_batches_are_in_order_and_equal_what_a_callback_sees(scenarios):
    log, told = scenarios.run("plain"), scenarios.told["plain"]
    assert [step for _, step, _ in log.series("batch_loss")] == list(range(12))
    assert [value for _, _, value in log.series("batch_loss")] == [loss for _, loss, _ in told["batches"]]
    assert [value for _, _, value in log.series("batch_accuracy")] == [accuracy for _, _, accuracy in told["batches"]]


def test_batches_that_nobody_waits_for_end_at_the_values_of_the_epochs(scenarios):
    log = scenarios.run("unwatched")
    batches = log.series("batch_loss")
    assert [step for _, step, _ in batches] == list(range(12))
    assert [epoch for epoch, _, _ in batches] == [0] * 4 + [1] * 4 + [2] * 4
    assert [value for _, step, value in batches if step % 4 == 3] == scenarios.told["unwatched"]["loss"]


def test_plan_has_the_sets_and_columns_of_keras_prov(scenarios):
    log = scenarios.run("plain")
    assert log.columns("iLayers") == ["ILTIMESTAMP", "NAME", "ATTRIBUTE_TYPE", "VALUE"]
    assert log.columns("iTrainingModel") == [
        "ITRAIN_TIMESTAMP",
        "OPTIMIZER_NAME",
        "LEARNING_RATE",
        "MOMENTUM",
        "NUM_EPOCHS",
        "NUM_LAYERS",
        "growth_rate",
    ]
    assert log.columns("oTrainingModel") == [
        "OTRAIN_TIMESTAMP",
        "ELAPSED_TIME",
        "EPOCH_ID",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
    ]
    assert log.columns("oAdaptation") == ["NEW_LRATE", "ATIMESTAMP", "EPOCH_ID", "ADAPTATION_ID"]
    assert log.columns("oTestingModel") == ["OTEST_TIMESTAMP", "otest_loss", "otest_accuracy"]
    tags = [step.tag for step in log.of(events.Plan)[0].dataflow.transformations]
    assert tags == ["TrainingModel", "Adaptation", "TestingModel"]
    for plan in log.of(events.Plan):
        for step in plan.dataflow.transformations[1:]:
            assert (step.sets[0].tag, step.sets[0].dependency) == ("oTrainingModel", "TrainingModel")


def test_rows_of_layers_go_by_class_and_not_by_name(scenarios):
    rows = [(row["NAME"], row["ATTRIBUTE_TYPE"], row["VALUE"]) for row in scenarios.run("plain").rows("iLayers")]
    assert [(kind, value) for _, kind, value in rows] == [
        ("activation", "re_lu"),
        ("activation", "tanh"),
        ("dropout", "0.25"),
    ]
    assert [name for name, _, _ in rows][1:] == ["renamed", "also_renamed"]


def test_hyperparameters_as_row_and_as_parameters(scenarios):
    log = scenarios.run("plain")
    (row,) = log.rows("iTrainingModel")
    del row["ITRAIN_TIMESTAMP"]
    assert row == {
        "OPTIMIZER_NAME": "SGD",
        "LEARNING_RATE": 0.1,
        "MOMENTUM": 0.9,
        "NUM_EPOCHS": 3,
        "NUM_LAYERS": 5,
        "growth_rate": 12,
    }
    expected = {
        "optimizer_name": "SGD",
        "learning_rate": 0.1,
        "decay": 0,
        "momentum": 0.9,
        "num_epochs": 3,
        "batch_size": 8,
        "num_layers": 5,
        "optimizer.class": "SGD",
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": False,
        "epochs": 3,
        "initial_epoch": 0,
        "loss": "SparseCategoricalCrossentropy",
        "loss.from_logits": True,
        "metrics": ["accuracy"],
        "steps_per_execution": 1,
        "run_eagerly": False,
        "dtype_policy": "float32",
        "model.weights": 6 * 8 + 8 + 8 * 3 + 3,
        "model.class": "Sequential",
    }
    assert expected.items() <= log.params.items()
    assert "jit_compile" in log.params
    assert [entry["class"] for entry in log.params["callbacks"]] == ["Watcher"]


def test_omitted_hyps_are_all_of_them_and_the_seed_is_known(scenarios):
    log = scenarios.run("unwatched")
    (row,) = log.rows("iTrainingModel")
    assert list(row) == [
        "ITRAIN_TIMESTAMP",
        "OPTIMIZER_NAME",
        "LEARNING_RATE",
        "DECAY",
        "MOMENTUM",
        "NUM_EPOCHS",
        "BATCH_SIZE",
        "NUM_LAYERS",
    ]
    assert log.params["seed"] == 3


def test_layers_with_their_configuration(scenarios):
    layers = scenarios.run("unwatched").of(events.Layer)
    assert [(layer.position, layer.type, layer.weights) for layer in layers] == [
        (0, "Dense", 56),
        (1, "Activation", 0),
        (2, "Dense", 27),
    ]
    assert layers[0].config["units"] == 8
    assert layers[1].config["activation"] == "relu"


def test_layers_of_inner_models_and_metrics_of_several_outputs(scenarios):
    log, told = scenarios.run("names"), scenarios.told["names"]
    assert "inner.deep" in [layer.name for layer in log.of(events.Layer)]
    columns = log.columns("oTrainingModel")
    assert columns[3] == "loss"
    named = [name for name in columns[3:] if not name.startswith("val_")]
    assert sorted(named) == told["history"]
    (row,) = log.rows("oTrainingModel")
    assert all(row[name] is not None for name in told["history"])
    assert row["val_loss"] is None
    (test,) = log.rows("oTestingModel")
    assert {name: test[f"otest_{name}"] for name in told["evaluated"]} == told["evaluated"]
    roles = {data.role for data in log.of(events.Data)}
    assert {"x.features", "y.one", "y.two"} <= roles


def test_evaluate_and_predict(scenarios):
    log, told = scenarios.run("plain"), scenarios.told["plain"]
    (row,) = log.rows("oTestingModel")
    assert [row["otest_loss"], row["otest_accuracy"]] == told["evaluated"]
    assert [log.series("test_loss")[0][2], log.series("test_accuracy")[0][2]] == told["evaluated"]
    training, testing, prediction = (log.tasks(name)[0] for name in ("TrainingModel", "TestingModel", "Prediction"))
    assert (training.identifier, testing.identifier, prediction.identifier) == (1, 3, 4)
    uses = [use for use in log.of(events.Used) if use.generated_by]
    assert [(use.task, use.set) for use in uses] == [
        (testing.key, "oTrainingModel"),
        (prediction.key, "oTrainingModel"),
    ]
    assert all(use.generated_by[0].endswith(f":{training.key}") for use in uses)
    (predicted,) = log.rows("oPrediction")
    assert (predicted["SAMPLES"], predicted["SHAPE"]) == (32, "32x3")


def test_evaluate_before_the_first_fit(scenarios):
    log = scenarios.run("tested_first")
    first, second = log.tasks("TestingModel")
    assert first.key == second.key
    assert (len(first.depends_on), len(second.depends_on)) == (0, 1)
    assert len(log.rows("oTestingModel")) == 2
    assert log.columns("iTrainingModel") == ["ITRAIN_TIMESTAMP"]
    assert log.rows("iTrainingModel") == []
    assert log.params["num_layers"] == 3


def test_identity_of_the_data(scenarios):
    log = scenarios.run("plain")
    data = {record.role: record for record in log.of(events.Data)}
    assert {"x", "y", "validation_x", "validation_y", "test_x", "test_y", "predict_x", "predictions"} == set(data)
    assert data["x"].fingerprint == data["test_x"].fingerprint != data["validation_x"].fingerprint
    assert (data["x"].shape, data["x"].dtype, data["x"].size) == ((32, 6), "float32", 32 * 6 * 4)
    assert data["predictions"].direction == "generated"


def test_data_sets_and_generators_are_described_and_not_iterated(scenarios):
    log, told = scenarios.run("data_sets"), scenarios.told["data_sets"]
    first, second = (record for record in log.of(events.Data) if record.role == "x")
    assert first.kind.endswith("Batches")
    assert first.details["length"] == 4
    assert second.kind.endswith("generator")
    assert first.fingerprint == second.fingerprint == ""
    assert [step for _, step, _ in log.series("batch_loss")] == list(range(11))
    # As many as without capture: two epochs of four, and what Keras itself takes to see the shapes.
    assert told["read"] <= 10
    assert told["taken"] <= 10


def test_two_fits_are_one_run_and_one_task(scenarios):
    log, told = scenarios.run("twice"), scenarios.told["twice"]
    assert [value for _, _, value in log.series("loss")] == told[0]["loss"] + told[1]["loss"]
    assert [epoch for epoch, _, _ in log.series("loss")] == [0, 1, 0]
    assert [step for _, step, _ in log.series("batch_loss")] == list(range(12))
    assert len({task.key for task in log.tasks("TrainingModel")}) == 1
    assert len(log.of(events.Resume)) == 1
    assert len(log.of(events.Layer)) == 3
    assert len(log.rows("iTrainingModel")) == 2


def test_declared_before_compile(scenarios):
    log = scenarios.run("declared_before_compile")
    assert [value for _, _, value in log.series("loss")] == scenarios.told["declared_before_compile"]["loss"]
    assert log.columns("oTrainingModel")[3:] == ["loss", "val_loss"]


@pytest.mark.parametrize(
    ("name", "technique", "epoch", "best", "reason"),
    [
        ("early_stopping", "EarlyStopping", 2, 0, "loss did not improve for 2 epochs; the weights of epoch 0 were"),
        ("stopped_by_user", "stop_training", 0, None, "the model's stop_training was set"),
        ("not_a_number", "TerminateOnNaN", 0, None, "the loss was "),
    ],
)
def test_why_a_training_stopped(scenarios, name, technique, epoch, best, reason):
    log = scenarios.run(name)
    (stop,) = log.of(events.Stop)
    assert (stop.technique, stop.epoch, stop.best_epoch) == (technique, epoch, best)
    assert stop.reason.startswith(reason)
    assert log.status == "finished"
    # The last epoch is recorded, too.
    assert log.rows("oTrainingModel")[-1]["EPOCH_ID"] == epoch
    if name == "early_stopping":
        assert stop.monitor == "loss"
        assert stop.best == pytest.approx(scenarios.told[name]["best"])


def test_numbers_that_are_none_and_metrics_of_callbacks(scenarios):
    log = scenarios.run("not_a_number")
    assert log.series("loss")[-1][2] in ("NaN", "Infinity")
    assert [value for _, _, value in log.series("of_callback")] == [0.5]


def test_checkpoints_belong_to_their_epochs_and_have_the_hash_of_the_file(scenarios):
    log, told = scenarios.run("checkpoints"), scenarios.told["checkpoints"]
    files = [(file.path.rpartition("/")[2], file.kind, file.epoch, file.step) for file in log.of(events.Artifact)]
    assert files == [
        ("model-1.keras", "checkpoint", 0, 3),
        ("last.weights.h5", "checkpoint", 0, 3),
        ("model-2.keras", "checkpoint", 1, 7),
        ("last.weights.h5", "checkpoint", 1, 7),
        ("final.keras", "model", None, None),
        ("final.weights.h5", "weights", None, None),
        ("other.keras", "model", None, None),
    ]
    last = {file.path.rpartition("/")[2]: file.sha256 for file in log.of(events.Artifact)}
    assert last == told
    assert all(file.size > 0 and file.direction == "generated" for file in log.of(events.Artifact))


def test_files_that_a_model_came_from(scenarios):
    files = scenarios.run("loading").of(events.Artifact)
    assert [(file.kind, file.direction, file.sha256) for file in files] == [
        ("model", "used", scenarios.told["loading"][0]),
        ("weights", "used", scenarios.told["loading"][1]),
    ]


def test_optimizer_inside_an_optimizer(scenarios):
    log = scenarios.run("loss_scaling")
    assert log.params["optimizer.class"] == "LossScaleOptimizer"
    assert (log.params["optimizer_name"], log.params["optimizer.inner.class"]) == ("Adam", "Adam")
    assert log.params["optimizer.inner.epsilon"] == 1e-5
    assert [value for _, _, value in log.series("learning_rate")] == [0.01, 0.005]


def test_mistakes_in_the_call_are_told_at_the_call(scenarios):
    told = scenarios.told["refused"]
    assert len(told) == 7
    assert "learning_rate" in told[0]
    assert "NUM_LAYERS" in told[0]
    assert "dict" in told[1]
    assert "NUMERIC" in told[2]
    assert told[6].endswith("got str")


def test_the_first_model_of_a_run_and_its_dataflow_joins_it_and_others_are_children(scenarios):
    outer, inner = sorted(scenarios.runs("inside_a_run"), key=lambda log: log.run.parent)
    assert outer.id == scenarios.told["inside_a_run"] == inner.run.parent
    assert (outer.status, inner.status) == ("finished", "finished")
    assert (outer.run.kind, inner.run.kind) == ("", "keras")
    assert len(outer.rows("oTrainingModel")) == len(inner.rows("oTrainingModel")) == 1
    assert inner.run.execution.startswith("inside_a_run2")
    assert scenarios.run("inside_another").run.parent == outer.id
    # The test after the end of the run belongs to it: it was resumed, and ended again.
    assert len(outer.rows("oTestingModel")) == 1
    assert len(outer.of(events.Resume)) == 1
    assert len(outer.of(events.End)) == 2
