"""Copies values out of raw data files, by DfAnalyzer's program RDE."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from dfa_lib_python import _programs
from dfa_lib_python.attribute import Attribute
from dfa_lib_python.extractor_cartridge import ExtractorCartridge
from dfa_lib_python.extractor_extension import ExtractorExtension

__all__ = ["Attribute", "ExtractorCartridge", "ExtractorExtension", "RawDataExtractor"]


class RawDataExtractor:
    """One call of ``RDE``, which leaves ``extractor.data`` in the working directory.

    Args:
        cartridge: How values are found: ``ExtractorExtension.CSV`` reads a file, ``ExtractorExtension.PROGRAM`` runs
            a program that writes the result by itself. ``ExtractorCartridge.EXTRACTION``, which was asked for in
            the originals, means the latter.
        command_line: The file, or the program with its arguments.
        attributes: The columns.
    """

    def __init__(
        self, cartridge: ExtractorCartridge | ExtractorExtension, command_line: str, attributes: Sequence[Attribute]
    ) -> None:
        assert isinstance(cartridge, ExtractorCartridge | ExtractorExtension), (
            f"an ExtractorCartridge or an ExtractorExtension is expected, got {cartridge!r}"
        )
        assert isinstance(command_line, str), f"the command line is a str, got {command_line!r}"
        self.cartridge = cartridge
        self.command_line = command_line
        self.attributes = list(attributes)

    def get_attributes(self) -> str:
        """The columns as RDE wants them: ``[a:TEXT,b:NUMERIC]``."""
        return _programs.columns(self.attributes)

    def get_command_line(self) -> str:
        """The command, quoted for a shell."""
        return shlex.join(self._command())

    def run(self) -> int:
        """Run the command and wait for it. Gives its exit status; 127 if there is no such program."""
        return _programs.run(self._command())

    def _command(self) -> list[str]:
        kind = "PROGRAM" if isinstance(self.cartridge, ExtractorCartridge) else self.cartridge.value
        return [_programs.find("RDE"), f"{kind}:EXTRACT", "extractor", ".", self.command_line, self.get_attributes()]
