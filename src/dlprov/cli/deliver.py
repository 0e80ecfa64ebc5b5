"""``dlprov deliver``: deliver the messages to DfAnalyzer servers that trainings could not get rid of."""

from __future__ import annotations

from pathlib import Path

import click

from dlprov.cli.help import Command
from dlprov.cli.options import configuration, store_option


@click.command("deliver", cls=Command, short_help="deliver messages that wait for a DfAnalyzer server")
@click.option(
    "--url",
    metavar="URL",
    help="Only to this server, and with its user and password. Default: to every server that messages wait for.",
)
@store_option
def command(url: str | None, store: Path | None) -> None:
    """Deliver the messages that trainings with DFA_URL have left in the store.

    A training delivers while it runs, and what earlier ones left before its own; this is for those after which none
    comes. The exit status is 1 if some are left: the server is not there, or somebody else delivers them just now.

        dlprov deliver

        dlprov deliver --url http://dlprov:TOKEN@server:22000/
    """
    # Late: the clients of HTTP and TLS are for this command only.
    from dlprov.capture.dfanalyzer import outbox  # noqa: PLC0415
    from dlprov.capture.dfanalyzer.delivery import Delivery  # noqa: PLC0415
    from dlprov.capture.dfanalyzer.server import Server  # noqa: PLC0415

    place = configuration(store).store
    wanted = Server(url) if url else None
    left = 0
    for directory, origin in outbox.servers(place):
        if wanted is not None and wanted.origin != origin:
            continue
        if not any(map(outbox.waiting, directory.glob(f"*{outbox.QUEUE}"))):
            continue
        delivery = Delivery(wanted or Server(origin), place)
        delivery.deliver_left()
        remaining = sum(map(outbox.waiting, directory.glob(f"*{outbox.QUEUE}")))
        left += remaining
        click.echo(f"{origin}: {delivery.delivered} delivered, {delivery.rejected} rejected, {remaining} left")
        if delivery.rejected:
            click.echo(f"dlprov: what the server rejected is kept in {directory}", err=True)
    if left:
        raise click.exceptions.Exit(1)
