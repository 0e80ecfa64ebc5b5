"""Dependencies between tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["Dependency", "ProvenanceObject"]


class Dependency(ProvenanceObject):
    """The tasks that a task waited for.

    Args:
        tags: The tags of their transformations.
        ids: Their identifiers, parallel to ``tags``.
    """

    def __init__(self, tags: Sequence[str], ids: Sequence[Any]) -> None:
        super().__init__("")
        self.tags = tags
        self.ids = ids

    @property
    def tags(self) -> list[dict[str, str]]:
        """One object with the member ``tag`` for each; set as a list of texts."""
        return self._tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        assert isinstance(tags, list), f"the tags of a dependency are a list, got {tags!r}"
        self._tags = [{"tag": tag} for tag in tags]

    @property
    def ids(self) -> list[dict[str, Any]]:
        """One object with the member ``id`` for each, whose value is as it was given; set as a list."""
        return self._ids

    @ids.setter
    def ids(self, ids: Sequence[Any]) -> None:
        assert isinstance(ids, list), f"the ids of a dependency are a list, got {ids!r}"
        self._ids = [{"id": identifier} for identifier in ids]
