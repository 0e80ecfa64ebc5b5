"""``dlprov import``: what other systems left behind. The word is a keyword, so the module has another name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import duckdb

from dlprov.cli import cells
from dlprov.cli.help import Command
from dlprov.cli.options import configuration, open_session, store_option
from dlprov.cli.progress import bar
from dlprov.intake import FileKind, Report, import_dump, kind_of


@click.command("import", cls=Command, short_help="bring in what other systems recorded")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@store_option
def command(files: tuple[Path, ...], store: Path | None) -> None:
    """Turn each FILE into logs of the store, and index them. Its content tells what a FILE is.

        MonetDB dump    of a DfAnalyzer database (Keras-Prov, DLProv), of any generation
        PROV document   of any origin, in PROV-JSON, PROV-JSONLD, PROV-N, PROV-XML, or PROV-O as Turtle, TriG, RDF/XML

    Of a dump, each execution of a dataflow becomes a run, with its ids, tags and times. A document becomes a graph that
    lineage and Cypher can ask, beside the runs; what is known to go wrong in those of DLProv and yProv4ML is repaired,
    and told. Importing the same again adds nothing; a later dump of the same database adds what is new in it.

        msqldump -d dataflow_analyzer > dump.sql
        dlprov import dump.sql
        dlprov import provenance.json paper.provn

    A row that cannot be read is told with its line and the reason, and the rest is imported; the exit status is 1 then.
    """
    kinds = [kind_of(file) for file in files]
    place = configuration(store).store
    reports = []
    for file, kind in zip(files, kinds, strict=True):
        messages: list[str] = []
        report = Report(file, messages.append)
        try:
            with bar(f"reading {file.name}") as progress:
                _importer(kind)(file, place, report, progress)
        finally:
            for message in messages:
                _tell(message)
        click.echo(f"{file}: {_summary(report)}")
        reports.append(report)
    if any(report.lines for report in reports):
        _index(store)
    if any(report.problems for report in reports):
        raise click.exceptions.Exit(1)


def _importer(kind: FileKind) -> Callable[[Path, Path, Report, Callable[[int, int], None]], None]:
    """What imports a kind of file: called with the file, the store, a report and the progress."""
    if kind == "monetdb":
        return import_dump
    # Late: only documents need it.
    from dlprov.graph.importing import import_document  # noqa: PLC0415

    return import_document


def _summary(report: Report) -> str:
    counts = {
        "dataflow": report.dataflows,
        "run": report.runs,
        "task": report.tasks,
        "element": report.elements,
        "document": report.documents,
        "statement": report.statements,
    }
    said = [cells.counted(count, name) for name, count in counts.items() if count]
    if not report.lines:
        summary = "nothing new"
    elif not any((report.runs, report.tasks, report.elements, report.documents)):
        summary = f"{cells.counted(report.lines, 'change')} of what was there"
    else:
        summary = f"{', '.join(said)} imported"
    if report.problems:
        summary += f"; {cells.counted(report.problems, 'row')} could not be"
    if report.warnings:
        summary += f"; {cells.counted(report.warnings, 'warning')}"
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
