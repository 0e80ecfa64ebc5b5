"""RDE's cartridge PROGRAM: runs a program that writes ``<name>.data``."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from dlprov.errors import DlprovError, UsageError
from dlprov.extraction import columns
from dlprov.extraction.request import Request


class ProgramError(DlprovError):
    """The program did not do what was expected of it."""


def extract(request: Request) -> list[str]:
    """Run the program in the directory, without a shell, and see that it wrote the file.

    Raises:
        UsageError: There is no such program.
        ProgramError: It failed, took too long, or wrote nothing.
    """
    request.attributes()
    command = _command(request)
    target = request.target("data")
    before = _state(target)
    timeout = _seconds(request.options.get("timeout", ""))
    try:
        done = subprocess.run(  # noqa: S603 - to run what the user names is what this is for
            command, cwd=request.directory, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(
            f"{command[0]} was expected to end within {timeout:g} seconds: give it a longer -timeout"
        ) from None
    except OSError as error:
        raise UsageError(f"a program that can be run was expected, got {command[0]} ({error.strerror})") from None
    if done.returncode:
        raise ProgramError(f"{command[0]} was expected to succeed, got exit status {done.returncode}")
    if _state(target) in (None, before):
        raise ProgramError(f"{command[0]} was expected to write {target}, and did not")
    return []


access = columns.access


def _command(request: Request) -> list[str]:
    if len(request.source) > 1:
        return list(request.source)
    # DfAnalyzer's Python library puts the command between backslashes.
    text = " ".join(request.source).strip()
    if len(text) > 1 and text.startswith("\\") and text.endswith("\\"):
        text = text[1:-1]
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"a program with its arguments was expected, got {text!r} ({error})") from None
    if not command:
        raise UsageError("a program with its arguments was expected, got nothing")
    return command


def _seconds(text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f"seconds were expected as -timeout, got {text!r}")
    return seconds


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
