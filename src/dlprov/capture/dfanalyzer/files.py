"""The log file of an execution whose tasks other processes report, such as the clients of a service."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dlprov._version import __version__
from dlprov.log import events
from dlprov.log.identifiers import execution_run_id
from dlprov.log.layout import run_directory
from dlprov.log.writer import Writer

if TYPE_CHECKING:
    from dlprov.capture.dfanalyzer.execution import Execution

KIND = "dfanalyzer"
"""The kind of runs that DfAnalyzer's clients report."""

REST_SECONDS = 5.0
"""How long nothing must come before an execution whose tasks have all ended counts as finished."""

CLOSE_SECONDS = 60.0
"""How long nothing must come before a file is sealed and closed; the next message opens it again."""


class ExecutionFile:
    """One execution's file of this process. The disk takes each message before :meth:`write` returns.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, store: Path, dataflow: str, execution: str) -> None:
        run_id = execution_run_id(dataflow, execution)
        self._writer = Writer(
            run_directory(store, run_id), run_id, package_version=__version__, strict=True, heartbeat=False
        )
        try:
            self._writer.append(events.Run(events.now(), dataflow, execution=execution, kind=KIND))
        except OSError:
            self._writer.seal()
            raise
        self._lock = threading.Lock()
        self._last = 0
        self._is_open = True

    @property
    def path(self) -> Path:
        """The file."""
        return self._writer.path

    def write(self, lines: bytes) -> None:
        """Append whole lines in one piece.

        Raises:
            OSError: The disk did not take them all.
        """
        self._is_open = True
        self._writer.write(lines)

    def next_element(self, count: int) -> int:
        """The first of ``count`` numbers for elements that this file has not used."""
        with self._lock:
            first = self._last + 1
            self._last += count
            return first

    def rest(self, execution: Execution, now: float) -> None:
        """End the run if it is complete and rests, close the file if it rests for long; ``now`` in seconds."""
        quiet = now - execution.touched
        if quiet > REST_SECONDS:
            self._end(execution)
        if quiet > CLOSE_SECONDS and self._is_open:
            self._is_open = False
            self._writer.seal()

    def close(self, execution: Execution) -> None:
        """End the run if it is complete; seal and close the file."""
        self._end(execution)
        self._is_open = False
        self._writer.seal()

    @staticmethod
    def _end(execution: Execution) -> None:
        if execution.is_complete and not execution.is_ended:
            # Where the disk takes nothing more, the run stays without an end, which is the truth.
            with suppress(OSError):
                execution.finish()
