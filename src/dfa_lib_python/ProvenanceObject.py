"""What all objects that become a part of a message have in common."""

from __future__ import annotations

from enum import Enum
from typing import Any


class ProvenanceObject:
    """Something with a tag that becomes a JSON object of a message.

    A member of that object is an attribute whose name begins with an underscore; what stands between the first and
    the second underscore is the member's name. So an attribute that is none of the message's has a name without one.

    Args:
        tag: Kept in lower case.
    """

    def __init__(self, tag: str) -> None:
        self._tag = tag.lower()

    def get_specification(self, prefix: str = "_") -> dict[str, Any]:
        """The JSON object, in the order in which the attributes were set first; without what is empty.

        Lists in it are the object's own: what is added to them later is seen in every specification that holds them,
        which scripts rely on. Texts are as they are now.

        Args:
            prefix: How the names of attributes begin that are members.
        """
        found: dict[str, Any] = {}
        for name, value in vars(self).items():
            member = _members.get(name) if prefix == "_" else _member(name, prefix)
            if member is None:
                member = _members[name] = _member(name, prefix)
            if not member or value is None:
                continue
            kind = value.__class__
            if kind is str or kind is list or kind is dict:
                if value:
                    found[member] = value
            elif not hasattr(value, "__len__") or len(value):
                found[member] = value.value if isinstance(value, Enum) else value
        return found


_members: dict[str, str] = {}
"""The members of a message by the attributes' names: a training asks for the same few with every message."""


def _member(name: str, prefix: str) -> str:
    return name.split("_")[1] if name.startswith(prefix) else ""
