"""Keras ``fit`` with capture against no capture: one process, one compiled model, rounds of each in turn.

``bare`` has Keras's own methods put back, so nothing of dlprov is in the way. It is measured twice a round: what lies
between the two is the noise. ``idle`` has the hooks, on a model that is not captured. ``captured`` is captured: every batch,
every epoch, on a run of its own. Epochs after the first are compared, since the first also begins the run; what the
beginning and the end of a captured ``fit`` cost once is told apart.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, Result, Spread, cost, interleaved, ratio

MUST = "at most 1 % on a step of 5 ms, or within the noise of no capture"

BACKEND = "jax"
STEP_SECONDS = 0.005


def measure(*, quick: bool) -> Result:
    """Costs of epochs, as ratios to those without capture."""
    rounds, steps, epochs = (4, 40, 3) if quick else (15, 100, 4)
    os.environ["KERAS_BACKEND"] = BACKEND
    with tempfile.TemporaryDirectory() as directory:
        os.environ["DLPROV_STORE"] = directory
        subject = _Subject(steps, epochs)
        costs = interleaved(
            rounds,
            {
                "bare": subject.bare,
                "captured": subject.captured,
                "bare again": subject.bare,
                "idle": subject.idle,
            },
        )
        points = _points(Path(directory))
    expected = rounds * steps * (epochs + 1) * len(subject.names)
    assert points == expected, f"every batch of {rounds} captured fits is recorded: {expected} points, got {points}"
    cpu, wall = ratio(costs, "captured", "bare"), ratio(costs, "captured", "bare", clock="wall")
    noise_cpu, noise_wall = ratio(costs, "bare again", "bare"), ratio(costs, "bare again", "bare", clock="wall")
    bound = {
        "cpu": max(1.01, noise_cpu.maximum),
        "wall": max(1.01, noise_wall.maximum),
    }
    every = steps * epochs
    step = Spread.of(each.wall / every * 1e3 for each in costs["bare"])
    added = {
        clock: Spread.of(
            (getattr(one, clock) - getattr(other, clock)) / every * 1e6
            for one, other in zip(costs["captured"], costs["bare"], strict=True)
        )
        for clock in ("cpu", "wall")
    }
    return Result(
        MUST,
        f"CPU {cpu:.3f}, wall {wall:.3f} (noise: {noise_cpu:.3f}, {noise_wall:.3f}) on a step of {step.median:.1f} ms; "
        f"added {added['cpu'].median:.0f} µs CPU a step; once {subject.once('cpu').median * 1e3:.0f} ms CPU",
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
            "microseconds added to a step": added,
            "seconds added once": {"cpu": subject.once("cpu"), "wall": subject.once("wall")},
        },
    )


class _Subject:
    """A model whose training step takes about ``STEP_SECONDS``, and Keras with and without hooks."""

    def __init__(self, steps: int, epochs: int) -> None:
        import keras  # noqa: PLC0415 - reads the backend from the environment
        import numpy as np  # noqa: PLC0415

        self.steps, self.epochs = steps, epochs
        self._keras = keras
        owners = {*keras.Model.__mro__, *keras.optimizers.SGD.__mro__, keras.callbacks.CallbackList} - {object}
        before = {owner: dict(vars(owner)) for owner in owners}
        from dlprov.capture.keras import registry  # noqa: PLC0415 - hooks what was looked at above

        self._registry = registry
        self._originals: list[tuple[Any, str, Any]] = []
        self._hooked: list[tuple[Any, str, Any]] = []
        for owner, attributes in before.items():
            for name, value in dict(vars(owner)).items():
                if attributes.get(name) is not value and name != "provenance":
                    self._originals.append((owner, name, attributes.get(name)))
                    self._hooked.append((owner, name, value))
        assert self._hooked, "Keras was without hooks, and has them now"
        self.batch = 32
        random = np.random.default_rng(0)
        self._x = random.standard_normal((4096 * 2, 256), dtype=np.float32)
        self._y = random.integers(0, 10, 4096 * 2)
        self.model = keras.Sequential(
            [
                keras.layers.Input((256,)),
                keras.layers.Dense(512, activation="relu"),
                keras.layers.Dense(512, activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        self.model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        self.names = ("loss", "accuracy")
        self._whole: dict[str, list[Cost]] = {"bare": [], "captured": []}
        self._calibrate()

    def bare(self) -> Cost:
        """Epochs of a fit without anything of dlprov's."""
        self._put(self._originals)
        try:
            return self._epochs("bare")
        finally:
            self._put(self._hooked)

    def idle(self) -> Cost:
        """Epochs of a fit of a model that is not captured."""
        self._registry._records.pop(self.model, None)
        return self._epochs()

    def captured(self) -> Cost:
        """Epochs of a captured fit, in a run of its own."""
        self.model.provenance(dataflow_tag="fit")
        try:
            return self._epochs("captured")
        finally:
            self._registry._records.pop(self.model, None)

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

    def _calibrate(self) -> None:
        """Choose the batch size for which a step takes about as long as it shall."""
        self._put(self._originals)
        steps, self.steps = self.steps, 20
        while True:
            self._fit(1, [])  # compiles
            found = cost(lambda: self._fit(2, [])).wall / 40
            if found >= STEP_SECONDS * 0.8:
                break
            factor = 2 if found < STEP_SECONDS / 3 else STEP_SECONDS / found
            self.batch = max(self.batch + 1, int(self.batch * factor))
        self.steps = steps
        self._whole = {"bare": [], "captured": []}
        self._put(self._hooked)

    @staticmethod
    def _put(attributes: list[tuple[Any, str, Any]]) -> None:
        for owner, name, value in attributes:
            if value is None:
                if name in vars(owner):
                    delattr(owner, name)
            else:
                setattr(owner, name, value)


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
    import dlprov.query  # noqa: PLC0415 - after the measurement: it brings the engine's threads

    sql = "SELECT count(*) FROM metric WHERE starts_with(name, 'batch_')"
    return int(dlprov.query.query(sql, store=store).rows()[0][0])
