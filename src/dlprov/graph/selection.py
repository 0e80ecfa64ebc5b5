"""Which runs a document, a graph or a push is about."""

from __future__ import annotations

from collections.abc import Sequence

from dlprov.errors import UsageError
from dlprov.graph.exporting import runs_of
from dlprov.query import Session
from dlprov.query.questions import find_run


def chosen_runs(session: Session, names: Sequence[str] = (), dataflow: str | None = None) -> list[str]:
    """The ids of the runs that are named, of all runs of a dataflow, or of all runs; the first that started first.

    Args:
        session: The store.
        names: Runs, by all that names one.
        dataflow: A dataflow's tag, in any case.

    Raises:
        NotFoundError: The store has no such run, or none of the dataflow.
        UsageError: Runs and a dataflow are named, or a name is that of several runs.
    """
    if names and dataflow is not None:
        raise UsageError("runs or a dataflow were expected, got both: leave one of them out")
    if names:
        return list(dict.fromkeys(find_run(session, name) for name in names))
    if dataflow is not None:
        return runs_of(session, dataflow)
    query = "SELECT run_id FROM public.run ORDER BY started NULLS FIRST, run_id"
    return [str(row[0]) for row in session.ask(query).rows()]
