"""The one mechanism by which the adapter watches Keras: functions called before and after a method of Keras's.

What holds for every hook, whatever it does:

* the original is called exactly once, with the arguments as they came, and its result or exception is passed on;
* an exception in a hook is told once on stderr, written to the run's log and goes no further; the other hooks of the
  same method still run. ``KeyboardInterrupt`` and ``SystemExit`` are the user's and pass through;
* installing twice is as good as once, and what others have put on top of a hooked method stays there.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dlprov.capture.faults import faults
from dlprov.capture.keras import calls


@dataclass(slots=True)
class Invocation:
    """One call of a hooked method, as its hooks see it.

    Attributes:
        args: The arguments by position, the object itself first.
        kwargs: The arguments by name.
        result: What the method returned, for after hooks.
        error: What it raised instead.
        state: What the hook's own ``before`` returned, for its ``after``.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any = None
    error: BaseException | None = None
    state: Any = None

    @property
    def subject(self) -> Any:
        """The object whose method it is; of a function, the first argument."""
        return self.args[0] if self.args else None

    def argument(self, position: int, name: str) -> Any:
        """One argument, however it was given; ``None`` if it was not."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name)


@dataclass(slots=True)
class Hook:
    """What to do before and after one method of Keras.

    Attributes:
        name: Names it in messages.
        target: The method, as :data:`dlprov.capture.keras.adapter.HOOKS` calls it: ``Model.fit``.
        before: Called before the method; what it returns is the ``state`` of ``after``.
        after: Called after it, if ``before`` did not fail, in the reverse order of the before hooks.
    """

    name: str
    target: str
    before: Callable[[Invocation], Any] | None = None
    after: Callable[[Invocation], None] | None = None


def patch(owner: Any, attribute: str, hooks: list[Hook]) -> None:
    """Put ``hooks`` around ``owner.attribute``: a method of a class, the setter of a property, or a function."""
    done = _patched.setdefault(owner, set())
    if attribute in done:
        # Ours is there, possibly below the patch of somebody else, who keeps it.
        return
    own = vars(owner).get(attribute)
    if isinstance(own, property):
        setter = _around(own.fset, hooks)
        setattr(owner, attribute, property(own.fget, setter, own.fdel, own.__doc__))
    else:
        setattr(owner, attribute, _around(own if own is not None else _inherited(owner, attribute), hooks))
    done.add(attribute)


_patched: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()


def _inherited(owner: Any, attribute: str) -> Callable[..., Any]:
    """A method that calls the inherited one: looked up at each call, so that a later patch of a base class is seen."""

    @functools.wraps(getattr(owner, attribute))
    def inherited(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(owner, self), attribute)(*args, **kwargs)

    return inherited


def _around(original: Any, hooks: list[Hook]) -> Callable[..., Any]:
    if len(hooks) == 1 and hooks[0].after is None:
        return _only_before(original, hooks[0])

    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        invocation = Invocation(args, kwargs)
        states = _enter(hooks, invocation)
        try:
            result = invocation.result = original(*args, **kwargs)
        except BaseException as error:
            invocation.error = error
            _leave(hooks, states, invocation)
            raise
        _leave(hooks, states, invocation)
        return result

    return hooked


def _only_before(original: Any, hook: Hook) -> Callable[..., Any]:
    # For the method that is called for every batch: no lists, and no frame of ours that catches.
    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        invocation = Invocation(args, kwargs)
        try:
            hook.before(invocation)  # type: ignore[misc]
        except Exception as error:
            _report(hook, invocation, error)
        return original(*args, **kwargs)

    return hooked


_FAILED = object()


def _enter(hooks: list[Hook], invocation: Invocation) -> list[Any]:
    states: list[Any] = []
    try:
        for hook in hooks:
            try:
                states.append(hook.before(invocation) if hook.before is not None else None)
            except Exception as error:
                states.append(_FAILED)
                _report(hook, invocation, error)
    except BaseException as error:
        # Ctrl-C while we were at work: what has begun ends with it.
        invocation.error = error
        _leave(hooks[: len(states)], states, invocation)
        raise
    return states


def _leave(hooks: list[Hook], states: list[Any], invocation: Invocation) -> None:
    interrupted: BaseException | None = None
    for hook, state in zip(reversed(hooks), reversed(states), strict=True):
        if hook.after is None or state is _FAILED:
            continue
        invocation.state = state
        try:
            hook.after(invocation)
        except Exception as fault:
            _report(hook, invocation, fault)
            if isinstance(state, calls.Call):
                calls.abandon(state, invocation.error)
        except BaseException as signal:
            # Ctrl-C while we were at work: the other hooks, the one that ends the run among them, have their turn.
            interrupted = invocation.error = signal
    if interrupted is not None:
        raise interrupted


def _report(hook: Hook, invocation: Invocation, error: Exception) -> None:
    try:
        where = f"the Keras hook {hook.name}"
        with calls.run_of(invocation.subject) as record:
            # A hook that fails for every batch must not fill the disk with its tracebacks.
            if record is None or record.first_time(where):
                faults.report(where, error, record.run if record is not None else None)
    except Exception:
        # The run cannot be written to: at least the person is told.
        faults.report(hook.name, error, None)
