"""Extractors: what brings columns of raw data files beside a set's own."""

from __future__ import annotations

from dfa_lib_python.extractor_cartridge import ExtractorCartridge
from dfa_lib_python.extractor_extension import ExtractorExtension
from dfa_lib_python.ProvenanceObject import ProvenanceObject

__all__ = ["Extractor", "ExtractorCartridge", "ExtractorExtension", "ProvenanceObject"]


class Extractor(ProvenanceObject):
    """An extractor of a set.

    Args:
        tag: Its name.
        cartridge: Whether it copies values or indexes them.
        extension: What it reads.
    """

    def __init__(self, tag: str, cartridge: ExtractorCartridge, extension: ExtractorExtension) -> None:
        super().__init__(tag)
        self.add_cartridge(cartridge)
        self.add_extension(extension)
        self._setTag = ""
        self._transformationTag = ""
        self._dataflowTag = ""

    def add_cartridge(self, cartridge: ExtractorCartridge) -> None:
        """Set the cartridge; it replaces the one before."""
        assert isinstance(cartridge, ExtractorCartridge), f"an ExtractorCartridge is expected, got {cartridge!r}"
        self._cartridge: str = cartridge.value

    def add_extension(self, extension: ExtractorExtension) -> None:
        """Set the extension; it replaces the one before."""
        assert isinstance(extension, ExtractorExtension), f"an ExtractorExtension is expected, got {extension!r}"
        self._extension: str = extension.value

    @property
    def cartridge(self) -> str:
        """The name of the cartridge; set as an :class:`ExtractorCartridge`."""
        return self._cartridge

    @cartridge.setter
    def cartridge(self, cartridge: ExtractorCartridge) -> None:
        self.add_cartridge(cartridge)

    @property
    def extension(self) -> str:
        """The name of the extension; set as an :class:`ExtractorExtension`."""
        return self._extension

    @extension.setter
    def extension(self, extension: ExtractorExtension) -> None:
        self.add_extension(extension)

    @property
    def set_tag(self) -> str:
        """The tag of the set that it belongs to; empty if none was named."""
        return self._setTag

    @set_tag.setter
    def set_tag(self, tag: str) -> None:
        assert isinstance(tag, str), f"the tag of a set is a str, got {tag!r}"
        self._setTag = tag

    @property
    def transformation_tag(self) -> str:
        """The tag of the transformation that it belongs to; empty if none was named."""
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
