"""The last answer of each client, for those who come back for it: as a table on a page, or as a file.

DfAnalyzer's server had one file for all of its users, which each question overwrote. Here every browser has an answer
of its own. A program that keeps no cookies gets the latest answer of all, as it always did.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from starlette.requests import Request

from dlprov.query import Result
from dlprov.store.scratch import new_directory

COOKIE = "dlprov_client"

CLIENTS = 200
"""How many answers are kept; the oldest goes first."""

_NAME = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True)
class Kept:
    """An answer, and the names of its columns as they are shown, of which one may come twice."""

    file: Path
    header: tuple[str, ...]


class KeptAnswers:
    """Answers of clients, in a directory of their own until :meth:`close`. Any thread."""

    def __init__(self, most: int = CLIENTS) -> None:
        self._directory = new_directory()
        self._most = most
        self._lock = threading.Lock()
        self._by_client: OrderedDict[str, Kept] = OrderedDict()
        self._latest: Kept | None = None

    def close(self) -> None:
        """Remove all answers."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def keep(self, client: str, path: Path, header: tuple[str, ...]) -> None:
        """Keep an answer.

        Args:
            client: What :func:`client_of` gave.
            path: A file into which the answer was packed; it is moved.
            header: Names of the columns.
        """
        kept = Kept(self._directory / secrets.token_hex(16), header)
        # Temporary directories are swept after days in which nobody asked.
        self._directory.mkdir(mode=0o700, exist_ok=True)
        shutil.move(path, kept.file)
        with self._lock:
            before = {self._latest, *self._by_client.values()}
            self._latest = kept
            if client:
                self._by_client.pop(client, None)
                self._by_client[client] = kept
                while len(self._by_client) > self._most:
                    self._by_client.popitem(last=False)
            gone = before - {self._latest, *self._by_client.values()}
        for old in gone:
            if old is not None:
                old.file.unlink(missing_ok=True)

    def answer(self, client: str) -> tuple[Result, tuple[str, ...]] | None:
        """The last answer of a client, or the latest of all if it has no name; with the names of the columns."""
        with self._lock:
            kept = self._by_client.get(client) if client else self._latest
        if kept is None:
            return None
        try:
            return Result.unpack(kept.file, ""), kept.header
        except duckdb.IOException:  # a newer one has just taken its place
            return None


def client_of(request: Request) -> str:
    """The name of a browser, from its cookie; empty for a program that has none."""
    given = request.cookies.get(COOKIE, "")
    return given if _NAME.fullmatch(given) else ""


def new_client(request: Request) -> str:
    """A name for a browser that has none yet; empty for a program that is none."""
    is_browser = "sec-fetch-site" in request.headers or "origin" in request.headers
    return secrets.token_urlsafe(16) if is_browser else ""


def csv_lines(result: Result, header: Sequence[str]) -> Iterator[str]:
    """An answer as DfAnalyzer's file: each field, the names of the columns included, is followed by a semicolon.

    Nothing is quoted; NULL is ``null``.
    """
    yield "".join(f"{name};" for name in header) + "\n"
    for row in result.text_rows("null"):
        yield "".join(f"{value};" for value in row) + "\n"
