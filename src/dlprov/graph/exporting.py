"""Documents of runs leave the store: as a file, as text, or into any stream."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dlprov.errors import NotFoundError, UsageError
from dlprov.graph.formats import FORMATS, by_suffix, writer
from dlprov.graph.mapping import provenance
from dlprov.query import Session, open_session
from dlprov.query.questions import find_run

DEFAULT = "provn"
"""The format, if neither a name nor a suffix tells one."""

_LONGEST = 200
"""Letters of the name of a file, which has a suffix, and file systems that take 255 bytes."""


def export(
    run: str | Sequence[str] = "last",
    path: str | os.PathLike[str] | None = None,
    *,
    format: str | None = None,
    unfold: bool = False,
    store: str | os.PathLike[str] | None = None,
) -> str | None:
    """Write the provenance of one or several runs as one W3C PROV document.

    Args:
        run: A run or several: each an id, the beginning or end of one, an execution tag, a name, or ``last``.
        path: The file, which is replaced; default: the document is returned.
        format: ``provn``, ``json``, ``jsonld``, ``ttl``, ``trig``, ``xml``, or of a picture ``dot``, ``svg``, ``png``,
            ``pdf``; default: what the suffix of ``path`` says, else ``provn``.
        unfold: A picture shows every thing of a long series, which is else one node that says so.
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.

    Returns:
        The document, if no path is given.

    Raises:
        NotFoundError: The store has no such run.
        UsageError: There is no such format, it is no text and no path is given, or the file cannot be written.
        StoreError: The store cannot be read.
    """
    session = open_session(store)
    run_ids = [find_run(session, name) for name in ([run] if isinstance(run, str) else run)]
    if path is not None:
        write_file(session, run_ids, Path(path), format, unfold=unfold)
        return None
    name = format or DEFAULT
    if name in FORMATS and not FORMATS[name].is_text:
        raise UsageError(f"{name} is no text: name a file to write to")
    target = io.BytesIO()
    writer(name, unfold=unfold)(provenance(session, run_ids), target)
    return target.getvalue().decode()


def write_file(
    session: Session, run_ids: Sequence[str], path: Path, format: str | None = None, *, unfold: bool = False
) -> None:
    """Write the document of runs to a file, which is replaced when the document is complete.

    Raises:
        UsageError: There is no such format, or the file cannot be written.
    """
    write = writer(format or by_suffix(path) or DEFAULT, unfold=unfold)
    try:
        with _replaced(path) as file:
            write(provenance(session, run_ids), file)
    except OSError as error:
        raise UsageError(
            f"a file that can be written was expected, got {path} ({error.strerror or error}): name another one"
        ) from None


def runs_of(session: Session, dataflow: str) -> list[str]:
    """The ids of all runs of a dataflow, in the order of their starts.

    Raises:
        NotFoundError: It has none.
    """
    query = "SELECT run_id FROM public.run WHERE dataflow = lower($tag) ORDER BY started NULLS FIRST, run_id"
    found = [row[0] for row in session.ask(query, {"tag": dataflow}).rows()]
    if not found:
        raise NotFoundError(f"there is no run of a dataflow {dataflow!r} in this store; dlprov runs lists them")
    return found


def execution_file_name(execution: str, run_id: str) -> str:
    """The name, without suffix, of the file of one run: DLProv's, from its execution tag.

    Blanks become ``_``, slashes and colons ``-``, and everything but ASCII letters, digits, ``_``, ``-`` and ``.`` is
    left out. Where nothing is left, it is the run's id.
    """
    name = re.sub(r"[/:]", "-", execution.replace(" ", "_"))
    name = re.sub(r"[^A-Za-z0-9_.-]", "", name)[:_LONGEST]
    return name if name.strip(".") else run_id


def dataflow_file_name(tag: str) -> str:
    """The name, without suffix, of the file of all runs of a dataflow: its tag, as far as that can be one."""
    name = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "-", tag)[: _LONGEST // 4]
    return name if name.strip(". ") else f"dataflow-{name.encode().hex()}"


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of another one when the block ends well."""
    # What a link leads to is replaced, not the link.
    path = path.resolve()
    if path.exists() and not path.is_file():
        # A device or a pipe cannot be replaced.
        with path.open("wb") as device:
            yield device
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}-")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        # mkstemp's files are for their owner alone.
        mask = os.umask(0)
        os.umask(mask)
        new.chmod(0o666 & ~mask)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
