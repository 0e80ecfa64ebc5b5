"""Is a provenance document valid, whoever made it?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from dlprov.graph.constraints import Violation, check
from dlprov.graph.document import document
from dlprov.graph.mapping import provenance
from dlprov.graph.reading import read
from dlprov.query import Session, open_session
from dlprov.query.questions import find_run


class Verdict(NamedTuple):
    """What PROV-CONSTRAINTS says of a document.

    Attributes:
        source: The file, or the id of the run.
        format: The format of the file; empty for a run.
        statements: How many it has, those of its bundles included.
        warnings: What was repaired, dropped or guessed when it was read.
        violations: Why it is not valid; none if it is.
    """

    source: str
    format: str
    statements: int
    warnings: tuple[str, ...]
    violations: list[Violation]


def validate(
    subject: str | os.PathLike[str],
    *,
    format: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> list[Violation]:
    """Check a PROV document, or the one of a run, against the constraints of PROV-CONSTRAINTS.

    Args:
        subject: A file; or, if there is none of this name, a run: an id, the beginning or end of one, an execution tag
            or ``last``.
        format: The format of the file: ``provn``, ``json``, ``jsonld``, ``ttl``, ``trig``, ``xml`` or ``rdf``;
            default: what it looks like.
        store: The store directory; default: ``DLPROV_STORE``, else the user's data directory.

    Returns:
        Why it is not valid, with the number of each constraint and the statements involved; none if it is.

    Raises:
        UsageError: The file is not a document.
        NotFoundError: There is neither such a file nor such a run.
    """
    if is_there(Path(subject)):
        return verdict_of_file(Path(subject), format).violations
    return verdict_of_run(open_session(store), os.fspath(subject)).violations


def is_there(path: Path) -> bool:
    """Whether there is something of this name; an execution tag may be too long to be one."""
    try:
        return path.exists()
    except OSError:
        return False


def verdict_of_file(path: Path, format: str | None = None) -> Verdict:
    """The verdict on a file. Raises as :func:`validate` does."""
    found = read(path, format)
    bundles = [found.document, *found.document.bundles]
    statements = sum(len(list(bundle.get_records())) for bundle in bundles)
    return Verdict(str(path), found.format, statements, found.warnings, check(found.document))


def verdict_of_run(session: Session, run: str) -> Verdict:
    """The verdict on the document of a run. Raises as :func:`validate` does."""
    run_id = find_run(session, run)
    made = document(provenance(session, [run_id]))
    return Verdict(run_id, "", len(list(made.get_records())), (), check(made))
