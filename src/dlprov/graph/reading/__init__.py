"""Reads provenance documents of any origin, in any format of PROV, and repairs what is known to go wrong in them."""

from dlprov.graph.reading.files import LARGEST, READABLE, Reading, read, read_content

__all__ = ["LARGEST", "READABLE", "Reading", "read", "read_content"]
