"""The layers of a model: as events with their whole configuration, and as Keras-Prov's rows of ``iLayers``."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from dlprov.log import events, values

_ACTIVATIONS = "keras.src.layers.activations."
_REGULARIZATION = "keras.src.layers.regularization."


def flatten(model: Any) -> list[tuple[str, Any]]:
    """The layers in the model's order, by name; those of a model inside the model as ``inner.name``."""
    found = []
    for layer in model.layers:
        inner = getattr(layer, "layers", None) if isinstance(layer, sys.modules["keras"].Model) else None
        if inner:
            found += [(f"{layer.name}.{name}", part) for name, part in flatten(layer)]
        else:
            found.append((layer.name, layer))
    return found


def describe(found: list[tuple[str, Any]]) -> list[events.Layer]:
    """The layers as events, whose time and task are still to be set."""
    return [
        events.Layer(
            0,
            position=position,
            name=values.encode_text(name),
            type=type(layer).__name__,
            config=values.encode(configuration(layer)),
            weights=_count(layer.weights),
            trainable=bool(layer.trainable),
        )
        for position, (name, layer) in enumerate(found)
    ]


def rows(found: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Keras-Prov's rows: the activation layers and the dropout layers, told by their class and not by their name."""
    kept = []
    for name, layer in found:
        for kind, value in (("activation", _activation(layer)), ("dropout", _dropout(layer))):
            if value is not None:
                kept.append({"NAME": name, "ATTRIBUTE_TYPE": kind, "VALUE": value})
                break
    return kept


def summary(model: Any, found: list[tuple[str, Any]]) -> dict[str, Any]:
    """The model in a few numbers."""
    return {
        "model.name": model.name,
        "model.class": type(model).__name__,
        "model.layers": len(found),
        "model.weights": _count(model.weights),
        "model.trainable_weights": _count(model.trainable_weights),
        "model.dtype_policy": getattr(model.dtype_policy, "name", str(model.dtype_policy)),
    }


def configuration(layer: Any) -> dict[str, Any]:
    """``get_config()``; empty for a layer of the user's that cannot tell."""
    try:
        config = layer.get_config()
    except Exception:  # NotImplementedError is Keras's, but the method is the user's
        return {}
    return dict(config) if isinstance(config, dict) else {}


def _count(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _activation(layer: Any) -> str | None:
    kind = _class_in(layer, _ACTIVATIONS)
    if kind is None:
        return None
    chosen = configuration(layer).get("activation")
    if isinstance(chosen, dict):  # a function of the user's, serialized
        inner = chosen.get("config")
        chosen = inner if isinstance(inner, str) else chosen.get("class_name")
    return str(chosen) if chosen is not None else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


def _dropout(layer: Any) -> str | None:
    kind = _class_in(layer, _REGULARIZATION)
    if kind is None or not kind.endswith("Dropout"):
        return None
    rate = configuration(layer).get("rate", getattr(layer, "rate", None))
    return str(rate) if rate is not None else None


def _class_in(layer: Any, package: str) -> str | None:
    """The name of the class of Keras's that ``layer`` is of, or inherits from, if it lies in ``package``."""
    return next((kind.__name__ for kind in type(layer).__mro__ if kind.__module__.startswith(package)), None)
