"""Identifiers of runs (UUIDv7) and of the processes that write logs."""

from __future__ import annotations

import getpass
import os
import platform
import time
import uuid
from functools import cache
from pathlib import Path


def new_run_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7): sorts by the millisecond it was made in, with 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    # os.urandom, not the random module: the user's seed must neither repeat our ids nor be consumed by them.
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random_bits >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random_bits & ((1 << 62) - 1)
    return str(uuid.UUID(int=value))


def time_of_run_id(run_id: str) -> int | None:
    """The millisecond since 1970 in which an id of :func:`new_run_id` was made; ``None`` for another text."""
    try:
        found = uuid.UUID(run_id)
    except ValueError:
        return None
    return found.int >> 80 if found.version == 7 else None


NAMESPACE = uuid.UUID("6b1f2b3c-0d57-5c1e-9f6e-5d8c2f4a7e10")
"""Namespace of the identifiers that are derived from names (RFC 9562, UUIDv5)."""


def derived_id(*names: str) -> str:
    """An identifier that everybody derives alike from names."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(names)))


def execution_run_id(dataflow: str, execution: str) -> str:
    """The run id of an execution that is known by DfAnalyzer's tags: the same in every process and store.

    ``dataflow`` in any case, ``execution`` as it is.
    """
    return derived_id("execution", dataflow.lower(), execution)


def new_writer_id() -> str:
    """A name for one process's file: the process number and 32 random bits."""
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def user() -> str:
    """Who runs this process; empty where nobody tells."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in a container: every variable and passwd is missing
        return ""


@cache
def hostname() -> str:
    """The name of this machine."""
    return platform.node()


@cache
def boot_id() -> str:
    """What changes when the machine restarts, or when process numbers mean others; empty where nobody tells.

    On Linux the boot's id and the namespace of process numbers, which every container has of its own.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def process_started(pid: int) -> int:
    """When a process started, in the system's own unit; 0 where the system does not tell.

    Linux: clock ticks since boot (field 22 of ``/proc/PID/stat``, proc(5)).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        # The second field is the program's name in parentheses and may itself hold spaces and parentheses.
        return int(stat.rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def process_is_alive(pid: int, started: int) -> bool:
    """Whether process ``pid`` of this machine lives and is the one that started at ``started`` (0: not known)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    except OSError:
        return False
    if _is_zombie(pid):
        return False
    current = process_started(pid)
    return not started or not current or started == current


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[:1] == [b"Z"]
