"""``dlprov query``: a question in SQL."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import FORMATS, open_session, output_options, store_option


@click.command("query", cls=Command, short_help="ask in SQL")
@click.argument("sql", required=False)
@output_options(*FORMATS)
@store_option
def command(sql: str | None, format: str | None, output: Path | None, store: Path | None) -> None:
    r"""Ask in SQL, while trainings run or later; everything recorded before is seen.

    SQL may be several statements: the answer is the last one's. SET SCHEMA "tag" makes the sets of a dataflow known
    without their schema. Without SQL, or with -, it is read from stdin: dlprov query < question.sql

        dlprov query "SELECT run_id, status, started FROM run ORDER BY started"
        dlprov query 'SET SCHEMA "keras-alexnet-df"; SELECT * FROM otrainingmodel' --format csv -o epochs.csv

    dlprov shell lists tables (\d) and their columns (\d run).
    """
    kind = _output.chosen(format, output)
    _output.write(open_session(store).ask(_question(sql)), kind, output)


def _question(sql: str | None) -> str:
    if sql is not None and sql != "-":
        return sql
    if sql is None and sys.stdin.isatty():
        raise click.UsageError('a question in SQL was expected, got none: dlprov query "SELECT * FROM run"')
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"SQL in UTF-8 was expected on stdin, got other bytes ({error.reason})") from None
