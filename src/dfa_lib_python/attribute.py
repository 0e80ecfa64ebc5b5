"""Attributes of sets."""

from __future__ import annotations

from typing import Any

from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["Attribute", "AttributeType", "ProvenanceObject"]


class Attribute(ProvenanceObject):
    """An attribute of a set.

    Args:
        tag: Its name, whose case is kept.
        type: Its type.
    """

    def __init__(self, tag: str, type: AttributeType) -> None:
        super().__init__("")
        self.name = tag
        self.type = type

    def __repr__(self) -> str:
        # Users paste it into the command lines of RDE and RDI.
        return f"{self._name}:{self._type}"

    def get_specification(self, prefix: str = "_") -> dict[str, Any]:
        """The JSON object. DfAnalyzer's server knows no ``RDFILE`` and failed at it: the message says ``FILE``."""
        found = super().get_specification(prefix)
        if found.get("type") == AttributeType.RDFILE.value:
            found["type"] = AttributeType.FILE.value
        return found

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        assert isinstance(name, str), f"the name of an attribute is a str, got {name!r}"
        self._name = name

    @property
    def type(self) -> str:
        """The name of the type; set as an :class:`AttributeType`."""
        return self._type

    @type.setter
    def type(self, type: AttributeType) -> None:
        assert isinstance(type, AttributeType), f"the type of an attribute is an AttributeType, got {type!r}"
        self._type: str = type.value
