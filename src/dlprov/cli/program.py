"""The program ``dlprov``: its commands, and what it says and returns when something goes wrong.

Exit status: 0; 1 for a failure; 2 for a command line that cannot be understood; 130 after Ctrl-C; 141 if whoever reads
the output stopped reading. A user's mistake is a message on stderr, never a traceback.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any, NoReturn

import click

from dlprov._version import __version__
from dlprov.errors import DlprovError

COMMANDS = (
    "demo",
    "run",
    "serve",
    "runs",
    "show",
    "query",
    "ask",
    "lineage",
    "graph",
    "shell",
    "export",
    "push",
    "validate",
    "import",
    "deliver",
    "verify",
    "index",
    "doctor",
)
"""The commands, in the order in which the help lists them. Each is the function ``command`` of its module here."""

INTERRUPTED = 130
PIPE_CLOSED = 141


class Failure(click.ClickException):
    """A message for a person, and exit status 1."""

    def show(self, file: Any = None) -> None:
        """Write the message to stderr."""
        click.echo(f"dlprov: {self.format_message()}", file=file, err=file is None)


class Program(click.Group):
    """The group of all commands. A command's module is loaded when it is called: each brings only what it needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        # Late, and by name: see the docstring of the class.
        module = "imports" if cmd_name == "import" else cmd_name  # a keyword is no name of a module
        found: click.Command = importlib.import_module(f"dlprov.cli.{module}").command
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises on purpose becomes a message and an exit status."""
        try:
            return super().invoke(ctx)
        except DlprovError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            click.echo(err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # What is still buffered would raise the same again when the interpreter flushes it at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise click.exceptions.Exit(PIPE_CLOSED) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dlprov", message="%(prog)s %(version)s")
def program() -> None:
    """Provenance for deep learning: who trained which model from what, and how it went.

    Start with: dlprov demo
    """


def main() -> NoReturn:
    """Run the command that ``sys.argv`` names, and end the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name in the store may hold letters that the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    program.main(prog_name="dlprov")
    raise AssertionError("click ends the process")
