"""Uniqueness constraints 22 to 29: statements with the same key are the same, and must agree.

Where an argument is missing it is not known, and takes what the other statement has; only where its absence says that
there is none (:data:`~dlprov.graph.constraints.statements.FIXED`), it differs from everything else. A relation is an
influence with the same identifier (inference 15), so it has to agree with the influence that is stated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from dlprov.graph.constraints.statements import FIXED, OBJECTS, Statement
from dlprov.graph.constraints.violations import Violation

_SAME_EVENT: dict[str, tuple[int, tuple[str, str]]] = {
    "wasGeneratedBy": (24, ("entity", "activity")),
    "wasInvalidatedBy": (25, ("entity", "activity")),
    "wasStartedBy": (26, ("activity", "starter")),
    "wasEndedBy": (27, ("activity", "ender")),
}

_ACTIVITY_TIMES = (("wasStartedBy", "startTime", 28), ("wasEndedBy", "endTime", 29))

INFLUENCES = {
    "wasGeneratedBy": ("entity", "activity"),
    "used": ("activity", "entity"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger"),
    "wasEndedBy": ("activity", "trigger"),
    "wasInvalidatedBy": ("entity", "activity"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent"),
    "actedOnBehalfOf": ("delegate", "responsible"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasInfluencedBy": ("influencee", "influencer"),
}
"""For each relation, its arguments that are an influence's (inference 15)."""

MAY_SHARE = frozenset({"wasDerivedFrom", "wasInfluencedBy"})
"""Relations that may be the same as another one; that two others are is impossible anyway (constraint 53)."""

_WITHOUT_KEY = frozenset({"alternateOf", "specializationOf", "mentionOf", "hadMember"})


def merged(statements: Iterable[Statement]) -> tuple[list[Statement], list[Violation]]:
    """The statements with those made one that have the same key, and where that is impossible."""
    violations: list[Violation] = []
    by_id: dict[tuple[str, str], Statement] = {}
    found: list[Statement] = []
    for statement in statements:
        if statement.id is None or statement.kind in _WITHOUT_KEY:
            found.append(statement)
            continue
        number = 22 if statement.kind in OBJECTS else 23
        first = by_id.setdefault((statement.kind, statement.id), statement)
        if first is statement:
            found.append(statement)
        else:
            violations += _merge(first, statement, number)
    _agree_with_influences(by_id.values(), violations)
    return _same_events(found, violations), violations


def activity_times(statements: Iterable[Statement]) -> list[Violation]:
    """Constraints 28 and 29: an activity's times are those of all its starts and ends, whether it tells them or not."""
    listed = list(statements)
    activities = {statement.id: statement for statement in listed if statement.kind == "activity"}
    known: dict[tuple[str | None, str], tuple[Statement, datetime]] = {}
    for statement in activities.values():
        known |= {(statement.id, name): (statement, moment) for name, moment in statement.times.items()}
    violations = []
    for statement in listed:
        for kind, name, number in _ACTIVITY_TIMES:
            activity = activities.get(statement.argument("activity")) if statement.kind == kind else None
            moment = statement.times.get("time")
            if activity is None or moment is None:
                continue
            source, stated = known.setdefault((activity.id, name), (statement, moment))
            if not _same_time(stated, moment):
                whose = "" if source is activity else f" by one {kind}"
                message = (
                    f"the activity {activity.id} has the {name} {stated.isoformat()}{whose}, "
                    f"{'its' if source is activity else 'another'} {kind} says {moment.isoformat()}"
                )
                shown = dict.fromkeys((*activity.shown(), *source.shown(), *statement.shown()))
                violations.append(Violation((number,), message, tuple(shown)))
    return violations


def _agree_with_influences(statements: Iterable[Statement], violations: list[Violation]) -> None:
    """Inference 15 and constraint 23: what has the identifier of an influence is that influence."""
    by_id: dict[str | None, list[Statement]] = defaultdict(list)
    for statement in statements:
        if statement.kind in INFLUENCES:
            by_id[statement.id].append(statement)
    for name, same in by_id.items():
        if len(same) < 2 or sum(statement.kind not in MAY_SHARE for statement in same) > 1:
            continue
        for position, role in enumerate(INFLUENCES["wasInfluencedBy"]):
            named = [(statement, INFLUENCES[statement.kind][position]) for statement in same]
            given = list(dict.fromkeys(statement.argument(argument) for statement, argument in named))
            values = [value for value in given if value is not None]
            if len(values) > 1:
                message = f"the wasInfluencedBy {name} is stated with {role} {' and '.join(values)}"
                shown = dict.fromkeys(text for statement in same for text in statement.shown())
                violations.append(Violation((23,), message, tuple(shown)))
            elif values:
                for statement, argument in named:
                    statement.arguments.setdefault(argument, values[0])


def _same_events(statements: list[Statement], violations: list[Violation]) -> list[Statement]:
    known: dict[tuple[str, str, str], Statement] = {}
    found: list[Statement] = []
    for statement in statements:
        number, names = _SAME_EVENT.get(statement.kind, (0, ("", "")))
        first, second = statement.argument(names[0]), statement.argument(names[1])
        if first is None or second is None:
            found.append(statement)
            continue
        event = known.setdefault((statement.kind, first, second), statement)
        if event is statement:
            found.append(statement)
        else:
            violations += _merge(event, statement, number)
    return found


def _merge(first: Statement, second: Statement, number: int) -> list[Violation]:
    """Make ``second`` a part of ``first``; where they disagree, ``first`` stays as it is."""
    problems = []
    if first.id is not None and second.id is not None and first.id != second.id:
        problems.append(f"the identifiers {first.id} and {second.id}")
    fixed = FIXED.get(first.kind, ())
    for name in dict.fromkeys((*first.arguments, *second.arguments)):
        one, other = first.argument(name), second.argument(name)
        if one != other and ((one is not None and other is not None) or name in fixed):
            problems.append(f"{name} {one or '-'} and {other or '-'}")
        elif one is None and other is not None:
            first.arguments[name] = other
    for name, moment in second.times.items():
        known = first.times.setdefault(name, moment)
        if not _same_time(known, moment):
            problems.append(f"{name} {known.isoformat()} and {moment.isoformat()}")
    shown = tuple(dict.fromkeys((*first.shown(), *second.shown())))
    first.id = first.id or second.id
    first.types |= second.types
    first.records += second.records
    what = f"the {first.kind} {first.id}" if first.id else f"the {first.kind} of {', '.join(first.arguments.values())}"
    return [Violation((number,), f"{what} is stated with {problem}", shown) for problem in problems]


def _same_time(first: datetime, second: datetime) -> bool:
    if (first.tzinfo is None) != (second.tzinfo is None):
        # One of them names no time zone: as far as it says, they agree if their clocks do.
        return first.replace(tzinfo=None) == second.replace(tzinfo=None)
    return first == second
