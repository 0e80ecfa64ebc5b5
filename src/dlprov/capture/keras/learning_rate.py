"""The learning rate of a fit: the one that each epoch used, and who changed it.

It is read only where Keras itself has the variables of the model in place: before and after the callbacks of an
epoch's begin and end. In between, on JAX, they are donated to the device and reading them ends the training.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

TOLERANCE = 1e-6
"""Relative difference from which on two rates are different; a float32 holds about seven digits."""

_DEPTH = 24
"""How many frames above an assignment are searched for the callback that made it."""


@dataclass(frozen=True)
class Change:
    """One change: of which rate, from what to what, by what, and from which step on if that is known."""

    name: str
    old: float
    new: float
    technique: str
    reason: str
    step: int | None = None


@dataclass(frozen=True)
class _Assignment:
    technique: str
    reason: str
    step: int | None


class LearningRates:
    """Follows the learning rates of one fit. Used by the thread that trains.

    Args:
        optimizer: The model's optimizer, or whatever stands for it.
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.parts = parts(optimizer)
        self.now = self._read()
        self._assigned: dict[str, _Assignment] = {}

    def assigned(self, optimizer: Any, step: int | None) -> None:
        """Somebody assigns a rate at this moment: find out who."""
        for name, part in self.parts.items():
            if part is optimizer:
                callback, method = _assigning_callback()
                technique = type(callback).__name__ if callback is not None else "assignment"
                self._assigned[name] = _Assignment(technique, _reason(callback, method), step)

    def changes(self, moments: tuple[str, ...], callbacks: list[Any], iteration: str = "") -> list[Change]:
        """What has changed since the last call.

        Args:
            moments: The methods of callbacks that may have done it.
            callbacks: The callbacks of the fit.
            iteration: If given, changes by schedules are looked at, too, and this is their reason.
        """
        before, self.now = self.now, self._read(schedules=bool(iteration))
        found = []
        for name, new in self.now.items():
            old = before.get(name)
            if old is None or not _differ(old, new):
                continue
            schedule = _schedule(self.parts[name])
            done = self._assigned.get(name)
            if schedule is not None and done is None:
                done = _Assignment(type(schedule).__name__, iteration, None)
            elif done is None:
                done = _deduced(moments, callbacks)
            found.append(Change(name, old, new, done.technique, done.reason, done.step))
        self._assigned.clear()
        return found

    def _read(self, *, schedules: bool = True) -> dict[str, float]:
        rates = {}
        for name, part in self.parts.items():
            if not schedules and _schedule(part) is not None:
                # A schedule moves with every step: it is compared from one begin of an epoch to the next.
                rates[name] = self.now[name]
                continue
            rate = read(part)
            if rate is not None:
                rates[name] = rate
        return rates


def parts(optimizer: Any) -> dict[str, Any]:
    """The optimizers that hold a learning rate of their own, by the name of that rate."""
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:  # LossScaleOptimizer
        return parts(inner)
    several = getattr(optimizer, "optimizers", None)
    if isinstance(several, list | tuple):  # MultiOptimizer: the names are those that Keras's callbacks log
        return {f"learning_rate_{part.name}": part for part in several}
    return {"learning_rate": optimizer} if hasattr(optimizer, "learning_rate") else {}


def read(optimizer: Any) -> float | None:
    """The rate as the shortest decimal number that denotes it: the float32 next to 0.001 is ``0.001``."""
    keras, numpy = sys.modules["keras"], sys.modules["numpy"]
    rate = optimizer.learning_rate
    if not isinstance(rate, int | float):
        rate = numpy.asarray(keras.ops.convert_to_numpy(rate))
        if rate.size != 1:
            return None
        rate = rate.reshape(())
        if rate.dtype.itemsize > 4:
            return float(rate)
        rate = float(str(numpy.float32(rate)))
    return float(rate)


def _schedule(optimizer: Any) -> Any:
    rate = getattr(optimizer, "_learning_rate", None)
    return rate if isinstance(rate, sys.modules["keras"].optimizers.schedules.LearningRateSchedule) else None


def _differ(old: float, new: float) -> bool:
    return not abs(new - old) <= TOLERANCE * max(abs(old), abs(new))


def _assigning_callback() -> tuple[Any, str]:
    """The callback whose method is being executed, and the method's name."""
    kinds = sys.modules["keras"].callbacks
    frame = sys._getframe(2)
    for _ in range(_DEPTH):
        code = frame.f_code
        if code.co_argcount and code.co_varnames[0] == "self":
            owner = frame.f_locals.get("self")
            if isinstance(owner, kinds.CallbackList):
                break
            if isinstance(owner, kinds.Callback):
                return owner, code.co_name
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None, ""


def _reason(callback: Any, method: str) -> str:
    kinds = sys.modules["keras"].callbacks
    if isinstance(callback, kinds.ReduceLROnPlateau):
        return f"{callback.monitor} did not improve for {callback.patience} epochs: times {callback.factor:g}"
    if isinstance(callback, kinds.LearningRateScheduler):
        return f"schedule {getattr(callback.schedule, '__qualname__', type(callback.schedule).__qualname__)}"
    return f"assigned in {method}" if method else ""


def _deduced(moments: tuple[str, ...], callbacks: list[Any]) -> _Assignment:
    """Who changed the variable itself, past the property: the only user callback that was called, if it is one."""
    own = [(callback, moment) for callback in callbacks for moment in moments if _is_users(callback, moment)]
    if len({id(callback) for callback, _ in own}) == 1:
        callback, moment = own[0]
        return _Assignment(type(callback).__name__, f"assigned in {moment}", None)
    return _Assignment("assignment", "", None)


def _is_users(callback: Any, moment: str) -> bool:
    if moment in vars(callback):  # LambdaCallback
        return True
    base = sys.modules["keras"].callbacks.Callback
    changed = getattr(type(callback), moment, None) is not getattr(base, moment, None)
    return changed and not type(callback).__module__.startswith("keras.")
