"""Log files that are complete from the start: written at once, sealed, and there whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path

from dlprov.log import events, layout
from dlprov.log.identifiers import hostname

_BUFFERED = 1 << 20
"""Bytes that are written at a time."""


def save(
    store: Path, directory: str, writer: str, content: Iterable[events.Event], *, package_version: str = ""
) -> bool:
    """Keep events in a file that is named after them; false if it was there before.

    It is on the disk when the call returns. Any thread and process.

    Args:
        store: The store directory; it is made.
        directory: The name of a directory beside those of the runs.
        writer: The stem of the file, which says what its content is.
        content: The events between the first line and the seal. They are taken only if the file is not there.
        package_version: That of this package.

    Raises:
        OSError: The store cannot be written.
    """
    place = layout.run_directory(store, directory)
    path = place / (writer + layout.SUFFIX)
    if path.exists():
        return False
    place.mkdir(parents=True, exist_ok=True)
    # It gets its name when it is complete.
    draft = place / f".{os.getpid()}.{os.urandom(8).hex()}"
    now = events.now()
    first = events.Log(now, events.FORMAT, directory, writer, host=hostname(), dlprov=package_version)
    try:
        digest, size = hashlib.sha256(), 0
        with draft.open("xb", buffering=_BUFFERED) as file:
            for event in chain([first], content):
                line = events.encode(event)
                digest.update(line)
                size += len(line)
                file.write(line)
            file.write(events.encode(events.Seal(now, digest.hexdigest(), size)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    return True
