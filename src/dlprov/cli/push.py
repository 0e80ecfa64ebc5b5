"""``dlprov push``: what a store holds into a graph database."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dlprov.cli import cells
from dlprov.cli.help import Command
from dlprov.cli.options import configuration, open_session, store_option
from dlprov.cli.progress import counted
from dlprov.graph.neo4j import Pushed, push
from dlprov.graph.property_graph import property_graph
from dlprov.graph.selection import chosen, stated


@click.command("push", cls=Command, short_help="write runs to a graph database such as Neo4j")
@click.argument("url")
@click.argument("runs", nargs=-1, metavar="[RUN…]")
@click.option("--dataflow", metavar="TAG", help="All runs of this dataflow. Default: everything.")
@click.option("--user", metavar="NAME", help="Default: NEO4J_USERNAME, else neo4j.")
@click.option(
    "--password-file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="A file with the password, or - for stdin. Default: NEO4J_PASSWORD.",
)
@click.option("--database", metavar="NAME", help="Default: the server's own.")
@store_option
def command(
    url: str,
    runs: tuple[str, ...],
    dataflow: str | None,
    user: str | None,
    password_file: Path | None,
    database: str | None,
    store: Path | None,
) -> None:
    """Write the graph of each RUN, or of everything, to the graph database at URL.

    It needs pip install 'dlprov[neo4j]'. URL is that of Neo4j's Bolt protocol. A RUN may also be an imported document.
    Pushing the same again adds nothing, and brings what has changed up to date; what the database holds beside it
    stays.

        dlprov push bolt://localhost:7687 last
        dlprov push neo4j+s://graphs.example.org --dataflow mnist --user alice --password-file secret
    """
    settings = configuration(store)
    password = settings.neo4j_password if password_file is None else _password(password_file)
    if not password:
        raise click.UsageError("a password was expected, got none: give --password-file FILE, or set NEO4J_PASSWORD")
    session = open_session(store)
    selection = chosen(session, runs, dataflow)
    with counted(f"writing to {url}") as progress:
        pushed = push(
            property_graph(stated(session, selection)),
            url,
            user=user or settings.neo4j_user,
            password=password,
            database=database,
            progress=lambda done: progress(_counts(done)),
        )
    counts = [(len(selection.runs), "run"), (len(selection.documents), "document")]
    what = " and ".join(cells.counted(number, word) for number, word in counts if number) or "nothing"
    click.echo(f"{what}: {_counts(pushed)} are in the database")


def _password(path: Path) -> str:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise click.UsageError(f"a file with a password was expected, got {path} ({reason})") from None
    return text.rstrip("\r\n")


def _counts(pushed: Pushed) -> str:
    return f"{cells.counted(pushed.nodes, 'node')} and {cells.counted(pushed.relationships, 'relationship')}"
