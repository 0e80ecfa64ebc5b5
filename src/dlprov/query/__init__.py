"""Questions over the store: SQL, and named questions about runs.

The functions here open the store that the environment names (``DLPROV_STORE``), or the one they are given. The
package itself can be called: ``dlprov.query("SELECT …")`` is :func:`query`, although it is also its home.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from dlprov import settings
from dlprov.query import interface as _interface
from dlprov.query import questions as _questions
from dlprov.query.result import Result
from dlprov.query.session import Parameters, Session
from dlprov.store import Index

__all__ = [
    "Result",
    "Session",
    "adaptations",
    "ask",
    "best_runs",
    "compare",
    "epochs",
    "open_session",
    "query",
    "runs",
]

Store = str | os.PathLike[str] | None


def open_session(store: Store = None) -> Session:
    """A session with a store: the given directory, else ``DLPROV_STORE``, else the user's data directory.

    Raises:
        StoreError: The store is a file.
    """
    configuration = settings.load()
    place = Path(store).expanduser() if store is not None else configuration.store
    return Session(Index(place, configuration.cache, lost_after=configuration.lost_after, tell=_tell))


def query(sql: str, params: Parameters = None, *, store: Store = None) -> Result:
    """Ask in SQL. Everything that was recorded before the call is seen, of finished and of running trainings.

    Args:
        sql: One or more statements; the answer is the last one's.
        params: Values for ``?`` (a sequence) or ``$name`` (a mapping).
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.

    Raises:
        QueryError: The question cannot be answered; the message says why.
        StoreError: The store cannot be read.
    """
    return open_session(store).ask(sql, params)


def ask(message: str, *, dataflow: str | None = None, store: Store = None) -> Result:
    """Ask with a message of DfAnalyzer's query interface. What the message may not have meant is told on stderr.

    Args:
        message: Functions such as ``source(itrain)``, one a line.
        dataflow: The tag of the dataflow; default: the only one that has the sets that the message names.
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.

    Returns:
        Each row once, ordered by the columns from left to right. Its ``sql`` is the question in SQL.

    Raises:
        QueryError: The message cannot be understood or answered; with the number of the line.
        NotFoundError: The store has no such dataflow, or none with these sets.
        UsageError: Several dataflows have these sets.
        StoreError: The store cannot be read.
    """
    session = open_session(store)
    parsed = _interface.parse_message(message)
    plan = _interface.plan(session, dataflow or _interface.find_dataflow(session, parsed), parsed)
    for warning in plan.warnings:
        _tell(f"note: {warning}")
    return _interface.answer(session, plan)


def runs(
    dataflow: str | None = None, *, status: str | None = None, limit: int | None = None, store: Store = None
) -> Result:
    """Runs, the latest first; see :func:`dlprov.query.questions.runs`."""
    return _questions.runs(open_session(store), dataflow, status=status, limit=limit)


def best_runs(
    metric: str,
    *,
    dataflow: str | None = None,
    n: int = 10,
    mode: Literal["max", "min"] = "max",
    by: Literal["last", "best"] = "last",
    store: Store = None,
) -> Result:
    """The best runs by a metric, with their settings; see :func:`dlprov.query.questions.best_runs`."""
    return _questions.best_runs(open_session(store), metric, dataflow=dataflow, n=n, mode=mode, by=by)


def epochs(run: str = "last", *, store: Store = None) -> Result:
    """The metrics of each epoch of a run."""
    return _questions.epochs(open_session(store), run)


def adaptations(run: str | None = None, *, store: Store = None) -> Result:
    """The changes of hyperparameters during the training of a run, or of all runs."""
    return _questions.adaptations(open_session(store), run)


def compare(first: str, second: str, *, store: Store = None) -> Result:
    """What differs between two runs."""
    return _questions.compare(open_session(store), first, second)


def _tell(message: str) -> None:
    print(f"dlprov: {message}", file=sys.stderr)  # noqa: T201 - a message for a person


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Result:
        return query(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
