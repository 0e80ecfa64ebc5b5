"""The states of a task."""

from __future__ import annotations

from enum import Enum


class TaskStatus(Enum):
    """The state of a task."""

    READY = "READY"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
