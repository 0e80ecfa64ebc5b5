"""Tasks: executions of transformations, which use and generate elements of sets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from dlprov.capture import exits, extraction
from dlprov.capture.faults import shielded
from dlprov.capture.scope import Scope
from dlprov.errors import UsageError
from dlprov.log import events, values
from dlprov.model import EndStatus

if TYPE_CHECKING:
    from dlprov.capture.run import Run


class Element(msgspec.Struct, frozen=True):
    """One row of a set, as :meth:`Task.generated` and :meth:`Task.used` return it, to be used by later tasks."""

    set: str
    key: str


class Task(Scope):
    """One execution of a transformation: it uses and generates elements of sets. Made by :meth:`Run.task`.

    As a context manager it ends with the block: ``finished``, or ``failed`` if an exception leaves it.
    """

    def __init__(
        self,
        run: Run,
        transformation: str,
        identifier: int | None,
        depends_on: Iterable[Task],
        parent: Task | None,
    ) -> None:
        # Nothing in here can raise: a task must be there for the training's `with` whatever happens to us.
        self._run = run
        self._write = run.write
        self._key = run.next_task()
        self._began = time.monotonic()
        self._ended = False
        self.transformation = transformation
        self.identifier = identifier if identifier is not None else self._key
        self._depends_on: tuple[str, ...] = ()
        self._parent = parent
        self.begin(depends_on=depends_on)

    def __repr__(self) -> str:
        return f"<Task {self.identifier} of {self.transformation!r} in run {self._run.id}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error=error)

    @property
    def key(self) -> str:
        """The task's name in the run, the same for every process."""
        return self._run.key_for(self._key or 0)

    @shielded
    def begin(self, *, depends_on: Iterable[Task] = ()) -> None:
        """Begin, or go on after an end. Called by the constructor.

        Args:
            depends_on: Tasks whose results it needs now, beside those it needed before.
        """
        self._ended = False
        self._began = time.monotonic()
        self._depends_on = tuple(dict.fromkeys((*self._depends_on, *(task.key for task in depends_on))))
        record = events.Task(
            events.now(),
            key=self._key or 0,
            transformation=values.encode_text(str(self.transformation)),
            identifier=int(self.identifier),
            depends_on=self._depends_on,
            parent=self._parent.key if self._parent is not None else None,
        )
        self._run.emit(record)

    @shielded
    def used(self, set: str, /, *elements: Element | Mapping[str, Any] | None, **attributes: Any) -> Element | None:
        """Record that the task used elements of a set.

        Args:
            set: The tag of the set; any text.
            elements: Elements that were generated before, or new ones by their attributes; ``None`` is passed over.
            attributes: The attributes of one new element.

        Returns:
            The new element (the first, if there are several); ``None`` if there is no new one.
        """
        known = tuple(element.key for element in elements if isinstance(element, Element))
        rows = _rows(elements, attributes)
        key = self._new_keys(rows)
        now, tag = events.now(), values.encode_text(str(set))
        self._run.emit(events.Used(now, self._key or 0, tag, key=key, elements=rows, keys=known))
        return Element(tag, self._run.key_for(key)) if rows else None

    @shielded
    def used_all(self, set: str, /, *tasks: Task) -> None:
        """Record that the task used every element of ``set`` that ``tasks`` have generated until now.

        Those excepted that a task of the same transformation used before, as DfAnalyzer has it: a task after each epoch
        uses what is new. :meth:`used` records the use of any element, however often.
        """
        names = tuple(task.key for task in tasks)
        tag = values.encode_text(str(set))
        self._run.emit(events.Used(events.now(), self._key or 0, tag, generated_by=names))

    @shielded
    def generated(self, set: str, /, *elements: Mapping[str, Any], **attributes: Any) -> Element | None:
        """Record that the task generated elements of a set; the arguments are those of :meth:`used`.

        Returns:
            The new element (the first, if there are several), for :meth:`used` of later tasks; ``None`` if it
            could not be recorded.
        """
        rows = _rows(elements, attributes) or ({},)
        key = self._new_keys(rows)
        tag = values.encode_text(str(set))
        self._run.emit(events.Generated(events.now(), self._key or 0, tag, key=key, elements=rows))
        return Element(tag, self._run.key_for(key))

    @shielded
    def raw_data(
        self,
        element: Element | None,
        path: str | os.PathLike[str],
        *,
        extractor: str | None = None,
        format: str | None = None,
        delimiter: str | None = None,
    ) -> None:
        """Record that the rows of a file belong to an element: they become queryable beside its attributes.

        The rows stay in the file. It is read once, in the calling thread, for its hash; the index takes its rows in
        as long as it does not change.

        Args:
            element: What :meth:`used` or :meth:`generated` returned.
            path: An existing CSV, Parquet, NumPy or JSON file.
            extractor: What the columns are called after; default: the tag of the set. An element has one file of each.
            format: ``csv``, ``parquet``, ``numpy`` or ``json``; default: what the name of the file tells.
            delimiter: What separates the values of a CSV file; default: what the index finds.
        """
        if not self._run.is_recorded:
            return
        try:
            event = extraction.record(self, element, path, extractor, format, delimiter)
        except UsageError as error:
            self._run.complain("raw_data", f"{error}; the rows were not recorded")
            return
        if event is not None:
            self._run.emit(event)

    @shielded
    def end(self, status: EndStatus | None = None, *, error: BaseException | None = None) -> None:
        """End the task. A second call does nothing until :meth:`begin` is called again."""
        if self._ended:
            return
        self._ended = True
        record = events.TaskEnd(
            events.now(),
            task=self._key or 0,
            status=status or exits.status_after(error),
            duration=round(time.monotonic() - self._began, 6),
            error=values.encode_text(f"{type(error).__qualname__}: {error}") if error is not None else "",
        )
        self._run.emit(record)

    def _new_keys(self, rows: tuple[dict[str, Any], ...]) -> int:
        return self._run.next_element(len(rows)) if rows else 0


def _rows(
    elements: tuple[Element | Mapping[str, Any] | None, ...], attributes: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    rows = [
        values.encode_mapping(element)
        for element in elements
        if element is not None and not isinstance(element, Element)
    ]
    if attributes:
        rows.append(values.encode_mapping(attributes))
    return tuple(rows)
