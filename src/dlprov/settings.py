"""The settings of a process, read once from the environment. Nothing else in dlprov reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import platformdirs

VARIABLES: dict[str, str] = {
    "DLPROV_STORE": "the store directory (default: the user's data directory)",
    "DLPROV_CACHE": "where the index of a store that cannot be written lives (default: the user's cache directory)",
    "DLPROV_QUIET": "1: no messages on stderr from capture",
    "DLPROV_DISABLE": "1: capture nothing; every call does nothing",
    "DLPROV_FINGERPRINT": "off: do not hash the training data (default: full)",
    "DFA_URL": "a DfAnalyzer-compatible server that dfa_lib_python delivers its messages to, too (default: none)",
    "DLPROV_EXECUTION": "executions that child processes inherit, as a JSON object by dataflow tag (set by dlprov)",
    "DLPROV_TOKEN": "the token that clients must show to `dlprov serve` (default: none)",
    "NEO4J_USERNAME": "the user for whom `dlprov push` writes to a graph database (default: neo4j)",
    "NEO4J_PASSWORD": "that user's password, unless a file has it (default: none)",
    "DLPROV_LOST_AFTER": "seconds of silence after which a run without an end is called lost (default: 60)",
}
"""Every environment variable that dlprov reads, with its meaning; the documentation is tested against it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for. Times are in seconds."""

    store: Path
    cache: Path
    quiet: bool = False
    disabled: bool = False
    fingerprint: bool = True
    lost_after: float = 60.0
    execution: str = ""
    token: str = field(default="", repr=False)
    server: str = ""
    neo4j_user: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ`` (default: the process's own). Never raises: odd values mean the default."""
    env = os.environ if environ is None else environ
    return Settings(
        store=_named_directory(env["DLPROV_STORE"]) if env.get("DLPROV_STORE") else _user_directory("data"),
        cache=_named_directory(env["DLPROV_CACHE"]) if env.get("DLPROV_CACHE") else _user_directory("cache"),
        quiet=_flag(env.get("DLPROV_QUIET")),
        disabled=_flag(env.get("DLPROV_DISABLE")),
        fingerprint=env.get("DLPROV_FINGERPRINT", "full").lower() not in {"off", "0", "no", "false"},
        lost_after=_seconds(env.get("DLPROV_LOST_AFTER"), 60.0),
        execution=env.get("DLPROV_EXECUTION", ""),
        token=env.get("DLPROV_TOKEN", "").strip(),
        server=env.get("DFA_URL", "").strip(),
        neo4j_user=env.get("NEO4J_USERNAME") or "neo4j",
        neo4j_password=env.get("NEO4J_PASSWORD", ""),
    )


@cache
def _named_directory(text: str) -> Path:
    """A directory that a variable names; relative to where the process was when it first asked.

    A script may change its working directory between two runs, and means one store.
    """
    try:
        return Path(text).expanduser().absolute()
    except (OSError, RuntimeError):
        return Path(text)  # no working directory, or no home: whoever uses it is told


def _user_directory(kind: str) -> Path:
    directory = platformdirs.user_data_path("dlprov") if kind == "data" else platformdirs.user_cache_path("dlprov")
    # Without HOME and without a passwd entry the answer still holds a "~": such a path would be made in the
    # working directory, where nobody looks for it.
    if "~" in directory.parts or not directory.is_absolute():
        return Path(os.sep, "nonexistent", "dlprov", kind)
    return directory


def _flag(text: str | None) -> bool:
    return (text or "").strip().lower() in {"1", "true", "yes", "on"}


def _seconds(text: str | None, default: float) -> float:
    try:
        value = float(text) if text else default
    except ValueError:
        return default
    return value if value > 0 else default
