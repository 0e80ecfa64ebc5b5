"""What the index says about runs, in the order in which documents tell it: three questions for many runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from dlprov.errors import NotFoundError
from dlprov.query import Result, Session
from dlprov.store.names import quote, schema_for

RUNS_AT_A_TIME = 50
"""Runs that one question is about."""

_ROWS_AT_A_TIME = 5_000


class SetOfRun(NamedTuple):
    """A set of a dataflow: its tag in lower case, and the columns of its own attributes, in order."""

    tag: str
    attributes: tuple[str, ...]


class Fact(NamedTuple):
    """One row about a run: its columns, and of an element the set that it is of.

    An element's row has its ``uuid``, its ``values``, whose own values are its number and those of the set's attributes
    in their order, and the names of the run's tasks that made it (``makers``) and that used it (``users``), each in
    order and possibly more than once.
    """

    kind: str
    row: dict[str, Any]
    set: SetOfRun | None = None


def facts(session: Session, run_ids: Sequence[str]) -> Iterator[tuple[str, Iterator[Fact]]]:
    """Each run with its facts: the run, tasks, settings, adaptations, elements, dependencies, files, data, metrics.

    The facts of a run have to be taken before the next run.

    Args:
        session: The store.
        run_ids: Ids of runs, each once, in the order in which they come.

    Raises:
        NotFoundError: The store has no such run.
    """
    query = "SELECT run_id, dataflow FROM public.run WHERE run_id IN (SELECT unnest($runs::VARCHAR[]))"
    dataflows = dict(session.ask(query, {"runs": list(run_ids)}).rows())
    for run_id in run_ids:
        if run_id not in dataflows:
            raise NotFoundError(f"there is no run {run_id!r} in this store; dlprov runs lists them")
    sets = _sets(session, sorted(set(dataflows.values()) - {None}))
    for dataflow, group in groupby(run_ids, key=dataflows.__getitem__):
        same = list(group)
        for first in range(0, len(same), RUNS_AT_A_TIME):
            yield from _of_runs(session, same[first : first + RUNS_AT_A_TIME], dataflow or "", sets.get(dataflow, ()))


_KINDS: dict[str, str] = {
    "run": """
        SELECT r.*, f.uuid AS plan, f.id AS plan_number, s AS scientist, h AS machine, 1 AS n
        FROM public.run AS r LEFT JOIN public.dataflow AS f ON f.tag = r.dataflow
        LEFT JOIN public.dataflow_execution AS e ON e.uuid = r.run_id
        LEFT JOIN public.data_scientist AS s ON s.id = e.scientist_id
        LEFT JOIN public.hardware_info AS h ON h.id = e.hardware_id""",
    "task": """
        SELECT t.*, d.tag AS dt_tag, p.uuid AS parent, t.id AS n
        FROM public.task AS t LEFT JOIN public.data_transformation AS d ON d.id = t.dt_id
        LEFT JOIN public.task AS p ON p.id = t.parent_id""",
    "param": """
        SELECT p.*, t.uuid AS task, row_number() OVER (ORDER BY p.task_id NULLS FIRST, p.name) AS n
        FROM public.param AS p LEFT JOIN public.task AS t ON t.id = p.task_id""",
    "adaptation": """
        SELECT a.*, t.uuid AS task, a.rowid AS n
        FROM public.adaptation AS a LEFT JOIN public.task AS t ON t.id = a.task_id""",
    "element": "",
    "dependency": """
        SELECT t.run_id, t.uuid AS task, earlier.uuid AS earlier,
        row_number() OVER (ORDER BY d.task_id, d.depends_on_id) AS n
        FROM public.task_dependency AS d JOIN public.task AS t ON t.id = d.task_id
        JOIN public.task AS earlier ON earlier.id = d.depends_on_id""",
    "artifact": """
        SELECT a.*, t.uuid AS task, a.rowid AS n
        FROM public.artifact AS a LEFT JOIN public.task AS t ON t.id = a.task_id""",
    "data": """
        SELECT d.*, t.uuid AS task, d.rowid AS n
        FROM public.data AS d LEFT JOIN public.task AS t ON t.id = d.task_id""",
    "metric": """
        SELECT m.*, t.uuid AS task, row_number() OVER (ORDER BY m.task_id NULLS FIRST, m.name) AS n
        FROM public.metric_summary AS m LEFT JOIN public.task AS t ON t.id = m.task_id""",
}
"""The rows of each kind, in their order ``n``. Those of elements depend on the dataflow."""

_WITH = """
    WITH wanted AS (SELECT unnest($runs::VARCHAR[]) AS run_id, generate_subscripts($runs::VARCHAR[], 1) AS place),
    flow AS (
        SELECT r.run_id, if(r.kind = 'used', r.target, r.source) AS element,
        list(r.source ORDER BY r.rowid) FILTER (r.kind = 'used') AS users,
        list(r.target ORDER BY r.rowid) FILTER (r.kind = 'wasGeneratedBy') AS makers
        FROM public.relation AS r JOIN wanted USING (run_id) WHERE r.kind IN ('used', 'wasGeneratedBy') GROUP BY ALL)"""


def _of_runs(
    session: Session, run_ids: list[str], dataflow: str, sets: Sequence[SetOfRun]
) -> Iterator[tuple[str, Iterator[Fact]]]:
    sources: list[tuple[str, SetOfRun | None, str]] = []
    for kind, query in _KINDS.items():
        if query:
            sources.append((kind, None, query))
        else:
            sources += [(kind, found, _elements(dataflow, found)) for found in sets]
    parts = [
        f"SELECT w.place, {number} AS source, f.n, f AS fact{number} "
        f"FROM ({query}) AS f JOIN wanted AS w USING (run_id)"
        for number, (_, _, query) in enumerate(sources)
    ]
    question = f"{_WITH} {' UNION ALL BY NAME '.join(parts)} ORDER BY place, source, n"
    rows = streamed(session.ask(question, {"runs": run_ids}))
    for place, group in groupby(rows, key=lambda row: row[0]):
        # Behind place, source and n there is a column for each source, of which one has a value.
        told = (Fact(sources[row[1]][0], row[3 + row[1]], sources[row[1]][1]) for row in group)
        yield run_ids[place - 1], told


def _elements(dataflow: str, found: SetOfRun) -> str:
    """The elements that tasks of a run made or used."""
    table = f"{quote(schema_for(dataflow))}.{quote('ds_' + found.tag)}"
    # By names of ours: with a zero character in them, theirs would come back cut.
    columns = ["id", *found.attributes]
    values = ", ".join(f"a{place} := e.{quote(name)}" for place, name in enumerate(columns))
    return f"""
        SELECT w.run_id, e.id AS n, e.uuid, struct_pack({values}) AS "values", w.users, w.makers
        FROM flow AS w JOIN {table} AS e ON w.element = 'element-' || e.uuid"""


def _sets(session: Session, dataflows: list[str]) -> dict[str | None, list[SetOfRun]]:
    query = """
        SELECT f.tag, s.tag,
        (SELECT list(a.name ORDER BY a.id) FROM public.attribute AS a WHERE a.ds_id = s.id AND a.extractor_id IS NULL)
        FROM public.data_set AS s JOIN public.dataflow AS f ON f.id = s.df_id
        WHERE list_contains($tags::VARCHAR[], f.tag) ORDER BY s.id"""
    found: dict[str | None, list[SetOfRun]] = {}
    for dataflow, tag, attributes in session.ask(query, {"tags": dataflows}).rows():
        found.setdefault(dataflow, []).append(SetOfRun(tag, tuple(dict.fromkeys(attributes or ()))))
    return found


def streamed(result: Result) -> Iterator[tuple[Any, ...]]:
    """The rows of an answer, of which only some are in memory as Python's values at a time."""
    first = 0
    while rows := result.slice(first, _ROWS_AT_A_TIME):
        yield from rows
        first += len(rows)
