"""The hooks around saving and loading: files that models are written to and come from."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from dlprov.capture.keras import calls, loaded, registry
from dlprov.capture.keras.hooks import Invocation
from dlprov.capture.keras.training import Fit
from dlprov.log import events, values


def after_save(kind: str) -> Callable[[Invocation], None]:
    """A hook for a method ``f(model, filepath, …)`` that wrote a file: a checkpoint within a fit, else ``kind``."""

    def record(save: Invocation) -> None:
        path, model = _path(save), _model(save)
        if save.error is not None or path is None:
            return
        known = registry.find(model)
        # A model that was never trained in this process has no run that its file could belong to.
        if known is None or known.run is None:
            return
        fit = calls.active_fit(model)
        if isinstance(fit, Fit):
            _artifact(fit.task, path, "checkpoint", epoch=fit.epoch, step=fit.step)
            return
        run = known.open(model)
        try:
            _artifact(run, path, kind)
        finally:
            known.close()

    return record


def after_load_weights(load: Invocation) -> None:
    """The weights of a model came from a file: used by the fit that is running, or else by the next call."""
    path, model = _path(load), _model(load)
    if load.error is not None or path is None:
        return
    fit = calls.active_fit(model)
    if fit is not None:
        fit.task.artifact(path, kind="weights", direction="used")
    else:
        loaded.remember(model, path, "weights")


def after_load_model(load: Invocation) -> None:
    """A model came from a file: used by the first call on it, if it is captured then."""
    path = load.argument(0, "filepath")
    if load.error is None and load.result is not None and isinstance(path, str | os.PathLike):
        loaded.remember(load.result, os.fspath(path), "model")


def _model(invocation: Invocation) -> Any:
    return invocation.argument(0, "model")


def _path(invocation: Invocation) -> str | None:
    """The path that a model is saved to; ``None`` for an open file."""
    path = invocation.argument(1, "filepath")
    return os.fspath(path) if isinstance(path, str | os.PathLike) else None


def _artifact(scope: Any, path: str, kind: str, *, epoch: int | None = None, step: int | None = None) -> None:
    if "://" not in path:
        scope.artifact(path, kind=kind, epoch=epoch, step=step)
        return
    # On another machine: there is no file here to hash.
    record = events.Artifact(
        events.now(), path=values.encode_text(path), kind=kind, epoch=epoch, step=step, task=scope._key
    )
    scope._run.emit(record)
