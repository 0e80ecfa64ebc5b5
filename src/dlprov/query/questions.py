"""Named questions about runs. Each is one SQL statement over the store, which ``Result.sql`` shows."""

from __future__ import annotations

from typing import Any, Literal

from dlprov.errors import NotFoundError, UsageError
from dlprov.query.result import Result
from dlprov.query.session import Session


def find_run(session: Session, run: str) -> str:
    """The id of a run.

    Args:
        session: The store.
        run: An id, the beginning or end of one, an execution tag, a name, or ``last``.

    Raises:
        NotFoundError: No run is named so.
        UsageError: Several are.
    """
    if run == "last":
        rows = session.ask("SELECT run_id FROM public.run ORDER BY started DESC NULLS LAST, run_id DESC LIMIT 1").rows()
    else:
        rows = _run_ids(session, "run_id = $run OR execution = $run", run)
        rows = rows or _run_ids(session, "name = $run", run)
        rows = rows or _run_ids(session, "starts_with(run_id, $run) OR ends_with(run_id, $run)", run.lower())
    if not rows:
        raise NotFoundError(f"there is no run {run!r} in this store; dlprov runs lists them")
    if len(rows) > 1:
        listed = f"from {rows[0][0]} to {rows[-1][0]}"
        raise UsageError(f"{run!r} names {len(rows)} runs, {listed}; give an id, or more of it")
    return str(rows[0][0])


def runs(
    session: Session,
    dataflow: str | None = None,
    *,
    status: str | None = None,
    limit: int | None = None,
) -> Result:
    """Runs, the latest first, with their settings and the last value of each metric as maps by name."""
    return session.ask(
        f"""
        WITH chosen AS (
            SELECT * FROM public.run
            WHERE ($dataflow IS NULL OR dataflow = lower($dataflow)) AND ($status IS NULL OR status = $status)
            ORDER BY started DESC NULLS LAST, run_id DESC LIMIT coalesce($limit, 9223372036854775807)),
        settings AS ({_grouped_settings()}),
        latest AS (
            SELECT run_id, map_from_entries(list((name, last_value) ORDER BY name)) AS metrics FROM (
                SELECT run_id, name, arg_max(last_value, last_time) AS last_value FROM public.metric_summary
                WHERE run_id IN (SELECT run_id FROM chosen) GROUP BY run_id, name) GROUP BY run_id)
        SELECT c.run_id, c.dataflow, c.status, c.started, c.ended, c.duration, c.name, c.kind, c.parent_run_id,
               c."user", c.host, c.framework, c.backend, c.git_commit, c.error, s.params, l.metrics
        FROM chosen AS c LEFT JOIN settings AS s USING (run_id) LEFT JOIN latest AS l USING (run_id)
        ORDER BY c.started DESC NULLS LAST, c.run_id DESC
        """,
        {"dataflow": dataflow, "status": status, "limit": limit},
    )


def best_runs(
    session: Session,
    metric: str,
    *,
    dataflow: str | None = None,
    n: int = 10,
    mode: Literal["max", "min"] = "max",
    by: Literal["last", "best"] = "last",
) -> Result:
    """The ``n`` best runs by a metric, with their settings.

    Args:
        session: The store to ask.
        metric: Name of the metric.
        dataflow: Only runs of this dataflow.
        n: How many.
        mode: Whether the largest (``max``) or the smallest value is the best. Values that are not finite are none.
        by: The ``last`` value of each run, or its ``best``.
    """
    if mode not in ("max", "min") or by not in ("last", "best"):
        raise UsageError(f"best_runs expects mode 'max' or 'min' and by 'last' or 'best', got {mode!r} and {by!r}")
    order = "DESC" if mode == "max" else "ASC"
    extreme = "max(maximum)" if mode == "max" else "min(minimum)"
    value = "arg_max(last_value, last_time)" if by == "last" else extreme
    return session.ask(
        f"""
        WITH final AS (
            SELECT run_id, {value} AS value FROM public.metric_summary WHERE name = $metric GROUP BY run_id),
        top AS (
            SELECT r.run_id, r.dataflow, r.status, r.started, f.value
            FROM final AS f JOIN public.run AS r USING (run_id)
            WHERE isfinite(f.value) AND ($dataflow IS NULL OR r.dataflow = lower($dataflow))
            ORDER BY f.value {order}, r.run_id LIMIT $n)
        SELECT t.run_id, t.dataflow, t.status, t.started, t.value, s.params
        FROM top AS t LEFT JOIN ({_grouped_settings("top")}) AS s USING (run_id)
        ORDER BY t.value {order}, t.run_id
        """,
        {"metric": metric, "dataflow": dataflow, "n": n},
    )


def epochs(session: Session, run: str) -> Result:
    """The metrics of each epoch of a run: one row an epoch, one column a metric; of several values the last.

    Those of every batch (``batch_…``, as the Keras adapter names them) are left out.
    """
    run_id = find_run(session, run)
    names = [
        row[0]
        for row in session.ask(
            """
            SELECT name FROM public.metric
            WHERE run_id = $run AND epoch IS NOT NULL AND NOT starts_with(name, 'batch_')
            GROUP BY name ORDER BY min(rowid)
            """,
            {"run": run_id},
        ).rows()
    ]
    parameters: dict[str, Any] = {"run": run_id}
    picked = []
    for number, name in enumerate(names):
        parameters[f"name{number}"] = name
        quoted = '"' + name.replace('"', '""') + '"'
        picked.append(f', arg_max(value, "time") FILTER (name = $name{number}) AS {quoted}')
    query = f"SELECT epoch{''.join(picked)} FROM public.metric WHERE run_id = $run AND epoch IS NOT NULL"
    return session.ask(f"{query} GROUP BY epoch ORDER BY epoch", parameters)


def adaptations(session: Session, run: str | None = None) -> Result:
    """The changes of hyperparameters during the training: of one run, or of all."""
    run_id = find_run(session, run) if run is not None else None
    return session.ask(
        """
        SELECT run_id, epoch, step, name, old, new, technique, reason, "time"
        FROM public.adaptation WHERE $run IS NULL OR run_id = $run ORDER BY run_id, "time"
        """,
        {"run": run_id},
    )


def compare(session: Session, first: str, second: str) -> Result:
    """What differs between two runs: settings, environment, data, files, layers, and the last values of metrics.

    Columns: ``aspect``, ``name``, the value in the first run, the value in the second. What is equal is left out.
    """
    return session.ask(
        """
        WITH facts AS (
            SELECT run_id, 'param' AS aspect, name, value FROM public.param
            UNION ALL SELECT run_id, 'environment', name, value FROM public.environment
                WHERE name NOT IN ('process.pid', 'process.command')
            UNION ALL SELECT run_id, 'data', role, coalesce(fingerprint, kind) FROM public.data
            UNION ALL SELECT run_id, 'file', parse_filename(path), sha256 FROM public.artifact
            UNION ALL SELECT run_id, 'layer', position || ' ' || name, type || ' ' || config FROM public.layer
            UNION ALL SELECT run_id, 'metric', name, last_value::VARCHAR FROM public.metric_summary
            UNION ALL SELECT run_id, 'status', 'status', status FROM public.run),
        -- Tasks may each have a value of one name.
        told AS (
            SELECT run_id, aspect, name, string_agg(DISTINCT value, ', ' ORDER BY value) AS value
            FROM facts GROUP BY ALL),
        a AS (SELECT * FROM told WHERE run_id = $first), b AS (SELECT * FROM told WHERE run_id = $second)
        SELECT aspect, name, a.value AS first, b.value AS second FROM a FULL JOIN b USING (aspect, name)
        WHERE a.value IS DISTINCT FROM b.value ORDER BY aspect, name
        """,
        {"first": find_run(session, first), "second": find_run(session, second)},
    )


def _run_ids(session: Session, condition: str, run: str) -> list[tuple[Any, ...]]:
    return session.ask(f"SELECT run_id FROM public.run WHERE {condition} ORDER BY run_id", {"run": run}).rows()


def _grouped_settings(chosen: str = "chosen") -> str:
    return f"""
        SELECT run_id, map_from_entries(list((name, value) ORDER BY name)) AS params FROM (
            SELECT run_id, name, arg_max(value, "time") AS value FROM public.param
            WHERE run_id IN (SELECT run_id FROM {chosen}) GROUP BY run_id, name) GROUP BY run_id
    """
