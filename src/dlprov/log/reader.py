"""Reading run logs while they grow: whole lines only, from the byte where one stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dlprov.errors import LogFormatError
from dlprov.log import events

CHUNK = 8 * 1024 * 1024
"""How many bytes are read at once; a longer line makes the chunk grow to its length."""


def read_chunk(path: Path, offset: int, size: int = CHUNK) -> bytes:
    """The whole lines of ``path`` from byte ``offset`` on, about ``size`` bytes of them.

    The text is cut behind its last newline, so a line that is still being written, or was torn by a kill, is left
    for later. Empty if there is no whole line. The next offset is ``offset + len(result)``.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        text = b""
        while True:
            block = file.read(size)
            if not block:
                break
            text += block
            if b"\n" in block:
                break
            size *= 2
    return text[: text.rfind(b"\n") + 1]


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[int, events.AnyEvent | events.Unknown | LogFormatError]]:
    """Every whole line of a log file: its offset, and the event or why it is none. Blank lines are passed over.

    Raises:
        OSError: the file cannot be read.
    """
    while chunk := read_chunk(path, offset):
        for line in chunk.split(b"\n")[:-1]:
            if line.strip():
                try:
                    yield offset, events.decode(line)
                except LogFormatError as error:
                    yield offset, error
            offset += len(line) + 1


def unfinished_bytes(path: Path) -> int:
    """How many bytes stand behind the last whole line: a record in the making, or torn."""
    size = path.stat().st_size
    with path.open("rb") as file:
        position = size
        while position:
            start = max(0, position - 65536)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                return size - start - newline - 1
            position = start
    return size


def size_of(path: Path) -> int:
    """The file's size in bytes; 0 if it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
