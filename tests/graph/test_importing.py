"""Documents of any origin in the store: once, beside the runs, and asked like them."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from foreign import DLPROV_JSON, DLPROV_N, YPROV4ML
from recorded import KINDS, native, p7, recorded, written

import dlprov
from dlprov.errors import NotFoundError, StoreError, UsageError
from dlprov.graph.documents import find_document, things_of
from dlprov.graph.importing import import_document
from dlprov.graph.lineage import trace
from dlprov.graph.mapping import provenance
from dlprov.graph.property_graph import Node, Relationship, property_graph
from dlprov.graph.selection import chosen, stated
from dlprov.intake import Report
from dlprov.log import layout
from dlprov.log.reader import read_events
from dlprov.query import Session, open_session

FORMATS = ("provn", "json", "jsonld", "ttl", "trig", "xml")


def taken(text: str | bytes, place: Path, store: Path, name: str = "document") -> tuple[Report, list[str]]:
    """Import a document; gives the report, and what it told."""
    path = place / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    told: list[str] = []
    report = Report(path, told.append)
    import_document(path, store, report)
    return report, [message.removeprefix(f"{path}: ") for message in told]


def graph(statements: Any) -> tuple[dict[str, Node], Counter[Relationship]]:
    things = list(property_graph(statements))
    nodes = [thing for thing in things if isinstance(thing, Node)]
    assert len({node.identifier for node in nodes}) == len(nodes)
    return {node.identifier: node for node in nodes}, Counter(
        repr(thing._replace(properties={})) for thing in things if isinstance(thing, Relationship)
    )  # type: ignore[return-value]


def same(value: Any) -> Any:
    """A property for comparison: attributes are a set, and NaN equals itself."""
    return sorted(map(repr, value)) if isinstance(value, list) else repr(value)


def properties(nodes: dict[str, Node]) -> dict[str, dict[str, Any]]:
    return {name: {key: same(value) for key, value in node.properties.items()} for name, node in nodes.items()}


def lines(session: Session, what: str) -> list[tuple[Any, ...]]:
    return session.ask(what).rows()


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_run_is_the_same_graph_where_it_is_imported(
    kind: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLPROV_LOST_AFTER", "0.01")
    run_ids = recorded(kind, store, tmp_path)
    statements = list(provenance(open_session(), run_ids))
    wanted_nodes, wanted_relationships = graph(statements)
    other = tmp_path / "other"
    for number, name in enumerate(FORMATS):
        report, told = taken(written(statements, name), tmp_path, other, f"{number}.{name}")
        assert told == []
        assert (report.documents, report.statements) == (
            (1, len(set(map(repr, statements)))) if not number else (0, 0)
        ), name
    session = open_session(other)
    assert lines(session, "SELECT name, format FROM public.document") == [("0.provn", "provn")]
    nodes, relationships = graph(stated(session, chosen(session)))
    assert properties(nodes) == properties(wanted_nodes)
    assert relationships == wanted_relationships


def test_the_statements_are_the_same_in_any_order_and_with_any_prefixes(tmp_path: Path, store: Path) -> None:
    first = "document\nprefix ex <http://e/>\nentity(ex:a, [ex:x=1, ex:y=ex:b])\nentity(ex:b)\nendDocument"
    first = first.replace("ex:b]", "'ex:b']")
    other = "document\ndefault <http://e/>\nentity(b)\nentity(a, [y='b', x=1])\nentity(b)\nendDocument"
    assert taken(first, tmp_path, store)[0].statements == 2
    assert taken(other, tmp_path, store)[0].documents == 0
    changed = first.replace("x=1", "x=2")
    assert taken(changed, tmp_path, store)[0].documents == 1


def test_a_store_into_which_another_one_was_copied_has_each_document_once(tmp_path: Path, store: Path) -> None:
    other = tmp_path / "other"
    for place in (store, other):
        taken(DLPROV_N, tmp_path, place)
    assert dlprov.query("SELECT count(*) FROM public.document").rows() == [(1,)]
    shutil.copytree(other / "runs", store / "runs", dirs_exist_ok=True)
    dlprov.query("SELECT 1")
    assert dlprov.query("SELECT count(*) FROM public.document").rows() == [(1,)]


MANY = """document
default <http://default/>
prefix ex <http://e/>
prefix prov2 <http://other/prov#>
prefix dlprov <http://not.ours/>
entity(a, [prov:type='ex:T', prov:label="The chart", prov2:n="x"@en, ex:n=3, ex:d="2.50" %% xsd:decimal,
  ex:t="2020-01-01T00:00:00+01:00" %% xsd:dateTime, ex:u="http://x" %% xsd:anyURI, ex:q="z" %% ex:foo, ex:n=4])
entity(dlprov:a)
activity(ex:draw, 2020-01-01T00:00:00, -)
agent(ex:Ann)
entity(ex:Ann, [ex:role="author"])
wasGeneratedBy(ex:g; a, ex:draw, 2020-01-02T00:00:00)
wasGeneratedBy(dlprov:a, -, -)
used(ex:draw, ex:raw, -)
wasDerivedFrom(a, ex:raw, ex:draw, ex:g, -)
wasAttributedTo(a, ex:Ann)
wasInformedBy(ex:draw, ex:order)
wasStartedBy(ex:draw, ex:call, ex:order, -)
wasEndedBy(ex:draw, ex:bell, ex:order, 2020-01-03T00:00:00)
wasInvalidatedBy(ex:raw, ex:draw, -)
wasInfluencedBy(a, ex:Bob)
alternateOf(a, ex:other)
specializationOf(a, ex:chart)
mentionOf(ex:m, a, ex:b)
hadMember(ex:all, a)
actedOnBehalfOf(ex:Ann, ex:Bob, ex:draw)
wasAssociatedWith(ex:draw, -, ex:plan)
bundle ex:b
  prefix ex <http://in.bundle/>
  entity(ex:a, [prov:label="within"])
  used(ex:draw, ex:a, -)
endBundle
endDocument
"""


def test_every_kind_of_statement_and_value_is_kept(tmp_path: Path, store: Path) -> None:
    report, told = taken(MANY, tmp_path, store)
    assert (report.documents, report.statements, told) == (1, 23, [])
    session = open_session()
    (prefixes,) = lines(session, "SELECT prefixes FROM public.document")[0]
    assert json.loads(prefixes) == {
        "prov": "http://www.w3.org/ns/prov#", "xsd": "http://www.w3.org/2001/XMLSchema#",
        "dlprov": "https://w3id.org/dlprov#", "default": "http://default/", "ex": "http://e/",
        "prov2": "http://other/prov#", "dlprov2": "http://not.ours/", "ex2": "http://in.bundle/",
    }  # fmt: skip
    nodes, relationships = graph(stated(session, chosen(session)))
    assert sum(relationships.values()) == 16  # "Something made it" has one end
    chart = nodes["http://default/a"]
    assert chart.label == "Entity"
    assert chart.properties == {
        "meta:identifier": "http://default/a", "meta:identifier_original": "default:a", "meta:prov_type": "prov:Entity",
        "prov:type": "ex:T", "prov:label": "The chart", "prov2:n": "x", "ex:n": [3, 4], "ex:d": "2.50",
        "ex:t": "2020-01-01T00:00:00+01:00", "ex:u": "http://x", "ex:q": "z",
    }  # fmt: skip
    assert nodes["http://e/draw"].properties["prov:startTime"] == "2020-01-01T00:00:00"
    # One thing, which two statements tell of: a node has one label, and the first one counts.
    assert nodes["http://e/Ann"].label == "Agent"
    assert nodes["http://e/Ann"].properties["meta:prov_type"] == ["prov:Agent", "prov:Entity"]
    assert nodes["http://e/Ann"].properties["ex:role"] == "author"
    assert nodes["http://in.bundle/a"].properties["meta:bundle"] == "ex2:b"
    # Those that are only spoken of.
    labels = {"order": "Activity", "call": "Entity", "Bob": "Agent", "plan": "Entity", "all": "Entity"}
    assert {name: nodes[f"http://e/{name}"].label for name in labels} == labels
    made = [thing for thing in property_graph(stated(session, chosen(session))) if isinstance(thing, Relationship)]
    (generation,) = (thing for thing in made if thing.type == "wasGeneratedBy")
    assert generation.properties["meta:identifier_original"] == "ex:g"
    assert generation.properties["prov:time"] == "2020-01-02T00:00:00"
    (derivation,) = (thing for thing in made if thing.type == "wasDerivedFrom")
    assert derivation.properties["prov:activity"] == "http://e/draw"


def test_what_is_no_value_of_its_type_is_text(tmp_path: Path, store: Path) -> None:
    values = {"i": ("abc", "int"), "f": ("much", "double"), "b": ("yes", "boolean"), "big": ("9" * 40, "integer")}
    told = {f"ex:{name}": {"$": text, "type": f"xsd:{kind}"} for name, (text, kind) in values.items()}
    told |= {"ex:t": {"$": "true", "type": "xsd:boolean"}, "ex:n": {"$": "INF", "type": "xsd:double"}}
    taken(json.dumps({"prefix": {"ex": "http://e/"}, "entity": {"ex:a": told}}), tmp_path, store)
    session = open_session()
    found = graph(stated(session, chosen(session)))[0]["http://e/a"].properties
    assert {name: found[f"ex:{name}"] for name in values} == {name: text for name, (text, _) in values.items()}
    assert (found["ex:t"], found["ex:n"]) == (True, math.inf)


def up(session: Session, thing: str, **options: Any) -> dict[str, tuple[int, str, str]]:
    return {
        row["thing"]: (row["distance"], row["kind"], row["label"]) for row in trace(session, thing, **options).dicts()
    }


def test_lineage_follows_what_says_what_came_from_what(tmp_path: Path, store: Path) -> None:
    taken(MANY, tmp_path, store)
    session = open_session()
    found = up(session, "http://default/a")
    assert found == {
        "http://default/a": (0, "entity", "The chart"),
        "http://e/draw": (1, "activity", "ex:draw"),
        "http://e/raw": (1, "thing", None),
        "http://e/Bob": (1, "thing", None),
        "http://e/order": (2, "thing", None),
        "http://e/call": (2, "thing", None),
        "http://e/bell": (2, "thing", None),
    }
    assert up(session, "default:a") == found
    down = up(session, "http://e/raw", direction="down")
    assert {name for name, (distance, *_) in down.items() if distance == 1} == {"http://default/a", "http://e/draw"}
    assert "http://e/all" in down


def test_a_name_that_means_several_things_is_told(tmp_path: Path, store: Path) -> None:
    for number in range(2):
        text = f"document\nprefix ex <http://e{number}/>\nentity(ex:a)\nendDocument"
        taken(text, tmp_path, store, f"{number}.provn")
    with pytest.raises(UsageError, match=r"'ex:a' means 2 things .*http://e0/a, http://e1/a"):
        trace(open_session(), "ex:a")
    assert list(up(open_session(), "http://e1/a")) == ["http://e1/a"]
    with pytest.raises(NotFoundError, match="IRI"):
        trace(open_session(), "ex:b")


def test_runs_and_documents_are_one_graph(tmp_path: Path, store: Path) -> None:
    """A run that is recorded here, and what somebody else says of the file that it made."""
    run_id = native(tmp_path)
    session = open_session()
    ((model,),) = lines(session, "SELECT sha256 FROM public.artifact WHERE kind = 'weights'")
    text = f"""document
        prefix dlprov <https://w3id.org/dlprov#>
        prefix shop <http://shop.example/>
        entity(shop:product, [prov:label="The product"])
        entity(dlprov:file-{model}, [dlprov:size=3, shop:price=7])
        wasDerivedFrom(shop:product, dlprov:file-{model})
        endDocument"""
    taken(text, tmp_path, store, "shop.provn")
    session = open_session()
    found = up(session, "shop:product")
    assert found[f"file-{model}"][:2] == (1, "file")
    assert {"task", "element", "data"} <= {kind for _, kind, _ in found.values()}
    down = trace(session, str(tmp_path / "data.npz"), direction="down").dicts()
    assert down[0]["kind"] == "file"
    assert [row["label"] for row in trace(session, model, direction="down").dicts()][-1] == "The product"
    everything = chosen(session)
    assert (everything.runs, everything.documents) == ([run_id], [1])
    nodes, _ = graph(stated(session, everything))
    # Of what was recorded here, our own description counts; the document adds to it.
    file = nodes[f"https://w3id.org/dlprov#file-{model}"].properties
    assert (file["dlprov:size"], file["shop:price"], file["dlprov:sha256"]) == (16, 7, model)
    alone, _ = graph(stated(session, chosen(session, ["shop.provn"])))
    assert len(alone) == 2
    assert len(graph(stated(session, chosen(session, ["last"])))[0]) == len(nodes) - 1


def test_a_document_of_a_run_that_is_here_adds_nothing_to_the_graph(tmp_path: Path, store: Path) -> None:
    run_ids = [p7(store), native(tmp_path)]
    session = open_session()
    statements = list(provenance(session, run_ids))
    before = graph(statements)
    ids = [row["thing"] for row in trace(session, "alexnet.otest:1").dicts()]
    for name in FORMATS:
        taken(written(statements, name), tmp_path, store, f"run.{name}")
    session = open_session()
    nodes, relationships = graph(stated(session, chosen(session)))
    assert (properties(nodes), relationships) == (properties(before[0]), before[1])
    again = {row["thing"]: row for row in trace(session, "alexnet.otest:1").dicts()}
    assert set(ids) <= again.keys()
    # What tables of ours know is told as before.
    assert again["element-" + lines(session, "SELECT uuid FROM alexnet.ds_otest")[0][0]]["run_id"] == run_ids[0]


def test_documents_are_named_by_their_ids_and_files(tmp_path: Path, store: Path) -> None:
    taken(DLPROV_N, tmp_path, store, "run.provn")
    taken(YPROV4ML, tmp_path, store, "run.json")
    taken(MANY, tmp_path, store, "run.json")
    session = open_session()
    ids = [row[0] for row in lines(session, "SELECT uuid FROM public.document ORDER BY id")]
    assert [find_document(session, name) for name in ("run.provn", ids[1], f"document-{ids[2]}", ids[2][:8])] == [
        1,
        2,
        3,
        3,
    ]
    assert find_document(session, "other.provn") is None
    assert find_document(session, ids[0][:3]) is None
    with pytest.raises(UsageError, match=f"2 imported documents: name one by its id \\({ids[1][:8]}, {ids[2][:8]}"):
        find_document(session, "run.json")
    with pytest.raises(NotFoundError, match="run 'other'"):
        chosen(session, ["other"])
    with pytest.raises(NotFoundError, match="no imported document 9"):
        list(things_of(session, [9]))


def test_dlprovs_documents_come_in_repaired_and_are_asked_in_cypher(tmp_path: Path, store: Path) -> None:
    pytest.importorskip("arcadedb_embedded", reason="arcadedb-embedded is not installed")
    for number, text in enumerate((DLPROV_N, DLPROV_JSON)):
        report, told = taken(text, tmp_path, store)
        assert report.documents == 1  # a float in one is a double in the other
        assert len(told) == report.warnings == 4 + number
        assert "warning: the namespace 'DLProv' is no IRI: read as https://w3id.org/dlprov#" in told
    session = open_session()
    ((warnings,),) = lines(session, "SELECT warnings FROM public.document WHERE format = 'provn'")
    assert [f"warning: {warning}" for warning in json.loads(warnings)] == taken(DLPROV_N, tmp_path, store)[1]
    query = "MATCH (b:Entity)-[:wasGeneratedBy]->(c:Activity) RETURN avg(b.`dlprov:loss`), c.`dlprov:exec_tag`"
    assert dlprov.graph(query).rows() == [(0.302921, "mnist-2024-10-21 16:32:51.503436")]
    ids = [row[0] for row in lines(session, "SELECT uuid FROM public.document")]
    assert dlprov.graph(query, runs=ids[0]).rows() == [(0.302921, "mnist-2024-10-21 16:32:51.503436")]
    assert [row["label"] for row in trace(session, "dlprov:4b6873ea").dicts()][1:] == [
        "dlprov:e355793b",
        "dlprov:a1171ad1",
    ]


def test_yprov4mls_documents_come_in_repaired(tmp_path: Path, store: Path) -> None:
    report, told = taken(YPROV4ML, tmp_path, store)
    assert (report.documents, report.statements, len(told)) == (1, 6, 9)
    found = up(open_session(), "context:mnist")
    assert [label for _, _, label in found.values()] == ["context:mnist", "default:Original%20requirements.txt"]


def test_an_index_that_is_built_anew_is_the_same(tmp_path: Path, store: Path) -> None:
    native(tmp_path)
    taken(MANY, tmp_path, store)
    taken(DLPROV_N, tmp_path, store)
    tables = ("document", "statement", "relation")
    before = [lines(open_session(), f"FROM public.{table}") for table in tables]
    open_session().rebuild()
    assert [lines(open_session(), f"FROM public.{table}") for table in tables] == before
    (store / "index.duckdb").unlink()
    assert [len(lines(open_session(), f"FROM public.{table}")) for table in tables] == [len(rows) for rows in before]


def test_a_document_that_is_indexed_in_parts_is_whole(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "".join(f"wasDerivedFrom(ex:e{number}, ex:e{number + 1})\n" for number in range(5000))
    taken(f"document\nprefix ex <http://e/>\n{many}endDocument", tmp_path, store)
    monkeypatch.setattr("dlprov.store.indexer.BATCH_BYTES", 10_000)
    session = open_session()
    assert lines(session, "SELECT count(*), count(DISTINCT document_id) FROM public.statement") == [(5000, 1)]
    assert lines(session, "SELECT count(*) FROM public.document") == [(1,)]
    assert len(up(session, "http://e/e0", depth=10)) == 11


def test_a_store_that_cannot_be_written_is_told_and_keeps_nothing_of_the_document(tmp_path: Path, store: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be kept"):
        taken(DLPROV_N, tmp_path, tmp_path / "file" / "store")
    many = "".join(f"entity(ex:e{number})\n" for number in range(5000))
    (tmp_path / "many.provn").write_text(f"document\nprefix ex <http://e/>\n{many}endDocument")
    program = """
import resource, signal, sys
from pathlib import Path
from dlprov.errors import StoreError
from dlprov.graph.importing import import_document
from dlprov.intake import Report
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    import_document(Path(sys.argv[1]), Path(sys.argv[2]), Report(Path(sys.argv[1])))
except StoreError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "many.provn"), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "make room or name another store, and import again" in done.stdout
    assert [path for path in (store / "runs").rglob("*") if path.is_file()] == []
    assert taken((tmp_path / "many.provn").read_text(), tmp_path, store)[0].statements == 5000


def test_the_log_of_a_document_says_all_and_is_sealed(tmp_path: Path, store: Path) -> None:
    taken(DLPROV_N, tmp_path, store, "run.provn")
    (directory,) = layout.run_directories(store)
    assert layout.is_document(directory.name)
    (path,) = layout.log_files(directory)
    kinds = [type(event).__name__ for _, event in read_events(path)]
    assert kinds == ["Log", "Document", *["Statement"] * 5, "Seal"]


@pytest.fixture
def dlprov_command(store: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dlprov", *words],
            capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=120, check=False,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip

    return run


def test_the_command_imports_and_says_what(
    dlprov_command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "run.provn").write_text(DLPROV_N)
    (tmp_path / "ml.json").write_text(YPROV4ML)
    done = dlprov_command("import", "run.provn", "ml.json")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "run.provn: 1 document, 5 statements imported; 4 warnings",
        "ml.json: 1 document, 6 statements imported; 9 warnings",
    ]
    assert "run.provn: warning: types are texts: 1 (prov:Plan); read as names" in done.stderr
    assert dlprov_command("import", "run.provn").stdout == "run.provn: nothing new; 4 warnings\n"
    found = dlprov_command("lineage", "context:mnist", "--format", "csv").stdout.splitlines()
    assert len(found) == 3
    assert dlprov_command("verify", "--all").stdout == "2 files of 2 documents: 2 sealed\n"
    assert dlprov_command("validate", "run.provn").returncode == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DLPROV_N[:-13], "run.provn:9: PROV-N was expected"),
        (DLPROV_JSON[:-30], "it ends too early"),
        ("[1]", "an object was expected, got list"),
        ("<html><body/></html>", "PROV-XML was expected"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "PROV-XML was expected"),
        ("@prefix ex: <http://e/> .\nex:a a", "PROV-O in TriG was expected"),
    ],
)
def test_what_is_no_document_is_told_and_nothing_is_imported(
    content: str, said: str, tmp_path: Path, store: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        taken(content, tmp_path, store, "run.provn")
    assert said in str(caught.value)
    assert dlprov.query("SELECT count(*) FROM public.document").rows() == [(0,)]


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand_derivations_with_a_cycle(tmp_path: Path, store: Path) -> None:
    count = 100_000
    chain = "".join(f"wasDerivedFrom(ex:e{number}, ex:e{number + 1}, -, -, -)\n" for number in range(count))
    text = f"document\nprefix ex <http://e/>\n{chain}wasDerivedFrom(ex:e{count}, ex:e0, -, -, -)\nendDocument"
    assert taken(text, tmp_path, store)[0].statements == count + 1
    found = trace(open_session(), "http://e/e5")
    assert len(found) == count + 1
    assert found.rows()[-1][0] == count
