"""``dlprov index``: bring the index up to date, or build it anew."""

from __future__ import annotations

import time
from pathlib import Path

import click
import duckdb

from dlprov.cli import cells
from dlprov.cli.help import Command
from dlprov.cli.options import open_session, store_option
from dlprov.cli.progress import bar
from dlprov.errors import StoreError


@click.command("index", cls=Command, short_help="bring the index up to date, or build it anew")
@click.option("--rebuild", is_flag=True, help="Throw the index away and build it from the run logs.")
@store_option
def command(rebuild: bool, store: Path | None) -> None:
    """Bring the index up to date with the run logs.

    Every question does that by itself; here it shows how far it is. The index holds nothing that the logs do not:
    --rebuild is always safe.
    """
    session = open_session(store)
    index = session.index
    if not index.store.exists():
        raise StoreError(
            f"there is no store {index.store}: name one with --store or DLPROV_STORE; a first run makes it"
        )
    if index.path is None:
        click.echo(
            f"neither {index.store} nor the cache directory can be written: the index is built in memory for each "
            "question. Set DLPROV_CACHE to a directory of yours",
            err=True,
        )
        return
    began = time.monotonic()
    with bar("indexing") as progress:
        try:
            taken = session.rebuild(progress) if rebuild else session.refresh(progress)
        except (duckdb.Error, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise StoreError(
                f"the index {index.path} cannot be written ({reason}); the run logs are as they were"
            ) from None
    took = cells.duration(time.monotonic() - began)
    said = f"{cells.size(taken)} of run logs taken in, in {took}" if taken else "there was nothing new"
    click.echo(f"{index.path} is {'built anew' if rebuild else 'up to date'}: {said}")
