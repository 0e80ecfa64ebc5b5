"""``dlprov demo``: the bundled example, trained and asked."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from dlprov.cli import cells, tables
from dlprov.cli import output as _output
from dlprov.cli.help import Command
from dlprov.cli.options import configuration, open_session, store_option
from dlprov.errors import DlprovError, UsageError

LOOKS_EVERY = 1.0
"""Seconds between two looks at the store while the example trains."""

MEASURED = ("loss", "accuracy", "val_accuracy")
"""What :data:`dlprov.demo.PROGRESS` asks for behind the epoch."""


@click.command("demo", cls=Command, short_help="train the bundled example and show what was captured")
@store_option
def command(store: Path | None) -> None:
    """Train the bundled example and show what was captured. It takes about a minute.

    An AlexNet-style network in Keras learns to read handwritten digits, once with and once without a filter in the
    preprocessing. The lines that appear while it trains, and the tables at the end, are answers from the store.
    """
    _need_packages()
    found = configuration(store)
    place = found.store
    # For the training below, which is a user's script and finds its store like one.
    os.environ["DLPROV_STORE"] = str(place)
    checkpoints = found.cache / "demo"
    try:
        checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the demo keeps its checkpoints in {checkpoints}, which cannot be made ({error.strerror}): "
            "set DLPROV_CACHE to a directory of yours"
        ) from None
    # Late: it is of no use to other commands.
    from dlprov import demo  # noqa: PLC0415

    began = time.monotonic()
    since = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    click.echo(f"Recording into {place}")
    click.echo("Loading Keras and 1,797 images of handwritten digits …")
    digits = demo.load()
    for number, name in enumerate(demo.FILTERS, 1):
        title = f"Training {number} of {len(demo.FILTERS)}, filter {name}, epochs 0 to {demo.EPOCHS - 1}"
        _title(title)
        with _progress(place, demo.DATAFLOW, demo.PROGRESS):
            demo.train(digits, name, checkpoints)
    session = open_session(place)
    session.use(demo.DATAFLOW)
    for question in demo.questions(since):
        _title(question.text)
        for line in question.sql.splitlines():
            click.secho(f"  {line}", dim=True)
        click.echo()
        answer = session.ask(question.sql)
        _output.write_lines(list(tables.lines(_output.columns_of(answer, brief=True), tables.look_of_stdout())))
        if not len(answer):
            raise DlprovError(
                "an answer was expected, got no rows: what the demo recorded cannot be read; see dlprov doctor"
            )
    _tell_what_next(store, demo.DATAFLOW, cells.duration(time.monotonic() - began))


def _need_packages() -> None:
    """Choose the backend, and make sure that everything is there before anything begins.

    Raises:
        UsageError: A package is missing.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    # The backends' words about processors and instructions would stand between the lines of the demo.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if backend != "tensorflow":
        # Keras imports TensorFlow wherever it is installed, which then speaks of this option if it is on.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    names = {"keras": "keras", "scikit-learn": "sklearn", backend: backend}
    missing = [name for name, module in names.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(f"the demo needs {', '.join(missing)}, which is not installed: pip install 'dlprov[demo]'")


@contextmanager
def _progress(place: Path, dataflow: str, sql: str) -> Iterator[None]:
    """Say from another thread how far the training is that begins now, as the store tells it."""
    done = threading.Event()
    now = datetime.now(UTC).replace(tzinfo=None)
    watching = threading.Thread(target=_watch, args=(place, dataflow, sql, now, done), name="dlprov-demo", daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
        if sys.stdout.isatty():
            click.echo()


def _watch(place: Path, dataflow: str, sql: str, since: datetime, done: threading.Event) -> None:
    """Print each epoch as soon as the store has it: on a terminal in place of the one before."""
    is_terminal = sys.stdout.isatty()
    if is_terminal:
        click.echo("  compiling the network …", nl=False)
    shown = 0
    last = False
    while not last:
        # Once more after the end: the last epoch may have come since the last look.
        last = done.wait(LOOKS_EVERY)
        try:
            session = open_session(place)
            session.use(dataflow)
            rows = session.ask(sql, {"since": since}).rows()
        except DlprovError:
            continue  # before the first epoch there is no such table
        for epoch, *numbers in rows[shown:]:
            measured = zip(MEASURED, numbers, strict=True)
            line = "  ".join([f"  epoch {int(epoch)}", *(f"{name} {number:.4f}" for name, number in measured)])
            click.echo(f"\r{line}\x1b[K" if is_terminal else line, nl=not is_terminal)
        shown = len(rows)


def _tell_what_next(store: Path | None, dataflow: str, took: str | None) -> None:
    _title(f"That took {took}. What to type next:")
    if shutil.which("dlprov") is None:
        # make demo runs it from an environment that the person's shell does not know yet.
        click.echo(f"  . {shlex.quote(os.path.relpath(Path(sys.prefix, 'bin', 'activate')))}")
    if store is not None:
        click.echo(f"  export DLPROV_STORE={shlex.quote(str(store.absolute()))}")
    next_ones = (
        ("runs", "what ran"),
        ("show last", "one run in full: settings, layers, epochs, files, data"),
        ("runs --best val_accuracy", "which settings were the best"),
        (f"""query 'FROM "{dataflow}".otrainingmodel'""", "any question, in SQL"),
        ("shell", "question after question; \\d lists the tables"),
        ("verify --all", "was anything changed since?"),
    )
    longest = max(len(words) for words, _ in next_ones)
    for words, meaning in next_ones:
        click.echo(f"  dlprov {words:<{longest}}  {meaning}")


def _title(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)
