"""The calls of ``fit``, ``evaluate`` and ``predict`` that are being captured at this moment, by thread."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlprov.capture.keras import plan, registry
from dlprov.capture.keras.registry import Record
from dlprov.capture.run import Task

FIT, EVALUATE, PREDICT = "fit", "evaluate", "predict"

_TRANSFORMATIONS = {FIT: plan.TRAINING, EVALUATE: plan.TESTING, PREDICT: plan.PREDICTION}


class Call:
    """One call of ``fit``, ``evaluate`` or ``predict`` on a captured model.

    Attributes:
        kind: Which of the three.
        model: The model.
        record: What is known of the model.
        task: The task that the call is.
        arguments: The arguments by name, defaults included.
        logs: What ``evaluate`` told its callbacks at its end.
        closed: Whether the record knows that the call has ended.
    """

    callbacks: Any = None
    """Keras's ``CallbackList`` of a ``fit``, from its first callback on."""

    def __init__(self, kind: str, model: Any, record: Record, arguments: dict[str, Any]) -> None:
        self.kind = kind
        self.model = model
        self.record = record
        self.arguments = arguments
        self.logs: dict[str, Any] = {}
        self.closed = False
        self.run = record.open_run
        dependencies = () if kind == FIT else (plan.TRAINING,)
        self.task: Task = record.begin_task(_TRANSFORMATIONS[kind], *dependencies)

    def owns(self, callbacks: Any) -> bool:
        """Whether ``callbacks`` is the ``CallbackList`` of this call."""
        return callbacks is not None and callbacks is self.callbacks

    def end(self, error: BaseException | None) -> None:
        """End the task, and with the outermost call the run."""
        try:
            # The metrics that still wait belong before the end of their task.
            self.run.pending.flush()
            self.task.end(error=error)
        finally:
            self.close(error)

    def close(self, error: BaseException | None) -> None:
        """Tell the record that the call has ended. A second call does nothing."""
        if not self.closed:
            self.closed = True
            self.record.close(error, fit=self.kind == FIT)


class _Stack(threading.local):
    def __init__(self) -> None:
        self.calls: list[Call] = []


_stack = _Stack()


def stack() -> list[Call]:
    """The captured calls that this thread is in, the innermost last."""
    return _stack.calls


def current(kind: str, model: Any) -> Call | None:
    """The innermost call of this thread, if it is ``kind`` on ``model``."""
    calls = _stack.calls
    return calls[-1] if calls and calls[-1].kind == kind and calls[-1].model is model else None


def active_fit(model: Any) -> Call | None:
    """The innermost ``fit`` of this thread on ``model``."""
    return next((call for call in reversed(_stack.calls) if call.kind == FIT and call.model is model), None)


def begin(kind: str, make: type[Call], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """Begin a call, if it is one to be captured; :func:`end` ends it."""
    record = _to_capture(kind, args, kwargs)
    if record is None:
        return None
    run = record.open(args[0])
    try:
        if not run.is_recorded:
            record.close()
            return None
        call = make(kind, args[0], record, _bind(kind, args, kwargs))
    except BaseException as error:
        record.close(error)
        raise
    _stack.calls.append(call)
    return call


def end(call: Call, error: BaseException | None) -> None:
    """End a call that has begun."""
    _forget(call)
    call.end(error)


def abandon(call: Call, error: BaseException | None) -> None:
    """End a call whose proper end has failed: no later call may believe that it is still running."""
    _forget(call)
    call.close(error)


def _forget(call: Call) -> None:
    if call in _stack.calls:
        _stack.calls.remove(call)


def _to_capture(kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Record | None:
    """The record of the model, if this call on it is one to be captured by itself."""
    model = args[0] if args else None
    # The validation of a fit is an evaluate, too: Keras tells it apart by this argument, and so do its callbacks.
    if "_use_cached_eval_dataset" in kwargs or any(call.owns(kwargs.get("callbacks")) for call in _stack.calls):
        return None
    # A subclass's fit that calls itself again is one fit.
    if any(call.kind == kind and call.model is model for call in _stack.calls):
        return None
    return registry.find(model)


def _bind(kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name; those that do not fit are Keras's to complain of."""
    try:
        bound = inspect.signature(getattr(sys.modules["keras"].Model, kind)).bind(*args, **kwargs)
    except TypeError:
        return dict(kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    arguments.pop("self", None)
    return arguments


@contextmanager
def run_of(subject: Any) -> Iterator[Record | None]:
    """The record that a hook of ``subject`` works for, with its run open for a moment at least."""
    if _stack.calls:
        record: Record | None = _stack.calls[-1].record
    else:
        model = sys.modules["keras"].Model
        record = registry.find(subject) if isinstance(subject, model) else None
    if record is None:
        yield None
        return
    record.open()
    try:
        yield record
    finally:
        record.close()
