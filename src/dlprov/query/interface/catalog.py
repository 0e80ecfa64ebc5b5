"""What the store knows of one dataflow: its sets, their columns, and which transformations link them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlprov.errors import NotFoundError, UsageError
from dlprov.query.interface.message import Message, shown
from dlprov.query.session import Session
from dlprov.store.names import fold, schema_for

_CATALOG = """
    WITH chosen AS (SELECT id FROM public.dataflow WHERE tag = $tag),
    sets AS (SELECT id, tag FROM public.data_set WHERE df_id IN (FROM chosen))
    SELECT
        (SELECT list(tag ORDER BY tag) FROM public.dataflow) AS dataflows,
        (SELECT list({'id': id, 'tag': tag} ORDER BY id) FROM sets) AS sets,
        (SELECT list({'id': id, 'tag': tag} ORDER BY id) FROM public.data_transformation
            WHERE df_id IN (FROM chosen)) AS transformations,
        (SELECT list({'of': ds_id, 'name': name, 'type': type} ORDER BY id) FROM public.attribute
            WHERE ds_id IN (SELECT id FROM sets)) AS attributes,
        (SELECT list({'of': ds_id, 'producer': previous_dt_id, 'consumer': next_dt_id} ORDER BY id)
            FROM public.data_dependency WHERE ds_id IN (SELECT id FROM sets)) AS dependencies,
        (SELECT list({'schema': schema_name, 'table': table_name, 'name': column_name}
                ORDER BY schema_name, table_name, column_index)
            FROM duckdb_columns() WHERE database_name = 'store' AND schema_name IN ('public', $schema)) AS columns
"""
"""All in one question, so that a training which declares more meanwhile is seen as a whole or not at all."""

_DATAFLOWS = """
    SELECT d.tag, list(DISTINCT s.tag) AS sets FROM public.dataflow AS d JOIN public.data_set AS s ON s.df_id = d.id
    WHERE list_contains($tags, s.tag) GROUP BY d.tag ORDER BY d.tag
"""

_LISTED = 10
"""How many names a message to a person lists."""


@dataclass(frozen=True)
class Schema:
    """One set: the columns of its view, and the types of its attributes (``None``: no value has told yet), in order."""

    columns: tuple[str, ...]
    attributes: Mapping[str, str | None]


@dataclass(frozen=True)
class Catalog:
    """One dataflow.

    Attributes:
        dataflow: Its tag, in lower case.
        schema: The database schema that holds its sets.
        sets: Its sets by tag, in the order of their declaration.
        links: For two sets, the transformations that use the first and generate the second, in order.
        successors: The sets that a transformation generates from a set, in order.
        tables: The tables and views that a condition may look into, with their schemas.
    """

    dataflow: str
    schema: str
    sets: Mapping[str, Schema]
    links: Mapping[tuple[str, str], tuple[str, ...]]
    successors: Mapping[str, Sequence[str]]
    tables: frozenset[tuple[str, str]]


def load(session: Session, dataflow: str) -> Catalog:
    """The catalogue of a dataflow, as of now.

    Raises:
        NotFoundError: The store has no dataflow of this tag.
    """
    tag = fold(dataflow)
    schema = schema_for(tag)
    found = session.ask(_CATALOG, {"tag": tag, "schema": schema}).dicts()[0]
    if tag not in (found["dataflows"] or ()):
        raise NotFoundError(
            f"there is no dataflow {shown(dataflow)} in this store; there are: {listed(found['dataflows'] or ())}"
        )
    columns: dict[tuple[str, str], list[str]] = {}
    for row in found["columns"]:
        columns.setdefault((row["schema"], row["table"]), []).append(row["name"])
    tags: dict[int, str] = {row["id"]: row["tag"] for row in found["sets"] or ()}
    attributes: dict[str, dict[str, str | None]] = {name: {} for name in tags.values()}
    for row in found["attributes"] or ():
        attributes[tags[row["of"]]][row["name"]] = row["type"]
    links = _links(tags, found["transformations"] or (), found["dependencies"] or ())
    successors: dict[str, list[str]] = {name: [] for name in tags.values()}
    for first, second in links:
        successors[first].append(second)
    return Catalog(
        tag,
        schema,
        {name: _schema(columns.get((schema, name), ()), attributes[name]) for name in tags.values()},
        links,
        successors,
        frozenset(table for table in columns if table[0] == "public" or table[1] in attributes),
    )


def find_dataflow(session: Session, message: Message) -> str:
    """The only dataflow that has all the sets that a message names.

    Raises:
        UsageError: The message names no set, or several dataflows have them.
        NotFoundError: No dataflow has them all.
    """
    named = dict.fromkeys(map(fold, (*message.source, *message.target, *message.include, *message.exclude)))
    if not named:
        raise UsageError("the message names no set that tells its dataflow: name the dataflow (--dataflow TAG)")
    having: dict[str, list[str]] = dict(session.ask(_DATAFLOWS, {"tags": list(named)}).rows())
    candidates = [tag for tag, sets in having.items() if len(sets) == len(named)]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise UsageError(
            f"{len(candidates)} dataflows have the sets that the message names ({listed(candidates)}): "
            "name one of them (--dataflow TAG)"
        )
    known = {tag for sets in having.values() for tag in sets}
    missing = [tag for tag in named if tag not in known]
    if missing:
        raise NotFoundError(f"no dataflow in this store has a set {listed(missing)}")
    raise NotFoundError(f"no dataflow in this store has all of the sets {listed(named)}")


def listed(names: Iterable[str]) -> str:
    """Names for a person: as many as fit into a sentence."""
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return (", ".join(every[:_LISTED]) or "none") + more


def _schema(columns: Sequence[str], attributes: Mapping[str, str | None]) -> Schema:
    return Schema(tuple(columns), {name: kind for name, kind in attributes.items() if name in columns})


def _links(
    tags: Mapping[int, str], transformations: Sequence[Mapping[str, Any]], dependencies: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], tuple[str, ...]]:
    used: dict[int, list[int]] = {}
    generated: dict[int, list[int]] = {}
    for row in dependencies:
        for column, sets in (("consumer", used), ("producer", generated)):
            if row[column] is not None:
                sets.setdefault(row[column], []).append(row["of"])
    links: dict[tuple[int, int], list[str]] = {}
    for row in transformations:
        for first in dict.fromkeys(used.get(row["id"], ())):
            for second in dict.fromkeys(generated.get(row["id"], ())):
                links.setdefault((first, second), []).append(row["tag"])
    return {(tags[first], tags[second]): tuple(found) for (first, second), found in sorted(links.items())}
