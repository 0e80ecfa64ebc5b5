"""Transformations: the steps of a dataflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lib_python.ProvenanceObject import ProvenanceObject
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType

__all__ = ["ProvenanceObject", "Set", "SetType", "Transformation"]


class Transformation(ProvenanceObject):
    """A step of a dataflow.

    Args:
        tag: Its name.
        sets: What it uses and generates, in order.
    """

    def __init__(self, tag: str, sets: Sequence[Set] = ()) -> None:
        super().__init__(tag)
        self.sets = sets

    @property
    def sets(self) -> list[dict[str, Any]]:
        """The specifications of all sets; set as :class:`~dfa_lib_python.set.Set` objects."""
        return self._sets

    @sets.setter
    def sets(self, sets: Sequence[Set]) -> None:
        self._sets: list[dict[str, Any]] = []
        self.set_sets(sets)

    @property
    def input(self) -> list[dict[str, Any]]:
        """The specifications of the sets that it uses. What is set replaces them, behind the others."""
        return self._of(SetType.INPUT)

    @input.setter
    def input(self, sets: Sequence[Set]) -> None:
        self._replace(SetType.INPUT, sets)

    @property
    def output(self) -> list[dict[str, Any]]:
        """The specifications of the sets that it generates. What is set replaces them, behind the others."""
        return self._of(SetType.OUTPUT)

    @output.setter
    def output(self, sets: Sequence[Set]) -> None:
        self._replace(SetType.OUTPUT, sets)

    def set_sets(self, sets: Sequence[Set]) -> None:
        """Add sets behind those that there are."""
        assert isinstance(sets, list | tuple), f"the sets of a transformation are a list, got {sets!r}"
        for one in sets:
            self.add_set(one)

    def add_set(self, set: Set) -> None:
        """Add a set."""
        assert isinstance(set, Set), f"a Set is expected, got {set!r}"
        self._sets.append(set.get_specification())

    def _of(self, type: SetType) -> list[dict[str, Any]]:
        return [specification for specification in self._sets if specification["type"] == type.value]

    def _replace(self, type: SetType, sets: Sequence[Set]) -> None:
        assert isinstance(sets, list | tuple), f"the sets of a transformation are a list, got {sets!r}"
        for one in sets:
            assert isinstance(one, Set), f"a Set is expected, got {one!r}"
            assert one.type == type.value, f"sets of the type {type.value} are expected, got one of {one.type}"
        self._sets = [specification for specification in self._sets if specification["type"] != type.value]
        self.set_sets(sets)
