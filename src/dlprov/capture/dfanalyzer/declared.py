"""What is declared of a dataflow, as far as it takes to read the messages of its tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dlprov.capture.dfanalyzer.layout import Layout
from dlprov.capture.dfanalyzer.messages import TaskMessage
from dlprov.capture.dfanalyzer.profiles import PROFILES
from dlprov.capture.dfanalyzer.rows import widths
from dlprov.model import Attribute, Dataflow, Set, Transformation


class Declared:
    """One dataflow's transformations and sets; tags in lower case. Grows, and never forgets.

    Not for several threads at once.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.transformations: dict[str, dict[str, Set]] = {}
        self._layouts: dict[tuple[str, str], tuple[Layout, ...]] = {}
        self._attributes: dict[str, dict[str, Attribute]] = {}
        self._originals: dict[str, Transformation] = {}
        self._taken: dict[str, tuple[tuple[str, str], ...]] = {}

    def add(self, transformations: Iterable[Transformation]) -> tuple[Transformation, ...]:
        """Take in transformations; gives those that bring something new."""
        news = []
        for transformation in transformations:
            tag = transformation.tag.lower()
            is_new = tag not in self.transformations
            known = self.transformations.setdefault(tag, {})
            for declared in transformation.sets:
                is_new |= self._add_set(known, declared)
            if is_new or (transformation.programs and transformation != self._originals.get(tag)):
                news.append(transformation)
                if transformation.programs or tag not in self._originals:
                    self._originals[tag] = transformation
                self._layouts.clear()
                self._taken.clear()
        return tuple(news)

    def plan(self) -> Dataflow:
        """Everything that is declared, as one plan."""
        found = []
        for tag, sets in self.transformations.items():
            whole = tuple(
                declared
                if declared.dependency
                else Set(
                    declared.tag,
                    declared.type,
                    tuple(self._attributes.get(declared.tag.lower(), {}).values()),
                    extractors=declared.extractors,
                    combinations=declared.combinations,
                )
                for declared in sets.values()
            )
            original = self._originals[tag]
            found.append(Transformation(original.tag, whole, original.programs))
        return Dataflow(self.tag, tuple(found))

    def missing(self, message: TaskMessage) -> tuple[Transformation, ...]:
        """What a message names that is not declared, but that one of the predefined dataflows has."""
        known = self.transformations.get(message.transformation)
        if known is None and not message.sets:
            # Which form of the transformation it is, the first message with elements tells.
            return (Transformation(message.transformation),) if _profiles_with(message.transformation) else ()
        if known is not None and all(tag in known and self.fits(message, tag, given) for tag, given in message.sets):
            return ()
        best = self._profile(message)
        if best is None:
            return ()
        if not known:
            return (best,)
        named = {tag for tag, _ in message.sets}
        sets = tuple(item for item in best.sets if item.tag.lower() in named or item.tag.lower() not in known)
        return (Transformation(best.tag, sets),)

    def fits(self, message: TaskMessage, tag: str, elements: list[Any]) -> bool:
        """Whether a declared layout of the set has as many columns as the elements have values."""
        layouts = self.layouts(message.transformation, tag)
        found = widths(elements)
        return not found or any(layout.takes(width) for layout in layouts for width in found)

    def layouts(self, transformation: str, tag: str) -> tuple[Layout, ...]:
        """The layouts that rows of a set may have in messages of a transformation, the declared one first."""
        key = (transformation, tag)
        if key not in self._layouts:
            self._layouts[key] = tuple(self._find_layouts(transformation, tag))
        return self._layouts[key]

    def taken(self, transformation: str) -> tuple[tuple[str, str], ...]:
        """The sets that a transformation takes from others: their tags, each with the transformation that makes it."""
        found = self._taken.get(transformation)
        if found is None:
            sets = self.transformations.get(transformation, {}).values()
            taken = (item for item in sets if item.type == "INPUT" and item.dependency)
            found = self._taken[transformation] = tuple((item.tag.lower(), item.dependency.lower()) for item in taken)
        return found

    def _add_set(self, known: dict[str, Set], declared: Set) -> bool:
        tag = declared.tag.lower()
        before = known.get(tag)
        if before is None or (declared.dependency and not before.dependency and not before.attributes):
            known[tag] = declared
        elif not declared.dependency:
            known[tag] = _with_extractors(before, declared)
        attributes = self._attributes.setdefault(tag, {})
        fresh = {item.name.lower(): item for item in declared.attributes if item.name.lower() not in attributes}
        attributes |= fresh
        return before is None or bool(fresh) or known[tag] is not before

    def _find_layouts(self, transformation: str, tag: str) -> Iterable[Layout]:
        declared = self.transformations.get(transformation, {}).get(tag)
        if declared is None or declared.dependency:
            return
        seen: set[tuple[str, ...]] = set()
        everything = tuple(self._attributes.get(tag, {}).values())
        predefined = [
            item.attributes for form in _profiles_with(transformation) for item in form.sets if item.tag.lower() == tag
        ]
        for attributes in (declared.attributes, everything, *predefined):
            layout = Layout(declared.type, attributes)
            # A predefined form counts only if its attributes were declared (or registered) here.
            own = {name for name in layout.keys if name}
            if layout.names not in seen and own <= set(self._attributes[tag]):
                seen.add(layout.names)
                yield layout

    def _profile(self, message: TaskMessage) -> Transformation | None:
        """The form of the message's transformation that fits it best: of equal ones the newest."""
        best: tuple[int, Transformation] | None = None
        producers = {tag for tag, _ in message.dependency}
        for form, profile in _profiles_with(message.transformation).items():
            sets = {item.tag.lower(): item for item in form.sets}
            if not all(tag in sets and _holds(sets[tag], given) for tag, given in message.sets):
                continue
            takes = {item.dependency for item in form.sets if item.dependency}
            shared = sum(item.tag.lower() in self.transformations for item in profile)
            score = 10 * (takes == producers if producers else 0) + shared
            if best is None or score >= best[0]:
                best = (score, form)
        return best[1] if best else None


def _with_extractors(before: Set, declared: Set) -> Set:
    """A set with the extractors and combinations, too, that a later declaration brings; itself if there are none."""
    tags = {one.tag.lower() for one in before.extractors}
    extractors = tuple(one for one in declared.extractors if one.tag.lower() not in tags)
    combinations = tuple(one for one in declared.combinations if one not in before.combinations)
    if not extractors and not combinations:
        return before
    return msgspec.structs.replace(
        before,
        extractors=(*before.extractors, *extractors),
        combinations=(*before.combinations, *combinations),
    )


def _profiles_with(transformation: str) -> dict[Transformation, tuple[Transformation, ...]]:
    """The predefined forms of a transformation, the oldest first, each with its profile (the newest that has it)."""
    return {form: profile for profile in PROFILES.values() for form in profile if form.tag.lower() == transformation}


def _holds(declared: Set, elements: list[Any]) -> bool:
    found = widths(elements)
    return not declared.dependency and (not found or len(declared.attributes) in found)
