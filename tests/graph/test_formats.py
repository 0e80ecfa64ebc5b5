"""Every format: what we write, ``prov`` reads as the document that its own interface makes; and the other way round."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree
from recorded import KINDS, PARSED, facts, parsed, recorded, written

from dlprov.errors import UsageError
from dlprov.graph.constraints import check
from dlprov.graph.document import document
from dlprov.graph.formats import FORMATS, by_suffix, writer
from dlprov.graph.mapping import provenance
from dlprov.graph.reading import read_content
from dlprov.graph.statements import Literal, Name, Statement, own
from dlprov.query import open_session

# rdflib still uses what it calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Dataset:DeprecationWarning:rdflib.*")

PROV_FORMATS = tuple(PARSED)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Statement]]]:
    """What is said about runs of each kind, and about all of them together."""
    place = tmp_path_factory.mktemp("said")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLPROV_STORE", str(place / "store"))
        patch.setenv("DLPROV_CACHE", str(place / "cache"))
        patch.setenv("DLPROV_LOST_AFTER", "0.001")
        run_ids = {kind: recorded(kind, place / "store", place) for kind in KINDS}
        session = open_session()
        statements = {kind: list(provenance(session, found)) for kind, found in run_ids.items()}
        statements["all"] = list(provenance(session, [run_id for found in run_ids.values() for run_id in found]))
        statements["nothing"] = []
        yield statements


WHAT = pytest.mark.parametrize("what", [*KINDS, "all", "nothing"])


@WHAT
def test_what_is_written_is_read_as_the_document_that_prov_makes(said: dict[str, list[Statement]], what: str) -> None:
    model = document(said[what])
    wanted = facts(model)
    assert len(model.get_records()) == len(said[what])
    assert sum(1 for statement in said[what] if statement.id) == sum(1 for _, name, _ in wanted if name)
    for name in PROV_FORMATS:
        assert facts(parsed(written(said[what], name), name)) == wanted, name


@WHAT
def test_what_prov_writes_is_read_as_the_same_document(said: dict[str, list[Statement]], what: str) -> None:
    model = document(said[what])
    for name, spelled in PARSED.items():
        reading = read_content(model.serialize(**spelled).encode(), Path(f"document.{name}"), name)
        assert facts(reading.document) == facts(model), name
        assert reading.warnings == ()


@WHAT
def test_nothing_is_wrong_with_it(said: dict[str, list[Statement]], what: str) -> None:
    assert check(document(said[what])) == []


@WHAT
def test_what_is_written_is_recognized_and_read(said: dict[str, list[Statement]], what: str) -> None:
    for name in PROV_FORMATS:
        reading = read_content(written(said[what], name), Path("document"))
        # Turtle and TriG of a document without bundles are the same.
        assert (reading.format, reading.warnings) == ("trig" if name == "ttl" else name, ())
        assert facts(reading.document) == facts(document(said[what])), name


def schema(name: str) -> Any:
    """A published schema, as the tests of ``prov`` bring it."""
    return files("prov.tests").joinpath("schemas", name)


def json_errors(content: bytes, name: str) -> list[str]:
    found = json.loads(schema(name).read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(found)
    return [error.message for error in kind(found).iter_errors(json.loads(content))]


def xml_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(schema("prov.xsd"))))


@WHAT
def test_prov_json_and_json_ld_are_what_the_published_schemas_want(said: dict[str, list[Statement]], what: str) -> None:
    assert json_errors(written(said[what], "json"), "prov-json.schema.json") == []
    assert json_errors(written(said[what], "jsonld"), "prov-jsonld.schema.json") == []


@WHAT
def test_prov_xml_is_what_the_published_schema_wants(said: dict[str, list[Statement]], what: str) -> None:
    xml_schema().assertValid(etree.parse(BytesIO(written(said[what], "xml"))))


def test_the_schemas_see_what_is_wrong(said: dict[str, list[Statement]]) -> None:
    text = written(said["p7"], "json").replace(b'{"$":"1","type":"xsd:int"}', b'{"$":1,"type":"xsd:int"}')
    assert json_errors(text, "prov-json.schema.json")
    text = written(said["p7"], "jsonld").replace(b'{"@value":"1"', b'{"@value":1')
    assert json_errors(text, "prov-jsonld.schema.json")
    text = written(said["p7"], "xml").replace(b"prov:label>", b"prov:labels>")
    assert not xml_schema().validate(etree.parse(BytesIO(text)))


def test_a_statement_of_every_kind_with_all_that_it_may_have() -> None:
    moment = "2026-01-02T03:04:05.678901+00:00"
    told = (
        (Name("prov", "type"), own("Kind")),
        (Name("prov", "type"), Name("prov", "Plan")),
        (Name("prov", "label"), "first"),
        (Name("prov", "label"), 'second "label"\n\\'),
        (own("count"), Literal("1", "int")),
        (own("count"), "1"),
        (own("count"), Literal("1.0", "double")),
        (own("is_it"), Literal("true", "boolean")),
        (own("when"), Literal(moment, "dateTime")),
        (own("large"), Literal("9" * 30, "integer")),
        (own("huge"), Literal("9" * 5000, "integer")),
        (own("name"), Name("dlprov", "other")),
    )
    role = ((Name("prov", "role"), "x"), (own("kind"), "y"))
    ids = {"entity": "e", "activity": "a", "agent": "g"}
    statements = [
        Statement("entity", ids["entity"], {}, told),
        Statement("activity", ids["activity"], {"startTime": moment, "endTime": moment}, told),
        Statement("agent", ids["agent"], {}, told),
        Statement("used", "", {"activity": "a", "entity": "e", "time": moment}, role),
        Statement("used", "", {"activity": "a", "entity": "e"}),
        Statement("wasGeneratedBy", "", {"entity": "e", "activity": "a", "time": moment}, role),
        Statement("wasGeneratedBy", "", {"entity": "e", "activity": "a"}),
        Statement("wasInformedBy", "", {"informed": "a", "informant": "b"}),
        Statement("wasStartedBy", "", {"activity": "a", "trigger": "e", "starter": "b", "time": moment}),
        Statement("wasStartedBy", "", {"activity": "c", "starter": "b"}),
        Statement("wasDerivedFrom", "", {"generatedEntity": "f", "usedEntity": "e"}),
        Statement("wasAttributedTo", "", {"entity": "e", "agent": "g"}),
        Statement("wasAssociatedWith", "", {"activity": "a", "agent": "g"}),
        Statement("wasAssociatedWith", "", {"activity": "a", "agent": "h", "plan": "p"}),
        Statement("actedOnBehalfOf", "", {"delegate": "g", "responsible": "h", "activity": "a"}),
        Statement("actedOnBehalfOf", "", {"delegate": "g", "responsible": "h", "activity": "b"}),
        Statement("actedOnBehalfOf", "", {"delegate": "g", "responsible": "i"}),
        Statement("specializationOf", "", {"specificEntity": "e", "generalEntity": "f"}),
    ]
    for name in PROV_FORMATS:
        assert facts(parsed(written(statements, name), name)) == facts(document(statements)), name
    assert json_errors(written(statements, "json"), "prov-json.schema.json") == []
    assert json_errors(written(statements, "jsonld"), "prov-jsonld.schema.json") == []
    xml_schema().assertValid(etree.parse(BytesIO(written(statements, "xml"))))


def test_the_same_runs_give_the_same_bytes_also_from_an_index_that_was_built_anew(store: Path, tmp_path: Path) -> None:
    run_ids = [*recorded("native", store, tmp_path), *recorded("p7", store, tmp_path)]
    first = list(provenance(open_session(), run_ids))
    open_session().rebuild()
    again = list(provenance(open_session(), run_ids))
    for name in PROV_FORMATS:
        assert written(again, name) == written(first, name) == written(first, name)


def test_statements_of_one_kind_that_fill_the_memory_are_written_all_the_same() -> None:
    statements = [Statement("entity", f"e{number}", {}, ((own("text"), "x" * 1000),)) for number in range(6000)]
    found = json.loads(written(statements, "json"))
    assert len(found["entity"]) == 6000


def test_a_format_is_known_by_its_name_and_its_suffix() -> None:
    assert all(
        by_suffix(Path(f"a{suffix.upper()}")) == name for name, one in FORMATS.items() for suffix in one.suffixes
    )
    assert by_suffix(Path("a.txt")) is None
    with pytest.raises(UsageError, match=r"one of provn, json.*got 'docx'"):
        writer("docx")
