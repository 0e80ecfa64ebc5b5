"""Performances: when tasks, or parts of them, began and ended."""

from __future__ import annotations

from datetime import datetime

from dfa_lib_python.method_type import MethodType
from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["MethodType", "Performance", "ProvenanceObject"]

FORMAT = "%Y-%m-%d %H:%M:%S"


class Performance(ProvenanceObject):
    """When a task, or a part of it, began and ended, by the local clock.

    Args:
        start_time: A text like ``2025-11-26 16:00:01``; ``None`` if it is not known.
        end_time: As above.
        method: What the time was spent on: a :class:`MethodType`, or a text.
        description: Words about it.
    """

    def __init__(
        self,
        start_time: str | datetime | None,
        end_time: str | datetime | None,
        method: MethodType | str = "",
        description: str = "",
    ) -> None:
        super().__init__("")
        self.start_time = start_time
        self.end_time = end_time
        # The getter gives back what the constructor got, as in the originals; the message holds its value.
        self._method: MethodType | str = method
        self.description = description

    @property
    def start_time(self) -> str | None:
        """The beginning as text."""
        return self._startTime

    @start_time.setter
    def start_time(self, start_time: str | datetime | None) -> None:
        self._startTime = _as_text(start_time)

    @property
    def end_time(self) -> str | None:
        """The end as text."""
        return self._endTime

    @end_time.setter
    def end_time(self, end_time: str | datetime | None) -> None:
        self._endTime = _as_text(end_time)

    @property
    def method(self) -> MethodType | str:
        """What the time was spent on: what the constructor got, or the name of the :class:`MethodType` that was set."""
        return self._method

    @method.setter
    def method(self, method: MethodType) -> None:
        assert isinstance(method, MethodType), f"the method of a performance is a MethodType, got {method!r}"
        self._method = method.value

    @property
    def description(self) -> str:
        """Words about it."""
        return self._description

    @description.setter
    def description(self, description: str) -> None:
        assert isinstance(description, str), f"the description of a performance is a str, got {description!r}"
        self._description = description


def _as_text(moment: str | datetime | None) -> str | None:
    if isinstance(moment, datetime):
        return moment.strftime(FORMAT)
    assert moment is None or isinstance(moment, str), f"a time is a str like 2025-11-26 16:00:01, got {moment!r}"
    return moment
