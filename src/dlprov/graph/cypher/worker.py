"""The process that holds the graph engine: ``python -m dlprov.graph.cypher.worker``, which :mod:`.engine` starts.

It takes requests on its standard input, a JSON value a line, and answers them one after the other on its standard
output. Whatever Java prints goes to standard error. It ends when its input does, also in the middle of a question, and
when nobody has asked anything for a while.
"""

from __future__ import annotations

import json
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from dlprov.graph.cypher.loading import load
from dlprov.graph.cypher.values import Values
from dlprov.graph.property_graph import LABELS, RELATIONSHIPS

HEAP = "2g"
"""The memory that Java may take for its objects; a question that needs more ends the process."""

OUT_OF_MEMORY = 3
"""Java's exit status then."""

IDLE_SECONDS = 300.0
"""Without a request for so long the process ends, and gives its memory back."""

ROWS_AT_A_TIME = 500

_LINES_WAITING = 10_000

_OPTIONS = ["-XX:+ExitOnOutOfMemoryError", "-XX:+UseSerialGC", "-Djava.awt.headless=true"]

# Cypher can read files and addresses, and run scripts: none of that belongs into a question about runs.
_REFUSED = (
    "arcadedb.opencypher.loadCsv.allowFileUrls",
    "arcadedb.opencypher.loadCsv.allowRemoteUrls",
    "arcadedb.polyglotEngineEnabled",
)

_JAVA_NAME = re.compile(r"\b(?:[a-z]\w*\.){2,}[A-Z][\w$]*(?:: )?")
_CAUSE = re.compile(r" \(caused by .*\)\s*$", re.DOTALL)
_ADVICE = re.compile(r"\.? (?:You can set|Set) arcadedb\.\S+ ?.*$", re.DOTALL)
_PREFIX = re.compile(r"^(?:Query failed|Reading the result set failed|Command failed): ")


class Graphs:
    """The databases that requests name; the last one stays open."""

    def __init__(self) -> None:
        import jpype  # noqa: PLC0415 - starting Java takes a second, and the extra may be missing
        from arcadedb_embedded.jvm import start_jvm  # noqa: PLC0415 - likewise

        start_jvm(heap_size=HEAP, jvm_args=_OPTIONS)
        configuration = jpype.JClass("com.arcadedb.GlobalConfiguration")
        for name in _REFUSED:
            configuration.findByKey(name).setValue(False)
        self._factory = jpype.JClass("com.arcadedb.database.DatabaseFactory")
        self._mode = jpype.JClass("com.arcadedb.engine.ComponentFile").MODE.READ_ONLY
        self._parser = jpype.JClass("com.arcadedb.query.opencypher.parser.Cypher25AntlrParser")
        self._path = ""
        self._open: Any = None

    def build(self, path: str, lines: Iterable[list[Any]]) -> None:
        """Make a database of nodes and relationships."""
        from arcadedb_embedded.core import Database  # noqa: PLC0415 - see above

        self._close()
        database = Database(self._factory(path).create())
        try:
            for label in LABELS.values():
                database.command("sql", f"CREATE VERTEX TYPE `{label}`")
            for name in RELATIONSHIPS:
                database.command("sql", f"CREATE EDGE TYPE `{name}`")
            load(database, lines)
        finally:
            database.close()

    def ask(
        self, path: str, query: str, parameters: dict[str, Any], limit: int | None
    ) -> Iterator[tuple[str, list[Any]]]:
        """The columns of an answer, its rows in parts, and whether it was cut to ``limit`` rows."""
        from arcadedb_embedded.core import Database  # noqa: PLC0415 - see above

        if path != self._path:
            self._close()
            self._open = Database(self._factory(path).open(self._mode))
            self._path = path
        found = self._open.query("opencypher", query, *([parameters] if parameters else []))
        # The wrapper's own rows know no paths.
        java = found._java_result_set
        values = Values()
        columns: list[str] = []
        rows: list[Any] = []
        count = 0
        while java.hasNext() and (limit is None or count < limit):
            row = java.next()
            if not columns:
                columns = [str(name) for name in row.getPropertyNames()]
                yield "columns", columns
            rows.append([values.cell(row.getProperty(name)) for name in columns])
            count += 1
            if len(rows) == ROWS_AT_A_TIME:
                yield "rows", rows
                rows = []
        if not columns:
            yield "columns", self._columns(query) or ["answer"]
        yield "rows", rows
        yield "end", [java.hasNext()]

    def _columns(self, query: str) -> list[str]:
        """The names of the columns as the query has them: an answer without rows does not tell them."""
        # A query may end in a semicolon, which the engine takes off before it parses.
        clause = self._parser().parse(query.strip().rstrip(";")).getReturnClause()
        return [str(item.getOutputName()) for item in clause.getReturnItems()] if clause is not None else []

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open, self._path = None, ""


def explained(error: BaseException) -> dict[str, Any]:
    """An error of the engine for a person: its reason without Java's names."""
    text = str(error)
    if "QueryNotIdempotentException" in text:
        return {"error": "change"}
    reason = _JAVA_NAME.sub("", _ADVICE.sub("", _CAUSE.sub("", _PREFIX.sub("", text)))).strip()
    return {"error": "refused", "reason": reason.splitlines()[0] if reason else type(error).__name__}


def _build(graphs: Graphs, path: str, lines: Iterator[list[Any]]) -> None:
    try:
        graphs.build(path, lines)
    finally:
        # After a failure the rest of the graph still stands before the next request.
        for _ in lines:
            pass


def serve(lines: Callable[[], Any], answers: TextIO) -> None:
    """Answer requests until there are none for a while."""
    graphs = Graphs()

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say({"ready": True})
    while True:
        request = lines()
        try:
            if request["do"] == "nothing":
                say({"end": True})
            elif request["do"] == "build":
                _build(graphs, request["path"], iter(lines, None))
                say({"end": True})
            else:
                wanted = (request["path"], request["query"], request["parameters"], request["limit"])
                for name, value in graphs.ask(*wanted):
                    say({name: value})
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked waits for an answer
            say(explained(error))


def main() -> None:
    """Serve on the standard streams, of which Java gets none."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    waiting: queue.Queue[Any] = queue.Queue(_LINES_WAITING)

    def read() -> None:
        for line in sys.stdin.buffer:
            waiting.put(json.loads(line))
        # Nobody is there any more who could read an answer.
        os._exit(0)

    threading.Thread(target=read, name="requests", daemon=True).start()

    def next_line() -> Any:
        try:
            return waiting.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            os._exit(0)

    # Java keeps a log beside the working directory.
    os.chdir(Path(sys.argv[1]))
    serve(next_line, answers)


if __name__ == "__main__":
    main()
