"""What the tests of this folder share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# pytest's import mode puts no folder of tests on the path.
sys.path.insert(0, str(Path(__file__).parent))

from client_scripts import Run, runner


@pytest.fixture
def run(store: Path, tmp_path: Path) -> Run:
    """Runs a script with ``dfa_lib_python`` in a process of its own."""
    return runner(tmp_path)
