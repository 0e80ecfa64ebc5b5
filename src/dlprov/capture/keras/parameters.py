"""The settings of a fit: optimizer, loss, metrics, arguments, callbacks, seed, and Keras-Prov's hyperparameters."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from dlprov.capture.keras import learning_rate
from dlprov.capture.keras.layers import configuration

_ARGUMENTS = (
    "epochs",
    "initial_epoch",
    "steps_per_epoch",
    "shuffle",
    "class_weight",
    "validation_split",
    "validation_steps",
    "validation_batch_size",
    "validation_freq",
)
"""Arguments of ``fit`` that are settings; ``batch_size`` is found out."""

_DEFAULT_BATCH_SIZE = 32
"""What Keras takes for arrays if nothing is said."""

_MAX_TEXT = 500


def fit_parameters(model: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of one ``fit`` by name, ready for ``run.param``."""
    found = {name: arguments[name] for name in _ARGUMENTS if arguments.get(name) is not None}
    found["batch_size"] = batch_size(arguments)
    found |= {name.lower(): value for name, value in hyperparameters(model, arguments).items()}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        found |= optimizer_parameters(optimizer)
    found |= _loss_parameters(getattr(model, "loss", None))
    compiled = getattr(getattr(model, "_compile_config", None), "config", None)
    if isinstance(compiled, Mapping):
        found |= {name: readable(compiled[name]) for name in ("metrics", "weighted_metrics") if compiled.get(name)}
        if compiled.get("loss_weights") is not None:
            found["loss_weights"] = compiled["loss_weights"]
    for name in ("steps_per_execution", "jit_compile", "run_eagerly"):
        value = getattr(model, name, None)
        if value is not None:
            found[name] = value
    keras = sys.modules["keras"]
    found["dtype_policy"] = keras.config.dtype_policy().name
    seed = random_seed()
    if seed is not None:
        found["seed"] = seed
    return found


def hyperparameters(model: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All of Keras-Prov's hyperparameters, by the names of their columns.

    The learning rate is the one at this moment, as the shortest decimal number for its float32; ``DECAY`` and
    ``MOMENTUM`` are 0 for an optimizer that has none, as in Keras-Prov.
    """
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", None) or optimizer
    config = configuration(optimizer) if optimizer is not None else {}
    rates = [learning_rate.read(part) for part in learning_rate.parts(optimizer).values()] if optimizer else []
    return {
        "OPTIMIZER_NAME": type(optimizer).__name__ if optimizer is not None else None,
        "LEARNING_RATE": rates[0] if rates else None,
        "DECAY": config.get("decay") or 0,
        "MOMENTUM": config.get("momentum") or 0,
        "NUM_EPOCHS": arguments.get("epochs"),
        "BATCH_SIZE": batch_size(arguments),
        "NUM_LAYERS": len(model.layers),
    }


def batch_size(arguments: Mapping[str, Any]) -> int | None:
    """The number of samples in a batch; ``None`` if the data decides and does not say."""
    given = arguments.get("batch_size")
    if given is not None:
        return int(given)
    x = arguments.get("x")
    own = getattr(x, "batch_size", None)
    if isinstance(own, int):
        return own
    parts = list(x.values()) if isinstance(x, Mapping) else x if isinstance(x, list | tuple) else [x]
    are_arrays = bool(parts) and all(hasattr(part, "shape") or isinstance(part, list | tuple) for part in parts)
    return _DEFAULT_BATCH_SIZE if are_arrays and not hasattr(x, "element_spec") else None


def optimizer_parameters(optimizer: Any, prefix: str = "optimizer") -> dict[str, Any]:
    """The whole configuration of an optimizer, and of the one that it wraps."""
    inner = getattr(optimizer, "inner_optimizer", None)
    found: dict[str, Any] = {f"{prefix}.class": type(optimizer).__name__}
    for name, value in configuration(optimizer).items():
        if not (inner is not None and name == "inner_optimizer"):
            found[f"{prefix}.{name}"] = value
    if isinstance(found.get(f"{prefix}.learning_rate"), float):
        # Written as the float32 that it is: 0.001, not 0.0010000000474974513.
        found[f"{prefix}.learning_rate"] = learning_rate.read(optimizer)
    if inner is not None:
        found |= optimizer_parameters(inner, f"{prefix}.inner")
    return found


def callback_parameters(callbacks: list[Any]) -> list[dict[str, Any]]:
    """The callbacks in their order, by class and with the settings that they keep; Keras's own two are left out."""
    kinds = sys.modules["keras"].callbacks
    own = (kinds.History, kinds.ProgbarLogger)
    return [
        {"class": type(callback).__name__, "config": _settings(callback)}
        for callback in callbacks
        if not isinstance(callback, own)
    ]


def readable(value: Any) -> Any:
    """A loss or metric, or a nest of them, as names."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): readable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [readable(part) for part in value]
    if hasattr(value, "get_config"):
        return type(value).__name__
    return getattr(value, "__name__", type(value).__name__)


def random_seed() -> int | None:
    """The seed that was given to ``keras.utils.set_random_seed``, if it was called."""
    # The getter beside it is not public; without it the seed is left out.
    utilities = sys.modules.get("keras.src.utils.rng_utils")
    getter = getattr(utilities, "get_random_seed", None)
    return getter() if getter is not None else None


def _loss_parameters(loss: Any) -> dict[str, Any]:
    if loss is None:
        return {}
    found = {"loss": readable(loss)}
    if hasattr(loss, "get_config"):
        found |= {f"loss.{name}": value for name, value in configuration(loss).items()}
    return found


def _settings(callback: Any) -> dict[str, Any]:
    """The public attributes of a callback that are settings: numbers, texts, and the names of functions."""
    found: dict[str, Any] = {}
    for name, value in vars(callback).items():
        if name.startswith("_") or name in {"params", "model", "best_weights"}:
            continue
        if value is None or isinstance(value, bool | int | float):
            found[name] = value
        elif isinstance(value, str):
            found[name] = value[:_MAX_TEXT]
        elif callable(value) and hasattr(value, "__qualname__"):
            found[name] = f"{value.__module__}.{value.__qualname__}"
    return found
