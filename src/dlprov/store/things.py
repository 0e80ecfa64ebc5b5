"""Names of things as provenance speaks of them: the same in every index and every document."""

from __future__ import annotations

import re

from dlprov.log.identifiers import derived_id

DLPROV = "https://w3id.org/dlprov#"
"""The namespace of ``dlprov:``. One, absolute, and the same in every document."""

_LOCAL = re.compile(r"[\w.-]+", re.ASCII)


def name_of(iri: str) -> str:
    """A thing of any document, by its IRI: what is in our namespace has our names, all else that of its IRI."""
    local = iri.removeprefix(DLPROV)
    return local if local != iri and _LOCAL.fullmatch(local) else iri


def name_in(prefixes: dict[str, str], qualified: str) -> str:
    """A thing by its qualified name in a document; that name itself, if its prefix was not declared."""
    prefix, _, local = qualified.partition(":")
    return name_of(prefixes[prefix] + local) if prefix in prefixes else qualified


def iri_of(name: str) -> str:
    """The IRI of a thing, by its name."""
    return name if ":" in name else DLPROV + name


def run_name(run_id: str) -> str:
    """A run."""
    return f"run-{run_id}"


def task_name(uuid: str) -> str:
    """A task, by ``task.uuid``."""
    return f"task-{uuid}"


def element_name(uuid: str) -> str:
    """An element, by the column ``uuid`` of its set's table."""
    return f"element-{uuid}"


def content_name(sha256: str) -> str:
    """What all files with the same content are, by its SHA-256."""
    return f"file-{sha256}"


def artifact_name(run_id: str, path: str, time: int) -> str:
    """A file that a run made, at one moment (microseconds since 1970, UTC)."""
    return f"artifact-{derived_id('artifact', run_id, path, str(time))}"


def data_name(fingerprint: str) -> str:
    """Data in memory, by their fingerprint."""
    digest = fingerprint.removeprefix("sha256:")
    return f"data-{digest}" if digest.isalnum() else f"data-{derived_id('data', fingerprint)}"


def made_data_name(run_id: str, role: str, time: int) -> str:
    """Data in memory that a run made, or that have no fingerprint, at one moment (microseconds since 1970, UTC)."""
    return f"data-{derived_id('data', run_id, role, str(time))}"
