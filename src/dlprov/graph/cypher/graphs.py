"""The graphs of what was chosen, in the cache directory: made once, and used as long as nothing new was recorded."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

from dlprov._version import __version__
from dlprov.graph.cypher.engine import Engine
from dlprov.graph.property_graph import property_graph
from dlprov.graph.selection import Selection, stated
from dlprov.query import Session

FORMAT = 2
"""Version of what is in a graph: one more whenever the same logs make another graph."""

KEPT = 8
"""Graphs that are kept, those that were asked last."""

RECENT_SECONDS = 3600
"""Graphs that were asked since then are kept, however many: they could be in use."""


def graph_of(session: Session, selection: Selection, directory: Path, engine: Engine) -> Path:
    """The directory with the graph of runs and documents; it is made if need be.

    Args:
        session: The store.
        selection: What the graph is about.
        directory: Where graphs are kept; it is there.
        engine: Makes the graph.
    """
    place = directory / _key(session, selection)
    if not place.exists():
        _prune(directory)
        made = directory / f".{place.name}-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            engine.build(made, property_graph(stated(session, selection)))
            # Somebody else may have made it meanwhile.
            if not place.exists():
                made.rename(place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    os.utime(place)
    return place


def _key(session: Session, selection: Selection) -> str:
    """What the graph depends on: how far which logs are indexed, and what may change without them."""
    query = """
        SELECT r.run_id, r.status, list((f.writer, f.position) ORDER BY f.writer)
        FROM public.run AS r LEFT JOIN public.log_file AS f USING (run_id)
        WHERE r.run_id IN (SELECT unnest($runs::VARCHAR[])) GROUP BY ALL ORDER BY r.run_id"""
    rows = session.ask(query, {"runs": selection.runs}).rows()
    documents = """
        SELECT uuid FROM public.document WHERE id IN (SELECT unnest($documents::INTEGER[])) ORDER BY id"""
    rows += session.ask(documents, {"documents": selection.documents}).rows()
    # Numbers of rows are a graph's, too, and differ between stores.
    told = [__version__, FORMAT, str(session.index.store.resolve()), _index(session), rows]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:32]


def _index(session: Session) -> int:
    """What changes when the index is made anew, and numbers of rows with it."""
    path = session.index.path
    return path.stat().st_ino if path is not None and path.exists() else 0


def _prune(directory: Path) -> None:
    """Remove graphs that nobody asked for long, and what is left of those that were not completed."""
    found = []
    for path in directory.iterdir():
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:
            continue  # Somebody else removes, too.
    for position, (asked, path) in enumerate(sorted(found, reverse=True)):
        is_old = asked < time.time() - RECENT_SECONDS
        if path.is_dir() and is_old and (position >= KEPT or path.name.startswith(".")):
            shutil.rmtree(path, ignore_errors=True)
