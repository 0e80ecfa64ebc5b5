"""The programs RDE and RDI: where they are, and how they are called."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dfa_lib_python.attribute import Attribute
from dlprov.capture.faults import faults

NOT_FOUND = 127
"""The exit status of a shell that does not find a program."""


def find(program: str) -> str:
    """The path of a program: in ``$DFANALYZER_DIR/bin``, beside this interpreter, or as the search path has it."""
    directory = os.environ.get("DFANALYZER_DIR")
    if directory:
        return str(Path(directory, "bin", program))
    return shutil.which(program, path=str(Path(sys.executable).parent)) or program


def columns(attributes: Sequence[Attribute]) -> str:
    """Attributes as the programs want them: ``[a:TEXT,b:NUMERIC]``."""
    return f"[{','.join(map(repr, attributes))}]"


def words(arguments: str) -> list[str]:
    """Arguments as a shell takes them; at blanks alone where a quotation does not end."""
    try:
        return shlex.split(arguments)
    except ValueError:
        return arguments.split()


def run(command: Sequence[str]) -> int:
    """Run a program and wait for it. Gives its exit status; 127, and a message, if there is none."""
    try:
        return subprocess.call(command)  # noqa: S603 - the user's own command, without a shell
    except OSError as error:
        faults.tell(
            f"the program {command[0]} was expected, and could not be started ({error.strerror or error}); "
            "put it into the search path, or name DfAnalyzer's directory in DFANALYZER_DIR"
        )
        return NOT_FOUND
