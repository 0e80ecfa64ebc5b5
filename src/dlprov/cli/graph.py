"""``dlprov graph``: a question in Cypher."""

from __future__ import annotations

from pathlib import Path

import click

from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import FORMATS, open_session, output_options, store_option
from dlprov.cli.progress import counted
from dlprov.graph.cypher.notation import readable
from dlprov.graph.cypher.question import MOST_ROWS, SECONDS, ask


@click.command("graph", cls=Command, short_help="ask the provenance graph in Cypher")
@click.argument("cypher")
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="RUN",
    help="A run or an imported document to ask; repeatable.",
)
@click.option("--dataflow", metavar="TAG", help="All runs of this dataflow. Default: everything.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=MOST_ROWS, metavar="N", help=f"At most N rows. Default: {MOST_ROWS}."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=SECONDS,
    metavar="SECONDS",
    help=f"How long the answer may take. Default: {SECONDS:g}.",
)
@output_options(*FORMATS)
@store_option
def command(
    cypher: str,
    runs: tuple[str, ...],
    dataflow: str | None,
    limit: int,
    timeout: float,
    format: str | None,
    output: Path | None,
    store: Path | None,
) -> None:
    """Ask the provenance graph of runs and imported documents in Cypher, without a server.

    It needs pip install 'dlprov[cypher]'.

    Nodes are Entity, Activity or Agent; relationships used, wasGeneratedBy, wasDerivedFrom, wasInformedBy, … Keys have
    their prefix and stand in backticks, which a shell leaves alone between single quotes.

        dlprov graph 'MATCH (n) RETURN n LIMIT 25'
        dlprov graph 'MATCH (b:Entity)-[:wasGeneratedBy]->(c:Activity) RETURN avg(b.`dlprov:loss`)' --run last

    Paths of any length ([*]) can be more than there is time for: an answer is cut after N rows, and stopped after
    SECONDS.
    """
    kind = _output.chosen(format, output)
    session = open_session(store)
    with counted("asking the graph"):
        told: list[str] = []
        found = ask(
            session,
            cypher,
            runs=runs,
            dataflow=dataflow,
            limit=limit,
            seconds=timeout,
            tell=told.append,
        )
    for message in told:
        click.echo(f"dlprov: note: {message} (--limit)", err=True)
    _output.write(readable(found) if kind == "table" else found, kind, output)
