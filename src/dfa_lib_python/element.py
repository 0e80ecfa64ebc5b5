"""Elements: rows of sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Element:
    """One row of a set.

    Args:
        values: The values in the order of the set's attributes, each kept as its ``str``.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    @property
    def values(self) -> list[str]:
        """The values as texts; set as values of any type."""
        return self._values

    @values.setter
    def values(self, values: Sequence[Any]) -> None:
        assert isinstance(values, list), f"the values of an element are a list, got {values!r}"
        self._values = list(map(str, values))
