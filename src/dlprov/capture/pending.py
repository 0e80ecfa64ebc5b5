"""Metrics whose values are still being computed: written when they are ready, without waiting in the training.

A JAX array or a CUDA tensor is a promise. Turning it into a number waits for the device, which the training
thread must not do. Such values wait here, and the background thread converts those that are ready, in order.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from dlprov.log import events, values
from dlprov.log.background import background

LIMIT = 10_000
"""How many records may wait; the next one waits for the oldest in the calling thread."""

CHUNK = 128
"""How many records are converted before other threads get their turn at the interpreter."""

_LAZY_MODULES = ("jax", "jaxlib", "tensorflow", "torch")


class Pending(NamedTuple):
    """One metric event in the making."""

    write: Callable[[bytes], None]
    problem: Callable[[str, str], None]
    time: int
    values: dict[str, Any]
    step: int | None
    epoch: int | None
    task: events.Key | None


def is_lazy(value: Any) -> bool:
    """Whether turning ``value`` into a number might wait for a device."""
    kind = type(value)
    if kind is float or kind is int:
        return False
    module = kind.__module__.partition(".")[0]
    if module not in _LAZY_MODULES:
        return False
    if module == "torch":
        # A CPU tensor is a number already, and must be read now: the next `total += loss` changes it in place.
        return getattr(getattr(value, "device", None), "type", "cpu") != "cpu"
    return True


def hold(value: Any) -> Any:
    """What to keep of a lazy value so that nothing the training does next can change it."""
    if type(value).__module__.partition(".")[0] == "torch":
        return _CudaCopy(value)
    return value


class _CudaCopy:
    """A copy of a tensor on its device, and the moment in the device's stream at which it is complete."""

    def __init__(self, tensor: Any) -> None:
        torch = sys.modules["torch"]
        self._copy = tensor.detach().clone()
        self._event: Any = None
        if self._copy.is_cuda:
            self._event = torch.cuda.Event()
            self._event.record()

    def is_ready(self) -> bool:
        return self._event is None or bool(self._event.query())

    def item(self) -> Any:
        return self._copy.item()


def _is_ready(value: Any) -> bool:
    ready = getattr(value, "is_ready", None)
    return True if ready is None else bool(ready())


def _number(value: Any) -> float | int | str:
    if value.__class__ is str:  # "NaN" and its like: it was ready, and waited for the others of its record
        return str(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(value, "__array__"):
        # For JAX on CPU a tenth of the time of float(x) or x.__array__(), and it hardly holds the interpreter.
        value = numpy.asarray(value)
    return values.encode_number(value)


class PendingMetrics:
    """The queue of one run. ``put`` is for training threads, ``tick`` for the background thread, ``flush`` for any."""

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()
        self._lock = threading.RLock()
        _queues.add(self)

    def put(self, metric: Pending) -> None:
        """Queue one record. Does not wait, unless ``LIMIT`` records wait already."""
        if not self._waiting:
            background.add(self)
        self._waiting.append(metric)
        if len(self._waiting) > LIMIT:
            with self._lock:
                self._write(1)

    def tick(self, now: float) -> None:  # noqa: ARG002 - the protocol of tickers
        """Write the records that are ready, up to the first that is not."""
        with self._lock:
            while ready := self._ready():
                self._write(ready)
                time.sleep(0.0005)

    def flush(self) -> None:
        """Write all records, waiting for their values."""
        with self._lock:
            while self._waiting:
                self._write(min(CHUNK, len(self._waiting)))

    def after_fork_in_child(self) -> None:
        """In a forked child the waiting records are the parent's to write."""
        self._lock = threading.RLock()
        self._waiting.clear()

    def _ready(self) -> int:
        """How many records at the front of the queue are ready, up to ``CHUNK``."""
        count = 0
        # By index: a training thread may append meanwhile, which ends an iteration with an error.
        while count < min(CHUNK, len(self._waiting)) and all(map(_is_ready, self._waiting[count].values.values())):
            count += 1
        return count

    def _write(self, count: int) -> None:
        """Write the first ``count`` records by one call: each call is a moment in which other threads may wait."""
        write = self._waiting[0].write
        lines: list[bytes] = []
        try:
            lines.extend(_line(self._waiting.popleft()) for _ in range(count))
        finally:
            # After a Ctrl-C too: what was taken from the queue is written.
            write(b"".join(lines))


def _line(metric: Pending) -> bytes:
    try:
        numbers = {name: _number(value) for name, value in metric.values.items()}
        return events.encode(events.Metric(metric.time, metric.task, metric.step, metric.epoch, numbers))
    except Exception as error:
        metric.problem("log", f"the values of {', '.join(metric.values)} could not be read: {error}")
        return b""


_queues: weakref.WeakSet[PendingMetrics] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for queue in list(_queues):
        queue.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
