"""Who answers: this process, or the service that keeps the index while it runs.

A service may begin, end or be killed at any moment, also while it answers. Questions change nothing, so they are simply
asked again where they can be answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import duckdb

from dlprov.errors import StoreBusyError
from dlprov.query.foreign import FilesError
from dlprov.query.remote import GoneError, Remote, SilentError
from dlprov.store import Index
from dlprov.store.address import Address
from dlprov.store.database import KeptError
from dlprov.store.engine import WAIT_SECONDS
from dlprov.store.ownership import OwnedIndex

T = TypeVar("T")

Reading = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
"""Gives a connection with the index, as :meth:`dlprov.store.Index.reading` does."""

SHORTLY = 0.2
"""Seconds to wait for the index when a service should be asked, but cannot."""


def reach(index: Index | OwnedIndex, there: Callable[[Remote], T], here: Callable[[Reading], T]) -> T:
    """What the service that keeps the index gives, or what this process gives if none does.

    Args:
        index: The index.
        there: Asks a service. It may be called several times.
        here: Asks the index that the given function opens.

    Raises:
        StoreBusyError: Other processes held the index too long.
        StoreError: The index cannot be opened.
    """
    if isinstance(index, OwnedIndex):
        return here(index.reading)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        keeper = index.keeper()
        if keeper is None:
            try:
                return here(index.reading)
            except KeptError:
                # Only one that can be looked up says so.
                continue
        reason = _obstacle(keeper)
        if not reason:
            try:
                return there(Remote(keeper))
            except FilesError:
                index.tell(f"{keeper} keeps the index and reads no files; the index is built in memory for this once")
                return here(index.in_memory)
            except SilentError as error:
                reason = str(error)
            except GoneError:
                # It begins, or ends.
                reason = "cannot be reached" if time.monotonic() > deadline else ""
        try:
            return here(lambda: index.reading(SHORTLY))
        except StoreBusyError:
            if reason:
                index.tell(f"{keeper} keeps the index and {reason}; it is built in memory for this once")
                return here(index.in_memory)


def _obstacle(keeper: Address) -> str:
    """Why a service cannot be asked."""
    if keeper.speaks_our_language:
        return ""
    return f"runs dlprov {keeper.version}: restart it" if keeper.url else "cannot be asked by you"
