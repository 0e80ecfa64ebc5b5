"""``dlprov lineage``: what a thing came from, and what came from it."""

from __future__ import annotations

from pathlib import Path

import click

from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import FORMATS, open_session, output_options, store_option


@click.command("lineage", cls=Command, short_help="what a thing came from, and what came from it")
@click.argument("thing", metavar="ELEMENT")
@click.option("--up", "direction", flag_value="up", default="up", help="What it came from; the default.")
@click.option("--down", "direction", flag_value="down", help="What came from it.")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="At most N steps away.")
@click.option("--until", metavar="TRANSFORMATION", help="Tell nothing that lies behind its tasks.")
@click.option("--dataflow", metavar="TAG", help="Where a set is looked for, if several dataflows have one of the name.")
@output_options(*FORMATS)
@store_option
def command(
    thing: str,
    direction: str,
    depth: int | None,
    until: str | None,
    dataflow: str | None,
    format: str | None,
    output: Path | None,
    store: Path | None,
) -> None:
    """Tell what ELEMENT came from, or what came from it, across tasks, runs and dataflows, the nearest first.

    ELEMENT is a row of a set (otrainingmodel:1, or DATAFLOW.otrainingmodel:1), a file by its path or its SHA-256, a
    run, a thing of an imported document (its IRI, or ex:chart as the document has it), or an id that an earlier answer
    gave. The same content under another name is the same thing.

        dlprov lineage otestingmodel:1
        dlprov lineage data/train.csv --down
        dlprov lineage last --until SplitData
    """
    # Late: only this command needs it.
    from dlprov.graph.lineage import trace  # noqa: PLC0415

    found = trace(open_session(store), thing, direction=direction, depth=depth, until=until, dataflow=dataflow)
    _output.write(found, _output.chosen(format, output), output)
