"""PROV-O of others: nodes without names, types that nobody says, and namespaces that nobody declares."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from dlprov.graph.reading import Reading, read_content

pytestmark = pytest.mark.filterwarnings("error")


def read_text(text: str, name: str = "a.ttl", format: str | None = None) -> Reading:
    return read_content(text.encode(), Path(name), format)


PREFIXES = (
    "@prefix prov: <http://www.w3.org/ns/prov#> .\n@prefix ex: <http://example.org/> .\n"
    "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
)


def said(text: str, name: str = "a.ttl", format: str | None = None) -> list[str]:
    """The statements of a document in PROV-N, sorted."""
    return sorted(str(record.get_provn()) for record in read_text(text, name, format).document.get_records())


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("ex:a prov:wasDerivedFrom [ a prov:Entity ; prov:value 3 ] .", ["entity(_, [prov:value=\"3\" %% xsd:integer])",
                                                                       "wasDerivedFrom(ex:a, _, -, -, -)"]),
        ("_:x prov:alternateOf ex:y .", ["alternateOf(_, ex:y)"]),
        (
            "ex:e a prov:Entity ; prov:qualifiedGeneration [ a prov:Generation ; prov:activity [ a prov:Activity ] ] .",
            ["activity(_, -, -)", "entity(ex:e)", "wasGeneratedBy(ex:e, _, -)"],
        ),
        (
            ("ex:a a prov:Activity ; prov:qualifiedAssociation [ a prov:Association ; prov:agent [ a prov:Agent ] ; "
            "prov:hadPlan [ a prov:Entity ] ] ."),
            ["activity(ex:a, -, -)", "agent(_)", "entity(_)", "wasAssociatedWith(ex:a, _, _)"],
        ),
        # The generation and the usage of a derivation need names, too.
        (
            ("ex:b prov:qualifiedGeneration _:g ; prov:qualifiedDerivation [ a prov:Derivation ; prov:entity ex:a ; "
            "prov:hadActivity ex:do ; prov:hadGeneration _:g ; prov:hadUsage _:u ] . _:g a prov:Generation ; "
            "prov:activity ex:do . ex:do prov:qualifiedUsage _:u . _:u a prov:Usage ; prov:entity ex:a ."),
            ["used(_; ex:do, ex:a, -)", "wasDerivedFrom(ex:b, ex:a, ex:do, _, _)", "wasGeneratedBy(_; ex:b, ex:do, -)"],
        ),
        ("ex:a a prov:Entity ; ex:note [ ex:p 3 ] .", ["entity(ex:a, [ex:note='_'])"]),
    ],
)  # fmt: skip
def test_blank_nodes_that_prov_has_to_name_get_names(text: str, statements: list[str]) -> None:
    found = said(PREFIXES + text)
    assert sorted(re.sub(r"blank:b[0-9a-f]{32}", "_", statement) for statement in found) == statements
    assert found == said(PREFIXES + text)
    told = read_text(PREFIXES + text).warnings
    assert re.fullmatch(
        r"nodes are blank where PROV needs names: [12]; named https://w3id.org/dlprov/blank/…", told[0]
    ), told
    assert len(told) == 1


def test_the_nodes_of_qualified_relations_stay_without_names() -> None:
    text = PREFIXES + "ex:e a prov:Entity ; prov:qualifiedGeneration [ a prov:Generation ; prov:activity ex:a ] ."
    assert said(text) == ["entity(ex:e)", "wasGeneratedBy(ex:e, ex:a, -)"]
    assert read_text(text).warnings == ()


def lines(triples: Iterable[tuple[str, str, str]]) -> str:
    return "".join(f"{subject} {predicate} {value} .\n" for subject, predicate, value in triples)


def numbered(edges: Iterable[tuple[int, int]]) -> list[tuple[str, str, str]]:
    """Blank entities, of which some are derived from others."""
    listed = list(edges)
    kinds = {(f"_:n{number}", "a", "prov:Entity") for edge in listed for number in edge}
    return [*sorted(kinds), *((f"_:n{one}", "prov:wasDerivedFrom", f"_:n{other}") for one, other in listed)]


ALIKE = {
    "two pairs": numbered([(0, 1), (2, 3)]),
    "a ring": numbered((number, (number + 1) % 6) for number in range(6)),
    "two rings": numbered((ring + number, ring + (number + 1) % 3) for ring in (0, 3) for number in range(3)),
    "all from all": numbered((one, other) for one in range(3) for other in range(3, 6)),
    "a cube": numbered((number, number ^ bit) for number in range(8) for bit in (1, 2, 4)),
}
"""Documents with blank nodes that only their places tell apart."""


@pytest.mark.parametrize("triples", ALIKE.values(), ids=ALIKE)
def test_names_of_blank_nodes_do_not_depend_on_order_and_labels(triples: list[tuple[str, str, str]]) -> None:
    expected = said(PREFIXES + lines(triples))
    for seed in range(6):
        chance = random.Random(seed)
        labels = [f"_:n{number}" for number in range(10)]
        other = dict(zip(labels, chance.sample(labels, 10), strict=True))
        moved = [tuple(other.get(part, part) for part in triple) for triple in triples]
        chance.shuffle(moved)
        assert said(PREFIXES + lines(moved)) == expected


def test_blank_nodes_of_two_documents_have_different_names_and_those_of_two_languages_the_same() -> None:
    text = "_:x a prov:Entity .\n"
    (one,) = said(PREFIXES + text)
    (other,) = said(PREFIXES + text + "<http://example.org/a> prov:wasDerivedFrom <http://example.org/b> .")[:1]
    assert one != other
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:prov="http://www.w3.org/ns/prov#">'
        "<prov:Entity/></rdf:RDF>"
    )
    assert said(rdf, "a", "rdf") == [one]


def test_many_blank_nodes_that_look_alike_are_named_in_time_that_grows_with_their_number() -> None:
    def seconds(count: int) -> float:
        chain = PREFIXES + lines(numbered((number, number + 1) for number in range(count)))
        began = time.process_time()
        assert len(said(chain)) == 2 * count + 1
        return time.process_time() - began

    few = seconds(300)
    # Ten times the size; quadratic work would take a hundred times as long.
    assert seconds(3_000) < 40 * few


def test_a_relation_of_prov_o_without_a_type_is_read() -> None:
    text = PREFIXES + "ex:a a prov:Activity ; prov:qualifiedUsage [ prov:entity ex:e ] ."
    assert said(text) == ["activity(ex:a, -, -)", "used(ex:a, ex:e, -)"]


def test_things_of_a_special_class_are_things() -> None:
    kinds = {"Person": "agent", "Organization": "agent", "SoftwareAgent": "agent", "Plan": "entity",
             "Bundle": "entity", "Collection": "entity", "EmptyCollection": "entity"}  # fmt: skip
    for special, kind in kinds.items():
        text = PREFIXES + f"ex:x a prov:{special} ."
        assert said(text) == [f"{kind}(ex:x, [prov:type='prov:{special}'])"]
        assert read_text(text).warnings == ()


def test_things_that_are_nothing_of_prov_are_told_by_name() -> None:
    reading = read_text(PREFIXES + "ex:a a prov:Entity . ex:b a ex:Other .")
    assert reading.warnings == (
        "things have types, but are no entities, activities or agents: 1 (http://example.org/b); left out",
    )


def test_iris_without_a_declared_namespace_are_read() -> None:
    text = "<http://example.org/a> <http://www.w3.org/ns/prov#wasDerivedFrom> <http://example.org/x/y> ."
    (record,) = read_text(text, "a", "ttl").document.get_records()
    assert [value.uri for _, value in record.formal_attributes if value] == [
        "http://example.org/a",
        "http://example.org/x/y",
    ]


@pytest.mark.parametrize("format", ["ttl", "trig"])
def test_prefixes_are_the_documents_own(format: str) -> None:
    """Also those that rdflib has other namespaces for."""
    text = (
        PREFIXES + "@prefix schema: <http://schema.org/> .\n@prefix time: <http://time.example/#> .\n"
        "time:a a prov:Entity ; schema:name 'x' ."
    )
    document = read_text(text, format=format).document
    assert {(found.prefix, found.uri) for found in document.get_registered_namespaces()} == {
        ("ex", "http://example.org/"),
        ("schema", "http://schema.org/"),
        ("time", "http://time.example/#"),
    }
    assert said(text, format=format) == ['entity(time:a, [schema:name="x"])']
