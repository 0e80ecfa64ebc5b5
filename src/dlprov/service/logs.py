"""What the service tells on stderr: one line a matter, in which a client's text can neither begin lines nor flood."""

from __future__ import annotations

import logging
import sys
import time

LINES = 20
"""How many lines of one kind there may be within :data:`SECONDS`; of more only the number is told."""

SECONDS = 10.0
LONGEST = 2000
"""How many characters a line may have."""


class Lines(logging.Formatter):
    """One line a record, traceback excepted; what a terminal would act on is escaped."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return _escaped(super().format(record), "\n")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line of a record, without its traceback."""
        record.message = _escaped(record.message[:LONGEST])
        return super().formatMessage(record)


class Sparing(logging.Filter):
    """Lets a number of warnings pass, and counts the others. Where threads meet, one may be miscounted."""

    def __init__(self) -> None:
        super().__init__()
        self._since = 0.0
        self._told = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if record.levelno > logging.WARNING:
            return True
        now = time.monotonic()
        if now - self._since > SECONDS:
            if self._told > LINES:
                record.msg = f"{record.getMessage()} ({self._told - LINES:,} lines before this one were left out)"
                record.args = ()
            self._since, self._told = now, 0
        self._told += 1
        return self._told <= LINES


def begin() -> None:
    """Write the log of the service, and faults of the server under it, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    handler.addFilter(Sparing())
    for name, level in (("dlprov.service", logging.INFO), ("uvicorn", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _escaped(text: str, allowed: str = "") -> str:
    return "".join(
        letter if letter.isprintable() or letter in allowed else letter.encode("unicode_escape").decode()
        for letter in text
    )
