"""The options that commands share, and the session with the store that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dlprov import settings

if TYPE_CHECKING:
    from dlprov.query import Session

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "csv", "json", "parquet")


def store_option(function: F) -> F:
    """``--store DIRECTORY``, passed as ``store``: a path, or ``None``."""
    return click.option(
        "--store",
        type=click.Path(path_type=Path),
        metavar="DIRECTORY",
        help="The store. Default: DLPROV_STORE, else the user's data directory.",
    )(function)


def output_options(*formats: str) -> Callable[[F], F]:
    """``--format``, one of ``formats`` or ``None``, and ``--output``, passed as ``format`` and ``output``."""

    def add(function: F) -> F:
        function = click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write to FILE; its suffix is the format, if none is given.",
        )(function)
        return click.option(
            "--format",
            type=click.Choice(formats),
            help="Default: table.",
        )(function)

    return add


def configuration(store: Path | None) -> settings.Settings:
    """The settings of this process, with the store that ``--store`` names."""
    found = settings.load()
    return found if store is None else replace(found, store=store.expanduser().absolute())


def open_session(store: Path | None) -> Session:
    """A session with the store that ``--store`` names.

    Raises:
        StoreError: It is a file.
    """
    # Late: `dlprov run` needs the options above, and a training process loads no database.
    from dlprov.query import Session  # noqa: PLC0415
    from dlprov.store import Index  # noqa: PLC0415

    found = configuration(store)
    index = Index(found.store, found.cache, lost_after=found.lost_after, tell=_tell)
    return Session(index)


def say_if_empty(session: Session) -> None:
    """Tell, on stderr, that the store holds no run, and how to get one."""
    click.echo(
        f"no runs yet in {session.index.store}: dlprov demo makes some, dlprov run SCRIPT captures yours", err=True
    )


def _tell(message: str) -> None:
    click.echo(f"dlprov: {message}", err=True)
