"""PROV-CONSTRAINTS: for each constraint a document that keeps it, and one that does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prov.model import ProvDocument

from dlprov.graph.constraints import NAMES, Violation, check
from dlprov.graph.constraints.ordering import precedence
from dlprov.graph.constraints.precedence import Event, Precedence
from dlprov.graph.constraints.statements import statements_of
from dlprov.graph.constraints.validity import normalized


def document(body: str) -> ProvDocument:
    text = f"document\nprefix ex <http://example.org/>\n{body}\nendDocument\n"
    return ProvDocument.deserialize(content=text, format="provn")


def violations(body: str) -> list[Violation]:
    return check(document(body))


DERIVED = "wasDerivedFrom(ex:new, ex:old) entity(ex:new) entity(ex:old)"
"""The generation of ex:old is strictly before that of ex:new: with this, a cycle is impossible."""

CASES: list[tuple[int, str, str]] = [
    (
        22,
        "activity(ex:a, 2020-01-01T00:00:00, -) activity(ex:a, -, 2020-01-02T00:00:00)",
        "activity(ex:a, 2020-01-01T00:00:00, -) activity(ex:a, 2020-01-02T00:00:00, -)",
    ),
    (
        23,
        "wasGeneratedBy(ex:g; ex:e, -, -) wasGeneratedBy(ex:g; ex:e, ex:a, 2020-01-01T00:00:00)",
        "wasGeneratedBy(ex:g; ex:e, ex:a, -) wasGeneratedBy(ex:g; ex:f, ex:a, -)",
    ),
    (
        23,
        "wasAssociatedWith(ex:x; ex:a, ex:ag, ex:plan) wasAssociatedWith(ex:x; ex:a, ex:ag, ex:plan)",
        "wasAssociatedWith(ex:x; ex:a, ex:ag, ex:plan) wasAssociatedWith(ex:x; ex:a, ex:ag, -)",
    ),
    (
        23,
        "wasDerivedFrom(ex:d; ex:e2, ex:e1, ex:a, ex:g, ex:u) wasGeneratedBy(ex:g; ex:e2, ex:a, -)",
        "wasDerivedFrom(ex:d; ex:e2, ex:e1, ex:a, ex:g, ex:u) wasGeneratedBy(ex:g; ex:e3, ex:a, -)",
    ),
    (
        24,
        "wasGeneratedBy(ex:g; ex:e, ex:a, -) wasGeneratedBy(ex:e, ex:a, 2020-01-01T00:00:00)",
        "wasGeneratedBy(ex:e, ex:a, 2020-01-01T00:00:00) wasGeneratedBy(ex:e, ex:a, 2020-01-02T00:00:00)",
    ),
    (
        24,
        "wasGeneratedBy(ex:g1; ex:e, ex:a1, -) wasGeneratedBy(ex:g2; ex:e, ex:a2, -)",
        "wasGeneratedBy(ex:g1; ex:e, ex:a, -) wasGeneratedBy(ex:g2; ex:e, ex:a, -)",
    ),
    (
        25,
        "wasInvalidatedBy(ex:i1; ex:e, ex:a1, -) wasInvalidatedBy(ex:i2; ex:e, ex:a2, -)",
        "wasInvalidatedBy(ex:i1; ex:e, ex:a, -) wasInvalidatedBy(ex:i2; ex:e, ex:a, -)",
    ),
    (
        26,
        "wasStartedBy(ex:s1; ex:a, -, ex:b, -) wasStartedBy(ex:s2; ex:a, -, ex:c, -)",
        "wasStartedBy(ex:s1; ex:a, -, ex:b, -) wasStartedBy(ex:s2; ex:a, -, ex:b, -)",
    ),
    (
        27,
        "wasEndedBy(ex:s1; ex:a, -, ex:b, -) wasEndedBy(ex:s2; ex:a, -, ex:c, -)",
        "wasEndedBy(ex:s1; ex:a, -, ex:b, -) wasEndedBy(ex:s2; ex:a, -, ex:b, -)",
    ),
    (
        28,
        "activity(ex:a, 2020-01-01T00:00:00, -) wasStartedBy(ex:a, -, -, 2020-01-01T00:00:00)",
        "activity(ex:a, 2020-01-01T00:00:00, -) wasStartedBy(ex:a, -, -, 2020-01-02T00:00:00)",
    ),
    (
        29,
        "activity(ex:a, -, 2020-01-01T00:00:00) wasEndedBy(ex:a, -, -, 2020-01-01T00:00:00)",
        "activity(ex:a, -, 2020-01-01T00:00:00) wasEndedBy(ex:a, -, -, 2020-01-02T00:00:00)",
    ),
    # In the following, ex:old is strictly before ex:new, and the rest brings new before old.
    (
        31,
        f"{DERIVED} wasStartedBy(ex:s1; ex:a, ex:old, -, -) wasStartedBy(ex:s2; ex:a, -, ex:b, -)",
        (
            f"{DERIVED} wasStartedBy(ex:s1; ex:a, ex:new, -, -) wasStartedBy(ex:s2; ex:a, -, ex:b, -) "
            "wasGeneratedBy(ex:old, ex:a, -)"
        ),
    ),
    (
        34,
        f"{DERIVED} activity(ex:a) wasStartedBy(ex:a, ex:old, -, -) wasGeneratedBy(ex:new, ex:a, -)",
        f"{DERIVED} activity(ex:a) wasStartedBy(ex:a, ex:new, -, -) wasGeneratedBy(ex:old, ex:a, -)",
    ),
    (
        39,
        "wasGeneratedBy(ex:g1; ex:e, ex:a1, -) wasGeneratedBy(ex:g2; ex:e, ex:a2, -)",
        (
            f"{DERIVED} wasGeneratedBy(ex:g1; ex:old, ex:a1, -) wasGeneratedBy(ex:g2; ex:old, ex:a2, -) "
            "wasStartedBy(ex:a2, ex:new, -, -)"
        ),
    ),
    (42, DERIVED, f"{DERIVED} wasDerivedFrom(ex:old, ex:new)"),
    (42, "wasDerivedFrom(ex:e, ex:e)", "entity(ex:e) wasDerivedFrom(ex:e, ex:e)"),
    (
        43,
        f"{DERIVED} wasStartedBy(ex:a, ex:old, -, -) wasGeneratedBy(ex:new, ex:a, -)",
        f"{DERIVED} wasStartedBy(ex:a, ex:new, -, -) wasGeneratedBy(ex:old, ex:a, -)",
    ),
    (
        45,
        f"{DERIVED} specializationOf(ex:new, ex:old)",
        f"{DERIVED} specializationOf(ex:old, ex:new)",
    ),
    (
        48,
        f"{DERIVED} wasAttributedTo(ex:new, ex:old)",
        f"{DERIVED} wasAttributedTo(ex:old, ex:new)",
    ),
    (
        51,
        "wasDerivedFrom(ex:e2, ex:e1, -, -, -)",
        "wasDerivedFrom(ex:e2, ex:e1, -, ex:g, -)",
    ),
    (51, "wasDerivedFrom(ex:e2, ex:e1, ex:a, -, ex:u)", "wasDerivedFrom(ex:e2, ex:e1, -, -, ex:u)"),
    (51, "wasDerivedFrom(ex:e2, ex:e1, ex:a, ex:g, ex:u)", "wasDerivedFrom(ex:e2, ex:e1, -, ex:g, ex:u)"),
    (
        52,
        "specializationOf(ex:e1, ex:e2) specializationOf(ex:e2, ex:e3)",
        "specializationOf(ex:e1, ex:e2) specializationOf(ex:e2, ex:e3) specializationOf(ex:e3, ex:e1)",
    ),
    (52, "alternateOf(ex:e, ex:e)", "specializationOf(ex:e, ex:e)"),
    (
        53,
        "used(ex:u; ex:a, ex:e, -) wasInfluencedBy(ex:u; ex:a, ex:e)",
        "used(ex:u; ex:a, ex:e, -) wasGeneratedBy(ex:u; ex:e, ex:b, -)",
    ),
    (54, "entity(ex:e) used(ex:u; ex:a, ex:e, -)", "entity(ex:u) used(ex:u; ex:a, ex:e, -)"),
    (54, "agent(ex:ag) entity(ex:ag)", "agent(ex:x) wasAttributedTo(ex:x; ex:e, ex:ag)"),
    (55, "entity(ex:x) agent(ex:x)", "entity(ex:x) activity(ex:x)"),
    (55, "activity(ex:x) agent(ex:x)", "used(ex:x, ex:e, -) used(ex:a, ex:x, -)"),
    (55, "wasAssociatedWith(ex:a, ex:ag, ex:p)", "wasAssociatedWith(ex:a, ex:ag, ex:p) wasInformedBy(ex:p, ex:b)"),
    (
        56,
        "entity(ex:c, [prov:type='prov:Collection']) hadMember(ex:c, ex:e)",
        "entity(ex:c, [prov:type='prov:EmptyCollection']) hadMember(ex:c, ex:e)",
    ),
    (
        56,
        "entity(ex:g, [prov:type='prov:EmptyCollection']) specializationOf(ex:g, ex:c) hadMember(ex:c, ex:e)",
        "entity(ex:g, [prov:type='prov:EmptyCollection']) specializationOf(ex:c, ex:g) hadMember(ex:c, ex:e)",
    ),
]


@pytest.mark.parametrize(("number", "valid", "invalid"), CASES)
def test_what_a_constraint_allows_and_what_it_forbids(number: int, valid: str, invalid: str) -> None:
    assert violations(valid) == []
    found = violations(invalid)
    assert number in {one for violation in found for one in violation.constraints}, found
    assert all(violation.statements for violation in found)


CHAINS: list[tuple[set[int], str, str]] = [
    # A derivation that names its activity states a generation by it (inference 11), whether it names that or not.
    (
        {24},
        "wasDerivedFrom(ex:e2, ex:e1, ex:a, ex:g, -) wasGeneratedBy(ex:g; ex:e2, ex:a, -)",
        "wasDerivedFrom(ex:e2, ex:e1, ex:a, ex:g, -) wasGeneratedBy(ex:h; ex:e2, ex:a, -)",
    ),
    (
        {23},
        "wasDerivedFrom(ex:e2, ex:e1, ex:a, -, ex:u) used(ex:u; ex:a, -, -)",
        "wasDerivedFrom(ex:e2, ex:e1, ex:a, -, ex:u) used(ex:u; ex:a, ex:e3, -)",
    ),
    ({42}, "wasDerivedFrom(ex:e, ex:e)", "wasDerivedFrom(ex:e, ex:e, ex:a, -, -)"),
    (
        {42, 43, 34},
        "wasDerivedFrom(ex:e3, ex:e2) wasDerivedFrom(ex:e2, ex:e1, ex:a, -, -) wasStartedBy(ex:a, ex:e1, -, -)",
        "wasDerivedFrom(ex:e3, ex:e2) wasDerivedFrom(ex:e2, ex:e1, ex:a, -, -) wasStartedBy(ex:a, ex:e3, -, -)",
    ),
    # The usage of one derivation is the generation of another one.
    (
        {53},
        "wasDerivedFrom(ex:e2, ex:e1, ex:a, ex:x, -) wasDerivedFrom(ex:e3, ex:e2, ex:a, ex:y, ex:z)",
        "wasDerivedFrom(ex:e2, ex:e1, ex:a, ex:x, -) wasDerivedFrom(ex:e3, ex:e2, ex:a, ex:y, ex:x)",
    ),
    # The halves of a derivation make a whole, which states the generation.
    (
        {24},
        "wasDerivedFrom(ex:d; ex:f, ex:e, ex:a, ex:g, -) wasDerivedFrom(ex:d; ex:f, ex:e, ex:a, -, ex:u)",
        (
            "wasDerivedFrom(ex:d; ex:f, ex:e, ex:a, ex:g, -) wasDerivedFrom(ex:d; ex:f, ex:e, ex:a, -, ex:u) "
            "wasGeneratedBy(ex:h; ex:f, ex:a, -)"
        ),
    ),
    # A trigger was generated, whoever generated it (inference 9), and an activity that started another one began
    # before it, whatever the trigger was.
    (
        {42, 34, 43},
        "wasStartedBy(ex:a, ex:x, -, -) wasDerivedFrom(ex:e, ex:x) wasGeneratedBy(ex:e, ex:a, -)",
        "wasStartedBy(ex:a, ex:e, -, -) wasDerivedFrom(ex:e, ex:x) wasGeneratedBy(ex:x, ex:a, -)",
    ),
    (
        {42, 34, 43},
        f"{DERIVED} wasStartedBy(ex:a, -, ex:b, -) wasGeneratedBy(ex:new, ex:a, -) wasStartedBy(ex:b, ex:old, -, -)",
        f"{DERIVED} wasStartedBy(ex:a, -, ex:b, -) wasGeneratedBy(ex:old, ex:a, -) wasStartedBy(ex:b, ex:new, -, -)",
    ),
    (
        {42},
        "wasEndedBy(ex:a, ex:e, -, -) wasDerivedFrom(ex:e, ex:f)",
        "wasEndedBy(ex:a, ex:e, -, -) wasDerivedFrom(ex:e, ex:e)",
    ),
    (
        {24},
        "wasEndedBy(ex:a, ex:e, ex:b, -) wasGeneratedBy(ex:g; ex:e, ex:b, 2020-01-01T00:00:00)",
        "wasEndedBy(ex:a, ex:e, ex:b, -) wasGeneratedBy(ex:g; ex:e, ex:b, -) wasGeneratedBy(ex:h; ex:e, ex:b, -)",
    ),
    # An activity has one start, even if it does not say when that was; without a statement of it, nothing is said.
    (
        {28},
        "wasStartedBy(ex:a, -, ex:b, 2020-01-01T00:00:00) wasStartedBy(ex:a, -, ex:c, 2021-01-01T00:00:00)",
        (
            "wasStartedBy(ex:a, -, ex:b, 2020-01-01T00:00:00) wasStartedBy(ex:a, -, ex:c, 2021-01-01T00:00:00) "
            "activity(ex:a)"
        ),
    ),
    (
        {29},
        "activity(ex:a) wasEndedBy(ex:a, ex:e, -, 2020-01-01T00:00:00) wasEndedBy(ex:a, ex:f, -, -)",
        "activity(ex:a) wasEndedBy(ex:a, ex:e, -, 2020-01-01T00:00:00) wasEndedBy(ex:a, ex:f, -, 2021-01-01T00:00:00)",
    ),
    # A relation is an influence with its identifier (inference 15), and takes from it what it does not say.
    (
        {23},
        "wasGeneratedBy(ex:x; ex:e, ex:a, -) wasInfluencedBy(ex:x; ex:e, ex:a)",
        "wasGeneratedBy(ex:x; ex:e, ex:a, -) wasInfluencedBy(ex:x; ex:e, ex:b)",
    ),
    (
        {23},
        "wasDerivedFrom(ex:x; ex:f, ex:e) wasAttributedTo(ex:x; ex:f, ex:e)",
        "wasDerivedFrom(ex:x; ex:f, ex:e) wasAttributedTo(ex:x; ex:f, ex:someone)",
    ),
    (
        {24},
        "wasGeneratedBy(ex:x; ex:e, -, -) wasInfluencedBy(ex:x; ex:e, ex:a) wasGeneratedBy(ex:e, ex:a, -)",
        "wasGeneratedBy(ex:x; ex:e, -, -) wasInfluencedBy(ex:x; ex:e, ex:a) wasGeneratedBy(ex:y; ex:e, ex:a, -)",
    ),
    (
        {55},
        "wasStartedBy(ex:x; ex:a, -, ex:b, -) wasInfluencedBy(ex:x; ex:a, ex:c)",
        "wasStartedBy(ex:x; ex:a, -, ex:b, -) wasInfluencedBy(ex:x; ex:a, ex:b)",
    ),
    # One statement gives another one its activity, which then is an entity, too.
    (
        {55},
        "wasGeneratedBy(ex:g; ex:e, -, -) wasGeneratedBy(ex:g; ex:e, ex:a, -) activity(ex:a)",
        "wasGeneratedBy(ex:g; ex:e, -, -) wasGeneratedBy(ex:g; ex:e, ex:a, -) hadMember(ex:a, ex:f)",
    ),
    (
        {55},
        "actedOnBehalfOf(ex:me, ex:boss, ex:a) wasAssociatedWith(ex:b, ex:me, ex:plan)",
        "actedOnBehalfOf(ex:me, ex:boss, ex:plan) wasAssociatedWith(ex:b, ex:me, ex:plan)",
    ),
    # What specializes an entity is one (inference 21), over several steps (19): it exists, and has an identifier.
    (
        {54},
        "entity(ex:e) specializationOf(ex:x, ex:e) used(ex:u; ex:a, ex:x, -)",
        "entity(ex:e) specializationOf(ex:x, ex:e) used(ex:x; ex:a, ex:x, -)",
    ),
    (
        {42, 45},
        "entity(ex:e1) specializationOf(ex:e2, ex:e1) specializationOf(ex:e3, ex:e2) wasDerivedFrom(ex:e3, ex:e1)",
        "entity(ex:e1) specializationOf(ex:e2, ex:e1) specializationOf(ex:e3, ex:e2) wasDerivedFrom(ex:e1, ex:e3)",
    ),
    # The order passes an entity of which nobody says that it exists; that one has no generation to be derived from.
    (
        {42, 45},
        "specializationOf(ex:e, ex:f) wasDerivedFrom(ex:e, ex:e)",
        (
            "specializationOf(ex:e, ex:f) specializationOf(ex:f, ex:g) wasDerivedFrom(ex:g, ex:e) "
            "wasGeneratedBy(ex:e, ex:a, -) wasGeneratedBy(ex:g, ex:a, -)"
        ),
    ),
    # Derivations and influences cannot be things either.
    ({54}, "wasDerivedFrom(ex:d; ex:f, ex:e) entity(ex:e)", "wasDerivedFrom(ex:d; ex:f, ex:e) entity(ex:d)"),
    ({54}, "wasInfluencedBy(ex:i; ex:f, ex:e) agent(ex:e)", "wasInfluencedBy(ex:i; ex:f, ex:e) agent(ex:i)"),
]
"""Documents that take several inferences, with some of the constraints that the second one of each violates."""


@pytest.mark.parametrize(("numbers", "valid", "invalid"), CHAINS)
def test_what_follows_from_what_follows_is_looked_at(numbers: set[int], valid: str, invalid: str) -> None:
    assert violations(valid) == []
    found = violations(invalid)
    assert numbers <= {one for violation in found for one in violation.constraints}, found
    assert all(violation.statements for violation in found)


def test_a_contradiction_is_told_once_however_often_it_is_found() -> None:
    (found,) = violations(
        "wasGeneratedBy(ex:x; ex:e, ex:a, -) wasInfluencedBy(ex:x; ex:e, ex:b) wasDerivedFrom(ex:f, ex:e, ex:a, -, -)"
    )
    assert found.number == 23
    assert "influencer http://example.org/" in found.message


G, INV, S, E = "generation of", "invalidation of", "start of", "end of"

ORDERS: list[tuple[int, str, tuple[str, str], tuple[str, str]]] = [
    (30, "activity(ex:a)", (S, "a"), (E, "a")),
    (31, "wasStartedBy(ex:s1; ex:a, ex:e, -, -) wasStartedBy(ex:s2; ex:a, -, ex:b, -)", (S, "a"), ("s1", "")),
    (32, "wasEndedBy(ex:s1; ex:a, ex:e, -, -) wasEndedBy(ex:s2; ex:a, -, ex:b, -)", (E, "a"), ("s2", "")),
    (33, "activity(ex:a) used(ex:u; ex:a, ex:e, -)", (S, "a"), ("usage", "u")),
    (33, "activity(ex:a) used(ex:u; ex:a, ex:e, -)", ("usage", "u"), (E, "a")),
    (34, "activity(ex:a) wasGeneratedBy(ex:e, ex:a, -)", (S, "a"), (G, "e")),
    (34, "activity(ex:a) wasGeneratedBy(ex:e, ex:a, -)", (G, "e"), (E, "a")),
    (35, "activity(ex:a) activity(ex:b) wasInformedBy(ex:b, ex:a)", (S, "a"), (E, "b")),
    (36, "entity(ex:e)", (G, "e"), (INV, "e")),
    (37, "entity(ex:e) used(ex:u; ex:a, ex:e, -)", (G, "e"), ("usage", "u")),
    (38, "entity(ex:e) used(ex:u; ex:a, ex:e, -)", ("usage", "u"), (INV, "e")),
    (39, "wasGeneratedBy(ex:s1; ex:e, ex:a, -) wasGeneratedBy(ex:s2; ex:e, ex:b, -)", ("s1", ""), (G, "e")),
    (40, "wasInvalidatedBy(ex:s1; ex:e, ex:a, -) wasInvalidatedBy(ex:s2; ex:e, ex:b, -)", (INV, "e"), ("s2", "")),
    (41, "wasDerivedFrom(ex:f, ex:e, ex:a, ex:g, ex:u)", ("usage", "u"), (G, "f")),
    (42, "entity(ex:e) entity(ex:f) wasDerivedFrom(ex:f, ex:e)", (G, "e"), (G, "f")),
    (43, "entity(ex:e) wasStartedBy(ex:a, ex:e, -, -)", (G, "e"), (S, "a")),
    (43, "entity(ex:e) wasStartedBy(ex:a, ex:e, -, -)", (S, "a"), (INV, "e")),
    (44, "entity(ex:e) wasEndedBy(ex:a, ex:e, -, -)", (G, "e"), (E, "a")),
    (44, "entity(ex:e) wasEndedBy(ex:a, ex:e, -, -)", (E, "a"), (INV, "e")),
    (45, "specializationOf(ex:special, ex:general)", (G, "general"), (G, "special")),
    (46, "specializationOf(ex:special, ex:general)", (INV, "special"), (INV, "general")),
    (47, "activity(ex:a) entity(ex:ag) wasAssociatedWith(ex:a, ex:ag, -)", (S, "a"), (INV, "ag")),
    (47, "activity(ex:a) entity(ex:ag) wasAssociatedWith(ex:a, ex:ag, -)", (G, "ag"), (E, "a")),
    (47, "activity(ex:a) activity(ex:ag) wasAssociatedWith(ex:a, ex:ag, -)", (S, "a"), (E, "ag")),
    (47, "activity(ex:a) activity(ex:ag) wasAssociatedWith(ex:a, ex:ag, -)", (S, "ag"), (E, "a")),
    (48, "entity(ex:ag) wasAttributedTo(ex:e, ex:ag)", (G, "ag"), (G, "e")),
    (48, "activity(ex:ag) wasAttributedTo(ex:e, ex:ag)", (S, "ag"), (G, "e")),
    (49, "entity(ex:me) entity(ex:boss) actedOnBehalfOf(ex:me, ex:boss, -)", (G, "boss"), (INV, "me")),
    (49, "activity(ex:me) activity(ex:boss) actedOnBehalfOf(ex:me, ex:boss, -)", (S, "boss"), (E, "me")),
    # Inferences that bring events along.
    (37, "wasStartedBy(ex:a, ex:e, ex:b, -) used(ex:u; ex:c, ex:e, -)", (G, "e"), ("usage", "u")),
    (34, "activity(ex:b) wasStartedBy(ex:a, ex:e, ex:b, -)", (S, "b"), (G, "e")),
    (34, "activity(ex:b) wasEndedBy(ex:a, ex:e, ex:b, -)", (G, "e"), (E, "b")),
    (43, "wasStartedBy(ex:a, ex:e, -, -)", (G, "e"), (S, "a")),
    (44, "wasEndedBy(ex:a, ex:e, -, -)", (G, "e"), (E, "a")),
    (34, "activity(ex:a) wasDerivedFrom(ex:f, ex:e, ex:a, -, -)", (S, "a"), (G, "f")),
    (36, "entity(ex:e) specializationOf(ex:f, ex:e) specializationOf(ex:g, ex:f)", (G, "g"), (INV, "g")),
    (33, "activity(ex:a) wasDerivedFrom(ex:f, ex:e, ex:a, ex:g, ex:u)", (S, "a"), ("usage", "u")),
    (47, "activity(ex:a) entity(ex:x) actedOnBehalfOf(ex:x, ex:y, ex:a)", (G, "x"), (E, "a")),
    (47, "activity(ex:a) entity(ex:y) actedOnBehalfOf(ex:x, ex:y, ex:a)", (S, "a"), (INV, "y")),
]


@pytest.mark.parametrize(("number", "body", "before", "after"), ORDERS)
def test_the_order_of_events_is_what_the_constraint_says(
    number: int, body: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """Were the later event strictly before the earlier one, no history would be left."""

    def event(order: Precedence, wanted: tuple[str, str]) -> Event:
        iri = f"http://example.org/{wanted[1] or wanted[0]}"
        (found,) = [
            one
            for one in order.events()
            if isinstance(one, tuple) and one[1] == iri and (one[0] == wanted[0] or not wanted[1])
        ]
        return found

    statements, problems = normalized(list(statements_of(document(body))))
    order = precedence(statements)
    assert problems == [] == order.impossible()
    order.add(event(order, after), event(order, before), 0, is_strict=True)
    (cycle,) = order.impossible()
    assert {step.constraint for step in cycle} == {0, number}


def test_nothing_is_wrong_with_an_empty_document() -> None:
    assert violations("") == []


def test_each_bundle_is_looked_at_for_itself() -> None:
    body = "entity(ex:x) bundle ex:b entity(ex:y) activity(ex:x) activity(ex:y) endBundle"
    (found,) = violations(body)
    assert (found.number, found.bundle) == (55, "http://example.org/b")
    assert "http://example.org/y" in found.message


def test_a_report_names_the_statements_and_the_constraint() -> None:
    (found,) = violations("entity(ex:x) activity(ex:x)")
    assert found.name == "entity-activity-disjoint" == NAMES[found.number]
    assert set(found.statements) == {"entity(ex:x)", "activity(ex:x, -, -)"}


def test_long_chains_and_large_documents_are_checked_in_time_that_grows_with_their_size() -> None:
    def chain(length: int) -> ProvDocument:
        made = ProvDocument()
        made.add_namespace("ex", "http://example.org/")
        for number in range(length):
            made.entity(f"ex:e{number}")
            made.wasDerivedFrom(f"ex:e{number + 1}", f"ex:e{number}")
        made.entity(f"ex:e{length}")
        return made

    small, large = chain(2_000), chain(20_000)
    began = time.process_time()
    assert check(small) == []
    middle = time.process_time()
    assert check(large) == []
    # Ten times the size; quadratic work would take a hundred times as long.
    assert time.process_time() - middle < 40 * (middle - began)
    large.wasDerivedFrom("ex:e0", "ex:e20000")
    (found,) = check(large)
    assert found.number == 42
    assert "19981 more" in found.message


def test_a_report_is_the_same_in_every_process(tmp_path: Path) -> None:
    made = ["document\nprefix ex <http://e/>"]
    for cycle in "abc":
        made += [f"entity(ex:{cycle}{number})" for number in range(4)]
        made += [f"wasDerivedFrom(ex:{cycle}{number}, ex:{cycle}{(number + 1) % 4})" for number in range(4)]
    path = tmp_path / "cycles.provn"
    path.write_text("\n".join([*made, "endDocument\n"]))
    said = {
        subprocess.run(
            [sys.executable, "-m", "dlprov", "validate", str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for seed in "1234"
    }
    assert len(said) == 1
    assert said.pop().count("42 derivation") == 3
