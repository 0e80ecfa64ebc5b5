"""What the tests of this folder share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# pytest's import mode puts no folder of tests on the path.
sys.path.insert(0, str(Path(__file__).parent))

from bolt import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A graph database with a Bolt port; whoever asks for it has made sure that it and the driver are installed."""
    with running(tmp_path_factory.mktemp("bolt")) as found:
        yield found
