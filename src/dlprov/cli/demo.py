"""``dlprov demo``: the bundled example, trained and asked."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from dlprov import settings
from dlprov.cli import cells, tables
from dlprov.cli import output as _output
from dlprov.cli.options import open_session, store_option
from dlprov.errors import DlprovError, UsageError

LOOKS_EVERY = 0.4
"""Seconds between two looks at the store while the example trains."""


@click.command("demo", short_help="train the bundled example and show what was captured")
@store_option
def command(store: Path | None) -> None:
    """Train the bundled example and show what was captured. It takes about a minute.

    An AlexNet-style network in Keras learns to read handwritten digits, once with and once without a filter in the
    preprocessing. The lines that appear while it trains, and the tables at the end, are answers from the store.
    """
    _need_packages()
    configuration = settings.load()
    place = (store if store is not None else configuration.store).expanduser()
    # For the training below, which is a user's script and finds its store like one.
    os.environ["DLPROV_STORE"] = str(place)
    checkpoints = configuration.cache / "demo"
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
        click.secho(f"\nTraining {number} of {len(demo.FILTERS)}, filter: {name}", bold=True)
        with _progress(place, demo.progress(datetime.now(UTC).replace(tzinfo=None)), demo.EPOCHS):
            demo.train(digits, name, checkpoints)
    session = open_session(place)
    session.use(demo.DATAFLOW)
    for question in demo.questions(since):
        click.secho(f"\n{question.text}", bold=True)
        click.secho("".join(f"  {line}\n" for line in question.sql.splitlines()), dim=True)
        answer = session.ask(question.sql)
        _output.write_lines(list(tables.lines(_output.columns_of(answer, brief=True), tables.look_of_stdout())))
        if not len(answer):
            raise DlprovError("an answer was expected, got no rows: what the demo recorded cannot be read; see dlprov doctor")
    _tell_what_next(store, demo.DATAFLOW, cells.duration(time.monotonic() - began))


def _need_packages() -> None:
    """Choose the backend, and make sure that everything is there before anything begins.

    Raises:
        UsageError: A package is missing.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    # The backends' words about processors and instructions would stand between the lines of the demo.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    names = {"keras": "keras", "scikit-learn": "sklearn", backend: backend}
    missing = [name for name, module in names.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(f"the demo needs {', '.join(missing)}, which is not installed: pip install 'dlprov[demo]'")


@contextmanager
def _progress(place: Path, sql: str, epochs: int) -> Iterator[None]:
    """Say from another thread how far the training is, as the store tells it."""
    done = threading.Event()
    watching = threading.Thread(target=_watch, args=(place, sql, epochs, done), name="dlprov-demo", daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
        if sys.stdout.isatty():
            click.echo()


def _watch(place: Path, sql: str, epochs: int, done: threading.Event) -> None:
    shown = 0
    last = False
    while not last:
        # Once more after the end: the last epoch may have come since the last look.
        last = done.wait(LOOKS_EVERY)
        try:
            rows = open_session(place).ask(sql).rows()
        except DlprovError:
            continue  # before the first epoch there is no such table
        for _, epoch, *numbers in rows[shown:]:
            values = [cells.text_of(round(number, 4)) for number in numbers]
            said = "  ".join(f"{name} {value:<6}" for name, value in zip(_MEASURED, values, strict=True))
            line = f"  epoch {int(epoch) + 1:>2} of {epochs}  {said}"
            click.echo(f"\r{line}" if sys.stdout.isatty() else line.rstrip(), nl=not sys.stdout.isatty())
        shown = len(rows)


_MEASURED = ("loss", "accuracy", "val_accuracy")


def _tell_what_next(store: Path | None, dataflow: str, took: str | None) -> None:
    option = f" --store {store}" if store is not None else ""
    schema = f'\\"{dataflow}\\"'
    click.secho(f"\nThat took {took}. What to type next:", bold=True)
    next_ones = (
        ("runs", "what ran"),
        ("show last", "one run in full: settings, layers, epochs, files, data"),
        ("runs --best val_accuracy", "which settings were the best"),
        (f'query "SELECT epoch_id, loss, val_loss FROM {schema}.otrainingmodel"', "any question, in SQL"),
        ("shell", "question after question; \\d lists the tables"),
        ("verify --all", "was anything changed since?"),
    )
    longest = max(len(words) for words, _ in next_ones)
    for words, meaning in next_ones:
        click.echo(f"  dlprov {words}{option}{' ' * (longest - len(words))}  {meaning}")
