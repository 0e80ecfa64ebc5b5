"""One background thread a process, for everything that must not happen in the training thread.

It wakes every 100 ms and calls ``tick`` of what is registered: file synchronisation, heartbeats, values that
were not ready. It polls because a queue that wakes its consumer costs the producer milliseconds under load.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from typing import Protocol

INTERVAL = 0.1
"""Seconds between two wake-ups."""


class Ticker(Protocol):
    """Something with regular work. ``tick`` is called in the background thread and must not block for long."""

    def tick(self, now: float) -> None:
        """Do what is due; ``now`` is ``time.monotonic()``, in seconds."""


class Background:
    """The thread and its registered work. Holds its tickers weakly; all methods may be called by any thread."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._tickers: weakref.WeakSet[Ticker] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, ticker: Ticker) -> None:
        """Call ``ticker.tick`` from now on, for as long as somebody else holds it."""
        with self._lock:
            self._tickers.add(ticker)
            if sys.is_finalizing():
                # No thread begins any more, and with some versions of Python start() would wait for it for ever.
                return
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="dlprov-background", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:
                    # The interpreter is shutting down: what is left is done by the ends of runs themselves.
                    self._thread = None

    def remove(self, ticker: Ticker) -> None:
        """Stop calling ``ticker.tick``."""
        with self._lock:
            self._tickers.discard(ticker)

    def after_fork_in_child(self) -> None:
        """Forget the parent's thread, its lock and its work: none of them exists in a forked child."""
        self._reset()

    def _work(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            time.sleep(self._interval)
            with self._lock:
                tickers = list(self._tickers)
                if not tickers:
                    self._thread = None
                    return
            now = time.monotonic()
            for ticker in tickers:
                try:
                    ticker.tick(now)
                except Exception:  # noqa: BLE001, S112 - one ticker's fault must not stop the others' work
                    continue


background = Background()
"""The background thread of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=background.after_fork_in_child)
