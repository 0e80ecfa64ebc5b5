"""``dlprov show``: one run in full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlprov.cli import cells, tables
from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import open_session, output_options, store_option
from dlprov.cli.tables import Column, Look
from dlprov.query import portrait, questions

if TYPE_CHECKING:
    from dlprov.query import Session
    from dlprov.query.result import Result

ENVIRONMENT = ("python.platform", "hardware.processor", "hardware.usable_cores", "hardware.memory", "hardware.gpus")

ONLY_IN_JSON = {"params": {"type"}, "layers": {"config"}, "data": {"details"}}
"""Columns that the page leaves out, by section."""

LONG = 200
"""Values that are longer, such as the configuration of an object, are cut in the table; JSON has them in full."""


@click.command("show", cls=Command, short_help="one run in full")
@click.argument("run", default="last")
@output_options("table", "json")
@store_option
def command(run: str, format: str | None, output: Path | None, store: Path | None) -> None:
    """Show one RUN in full: settings, tasks, epochs, adaptations, files, data, environment, problems.

    RUN is an id, its beginning or end, an execution tag, a name, or last (the default). Times are UTC. JSON has
    long values in full, and those that the page leaves out.

        dlprov show last
        dlprov show 5aebb12d --format json | jq .params
    """
    kind = _output.chosen(format, output)
    if kind not in {"table", "json"}:
        raise click.UsageError(
            f"a run is shown as table or json, got {kind}; dlprov query writes single tables as {kind}"
        )
    session = open_session(store)
    run_id = questions.find_run(session, run)
    if kind == "json":
        _output.write_json(portrait.everything(session, run_id), output)
    else:
        look = Look(rule="─") if output is not None else tables.look_of_stdout()
        _output.write_lines(_page(session, run_id, look), output)


def _page(session: Session, run_id: str, look: Look) -> list[str]:
    (facts,) = portrait.header(session, run_id).dicts()
    lines = list(tables.pairs(_facts(facts), look))
    for name, sql in portrait.SECTIONS.items():
        found = session.ask(sql, {"run": run_id})
        if name == "adaptations":
            # Between the tasks and what happened in them.
            epochs = questions.epochs(session, run_id)
            lines += _section("epochs", _output.columns_of(epochs, brief=True) if len(epochs) else [], look)
        left_out = ONLY_IN_JSON.get(name, set())
        lines += _section(name, [column for column in _columns(found) if column.title not in left_out], look)
    return lines + _section("environment", _environment(session, run_id), look)


def _facts(run: dict[str, Any]) -> list[tuple[str, str | None]]:
    facts: list[tuple[str, str | None]] = [
        ("run", run["run_id"]),
        ("dataflow", run["dataflow"]),
        ("name", run["name"]),
        ("status", _status(run)),
        ("started", f"{cells.text_of(run['started'], brief=True)} UTC" if run["started"] else None),
        ("duration", cells.duration(run["duration"])),
        ("execution", run["execution"]),
        ("part of", run["parent_run_id"]),
        ("by", "@".join(filter(None, (run["user"], run["host"]))) or None),
        ("command", run["command"]),
        ("directory", run["directory"]),
        ("git", _git(run)),
        ("framework", " on ".join(filter(None, (run["framework"], run["backend"]))) or None),
        ("python", run["python"]),
        ("traceback", run["traceback"].rstrip() if run["traceback"] else None),
    ]
    return [(name, cells.printable(value)) for name, value in facts if value]


def _status(run: dict[str, Any]) -> str:
    error = ": ".join(filter(None, (run["error_type"], run["error"])))
    if run["status"] == "lost":
        return f"lost: its process is gone or silent since {cells.text_of(run['last_seen'], brief=True)} UTC"
    return f"{run['status']} ({error})" if error else str(run["status"])


def _git(run: dict[str, Any]) -> str | None:
    if not run["git_commit"]:
        return None
    branch = f" on {run['git_branch']}" if run["git_branch"] else ""
    return f"{run['git_commit'][:12]}{branch}{', with changes that are not committed' if run['git_dirty'] else ''}"


def _section(title: str, columns: Sequence[Column], look: Look) -> list[str]:
    if not columns:
        return []
    return ["", click.style(title, bold=True, fg="cyan") if look.styled else title, *tables.lines(columns, look)]


def _columns(found: Result) -> list[Column]:
    """The columns of a section, without those that are empty in all rows."""
    if not len(found):
        return []
    columns = []
    for column in _output.columns_of(found, brief=True):
        if all(cell is None for cell in column.cells):
            continue
        if column.title in {"duration", "size"}:
            show = cells.duration if column.title == "duration" else cells.size
            column.cells = [show(float(cell)) if cell is not None else None for cell in column.cells]
        elif column.title in {"sha256", "fingerprint"}:
            column.cells = [cell and f"{cell[: cell.find(':') + 13]}…" for cell in column.cells]
        elif not column.right:
            column.cells = [_shortened(cell) for cell in column.cells]
        columns.append(column)
    return columns


def _shortened(cell: str | None) -> str | None:
    return cell if cell is None or len(cell) <= LONG or "\n" in cell else f"{cell[:LONG]}…"


def _environment(session: Session, run_id: str) -> list[Column]:
    """The part of the environment that tells machines and frameworks apart."""
    found = session.ask(
        """
        SELECT name, value FROM public.environment
        WHERE run_id = $run AND (list_contains($names, name) OR split_part(name, '.', 1) IN ('framework', 'seeds'))
        ORDER BY name
        """,
        {"run": run_id, "names": list(ENVIRONMENT)},
    ).dicts()
    if not found:
        return []
    values = [
        cells.size(float(row["value"])) if row["name"] == "hardware.memory" else cells.text_of(row["value"])
        for row in found
    ]
    return [Column("name", [cells.printable(row["name"]) for row in found]), Column("value", values)]
