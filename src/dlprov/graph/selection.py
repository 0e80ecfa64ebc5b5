"""Which runs and imported documents a graph or a push is about, and what they state together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dlprov.errors import NotFoundError, UsageError
from dlprov.graph.documents import BOOKKEEPING, all_documents, find_document, relations_of, things_of
from dlprov.graph.exporting import runs_of
from dlprov.graph.mapping import provenance
from dlprov.graph.statements import Statement
from dlprov.query import Session
from dlprov.query.questions import find_run


class Selection(NamedTuple):
    """What is chosen.

    Attributes:
        runs: Ids of runs, the first that started first, or in the order in which they were named.
        documents: Numbers of imported documents, in the order of their import.
    """

    runs: list[str]
    documents: list[int]


def chosen(session: Session, names: Sequence[str] = (), dataflow: str | None = None) -> Selection:
    """The runs and imported documents that are named, all runs of a dataflow, or everything.

    Args:
        session: The store.
        names: Runs, by all that names one, and imported documents, by their ids or the names of their files.
        dataflow: A dataflow's tag, in any case.

    Raises:
        NotFoundError: The store has no such run or document, or no run of the dataflow.
        UsageError: Names and a dataflow are given, or a name is that of several things.
    """
    if names and dataflow is not None:
        raise UsageError("runs or a dataflow were expected, got both: leave one of them out")
    if dataflow is not None:
        return Selection(runs_of(session, dataflow), [])
    if not names:
        query = "SELECT run_id FROM public.run ORDER BY started NULLS FIRST, run_id"
        return Selection([str(row[0]) for row in session.ask(query).rows()], all_documents(session))
    runs: dict[str, None] = {}
    documents: set[int] = set()
    for name in names:
        try:
            runs[find_run(session, name)] = None
        except NotFoundError:
            document = find_document(session, name)
            if document is None:
                raise
            documents.add(document)
    return Selection(list(runs), sorted(documents))


def stated(session: Session, selection: Selection) -> Iterator[Statement]:
    """What the runs and the documents state: each thing and each relation once.

    What was recorded here counts: of the same things, documents add the attributes that it does not tell.
    """
    own = provenance(session, selection.runs)
    if not selection.documents:
        yield from own
        return
    described = {statement.id: statement for statement in things_of(session, selection.documents)}
    told: set[bytes] = set()
    for statement in own:
        other = described.pop(statement.id, None)
        if not statement.id:
            told.add(_digest(statement))
        yield statement if other is None else _joined(statement, other)
    yield from described.values()
    for statement in relations_of(session, selection.documents):
        digest = _digest(statement)
        if digest not in told:
            told.add(digest)
            yield statement


def _joined(own: Statement, other: Statement) -> Statement:
    """A thing with what a document tells of it beyond our own."""
    names = {name for name, _ in own.attributes}
    more = tuple(pair for pair in other.attributes if pair[0] not in names and pair[0].prefix != BOOKKEEPING)
    return own._replace(arguments={**other.arguments, **own.arguments}, attributes=own.attributes + more)


def _digest(relation: Statement) -> bytes:
    """What tells a relation, which has no name, from others: what it says, in any order."""
    said = (relation.kind, sorted(relation.arguments.items()), sorted(map(repr, relation.attributes)))
    return hashlib.blake2b(repr(said).encode(errors="backslashreplace"), digest_size=16).digest()
