"""The names of Keras that are not public and that capture relies on: when Keras moves them, this says so first."""

from __future__ import annotations

import inspect
import sys

import pytest

keras = pytest.importorskip("keras")


def test_this_version_of_keras_was_looked_at():
    """A new minor version: run the tests of this folder, look at what follows here, then let it in."""
    major, minor = (int(part) for part in keras.__version__.split(".")[:2])
    assert (major, minor) <= (3, 15), f"Keras {keras.__version__} has not been looked at yet"
    assert major == 3


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("on_train_begin", ["self", "logs"]),
        ("on_epoch_begin", ["self", "epoch", "logs"]),
        ("on_train_batch_end", ["self", "batch", "logs"]),
        ("on_epoch_end", ["self", "epoch", "logs"]),
        ("on_test_end", ["self", "logs"]),
    ],
)
def test_callback_list(method, arguments):
    original = inspect.unwrap(vars(keras.callbacks.CallbackList)[method])
    assert list(inspect.signature(original).parameters) == arguments


def test_the_model_of_a_callback_list_without_a_state_sync():
    model = keras.Sequential([keras.layers.Dense(1)])
    assert keras.callbacks.CallbackList([], model=model)._model is model


def test_validation_is_an_evaluate_with_the_callbacks_of_the_fit():
    source = inspect.getsource(inspect.unwrap(next(c for c in keras.Model.__mro__[1:] if "fit" in vars(c)).fit))
    assert "_use_cached_eval_dataset=True" in source
    assert "callbacks=callbacks" in source
    assert "callbacks.on_train_batch_end(end_step, logs)" in source
    assert "callbacks.on_epoch_end(epoch, epoch_logs)" in source


def test_learning_rate_is_a_property_with_a_setter():
    owner = next(cls for cls in keras.optimizers.Optimizer.__mro__ if "learning_rate" in vars(cls))
    assert isinstance(vars(owner)["learning_rate"], property)
    assert vars(owner)["learning_rate"].fset is not None
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    assert keras.optimizers.SGD(schedule)._learning_rate is schedule


def test_compiled_arguments_and_the_seed_can_be_read():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    assert model._compile_config.config["metrics"] == ["mae"]
    assert callable(sys.modules["keras.src.utils.rng_utils"].get_random_seed)


def test_modules_that_tell_activations_and_dropouts():
    assert keras.layers.ReLU.__module__.startswith("keras.src.layers.activations.")
    assert keras.layers.Activation.__module__.startswith("keras.src.layers.activations.")
    assert keras.layers.SpatialDropout2D.__module__.startswith("keras.src.layers.regularization.")


def test_early_stopping_tells_what_it_did():
    stop = keras.callbacks.EarlyStopping()
    stop.on_train_begin()
    assert {"stopped_epoch", "best_epoch", "best", "wait", "best_weights", "restore_best_weights"} <= set(vars(stop))
