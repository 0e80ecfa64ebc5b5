"""What of Keras is hooked, how it is installed, and ``provenance`` itself."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from dlprov.capture.faults import faults
from dlprov.capture.keras import fitting, registry, testing
from dlprov.capture.keras.client import TAGS, get_dataflow
from dlprov.capture.keras.declaration import declare
from dlprov.capture.keras.files import after_load_model, after_load_weights, after_save
from dlprov.capture.keras.hooks import Hook, patch
from dlprov.errors import UsageError

HOOKS: list[Hook] = [
    # The first hook of a target begins what the others add to; the after hooks run in reverse.
    Hook("fit", "Model.fit", fitting.before_fit, fitting.after_fit),
    Hook("fit settings", "Model.fit", fitting.record_settings),
    Hook("fit data", "Model.fit", fitting.record_data),
    Hook("fit stop", "Model.fit", None, fitting.record_stop),
    Hook("evaluate", "Model.evaluate", testing.before_evaluate, testing.after_call),
    Hook("evaluate data", "Model.evaluate", testing.record_test_data, testing.record_test),
    Hook("predict", "Model.predict", testing.before_predict, testing.after_call),
    Hook("predict data", "Model.predict", testing.record_prediction_data, testing.record_prediction),
    Hook("train begin", "CallbackList.on_train_begin", fitting.train_begin),
    Hook("layers", "CallbackList.on_train_begin", fitting.record_layers),
    Hook("first learning rate", "CallbackList.on_train_begin", fitting.begin_rates),
    Hook("epoch begin", "CallbackList.on_epoch_begin", fitting.epoch_begin),
    Hook("learning rate of the epoch", "CallbackList.on_epoch_begin", None, fitting.use_rates),
    Hook("batch", "CallbackList.on_train_batch_end", fitting.batch_end),
    Hook("learning rate after the epoch", "CallbackList.on_epoch_end", fitting.rates_within, fitting.rates_after),
    Hook("epoch", "CallbackList.on_epoch_end", fitting.epoch_done, fitting.record_epoch),
    Hook("test end", "CallbackList.on_test_end", testing.before_test_end),
    Hook("learning rate", "Optimizer.learning_rate", fitting.rate_assigned),
    Hook("save", "Model.save", None, after_save("model")),
    Hook("save weights", "Model.save_weights", None, after_save("weights")),
    Hook("export", "Model.export", None, after_save("export")),
    Hook("load weights", "Model.load_weights", None, after_load_weights),
    Hook("save model", "save_model", None, after_save("model")),
    Hook("load model", "load_model", None, after_load_model),
]
"""Every hook, in the order in which they run. The adapter's functions are called through these objects alone."""


def install(keras: Any) -> None:
    """Put the hooks into ``keras``, the loaded package, and give its models their method. May be repeated."""
    version = str(getattr(keras, "__version__", "0"))
    if not version.startswith("3."):
        faults.tell(
            f"Keras {version} is not captured: Keras 3 is expected. Use dlprov.start_run instead", once="keras version"
        )
        return
    by_target: dict[str, list[Hook]] = {}
    for hook in HOOKS:
        by_target.setdefault(hook.target, []).append(hook)
    for target, hooks in by_target.items():
        try:
            for owner, attribute in _places(keras, target):
                patch(owner, attribute, hooks)
        except Exception as error:  # another version of Keras: the rest is captured nevertheless
            faults.report(f"hooking {target} of Keras {version}", error, None)
    # Functions in a class are methods: the model is their first argument.
    keras.Model.provenance = provenance
    keras.Model.get_dataflow = get_dataflow
    for name, tag in TAGS.items():
        setattr(keras.Model, name, tag)


def provenance(
    model: Any,
    dataflow_tag: str = "",
    adaptation: bool = False,
    hyps: Mapping[str, bool] | None = None,
    hyperparameters: Iterable[tuple[str, str]] = (),
    transformations: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Capture a Keras model from now on; the same as ``model.provenance(...)``.

    One call stands for one execution of the dataflow: one run, which begins with the next ``fit``, ``evaluate`` or
    ``predict`` and goes on with those that follow. It may come before or after ``compile``. Nothing is changed in
    or stored on the model.

    Args:
        model: A model of stock Keras 3, on any backend.
        dataflow_tag: The dataflow's tag. Empty: the one of the current run, else the script's name.
        adaptation: Whether changes of the learning rate also become elements of the set ``oAdaptation``. They
            are always recorded as adaptations of the run.
        hyps: Which hyperparameters become columns of ``iTrainingModel``, in this order: a dict of some of
            ``OPTIMIZER_NAME``, ``LEARNING_RATE``, ``DECAY``, ``MOMENTUM``, ``NUM_EPOCHS``, ``BATCH_SIZE`` and
            ``NUM_LAYERS`` to ``True`` or ``False``. Left out: all of them. All are always parameters of the run.
        hyperparameters: Columns of the user's own after those: pairs of a name and ``"TEXT"``, ``"NUMERIC"`` or
            ``"FILE"``.
        transformations: Transformations of the user's own, as in Keras-Prov:
            ``{tag: {"input": {attribute: type}, "output": {attribute: type}}}``.
        kwargs: The values of ``hyperparameters`` by name; others are ignored, as they were in Keras-Prov.

    Raises:
        UsageError: an argument is not as described.
    """
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        raise UsageError(f"provenance expects a Keras model, got {type(model).__qualname__}")
    install(keras)
    declaration = declare(dataflow_tag, adaptation, hyps, hyperparameters, transformations, kwargs)
    registry.register(model, declaration)


def _places(keras: Any, target: str) -> list[tuple[Any, str]]:
    """Where a target is found: a class and the name in it, or the modules that a function is known by."""
    kind, _, attribute = target.rpartition(".")
    if kind == "Model":
        return [(keras.Model, attribute)]
    if kind == "CallbackList":
        return [(keras.callbacks.CallbackList, attribute)]
    if kind == "Optimizer":
        owners = [owner for owner in keras.optimizers.Optimizer.__mro__ if attribute in vars(owner)]
        return [(owners[0], attribute)]
    return [(module, attribute) for module in (keras.saving, keras.models)]
