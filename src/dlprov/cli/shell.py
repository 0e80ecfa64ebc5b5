"""``dlprov shell``: questions one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlprov._version import __version__
from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import configuration, open_session, say_if_empty, store_option
from dlprov.errors import DlprovError
from dlprov.query import description, statements
from dlprov.query.dump import dump

if TYPE_CHECKING:
    from dlprov.query import Session

HELP = """\
SQL ends with a semicolon and may go over several lines.
  SET SCHEMA "tag";   know the sets of a dataflow without their schema
  SET SCHEMA public;  back
  \\dn                 the dataflows
  \\d                  the tables and views of the current schema
  \\d NAME             the columns of a table or view
  \\dt and \\dv         only the tables, only the views
  \\D                  a dump: DfAnalyzer's tables and the sets, as SQL for MonetDB and dlprov import
  \\D NAME             a dump of one table or view
  \\? or \\h            this help
  \\q or Ctrl-D        leave
Ctrl-C throws away what was typed, or stops the question that is being answered.
Try: SELECT dataflow, status, count(*) FROM run GROUP BY ALL;"""

_KINDS = {"\\d": "", "\\dt": "table", "\\dv": "view"}

HISTORY = "shell_history"
HISTORY_LENGTH = 2000


@click.command("shell", cls=Command, short_help="ask, question after question")
@store_option
def command(store: Path | None) -> None:
    r"""Ask in SQL, question after question; each sees everything recorded before it.

    \? lists the commands, \d the tables. From a pipe it answers one statement after the other: a mistake does not
    end it, and makes the exit status 1.
    """
    session = open_session(store)
    if not sys.stdin.isatty():
        raise click.exceptions.Exit(0 if _answer_all(session) else 1)
    click.echo(f"dlprov {__version__}, store {session.index.store}. \\? helps, \\q leaves.")
    if not len(session.ask("SELECT 1 FROM public.run LIMIT 1")):
        say_if_empty(session)
    with _history(configuration(store).cache / HISTORY):
        _converse(session)


def _answer_all(session: Session) -> bool:
    """Answer stdin; false if there was a mistake. The last statement needs no semicolon."""
    reader = _Reader(session)
    for line in sys.stdin.buffer:
        if reader.left:
            break
        reader.take(line.decode("utf-8", "replace"))
    if not reader.left and reader.waiting.strip():
        reader.take(";")
    return not reader.mistakes


def _converse(session: Session) -> None:
    """Ask a person at a terminal until they leave."""
    reader = _Reader(session)
    while not reader.left:
        name = "dlprov" if session.schema == "public" else session.schema
        try:
            reader.take(input("." * len(name) + "> " if reader.waiting else f"{name}> ") + "\n")
        except KeyboardInterrupt:
            click.echo()
            reader.waiting = ""
        except EOFError:
            click.echo()
            return


class _Reader:
    r"""Puts lines together to statements and backslash commands, and answers them.

    Attributes:
        waiting: What was typed of a statement that has no semicolon yet.
        left: Whether ``\q`` was typed.
        mistakes: How many statements could not be answered.
    """

    def __init__(self, session: Session) -> None:
        self.waiting = ""
        self.left = False
        self.mistakes = 0
        self._session = session

    def take(self, line: str) -> None:
        """The next line, its newline included. Ctrl-C while an answer is made stops that answer."""
        complete, rest = statements.typed(self.waiting + line)
        self.waiting = ""
        try:
            for statement in complete:
                self._answer(statement)
            # A backslash begins no SQL. Up to the end of its line it is a command, a semicolon at the end included.
            if rest.lstrip().startswith("\\"):
                self._answer(rest)
            elif rest.strip():
                self.waiting = rest
        except KeyboardInterrupt:
            click.echo("\ndlprov: stopped", err=True)
            self.mistakes += 1

    def _answer(self, statement: str) -> None:
        if self.left:
            return
        try:
            if not statement.lstrip().startswith("\\"):
                _output.write(self._session.ask(statement), "table", None)
            elif statement.strip() in {"\\q", "\\quit"}:
                self.left = True
            else:
                _obey(self._session, statement.strip())
        except DlprovError as error:
            click.echo(f"dlprov: {error}", err=True)
            self.mistakes += 1


def _obey(session: Session, order: str) -> None:
    word, _, rest = order.partition(" ")
    name = rest.strip()
    if word in {"\\?", "\\h"}:
        click.echo(HELP)
    elif word == "\\dn":
        _output.write(description.schemas(session), "table", None)
    elif word == "\\d" and name:
        _output.write(description.columns(session, name), "table", None)
    elif word in _KINDS:
        _output.write(description.tables(session, _KINDS[word]), "table", None)
    elif word == "\\D":
        for line in dump(session, name):
            click.echo(line)
    else:
        raise DlprovError(f"one of \\d, \\d NAME, \\dn, \\D, \\? and \\q was expected, got {word}")


@contextmanager
def _history(file: Path) -> Iterator[None]:
    """Keep what is typed for the next time, as far as the system can: no history is no mistake."""
    try:
        # Late: only a terminal needs it, and not every Python has it. Importing it makes input() edit lines.
        import readline  # noqa: PLC0415
    except ImportError:
        yield
        return
    with suppress(OSError):
        readline.read_history_file(file)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY_LENGTH)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(file)
