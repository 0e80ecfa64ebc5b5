"""Values that were read and look wrong: nothing is repaired, but somebody should look."""

from __future__ import annotations

from typing import Any

EPOCHS = ("epoch", "epoch_id")

_AT_LEAST = 100
_ROWS_BEFORE = 2


class EpochWatch:
    """Watches the epochs of one table: where they counted up one by one, one that is ten times too large is odd.

    That is how a number looks that something was glued to, such as the number of a page.
    """

    def __init__(self) -> None:
        self._last: dict[Any, float] = {}
        self._counted: dict[Any, int] = {}

    def expected(self, task: Any, epoch: Any) -> float | None:
        """The epoch that was expected instead of an odd one in a row of ``task``; ``None`` if it is not odd."""
        if not isinstance(epoch, int | float) or isinstance(epoch, bool):
            return None
        last = self._last.get(task)
        following = None if last is None else last + 1
        if following is not None and self._counted.get(task, 0) >= _ROWS_BEFORE:
            is_odd = epoch >= _AT_LEAST and epoch > 10 * following
            if is_odd:
                self._last[task] = following
                return following
        self._counted[task] = self._counted.get(task, 0) + 1 if epoch in (following, 0) else 0
        self._last[task] = epoch
        return None
