"""Declared transformations as the client library's objects."""

from __future__ import annotations

from dfa_lib_python.attribute import Attribute
from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType
from dfa_lib_python.transformation import Transformation
from dlprov import model


def transformations(declared: tuple[model.Transformation, ...]) -> list[Transformation]:
    """Transformations as objects of the client library. A set that comes from another one has its attributes."""
    columns = {one.tag.lower(): one.attributes for part in declared for one in part.sets if one.attributes}
    found = []
    for part in declared:
        sets = []
        for one in part.sets:
            attributes = [
                Attribute(column.name, _TYPES.get(column.type, AttributeType.TEXT))
                for column in one.attributes or columns.get(one.tag.lower(), ())
            ]
            sets.append(Set(one.tag, SetType(one.type), attributes, dependency=one.dependency))
        found.append(Transformation(part.tag, sets))
    return found


_TYPES = {kind.value: kind for kind in AttributeType}
