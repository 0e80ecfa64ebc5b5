"""How much the service has taken in, and how long that took: DfAnalyzer's ``/performance``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

TITLES = (
    "timestamp",
    "transactions_generated",
    "transactions_processed",
    "transactions_generation_time",
    "transactions_parsing_time",
    "queueing_time",
    "queue_average_time",
    "queue_pendent_transactions",
    "processing_time",
)

_TRUTHS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


@dataclass(slots=True)
class Counters:
    """Since the service started: messages, and seconds. Changed by the event loop's thread alone."""

    stored: int = 0
    parsing: float = 0.0
    storing: float = 0.0

    def line(self, now: datetime) -> str:
        """The figures at a moment, as :data:`TITLES` names them.

        A message becomes no transaction and waits in no queue: it is stored at once. What that would take is 0.
        """
        stamp = now.strftime("%Y-%m-%d %H:%M:%S") + f".{now.microsecond // 1000:03}".rstrip("0")
        figures = (
            stamp + "0" if stamp.endswith(".") else stamp,
            str(self.stored),
            str(self.stored),
            "0",
            _seconds(self.parsing),
            "0",
            "0",
            "0",
            _seconds(self.storing),
        )
        return ";".join(figures)


def is_wanted(header: str) -> bool | None:
    """The boolean that a path writes, in Spring's spellings; ``None`` if it is none."""
    return _TRUTHS.get(header.lower())


def text(counters: Counters, *, header: bool) -> str:
    """The answer to ``/performance/<header>``: a line of titles if they are wanted, and one of figures."""
    lines = [";".join(TITLES)] if header else []
    return "\n".join([*lines, counters.line(datetime.now().astimezone())])


def _seconds(value: float) -> str:
    """Seconds with at most two decimals, and no zeros at the end."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
