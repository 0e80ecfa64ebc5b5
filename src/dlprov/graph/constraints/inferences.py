"""Inferences whose conclusions the constraints look at.

Inferences that only say that *some* event or thing exists (5 to 8, 13) are drawn where the ordering of events is
looked at, and only as far as they matter there. Inference 15, that a relation is an influence of the same identifier,
is drawn where keys are looked at. 6, 12, 16 to 18 and 20 have conclusions that no constraint speaks of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

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


def specialized(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Inferences 19 and 21: what specializes a stated entity, directly or not, is an entity.

    Its attributes are left out: the only one that matters is looked at with the types.
    """
    links: dict[str, list[tuple[str, Statement]]] = defaultdict(list)
    for statement in statements:
        special, general = statement.argument("specificEntity"), statement.argument("generalEntity")
        if special and general:
            links[general].append((special, statement))
    if not links:
        return
    known = {statement.id for statement in statements if statement.kind == "entity" and statement.id}
    waiting = sorted(name for name in known if name in links)
    while waiting:
        for special, link in links.get(waiting.pop(), ()):
            if special not in known:
                known.add(special)
                waiting.append(special)
                yield Statement("entity", special, records=link.records)


def _trigger_was_generated(statement: Statement) -> Iterator[Statement]:
    """Inferences 9 and 10: the activity that starts or ends another one generated what triggered that."""
    trigger = statement.argument("trigger")
    by = statement.argument("starter" if statement.kind == "wasStartedBy" else "ender")
    if trigger and by:
        yield Statement("wasGeneratedBy", None, {"entity": trigger, "activity": by}, records=statement.records)


def _derivation_used_and_generated(statement: Statement) -> Iterator[Statement]:
    """Inference 11: a derivation that names its activity states a usage and a generation.

    Where it does not name these, some are meant (Definition 4).
    """
    names = ("generatedEntity", "usedEntity", "activity", "generation", "usage")
    generated, used, activity, generation, usage = (statement.argument(name) for name in names)
    if activity:
        records = statement.records
        if used:
            yield Statement("used", usage, {"activity": activity, "entity": used}, records=records)
        if generated:
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
