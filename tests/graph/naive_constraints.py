"""PROV-CONSTRAINTS word by word: every inference and constraint as the Recommendation has it, with no thought of speed.

Statements are tuples: kind, identifier and arguments, by short names. What a document does not say becomes an unknown;
inferences add statements with more unknowns, until nothing is new; uniqueness makes unknowns known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from typing import Any

Fact = tuple[Any, ...]

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "entity": (),
    "activity": ("startTime", "endTime"),
    "agent": (),
    "used": ("activity", "entity", "time"),
    "wasGeneratedBy": ("entity", "activity", "time"),
    "wasInvalidatedBy": ("entity", "activity", "time"),
    "wasStartedBy": ("activity", "trigger", "starter", "time"),
    "wasEndedBy": ("activity", "trigger", "ender", "time"),
    "wasInformedBy": ("informed", "informant"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity", "activity", "generation", "usage"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent", "plan"),
    "actedOnBehalfOf": ("delegate", "responsible", "activity"),
    "wasInfluencedBy": ("influencee", "influencer"),
    "specializationOf": ("specific", "general"),
    "hadMember": ("collection", "entity"),
}
"""The statements; the empty collections are told apart from them."""

OBJECTS = ("entity", "activity", "agent")
WITHOUT_ID = ("specializationOf", "hadMember")
INFLUENCES = tuple(kind for kind in ARGUMENTS if kind not in (*OBJECTS, *WITHOUT_ID, "wasInfluencedBy"))
EVENTS = ("wasGeneratedBy", "wasInvalidatedBy", "wasStartedBy", "wasEndedBy")

NONE = "-"
"""There is none, which is known."""


class Unknown:
    """Something that exists; equal to itself alone."""


class InvalidError(Exception):
    """The document is not valid."""


def is_valid(told: Iterable[Fact], empty: Iterable[str] = ()) -> bool:
    """Whether a document is valid.

    Args:
        told: Its statements; ``None`` is what they do not say.
        empty: The entities that are stated to be empty collections.
    """
    try:
        _Instance(told, empty).check()
    except InvalidError:
        return False
    return True


def _expanded(fact: Fact) -> Fact:
    """Definitions 1 to 4."""
    kind, name, *arguments = fact
    if kind == "wasAssociatedWith" and arguments[2] is None:
        arguments[2] = NONE
    if kind == "wasDerivedFrom" and arguments[2] is None:
        arguments[2:] = [NONE if argument is None else argument for argument in arguments[2:]]
    given = [Unknown() if argument is None else argument for argument in arguments]
    return (kind, NONE if kind in WITHOUT_ID else name or Unknown(), *given)


class _Instance:
    def __init__(self, told: Iterable[Fact], empty: Iterable[str]) -> None:
        self.facts = {_expanded(fact) for fact in told}
        self.empty = set(empty)

    def check(self) -> None:
        self.unify()
        while self.infer():
            self.unify()
        self.typing()
        self.impossible()
        self.order()

    def all(self, *kinds: str) -> list[Fact]:
        return [fact for fact in self.facts if fact[0] in kinds]

    def unify(self) -> None:
        """Constraints 22 to 29."""
        while (pair := next(self.differing(), None)) is not None:
            one, other = pair if isinstance(pair[0], Unknown) else pair[::-1]
            if not isinstance(one, Unknown):
                raise InvalidError(pair)
            self.facts = {tuple(other if part is one else part for part in fact) for fact in self.facts}

    def differing(self) -> Iterator[tuple[Any, Any]]:
        """What has to be the same and is not."""
        for kind in ARGUMENTS:
            for one, other in combinations(self.all(kind), 2):
                same = kind in EVENTS and one[2] == other[2] and one[_second(kind)] == other[_second(kind)]
                if same or (one[1] == other[1] and kind not in WITHOUT_ID):
                    yield from ((a, b) for a, b in zip(one, other, strict=True) if a != b)
        for activity in self.all("activity"):
            for kind, place in (("wasStartedBy", 2), ("wasEndedBy", 3)):
                times = (event[5] for event in self.all(kind) if event[2] == activity[1])
                yield from ((time, activity[place]) for time in times if time != activity[place])

    def infer(self) -> bool:
        """Inferences 5 to 21, but 6, 12, 16 to 18 and 20, which have no consequences; whether anything is new."""
        before, empty = len(self.facts), len(self.empty)
        for fact in list(self.facts):
            getattr(self, f"infer_{fact[0]}", self.infer_nothing)(fact)
            if fact[0] in INFLUENCES:
                self.need("wasInfluencedBy", fact[1], fact[2], fact[3])
        return (before, empty) != (len(self.facts), len(self.empty))

    def need(self, kind: str, name: Any, *arguments: Any) -> None:
        """There is such a statement; ``None`` stands for whatever."""
        for fact in self.all(kind):
            if all(
                wanted is None or wanted == found for wanted, found in zip((name, *arguments), fact[1:], strict=True)
            ):
                return
        self.facts.add((kind, *(Unknown() if part is None else part for part in (name, *arguments))))

    def infer_nothing(self, fact: Fact) -> None:
        pass

    def infer_wasInformedBy(self, fact: Fact) -> None:  # noqa: N802 - as PROV has it
        made = {generation[2] for generation in self.all("wasGeneratedBy") if generation[3] == fact[3]}
        if not any(use[2] == fact[2] and use[3] in made for use in self.all("used")):
            entity = Unknown()
            self.need("wasGeneratedBy", None, entity, fact[3], None)
            self.need("used", None, fact[2], entity, None)

    def infer_entity(self, fact: Fact) -> None:
        self.need("wasGeneratedBy", None, fact[1], None, None)
        self.need("wasInvalidatedBy", None, fact[1], None, None)
        for link in self.all("specializationOf"):
            if link[3] == fact[1]:
                self.need("entity", link[2])
                self.empty |= {link[2]} if fact[1] in self.empty else set()

    def infer_activity(self, fact: Fact) -> None:
        self.need("wasStartedBy", None, fact[1], None, None, fact[2])
        self.need("wasEndedBy", None, fact[1], None, None, fact[3])

    def infer_wasStartedBy(self, fact: Fact) -> None:  # noqa: N802 - as PROV has it
        self.need("wasGeneratedBy", None, fact[3], fact[4], None)

    infer_wasEndedBy = infer_wasStartedBy  # noqa: N815 - as PROV has it

    def infer_wasDerivedFrom(self, fact: Fact) -> None:  # noqa: N802 - as PROV has it
        _, _, new, old, activity, generation, usage = fact
        if NONE not in (activity, generation, usage):
            self.need("used", usage, activity, old, None)
            self.need("wasGeneratedBy", generation, new, activity, None)

    def infer_wasAttributedTo(self, fact: Fact) -> None:  # noqa: N802 - as PROV has it
        made_by = {generation[3] for generation in self.all("wasGeneratedBy") if generation[2] == fact[2]}
        if not any(link[2] in made_by and link[3] == fact[3] for link in self.all("wasAssociatedWith")):
            activity = Unknown()
            self.need("wasGeneratedBy", None, fact[2], activity, None)
            self.need("wasAssociatedWith", None, activity, fact[3], None)

    def infer_actedOnBehalfOf(self, fact: Fact) -> None:  # noqa: N802 - as PROV has it
        for agent in fact[2:4]:
            self.need("wasAssociatedWith", None, fact[4], agent, None)

    def infer_specializationOf(self, fact: Fact) -> None:  # noqa: N802 - as PROV has it
        for link in self.all("specializationOf"):
            if link[2] == fact[3]:
                self.need("specializationOf", NONE, fact[2], link[3])

    def typing(self) -> None:
        """Constraints 50, 55 and 56."""
        entities = {fact[1] for fact in self.all("entity")}
        activities = {fact[1] for fact in self.all("activity")}
        for kind, *arguments in ((fact[0], *fact[2:]) for fact in self.facts):
            for role, thing in zip(ARGUMENTS[kind], arguments, strict=True):
                if role in ("activity", "informed", "informant", "starter", "ender"):
                    activities.add(thing)
                elif role in ("entity", "trigger", "plan", "generatedEntity", "usedEntity", "specific", "general",
                              "collection"):  # fmt: skip
                    entities.add(thing)
        if entities & activities - {NONE} or any(fact[2] in self.empty for fact in self.all("hadMember")):
            raise InvalidError

    def impossible(self) -> None:
        """Constraints 51 to 54."""
        for fact in self.all("wasDerivedFrom"):
            if fact[4] == NONE and fact[5:] != (NONE, NONE):
                raise InvalidError
        kinds: dict[Any, set[str]] = defaultdict(set)
        for fact in self.facts:
            if fact[0] == "specializationOf" and fact[2] == fact[3]:
                raise InvalidError
            if fact[0] not in WITHOUT_ID:
                kinds[fact[1]].add(fact[0])
        for found in kinds.values():
            things = found & set(OBJECTS)
            if (things and found - things) or len(found - things - {"wasDerivedFrom", "wasInfluencedBy"}) > 1:
                raise InvalidError

    def order(self) -> None:  # noqa: PLR0912 - one for each kind of statement
        """Constraints 30 to 49."""
        steps: set[tuple[Any, Any, bool]] = set()

        def before(earlier: list[Fact], later: list[Fact], *, is_strict: bool = False) -> None:
            steps.update((one[:2], other[:2], is_strict) for one, other in product(earlier, later))

        def of(kind: str, thing: Any) -> list[Fact]:
            return [fact for fact in self.all(kind) if fact[2] == thing]

        for kind, name, *arguments in self.facts:
            fact = (kind, name, *arguments)
            first, second, *more = (*arguments, None, None)
            if kind in EVENTS:
                before([fact], of(kind, first))
            if kind == "wasStartedBy":
                before([fact], of("wasEndedBy", first))
            if kind == "wasGeneratedBy":
                before([fact], of("wasInvalidatedBy", first))
                before(of("wasStartedBy", second), [fact])
                before([fact], of("wasEndedBy", second))
            if kind == "used":
                before(of("wasStartedBy", first), [fact])
                before([fact], of("wasEndedBy", first))
            if kind in ("used", "wasStartedBy", "wasEndedBy"):
                before(of("wasGeneratedBy", second), [fact])
                before([fact], of("wasInvalidatedBy", second))
            if kind == "wasInformedBy":
                before(of("wasStartedBy", second), of("wasEndedBy", first))
            if kind == "wasDerivedFrom":
                before(of("wasGeneratedBy", second), of("wasGeneratedBy", first), is_strict=True)
                if NONE not in more[:3]:
                    before([("used", more[2])], [("wasGeneratedBy", more[1])])
            if kind == "specializationOf":
                before(of("wasGeneratedBy", second), of("wasGeneratedBy", first))
                before(of("wasInvalidatedBy", first), of("wasInvalidatedBy", second))
            if kind == "wasAssociatedWith":
                before(of("wasStartedBy", first), [*of("wasInvalidatedBy", second), *of("wasEndedBy", second)])
                before([*of("wasGeneratedBy", second), *of("wasStartedBy", second)], of("wasEndedBy", first))
            if kind == "wasAttributedTo":
                before([*of("wasGeneratedBy", second), *of("wasStartedBy", second)], of("wasGeneratedBy", first))
            if kind == "actedOnBehalfOf":
                before(of("wasGeneratedBy", second), of("wasInvalidatedBy", first))
                before(of("wasStartedBy", second), of("wasEndedBy", first))
        after: dict[Any, set[Any]] = defaultdict(set)
        for earlier, later, _ in steps:
            after[earlier].add(later)
        for earlier, later, is_strict in steps:
            if is_strict and earlier in _reached(after, later):
                raise InvalidError


def _second(kind: str) -> int:
    """Where an event has the other part of its key: the activity, the starter or the ender."""
    return 4 if kind in ("wasStartedBy", "wasEndedBy") else 3


def _reached(after: dict[Any, set[Any]], start: Any) -> set[Any]:
    found, waiting = {start}, [start]
    while waiting:
        news = after[waiting.pop()] - found
        found |= news
        waiting += news
    return found
