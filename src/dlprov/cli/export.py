"""``dlprov export``: the provenance of runs as a document that others read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from dlprov.cli.help import Command
from dlprov.cli.options import open_session, store_option
from dlprov.cli.progress import counted
from dlprov.graph.exporting import (
    DEFAULT,
    dataflow_file_name,
    execution_file_name,
    runs_of,
    write_file,
)
from dlprov.graph.formats import FORMATS, by_suffix, writer
from dlprov.graph.mapping import provenance
from dlprov.query import Session
from dlprov.query.questions import find_run


@click.command("export", cls=Command, short_help="write W3C PROV documents and pictures")
@click.argument("runs", nargs=-1, metavar="RUN…")
@click.option("--dataflow", metavar="TAG", help="All runs of this dataflow, instead of some.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(tuple(FORMATS)),
    multiple=True,
    help=f"Default: what the suffix of FILE says, else {DEFAULT}. May be given several times for a directory.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIRECTORY",
    help="Write to FILE, or to files in DIRECTORY that are named after the runs. Default: stdout.",
)
@click.option("--unfold", is_flag=True, help="Pictures show every thing of a long series, not one node that says so.")
@store_option
def command(
    runs: tuple[str, ...],
    dataflow: str | None,
    formats: tuple[str, ...],
    output: str | None,
    unfold: bool,
    store: Path | None,
) -> None:
    """Write the provenance of each RUN as W3C PROV: what made what, from what, when, and who was responsible.

    RUN is an id, its beginning or end, an execution tag, a name, or last. Several become one document, in which what
    they have in common stands once. The same runs always give the same document.

        dlprov export last
        dlprov export last -o run.json
        dlprov export last -o run.svg
        dlprov export --dataflow mnist --format ttl > mnist.ttl
        dlprov export last 5aebb12d --format provn --format json -o output/

    dlprov validate checks documents.
    """
    if bool(runs) == (dataflow is not None):
        raise click.UsageError("runs or --dataflow TAG was expected: dlprov export last")
    session = open_session(store)
    run_ids = list(dict.fromkeys(find_run(session, run) for run in runs)) or runs_of(session, dataflow or "")
    path = Path(output) if output is not None else None
    if output is not None and path is not None and _is_directory(output):
        _into(session, path, _documents(session, run_ids, dataflow), formats or (DEFAULT,), unfold=unfold)
        return
    if len(formats) > 1:
        raise click.UsageError(f"one format was expected, got {' and '.join(formats)}: name a directory after -o")
    name = formats[0] if formats else (by_suffix(path) if path is not None else None) or DEFAULT
    if path is not None:
        with counted(f"writing {path}"):
            write_file(session, run_ids, path, name, unfold=unfold)
        return
    if not FORMATS[name].is_text and sys.stdout.isatty():
        raise click.UsageError(f"{name} is not for a terminal: add -o FILE")
    writer(name, unfold=unfold)(provenance(session, run_ids), sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _is_directory(output: str) -> bool:
    try:
        return output.endswith(("/", os.sep)) or Path(output).is_dir()
    except OSError:
        # Writing to it tells why it cannot be used.
        return False


def _documents(session: Session, run_ids: list[str], dataflow: str | None) -> dict[str, list[str]]:
    """The runs of each document by the name of its file: one document of a dataflow, or one of each run."""
    if dataflow is not None:
        return {dataflow_file_name(dataflow.lower()): run_ids}
    query = "SELECT run_id, execution FROM public.run WHERE run_id IN (SELECT unnest($runs::VARCHAR[]))"
    executions = dict(session.ask(query, {"runs": run_ids}).rows())
    found: dict[str, list[str]] = {}
    for run_id in run_ids:
        name = execution_file_name(executions[run_id] or "", run_id)
        found[f"{name}-{run_id}" if name in found else name] = [run_id]
    return found


def _into(
    session: Session, directory: Path, documents: dict[str, list[str]], formats: tuple[str, ...], *, unfold: bool
) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"a directory was expected, got {directory} ({error.strerror})") from None
    for stem, run_ids in documents.items():
        for name in dict.fromkeys(formats):
            path = directory / f"{stem}{FORMATS[name].suffixes[0]}"
            with counted(f"writing {path}"):
                write_file(session, run_ids, path, name, unfold=unfold)
            click.echo(path)
