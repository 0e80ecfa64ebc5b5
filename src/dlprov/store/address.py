"""Where the service that keeps an index can be asked: a small file beside the index.

The file is written once the service listens and removed when it ends. A service that was killed leaves it behind; what
it holds of the process tells.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from dlprov._version import __version__
from dlprov.log.identifiers import boot_id, process_is_alive, process_started

FILE = "service.json"


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """A running service.

    Attributes:
        url: What to ask, such as ``http://127.0.0.1:22000``; empty if this user may not know.
        pid: Its process.
        process_started: When the process started, as :func:`dlprov.log.identifiers.process_started` gives it.
        boot: The machine's start and namespace in which the process number means something.
        key: Whoever shows it may read the file, and so is the owner of the store.
        version: The version of dlprov that runs.
    """

    url: str = ""
    pid: int = 0
    process_started: int = 0
    boot: str = ""
    key: str = ""
    version: str = ""

    @property
    def speaks_our_language(self) -> bool:
        """Whether this process can ask it: it knows the key, and both are of one version."""
        return bool(self.url and self.key and self.version == __version__)

    def __str__(self) -> str:
        return f"the service {self.url} (process {self.pid})" if self.url else "the service of another user"


def beside(index: Path) -> Path:
    """The address file of the service that keeps ``index``."""
    return index.with_name(FILE)


def write(path: Path, url: str, key: str) -> Address:
    """Tell the readers of this machine where this process can be asked. Only its user can read the file.

    Raises:
        OSError: The file cannot be written.
    """
    pid = os.getpid()
    address = Address(url, pid, process_started(pid), boot_id(), key, __version__)
    new = path.with_name(f"{path.name}.{pid}")
    new.unlink(missing_ok=True)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, msgspec.json.format(msgspec.json.encode(address), indent=1) + b"\n")
    finally:
        os.close(file)
    new.replace(path)
    return address


def read(path: Path) -> Address | None:
    """The service that the file names; ``None`` if there is none, or if its process has ended.

    A process in another container cannot be looked for: it may have ended. Of another user's service only
    that there may be one is known.
    """
    try:
        address = msgspec.json.decode(path.read_bytes(), type=Address)
    except PermissionError:
        return Address()
    except (OSError, msgspec.MsgspecError):
        return None
    here = boot_id()
    if address.boot == here:
        return address if process_is_alive(address.pid, address.process_started) else None
    # Another start of the machine, or another machine, ended it or hides it.
    return address if address.boot.partition("/")[0] == here.partition("/")[0] else None


def remove(path: Path) -> None:
    """Remove the file, if it names this process."""
    found = read(path)
    if found is not None and found.pid == os.getpid():
        with suppress(OSError):
            path.unlink(missing_ok=True)
