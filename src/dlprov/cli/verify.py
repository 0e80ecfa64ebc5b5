"""``dlprov verify``: was anything changed since it was recorded?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlprov.cli import cells, tables
from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import open_session, say_if_empty, store_option
from dlprov.cli.tables import Column
from dlprov.errors import NotFoundError
from dlprov.log import layout
from dlprov.log.seal import FileVerification, verify_run
from dlprov.query.questions import find_run

if TYPE_CHECKING:
    from dlprov.query import Session

BAD = ("altered", "unreadable")


@click.command("verify", cls=Command, short_help="was anything changed since it was recorded?")
@click.argument("run", required=False)
@click.option("--all", "every", is_flag=True, help="Every run of the store; lists only the files that are not sealed.")
@store_option
def command(run: str | None, every: bool, store: Path | None) -> None:
    """Compare the log files of RUN with their seals: is every byte as it was written?

    RUN is an id, its beginning or end, an execution tag, a name, or last. The verdict of a file is one of

        sealed      every byte is as it was written
        unsealed    bytes stand behind the last seal: the run still writes, or was killed
        altered     a seal does not match the bytes before it
        unreadable  lines are no events, or the file cannot be read

    The exit status is 1 if a file is altered or unreadable. An unsealed file is no failure.
    """
    if (run is None) != every:
        raise click.UsageError("a run or --all was expected: dlprov verify last")
    session = open_session(store)
    place = session.index.store
    chosen = list(layout.run_directories(place)) if run is None else [_directory(session, place, run)]
    if not chosen:
        say_if_empty(session)
        return
    statuses: dict[str, str] = dict(session.ask("SELECT run_id, status FROM public.run").rows())
    found = [(path.name, file) for path in _watched(chosen) for file in verify_run(path)]
    if not found:
        raise NotFoundError(f"the run {chosen[0].name} has no log files in {place}: they were moved or removed")
    shown = [(name, file) for name, file in found if not every or file.verdict != "sealed"]
    if shown:
        _output.write_lines(list(tables.lines(_columns(shown, statuses), tables.look_of_stdout())))
    counted = {verdict: sum(file.verdict == verdict for _, file in found) for verdict in ("sealed", "unsealed", *BAD)}
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in counted.items() if count)
    if every or len(found) > 1:
        click.echo(f"{cells.counted(len(found), 'file')} of {_what(chosen)}: {counts}")
    if any(counted[verdict] for verdict in BAD):
        raise click.exceptions.Exit(1)


def _what(directories: list[Path]) -> str:
    """How many runs, how many dataflows that are declared outside of them, and how many documents."""
    declared = sum(layout.is_declaration(path.name) for path in directories)
    documents = sum(layout.is_document(path.name) for path in directories)
    said = [(len(directories) - declared - documents, "run"), (declared, "declaration"), (documents, "document")]
    return " and ".join(cells.counted(count, word) for count, word in said if count)


def _directory(session: Session, store: Path, run: str) -> Path:
    """The directory of the run; also of one whose log is so damaged that the index knows nothing of it."""
    try:
        return layout.run_directory(store, find_run(session, run))
    except NotFoundError:
        name = run.lower()
        matching = [
            path for path in layout.run_directories(store) if path.name.startswith(name) or path.name.endswith(name)
        ]
        if not name or len(matching) != 1:
            raise
        return matching[0]


def _watched(directories: list[Path]) -> Iterator[Path]:
    """The directories, with a progress bar on a terminal if there are many."""
    if len(directories) < 10 or not sys.stderr.isatty():
        yield from directories
        return
    # Late: only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    yield from track(directories, "verifying", console=Console(stderr=True), transient=True)


def _columns(found: Iterable[tuple[str, FileVerification]], statuses: dict[str, str]) -> list[Column]:
    rows = list(found)
    return [
        Column("run", [cells.short_id(name) for name, _ in rows]),
        Column("file", [cells.printable(file.path.name) for _, file in rows]),
        Column("verdict", [file.verdict for _, file in rows]),
        Column("events", [f"{file.events:,}" for _, file in rows], right=True),
        Column("seals", [str(file.seals) for _, file in rows], right=True),
        Column("remark", [_remark(file, statuses.get(name)) for name, file in rows]),
    ]


def _remark(file: FileVerification, status: str | None) -> str:
    said = [cells.printable(problem) for problem in file.problems[:3]]
    if len(file.problems) > len(said):
        said.append(f"and {len(file.problems) - len(said):,} more")
    if file.unsealed_bytes:
        why = {"running": "the run is still writing", "lost": "the run was lost before it could seal them"}
        reason = why.get(status or "", "the writing process ended before it could seal them")
        said.append(f"{cells.size(file.unsealed_bytes)} unsealed: {reason}")
    elif file.verdict == "unsealed":
        said.append("there is no seal yet")
    if file.torn_bytes:
        said.append(f"the last line, {file.torn_bytes} bytes, is not complete")
    return "; ".join(said)
