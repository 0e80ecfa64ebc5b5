"""Keras ``fit`` with capture against no capture: one process, one compiled model, rounds of each in turn.

``bare`` has Keras's own methods put back, so nothing of dlprov is in the way. It is measured twice a round: what lies
between the two is the noise. ``idle`` has the hooks, on a model that is not captured. ``captured`` is captured: every
batch, every epoch, in a run of its own. Epochs after the first are compared, since the first also begins the run; what
the beginning and the end of a captured ``fit`` cost once is told apart. The cost of capture is seen best on the step of
a small model, where the processor time of the rest is small, too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, Result, Spread, cost, interleaved, ratio

MUST = "at most 1 % on a step of 5 ms, or within the noise of no capture"

BACKEND = "jax"
STEP_SECONDS = 0.005


def measure(*, quick: bool) -> Result:
    """Costs of epochs, as ratios to those without capture."""
    rounds, steps, epochs = (4, 40, 2) if quick else (15, 100, 2)
    os.environ["KERAS_BACKEND"] = BACKEND
    with tempfile.TemporaryDirectory() as directory:
        os.environ["DLPROV_STORE"] = directory
        hooks = _Hooks()
        subject = _Subject(hooks, steps, epochs, width=512, seconds=STEP_SECONDS)
        costs = interleaved(rounds, subject.variants())
        small = _Subject(hooks, 10 * steps, epochs, width=8)
        quick_costs = interleaved(rounds, small.variants())
        points = _points(Path(directory))
    expected = rounds * (subject.steps + small.steps) * (epochs + 1) * len(subject.names)
    assert points == expected, f"every batch of {rounds} captured fits is recorded: {expected} points, got {points}"
    cpu, wall = ratio(costs, "captured", "bare"), ratio(costs, "captured", "bare", clock="wall")
    noise_cpu, noise_wall = ratio(costs, "bare again", "bare"), ratio(costs, "bare again", "bare", clock="wall")
    bound = {
        "cpu": max(1.01, noise_cpu.maximum),
        "wall": max(1.01, noise_wall.maximum),
    }
    step = Spread.of(each.wall / (steps * epochs) * 1e3 for each in costs["bare"])
    added = {"on a step of 5 ms": subject.added(costs), "on a step of a small model": small.added(quick_costs)}
    share = added["on a step of a small model"].median / 1e6 / STEP_SECONDS
    return Result(
        MUST,
        f"CPU {cpu:.3f}, wall {wall:.3f} (noise: {noise_cpu:.3f}, {noise_wall:.3f}) on a step of {step.median:.1f} ms; "
        f"{added['on a step of a small model']:.0f} µs CPU added to the step of a small model, {share:.1%} of 5 ms; "
        f"once {subject.once('cpu').median * 1e3:.0f} ms CPU",
        cpu.median <= bound["cpu"] and wall.median <= bound["wall"],
        {
            "backend": BACKEND,
            "rounds": rounds,
            "steps an epoch": steps,
            "epochs": epochs,
            "milliseconds of a step": step,
            "cpu ratio": cpu,
            "wall ratio": wall,
            "cpu ratio of no capture to itself": noise_cpu,
            "wall ratio of no capture to itself": noise_wall,
            "cpu ratio of hooks on a model that is not captured": ratio(costs, "idle", "bare"),
            "wall ratio of hooks on a model that is not captured": ratio(costs, "idle", "bare", clock="wall"),
            "milliseconds of a step of the small model": Spread.of(
                each.wall / (small.steps * epochs) * 1e3 for each in quick_costs["bare"]
            ),
            "cpu microseconds added to a step": added,
            "seconds added once": {"cpu": subject.once("cpu"), "wall": subject.once("wall")},
        },
    )


class _Hooks:
    """Keras with and without hooks."""

    def __init__(self) -> None:
        import keras  # noqa: PLC0415 - reads the backend from the environment

        self.keras = keras
        owners = {*keras.Model.__mro__, *keras.optimizers.SGD.__mro__, keras.callbacks.CallbackList} - {object}
        before = {owner: dict(vars(owner)) for owner in owners}
        from dlprov.capture.keras import registry  # noqa: PLC0415 - hooks what was looked at above

        self.records = registry._records
        self._originals: list[tuple[Any, str, Any]] = []
        self._hooked: list[tuple[Any, str, Any]] = []
        for owner, attributes in before.items():
            for name, value in dict(vars(owner)).items():
                if attributes.get(name) is not value and name != "provenance":
                    self._originals.append((owner, name, attributes.get(name)))
                    self._hooked.append((owner, name, value))
        assert self._hooked, "Keras was without hooks, and has them now"

    def take_out(self) -> None:
        """Put Keras's own methods back."""
        self._put(self._originals)

    def put_in(self) -> None:
        """Put the hooks back."""
        self._put(self._hooked)

    @staticmethod
    def _put(attributes: list[tuple[Any, str, Any]]) -> None:
        for owner, name, value in attributes:
            if value is not None:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)


class _Subject:
    """A model, and data for it; with ``seconds``, as much that a step takes about so long."""

    def __init__(self, hooks: _Hooks, steps: int, epochs: int, *, width: int, seconds: float = 0.0) -> None:
        import numpy as np  # noqa: PLC0415 - after Keras has chosen its backend

        self.steps, self.epochs = steps, epochs
        self._hooks = hooks
        keras = self._keras = hooks.keras
        self.batch = 32
        random = np.random.default_rng(0)
        self._x = random.standard_normal((4096 * 2, 256), dtype=np.float32)
        self._y = random.integers(0, 10, 4096 * 2)
        self.model = keras.Sequential(
            [
                keras.layers.Input((256,)),
                keras.layers.Dense(width, activation="relu"),
                keras.layers.Dense(width, activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        self.model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        self.names = ("loss", "accuracy")
        self._whole: dict[str, list[Cost]] = {"bare": [], "captured": []}
        self._calibrate(seconds)

    def bare(self) -> Cost:
        """Epochs of a fit without anything of dlprov's."""
        self._hooks.take_out()
        try:
            return self._epochs("bare")
        finally:
            self._hooks.put_in()

    def idle(self) -> Cost:
        """Epochs of a fit of a model that is not captured."""
        self._hooks.records.pop(self.model, None)
        return self._epochs()

    def captured(self) -> Cost:
        """Epochs of a captured fit, in a run of its own."""
        self.model.provenance(dataflow_tag="fit")
        try:
            return self._epochs("captured")
        finally:
            self._hooks.records.pop(self.model, None)

    def variants(self) -> dict[str, Callable[[], Cost]]:
        """What is compared."""
        return {"bare": self.bare, "captured": self.captured, "bare again": self.bare, "idle": self.idle}

    def added(self, costs: dict[str, list[Cost]]) -> Spread:
        """Microseconds of processor time that capture adds to a step."""
        pairs = zip(costs["captured"], costs["bare"], strict=True)
        return Spread.of((one.cpu - other.cpu) / (self.steps * self.epochs) * 1e6 for one, other in pairs)

    def once(self, clock: str) -> Spread:
        """Seconds that a captured fit takes longer than a bare one outside of the compared epochs."""
        pairs = zip(self._whole["captured"], self._whole["bare"][-2 * len(self._whole["captured"]) :: 2], strict=True)
        return Spread.of(getattr(one, clock) - getattr(other, clock) for one, other in pairs)

    def _epochs(self, kind: str = "") -> Cost:
        """The cost of all epochs but the first, which warms up."""
        clock = _Clock(self._keras.callbacks.Callback)
        whole = cost(lambda: self._fit(self.epochs + 1, [clock.callback]))
        assert clock.found is not None
        if kind:
            self._whole[kind].append(Cost(whole.cpu - clock.found.cpu, whole.wall - clock.found.wall))
        return clock.found

    def _fit(self, epochs: int, callbacks: list[Any]) -> None:
        rows = self.steps * self.batch
        repeat = -(-rows // len(self._x))
        x, y = self._x, self._y
        if repeat > 1:
            import numpy as np  # noqa: PLC0415

            x, y = np.tile(x, (repeat, 1)), np.tile(y, repeat)
        self.model.fit(
            x[:rows], y[:rows], batch_size=self.batch, epochs=epochs, verbose=0, shuffle=False, callbacks=callbacks
        )

    def _calibrate(self, seconds: float) -> None:
        """Choose the batch size for which a step takes about ``seconds``."""
        self._hooks.take_out()
        steps, self.steps = self.steps, 20
        while True:
            self._fit(1, [])  # compiles
            found = min(cost(lambda: self._fit(1, [])).wall for _ in range(5)) / 20
            if found >= seconds * 0.8:
                break
            factor = 2 if found < seconds / 3 else seconds / found
            self.batch = max(self.batch + 1, int(self.batch * factor))
        self.steps = steps
        self._whole = {"bare": [], "captured": []}
        self._hooks.put_in()


class _Clock:
    """A callback that takes the time from the end of the first epoch to the end of the last."""

    def __init__(self, base: Any) -> None:
        self.found: Cost | None = None
        self._begin: tuple[float, float] = (0.0, 0.0)
        self.callback = type("Clock", (base,), {"on_epoch_end": self._epoch_end})()

    def _epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - the signature of callbacks
        now = (time.process_time(), time.perf_counter())
        if epoch == 0:
            self._begin = now
        else:
            self.found = Cost(now[0] - self._begin[0], now[1] - self._begin[1])


def _points(store: Path) -> int:
    """How many metrics of batches the store holds."""
    import dlprov  # noqa: PLC0415 - after the measurement: it brings the engine's threads

    sql = "SELECT count(*) FROM metric WHERE starts_with(name, 'batch_')"
    return int(dlprov.query(sql, store=store).rows()[0][0])
