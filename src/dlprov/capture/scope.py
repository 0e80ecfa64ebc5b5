"""What a run and a task have in common: metrics, settings, data, artifacts, adaptations, notes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dlprov.capture import fingerprint
from dlprov.capture.faults import shielded
from dlprov.capture.pending import Pending, hold, is_lazy
from dlprov.log import events
from dlprov.log import values as encoding

if TYPE_CHECKING:
    from dlprov.capture.run import Run

_encode = msgspec.json.Encoder().encode
_isfinite = math.isfinite
_time_ns = time.time_ns
_Metric = events.Metric


class Scope:
    """A run or a task. Every method may be called by any thread, and raises nothing."""

    _run: Run
    _key: int | None
    _write: Callable[[bytes], None]

    def log(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        step: int | None = None,
        epoch: int | None = None,
        **metrics: Any,
    ) -> None:
        """Record numbers measured at one moment.

        Args:
            values: Metrics by name, for names that are no Python keywords.
            step: Counts what the training counts (batches, updates); a 64-bit integer.
            epoch: Counts from 0. A fraction is kept as a metric ``epoch`` of its own.
            metrics: Metrics by name: numbers, booleans, NumPy scalars, arrays and tensors of one element. NaN and
                infinities are kept as such. JAX arrays and CUDA tensors are not waited for: they are written
                within a quarter of a second after they are ready.
        """
        if values is not None:
            metrics = {**values, **metrics}
        try:
            # The encoder comes first: it refuses arrays and tensors, and adding those would keep their device busy.
            line = _encode(_Metric(_time_ns() // 1000, self._key, step, epoch, metrics)) + b"\n"
            total = sum(metrics.values())
            if (
                (total.__class__ is float or total.__class__ is int)
                and _isfinite(total)
                and (step is None or step.__class__ is int)
                and (epoch is None or epoch.__class__ is int)
            ):
                self._write(line)
                return
        except Exception:  # noqa: S110 - values of other kinds: the encoder and sum() refuse them in many ways
            pass
        self._log_slowly(metrics, step, epoch)

    @shielded
    def _log_slowly(self, metrics: dict[str, Any], step: Any, epoch: Any) -> None:
        run = self._run
        now = events.now()
        step, metrics = _whole_number("step", step, metrics)
        epoch, metrics = _whole_number("epoch", epoch, metrics)
        ready: dict[str, float | int | str] = {}
        waiting: dict[str, Any] = {}
        for name, value in metrics.items():
            text = encoding.encode_text(str(name))
            if is_lazy(value):
                waiting[text] = hold(value)
                continue
            try:
                ready[text] = encoding.encode_number(value)
            except (TypeError, ValueError, OverflowError) as error:
                message = f"metric {text!r} was not recorded: {error}; log text with run.note or as an attribute"
                run.complain("log", message)
        if waiting:
            # Together with the ready ones, so that they stay one record.
            record = Pending(self._write, run.problem, now, {**ready, **waiting}, step, epoch, self._key)
            run.pending.put(record)
        elif ready or not metrics:
            self._write(events.encode(_Metric(now, self._key, step, epoch, ready)))

    @shielded
    def param(self, values: Mapping[str, Any] | None = None, /, **params: Any) -> None:
        """Record hyperparameters or other settings by name. A later value of the same name replaces the earlier."""
        self._run.emit(events.Param(events.now(), encoding.encode_mapping({**(values or {}), **params}), self._key))

    @shielded
    def artifact(
        self,
        path: str | os.PathLike[str],
        *,
        kind: str = "",
        direction: str = "generated",
        epoch: int | None = None,
        step: int | None = None,
    ) -> None:
        """Record a file (or the files of a directory, as one) with the SHA-256 of its content and its size.

        Args:
            path: An existing file or directory. It is read in the calling thread, before it can change.
            kind: What it is: ``model``, ``weights``, ``checkpoint``, ``data``, …
            direction: ``generated`` or ``used``.
            epoch: The epoch it belongs to, from 0.
            step: The step it belongs to.
        """
        where = Path(path)
        digest, size, problem = fingerprint.of_path(where)
        if problem:
            self._run.complain("artifact", f"the artifact {str(where)!r} {problem}; only its name was recorded")
        record = events.Artifact(
            events.now(),
            path=encoding.encode_text(str(where.absolute())),
            direction="used" if direction == "used" else "generated",
            kind=kind,
            sha256=digest,
            size=size,
            epoch=epoch,
            step=step,
            task=self._key,
        )
        self._run.emit(record)

    @shielded
    def data(self, role: str, data: Any, *, direction: str = "used") -> None:
        """Record the identity of data in memory: its kind, shape, type, size in bytes and fingerprint.

        Nothing is copied or iterated over: generators and pipelines are described, arrays are hashed in the
        calling thread (about 1.6 GB a second; ``DLPROV_FINGERPRINT=off`` leaves the hash out).
        """
        identity = fingerprint.of_data(data, hashing=self._run.settings.fingerprint)
        for name, part in identity.items():
            record = events.Data(
                events.now(),
                role=f"{role}.{name}" if name else role,
                kind=part.kind,
                fingerprint=part.fingerprint,
                shape=part.shape,
                dtype=part.dtype,
                size=part.size,
                details=encoding.encode_mapping(part.details),
                direction=direction,
                task=self._key,
            )
            self._run.emit(record)

    @shielded
    def adaptation(
        self,
        name: str,
        old: Any,
        new: Any,
        *,
        technique: str = "",
        reason: str = "",
        epoch: int | None = None,
        step: int | None = None,
    ) -> None:
        """Record that hyperparameter ``name`` changed from ``old`` to ``new`` during the training.

        Args:
            name: The hyperparameter, as in the parameters of the run.
            old: Its value before.
            new: Its value from here on.
            technique: What changed it: ``LearningRateScheduler``, ``early unfreezing``, …
            reason: Why.
            epoch: The first epoch that runs with the new value, from 0.
            step: The first step that runs with it.
        """
        record = events.Adaptation(
            events.now(),
            name=encoding.encode_text(name),
            old=encoding.encode(old),
            new=encoding.encode(new),
            technique=encoding.encode_text(technique),
            reason=encoding.encode_text(reason),
            epoch=epoch,
            step=step,
            task=self._key,
        )
        self._run.emit(record)

    @shielded
    def note(self, text: str) -> None:
        """Record a remark of a person."""
        self._run.emit(events.Note(events.now(), encoding.encode_text(str(text)), self._key))


def _whole_number(name: str, number: Any, metrics: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """``number`` as an integer; a fraction is kept among the metrics under ``name``."""
    if number is None or number.__class__ is int:
        return number, metrics
    exact = encoding.encode_number(number)
    if isinstance(exact, str):
        return None, {name: number, **metrics}
    whole = math.floor(exact)
    return whole, metrics if whole == exact else {name: exact, **metrics}
