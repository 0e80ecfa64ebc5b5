"""A call of ``fit`` while it runs: its batches, its epochs, its learning rates, and why it stopped."""

from __future__ import annotations

import math
import sys
import time
import weakref
from collections.abc import Mapping
from typing import Any

import msgspec

from dlprov.capture.keras import layers, plan
from dlprov.capture.keras.calls import Call
from dlprov.capture.keras.learning_rate import Change, LearningRates
from dlprov.capture.keras.parameters import callback_parameters, hyperparameters
from dlprov.capture.pending import Pending, hold, is_lazy
from dlprov.log import events, values

_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


class Fit(Call):
    """One captured ``fit``. Its methods are called by the training thread, at the callbacks of the same names."""

    epoch: int | None = None
    step: int | None = None
    """The step that ended last, counted from 0 over all fits of the run."""

    rates: LearningRates | None = None
    _first_step = 0
    _began = 0.0
    _elapsed = 0.0
    _epochs = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._batch_names: dict[str, str | None] = {}
        self._used: dict[str, float] = {}
        self._history: dict[str, int] = {}
        self._row: dict[str, Any] = {}
        self._write = self.task._write
        self._key = self.task._key

    def close(self, error: BaseException | None) -> None:
        """Tell the record that the call has ended. A second call does nothing."""
        running.pop(id(self.callbacks), None)
        if self.rates is not None:
            self.record.rates = self.rates.now
        super().close(error)

    # Called once, before the callbacks' on_train_begin.

    def train_begin(self, callbacks: Any) -> None:
        """From here on the model is built and its callbacks are known."""
        self.callbacks = callbacks
        running[id(callbacks)] = self
        self.run.param({"callbacks": callback_parameters(callbacks.callbacks)})

    def record_layers(self) -> None:
        """Layers, and the elements of ``iLayers`` and ``iTrainingModel``."""
        found = layers.flatten(self.model)
        recorded = layers.describe(found)
        if recorded != self.record.layers:
            self.record.layers = recorded
            for layer in recorded:
                self.run.emit(msgspec.structs.replace(layer, time=events.now(), task=self.task._key))
        self.run.param(layers.summary(self.model, found))
        stamp = str(time.time())
        rows = [{"ILTIMESTAMP": stamp, **row} for row in layers.rows(found)]
        if rows:
            self.task.used("iLayers", *rows)
        declared = self.record.declaration
        if declared.hyps or declared.extra:
            known = hyperparameters(self.model, self.arguments)
            chosen = {name: known[name] for name in declared.hyps}
            self.task.used("iTrainingModel", {"ITRAIN_TIMESTAMP": stamp, **chosen, **declared.values})

    def begin_rates(self) -> None:
        """Look whether the learning rate was changed since the last fit."""
        optimizer = self.model.optimizer
        self.rates = LearningRates(optimizer)
        before = self.record.optimizer() if self.record.optimizer is not None else None
        if before is optimizer and self.record.rates:
            self.rates.now = dict(self.record.rates)
            for change in self.rates.changes((), []):
                self._adapted(change, self.arguments.get("initial_epoch") or 0)
        self.record.optimizer = weakref.ref(optimizer) if optimizer is not None else None

    # Each epoch.

    def epoch_begin(self, epoch: int) -> None:
        """Before the callbacks of the epoch's begin."""
        self.epoch = epoch
        self._epochs += 1
        self._first_step = self.record.steps
        self._began = time.perf_counter()

    def use_rates(self, epoch: int) -> None:
        """After the callbacks of the epoch's begin: this is the learning rate that it uses."""
        if self.rates is None:
            return
        iteration = f"step {self.record.steps}"
        for change in self.rates.changes(("on_epoch_begin",), self.callbacks.callbacks, iteration):
            self._adapted(change, epoch)
        self._used = dict(self.rates.now)

    def batch(self, batch: int, logs: Mapping[str, Any] | None) -> None:
        """One batch, or the last of ``steps_per_execution``, was trained.

        The values are kept as they come, and turned into numbers by the background thread when they are ready:
        doing it here would wait for the device. They are what Keras shows in its progress bar: means over the
        epoch so far, not the values of the batch alone.
        """
        self.step = step = self._first_step + batch
        if not logs:
            return
        metrics: dict[str, Any] = {}
        waits = False
        for name, value in logs.items():
            if name not in self._batch_names:
                self._name_metrics(logs)
            metric = self._batch_names[name]
            if metric is None:
                continue
            if value.__class__ is float:
                metrics[metric] = value
            elif is_lazy(value):
                metrics[metric] = hold(value)
                waits = True
            else:
                # A tensor in the memory of this machine: read now, since the next batch may change it in place.
                metrics[metric] = value.item() if hasattr(value, "item") else value
        if waits:
            record = Pending(self._write, self.run.problem, events.now(), metrics, step, self.epoch, self._key)
            self.run.pending.put(record)
        else:
            self.task.log(metrics, step=step, epoch=self.epoch)

    def epoch_done(self, logs: Mapping[str, Any] | None) -> None:
        """Before the callbacks of the epoch's end: its time and its numbers, before anybody adds to them."""
        self._elapsed = time.perf_counter() - self._began
        self._row = _numbers(logs or {})
        self._name_metrics(self._row)
        history = getattr(self.model, "history", None)
        self._history = {name: len(column) for name, column in getattr(history, "history", {}).items()}
        if self.step is not None:
            self.record.steps = max(self.record.steps, self.step + 1)

    def rates_within(self, epoch: int) -> None:
        """Changes that were made between the batches of the epoch."""
        if self.rates is not None:
            for change in self.rates.changes(_BATCH_HOOKS, self.callbacks.callbacks):
                self._adapted(change, epoch)

    def record_epoch(self, epoch: int) -> None:
        """After the callbacks of the epoch's end: the epoch as metrics, and as an element of ``oTrainingModel``."""
        measured = {**self._row, **self._added_by_callbacks(), **self._used, "elapsed": self._elapsed}
        self.task.log(measured, step=self.step, epoch=epoch)
        names = self.record.names or ["loss"]
        columns = [*names, *(f"val_{name}" for name in names)]
        row = {"OTRAIN_TIMESTAMP": str(time.time()), "ELAPSED_TIME": str(self._elapsed), "EPOCH_ID": epoch}
        self.task.generated(plan.EPOCHS, {**row, **{name: self._row.get(name) for name in columns}})

    def rates_after(self, epoch: int) -> None:
        """After the callbacks of the epoch's end: rates that are new for the next epoch, if there is one."""
        if self.rates is None:
            return
        last = self.arguments.get("epochs")
        over = bool(getattr(self.model, "stop_training", False)) or (isinstance(last, int) and epoch + 1 >= last)
        for change in self.rates.changes(("on_epoch_end",), self.callbacks.callbacks):
            self._adapted(change, None if over else epoch + 1)

    # Once, when the fit has ended without an exception.

    def record_stop(self) -> None:
        """Why the training stopped before its last epoch, or went back to an earlier one."""
        if self.epoch is None or self.callbacks is None:
            return
        kinds = sys.modules["keras"].callbacks
        stopped = False
        for callback in self.callbacks.callbacks:
            if isinstance(callback, kinds.EarlyStopping):
                stopped = self._early_stopping(callback) or stopped
        last = self.arguments.get("epochs")
        if stopped or not getattr(self.model, "stop_training", False):
            return
        if isinstance(last, int) and self.epoch + 1 >= last:
            return
        loss = self._row.get("loss")
        if isinstance(loss, float) and not math.isfinite(loss):
            for callback in self.callbacks.callbacks:
                if isinstance(callback, kinds.TerminateOnNaN):
                    self._stop(type(callback).__name__, self.epoch, f"the loss was {loss}")
                    return
        self._stop("stop_training", self.epoch, "the model's stop_training was set")

    def _early_stopping(self, callback: Any) -> bool:
        stopped = bool(callback.stopped_epoch > 0)
        restored = callback.restore_best_weights and callback.best_weights is not None
        if not stopped and not restored:
            return False
        reasons = []
        if stopped:
            reasons.append(f"{callback.monitor} did not improve for {callback.wait} epochs")
        if restored:
            reasons.append(f"the weights of epoch {callback.best_epoch} were restored")
        best = None if callback.best is None else values.encode_number(float(callback.best))
        self._stop(
            type(callback).__name__,
            callback.stopped_epoch if stopped else self.epoch or 0,
            "; ".join(reasons),
            monitor=callback.monitor,
            best=best,
            best_epoch=None if best is None else callback.best_epoch,
        )
        return stopped

    def _stop(self, technique: str, epoch: int, reason: str, **more: Any) -> None:
        stop = events.Stop(
            events.now(), technique=technique, epoch=int(epoch), reason=reason, task=self.task._key, **more
        )
        self.run.emit(stop)

    def _adapted(self, change: Change, epoch: int | None) -> None:
        reason = change.reason if epoch is not None else f"{change.reason}; no epoch ran with it"
        self.task.adaptation(
            change.name,
            change.old,
            change.new,
            technique=change.technique,
            reason=reason,
            epoch=epoch,
            step=change.step,
        )
        self.record.adaptations += 1
        if not self.record.declaration.adaptation:
            return
        task = self.record.begin_task(plan.ADAPTATION, plan.TRAINING)
        # The epochs up to here led to the change.
        task.used_all(plan.EPOCHS, self.task)
        task.generated(
            "oAdaptation",
            {
                "NEW_LRATE": change.new,
                "ATIMESTAMP": str(time.time()),
                "EPOCH_ID": epoch,
                "ADAPTATION_ID": self.record.adaptations,
            },
        )
        task.end()

    def _name_metrics(self, logs: Mapping[str, Any]) -> None:
        """Learn the names of the metrics from the logs, and declare them."""
        for name, value in logs.items():
            # A custom train_step may log text or arrays, too: they are no metrics.
            self._batch_names[name] = f"batch_{name}" if _is_number(value) else None
        self.record.learn_names(self.model, [name for name in logs if self._batch_names[name]])

    def _added_by_callbacks(self) -> dict[str, Any]:
        """What callbacks have put into the logs of the epoch: Keras's history shows it."""
        history = getattr(getattr(self.model, "history", None), "history", {})
        added = {
            name: column[-1]
            for name, column in history.items()
            if name not in self._row and len(column) > self._history.get(name, 0)
        }
        return _numbers(added)


running: dict[int, Fit] = {}
"""The fits that run at this moment, by the ``id`` of their ``CallbackList``, which they keep alive."""


def _is_number(value: Any) -> bool:
    """Whether ``value`` is one number, to be had now or later."""
    if isinstance(value, str | bytes | Mapping) or value is None:
        return False
    return all(side == 1 for side in tuple(getattr(value, "shape", ())))


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """The logs of an epoch as floats, nested ones flattened, as Keras's callbacks see them."""
    found: dict[str, float] = {}
    for name, value in logs.items():
        if isinstance(value, Mapping):
            found.update(_numbers(value))
            continue
        try:
            found[str(name)] = float(value)
        except (TypeError, ValueError, RuntimeError):
            continue  # text or an array, which a custom train_step may log
    return found
