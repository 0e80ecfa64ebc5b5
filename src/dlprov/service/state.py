"""What the parts of the service share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from dlprov.capture.dfanalyzer import Recorder
from dlprov.model import Dataflow
from dlprov.service.guard import same
from dlprov.service.performance import Counters
from dlprov.service.repeats import Repeats
from dlprov.store.ownership import OwnedIndex

MAX_BODY = 64 * 1024 * 1024
"""The largest body that is taken, in bytes, unless it is configured."""


@dataclass(eq=False)
class Service:
    """One service over one store.

    Attributes:
        store: The store directory.
        recorder: Takes in messages.
        index: Answers questions.
        plans: Dataflows, by tag, that the index knew when a task of theirs came: the recorder looks here, too.
        token: What everybody must show; empty: nothing.
        local_key: What the owner of the store shows instead, from the address file.
        hosts: Names under which the service is asked, in lower case, beside addresses of this machine.
        max_body: The largest body that is taken, in bytes.
        stop: Ends the service, after what has begun is answered.
        counters: What was taken in since the start.
        repeats: Which messages were taken in before.
        slowly: One thread for work that would keep others waiting, piece by piece.
        ends: What its parts want to be done at the end of the service.
    """

    store: Path
    recorder: Recorder
    repeats: Repeats
    index: OwnedIndex
    plans: dict[str, Dataflow] = field(default_factory=dict)
    token: str = ""
    local_key: str = ""
    hosts: frozenset[str] = frozenset({"localhost"})
    max_body: int = MAX_BODY
    stop: Callable[[], None] = lambda: None
    counters: Counters = field(default_factory=Counters)
    slowly: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="dlprov-large")
    )

    ends: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Seal what was recorded. Nothing may be asked or recorded any more."""
        self.slowly.shutdown()
        self.ends.close()
        self.recorder.close()

    def knows(self, secret: bytes) -> bool:
        """Whether a secret is the token or the local key."""
        return same(secret, self.token) or self.is_local_key(secret)

    def is_local_key(self, secret: bytes) -> bool:
        """Whether a secret is the one that only the owner of the store can read."""
        return same(secret, self.local_key)
