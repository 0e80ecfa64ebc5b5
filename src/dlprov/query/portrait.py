"""One run in full: what ``dlprov show`` and the service tell of it."""

from __future__ import annotations

from typing import Any

from dlprov.query import questions
from dlprov.query.result import Result
from dlprov.query.session import Session

SECTIONS: dict[str, str] = {
    "tags": "SELECT name, value FROM public.tag WHERE run_id = $run ORDER BY name",
    "params": (
        "SELECT p.name, p.value, p.type, t.identifier AS task "
        "FROM public.param AS p LEFT JOIN public.task AS t ON t.id = p.task_id "
        "WHERE p.run_id = $run ORDER BY p.task_id NULLS FIRST, p.name"
    ),
    # What a DfAnalyzer client leaves out is the text null in DfAnalyzer's tables.
    "tasks": (
        "SELECT t.identifier AS task, d.tag AS transformation, lower(t.status) AS status, t.started, t.duration, "
        "nullif(t.error_msg, 'null') AS error "
        "FROM public.task AS t LEFT JOIN public.data_transformation AS d ON d.id = t.dt_id "
        "WHERE t.run_id = $run ORDER BY t.id"
    ),
    "adaptations": (
        "SELECT epoch, step, name, old, new, technique, reason FROM public.adaptation WHERE run_id = $run "
        'ORDER BY "time"'
    ),
    "stops": (
        "SELECT technique, epoch, monitor, best, best_epoch, reason FROM public.stop WHERE run_id = $run "
        'ORDER BY "time"'
    ),
    "artifacts": (
        "SELECT direction, kind, path, size, epoch, step, sha256 FROM public.artifact WHERE run_id = $run "
        'ORDER BY "time"'
    ),
    "data": (
        "SELECT direction, role, kind, shape, dtype, size, fingerprint, details FROM public.data WHERE run_id = $run "
        'ORDER BY "time"'
    ),
    "layers": (
        "SELECT position, name, type, weights, trainable, config FROM public.layer WHERE run_id = $run "
        "ORDER BY task_id, position"
    ),
    "runs started in it": (
        "SELECT run_id, dataflow, kind, status, started, duration FROM public.run WHERE parent_run_id = $run "
        "ORDER BY run_id"
    ),
    "notes": 'SELECT "time", text FROM public.note WHERE run_id = $run ORDER BY "time"',
    "problems": 'SELECT "time", place, message FROM public.problem WHERE run_id = $run ORDER BY "time"',
    "damaged lines": (
        'SELECT writer, "position", reason FROM public.log_problem WHERE run_id = $run ORDER BY writer, "position"'
    ),
}
"""What a run has beside its header, epochs and environment, in order; empty ones are left out."""


def header(session: Session, run_id: str) -> Result:
    """The row of a run."""
    return session.ask("SELECT * FROM public.run WHERE run_id = $run", {"run": run_id})


def everything(session: Session, run_id: str) -> dict[str, Any]:
    """All that is known of a run, but the series of its metrics, as JSON's types.

    The columns of table ``run``, the sections by name, ``epochs``, and ``environment`` as an object.
    """
    (facts,) = header(session, run_id).plain()
    everything: dict[str, Any] = {**facts}
    for name, sql in SECTIONS.items():
        everything[name.replace(" ", "_")] = list(session.ask(sql, {"run": run_id}).plain())
    everything["epochs"] = list(questions.epochs(session, run_id).plain())
    found = session.ask("SELECT name, value FROM public.environment WHERE run_id = $run ORDER BY name", {"run": run_id})
    everything["environment"] = dict(found.rows())
    return everything
