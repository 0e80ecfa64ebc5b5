"""Where the index of a store lives: in it, or in the user's cache directory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FILE = "index.duckdb"

NETWORK_FILE_SYSTEMS = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "lustre", "beegfs", "gpfs", "ceph", "9p", "fuse.sshfs"]
)
"""Locks and memory maps are not to be trusted there: the index of such a store lives in the cache directory."""


def index_path(store: Path, cache: Path) -> Path | None:
    """The index of ``store``; ``None`` if it has to be in memory, since neither directory can be written."""
    if not store.exists():
        return None
    if os.access(store, os.W_OK) and not is_on_network(store):
        return store / FILE
    directory = cache / hashlib.sha256(os.fsencode(store.resolve())).hexdigest()[:16]
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return directory / FILE if os.access(directory, os.W_OK) else None


def is_on_network(path: Path) -> bool:
    """Whether the file system that holds ``path`` is one of the network (Linux: proc_mounts(5))."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    where = str(path.resolve())
    best, kind = "", ""
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = where == mount or where.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind in NETWORK_FILE_SYSTEMS
