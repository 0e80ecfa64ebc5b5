"""The hooks around ``fit`` and in its callbacks: they find the :class:`~dlprov.capture.keras.training.Fit` to tell."""

from __future__ import annotations

from typing import Any

from dlprov.capture.keras import calls
from dlprov.capture.keras.hooks import Invocation
from dlprov.capture.keras.parameters import fit_parameters
from dlprov.capture.keras.training import Fit, running


def before_fit(fit: Invocation) -> calls.Call | None:
    """Begin the task ``TrainingModel``."""
    return calls.begin(calls.FIT, Fit, fit.args, fit.kwargs)


def after_fit(fit: Invocation) -> None:
    """End the task, and the run with the outermost call."""
    if fit.state is not None:
        calls.end(fit.state, fit.error)


def record_settings(fit: Invocation) -> None:
    """The settings of the fit, as they are when it begins."""
    call = calls.current(calls.FIT, fit.subject)
    if call is not None:
        call.run.param(fit_parameters(call.model, call.arguments))


def record_data(fit: Invocation) -> None:
    """The identity of the data that the fit got."""
    call = calls.current(calls.FIT, fit.subject)
    if call is None:
        return
    given = call.arguments
    roles = {name: given.get(name) for name in ("x", "y", "sample_weight")}
    validation = given.get("validation_data")
    if isinstance(validation, tuple | list):
        names = ("validation_x", "validation_y", "validation_sample_weight")
        roles |= dict(zip(names, validation, strict=False))
    else:
        roles["validation_x"] = validation
    for role, data in roles.items():
        if data is not None:
            call.task.data(role, data)


def record_stop(fit: Invocation) -> None:
    """Why the fit stopped early, if it did."""
    call = calls.current(calls.FIT, fit.subject)
    if isinstance(call, Fit) and fit.error is None:
        call.record_stop()


def train_begin(callback: Invocation) -> None:
    """Learn which ``CallbackList`` is this fit's."""
    fit = _beginning(callback.subject)
    if fit is not None:
        fit.train_begin(callback.subject)


def record_layers(callback: Invocation) -> None:
    """The layers of the model, which is built by now."""
    fit = _running(callback)
    if fit is not None:
        fit.record_layers()


def begin_rates(callback: Invocation) -> None:
    """The learning rate before any callback touches it."""
    fit = _running(callback)
    if fit is not None:
        fit.begin_rates()


def epoch_begin(callback: Invocation) -> None:
    """An epoch begins."""
    fit = _running(callback)
    if fit is not None:
        fit.epoch_begin(_epoch(callback))


def use_rates(callback: Invocation) -> None:
    """The learning rate that the epoch uses, now that every callback had its turn."""
    fit = _running(callback)
    if fit is not None and callback.error is None:
        fit.use_rates(_epoch(callback))


def batch_end(callback: Invocation) -> None:
    """A batch was trained."""
    fit = running.get(id(callback.args[0]))
    if fit is not None:
        fit.batch(callback.argument(1, "batch"), callback.argument(2, "logs"))


def epoch_done(callback: Invocation) -> None:
    """The epoch's numbers, as Keras gives them to the callbacks."""
    fit = _running(callback)
    if fit is not None:
        fit.epoch_done(callback.argument(2, "logs"))


def record_epoch(callback: Invocation) -> None:
    """The epoch, with what callbacks have added; also if one of them failed."""
    fit = _running(callback)
    if fit is not None:
        fit.record_epoch(_epoch(callback))


def rates_within(callback: Invocation) -> None:
    """Changes of the learning rate between the batches."""
    fit = _running(callback)
    if fit is not None:
        fit.rates_within(_epoch(callback))


def rates_after(callback: Invocation) -> None:
    """Changes of the learning rate by the callbacks of the epoch's end."""
    fit = _running(callback)
    if fit is not None and callback.error is None:
        fit.rates_after(_epoch(callback))


def rate_assigned(assignment: Invocation) -> None:
    """Somebody assigns a learning rate."""
    for call in calls.stack():
        if isinstance(call, Fit) and call.rates is not None:
            call.rates.assigned(assignment.subject, None if call.step is None else call.step + 1)


def _epoch(callback: Invocation) -> int:
    return int(callback.argument(1, "epoch"))


def _running(callback: Invocation) -> Fit | None:
    return running.get(id(callback.subject))


def _beginning(callbacks: Any) -> Fit | None:
    """The fit of this thread that ``callbacks`` belongs to: the innermost one, if it has no callbacks yet."""
    for call in reversed(calls.stack()):
        if isinstance(call, Fit):
            # Not `callbacks.model`: on JAX that property writes the whole state back to the model.
            model = getattr(callbacks, "_model", None)
            return call if call.callbacks is None and (model is None or model is call.model) else None
    return None
