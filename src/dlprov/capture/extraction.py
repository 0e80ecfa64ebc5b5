"""Raw data files: what a run records of a file whose rows belong to an element."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from dlprov.errors import UsageError
from dlprov.log import events

if TYPE_CHECKING:
    from dlprov.capture.task import Element, Task

FORMATS = ("csv", "parquet", "numpy", "json")
"""Formats whose rows an index takes in."""

_SUFFIXES = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".data", ".index"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".npy", ".npz"), "numpy"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
}

_BEGINNINGS = {b"PAR1": "parquet", b"\x93NUMPY": "numpy", b"PK\x03\x04": "numpy"}

_EXPECTED = f"one of the formats {', '.join(FORMATS)} was expected"


class RawFile(msgspec.Struct, frozen=True):
    """A raw data file at one moment: where it is, how its rows are written, and the identity of its content.

    ``path`` is absolute, without symbolic links; ``size`` is in bytes; an empty ``delimiter`` is found by the index.
    """

    path: str
    format: str
    sha256: str
    size: int
    delimiter: str = ""

    def event(self, task: events.Key, set: str, element: events.Key, extractor: str) -> events.RawData:
        """The event that its rows belong to an element of a set, as columns of an extractor."""
        return events.RawData(
            events.now(), task, set, element, extractor, self.path, self.format, self.sha256, self.size, self.delimiter
        )


def describe(
    path: str | os.PathLike[str],
    *,
    within: Sequence[Path] | None = None,
    format: str | None = None,
    default: str = "",
    delimiter: str | None = None,
) -> RawFile:
    """Look at a raw data file: where it really is, what its format is, and what its content's hash is.

    The file is read once, in the calling thread, about 1.6 GB a second. Any thread.

    Args:
        path: The file; a relative one is looked for in the current directory.
        within: Directories that it must be in, after all symbolic links; ``None``: anywhere. For a path that comes
            from somebody who may not read all that this process may.
        format: One of :data:`FORMATS`; default: what its name ends in, else what it begins with.
        default: The format where neither tells.
        delimiter: What separates the values of a ``csv`` file, one character; default: what the index finds.

    Raises:
        UsageError: It is not there, is no regular file, cannot be read, or is outside of ``within``; its format is
            not known; ``format`` or ``delimiter`` is none.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"{_EXPECTED}, got {format!r}")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in "\"'\r\n"):
        raise UsageError(f"one character was expected as the delimiter, got {delimiter!r}")
    try:
        whole = Path(path).resolve(strict=True)
        if whole.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        # Opening a pipe would wait for somebody who writes to it.
        descriptor = os.open(whole, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        if within is not None and not _is_within(path, within):
            raise _outside(path, within) from None
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"a file that can be read was expected, got {_shown(path)} ({reason})") from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        where = _place_of(descriptor, whole)
        if within is not None and not _is_within(where, within):
            raise _outside(path, within)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"a file with rows was expected, got {_shown(path)}, which is something else")
        try:
            str(where).encode()
        except UnicodeEncodeError:
            raise UsageError(f"a path in UTF-8 was expected, got {_shown(path)}: rename it") from None
        found = format or _format_of(where, file, default)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return RawFile(str(where), found, digest, file.tell(), delimiter or "")


def record(
    task: Task,
    element: Element | None,
    path: str | os.PathLike[str],
    extractor: str | None,
    format: str | None,
    delimiter: str | None,
) -> events.RawData | None:
    """The event that the rows of a file belong to an element; ``None`` for an element that could not be recorded.

    Raises:
        UsageError: The file cannot be described, or ``element`` is none.
    """
    if element is None:
        return None
    if not hasattr(element, "key") or not hasattr(element, "set"):
        raise UsageError(f"an element that used or generated gave was expected, got {type(element).__name__}")
    found = describe(path, format=format, delimiter=delimiter)
    return found.event(task.key, element.set, element.key, str(extractor or element.set))


def _place_of(descriptor: int, otherwise: Path) -> Path:
    """Where an open file is: the path that led to it may lead elsewhere by now."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:  # no such directory on this system
        return otherwise


def _format_of(path: Path, file: BinaryIO, default: str) -> str:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    beginning = file.read(512)
    file.seek(0)
    for start, known in _BEGINNINGS.items():
        if beginning.startswith(start):
            return known
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return "json"
    if default:
        return default
    raise UsageError(f"{_EXPECTED}, and {path.name!r} does not tell which it is: name it, format='csv' for one")


def _is_within(path: str | os.PathLike[str], within: Sequence[Path]) -> bool:
    """Whether a file is, or would be if there were one, in one of these directories."""
    try:
        whole = Path(path).resolve()
    except (OSError, TypeError, ValueError, RuntimeError):
        return False
    return any(whole.is_relative_to(directory.resolve()) for directory in within)


def _outside(path: str | os.PathLike[str], within: Sequence[Path]) -> UsageError:
    """Of what is outside of the directories, nobody is told whether it is there."""
    listed = ", ".join(map(str, within)) or "none"
    return UsageError(
        f"a file in one of the allowed directories ({listed}) was expected, got {_shown(path)}: "
        "move it there, or have its directory allowed"
    )


def _shown(path: object) -> str:
    return repr(os.fspath(path)) if isinstance(path, str | os.PathLike) else repr(path)
