"""``dlprov ask``: a message of DfAnalyzer's query interface."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dlprov.cli import output as _output
from dlprov.cli.cells import printable
from dlprov.cli.help import Command
from dlprov.cli.options import FORMATS, open_session, output_options, store_option
from dlprov.query.interface import answer, find_dataflow, parse_message, plan


@click.command("ask", cls=Command, short_help="ask with a message of DfAnalyzer's query interface")
@click.argument("file", metavar="MESSAGE-FILE", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dataflow", metavar="TAG", help="Default: the only dataflow that has the sets the message names.")
@click.option("--sql", "only_sql", is_flag=True, help="Write the SQL that answers the message, and do not run it.")
@output_options(*FORMATS)
@store_option
def command(
    file: Path, dataflow: str | None, only_sql: bool, format: str | None, output: Path | None, store: Path | None
) -> None:
    """Ask with a message of DfAnalyzer's query interface; - reads it from stdin.

    The message names sets; dlprov finds the paths between them, and joins what lies on the paths. The SQL that it
    becomes goes to stderr, the rows to stdout. A message is a file such as this:

        mapping(physical)
        source(itrainingmodel)
        target(otrainingmodel)
        projection(itrainingmodel.learning_rate; otrainingmodel.accuracy)
        selection(otrainingmodel.accuracy > 0.9)
    """
    if only_sql and format is not None:
        raise click.UsageError("--format is the format of rows, and --sql asks for none: leave one of them out")
    kind = "sql" if only_sql else _output.chosen(format, output)
    message = parse_message(_text(file))
    session = open_session(store)
    planned = plan(session, dataflow or find_dataflow(session, message), message)
    for warning in planned.warnings:
        click.echo(f"dlprov: note: {printable(warning)}", err=True)
    if only_sql:
        _output.write_lines(planned.sql.split("\n"), output)
        return
    click.secho(printable(planned.sql), err=True, dim=True)
    if output is None and sys.stdout.isatty():
        click.echo(err=True)
    _output.write(answer(session, planned), kind, output)


def _text(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise click.UsageError(f"a file with a message was expected, got {file} ({error.strerror})") from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"a message in UTF-8 was expected, got other bytes ({error.reason})") from None
