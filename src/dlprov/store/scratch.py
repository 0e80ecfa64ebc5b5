"""Directories for temporary files, of which those of killed processes are removed by later ones."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from dlprov.log.identifiers import boot_id, process_is_alive, process_started


def new_directory() -> Path:
    """A new directory in the system's directory for temporary files; only this user can read it.

    Raises:
        OSError: It cannot be made.
    """
    # Process numbers mean something in this start of the machine, and in this container, alone.
    prefix = f"dlprov-answers-{hashlib.sha256(boot_id().encode()).hexdigest()[:8]}-"
    place = Path(tempfile.gettempdir())
    for path in place.glob(f"{prefix}*"):
        match = re.fullmatch(r"(\d+)-(\d+)-\w+", path.name.removeprefix(prefix), re.ASCII)
        if match and not process_is_alive(int(match[1]), int(match[2])) and not path.is_symlink():
            # Another user's stays: it cannot be removed.
            shutil.rmtree(path, ignore_errors=True)
    pid = os.getpid()
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{pid}-{process_started(pid)}-", dir=place))
