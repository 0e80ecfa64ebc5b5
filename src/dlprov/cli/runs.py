"""``dlprov runs``: what ran, and which runs were the best."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from dlprov.cli import cells, tables
from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import FORMATS, open_session, output_options, say_if_empty, store_option
from dlprov.cli.tables import Column
from dlprov.errors import NotFoundError
from dlprov.query import questions
from dlprov.query.result import Result

if TYPE_CHECKING:
    from dlprov.query import Session

STATUSES = ("running", "finished", "failed", "interrupted", "lost")

ON_A_SCREEN = 20
"""How many runs a terminal shows if no number is given; a file or a pipe gets all."""

LONGEST_SETTING = 40
"""Letters of a setting that is shown among the others."""

TELLING = ("val_accuracy", "accuracy", "val_loss", "loss")
"""Metrics that are shown first."""


@click.command("runs", cls=Command, short_help="what ran")
@click.argument("dataflow", required=False)
@click.option("--status", type=click.Choice(STATUSES), help="Only runs with this status.")
@click.option("-n", "--number", type=click.IntRange(min=1), metavar="N", help="At most N runs.")
@click.option("--best", metavar="METRIC", help="The best runs by the last value of METRIC, instead of the latest.")
@click.option(
    "--mode",
    type=click.Choice(["max", "min"]),
    help="Whether the largest or the smallest value is the best. Default: min for losses and errors, else max.",
)
@output_options(*FORMATS)
@store_option
def command(
    dataflow: str | None,
    status: str | None,
    number: int | None,
    best: str | None,
    mode: Literal["max", "min"] | None,
    format: str | None,
    output: Path | None,
    store: Path | None,
) -> None:
    """List runs, the latest first; of one DATAFLOW, or of all.

    Runs are named by the last letters of their ids, which every command understands. Times are UTC. The formats csv,
    json and parquet have whole ids, all settings and the last values of all metrics.

        dlprov runs mnist --status failed
        dlprov runs --best val_accuracy -n 5
    """
    kind = _output.chosen(format, output)
    if mode is not None and best is None:
        raise click.UsageError("--mode goes with --best METRIC")
    if status is not None and best is not None:
        raise click.UsageError("--status lists the latest runs, --best ranks runs of every status: give one of them")
    session = open_session(store)
    limit = number
    if number is None and kind == "table" and output is None and sys.stdout.isatty():
        limit = ON_A_SCREEN
    if best is not None:
        found = _best(session, best, dataflow, limit or 10, mode or _mode(best))
    else:
        found = questions.runs(session, dataflow, status=status, limit=limit)
    if kind != "table":
        _output.write(found, kind, output)
        return
    if not len(found):
        _explain_nothing(session, dataflow, status)
        return
    look = tables.look_of_stdout()
    columns = _ranking(found, best) if best is not None else _listing(found)
    _output.write_lines(list(tables.lines(columns, look)), output)
    if best is None and number is None and len(found) == limit:
        _tell_of_more(session, dataflow, status, len(found))


def _best(session: Session, metric: str, dataflow: str | None, number: int, mode: Literal["max", "min"]) -> Result:
    found = questions.best_runs(session, metric, dataflow=dataflow, n=number, mode=mode)
    if len(found):
        return found
    known = session.ask("SELECT name FROM public.metric_summary WHERE isfinite(last_value) GROUP BY name ORDER BY name")
    names = [name for (name,) in known]
    if metric in names:
        raise NotFoundError(f"no run of the dataflow {dataflow!r} has a metric {metric!r}; dlprov runs lists the runs")
    shown = ", ".join(names[:20]) or "none"
    raise NotFoundError(f"no run has a metric {metric!r} with a finite last value; there are: {shown}")


def _mode(metric: str) -> Literal["max", "min"]:
    name = metric.lower()
    return "min" if any(word in name for word in ("loss", "error", "mse", "mae", "perplexity")) else "max"


def _listing(found: Result) -> list[Column]:
    rows = found.dicts()
    shown = [
        Column("run", [cells.short_id(row["run_id"]) for row in rows]),
        Column("dataflow", _texts(rows, "dataflow"), cut=True),
        Column("name", _texts(rows, "name"), cut=True),
        Column("kind", _texts(rows, "kind")),
        Column("status", _texts(rows, "status")),
        Column("started (UTC)", _texts(rows, "started")),
        Column("duration", [cells.duration(row["duration"]) for row in rows], right=True),
        Column("last metrics", [_metrics(row["metrics"]) for row in rows], cut=True),
    ]
    return [column for column in shown if any(cell is not None for cell in column.cells)]


def _ranking(found: Result, metric: str) -> list[Column]:
    rows = found.dicts()
    return [
        Column("run", [cells.short_id(row["run_id"]) for row in rows]),
        Column(metric, cells.aligned(_texts(rows, "value")), right=True),
        Column("dataflow", _texts(rows, "dataflow"), cut=True),
        Column("status", _texts(rows, "status")),
        Column("started (UTC)", _texts(rows, "started")),
        Column("settings", [_settings(row["params"]) for row in rows], cut=True),
    ]


def _texts(rows: Sequence[dict[str, Any]], name: str) -> list[str | None]:
    return [cells.text_of(row[name], brief=True) or None for row in rows]


def _metrics(metrics: dict[str, float] | None) -> str | None:
    """The last values, the telling ones first; those of single batches only if there are no others."""
    if not metrics:
        return None
    names = [name for name in metrics if not name.startswith("batch_")] or list(metrics)
    names.sort(key=lambda name: TELLING.index(name) if name in TELLING else len(TELLING))
    return cells.printable("  ".join(f"{name} {cells.text_of(_rounded(metrics[name]))}" for name in names))


def _rounded(value: float) -> float:
    """Four digits are enough to see how a run went."""
    return float(f"{value:.4g}")


def _settings(params: dict[str, str] | None) -> str | None:
    """The settings on one line, plain names first. Long ones, configurations of objects, are for the other formats."""
    short = {name: value for name, value in (params or {}).items() if value and len(value) <= LONGEST_SETTING}
    names = sorted(short, key=lambda name: "." in name)
    return cells.printable("  ".join(f"{name}={short[name]}" for name in names)).replace("\n", " ") or None


def _explain_nothing(session: Session, dataflow: str | None, status: str | None) -> None:
    counted = session.ask("SELECT dataflow, count(*) FROM public.run GROUP BY dataflow ORDER BY dataflow").rows()
    if not counted:
        say_if_empty(session)
        return
    names = [name for name, _ in counted]
    if dataflow is not None and dataflow.lower() not in names:
        if len(session.ask("SELECT tag FROM public.dataflow WHERE tag = lower(?)", [dataflow])):
            click.echo(f"the dataflow {dataflow!r} is declared and has no runs yet", err=True)
            return
        raise NotFoundError(f"there is no dataflow {dataflow!r} in this store; there are: {', '.join(names)}")
    click.echo(f"none of the {sum(count for _, count in counted):,} runs is {status}", err=True)


def _tell_of_more(session: Session, dataflow: str | None, status: str | None, shown: int) -> None:
    ((total,),) = session.ask(
        """
        SELECT count(*) FROM public.run
        WHERE ($dataflow IS NULL OR dataflow = lower($dataflow)) AND ($status IS NULL OR status = $status)
        """,
        {"dataflow": dataflow, "status": status},
    ).rows()
    if total > shown:
        click.secho(f"the latest {shown} of {total:,} runs; -n {total} lists all", dim=True)
