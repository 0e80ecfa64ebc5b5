"""MonetDB's protocol, MAPI: pymonetdb, mclient and others ask here as they asked DfAnalyzer's database."""

from dlprov.service.mapi.server import MapiServer

__all__ = ["MapiServer"]
