"""The graph engine in a process of its own, as its owner sees it.

Java never starts in the process that asks: a training could be in it. And a question that takes too long, or too much
memory, can be stopped for certain only with the process that answers it.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from dlprov.errors import QueryError, UsageError
from dlprov.graph.cypher.worker import HEAP, OUT_OF_MEMORY
from dlprov.graph.property_graph import Node, Relationship

PACKAGE = "arcadedb_embedded"

_CHANGE = (
    "a question was expected, got Cypher that would change something: the graph is made from the run logs and cannot "
    "be changed; dlprov push or dlprov export --format cypher bring it into a database of your own"
)


class Answer(NamedTuple):
    """What a query gave: columns, rows of cells (see :mod:`.values`), and whether there were more rows than wanted."""

    columns: list[str]
    rows: list[list[Any]]
    is_cut: bool


class _GoneError(Exception):
    """The process of the engine ended."""


class _RefusedError(Exception):
    """The engine answered with an error, and waits for the next request."""


class Engine:
    """Answers Cypher over graphs in directories. The process starts with the first call; any thread may call.

    Args:
        directory: Where the engine keeps its own files; it is there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._turn = threading.Lock()
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def build(self, path: Path, graph: Iterable[Node | Relationship]) -> None:
        """Make a graph in a directory that does not exist yet.

        Raises:
            UsageError: The engine is not installed.
            QueryError: It failed.
        """
        with self._turn, self._whole():
            self._start()
            self._write({"do": "build", "path": str(path)})
            for thing in graph:
                if isinstance(thing, Node):
                    self._write(thing)
                else:
                    self._write([thing.identifier, thing.type, thing.start[1], thing.end[1], thing.properties])
            self._write(None)
            self._hear()

    def ask(
        self, path: Path, query: str, parameters: dict[str, Any], limit: int | None, seconds: float | None
    ) -> Answer:
        """The answer to a query.

        Args:
            path: The directory of the graph.
            query: In Cypher.
            parameters: Values of ``$name``, of JSON's types.
            limit: Rows that are wanted; ``None``: all.
            seconds: How long it may take; ``None``: for ever.

        Raises:
            QueryError: The query is none, would change something, took too long or too much memory.
            UsageError: The engine is not installed.
        """
        wanted = {"do": "ask", "path": str(path), "query": query, "parameters": parameters, "limit": limit}
        with self._turn, self._whole():
            self._start()
            with self._limited(seconds):
                self._write(wanted)
                return self._answer()

    def close(self) -> None:
        """End the process. It starts again with the next call."""
        process, self._process = self._process, None
        # A fork of the process that asks has the same pipes, and no business with them.
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None:
                # What is not written yet has nowhere to go.
                with suppress(OSError):
                    stream.close()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A request and its answer, or the end of the process: half of either would be in the way of the next ones."""
        try:
            yield
        except _RefusedError as error:
            raise QueryError(str(error)) from None
        except _GoneError:
            raise self._failure() from None
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _limited(self, seconds: float | None) -> Iterator[None]:
        if seconds is None:
            yield
            return
        process, late = self._process, threading.Event()

        def stop() -> None:
            late.set()
            if process is not None:
                process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except _GoneError:
            if not late.is_set():
                raise
            self.close()
            raise QueryError(
                f"an answer within {seconds:g} seconds was expected, and there was none: bound the length of paths, as "
                "in [*..6], ask about fewer runs, or allow more time"
            ) from None
        finally:
            timer.cancel()

    def _answer(self) -> Answer:
        columns: list[str] = []
        rows: list[list[Any]] = []
        while True:
            heard = self._hear()
            columns = heard.get("columns", columns)
            rows += heard.get("rows", ())
            if "end" in heard:
                return Answer(columns, rows, bool(heard["end"][0]))

    def _start(self) -> None:
        if self._is_there():
            return
        self.close()
        if not _is_installed():
            raise UsageError("Cypher needs arcadedb-embedded, which is not installed: pip install 'dlprov[cypher]'")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open as long as the process is there
        paths = [str(Path(path).absolute()) for path in sys.path]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, and a path
            [sys.executable, "-m", f"{__package__}.worker", str(self._directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            # Ctrl-C in a terminal reaches a whole session: what then happens is decided here.
            start_new_session=True,
        )
        atexit.register(self.close)
        self._hear()

    def _is_there(self) -> bool:
        """Whether the process waits for a request; it may have gone since nobody asked for long."""
        if self._process is None or self._process.poll() is not None:
            return False
        try:
            self._write({"do": "nothing"})
            self._hear()
        except _GoneError:
            return False
        return True

    def _write(self, what: Any) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise _GoneError
        try:
            process.stdin.write(json.dumps(what).encode() + b"\n")
        except OSError:
            raise _GoneError from None

    def _hear(self) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _GoneError
        try:
            process.stdin.flush()
        except OSError:
            raise _GoneError from None
        line = process.stdout.readline()
        if not line.endswith(b"\n"):
            raise _GoneError
        heard: dict[str, Any] = json.loads(line)
        if "error" in heard:
            raise _RefusedError(_CHANGE if heard["error"] == "change" else f"the query is refused: {heard['reason']}")
        return heard

    def _failure(self) -> QueryError:
        """Why the process ended."""
        process, said = self._process, b""
        status = process.wait() if process is not None else None
        if self._errors is not None:
            self._errors.seek(0)
            said = self._errors.read()
        self.close()
        if status == OUT_OF_MEMORY or b"OutOfMemoryError" in said:
            return QueryError(
                f"the question needs more memory than the graph engine has ({HEAP}): bound the length of paths, as in "
                "[*..6], or ask about fewer runs"
            )
        lines = said.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "it said nothing"
        return QueryError(f"the graph engine ended with exit status {status} ({reason}): ask again, or dlprov doctor")


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(PACKAGE) is not None
    except ValueError:
        return False  # Somebody has forbidden its import.


_engines: dict[tuple[int, Path], Engine] = {}


def engine(directory: Path) -> Engine:
    """The engine of this process that keeps its files in ``directory``. After a fork it is another one."""
    key = (os.getpid(), directory)
    if key not in _engines:
        _engines[key] = Engine(directory)
    return _engines[key]
