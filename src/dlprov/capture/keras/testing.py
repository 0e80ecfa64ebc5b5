"""The hooks around ``evaluate`` and ``predict``: what they got, and what came out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from dlprov.capture.keras import calls, plan
from dlprov.capture.keras.calls import Call
from dlprov.capture.keras.hooks import Invocation


def before_evaluate(evaluate: Invocation) -> Call | None:
    """Begin the task ``TestingModel``."""
    return calls.begin(calls.EVALUATE, Call, evaluate.args, evaluate.kwargs)


def before_predict(predict: Invocation) -> Call | None:
    """Begin the task ``Prediction``."""
    return calls.begin(calls.PREDICT, Call, predict.args, predict.kwargs)


def after_call(invocation: Invocation) -> None:
    """End the task, and the run with the outermost call."""
    if invocation.state is not None:
        calls.end(invocation.state, invocation.error)


def record_test_data(evaluate: Invocation) -> None:
    """The identity of the data that ``evaluate`` got."""
    call = calls.current(calls.EVALUATE, evaluate.subject)
    if call is not None:
        _data(call, {"x": "test_x", "y": "test_y", "sample_weight": "sample_weight"})


def record_prediction_data(predict: Invocation) -> None:
    """The identity of the data that ``predict`` got."""
    call = calls.current(calls.PREDICT, predict.subject)
    if call is not None:
        _data(call, {"x": "predict_x"})


def before_test_end(callback: Invocation) -> None:
    """``CallbackList.on_test_end`` gets every metric by its name, which the result of ``evaluate`` may leave out."""
    # Not `callbacks.model`: on JAX that property writes the whole state back to the model.
    call = calls.current(calls.EVALUATE, getattr(callback.subject, "_model", None))
    if call is not None:
        call.logs = dict(callback.argument(1, "logs") or {})


def record_test(evaluate: Invocation) -> None:
    """What ``evaluate`` returned, as metrics ``test_…`` and as an element of ``oTestingModel``."""
    call = calls.current(calls.EVALUATE, evaluate.subject)
    if call is None or evaluate.error is not None:
        return
    logs = _floats(call.logs or (evaluate.result if isinstance(evaluate.result, Mapping) else {}))
    if not logs:
        return
    record = call.record
    record.learn_names(call.model, list(logs))
    fit = calls.active_fit(call.model)
    step = record.steps - 1 if record.steps else None
    metrics = {f"test_{name}": value for name, value in logs.items()}
    call.task.log(metrics, step=step, epoch=getattr(fit, "epoch", None))
    _uses_training(call)
    row = {f"otest_{name}": logs.get(name) for name in record.names}
    call.task.generated("oTestingModel", {"OTEST_TIMESTAMP": str(time.time()), **row})


def record_prediction(predict: Invocation) -> None:
    """The identity of what ``predict`` returned, and an element of ``oPrediction`` for each output."""
    call = calls.current(calls.PREDICT, predict.subject)
    if call is None or predict.error is not None:
        return
    call.task.data("predictions", predict.result, direction="generated")
    _uses_training(call)
    for array in sys.modules["keras"].tree.flatten(predict.result):
        shape = tuple(getattr(array, "shape", ()))
        row = {
            "OPRED_TIMESTAMP": str(time.time()),
            "SAMPLES": shape[0] if shape else None,
            "SHAPE": "x".join(map(str, shape)),
            "DTYPE": str(getattr(array, "dtype", "")),
        }
        call.task.generated("oPrediction", row)


def _data(call: Call, roles: dict[str, str]) -> None:
    for argument, role in roles.items():
        data = call.arguments.get(argument)
        if data is not None:
            call.task.data(role, data)


def _uses_training(call: Call) -> None:
    training = call.record.task(plan.TRAINING)
    if training is not None:
        call.task.used_all(plan.EPOCHS, training)


def _floats(logs: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, value in logs.items():
        try:
            found[str(name)] = float(value)
        except (TypeError, ValueError):
            continue
    return found
