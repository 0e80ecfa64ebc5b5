"""Programs: what carries out transformations."""

from __future__ import annotations

from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["Program", "ProvenanceObject"]


class Program(ProvenanceObject):
    """A program.

    Args:
        name: Its name.
        path: Its directory.
    """

    def __init__(self, name: str, path: str) -> None:
        super().__init__("")
        self.path = path
        self.name = name
        self._transformationTag = ""
        self._dataflowTag = ""

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        assert isinstance(name, str), f"the name of a program is a str, got {name!r}"
        self._name = name

    @property
    def path(self) -> str:
        """The directory."""
        return self._path

    @path.setter
    def path(self, path: str) -> None:
        assert isinstance(path, str), f"the path of a program is a str, got {path!r}"
        self._path = path

    @property
    def transformation_tag(self) -> str:
        """The tag of the transformation that it carries out; empty if none was named."""
        return self._transformationTag

    @transformation_tag.setter
    def transformation_tag(self, tag: str) -> None:
        assert isinstance(tag, str), f"the tag of a transformation is a str, got {tag!r}"
        self._transformationTag = tag

    @property
    def dataflow_tag(self) -> str:
        """The tag of the dataflow that it belongs to; empty if none was named."""
        return self._dataflowTag

    @dataflow_tag.setter
    def dataflow_tag(self, tag: str) -> None:
        assert isinstance(tag, str), f"the tag of a dataflow is a str, got {tag!r}"
        self._dataflowTag = tag
