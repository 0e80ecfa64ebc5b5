"""What other systems left behind becomes run logs.

The part between a foreign file and the run log: it knows the file's format and the log's, and nothing of the index.
Whatever is imported twice is in the store once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dlprov.intake.monetdb import import_dump
from dlprov.intake.recognition import FileKind, kind_of
from dlprov.intake.report import Report

__all__ = ["IMPORTERS", "Report", "import_file", "kind_of"]

IMPORTERS: dict[FileKind, Callable[[Path, Path, Report, Callable[[int, int], None]], None]] = {"monetdb": import_dump}
"""What imports each kind of file: called with the file, the store, a report and the progress."""


def import_file(
    path: Path,
    store: Path,
    report: Report,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> None:
    """Bring a file of any kind that :func:`kind_of` knows into the run logs of a store.

    Args:
        path: The file.
        store: The store directory; it is made.
        report: Takes the counts of what is new, and every row that cannot be read.
        progress: Called now and then with the bytes that were read and the bytes that are to be read.

    Raises:
        UsageError: The file cannot be imported.
        StoreError: The store cannot be written.
    """
    IMPORTERS[kind_of(path)](path, store, report, progress)
