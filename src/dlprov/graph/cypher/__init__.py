"""Cypher over the PROV graph, without a server: an engine in a process of its own, over graphs in the cache directory.

The process imports from here: see :mod:`.question` for what is called.
"""
