"""Files that a model was loaded from, kept until the model has a run that they can be recorded in."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlprov.capture.scope import Scope


@dataclass(frozen=True)
class Loaded:
    """One file: its path, what was loaded, and by what it is recognized as unchanged."""

    path: str
    kind: str
    state: tuple[int, int] | None


def remember(model: Any, path: str, kind: str) -> None:
    """``model`` was loaded from ``path``, or its weights were."""
    _loaded.setdefault(model, []).append(Loaded(str(Path(path).absolute()), kind, _state(path)))


def recall(model: Any, scope: Scope) -> None:
    """Record the files that ``model`` was loaded from since the last call."""
    for file in _loaded.pop(model, []):
        scope.artifact(file.path, kind=file.kind, direction="used")
        if _state(file.path) != file.state:
            scope.note(f"{file.path} was changed after the model was loaded from it: its recorded hash is the new one")


_loaded: weakref.WeakKeyDictionary[Any, list[Loaded]] = weakref.WeakKeyDictionary()


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
