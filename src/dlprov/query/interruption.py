"""Long questions that Ctrl-C can stop."""

from __future__ import annotations

import threading
from typing import Any

import duckdb


def execute(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> None:
    """Execute a statement; an exception that a signal raises meanwhile, such as Ctrl-C, stops it and is passed on.

    The engine looks for signals while it answers a SELECT, but not while it makes a table of one. So the statement runs
    in a thread of its own if this is the thread that signals reach, which waits for it.
    """
    if threading.current_thread() is not threading.main_thread():
        connection.execute(sql, parameters)
        return
    done = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            connection.execute(sql, parameters)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="dlprov-query", daemon=True).start()
    try:
        done.wait()
    except BaseException:
        connection.interrupt()
        done.wait()
        raise
    if errors:
        raise errors[0]
