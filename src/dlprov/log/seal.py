"""Verification: is every byte of a run log as it was written?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from dlprov.errors import LogFormatError
from dlprov.log import events
from dlprov.log.layout import log_files
from dlprov.log.reader import read_chunk, unfinished_bytes

Verdict = Literal["sealed", "unsealed", "altered", "unreadable"]


class FileVerification(msgspec.Struct):
    """What the verification of one file found.

    ``sealed``: every byte before the last seal is as written, and nothing stands behind it. ``unsealed``: so far
    as there are seals they hold, but bytes stand behind the last one (the run still writes, or was killed).
    ``altered``: a seal does not match the bytes before it. ``unreadable``: lines are no events, or the file cannot
    be opened.
    """

    path: Path
    verdict: Verdict
    events: int = 0
    seals: int = 0
    unsealed_bytes: int = 0
    torn_bytes: int = 0
    problems: list[str] = msgspec.field(default_factory=list)


def verify_run(directory: Path) -> list[FileVerification]:
    """Verify every file of a run's directory, in the order of their names. Empty if there is none."""
    return [verify_file(path) for path in log_files(directory)]


def verify_file(path: Path) -> FileVerification:
    """Compare each seal of a file with the bytes before it, and read every line. Raises nothing."""
    found = FileVerification(path, "unsealed")
    digest = hashlib.sha256()
    offset = sealed_until = 0
    altered = False
    try:
        while chunk := read_chunk(path, offset):
            for line in _lines(chunk):
                event = _event(line, offset, found)
                if isinstance(event, events.Seal):
                    found.seals += 1
                    if not _holds(event, path, offset, digest.hexdigest()):
                        altered = True
                        found.problems.append(f"the seal at byte {offset} does not match the bytes before it")
                    sealed_until = offset + len(line)
                digest.update(line)
                offset += len(line)
        found.torn_bytes = unfinished_bytes(path)
    except OSError as error:
        found.problems.append(f"cannot be read: {error.strerror or error}")
        found.verdict = "unreadable"
        return found
    found.unsealed_bytes = offset - sealed_until + found.torn_bytes
    if altered:
        found.verdict = "altered"
    elif found.problems:
        found.verdict = "unreadable"
    elif found.seals and not found.unsealed_bytes:
        found.verdict = "sealed"
    return found


def _holds(seal: events.Seal, path: Path, offset: int, digest: str) -> bool:
    if seal.bytes == offset:
        return seal.sha256 == digest
    # A thread that was about to write while the seal was made stands between the sealed bytes and the seal.
    with path.open("rb") as file:
        return seal.bytes < offset and hashlib.sha256(file.read(seal.bytes)).hexdigest() == seal.sha256


def _lines(chunk: bytes) -> list[bytes]:
    return [line + b"\n" for line in chunk.split(b"\n")[:-1]]


def _event(line: bytes, offset: int, found: FileVerification) -> events.AnyEvent | events.Unknown | None:
    if not line.strip():
        return None
    try:
        event = events.decode(line)
    except LogFormatError as error:
        found.problems.append(f"the line at byte {offset} is not an event: {error}")
        return None
    found.events += 1
    return event
