"""What a user asks for with ``model.provenance(...)``, checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dlprov.capture.run import current_run
from dlprov.errors import UsageError
from dlprov.model import Attribute, AttributeType, Set, Transformation

HYPERPARAMETERS: dict[str, AttributeType] = {
    "OPTIMIZER_NAME": "TEXT",
    "LEARNING_RATE": "NUMERIC",
    "DECAY": "NUMERIC",
    "MOMENTUM": "NUMERIC",
    "NUM_EPOCHS": "NUMERIC",
    "BATCH_SIZE": "NUMERIC",
    "NUM_LAYERS": "NUMERIC",
}
"""The hyperparameters that ``hyps`` chooses from, with their types."""

TYPES: tuple[AttributeType, ...] = ("TEXT", "NUMERIC", "FILE")


@dataclass(frozen=True)
class Declaration:
    """One call of ``provenance``, which stands for one execution of the dataflow.

    Attributes:
        dataflow: The dataflow's tag.
        execution: DfAnalyzer's execution tag: the dataflow's tag and the local time of the call.
        adaptation: Whether changes of the learning rate also become elements of the set ``oAdaptation``.
        hyps: The chosen columns of ``iTrainingModel``, in order.
        extra: The user's own columns of ``iTrainingModel``, with the values as far as they were given.
        transformations: The user's own transformations.
    """

    dataflow: str
    execution: str
    adaptation: bool = False
    hyps: tuple[str, ...] = tuple(HYPERPARAMETERS)
    extra: tuple[Attribute, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    transformations: tuple[Transformation, ...] = ()


def declare(
    dataflow_tag: str = "",
    adaptation: bool = False,
    hyps: Mapping[str, bool] | None = None,
    hyperparameters: Iterable[tuple[str, str]] = (),
    transformations: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
) -> Declaration:
    """The declaration of one execution.

    Raises:
        UsageError: an argument is not what :func:`dlprov.provenance` documents.
    """
    if not isinstance(dataflow_tag, str):
        raise UsageError(f"provenance expects dataflow_tag as a text, got {dataflow_tag!r}")
    tag = dataflow_tag if dataflow_tag.strip() else _default_tag()
    extra = _extra(hyperparameters)
    given = values or {}
    return Declaration(
        dataflow=tag,
        execution=f"{tag}{datetime.now()}",  # noqa: DTZ005 - DfAnalyzer's execution tags show local time
        adaptation=bool(adaptation),
        hyps=_chosen(hyps),
        extra=extra,
        values={column.name: given.get(column.name) for column in extra},
        transformations=_transformations(transformations),
    )


def _default_tag() -> str:
    run = current_run()
    if run is not None:
        return run.dataflow
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script and "ipykernel" not in sys.modules:
        return Path(script).stem or "keras"
    return "keras"


def _chosen(hyps: Any) -> tuple[str, ...]:
    if hyps is None:
        return tuple(HYPERPARAMETERS)
    if not isinstance(hyps, Mapping):
        raise UsageError(
            f"provenance expects hyps as a dict of names and booleans, got {type(hyps).__name__}; "
            "leave it out to capture all of them"
        )
    for name in hyps:
        if name not in HYPERPARAMETERS:
            raise UsageError(
                f"provenance knows no hyperparameter {name!r}; hyps expects {', '.join(HYPERPARAMETERS)}, "
                "and hyperparameters=[(name, type), …] declares others"
            )
    # `== True`, not the truth of the value: so it was in Keras-Prov, where a text as a value meant no.
    return tuple(name for name, wanted in hyps.items() if wanted == True)  # noqa: E712


def _extra(pairs: Any) -> tuple[Attribute, ...]:
    columns = []
    try:
        items = list(pairs.items() if isinstance(pairs, Mapping) else pairs or ())
    except TypeError:
        items = [pairs]
    for item in items:
        name, kind = item if isinstance(item, tuple | list) and len(item) == 2 else (None, None)
        kind = kind.upper() if isinstance(kind, str) else kind
        if not isinstance(name, str) or not name.strip() or kind not in TYPES:
            raise UsageError(
                f"provenance expects hyperparameters as pairs of a name and one of {', '.join(TYPES)}, got {item!r}"
            )
        columns.append(Attribute(name, kind))
    return tuple(columns)


def _transformations(given: Any) -> tuple[Transformation, ...]:
    """Keras-Prov's form: ``{tag: {"input": {attribute: type}, "output": {attribute: type}}}``."""
    if given is None:
        return ()
    found = []
    try:
        for tag, sides in given.items():
            sets = []
            if "input" in sides:
                sets.append(Set(f"i{tag}", "INPUT", _attributes(sides["input"])))
            if "output" in sides:
                sets.append(Set(f"o{tag}", "OUTPUT", _attributes(sides["output"])))
            found.append(Transformation(str(tag), tuple(sets)))
    except (AttributeError, TypeError):
        raise UsageError(
            "provenance expects transformations as "
            '{tag: {"input": {attribute: type}, "output": {attribute: type}}}, '
            f"got {given!r}"
        ) from None
    return tuple(found)


def _attributes(given: Mapping[str, str]) -> tuple[Attribute, ...]:
    return _extra([(str(name).upper(), kind) for name, kind in given.items()])
