"""Is a run that has no end still running? By its processes on this machine, else by its signs of life."""

from __future__ import annotations

from typing import NamedTuple

from dlprov.log.identifiers import boot_id, hostname, process_is_alive


class WriterState(NamedTuple):
    """What is known of one writing process; ``last_seen`` in microseconds since 1970 (UTC)."""

    host: str
    boot: str
    pid: int
    process_started: int
    last_seen: int


def is_alive(writer: WriterState, now: int, lost_after: float) -> bool:
    """Whether the process may still write.

    On this machine its process must exist; everywhere it must have written something (at least a heartbeat) within
    ``lost_after`` seconds before ``now`` (microseconds since 1970, UTC).
    """
    if now - writer.last_seen > lost_after * 1e6:
        return False
    if writer.host != hostname() or not writer.boot:
        return True
    here = boot_id()
    if writer.boot != here:
        # Another start of the machine ended it; in another container its number says nothing here.
        return writer.boot.partition("/")[0] == here.partition("/")[0]
    return process_is_alive(writer.pid, writer.process_started)
