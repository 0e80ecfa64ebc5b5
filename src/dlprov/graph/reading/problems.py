"""Why a document cannot be read."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818 - it becomes an error with the file's name
    """A document cannot be read.

    Attributes:
        reason: Why, for a person.
        line: The line, from 1; 0 where it is not known.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
