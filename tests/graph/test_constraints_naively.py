"""The verdict on any document is that of PROV-CONSTRAINTS taken word by word."""

from __future__ import annotations

import random

import pytest
from naive_constraints import ARGUMENTS, NONE, OBJECTS, WITHOUT_ID, Fact, is_valid
from prov.model import ProvDocument

from dlprov.graph.constraints import check

ENTITIES, ACTIVITIES, NAMES = ("e1", "e2", "e3", "e4"), ("a1", "a2", "a3"), ("i1", "i2", "i3")
TIMES = ("2020-01-01T00:00:00", "2021-01-01T00:00:00")

# What decides the order of events, and what decides which statements are one.
MIXES = {
    "order": ["wasGeneratedBy", "used", "wasDerivedFrom", "wasDerivedFrom", "wasStartedBy", "specializationOf",
              "wasAttributedTo", "entity", "activity"],
    "keys": [*ARGUMENTS, "entity", "activity", "wasDerivedFrom", "wasGeneratedBy"],
}  # fmt: skip


def anything(chance: random.Random, mix: str) -> list[Fact]:
    """Some statements about few things, so that they have to do with each other."""
    given = {"order": 0.15, "keys": 0.4}[mix]
    told: list[Fact] = []
    for _ in range(chance.randint(2, 9)):
        kind = chance.choice(MIXES[mix])
        arguments = [_argument(chance, kind, role) for role in ARGUMENTS[kind]]
        if kind == "wasDerivedFrom" and arguments[2] is None and chance.random() < 0.9:
            arguments[3:] = [None, None]
        name = chance.choice(NAMES) if chance.random() < given and kind not in WITHOUT_ID else None
        if kind in OBJECTS:
            name = chance.choice(NAMES if chance.random() < 0.03 else ACTIVITIES if kind == "activity" else ENTITIES)
        told.append((kind, name, *arguments))
    return told


def _argument(chance: random.Random, kind: str, role: str) -> str | None:
    required = kind in ("wasInformedBy", "specializationOf", "hadMember", "wasAttributedTo", "wasInfluencedBy")
    if not required and role != ARGUMENTS[kind][0] and role not in ("usedEntity", "responsible"):
        seldom = "ime" in role or role == "plan"
        if chance.random() < (0.8 if seldom else 0.4):
            return None
    if "ime" in role:
        return chance.choice(TIMES)
    if role in ("generation", "usage"):
        return chance.choice(NAMES)
    if role in ("agent", "delegate", "responsible", "influencee", "influencer"):
        return chance.choice((*ENTITIES[:2], *ACTIVITIES[:2], "someone"))
    is_activity = role in ("activity", "informed", "informant", "starter", "ender")
    return chance.choice(ACTIVITIES if is_activity and chance.random() < 0.97 else ENTITIES)


def document(told: list[Fact], empty: list[str]) -> ProvDocument:
    statements = []
    for kind, name, *arguments in told:
        given = [NONE if one is None else one if one in TIMES else f"ex:{one}" for one in arguments]
        if kind in OBJECTS:
            kinds = ["[prov:type='prov:EmptyCollection']"] if kind == "entity" and name in empty else []
            statements.append(f"{kind}({', '.join([f'ex:{name}', *given, *kinds])})")
        else:
            statements.append(f"{kind}({f'ex:{name}; ' if name else ''}{', '.join(given)})")
    text = "\n".join(["document prefix ex <http://example.org/>", *statements, "endDocument"])
    return ProvDocument.deserialize(content=text, format="provn")


@pytest.mark.parametrize("mix", MIXES)
def test_the_verdict_is_that_of_the_recommendation_word_by_word(mix: str) -> None:
    verdicts = []
    for seed in range(1500):
        chance = random.Random(seed)
        told = anything(chance, mix)
        stated = [fact[1] for fact in told if fact[0] == "entity"]
        empty = [name for name in stated if chance.random() < 0.2]
        verdict = is_valid(told, empty)
        made = document(told, empty)
        assert (check(made) == []) == verdict, f"{verdict} was expected of\n{made.get_provn()}"
        verdicts.append(verdict)
    # Were nearly all of them the same, it would tell little.
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8
