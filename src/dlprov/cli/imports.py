"""``dlprov import``: what other systems left behind. The word is a keyword, so the module has another name."""

from __future__ import annotations

from pathlib import Path

import click
import duckdb

from dlprov.cli import cells
from dlprov.cli.help import Command
from dlprov.cli.options import configuration, open_session, store_option
from dlprov.cli.progress import bar
from dlprov.intake import Report, import_file, kind_of


@click.command("import", cls=Command, short_help="bring in what other systems recorded")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@store_option
def command(files: tuple[Path, ...], store: Path | None) -> None:
    """Turn each FILE into run logs, and index them. Its content tells what a FILE is.

        MonetDB dump   of a DfAnalyzer database (Keras-Prov, DLProv), of any generation

    Each execution of a dataflow becomes a run, with its ids, tags and times. Importing the same again adds nothing;
    a later dump of the same database adds what is new in it.

        msqldump -d dataflow_analyzer > dump.sql
        dlprov import dump.sql

    A row that cannot be read is told with its line and the reason, and the rest is imported; the exit status is 1 then.
    """
    for file in files:
        kind_of(file)
    place = configuration(store).store
    reports = []
    for file in files:
        messages: list[str] = []
        report = Report(file, messages.append)
        try:
            with bar(f"reading {file.name}") as progress:
                import_file(file, place, report, progress)
        finally:
            for message in messages:
                _tell(message)
        click.echo(f"{file}: {_summary(report)}")
        reports.append(report)
    if any(report.lines for report in reports):
        _index(store)
    if any(report.problems for report in reports):
        raise click.exceptions.Exit(1)


def _summary(report: Report) -> str:
    counts = {
        "dataflow": report.dataflows,
        "run": report.runs,
        "task": report.tasks,
        "element": report.elements,
    }
    said = [f"{count:,} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    if not report.lines:
        summary = "nothing new"
    elif not any((report.runs, report.tasks, report.elements)):
        summary = f"{report.lines:,} {'change' if report.lines == 1 else 'changes'} of what was there"
    else:
        summary = f"{', '.join(said)} imported"
    if report.problems:
        summary += f"; {report.problems:,} {'row' if report.problems == 1 else 'rows'} could not be"
    if report.warnings:
        summary += f"; {report.warnings:,} {'warning' if report.warnings == 1 else 'warnings'}"
    return summary


def _index(store: Path | None) -> None:
    session = open_session(store)
    if session.index.path is None:
        return  # where the index has to be in memory, each question makes one
    with bar("indexing") as progress:
        try:
            session.refresh(progress)
        except (duckdb.Error, OSError) as error:
            reason = str(error).partition("\n")[0]
            _tell(f"the index {session.index.path} cannot be written now ({reason}): the next question tries again")


def _tell(message: str) -> None:
    click.echo(cells.printable(message), err=True)
