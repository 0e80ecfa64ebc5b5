"""Sets: what transformations use and generate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lib_python.attribute import Attribute
from dfa_lib_python.extractor import Extractor
from dfa_lib_python.ProvenanceObject import ProvenanceObject
from dfa_lib_python.set_type import SetType

__all__ = ["Attribute", "Extractor", "ProvenanceObject", "Set", "SetType"]


class Set(ProvenanceObject):
    """A set as one transformation declares it.

    Args:
        tag: Its name.
        type: Whether the transformation uses or generates it.
        attributes: Its columns in order.
        extractors: What brings columns of raw data files beside them.
        dependency: The tag of the transformation that generates it, for an input that comes from one.
    """

    def __init__(
        self,
        tag: str,
        type: SetType,
        attributes: Sequence[Attribute],
        extractors: Sequence[Extractor] = (),
        dependency: str = "",
    ) -> None:
        super().__init__(tag)
        self.attributes = attributes
        self.type = type
        self.extractors = extractors
        self.dependency = dependency

    @property
    def type(self) -> str:
        """The name of the type; set as a :class:`SetType`."""
        return self._type

    @type.setter
    def type(self, type: SetType) -> None:
        assert isinstance(type, SetType), f"the type of a set is a SetType, got {type!r}"
        self._type: str = type.value

    def set_type(self, type: SetType) -> None:
        """Set the type. Transformations that the set was added to before keep the type that it had then."""
        self.type = type

    @property
    def attributes(self) -> list[dict[str, Any]]:
        """The specifications of the attributes; set as :class:`Attribute` objects."""
        return self._attributes

    @attributes.setter
    def attributes(self, attributes: Sequence[Attribute]) -> None:
        self._attributes: list[dict[str, Any]] = []
        assert isinstance(attributes, list | tuple), f"the attributes of a set are a list, got {attributes!r}"
        for attribute in attributes:
            self.add_attribute(attribute)

    def add_attribute(self, attribute: Attribute) -> None:
        """Add a column behind the others."""
        assert isinstance(attribute, Attribute), f"an Attribute is expected, got {attribute!r}"
        self._attributes.append(attribute.get_specification())

    @property
    def extractors(self) -> list[dict[str, Any]]:
        """The specifications of the extractors; set as :class:`Extractor` objects."""
        return self._extractors

    @extractors.setter
    def extractors(self, extractors: Sequence[Extractor]) -> None:
        self._extractors: list[dict[str, Any]] = []
        assert isinstance(extractors, list | tuple), f"the extractors of a set are a list, got {extractors!r}"
        for extractor in extractors:
            self.add_extractor(extractor)

    def add_extractor(self, extractor: Extractor) -> None:
        """Add an extractor."""
        assert isinstance(extractor, Extractor), f"an Extractor is expected, got {extractor!r}"
        self._extractors.append(extractor.get_specification())

    @property
    def dependency(self) -> str:
        """The tag of the transformation that generates the set; empty for a set from outside."""
        return self._dependency

    @dependency.setter
    def dependency(self, dependency: str) -> None:
        assert isinstance(dependency, str), f"the dependency of a set is a transformation's tag, got {dependency!r}"
        self._dependency = dependency
