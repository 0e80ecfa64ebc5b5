"""``dlprov run``: a script with capture on."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dlprov.capture.script import run_script
from dlprov.cli.help import Command
from dlprov.cli.options import store_option
from dlprov.cli.program import INTERRUPTED


@click.command(
    "run",
    cls=Command,
    short_help="run a script with capture on",
    # Whatever stands behind SCRIPT is the script's, options included.
    context_settings={"allow_interspersed_args": False},
)
@click.option("--dataflow", default="", metavar="TAG", help="The dataflow's tag. Default: the script's name.")
@store_option
@click.argument("script", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def command(dataflow: str, store: Path | None, script: Path, args: tuple[str, ...]) -> None:
    """Run an unmodified SCRIPT with capture on; everything behind SCRIPT is passed to it.

    Every Keras model that it trains is recorded, in a run that is a child of the script's own. The exit status is the
    script's.

        dlprov run train.py --epochs 10
        dlprov run --dataflow mnist train.py
    """
    try:
        run_script(script, args, dataflow=dataflow, store=store)
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        _show(error)
        raise SystemExit(INTERRUPTED) from None
    except BaseException as error:  # noqa: BLE001 - it is the script's, and ends the script as Python ends it
        _show(error)
        raise SystemExit(1) from None


def _show(error: BaseException) -> None:
    """The traceback as Python shows it: it begins with the script, so without the frame of ``command``."""
    trace = error.__traceback__.tb_next if error.__traceback__ is not None else None
    # Through the hook: the script may have set one of its own.
    sys.excepthook(type(error), error.with_traceback(trace), trace)
