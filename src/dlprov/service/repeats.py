"""Messages that come twice, since the answer to the first one did not reach its client: stored once.

A client of ours numbers its messages: ``DLProv-Message: <client>:<number>``. The number is written into the run log in
one piece with the message, so that no kill comes between them, and nothing is remembered that a restart would lose.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from dlprov.capture.dfanalyzer.files import ExecutionFile
from dlprov.errors import LogFormatError
from dlprov.log import events
from dlprov.log.identifiers import execution_run_id
from dlprov.log.layout import log_files, run_directory
from dlprov.service.errors import RefusedError

REMEMBERED = 10_000
"""Executions whose clients are kept in memory; those of others are looked up again."""

_HEADER = re.compile(r"([\w.-]{1,64}):([0-9]{1,18})", re.ASCII)
_MARK = b'{"event":"received"'


class Label(NamedTuple):
    """What a client calls one of its messages."""

    client: str
    number: int


_label: ContextVar[Label | None] = ContextVar("label", default=None)
"""Of the message that this thread records."""


class LabelledFile(ExecutionFile):
    """An execution's file in which each message is followed by its label.

    Once the disk has refused something, the file is closed: the recorder begins another one when it takes more.

    Raises:
        OSError: The file cannot be made.
    """

    def write(self, lines: bytes) -> None:
        """Append whole lines, and the label of the message that they are, in one piece.

        Raises:
            OSError: The disk did not take them all, or the file was removed: then none of them is stored.
        """
        label = _label.get()
        if label is not None:
            lines += events.encode(events.Received(events.now(), label.client, label.number))
        try:
            # Also tells that the file is still there: what goes into a removed one is lost with it.
            size = os.stat(self.path).st_size  # noqa: PTH116 - a third of the time, for each message
        except OSError:
            self._writer.seal()
            raise
        try:
            super().write(lines)
        except OSError:
            # The client will send it again: a part that is left would be there twice.
            with suppress(OSError):
                os.truncate(self.path, size)
            self._writer.seal()
            raise


class Repeats:
    """Knows the last message of each client in each execution. Methods may be called by any thread."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[str, str], dict[str, int]] = OrderedDict()

    def has(self, dataflow: str, execution: str, label: Label) -> bool | None:
        """Whether the message was stored; ``None``: :meth:`learn` must come first."""
        known = self._last.get((dataflow, execution))
        return None if known is None else label.number <= known.get(label.client, -1)

    def learn(self, dataflow: str, execution: str) -> None:
        """Read what came to an execution before: all of its files, which may take a while."""
        found: dict[str, int] = {}
        for path in log_files(run_directory(self._store, execution_run_id(dataflow, execution or dataflow))):
            with path.open("rb") as file:
                for line in file:
                    if line.startswith(_MARK):
                        _note(found, line)
        with self._lock:
            known = self._last.setdefault((dataflow, execution), found)
            for client, number in found.items():
                known[client] = max(number, known.get(client, number))
            while len(self._last) > REMEMBERED:
                self._last.popitem(last=False)

    @contextmanager
    def storing(self, dataflow: str, execution: str, label: Label) -> Iterator[None]:
        """While the block runs, this thread records the message; afterwards it is stored, unless the block raises."""
        token = _label.set(label)
        try:
            yield
        finally:
            _label.reset(token)
        known = self._last.get((dataflow, execution))
        if known is not None:  # else it was forgotten just now, and is read again when it is asked for
            known[label.client] = label.number


def label_of(header: str) -> Label:
    """The label in a ``DLProv-Message`` header.

    Raises:
        RefusedError: It holds none.
    """
    found = _HEADER.fullmatch(header)
    if found is None:
        raise RefusedError(400, f"CLIENT:NUMBER was expected as DLProv-Message, got {header[:80]!r}")
    return Label(found[1], int(found[2]))


def _note(found: dict[str, int], line: bytes) -> None:
    try:
        event = events.decode(line)
    except LogFormatError:  # torn by a kill: the message was not answered
        return
    if isinstance(event, events.Received):
        found[event.client] = max(event.number, found.get(event.client, event.number))
