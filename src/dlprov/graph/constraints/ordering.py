"""Constraints 30 to 49: in which order events can have happened.

All generations of an entity are simultaneous (39), and so are its invalidations (40), and the starts (31) and ends
(32) of an activity: one event stands for all of them, and each that is stated beside others is bound to it. What is
stated to be an entity was generated and invalidated some time (inference 7), and what is stated to be an activity
started and ended (inference 8). What triggered a start or an end was generated before it, whether it is named or not
(inferences 9 and 10), and what is attributed was generated, too (13).

Only a derivation puts one event *strictly* before another one (42), so every contradiction has one in it. Nothing has
to come after an end or an invalidation but another one of these: they are never part of a contradiction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from dlprov.graph.constraints.precedence import Precedence, Step
from dlprov.graph.constraints.statements import Statement
from dlprov.graph.constraints.violations import NAMES, Violation

_MAX_SHOWN = 20


def check(statements: list[Statement]) -> list[Violation]:
    """The orders of events that contradict each other. ``statements``: merged, with what follows from them."""
    return [_violation(cycle) for cycle in precedence(statements).impossible()]


def precedence(statements: list[Statement]) -> Precedence:
    """The order of events. An event is its kind (``generation of``, …) and the IRI of what it is an event of."""
    return _History(statements).precedence


class _History:
    """The events of all statements, and their order."""

    def __init__(self, statements: list[Statement]) -> None:
        self.precedence = Precedence()
        self._exists: set[tuple[str, str]] = set()
        self._stated: Counter[tuple[str, str]] = Counter()
        self._own: dict[int, tuple[str, str]] = {}
        for statement in statements:
            self._note_events(statement)
        # In an order, so that a report is the same each time.
        for kind, name in sorted(self._exists):
            if kind == "generation of" and ("invalidation of", name) in self._exists:
                self._order(kind, name, "invalidation of", name, 36, None)
            elif kind == "start of" and ("end of", name) in self._exists:
                self._order(kind, name, "end of", name, 30, None)
        self._bind(statements)
        for statement in statements:
            add = _RULES.get(statement.kind)
            if add is not None:
                add(self, statement)

    def _note_events(self, statement: Statement) -> None:
        if statement.kind == "entity" and statement.id:
            self._exists |= {("generation of", statement.id), ("invalidation of", statement.id)}
        elif statement.kind == "activity" and statement.id:
            self._exists |= {("start of", statement.id), ("end of", statement.id)}
        for kind, name, event in _STATED:
            found = statement.argument(name) if statement.kind == kind else None
            if found:
                self._exists.add((event, found))
                self._stated[event, found] += (name, event) == _SIMULTANEOUS.get(kind, (0, "", ""))[1:]

    def _bind(self, statements: list[Statement]) -> None:
        """Constraints 31, 32, 39 and 40: what is stated several times happened at once."""
        for number, statement in enumerate(statements):
            constraint, name, kind = _SIMULTANEOUS.get(statement.kind, (0, "", ""))
            thing = statement.argument(name) if constraint else None
            if thing is None or self._stated[kind, thing] < 2:
                continue
            common, own = (kind, thing), (f"{kind} {thing}, number", statement.id or str(number))
            self._exists.add(own)
            self._own[id(statement)] = own
            self.precedence.add(common, own, constraint, statement)
            self.precedence.add(own, common, constraint, statement)

    def _event(self, statement: Statement, kind: str, thing: str | None) -> tuple[str, str | None]:
        """The very event that a statement states, as a pair of kind and name."""
        return self._own.get(id(statement)) or (kind, thing)

    def _order(
        self,
        before: str,
        first: str | None,
        after: str,
        second: str | None,
        constraint: int,
        statement: Statement | None,
        *,
        is_strict: bool = False,
    ) -> None:
        """One event precedes another one, if both exist. A usage is named by its own statement."""
        if first is None or second is None:
            return
        one, other = (before, first), (after, second)
        if (before == "usage" or one in self._exists) and (after == "usage" or other in self._exists):
            self.precedence.add(one, other, constraint, statement, is_strict=is_strict)

    def _used(self, statement: Statement) -> None:
        activity, entity, use = statement.argument("activity"), statement.argument("entity"), _usage(statement)
        self._order("start of", activity, "usage", use, 33, statement)
        self._order("usage", use, "end of", activity, 33, statement)
        self._order("generation of", entity, "usage", use, 37, statement)
        self._order("usage", use, "invalidation of", entity, 38, statement)

    def _generated(self, statement: Statement) -> None:
        activity, entity = statement.argument("activity"), statement.argument("entity")
        kind, name = self._event(statement, "generation of", entity)
        self._order("start of", activity, kind, name, 34, statement)
        self._order(kind, name, "end of", activity, 34, statement)

    def _informed(self, statement: Statement) -> None:
        informant, informed = statement.argument("informant"), statement.argument("informed")
        self._order("start of", informant, "end of", informed, 35, statement)

    def _derived(self, statement: Statement) -> None:
        new, old = statement.argument("generatedEntity"), statement.argument("usedEntity")
        if statement.argument("activity") and statement.argument("generation") and statement.argument("usage"):
            self._order("usage", statement.argument("usage"), "generation of", new, 41, statement)
        self._order("generation of", old, "generation of", new, 42, statement, is_strict=True)

    def _started(self, statement: Statement) -> None:
        self._bounded(statement, "start of", "starter", 43)

    def _ended(self, statement: Statement) -> None:
        self._bounded(statement, "end of", "ender", 44)

    def _bounded(self, statement: Statement, event: str, by: str, constraint: int) -> None:
        """Constraints 43 and 44: what triggered a start or an end was there then."""
        trigger = statement.argument("trigger")
        kind, name = self._event(statement, event, statement.argument("activity"))
        if trigger is None:
            self._triggered(statement.argument(by), kind, name, constraint, statement)
        self._order("generation of", trigger, kind, name, constraint, statement)
        self._order(kind, name, "invalidation of", trigger, constraint, statement)

    def _triggered(self, by: str | None, kind: str, name: str | None, constraint: int, statement: Statement) -> None:
        """Inferences 9 and 10: an activity generated what started or ended another one, whatever that was."""
        if by is not None and ("start of", by) in self._exists:
            trigger = ("generation of what triggered the", f"{kind} {name}")
            self.precedence.add(("start of", by), trigger, 34, statement)
            self.precedence.add(trigger, (kind, name), constraint, statement)

    def _specialized(self, statement: Statement) -> None:
        special, general = statement.argument("specificEntity"), statement.argument("generalEntity")
        if special and general:
            # Also where one of them is not known to exist: a chain of specializations passes the order on (inference
            # 19), and nothing else is bound to an event that does not exist.
            self.precedence.add(("generation of", general), ("generation of", special), 45, statement)
            self.precedence.add(("invalidation of", special), ("invalidation of", general), 46, statement)

    def _associated(self, statement: Statement) -> None:
        activity, agent = statement.argument("activity"), statement.argument("agent")
        self._order("start of", activity, "invalidation of", agent, 47, statement)
        self._order("generation of", agent, "end of", activity, 47, statement)
        self._order("start of", activity, "end of", agent, 47, statement)
        self._order("start of", agent, "end of", activity, 47, statement)

    def _attributed(self, statement: Statement) -> None:
        entity, agent = statement.argument("entity"), statement.argument("agent")
        self._order("generation of", agent, "generation of", entity, 48, statement)
        self._order("start of", agent, "generation of", entity, 48, statement)

    def _delegated(self, statement: Statement) -> None:
        delegate, responsible = statement.argument("delegate"), statement.argument("responsible")
        self._order("generation of", responsible, "invalidation of", delegate, 49, statement)
        self._order("start of", responsible, "end of", delegate, 49, statement)


_SIMULTANEOUS = {
    "wasStartedBy": (31, "activity", "start of"),
    "wasEndedBy": (32, "activity", "end of"),
    "wasGeneratedBy": (39, "entity", "generation of"),
    "wasInvalidatedBy": (40, "entity", "invalidation of"),
}
"""Statements of events that happen once to a thing: the constraint that says so, their argument and the event."""

_STATED = (
    ("wasGeneratedBy", "entity", "generation of"),
    ("wasInvalidatedBy", "entity", "invalidation of"),
    ("wasStartedBy", "activity", "start of"),
    ("wasEndedBy", "activity", "end of"),
    # Inference 13: what is attributed was generated.
    ("wasAttributedTo", "entity", "generation of"),
    # Inferences 9 and 10: what triggered something was generated, by whatever activity.
    ("wasStartedBy", "trigger", "generation of"),
    ("wasEndedBy", "trigger", "generation of"),
)
"""Statements, their argument, and the event of it that they state or imply."""

_RULES: dict[str, Callable[[_History, Statement], None]] = {
    "used": _History._used,
    "wasGeneratedBy": _History._generated,
    "wasInformedBy": _History._informed,
    "wasDerivedFrom": _History._derived,
    "wasStartedBy": _History._started,
    "wasEndedBy": _History._ended,
    "specializationOf": _History._specialized,
    "mentionOf": _History._specialized,
    "wasAssociatedWith": _History._associated,
    "wasAttributedTo": _History._attributed,
    "actedOnBehalfOf": _History._delegated,
}


def _usage(statement: Statement) -> str:
    return statement.id or f"#{id(statement)}"


def _violation(cycle: list[Step]) -> Violation:
    numbers = tuple(dict.fromkeys(step.constraint for step in cycle))
    told = [
        f"{_shown(step.before)} {'before' if step.is_strict else 'not after'} {_shown(step.after)}" for step in cycle
    ]
    left_out = [f"… {len(told) - _MAX_SHOWN} more"] if len(told) > _MAX_SHOWN else []
    reasons = ", ".join(f"{number} ({NAMES[number]})" for number in numbers)
    message = f"no history has this order: {'; '.join([*told[:_MAX_SHOWN], *left_out])}; by constraints {reasons}"
    statements = [text for step in cycle[:_MAX_SHOWN] if step.statement for text in step.statement.shown()]
    return Violation(numbers, message, tuple(dict.fromkeys(statements)))


def _shown(event: object) -> str:
    kind, name = event if isinstance(event, tuple) else ("", str(event))
    if kind == "usage" and name.startswith("#"):
        return "the usage"
    return f"the {kind} {name}"
