"""Constraints 50, 55 and 56: what things are, by the statements that they occur in."""

from __future__ import annotations

from collections import defaultdict

from prov.model import PROV

from dlprov.graph.constraints.statements import Statement
from dlprov.graph.constraints.violations import Violation

EMPTY = PROV["EmptyCollection"].uri

_ENTITY, _ACTIVITY, _AGENT = "entity", "activity", "agent"

TYPES: dict[str, dict[str, str]] = {
    "wasGeneratedBy": {"entity": _ENTITY, "activity": _ACTIVITY},
    "used": {"activity": _ACTIVITY, "entity": _ENTITY},
    "wasInformedBy": {"informed": _ACTIVITY, "informant": _ACTIVITY},
    "wasStartedBy": {"activity": _ACTIVITY, "trigger": _ENTITY, "starter": _ACTIVITY},
    "wasEndedBy": {"activity": _ACTIVITY, "trigger": _ENTITY, "ender": _ACTIVITY},
    "wasInvalidatedBy": {"entity": _ENTITY, "activity": _ACTIVITY},
    "wasDerivedFrom": {"generatedEntity": _ENTITY, "usedEntity": _ENTITY, "activity": _ACTIVITY},
    "wasAttributedTo": {"entity": _ENTITY, "agent": _AGENT},
    "wasAssociatedWith": {"activity": _ACTIVITY, "agent": _AGENT, "plan": _ENTITY},
    "actedOnBehalfOf": {"delegate": _AGENT, "responsible": _AGENT, "activity": _ACTIVITY},
    "alternateOf": {"alternate1": _ENTITY, "alternate2": _ENTITY},
    "specializationOf": {"specificEntity": _ENTITY, "generalEntity": _ENTITY},
    "mentionOf": {"specificEntity": _ENTITY, "generalEntity": _ENTITY},
    "hadMember": {"collection": _ENTITY, "entity": _ENTITY},
}
"""What the arguments of each statement are (constraint 50)."""


def check(statements: list[Statement]) -> list[Violation]:
    """Things that are entity and activity at once, and empty collections with members."""
    reasons: dict[str, dict[str, Statement]] = defaultdict(dict)
    for statement in statements:
        if statement.kind in (_ENTITY, _ACTIVITY, _AGENT) and statement.id:
            reasons[statement.id].setdefault(statement.kind, statement)
        for name, kind in TYPES.get(statement.kind, {}).items():
            thing = statement.argument(name)
            if thing:
                reasons[thing].setdefault(kind, statement)
    violations = []
    for thing, kinds in reasons.items():
        if _ENTITY in kinds and _ACTIVITY in kinds:
            shown = (*kinds[_ENTITY].shown(), *kinds[_ACTIVITY].shown())
            violations.append(Violation((55, 50), f"{thing} is an entity and an activity at once", shown))
    return violations + _empty_with_members(statements)


def _empty_with_members(statements: list[Statement]) -> list[Violation]:
    empty: dict[str | None, Statement] = {
        item.id: item for item in statements if item.kind == _ENTITY and item.id and EMPTY in item.types
    }
    if empty:
        _specialize(statements, empty)
    violations = []
    for statement in statements:
        collection = statement.argument("collection") if statement.kind == "hadMember" else None
        if collection in empty:
            shown = (*empty[collection].shown(), *statement.shown())
            violations.append(Violation((56, 50), f"the empty collection {collection} has a member", shown))
    return violations


def _specialize(statements: list[Statement], empty: dict[str | None, Statement]) -> None:
    """Inference 21: what specializes an entity has its attributes, so it is empty, too."""
    special: dict[str | None, list[str]] = defaultdict(list)
    for statement in statements:
        if statement.kind in ("specializationOf", "mentionOf"):
            found = statement.argument("specificEntity")
            if found:
                special[statement.argument("generalEntity")].append(found)
    waiting = list(empty)
    while waiting:
        general = waiting.pop()
        for found in special[general]:
            if found not in empty:
                empty[found] = empty[general]
                waiting.append(found)
