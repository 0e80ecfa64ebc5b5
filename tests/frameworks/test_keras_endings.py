"""Exceptions, interrupts, nesting, threads: which run a call belongs to, and how the run ends."""

from __future__ import annotations

from dlprov.log import events


def test_a_failed_fit_stays_failed_after_a_good_evaluate(scenarios):
    log = scenarios.run("failing")
    ends = log.of(events.End)
    assert [end.status for end in ends] == ["failed", "failed", "failed"]
    assert {(end.error_type, end.error) for end in ends} == {("ValueError", "the user's own")}
    assert "keras_scenarios.py" in ends[0].traceback
    tasks = [end.status for end in log.of(events.TaskEnd)]
    assert tasks == ["failed", "finished", "finished"]
    # The batches before the exception are there, and no epoch.
    assert len(log.series("batch_loss")) >= 2
    assert log.series("loss") == []


def test_a_good_fit_mends_a_failed_one(scenarios):
    log = scenarios.run("mended")
    assert [end.status for end in log.of(events.End)] == ["failed", "finished"]
    assert len(log.rows("oTrainingModel")) == 1


def test_interrupt(scenarios):
    log = scenarios.run("interrupted")
    assert scenarios.told["interrupted"] == "passed through"
    assert (log.status, log.of(events.TaskEnd)[0].status) == ("interrupted", "interrupted")


def test_a_call_that_keras_refuses(scenarios):
    assert "no_such_argument" in scenarios.told["wrong_call"]
    assert scenarios.run("wrong_call").status == "failed"


def test_callbacks_of_every_shape(scenarios):
    log = scenarios.run("shapes_of_callbacks")
    assert [epoch for epoch, _, _ in log.series("loss")] == [0, 1, 0, 0, 0, 0, 0]
    assert [step for _, step, _ in log.series("batch_loss")] == list(range(28))
    assert scenarios.told["shapes_of_callbacks"] == 1
    assert log.status == "finished"


def test_an_overridden_fit_is_one_fit_and_its_validation_no_test(scenarios):
    log = scenarios.run("overriding")
    assert len(log.tasks("TrainingModel")) == 1
    assert log.tasks("TestingModel") == []
    assert [value for _, _, value in log.series("val_loss")] == scenarios.told["overriding"]["val_loss"]


def test_an_evaluate_in_a_callback_is_a_test_and_another_models_fit_a_child(scenarios):
    log = scenarios.run("nested")
    assert len(log.rows("oTestingModel")) == 2
    assert [epoch for epoch, _, _ in log.series("test_loss")] == [0, 1]
    assert len(log.of(events.End)) == 1
    inner = scenarios.run("nested_inner")
    assert inner.run.parent == log.id
    assert len(inner.rows("oTrainingModel")) == 2
    assert log.run.parent == ""


def test_two_threads_fit_two_models(scenarios):
    for number in (0, 1):
        log = scenarios.run(f"thread_{number}")
        assert [step for _, step, _ in log.series("batch_loss")] == list(range(12))
        assert log.run.parent == ""
        assert log.status == "finished"


def test_a_clone_is_another_model(scenarios):
    assert scenarios.runs("clone") == []


def test_every_run_is_sealed_once_for_each_of_its_ends(scenarios):
    for log in scenarios.logs:
        assert log.of(events.Seal)
        assert log.events[-1] is log.of(events.Seal)[-1]
        assert len(log.of(events.End)) == len(log.of(events.Resume)) + 1
