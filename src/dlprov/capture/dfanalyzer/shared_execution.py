"""The execution that processes share which name none: ``<store>/executions/<dataflow>.json``."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from dlprov.log.identifiers import boot_id, derived_id, hostname, process_is_alive, process_started

if sys.platform != "win32":
    import fcntl

VARIABLE = "DLPROV_EXECUTION"
"""The environment variable that hands executions to child processes: a JSON object by dataflow tag."""


class _Process(msgspec.Struct):
    host: str
    boot: str
    pid: int
    started: int

    def is_alive(self) -> bool:
        # Of another machine nothing can be known: what it began is its own.
        here = self.host == hostname() and self.boot == boot_id()
        return here and process_is_alive(self.pid, self.started)


class _Shared(msgspec.Struct):
    execution: str
    processes: list[_Process]


class SharedExecution:
    """The execution of one dataflow in one store."""

    def __init__(self, store: Path, dataflow: str) -> None:
        self._dataflow = dataflow.lower()
        self._path = store / "executions" / (derived_id("dataflow", self._dataflow) + ".json")

    def join(self, new: str, inherited: str) -> str:
        """The execution's tag: inherited, or of a living process, or ``new``. Never raises.

        Args:
            new: The tag of a new execution, for a process that finds none.
            inherited: The content of ``DLPROV_EXECUTION``.
        """
        tags = _tags(inherited)
        tag = tags.get(self._dataflow)
        if tag is None:
            tag = new
            with suppress(OSError, msgspec.DecodeError):
                tag = self._agree(new)
            os.environ[VARIABLE] = msgspec.json.encode({**tags, self._dataflow: tag}).decode()
        return tag

    def _agree(self, new: str) -> str:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX)
            shared = self._read(file)
            living = [process for process in shared.processes if process.is_alive()]
            if not living:
                shared.execution = new
            me = _Process(hostname(), boot_id(), os.getpid(), process_started(os.getpid()))
            shared.processes = [*(process for process in living if process != me), me]
            text = msgspec.json.encode(shared)
            os.ftruncate(file, 0)
            os.pwrite(file, text, 0)
            return shared.execution
        finally:
            os.close(file)

    @staticmethod
    def _read(file: int) -> _Shared:
        try:
            return msgspec.json.decode(os.pread(file, 1 << 24, 0), type=_Shared)
        except msgspec.DecodeError:  # new, or torn by a kill
            return _Shared("", [])


def _tags(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.DecodeError:
        return {}
