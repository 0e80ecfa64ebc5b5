"""What other systems left behind becomes run logs.

The part between a foreign file and the run log: it knows the file's format and the log's, and nothing of the index.
Whatever is imported twice is in the store once. Documents of PROV, which need what :mod:`dlprov.graph` knows of it, are
imported by :mod:`dlprov.graph.importing`.
"""

from __future__ import annotations

from dlprov.intake.monetdb import import_dump
from dlprov.intake.recognition import FileKind, kind_of
from dlprov.intake.report import Report

__all__ = ["FileKind", "Report", "import_dump", "kind_of"]
