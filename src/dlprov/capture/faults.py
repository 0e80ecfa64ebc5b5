"""Faults of ours stay ours: told once on stderr, written to the log, never raised into the training."""

from __future__ import annotations

import functools
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class HasProblems(Protocol):
    """Something that can write a problem down."""

    def problem(self, where: str, message: str, trace: str = "") -> None:
        """Record a problem. Must not raise."""


class Faults:
    """Tells a person about trouble, each kind once a process. Any thread."""

    def __init__(self) -> None:
        self.quiet = False
        self._told: set[str] = set()
        self._lock = threading.RLock()

    def after_fork_in_child(self) -> None:
        """Forget the lock, which a thread of the parent may have held."""
        self._lock = threading.RLock()

    def tell(self, message: str, *, once: str = "") -> None:
        """Write ``dlprov: message`` to stderr; with the same ``once`` key only the first time."""
        with self._lock:
            if once in self._told:
                return
            if once:
                self._told.add(once)
        if self.quiet:
            return
        try:
            print(f"dlprov: {message}", file=sys.stderr, flush=True)  # noqa: T201
        except (OSError, ValueError, AttributeError):
            pass  # stderr is closed or missing: nobody listens

    def report(self, where: str, error: BaseException, run: HasProblems | None) -> None:
        """Tell of an exception of ours, and write it to the run's log."""
        try:
            text = f"{type(error).__name__}: {error}"
            self.tell(
                f"a fault in {where} ({text}); the training is not affected, but this part is not recorded. "
                "The run log holds the details: please report them.",
                once=f"fault {where}",
            )
            if run is not None:
                run.problem(where, text, "".join(traceback.format_exception(error)))
        except Exception:  # noqa: S110 - reporting is the last line of defence
            pass


faults = Faults()
"""The faults of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=faults.after_fork_in_child)


def shielded(method: Callable[P, R]) -> Callable[P, R | None]:
    """Let no exception of a method of ``Run`` or ``Task`` reach the caller. A failed call gives ``None``.

    ``KeyboardInterrupt`` and the like pass through: they are the user's.
    """

    @functools.wraps(method)
    def shield(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            owner: Any = args[0] if args else None
            faults.report(f"{method.__qualname__}", error, owner if hasattr(owner, "problem") else None)
            return None

    return shield
