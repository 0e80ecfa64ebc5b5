"""What all tests share: a store of their own, and the same backend and patience on every machine."""

from __future__ import annotations

import os
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
    for name in [name for name in os.environ if name.startswith("DLPROV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLPROV_STORE", str(directory))
    monkeypatch.setenv("DLPROV_CACHE", str(tmp_path / "cache"))
    return directory
