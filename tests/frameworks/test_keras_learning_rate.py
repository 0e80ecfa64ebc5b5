"""The learning rate that each epoch used, against the schedule worked out by hand, and who changed it."""

from __future__ import annotations

import pytest

from dlprov.log import events


def rates(log):
    return [(epoch, value) for epoch, _, value in log.series("learning_rate")]


def changes(log):
    return [(change.epoch, change.old, change.new, change.technique) for change in log.of(events.Adaptation)]


def test_learning_rate_scheduler(scenarios):
    log = scenarios.run("scheduler")
    assert rates(log) == [(0, 0.1), (1, 0.05), (2, 0.05), (3, 0.025)]
    assert changes(log) == [(1, 0.1, 0.05, "LearningRateScheduler"), (3, 0.05, 0.025, "LearningRateScheduler")]
    assert {change.name for change in log.of(events.Adaptation)} == {"learning_rate"}
    assert "lambda" in log.of(events.Adaptation)[0].reason


def test_adaptations_are_elements_and_use_the_epochs_before(scenarios):
    log = scenarios.run("scheduler")
    rows = log.rows("oAdaptation")
    assert [(row["NEW_LRATE"], row["EPOCH_ID"], row["ADAPTATION_ID"]) for row in rows] == [(0.05, 1, 1), (0.025, 3, 2)]
    tasks = log.tasks("Adaptation")
    assert {(task.key, task.identifier, len(task.depends_on)) for task in tasks} == {(tasks[0].key, 2, 1)}
    kinds = (events.Generated, events.Used)
    order = [event.set for event in log.events if isinstance(event, kinds) and event.set[0] == "o"]
    assert order == [
        *("oTrainingModel", "oTrainingModel", "oAdaptation"),
        *("oTrainingModel", "oTrainingModel", "oTrainingModel", "oAdaptation"),
        "oTrainingModel",
    ]


def test_reduce_on_plateau_is_recorded_for_the_epoch_that_runs_with_it(scenarios):
    log = scenarios.run("plateau")
    assert rates(log) == [(0, 0.1), (1, 0.1), (2, 0.05), (3, 0.025)]
    assert changes(log) == [
        (2, 0.1, 0.05, "ReduceLROnPlateau"),
        (3, 0.05, 0.025, "ReduceLROnPlateau"),
        (None, 0.025, 0.0125, "ReduceLROnPlateau"),
    ]
    assert log.of(events.Adaptation)[0].reason == "loss did not improve for 1 epochs: times 0.5"
    assert log.rows("oAdaptation") == []


def test_schedule_object(scenarios):
    log = scenarios.run("schedule")
    assert rates(log) == [(0, 0.1), (1, 0.05), (2, 0.025)]
    assert changes(log) == [(1, 0.1, 0.05, "ExponentialDecay"), (2, 0.05, 0.025, "ExponentialDecay")]
    config = log.params["optimizer.learning_rate"]
    assert config["class_name"] == "ExponentialDecay"
    assert config["config"]["decay_steps"] == 4
    assert log.params["learning_rate"] == 0.1


def test_assignment_in_a_callback_and_between_fits(scenarios):
    log = scenarios.run("assignment")
    assert rates(log) == [(0, 0.1), (1, 0.05), (2, 0.025), (0, 0.5)]
    assert changes(log) == [
        (1, 0.1, 0.05, "Halving"),
        (2, 0.05, 0.025, "Halving"),
        (None, 0.025, 0.0125, "Halving"),
        (0, 0.0125, 0.5, "assignment"),
    ]


def test_assignment_to_the_variable_itself(scenarios):
    log = scenarios.run("assigned_variable")
    assert rates(log) == [(0, 0.1), (1, 0.05)]
    assert changes(log) == [(1, 0.1, 0.05, "LambdaCallback")]


def test_assignment_between_batches(scenarios):
    log = scenarios.run("within_epoch")
    assert rates(log) == [(0, 0.1), (1, 0.01)]
    assert changes(log) == [(0, 0.1, 0.01, "WithinEpoch")]
    assert log.of(events.Adaptation)[0].step == 2


def test_changes_that_five_decimals_hide(scenarios):
    assert changes(scenarios.run("tiny_change")) == [(1, 4e-6, 2e-6, "LearningRateScheduler")]


@pytest.mark.parametrize("name", ["plain", "unwatched", "twice", "early_stopping"])
def test_no_adaptation_where_nothing_changed(scenarios, name):
    log = scenarios.run(name)
    assert log.of(events.Adaptation) == []
    assert log.tasks("Adaptation") == []
