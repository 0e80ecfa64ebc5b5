"""Files that tasks name."""

from __future__ import annotations

from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["File", "ProvenanceObject"]


class File(ProvenanceObject):
    """A file.

    Args:
        path: Its directory.
        name: Its name.
    """

    def __init__(self, path: str, name: str) -> None:
        assert isinstance(name, str), f"the name of a file is a str, got {name!r}"
        super().__init__(name)
        self.path = path
        self.name = name

    @property
    def path(self) -> str:
        """The directory."""
        return self._path

    @path.setter
    def path(self, path: str) -> None:
        assert isinstance(path, str), f"the path of a file is a str, got {path!r}"
        self._path = path

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        assert isinstance(name, str), f"the name of a file is a str, got {name!r}"
        self._name = name
