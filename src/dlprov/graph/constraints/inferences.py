"""Inferences whose conclusions the constraints look at.

Inferences that only say that *some* event or thing exists (5 to 8, 13) are drawn where the ordering of events is
looked at, and only as far as they matter there; 6 and 15 to 18 have conclusions that no constraint speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlprov.graph.constraints.statements import Statement


def inferred(statements: Iterable[Statement]) -> Iterator[Statement]:
    """What follows from the statements by inferences 9, 10, 11 and 14; some of it may be stated already.

    The conclusions have the records of their premises, which a report then names.
    """
    for statement in statements:
        if statement.kind in ("wasStartedBy", "wasEndedBy"):
            yield from _trigger_was_generated(statement)
        elif statement.kind == "wasDerivedFrom":
            yield from _derivation_used_and_generated(statement)
        elif statement.kind == "actedOnBehalfOf":
            yield from _both_are_associated(statement)


def _trigger_was_generated(statement: Statement) -> Iterator[Statement]:
    """Inferences 9 and 10: the activity that starts or ends another one generated what triggered that."""
    trigger = statement.argument("trigger")
    by = statement.argument("starter" if statement.kind == "wasStartedBy" else "ender")
    if trigger and by:
        yield Statement("wasGeneratedBy", None, {"entity": trigger, "activity": by}, records=statement.records)


def _derivation_used_and_generated(statement: Statement) -> Iterator[Statement]:
    """Inference 11: a derivation that names its activity, generation and usage states both."""
    names = ("generatedEntity", "usedEntity", "activity", "generation", "usage")
    generated, used, activity, generation, usage = (statement.argument(name) for name in names)
    if generated and used and activity and generation and usage:
        records = statement.records
        yield Statement("used", usage, {"activity": activity, "entity": used}, records=records)
        yield Statement("wasGeneratedBy", generation, {"entity": generated, "activity": activity}, records=records)


def _both_are_associated(statement: Statement) -> Iterator[Statement]:
    """Inference 14: who acts for another one in an activity is associated with it, and so is the other one."""
    activity = statement.argument("activity")
    for name in ("delegate", "responsible"):
        agent = statement.argument(name)
        if activity and agent:
            yield Statement(
                "wasAssociatedWith", None, {"activity": activity, "agent": agent}, records=statement.records
            )
