"""``dlprov doctor``: is everything as it should be?"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import duckdb

from dlprov._version import __version__
from dlprov.cli import cells, tables
from dlprov.cli.help import Command
from dlprov.cli.options import configuration, open_session, store_option
from dlprov.errors import DlprovError
from dlprov.log import events, layout
from dlprov.store.placement import is_on_network

if TYPE_CHECKING:
    from dlprov.query import Session

FEW_BYTES = 500_000_000
"""With less free space than this, a long training may not be recorded to its end."""

SHOWN = 5
"""How many of many findings of one kind are listed."""

PACKAGES = ("duckdb", "msgspec", "keras", "jax", "torch", "tensorflow", "pyarrow", "pandas", "polars")


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and whether it needs attention."""

    what: str
    found: str
    level: Literal["ok", "note", "attention"] = "ok"


@click.command("doctor", cls=Command, short_help="is everything as it should be?")
@store_option
def command(store: Path | None) -> None:
    """Look at the store, its index, its logs and this installation, and say what needs attention.

    The exit status is 1 if something does. Notes are worth knowing and no fault. Nothing but the index is changed.
    """
    findings = list(_examine(store))
    look = tables.look_of_stdout()
    marks = {"ok": click.style("ok", fg="green"), "note": "note", "attention": click.style("!", fg="red", bold=True)}
    widths = {"ok": 2, "note": 4, "attention": 1}
    room = None if look.width is None else max(20, look.width - 24)
    for finding in findings:
        for number, line in enumerate(tables.wrapped(cells.printable(finding.found), room)):
            mark = marks[finding.level] + " " * (6 - widths[finding.level]) if number == 0 else " " * 6
            name = f"{finding.what:<16}" if number == 0 else " " * 16
            click.echo(f"{mark}{name}{line}".rstrip())
    count = sum(finding.level == "attention" for finding in findings)
    if count:
        click.echo(f"\n{count} {'thing needs' if count == 1 else 'things need'} attention: see the lines with !")
        raise click.exceptions.Exit(1)
    click.echo("\nnothing needs attention")


def _examine(store: Path | None) -> Iterator[Finding]:
    found = configuration(store)
    place = found.store
    yield Finding("store", f"{place} ({_source(store)})")
    yield from _directory(place)
    yield from _switches(disabled=found.disabled, fingerprint=found.fingerprint)
    try:
        yield from _index(open_session(store))
    except DlprovError as error:
        yield Finding("index", str(error), "attention")
    yield from _left_over(place)
    yield Finding("versions", ", ".join(_versions()))


def _source(store: Path | None) -> str:
    if store is not None:
        return "from --store"
    return (
        "from DLPROV_STORE" if os.environ.get("DLPROV_STORE") else "the user's data directory: DLPROV_STORE is not set"
    )


def _directory(place: Path) -> Iterator[Finding]:
    """Whether the directory can be used, and how much room is there."""
    if place.exists() and not place.is_dir():
        found = f"{place} is a file, and a directory was expected: set DLPROV_STORE to another place"
        yield Finding("directory", found, "attention")
        return
    there = next(path for path in (place, *place.parents) if path.exists())
    if not _can_be_written(there):
        if place.exists():
            yield Finding("directory", "read-only for you: its runs can be asked; yours go elsewhere", "note")
        else:
            found = f"it is not there, and {there} cannot be written: trainings of yours are not recorded there. "
            yield Finding("directory", found + "Set DLPROV_STORE to a directory of yours", "attention")
    elif not place.exists():
        yield Finding("directory", "not there yet: the first run makes it", "note")
    else:
        yield Finding("directory", "can be written")
    free = shutil.disk_usage(there).free
    few = free < FEW_BYTES
    advice = ": a full disk ends the recording, not the training. Make room" if few else ""
    yield Finding("free space", f"{cells.size(free)}{advice}", "attention" if few else "ok")
    if is_on_network(there):
        found = (
            "the store is on a network file system: its index lives in your cache directory, and a writer on another "
        )
        yield Finding("network", found + "machine is called lost after it was silent for a minute", "note")


def _can_be_written(directory: Path) -> bool:
    """Whether a file can be made there; permissions do not tell, least of all to root."""
    try:
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def _switches(*, disabled: bool, fingerprint: bool) -> Iterator[Finding]:
    if disabled:
        yield Finding(
            "capture", "DLPROV_DISABLE is set: nothing is captured. Unset it to record trainings", "attention"
        )
    if not fingerprint:
        yield Finding("fingerprints", "DLPROV_FINGERPRINT is off: training data are described, not hashed", "note")


def _index(session: Session) -> Iterator[Finding]:
    """The index, and what it tells of the runs."""
    index = session.index
    keeper = index.keeper()
    if keeper is not None:
        yield Finding("service", f"{str(keeper).removeprefix('the service ')} keeps the index and answers for it")
    if index.store.exists() and index.path is None:
        found = (
            "neither the store nor the cache directory can be written: the index is built in memory for each question"
        )
        yield Finding("index", f"{found}. Set DLPROV_CACHE to a directory of yours", "attention")
    elif index.path is not None:
        try:
            taken = session.refresh()
        except (duckdb.Error, OSError) as error:
            found = f"{index.path} cannot be written ({str(error).partition(chr(10))[0]}): make room or remove it"
            yield Finding("index", found, "attention")
        else:
            state = f"was {cells.size(taken)} of logs behind, is up to date now" if taken else "up to date"
            yield Finding("index", f"{index.path}, {cells.size(index.path.stat().st_size)}, {state}")
    yield from _runs(session)
    yield from _logs(session)
    yield from _problems(session)


def _runs(session: Session) -> Iterator[Finding]:
    counted = session.ask("SELECT status, count(*) FROM public.run GROUP BY status ORDER BY status").rows()
    total = sum(count for _, count in counted)
    detail = ", ".join(f"{count:,} {status}" for status, count in counted)
    yield Finding("runs", f"{total:,}: {detail}" if total else "none yet: dlprov demo makes some")
    lost = session.ask(
        "SELECT run_id, dataflow, last_seen FROM public.run WHERE status = 'lost' ORDER BY last_seen DESC"
    ).rows()
    if lost:
        named = _several([f"{cells.short_id(run)} of {dataflow!r} at {_minute(seen)}" for run, dataflow, seen in lost])
        found = (
            f"{len(lost):,} ended without saying so (killed, or the machine stopped); all they wrote is kept: {named}"
        )
        yield Finding("lost runs", found, "note")


def _logs(session: Session) -> Iterator[Finding]:
    """Logs that could not be read as a whole, the reasons apart."""
    bad = session.ask('SELECT run_id, writer, "position", reason FROM public.log_problem ORDER BY ALL').rows()
    newer = sorted({(run, writer) for run, writer, _, reason in bad if reason.startswith("written in format ")})
    if newer:
        named = _several([f"{run}/{writer}{layout.SUFFIX}" for run, writer in newer])
        found = f"{len(newer):,} written by a newer dlprov than this one, which reads format {events.FORMAT}"
        yield Finding("newer logs", f"{found}: update dlprov to see them ({named})", "attention")
    corrupt = [row for row in bad if (row[0], row[1]) not in newer]
    if corrupt:
        named = _several(
            [f"{run}/{writer}{layout.SUFFIX}, byte {position}: {reason}" for run, writer, position, reason in corrupt]
        )
        found = (
            f"{len(corrupt):,} lines cannot be read and were left out; all others count. dlprov verify RUN tells more"
        )
        yield Finding("damaged logs", f"{found}\n{named}", "attention")


def _problems(session: Session) -> Iterator[Finding]:
    """What capture could not record."""
    rows = session.ask(
        """
        SELECT place, message, count(*), arg_max(run_id, "time"), max("time")
        FROM public.problem GROUP BY place, message ORDER BY max("time") DESC
        """
    ).rows()
    if not rows:
        return
    total = sum(row[2] for row in rows)
    named = _several(
        [
            f"{message} ({place}, run {cells.short_id(run)}, {_minute(at)}{f', {count:,} times' if count > 1 else ''})"
            for place, message, count, run, at in rows
        ]
    )
    found = f"{total:,} {'thing was' if total == 1 else 'things were'} not recorded; the trainings were not affected"
    yield Finding("capture", f"{found}\n{named}", "attention")


def _left_over(place: Path) -> Iterator[Finding]:
    """Runs that were recorded in the temporary directory, since their store could not be used."""
    fallback = layout.temporary_store()
    if fallback.resolve() == place.resolve():
        return
    count = sum(1 for _ in layout.run_directories(fallback))
    if count:
        found = (
            f"{count:,} {'run was' if count == 1 else 'runs were'} recorded there, since the store could not be used"
        )
        copy = f"cp -rn {fallback / 'runs'} {place} && rm -r {fallback}"
        yield Finding("left over", f"{fallback}: {found}. To keep them:\n{copy}", "attention")


def _versions() -> Iterator[str]:
    yield f"dlprov {__version__}"
    yield f"Python {platform.python_version()} ({sys.executable})"
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _minute(at: object) -> str:
    return str(cells.text_of(at, brief=True))


def _several(items: list[str]) -> str:
    more = [f"and {len(items) - SHOWN:,} more"] if len(items) > SHOWN else []
    separator = "\n" if any(" " in item and len(item) > 60 for item in items) else ", "
    return separator.join([*items[:SHOWN], *more])
