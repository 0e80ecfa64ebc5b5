"""Datasets: the elements of one set in a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lib_python.element import Element
from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["DataSet", "Element", "ProvenanceObject"]


class DataSet(ProvenanceObject):
    """Elements of one set.

    Args:
        tag: The set's tag.
        elements: Its elements, one a row.
    """

    def __init__(self, tag: str, elements: Sequence[Element]) -> None:
        super().__init__(tag)
        self.elements = elements

    def get_specification(self, prefix: str = "_") -> dict[str, Any]:
        """The JSON object; as every object's, only that one is made for each element that a training records."""
        if prefix != "_" or not self._tag or not self._elements:
            return super().get_specification(prefix)
        return {"tag": self._tag, "elements": self._elements}

    @property
    def elements(self) -> list[list[str]]:
        """The values of each element; set as :class:`~dfa_lib_python.element.Element` objects."""
        return self._elements

    @elements.setter
    def elements(self, elements: Sequence[Element]) -> None:
        assert isinstance(elements, list), f"the elements of a data set are a list, got {elements!r}"
        self._elements: list[list[str]] = []
        for element in elements:
            self.add_element(element)

    def add_element(self, element: Element) -> None:
        """Add a row."""
        assert isinstance(element, Element), f"an Element is expected, got {element!r}"
        self._elements.append(element.values)
