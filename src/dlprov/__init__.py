"""dlprov: provenance for deep learning. Records a training while it runs, answers while it runs.

Importing it costs a few milliseconds and loads neither a framework nor a database; the names below are loaded
when they are first used. It gives every Keras model a method ``provenance``, whether Keras is imported before or after.
"""

from __future__ import annotations

import importlib

from dlprov._version import __version__
from dlprov.capture.imports import watch_keras

# As a name that type checkers know, and without importing typing, which costs more than all the rest together.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from dlprov.capture.keras import provenance
    from dlprov.capture.run import Element, Run, Task, current_run, start_run
    from dlprov.errors import (
        DlprovError,
        LogError,
        LogFormatError,
        NotFoundError,
        QueryError,
        StoreBusyError,
        StoreError,
        UsageError,
    )
    from dlprov.graph.cypher.question import graph
    from dlprov.graph.exporting import export
    from dlprov.graph.lineage import lineage
    from dlprov.graph.validation import validate
    from dlprov.query import Result, adaptations, ask, best_runs, compare, epochs, query, runs

_HOMES = {
    "dlprov.capture.run": ("Element", "Run", "Task", "current_run", "start_run"),
    "dlprov.capture.keras": ("provenance",),
    "dlprov.graph.exporting": ("export",),
    "dlprov.graph.lineage": ("lineage",),
    "dlprov.graph.validation": ("validate",),
    "dlprov.query": ("Result", "adaptations", "ask", "best_runs", "compare", "epochs", "runs"),
    "dlprov.errors": (
        "DlprovError",
        "LogError",
        "LogFormatError",
        "NotFoundError",
        "QueryError",
        "StoreBusyError",
        "StoreError",
        "UsageError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "DlprovError",
    "Element",
    "LogError",
    "LogFormatError",
    "NotFoundError",
    "QueryError",
    "Result",
    "Run",
    "StoreBusyError",
    "StoreError",
    "Task",
    "UsageError",
    "__version__",
    "adaptations",
    "ask",
    "best_runs",
    "compare",
    "current_run",
    "epochs",
    "export",
    "graph",
    "lineage",
    "provenance",
    "query",
    "runs",
    "start_run",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in ("graph", "query"):
        # The function shares its name with the package that it lives in. The import system binds the package here,
        # whoever imports it first; so the package can be called.
        return importlib.import_module(f"dlprov.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dlprov' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


watch_keras()
