"""Constraints 51 to 54: what cannot be, whatever else is stated."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from dlprov.graph.constraints.keys import INFLUENCES, MAY_SHARE
from dlprov.graph.constraints.precedence import Precedence
from dlprov.graph.constraints.statements import OBJECTS, Statement
from dlprov.graph.constraints.violations import Violation

_PROPERTIES = INFLUENCES.keys() - MAY_SHARE
"""Relations of which no two different ones have the same identifier; a derivation and an influence may have it, too."""

_RELATIONS = INFLUENCES.keys()
"""Relations whose identifiers are not those of an entity, an activity or an agent."""


def check(statements: list[Statement]) -> list[Violation]:
    """Derivations without their activity, things that specialize themselves, and identifiers used twice."""
    return [*_unspecified_derivations(statements), *_own_specializations(statements), *_overlaps(statements)]


def _unspecified_derivations(statements: list[Statement]) -> list[Violation]:
    violations = []
    for statement in statements:
        if statement.kind != "wasDerivedFrom" or statement.argument("activity"):
            continue
        given = [name for name in ("generation", "usage") if statement.argument(name)]
        if given:
            message = f"a derivation names its {' and '.join(given)}, but not the activity"
            violations.append(Violation((51,), message, tuple(statement.shown())))
    return violations


def _own_specializations(statements: list[Statement]) -> list[Violation]:
    """Constraint 52 on the transitive closure (inference 19): a cycle of specializations."""
    order = Precedence()
    for statement in statements:
        special, general = statement.argument("specificEntity"), statement.argument("generalEntity")
        if special and general:
            order.add(special, general, 52, statement, is_strict=True)
    violations = []
    for cycle in order.impossible():
        shown = [text for step in cycle if step.statement for text in step.statement.shown()]
        things = " → ".join(str(step.before) for step in cycle)
        violations.append(Violation((52,), f"an entity specializes itself: {things}", tuple(shown)))
    return violations


def _overlaps(statements: list[Statement]) -> list[Violation]:
    kinds: dict[str, dict[str, Statement]] = defaultdict(dict)
    for statement in statements:
        if statement.id and (statement.kind in _RELATIONS or statement.kind in OBJECTS):
            kinds[statement.id].setdefault(statement.kind, statement)
    violations = []
    for name, found in kinds.items():
        for one, other in combinations(sorted(found), 2):
            if (one in OBJECTS) != (other in OBJECTS):
                number = 54
            elif one in _PROPERTIES and other in _PROPERTIES:
                number = 53
            else:
                continue
            shown = (*found[one].shown(), *found[other].shown())
            violations.append(Violation((number,), f"{name} identifies a {one} and a {other}", shown))
    return violations
