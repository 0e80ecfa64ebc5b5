"""The ends of a process: what becomes of runs that nobody finished."""

from __future__ import annotations

import atexit
import multiprocessing.process
import multiprocessing.util
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from dlprov.model import EndStatus

if TYPE_CHECKING:
    from dlprov.capture.run import Run

_open: dict[int, Run] = {}
_error: BaseException | None = None
_installed = False


def remember(run: Run) -> None:
    """End ``run`` when the process ends, if nobody does before."""
    _install()
    _open[id(run)] = run


def forget(run: Run) -> None:
    """``run`` has ended."""
    _open.pop(id(run), None)


def status_after(error: BaseException | None) -> EndStatus:
    """How something ended that ``error`` (or nothing) left: ``SystemExit`` without a code is no failure."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def is_starting_child() -> bool:
    """Whether this is a spawned process that imports its parent's main module: it is not a run of its own.

    ``multiprocessing.parent_process()`` is still ``None`` then.
    """
    return bool(getattr(multiprocessing.process.current_process(), "_inheriting", False))


def end_open_runs(error: BaseException | None = None) -> None:
    """End every open run: by ``error``, or by the exception that ends the process, or as finished."""
    for run in reversed(list(_open.values())):
        run.finish(error=error or _error)


def _install() -> None:
    global _installed  # noqa: PLW0603 - the hooks are the process's
    if _installed:
        return
    _installed = True
    atexit.register(end_open_runs)
    _finalize_in_child(None)
    multiprocessing.util.register_after_fork(_finalize_in_child, _finalize_in_child)
    _chain_excepthook()
    if threading.current_thread() is threading.main_thread():
        _chain_sigterm()


def _finalize_in_child(_: object) -> None:
    # multiprocessing's children leave by os._exit, without atexit, but run these.
    multiprocessing.util.Finalize(None, end_open_runs, exitpriority=100)


def _chain_excepthook() -> None:
    previous = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        global _error  # noqa: PLW0603
        _error = error
        return previous(kind, error, trace)

    sys.excepthook = excepthook


def _chain_sigterm() -> None:
    """On SIGTERM write the ends, then die of the signal as before. A handler of the user's is left alone."""
    try:
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return
        signal.signal(signal.SIGTERM, _on_sigterm)
    except (ValueError, OSError):  # not the main interpreter
        return


def _on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of handlers
    for run in reversed(list(_open.values())):
        run.finish("interrupted", error=_Terminated("SIGTERM"))
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class _Terminated(BaseException):
    """Stands for the signal in the end of a run."""


def _after_fork_in_child() -> None:
    # The parent's runs end in the parent. What the child itself writes of them is sealed when it leaves.
    for run in _open.values():
        run.environment.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
