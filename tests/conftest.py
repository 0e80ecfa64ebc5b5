"""What all tests share: a store of their own, and the same backend and patience on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# Before anything imports Keras: without it, the backend would depend on what is installed and on ~/.keras.
os.environ.setdefault("KERAS_BACKEND", "jax")

# No deadline: the first example of a test pays for imports and files, and a loaded machine is not a fault.
hypothesis.settings.register_profile("dlprov", deadline=None)
hypothesis.settings.load_profile("dlprov")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store directory, which is also the default store of this process and of those it starts."""
    directory = tmp_path / "store"
    directory.mkdir()
    # None of the settings of whoever runs the tests, DLPROV_QUIET among them, decides what they see.
    for name in [name for name in os.environ if name.startswith(("DFA_", "DLPROV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLPROV_STORE", str(directory))
    monkeypatch.setenv("DLPROV_CACHE", str(tmp_path / "cache"))
    return directory


EXAMPLES = Path(__file__).parents[1] / "examples"

RunExample = Callable[[str, Path, Path], "subprocess.CompletedProcess[str]"]
"""Called with the name of a script, a directory for it to work in, and a store."""


@pytest.fixture(scope="session")
def run_example() -> RunExample:
    """Runs a script of ``examples/`` as its users do: in a process and a directory of its own."""

    def run(script: str, work: Path, store: Path) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DFA_", "DLPROV_"))}
        settings = {"DLPROV_STORE": str(store), "DLPROV_CACHE": str(store.parent / "cache")}
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / script)],
            cwd=work,
            env={**kept, **settings, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "a fault in" not in done.stderr
        return done

    return run
