"""A question in Cypher over what a store holds."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlprov.errors import QueryError, UsageError
from dlprov.graph.cypher.answers import result
from dlprov.graph.cypher.engine import Engine, engine
from dlprov.graph.cypher.graphs import graph_of
from dlprov.graph.selection import Selection, chosen
from dlprov.query import Result, Session, open_session

MOST_ROWS = 10_000
"""Rows of an answer, unless more are asked for: unbounded paths are easily millions."""

SECONDS = 60.0
"""How long an answer may take, unless more time is given."""


def graph(
    query: str,
    params: Mapping[str, Any] | None = None,
    *,
    runs: str | Sequence[str] = (),
    dataflow: str | None = None,
    limit: int | None = MOST_ROWS,
    timeout: float | None = SECONDS,
    store: str | os.PathLike[str] | None = None,
) -> Result:
    """Ask in Cypher over the PROV graph of runs and imported documents; see :func:`ask`.

    If the answer is cut, stderr says so.

    Args:
        query: In Cypher, read-only.
        params: Values of ``$name``.
        runs: A run or an imported document, or several; default: all that the store holds.
        dataflow: The tag of the dataflow whose runs are asked about; default: all.
        limit: Rows of the answer at most; ``None``: all.
        timeout: Seconds that the answer may take; ``None``: for ever.
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.
    """
    names = [runs] if isinstance(runs, str) else list(runs)
    session = open_session(store)
    return ask(session, query, params, runs=names, dataflow=dataflow, limit=limit, seconds=timeout, tell=_tell)


def ask(
    session: Session,
    query: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    runs: Sequence[str] = (),
    dataflow: str | None = None,
    limit: int | None = MOST_ROWS,
    seconds: float | None = SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """The answer to a query in Cypher over the PROV graph of some runs and imported documents.

    Nodes, relationships, paths, lists and maps are JSON: a node has ``labels`` and ``properties``; a relationship
    ``type``, ``start``, ``end`` and ``properties``; a path ``nodes`` and ``relationships``.

    Args:
        session: The store.
        query: In Cypher, read-only.
        parameters: Values of ``$name``: texts, numbers, truth values, and lists and dicts of them.
        runs: The runs and imported documents that the graph is about; default: all that the store holds.
        dataflow: The dataflow whose runs it is about.
        limit: Rows of the answer at most; ``None``: all.
        seconds: How long the answer may take, the making of the graph not counted; ``None``: for ever.
        tell: Called with a sentence for a person if there were more rows than ``limit``.

    Raises:
        QueryError: The query cannot be answered, or not within the limits; the message says why.
        NotFoundError: The store has no such run, document or dataflow.
        UsageError: The engine is not installed, or an argument is no such value.
        StoreError: The store cannot be read.
    """
    if not query.strip():
        raise QueryError("a query in Cypher was expected, got an empty text: try MATCH (n) RETURN n LIMIT 25")
    if limit is not None and limit < 0:
        raise UsageError(f"a limit of 0 or more rows was expected, got {limit}")
    if seconds is not None and seconds <= 0:
        raise UsageError(f"a time of more than 0 seconds was expected, got {seconds}")
    selection = chosen(session, runs, dataflow)
    directory = session.index.cache / "graphs"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        is_kept = os.access(directory, os.W_OK)
    except OSError:
        is_kept = False
    if is_kept:
        return _answer(session, query, parameters, selection, limit, seconds, tell, directory, engine(directory))
    with tempfile.TemporaryDirectory(prefix="dlprov-graph-") as name:
        own = Engine(Path(name))
        try:
            return _answer(session, query, parameters, selection, limit, seconds, tell, Path(name), own)
        finally:
            own.close()


def _answer(
    session: Session,
    query: str,
    parameters: Mapping[str, Any] | None,
    selection: Selection,
    limit: int | None,
    seconds: float | None,
    tell: Callable[[str], None],
    directory: Path,
    asked: Engine,
) -> Result:
    place = graph_of(session, selection, directory, asked)
    answer = asked.ask(place, query, dict(parameters or {}), limit, seconds)
    if answer.is_cut:
        tell(f"the answer has more than the {limit:,} rows that are shown: allow more, or ask for fewer")
    return result(answer, query)


def _tell(message: str) -> None:
    print(f"dlprov: {message}", file=sys.stderr)  # noqa: T201 - a message for a person
