"""Progress of work on bytes, and of work that has no known end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, if that is a terminal. Gives what to call with the bytes done and the bytes in all."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    # Late: only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    shown = (TextColumn(escape(what)), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as display:
        task = display.add_task(what, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)


@contextmanager
def counted(what: str) -> Iterator[Callable[[str], None]]:
    """A moving sign on stderr, if that is a terminal. Gives what to call with how far the work is, in words."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    # Late: only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415

    with Console(stderr=True).status(escape(what)) as status:
        yield lambda done: status.update(escape(f"{what}: {done}"))
