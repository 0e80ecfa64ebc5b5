"""A graph database with a Bolt port on loopback, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dlprov.graph.neo4j import Pushed, push

PASSWORD = "a password"


class Server(NamedTuple):
    """The database: its address, its port of HTTP, and a driver."""

    url: str
    http: int
    driver: Any

    def push(self, graph: Any, **options: Any) -> Pushed:
        return push(graph, self.url, **{"user": "root", "password": PASSWORD, "database": "first", **options})

    def ask(self, query: str, database: str = "first", **parameters: Any) -> list[tuple[Any, ...]]:
        with self.driver.session(database=database) as session:
            return [tuple(record.values()) for record in session.run(query, parameters)]

    def clear(self, database: str = "first") -> None:
        self.ask("MATCH (n) DETACH DELETE n", database)


@contextmanager
def running(place: Path) -> Iterator[Server]:
    """A server that keeps its files in ``place``, until the end of the block."""
    from neo4j import GraphDatabase  # noqa: PLC0415 - the tests that ask for a server are skipped without it

    program = Path(__file__).with_name("bolt_server.py")
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, str(program), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        said = process.stdout.readline().split()
        if len(said) != 2:
            errors.seek(0)
            pytest.fail(errors.read().decode(errors="replace")[-2000:])
        url = f"bolt://127.0.0.1:{said[0]}"
        with GraphDatabase.driver(url, auth=("root", PASSWORD)) as driver:
            yield Server(url, int(said[1]), driver)
        process.communicate()
