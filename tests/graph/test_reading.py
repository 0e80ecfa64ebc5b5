"""Documents of any origin: recognized, read, repaired where others are known to err, or refused with a reason."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from foreign import DLPROV_JSON, DLPROV_N, YPROV4ML
from prov.model import ProvDocument
from recorded import PARSED, written

from dlprov.errors import UsageError
from dlprov.graph.constraints import check
from dlprov.graph.reading import Reading, files, read, read_content
from dlprov.graph.statements import Statement, own

pytestmark = pytest.mark.filterwarnings("error")


def read_text(text: str, name: str = "document", format: str | None = None) -> Reading:
    return read_content(text.encode(), Path(name), format)


def refusal(content: str | bytes, name: str = "document", format: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        read_content(content.encode() if isinstance(content, str) else content, Path(name), format)
    return str(caught.value)


def attributes(document: ProvDocument) -> dict[str, dict[str, set[object]]]:
    """The attributes of each thing, by the local parts of their names."""
    return {
        record.identifier.localpart: {
            name.localpart: record.get_attribute(name) for name, _ in record.attributes
        }
        for record in document.get_records()
        if record.identifier is not None
    }  # fmt: skip


PROV_N = "// a remark\n/* and\nanother */ document\nprefix ex <http://example.org/>\nentity(ex:a)\nendDocument\n"
PROV_JSON = '{"prefix": {"ex": "http://example.org/"}, "entity": {"ex:a": {}}}'
PROV_XML = (
    '<?xml version="1.0"?>\n<!-- a remark --><?program order?>\n<prov:document xmlns:prov="http://www.w3.org/ns/prov#" '
    'xmlns:ex="http://example.org/">\n<!-- more --><?and more?><prov:entity prov:id="ex:a"/>\n</prov:document>'
)
TURTLE = "@prefix prov: <http://www.w3.org/ns/prov#> .\n<http://example.org/a> a prov:Entity .\n"
RDF_XML = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:prov="http://www.w3.org/ns/prov#">'
    '<prov:Entity rdf:about="http://example.org/a"/></rdf:RDF>'
)
JSON_LD = (
    '{"@context": [{"ex": "http://example.org/"}, "https://openprovenance.org/prov-jsonld/context.jsonld"], '
    '"@graph": [{"@type": "Entity", "@id": "ex:a"}]}'
)
N_TRIPLES = (
    "<http://example.org/a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/prov#Entity> .\n"
)


@pytest.mark.parametrize(
    ("text", "name", "format"),
    [
        (PROV_N, "a", "provn"),
        (PROV_N, "a.json", "provn"),
        ("\ufeff" + PROV_N, "a", "provn"),
        (PROV_JSON, "a", "json"),
        ("\n \ufeff".strip() + PROV_JSON, "a.provn", "json"),
        (PROV_XML, "a", "xml"),
        (TURTLE, "a", "trig"),
        (TURTLE, "a.ttl", "ttl"),
        ("# a remark\n" + TURTLE.replace("@prefix", "PREFIX").replace("> .\n", ">\n", 1), "a.ttl", "ttl"),
        (RDF_XML, "a", "rdf"),
        ('<?xml version="1.0"?>\n' + RDF_XML, "a.xml", "rdf"),
        (JSON_LD, "a", "jsonld"),
        (N_TRIPLES, "a.nt", "trig"),
    ],
)
def test_a_document_is_recognized_by_its_content(text: str, name: str, format: str) -> None:
    reading = read_text(text, name)
    assert (reading.format, reading.warnings) == (format, ())
    (entity,) = reading.document.get_records()
    assert entity.identifier is not None
    assert entity.identifier.uri == "http://example.org/a"


def test_xml_may_have_another_encoding() -> None:
    content = PROV_XML.replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")
    assert read_content(content, Path("a")).format == "xml"


def test_the_format_may_be_named() -> None:
    assert read_text(TURTLE, "a", "ttl").format == "ttl"
    assert "one of provn, json, jsonld, ttl, trig, xml, rdf; got 'docx'" in refusal(TURTLE, "a", "docx")
    assert "PROV-XML was expected" in refusal(TURTLE, "a", "xml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello", "looks like none of them"),
        (b"\x1f\x8b\x08\0", "compressed file (unpack it first)"),
        (b"\xff\xfed\0o\0", "UTF-16"),
        (b"\x89PNG\r\n", "a picture"),
    ],
)
def test_what_is_no_document_is_told(content: bytes, said: str) -> None:
    assert said in refusal(content, "a")


def test_a_file_that_cannot_be_read_or_is_too_large_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.provn \(No such file or directory\)"):
        read(tmp_path / "nothing.provn")
    with pytest.raises(UsageError, match="Is a directory"):
        read(tmp_path)
    (tmp_path / "large.provn").write_text(PROV_N + " " * (1 << 20))
    with pytest.raises(UsageError, match=r"large\.provn has more than 1 MiB.*split it"):
        read(tmp_path / "large.provn", largest=1 << 20)
    assert read(tmp_path / "large.provn").format == "provn"


XML_HEAD = '<prov:document xmlns:prov="http://www.w3.org/ns/prov#" xmlns:ex="http://example.org/">\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        # Truncated.
        (PROV_N[:-13], 5, "expected 'endDocument', found end of input"),
        (PROV_N[:-15], 5, "found end of input"),
        (PROV_JSON[:-5], 1, "it ends too early"),
        (PROV_JSON[:30], 1, "it ends too early"),
        (PROV_XML[:-5], 5, "expected '>'"),
        (TURTLE[:-20], 2, "unterminated URI reference"),
        (JSON_LD[:-9], 1, "it ends too early"),
        # Prefixes that nobody declared.
        ("document\nentity(foo:a)\nendDocument", 2, "prefix 'foo' is not declared"),
        ('{"entity":\n{"foo:a": {}}}', 2, "the prefix 'foo' of 'foo:a' is not declared"),
        ('{"entity":\n{"a": {}}}', 2, "'a' has no prefix, and no default namespace is declared"),
        (PROV_JSON.replace("{}", '{\n"foo:n": 1}'), 2, "the prefix 'foo' of 'foo:n' is not declared"),
        (PROV_JSON[:-1] + ',\n"used": {"_:u": {"prov:activity": "ex:b", "prov:entity": "foo:e"}}}', 2, "prefix 'foo'"),
        (PROV_JSON[:-1] + ',\n"bundle": {"ex:b": {"entity": {"foo:a": {}}}}}', 2, "prefix 'foo'"),
        ("@prefix prov: <http://www.w3.org/ns/prov#> .\nfoo:a a prov:Entity .", 2, 'Prefix "foo:" not bound'),
        (XML_HEAD + '<prov:entity prov:id="foo:a"/></prov:document>', 0, 'valid QualifiedName for "foo:a"'),
        # What is no PROV.
        ('{"entities": {}}', 1, "'entities' is no kind of PROV statement"),
        ('{"prefix": {"ex": 1}}', 1, "the prefix 'ex' has no namespace, but 1"),
        ('{"entity": []}', 0, "'entity' has to be an object, got list"),
        (PROV_JSON.replace("{}", "1"), 0, "the statement 'ex:a' has to be an object, got int"),
        ("[1]", 0, "an object was expected, got list"),
        ("<svg/>", 1, "<prov:document> was expected, got <svg>"),
        (XML_HEAD + "\n<prov:thing/></prov:document>", 3, "is no statement of PROV-XML"),
        (XML_HEAD + "<ex:thing/></prov:document>", 2, "is no statement of PROV-XML"),
        (XML_HEAD + "<prov:bundleContent/></prov:document>", 2, "a bundle needs an identifier"),
        ("document\nthing(a)\nendDocument", 2, "thing"),
        ('{"@context": [], "@graph": 1}', 0, '"@graph" must be a JSON array'),
        # Entities of XML.
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 1, "document type"),
        ('<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<a/>', 2, "document type"),
        (RDF_XML.replace("<rdf:RDF", '<!DOCTYPE rdf:RDF [<!ENTITY x "y">]>\n<rdf:RDF', 1), 1, "document type"),
        # Nested without end.
        ('{"entity":' * 100_000, 0, "nested too deeply"),
        ("[" * 100_000, 0, "nested too deeply"),
        (TURTLE + "<http://example.org/b> prov:y " + "[" * 100_000, 0, "nested too deeply"),
        (XML_HEAD + "<prov:entity>" * 100_000, 0, "nested too deeply"),
        ("document " + "(" * 100_000, 1, "expected a statement"),
        # Numbers without end.
        (PROV_JSON.replace("{}", f'{{"ex:n": {"9" * 5000}}}'), 0, "limit (4300 digits)"),
    ],
)  # fmt: skip
def test_a_document_that_is_none_is_told_with_its_line(text: str, line: int, said: str) -> None:
    message = refusal(text, "a.ttl" if text.startswith(("@prefix", "<http")) else "a")
    assert said in message, message
    if line:
        assert message.startswith(f"a{'.ttl' if text.startswith('@prefix') else ''}:{line}: "), message
    assert len(message) < 600


def test_a_billion_laughs_are_not_even_begun() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))
    text = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">{entities}]>{XML_HEAD}<prov:entity>&l29;</prov:entity>'
    begin = time.process_time()
    assert "document type" in refusal(text)
    assert time.process_time() - begin < 1


def test_bytes_that_are_no_utf_8_are_told_with_their_line() -> None:
    message = refusal(b'{\n"entity": {"\xff": {}}}', "a.json")
    assert message.startswith("a.json:2: PROV-JSON was expected: text in UTF-8 was expected")
    assert refusal(PROV_N.encode() + b"\xff").startswith("document:7: PROV-N was expected: text in UTF-8")


def test_arguments_that_multiply_are_refused() -> None:
    names = ("entity", "activity", "agent")
    lines = [f"ex:d prov:{name} ex:x{number} ." for name in names for number in range(300)]
    text = "@prefix ex: <http://example.org/> . ex:e prov:qualifiedDerivation ex:d . ex:d a prov:Derivation ."
    assert "ex:d has so many values for one relation" in refusal(f"{TURTLE}{text}{''.join(lines)}").replace(
        "http://example.org/", "ex:"
    )


def test_what_prov_warns_of_is_told_once() -> None:
    text = PROV_JSON.replace("{}", '{"ex:n": {"$": "1", "type": "xsd:int", "odd": 1}}')
    (warning,) = read_text(text).warnings
    assert "unknown key 'odd'" in warning
    many = {f"ex:e{number}": {"ex:n": {"$": "1", "odd": number}} for number in range(100)}
    reading = read_text(json.dumps({"prefix": {"ex": "http://example.org/"}, "entity": many}))
    assert len(reading.warnings) == 21
    assert reading.warnings[-1] == "and 80 more of the kind"


@pytest.mark.parametrize("text", [DLPROV_N, DLPROV_JSON])
def test_dlprovs_documents_are_repaired_and_each_repair_is_told(text: str) -> None:
    reading = read_text(text)
    found = attributes(reading.document)
    assert found["a1171ad1"]["tag"] == {'mnist, said "x:=y"'}
    assert [str(kind) for kind in found["a1171ad1"]["type"]] == ["prov:Plan"]
    assert found["e355793b"]["exec_tag"] == {"mnist-2024-10-21 16:32:51.503436"}
    assert found["4b6873ea"].keys() == {"ds_tag", "loss"}
    (plan,) = reading.document.get_record("dlprov:a1171ad1")
    assert plan.identifier is not None
    assert plan.identifier.uri == "https://w3id.org/dlprov#a1171ad1"
    told = "\n".join(reading.warnings)
    assert "the namespace 'DLProv' is no IRI: read as https://w3id.org/dlprov#" in told
    assert "attributes have names that end in a colon: 5 (prov:type:, dlprov:tag:, dlprov:" in told
    assert "types are texts: 1 (prov:Plan); read as names" in told
    assert "numbers are DLProv's -9999999 for a missing one: 1 (dlprov:val_loss); left out" in told
    assert ('numbers where PROV-JSON wants texts ("$"): 2' in told) == (text is DLPROV_JSON)
    assert len(reading.warnings) == 4 + (text is DLPROV_JSON)
    assert check(reading.document) == []


def test_what_looks_like_a_repair_is_none_in_a_text_or_a_remark() -> None:
    statement = 'entity(ex:a, [ex:n="ex:b:=2", ex:m="""x\nex:c:=3"""])'
    reading = read_text(f"document\nprefix ex <http://example.org/>\n// ex:a:=1\n{statement}\nendDocument")
    assert reading.warnings == ()
    assert attributes(reading.document)["a"] == {"n": {"ex:b:=2"}, "m": {"x\nex:c:=3"}}


def test_a_missing_number_is_one_in_dlprovs_documents_alone() -> None:
    text = PROV_JSON.replace("{}", '{"ex:n": {"$": "-9999999.0", "type": "xsd:double"}}')
    reading = read_text(text)
    assert attributes(reading.document)["a"] == {"n": {-9999999.0}}
    assert reading.warnings == ()


def test_yprov4mls_documents_are_repaired_and_each_repair_is_told() -> None:
    reading = read_text(YPROV4ML)
    found = attributes(reading.document)
    assert found["Original%20requirements.txt"]["path"] == {"r.txt"}
    assert "x" not in found["Original%20requirements.txt"]
    (kind,) = found["Original%20requirements.txt"]["type"]
    assert getattr(kind, "uri", None) == "https://w3id.org/dlprov/relative/prov-ml#HyperParameter"
    assert found["model"] == {"size": {0.81412}, "total": {5_000_000_000}, "kept": {1}}
    assert found["mnist"]["run_id"] == {19}
    assert found["mnist"]["shuffle"] == {True}
    assert found["mnist"]["startTime"] == {datetime(2025, 10, 20, 16, 10, 52, 491617)}  # noqa: DTZ001 - it has none
    assert found["mnist"]["endedAtTime"] == {"no time"}
    told = "\n".join(reading.warnings)
    for namespace in ("context", "yProv4ML", "prov-ml", "mnist_GR0_19"):
        assert f"the namespace '{namespace}' is no IRI: read as https://w3id.org/dlprov/relative/{namespace}#" in told
    assert 'numbers where PROV-JSON wants texts ("$"): 4; read as texts' in told
    assert "values are null, which PROV-JSON does not have: 2; left out" in told
    assert "times under PROV-O's names: 1 (prov:startedAtTime); read as their start and end" in told
    assert "characters that no IRI may have: 1 ('Original requirements.txt'); written as %XX" in told
    assert "types are texts: 1 (prov-ml:HyperParameter); read as names" in told
    assert len(reading.warnings) == 9
    assert check(reading.document) == []
    again = read_text(reading.document.serialize(format="provn"))
    assert again.document == reading.document
    assert again.warnings == ()


def test_bundles_are_read_and_repaired_too() -> None:
    text = DLPROV_N.replace("  entity(dlprov:4b", "  bundle dlprov:b\n  entity(dlprov:4b").replace(
        "endDoc", "endBundle endDoc"
    )
    reading = read_text(text)
    (bundle,) = reading.document.bundles
    assert bundle.identifier is not None
    assert bundle.identifier.uri == "https://w3id.org/dlprov#b"
    assert len(list(bundle.get_records())) == 2
    trig = TURTLE + "GRAPH <http://example.org/b> { <http://example.org/c> a prov:Agent . }"
    (bundle,) = read_text(trig).document.bundles
    (agent,) = bundle.get_records()
    assert agent.identifier is not None
    assert agent.identifier.uri == "http://example.org/c"


def test_an_association_beside_a_qualified_one_is_not_taken_for_a_part_of_it() -> None:
    text = """@prefix ex: <http://example.org/> .
        ex:a prov:wasAssociatedWith ex:g , ex:h ; prov:qualifiedAssociation
            [ a prov:Association ; prov:agent ex:g ; prov:hadPlan ex:p ] ."""
    found = read_text(TURTLE + text).document
    kinds = sorted(str(record) for record in found.get_records() if record.is_relation())
    assert [re.sub(r"\w+:", "", kind) for kind in kinds] == [
        "wasAssociatedWith(a, g, p)",
        "wasAssociatedWith(a, h, -)",
    ]


@pytest.mark.slow
def test_a_deep_chain_and_a_cycle_of_derivations_are_read_and_checked() -> None:
    count = 10_000
    lines = ["entity(ex:e0)"]
    for number in range(count):
        lines += [f"entity(ex:e{number + 1})", f"wasDerivedFrom(ex:e{number + 1}, ex:e{number})"]
    head = "document\nprefix ex <http://example.org/>\n"
    reading = read_text(head + "\n".join(lines) + "\nendDocument")
    assert len(list(reading.document.get_records())) == 2 * count + 1
    assert check(reading.document) == []
    cyclic = read_text(head + "\n".join([*lines, f"wasDerivedFrom(ex:e0, ex:e{count})"]) + "\nendDocument")
    (violation,) = check(cyclic.document)
    assert violation.number == 42


@pytest.mark.slow
def test_a_text_of_twenty_megabytes_is_read_in_each_format() -> None:
    text = "x" * 20_000_000
    for name in PARSED:
        content = written([Statement("entity", "e", {}, ((own("text"), text),))], name)
        (entity,) = read_content(content, Path("a"), name).document.get_records()
        assert entity.get_attribute("dlprov:text") == {text}


def test_what_is_missing_to_read_a_format_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, text in (("lxml", PROV_XML), ("rdflib", TURTLE)):
        with monkeypatch.context() as patch:
            for name in [name for name in sys.modules if name.partition(".")[0] == module or "provrdf" in name]:
                patch.delitem(sys.modules, name)
            patch.setitem(sys.modules, module, None)
            assert "pip install 'dlprov[prov]'" in refusal(text)


def test_every_format_has_a_reader() -> None:
    assert set(files._TITLES) == set(files.READABLE)
