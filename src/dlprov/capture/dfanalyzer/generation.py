"""Which predefined dataflow a script was written against: it says only ``predefined=True``, its tasks tell the rest."""

from __future__ import annotations

from dlprov.capture.dfanalyzer.messages import TaskMessage
from dlprov.capture.dfanalyzer.profiles import PROFILES
from dlprov.capture.dfanalyzer.rows import widths
from dlprov.model import Dataflow, Set, Transformation

HEADER = "DLProv-Predefined"
"""The header of a dataflow message that names the profile which its client has put in without knowing better."""


class Generation:
    """The profiles that the tasks of one dataflow fit. Not for several threads at once.

    Attributes:
        profile: The name of the only one that is left; empty as long as there are several.
    """

    def __init__(self) -> None:
        self.profile = ""
        self._left = list(PROFILES)
        self._seen: set[tuple[object, ...]] = set()

    def narrow(self, message: TaskMessage) -> bool:
        """Take in a task; whether it told which profile it is. After that, and for what fits none, always false."""
        if self.profile:
            return False
        # Nearly every message of a training says what others have said: its rows need not be looked at again.
        evidence: tuple[object, ...] = (message.transformation, message.dependency)
        for tag, elements in message.sets:
            first = elements[0] if elements else ""
            evidence += (tag, len(elements), len(first) if isinstance(first, list) else -1)
        if evidence in self._seen:
            return False
        self._seen.add(evidence)
        fitting = [name for name in self._left if _fits(PROFILES[name], message)]
        self._left = fitting or self._left
        if len(fitting) == 1:
            self.profile = fitting[0]
        return bool(self.profile)


def undecided(plan: Dataflow, profile: str) -> Dataflow:
    """A plan without the transformations that it has from a profile: those are declared when tasks have told."""
    assumed = {_folded(one) for one in PROFILES.get(profile, ())}
    return Dataflow(plan.tag, tuple(one for one in plan.transformations if _folded(one) not in assumed))


def _folded(transformation: Transformation) -> Transformation:
    sets = tuple(Set(one.tag.lower(), one.type, one.attributes, one.dependency.lower()) for one in transformation.sets)
    return Transformation(transformation.tag.lower(), sets, transformation.programs)


def _fits(profile: tuple[Transformation, ...], message: TaskMessage) -> bool:
    form = next((one for one in profile if one.tag.lower() == message.transformation), None)
    if form is None:
        return False
    producers = {one.dependency for one in form.sets if one.dependency}
    if not {tag for tag, _ in message.dependency} <= producers:
        return False
    columns = {one.tag.lower(): 0 if one.dependency else len(one.attributes) for one in form.sets}
    return all(
        tag in columns and all(_holds(columns[tag], width) for width in widths(elements))
        for tag, elements in message.sets
    )


def _holds(columns: int, width: int) -> bool:
    """Whether so many values are rows of a set. One column's rows come one by one; a set of others' tasks takes all."""
    return not columns or width == columns or (columns > 1 and width % columns == 0)
