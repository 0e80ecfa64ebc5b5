"""Notes the places of values in raw data files, by DfAnalyzer's program RDI."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from dfa_lib_python import _programs
from dfa_lib_python.attribute import Attribute
from dfa_lib_python.extractor_cartridge import ExtractorCartridge
from dfa_lib_python.extractor_extension import ExtractorExtension

__all__ = ["Attribute", "ExtractorCartridge", "ExtractorExtension", "RawDataIndexer"]


class RawDataIndexer:
    """One call of ``RDI``, which leaves ``<extractor_tag>.index`` in ``path``.

    Args:
        cartridge: The kind of index: an ``ExtractorExtension``. ``ExtractorCartridge.INDEXING``, which was asked for
            in the originals, means ``CSV``.
        extractor_tag: The index's name.
        path: The directory of the data.
        file_name_with_extracted_data: The file in it, or a pattern of files.
        attributes: The columns.
        extra_arguments: Further arguments, as in a shell: ``-delimiter=";" -verbose``.
    """

    def __init__(
        self,
        cartridge: ExtractorCartridge | ExtractorExtension,
        extractor_tag: str,
        path: str,
        file_name_with_extracted_data: str,
        attributes: Sequence[Attribute],
        extra_arguments: str = "",
    ) -> None:
        assert isinstance(cartridge, ExtractorCartridge | ExtractorExtension), (
            f"an ExtractorCartridge or an ExtractorExtension is expected, got {cartridge!r}"
        )
        self.cartridge = cartridge
        self.extractor_tag = extractor_tag
        self.path = path
        self.file_name_with_extracted_data = file_name_with_extracted_data
        self.attributes = list(attributes)
        self.extra_arguments = extra_arguments

    def get_attributes(self) -> str:
        """The columns as RDI wants them: ``[a:TEXT,b:NUMERIC]``."""
        return _programs.columns(self.attributes)

    def get_command_line(self) -> str:
        """The command, quoted for a shell."""
        return shlex.join(self._command())

    def run(self) -> int:
        """Run the command and wait for it. Gives its exit status; 127 if there is no such program."""
        return _programs.run(self._command())

    def _command(self) -> list[str]:
        kind = "CSV" if isinstance(self.cartridge, ExtractorCartridge) else self.cartridge.value
        return [
            _programs.find("RDI"),
            f"{kind}:INDEX",
            self.extractor_tag,
            self.path,
            self.file_name_with_extracted_data,
            self.get_attributes(),
            *_programs.words(self.extra_arguments),
        ]
