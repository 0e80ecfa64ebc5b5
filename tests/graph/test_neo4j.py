"""Runs in a graph database: over Bolt, to a real server, with the official driver; and as Cypher statements."""

from __future__ import annotations

import importlib.util
import io
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bolt import PASSWORD, Server
from property_graphs import edges, element, mnist, paths, shortest
from recorded import KINDS, p7, recorded

import dlprov
from dlprov.errors import UsageError
from dlprov.graph.cypher_text import literal, write
from dlprov.graph.mapping import provenance
from dlprov.graph.neo4j import Pushed, push
from dlprov.graph.property_graph import Node, Relationship, property_graph
from dlprov.graph.statements import Statement
from dlprov.query import open_session

pytest.importorskip("neo4j")
if importlib.util.find_spec("arcadedb_embedded") is None:
    pytest.skip("arcadedb-embedded is not installed", allow_module_level=True)


@pytest.fixture
def emptied(server: Server) -> Server:
    server.clear()
    return server


def told(run_ids: list[str]) -> list[Statement]:
    return list(provenance(open_session(), run_ids))


def held(server: Server, database: str = "first") -> tuple[dict[str, Any], dict[str, Any]]:
    """What the database holds: nodes and relationships by their identifiers."""
    nodes = {
        node["meta:identifier"]: (*node.labels, comparable(dict(node)))
        for (node,) in server.ask("MATCH (n) RETURN n", database)
    }
    relationships = {
        edge["meta:identifier"]: (start, edge.type, end, comparable(dict(edge)))
        for start, edge, end in server.ask(
            "MATCH (a)-[r]->(b) RETURN a.`meta:identifier`, r, b.`meta:identifier`", database
        )
    }
    return nodes, relationships


def expected(graph: list[Node | Relationship]) -> tuple[dict[str, Any], dict[str, Any]]:
    nodes, relationships = {}, {}
    for thing in graph:
        if isinstance(thing, Node):
            nodes[thing.identifier] = (thing.label, comparable(thing.properties))
        else:
            ends = (thing.start[1], thing.type, thing.end[1])
            relationships[thing.identifier] = (*ends, comparable(thing.properties))
    return nodes, relationships


def comparable(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties whose NaN equals itself, and in which a number is no truth value and no other kind of number."""

    def one(value: Any) -> Any:
        if isinstance(value, float) and math.isnan(value):
            return "float", "NaN"
        return [one(item) for item in value] if isinstance(value, list) else (type(value).__name__, value)

    return {key: one(value) for key, value in properties.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pushed_is_there_and_pushing_again_adds_nothing(
    kind: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emptied: Server
) -> None:
    monkeypatch.setenv("DLPROV_LOST_AFTER", "0.001")
    graph = list(property_graph(told(recorded(kind, store, tmp_path))))
    wanted = expected(graph)
    for _ in range(2):
        assert emptied.push(graph) == Pushed(*map(len, wanted))
        assert held(emptied) == wanted
        assert emptied.ask("MATCH (n) RETURN count(n)") == [(len(wanted[0]),)]
        assert emptied.ask("MATCH ()-[r]->() RETURN count(r)") == [(len(wanted[1]),)]


@pytest.mark.parametrize("kind", KINDS)
def test_statements_make_the_same_graph(
    kind: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setenv("DLPROV_LOST_AFTER", "0.001")
    server.clear("second")
    statements = told(recorded(kind, store, tmp_path))
    target = io.BytesIO()
    write(statements, target)
    *lines, last = target.getvalue().decode().split("\n")
    assert last == ""
    assert all(line.endswith(";") for line in lines)
    for _ in range(2):
        with server.driver.session(database="second") as session:
            for line in lines:
                # One that meets the engine's own work in the background is to be tried again.
                session.execute_write(lambda transaction, line=line: transaction.run(line).consume())
        assert held(server, "second") == expected(list(property_graph(statements)))


def test_the_queries_of_dlprovs_readme_over_bolt(store: Path, emptied: Server) -> None:
    session = open_session(store)
    graph = list(property_graph(provenance(session, [p7(store)])))
    emptied.push(graph)
    counted = edges(graph)
    assert len(emptied.ask("MATCH (n) RETURN n LIMIT 25;")) == 23
    generated = "MATCH (b:Entity)-[:wasGeneratedBy]->(c:Activity) RETURN "
    ((loss,),) = emptied.ask(generated + "avg(b.`dlprov:loss`)")
    assert loss == pytest.approx((2.9312345678 + 2.5 + 2.55) / 3, rel=1e-12)
    ((elapsed,),) = emptied.ask(generated + "avg(toFloat(b.`dlprov:elapsed_time`)) AS avg_elapsed_time")
    assert elapsed == pytest.approx(10.3, rel=1e-12)
    test = "MATCH p = {}(a:Entity {{`dlprov:ds_tag`: 'otest'}})-[{}]-(b:{} {{`dlprov:{}_tag`: '{}'}}){} RETURN p"
    ((path,),) = emptied.ask(test.format("shortestPath(", "*", "Entity", "ds", "oloaddata", ")"))
    assert len(path) == shortest(counted, element(counted, "otest"), element(counted, "oloaddata")) == 3
    assert (path.start_node["dlprov:ds_tag"], path.end_node["dlprov:ds_tag"]) == ("otest", "oloaddata")
    ((path,),) = emptied.ask(test.format("shortestPath(", ":wasGeneratedBy", "Activity", "dt", "test", ")"))
    assert [relationship.type for relationship in path] == ["wasGeneratedBy"]
    found = emptied.ask(test.format("", "*..8", "Entity", "ds", "iinputdataset", ""))
    lengths = [len(path) for (path,) in found]
    ends = element(counted, "otest"), element(counted, "iinputdataset")
    assert {length: lengths.count(length) for length in set(lengths)} == paths(counted, *ends, 8)


def test_several_runs_become_one_graph_and_what_others_added_stays(store: Path, emptied: Server) -> None:
    first, second = p7(store), p7(store, "alexnet-2025-11-27 09:00:00")
    older = mnist(store)
    emptied.push(property_graph(told([first])))
    emptied.ask("MATCH (n:Agent {`dlprov:email`: 'bob@fictional.com'}) SET n.office = 'B 12' RETURN n")
    emptied.ask("CREATE (:Note {text: 'mine'}) RETURN 1")
    emptied.push(property_graph(told([second])))
    emptied.push(property_graph(told([older])))
    runs = emptied.ask("MATCH (a:Activity) WHERE a.`dlprov:exec_tag` IS NOT NULL RETURN count(a)")
    assert runs == [(3,)]
    # Both runs of a dataflow used one plan, and one person was there for both.
    assert emptied.ask("MATCH (p:Entity {`dlprov:df_tag`: 'alexnet'})<-[:used]-(a) RETURN count(a)") == [(2,)]
    person = "MATCH (p:Agent {office: 'B 12'})<-[:wasAssociatedWith]-(a:Activity) RETURN count(a)"
    assert emptied.ask(person) == [(2,)]
    assert emptied.ask("MATCH (n:Note) RETURN n.text") == [("mine",)]


def test_a_run_that_goes_on_is_brought_up_to_date(store: Path, emptied: Server) -> None:
    query = "MATCH (a:Activity) WHERE a.`dlprov:run_id` IS NOT NULL RETURN a.`dlprov:status`"
    with dlprov.start_run("flow") as run:
        # What is found out of the environment in the background comes now, and not between the two pushes.
        for name, found in run.environment.finish():
            run.add_environment(name, found)
        run.task("Train").generated("oModel", path="a")
        emptied.push(property_graph(told([run.id])))
        assert emptied.ask(query) == [("running",)]
    graph = list(property_graph(told([run.id])))
    emptied.push(graph)
    assert emptied.ask(query) == [("finished",)]
    assert held(emptied)[1] == expected(graph)[1]


def test_many_come_in_batches_and_progress_is_told(emptied: Server) -> None:
    nodes = [Node(f"urn:{number}", "Entity", {"meta:identifier": f"urn:{number}"}) for number in range(2_500)]
    chain = [
        Relationship(
            f"urn:r{number}",
            "wasDerivedFrom",
            ("Entity", f"urn:{number}"),
            ("Entity", f"urn:{number - 1}"),
            {"meta:identifier": f"urn:r{number}"},
        )
        for number in range(1, 2_500)
    ]
    seen: list[Pushed] = []
    assert emptied.push([*nodes, *chain], progress=seen.append) == Pushed(2_500, 2_499)
    assert seen == sorted(seen)
    assert len(seen) == 6
    assert emptied.ask("MATCH ()-[r:wasDerivedFrom]->() RETURN count(r)") == [(2_499,)]


def test_a_server_that_does_not_take_the_graph_is_explained(server: Server) -> None:
    with pytest.raises(UsageError, match="does not know the user 'root' with this password"):
        server.push([], password="wrong")
    with pytest.raises(UsageError, match=r"refuses the graph: .*nope"):
        server.push([Node("urn:a", "Entity", {})], database="nope")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with pytest.raises(UsageError, match=f"expected at bolt://127.0.0.1:{port}, and none answers"):
        push([], f"bolt://127.0.0.1:{port}", user="a", password="b")
    # HTTP answers there, and not Bolt.
    with pytest.raises(UsageError, match=r"none answers|refuses the graph"):
        push([], f"bolt://127.0.0.1:{server.http}", user="a", password="b")
    for url in ("http://127.0.0.1:7687", "127.0.0.1", "", "bolt://", "bolt://host:x", "bolt://["):
        with pytest.raises(UsageError, match="the address of a graph database was expected"):
            push([], url, user="a", password="b")


@pytest.fixture
def command(store: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*args: str, input: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dlprov", *args],
            input=input,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_the_command_pushes(store: Path, tmp_path: Path, server: Server, command: Callable[..., Any]) -> None:
    server.clear("third")
    p7(store)
    mnist(store)
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\n")
    named = (server.url, "--database", "third")
    done = command("push", *named, "--dataflow", "alexnet", "--user", "root", "--password-file", str(secret))
    assert (done.returncode, done.stdout) == (0, "1 run: 23 nodes and 38 relationships are in the database\n")
    assert done.stderr == ""
    assert server.ask("MATCH (n) RETURN count(n)", "third") == [(23,)]
    done = command("push", *named, NEO4J_USERNAME="root", NEO4J_PASSWORD=PASSWORD)
    assert done.stdout.startswith("2 runs: ")
    done = command("push", *named, "last", "--user", "root", "--password-file", "-", input=PASSWORD)
    assert done.stdout.startswith("1 run: ")
    done = command("push", *named, NEO4J_USERNAME="root", NEO4J_PASSWORD="no password")
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not know the user 'root'" in done.stderr
    assert "no password" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_a_message_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['neo4j'] = None\n"
        "from dlprov.graph.neo4j import push\n"
        "try: push([], 'bolt://127.0.0.1', user='a', password='b')\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'dlprov[neo4j]'" in done.stdout


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's", "'it\\'s'"),
        ("a\\u0041", "'a\\\\' + 'u0041'"),
        ("\\\\u", "'\\\\\\\\' + 'u'"),
        ("\n\r\t`", "'\\n\\r\\t`'"),
        (True, "true"),
        (-(2**63), "(-9223372036854775807 - 1)"),
        (1e16, "1e16"),
        (1e-07, "1e-07"),
        (-math.inf, "(-1.0 / 0.0)"),
        (math.nan, "(0.0 / 0.0)"),
        (["a", "b"], "['a', 'b']"),
        ({"a`b": 1}, "{`a``b`: 1}"),
    ],
)
def test_values_are_escaped(value: Any, text: str, server: Server) -> None:
    assert literal(value) == text
    ((found,),) = server.ask(f"RETURN {text} AS value")
    assert comparable({"x": found}) == comparable({"x": value})
