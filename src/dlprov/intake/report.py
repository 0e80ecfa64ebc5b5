"""What an import brought, and what it could not bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Report:
    """Counts of what is new in the store, and a way to tell of each thing that is not.

    Args:
        file: The file that is imported.
        tell: Called with each message for a person, as it comes up: ``FILE:LINE: reason``.
    """

    file: Path
    tell: Callable[[str], None] = lambda _: None
    dataflows: int = 0
    runs: int = 0
    tasks: int = 0
    elements: int = 0
    documents: int = 0
    statements: int = 0
    lines: int = 0
    """Lines that were added to run logs, those of the above among them."""
    problems: int = 0
    """Rows that could not be imported."""
    warnings: int = 0
    """Rows that were imported as they are, and look wrong, and repairs of a document."""

    def problem(self, line: int | None, reason: str, rows: int = 1) -> None:
        """So many rows, the first of them in this line, are not imported."""
        self.problems += rows
        self.tell(f"{self._place(line)}: {reason}")

    def warning(self, line: int | None, reason: str) -> None:
        """A row is imported as it is, and looks wrong; or something was repaired."""
        self.warnings += 1
        self.tell(f"{self._place(line)}: warning: {reason}")

    def _place(self, line: int | None) -> str:
        return f"{self.file}:{line}" if line is not None else str(self.file)
