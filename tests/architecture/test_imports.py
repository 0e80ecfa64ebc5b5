"""The shape of the source: which way imports point, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "dlprov"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST = 500


def test_imports_keep_the_contracts():
    """In a process of its own: the linter sets up logging and the import path of the process it runs in."""
    command = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_logo=True))"
    result = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_there_is_source_to_look_at():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SOURCE).as_posix())
def test_a_long_file_says_why(file):
    """A file of more than 500 lines says so in its docstring ("More than 500 lines because …"), or is split."""
    text = file.read_text(encoding="utf-8")
    if text.count("\n") <= LONGEST:
        return
    docstring = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
    assert f"{LONGEST} lines because" in docstring, f"{file} has {text.count(chr(10))} lines: split it, or say why"
