"""Lineage: what a thing came from, and what came from it, across tasks, runs and dataflows.

Steps follow the table ``relation``. A file or an array that is used elsewhere under the same content is the same thing:
from the content the way goes up to every copy that was made with it, and from a copy down to every use of the content.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from dlprov.errors import UsageError
from dlprov.graph.naming import describe, resolve
from dlprov.query import Result, Session, open_session

MAX_LEVELS = 1_000
"""Steps that the engine takes by itself, each of which compares with all that was found before; what is further away is
looked up in memory."""

COLUMNS = {
    "distance": "BIGINT",
    "kind": "VARCHAR",
    "label": "VARCHAR",
    "dataflow": "VARCHAR",
    "run_id": "VARCHAR",
    "thing": "VARCHAR",
    "relation": "VARCHAR",
    "via": "VARCHAR",
}
"""Columns of an answer: how many steps away; ``element``, ``task``, ``file``, …, of imported things ``entity``, …; a
name for people; where it belongs; the thing's id; the relation that leads to it, and from which thing."""

_SEPARATOR = "\x1e"
"""What no name has."""

_EDGES = """
    SELECT kind, target AS "from", source AS "to" FROM public.relation WHERE {forward}
    UNION ALL SELECT kind, source AS "from", target AS "to" FROM public.relation WHERE {backward}"""

_TURNED = "kind = 'specializationOf'"


def lineage(
    thing: str,
    *,
    direction: Literal["up", "down"] = "up",
    depth: int | None = None,
    until: str | None = None,
    dataflow: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Result:
    """What ``thing`` came from (``up``), or what came from it (``down``); see :func:`trace`.

    Args:
        thing: A row of a set, a file, a run, a thing of an imported document, or an id of an earlier answer.
        direction: ``up`` or ``down``.
        depth: How many steps at the most; default: all.
        until: Tag of a transformation whose tasks are told, but not what lies behind them.
        dataflow: Where a set is looked for, if several dataflows have one of the name.
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.
    """
    return trace(open_session(store), thing, direction=direction, depth=depth, until=until, dataflow=dataflow)


def trace(
    session: Session,
    thing: str,
    *,
    direction: str = "up",
    depth: int | None = None,
    until: str | None = None,
    dataflow: str | None = None,
) -> Result:
    """What ``thing`` came from (``up``), or what came from it (``down``), the nearest first.

    Args:
        session: The store.
        thing: ``set:ID`` or ``dataflow.set:ID`` for a row of a set; the path of a file, or (the beginning of) its
            SHA-256; a run, by all that names one; a thing of an imported document, by its IRI or as the document names
            it; or an id as an earlier answer has it.
        direction: ``up`` or ``down``.
        depth: How many steps at the most; from an element to the task that made it is one, from that to what it used
            is another one. Default: all.
        until: Tag of a transformation whose tasks are told, but not what lies behind them.
        dataflow: Where ``set:ID`` is looked for, if several dataflows have such a set.

    Raises:
        NotFoundError: The store knows no such thing.
        UsageError: Several things are named so, or an argument is no such value.
    """
    if direction not in ("up", "down"):
        raise UsageError(f"lineage expects the direction 'up' or 'down', got {direction!r}")
    if depth is not None and depth < 0:
        raise UsageError(f"lineage expects a depth of 0 or more steps, got {depth}")
    limit = depth if depth is not None else 2**62
    rows = session.together(lambda: _rows(session, resolve(session, thing, dataflow), direction, limit, until))
    return Result.of_rows(COLUMNS, rows, f"lineage {direction} of {thing}")


def _rows(session: Session, starts: list[str], direction: str, limit: int, until: str | None) -> list[tuple[Any, ...]]:
    """The rows of an answer."""
    found = _levels(session, starts, direction, min(limit, MAX_LEVELS), until)
    if limit > MAX_LEVELS and any(row[1] == MAX_LEVELS for row in found):
        found = _all(session, starts, direction, limit, until)
    told = describe(session, [row[0] for row in found])
    rows: list[tuple[Any, ...]] = []
    for name, distance, kind, via in found:
        what = told[name]
        rows.append((distance, what.kind, what.label, what.dataflow, what.run_id, name, kind or None, via or None))
    return rows


def _edges(direction: str) -> str:
    own, other = f"NOT ({_TURNED})", _TURNED
    up = direction == "up"
    return _EDGES.format(forward=other if up else own, backward=own if up else other)


_STOPS = """
    SELECT 'task-' || t.uuid FROM public.task AS t JOIN public.data_transformation AS d ON d.id = t.dt_id
    WHERE d.tag = lower($until)"""
"""The tasks behind which nothing is told."""


def _levels(
    session: Session, starts: list[str], direction: str, limit: int, until: str | None
) -> list[tuple[str, int, str, str]]:
    stops = "" if until is None else f"AND found.name NOT IN ({_STOPS})"
    query = f"""
        WITH RECURSIVE edges AS MATERIALIZED ({_edges(direction)}),
        found(name, distance, kind, via) USING KEY (name) AS (
            SELECT unnest($starts::VARCHAR[]), 0, '', ''
            UNION
            SELECT e."to", any_value(found.distance) + 1, any_value(e.kind), any_value(found.name)
            FROM found JOIN edges AS e ON e."from" = found.name
            WHERE found.distance < $limit {stops}
            AND NOT EXISTS (SELECT 1 FROM recurring.found AS seen WHERE seen.name = e."to")
            GROUP BY e."to")
        SELECT name, distance, kind, via FROM found ORDER BY distance, name"""
    asked = {"starts": starts, "limit": limit}
    return session.ask(query, asked if until is None else {**asked, "until": until}).rows()


def _all(
    session: Session, starts: list[str], direction: str, limit: int, until: str | None
) -> list[tuple[str, int, str, str]]:
    """The same for chains that are so long that a look at what was found before takes too long at each step."""
    # A text for each thing: lists of texts take four times as long to become Python's.
    query = f"""
        SELECT "from", string_agg(kind || ' ' || "to", '{_SEPARATOR}') FROM ({_edges(direction)}) GROUP BY ALL"""
    edges = dict(session.ask(query).rows())
    stops = set() if until is None else {row[0] for row in session.ask(_STOPS, {"until": until}).rows()}
    found = dict.fromkeys(starts, (0, "", ""))
    level, distance = starts, 0
    while level and distance < limit:
        distance += 1
        following: list[str] = []
        for name in level:
            if name in stops or name not in edges:
                continue
            for edge in edges[name].split(_SEPARATOR):
                kind, _, after = edge.partition(" ")
                if after not in found:
                    found[after] = (distance, kind, name)
                    following.append(after)
        level = following
    rows = [(name, *reached) for name, reached in found.items()]
    return sorted(rows, key=lambda row: (row[1], row[0]))
