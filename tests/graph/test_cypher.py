"""Cypher without a server: the queries of DLProv's README, and what an answer is."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from property_graphs import Edges, dlprov_only, edges, element, mnist, paths, shortest
from recorded import KINDS, p7, recorded

import dlprov
from dlprov.errors import NotFoundError, QueryError, UsageError
from dlprov.graph.cypher.engine import Engine, engine
from dlprov.graph.cypher.notation import readable
from dlprov.graph.cypher.question import ask
from dlprov.graph.mapping import provenance
from dlprov.graph.property_graph import Node, property_graph
from dlprov.query import Result, Session, open_session

# Asked for without importing it: Java has no place in this process.
if importlib.util.find_spec("arcadedb_embedded") is None:
    pytest.skip("arcadedb-embedded is not installed", allow_module_level=True)

GENERATED = "MATCH (b:Entity)-[:wasGeneratedBy]->(c:Activity) "

COMPLETE = "MATCH p = (a:Entity {`dlprov:ds_tag`: 'otest'})-[*]-(b:Entity {`dlprov:ds_tag`: '%s'}) RETURN %s"


class Recorded:
    """A store with two runs, of DLProv's newest and of an older dataflow, and what its graphs are by our own count."""

    def __init__(self, place: Path) -> None:
        self.alexnet = p7(place / "store")
        self.mnist = mnist(place / "store")
        self.session: Session = open_session(place / "store")

    def ask(self, query: str, run: str = "", **options: Any) -> Result:
        return ask(self.session, query, runs=[run or self.alexnet], **options)

    def edges(self, run: str = "") -> Edges:
        return edges(property_graph(provenance(self.session, [run or self.alexnet])))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    place = tmp_path_factory.mktemp("cypher")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLPROV_CACHE", str(place / "cache"))
        found = Recorded(place)
        yield found
        engine(place / "cache" / "graphs").close()


def value(result: Result) -> Any:
    ((only,),) = result.rows()
    return only


def test_all_nodes(made: Recorded) -> None:
    found = made.ask("MATCH (n) RETURN n LIMIT 25;")
    labels = [json.loads(row[0])["labels"] for row in found.rows()]
    assert sorted(labels) == [["Activity"]] * 6 + [["Agent"]] * 2 + [["Entity"]] * 15


def test_the_average_loss_is_over_all_generated_entities(made: Recorded) -> None:
    found = made.ask(GENERATED + "RETURN avg(b.`dlprov:loss`)")
    assert found.columns == ["avg(b.`dlprov:loss`)"]
    assert value(found) == pytest.approx((2.9312345678 + 2.5 + 2.55) / 3, rel=1e-12)


def test_the_average_elapsed_time_is_of_texts(made: Recorded) -> None:
    found = made.ask(GENERATED + "RETURN avg(toFloat(b.`dlprov:elapsed_time`)) AS avg_elapsed_time")
    assert found.columns == ["avg_elapsed_time"]
    assert value(found) == pytest.approx(10.3, rel=1e-12)


def test_the_shortest_path_from_the_test_to_the_loaded_data(made: Recorded) -> None:
    query = """
        MATCH p = shortestPath((a:Entity {`dlprov:ds_tag`: 'otest'})-[*]-(b:Entity {`dlprov:ds_tag`: 'oloaddata'}))
        RETURN p"""
    path = json.loads(value(made.ask(query)))
    # Derivations lead from the test's metrics over its data and the filtered ones to the loaded ones.
    tags = [node["properties"]["dlprov:ds_tag"] for node in path["nodes"]]
    assert (tags[0], len(path["relationships"]), tags[-1]) == ("otest", 3, "oloaddata")
    graph = made.edges()
    assert shortest(graph, element(graph, "otest"), element(graph, "oloaddata")) == 3


def test_the_shortest_path_from_the_test_to_its_activity(made: Recorded) -> None:
    query = """
        MATCH p = shortestPath((a:Entity {`dlprov:ds_tag`: 'otest'})-[:wasGeneratedBy]-
                               (b:Activity {`dlprov:dt_tag`: 'test'}))
        RETURN p"""
    path = json.loads(value(made.ask(query)))
    assert [relationship["type"] for relationship in path["relationships"]] == ["wasGeneratedBy"]
    (first, last) = path["nodes"]
    (relationship,) = path["relationships"]
    assert relationship["start"] == first["properties"]["meta:identifier_original"]
    assert relationship["end"] == last["properties"]["meta:identifier_original"]
    assert readable(made.ask(query)).rows() == [("(otest:Entity)-[:wasGeneratedBy]->(test:Activity)",)]


@pytest.mark.parametrize("longest", [4, 6, 8])
def test_paths_up_to_a_length_are_those_that_are_there(made: Recorded, longest: int) -> None:
    graph = made.edges()
    counted = paths(graph, element(graph, "otest"), element(graph, "iinputdataset"), longest)
    assert counted[4] == 1
    query = COMPLETE.replace("[*]", f"[*..{longest}]") % ("iinputdataset", "length(p) AS l, count(p) AS n ORDER BY l")
    assert dict(made.ask(query).rows()) == counted


def test_unbounded_paths_come_one_by_one_until_there_are_enough(made: Recorded) -> None:
    told: list[str] = []
    found = made.ask(COMPLETE % ("iinputdataset", "p"), limit=2_000, tell=told.append)
    assert len(found) == 2_000
    assert told == ["the answer has more than the 2,000 rows that are shown: allow more, or ask for fewer"]
    # No relationship comes twice in a path, and no path twice in the answer.
    ways = set()
    for (text,) in found.rows():
        way = tuple(part["properties"]["meta:identifier"] for part in json.loads(text)["relationships"])
        assert len(set(way)) == len(way)
        ways.add(way)
    assert len(ways) == 2_000


@pytest.fixture
def dlprov_engine(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Asks the graph that DLProv's own mapping makes of a run: fewer relations than ours has."""
    own = Engine(tmp_path)

    def asked(session: Session, run_id: str, query: str, *, agents: bool = True) -> Any:
        place = tmp_path / f"{run_id}-{agents}"
        if not place.exists():
            own.build(place, dlprov_only(provenance(session, [run_id]), agents=agents))
        return own.ask(place, query, {}, None, 120)

    yield asked
    own.close()


def test_complete_paths_in_dlprovs_graph_are_as_many_as_neo4j_finds(
    made: Recorded, dlprov_engine: Callable[..., Any]
) -> None:
    def count(query: str) -> int:
        return dlprov_engine(made.session, made.alexnet, query).rows[0][0][1]

    assert (count("MATCH (n) RETURN count(n)"), count("MATCH ()-[r]->() RETURN count(r)")) == (23, 32)
    assert count(COMPLETE % ("iinputdataset", "count(p)")) == 7909
    assert count(COMPLETE % ("oloaddata", "count(p)")) == 14007
    streamed = dlprov_engine(made.session, made.alexnet, COMPLETE % ("iinputdataset", "length(p)"))
    lengths = [cell[1] for (cell,) in streamed.rows]
    graph = edges(dlprov_only(provenance(made.session, [made.alexnet])))
    counted = paths(graph, element(graph, "otest"), element(graph, "iinputdataset"), len(graph.ends))
    assert {length: lengths.count(length) for length in set(lengths)} == counted
    assert sum(counted.values()) == 7909
    assert min(counted) == 4


def test_complete_paths_of_the_older_dataflow(made: Recorded, dlprov_engine: Callable[..., Any]) -> None:
    def count(query: str) -> int:
        return dlprov_engine(made.session, made.mnist, query, agents=False).rows[0][0][1]

    assert (count("MATCH (n) RETURN count(n)"), count("MATCH ()-[r]->() RETURN count(r)")) == (16, 19)
    for target in ("iinputdataset", "oloaddata"):
        complete = COMPLETE.replace("otest", "otestmodel") % (target, "%s")
        assert count(complete % "count(p)") == 30
        assert count(complete % "min(length(p))") == 4
    ties = COMPLETE.replace("otest", "otestmodel").replace("[*]", "[*4]") % ("oloaddata", "count(p)")
    assert count(ties) == 3


def test_the_queries_with_the_older_names(made: Recorded) -> None:
    losses = (0.30292075872421265, 0.14573220908641815, 0.1027492806315422)
    found = made.ask(GENERATED + "RETURN avg(b.`dlprov:loss`)", made.mnist)
    assert value(found) == pytest.approx(sum(losses) / 3, rel=1e-12)
    found = made.ask(GENERATED + "RETURN avg(toFloat(b.`dlprov:elapsed_time`)) AS t", made.mnist)
    assert value(found) == pytest.approx((11.927588701248169 + 10.316691160202026) / 2, rel=1e-12)
    query = """
        MATCH p = shortestPath((a:Entity {`dlprov:ds_tag`: 'otestmodel'})-[*]-(b:Entity {`dlprov:ds_tag`: 'oloaddata'}))
        RETURN length(p)"""
    # The test's data were derived from the loaded ones.
    assert value(made.ask(query, made.mnist)) == 2
    query = """
        MATCH p = shortestPath((a:Entity {`dlprov:ds_tag`: 'otestmodel'})-[:wasGeneratedBy]-
                               (b:Activity {`dlprov:dt_tag`: 'testmodel'}))
        RETURN length(p)"""
    assert value(made.ask(query, made.mnist)) == 1
    graph = made.edges(made.mnist)
    ends = element(graph, "otestmodel"), element(graph, "iinputdataset")
    query = COMPLETE.replace("otest", "otestmodel") % ("iinputdataset", "count(p)")
    assert value(made.ask(query, made.mnist, seconds=200)) == sum(paths(graph, *ends, len(graph.ends)).values())


def test_a_graph_is_of_the_runs_that_are_named(made: Recorded) -> None:
    query = "MATCH (n) WHERE n.`dlprov:exec_tag` IS NOT NULL RETURN n.`dlprov:run_id` ORDER BY n.`dlprov:run_id`"
    both = sorted([made.alexnet, made.mnist])
    assert ask(made.session, query).rows() == [(run,) for run in both]
    assert ask(made.session, query, runs=both).rows() == [(run,) for run in both]
    assert ask(made.session, query, dataflow="MNIST-peerj").rows() == [(made.mnist,)]
    with pytest.raises(NotFoundError, match="no run 'nope'"):
        ask(made.session, query, runs=["nope"])
    with pytest.raises(NotFoundError, match="no run of a dataflow 'nope'"):
        ask(made.session, query, dataflow="nope")
    with pytest.raises(UsageError, match="got both"):
        ask(made.session, query, runs=["last"], dataflow="mnist-peerj")


def test_missing_properties_are_null(made: Recorded) -> None:
    found = made.ask("MATCH (n:Entity) RETURN n.missing, toFloat('x') AS x, avg(n.missing) AS mean LIMIT 1")
    assert found.rows() == [(None, None, None)]
    query = "MATCH (n:Entity) RETURN n.`dlprov:val_loss` AS v ORDER BY n.`dlprov:epoch`"
    found = [row[0] for row in made.ask(query).rows()]
    assert len(found) == 15
    # A metric that is NaN is a number, and one that was never there is null.
    (first, second) = (told for told in found if told is not None)
    assert first == -9999999
    assert math.isnan(second)


def test_values_have_the_type_that_all_of_a_column_have(made: Recorded) -> None:
    query = """
        UNWIND [1, 2.5, null] AS mixed
        RETURN mixed, 7 AS whole, 0.0 / 0.0 AS nan, -1.0 / 0 AS low, true AS yes, 'é\\'"' AS text, null AS none,
               [1, 'x', null] AS list, {a: 1.5, b: {c: [0.0 / 0.0]}} AS map, date('2026-01-02') AS day"""
    found = made.ask(query)
    assert found.columns == ["mixed", "whole", "nan", "low", "yes", "text", "none", "list", "map", "day"]
    types = ["DOUBLE", "BIGINT", "DOUBLE", "DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR", "JSON", "JSON", "VARCHAR"]
    assert found.types == types
    first = found.rows()[0]
    assert first[:2] == (1.0, 7)
    assert math.isnan(first[2])
    assert first[3:7] == (-math.inf, True, "é'\"", None)
    assert [json.loads(text) for text in first[7:9]] == [[1, "x", None], {"a": 1.5, "b": {"c": ["NaN"]}}]
    assert first[9] == "2026-01-02"
    assert [row[0] for row in found.rows()] == [1.0, 2.5, None]
    assert made.ask("UNWIND [1, 'x'] AS v RETURN v").types == ["JSON"]


def test_an_empty_answer_has_its_columns(made: Recorded) -> None:
    found = made.ask("MATCH (n:Agent {nope: 1}) RETURN n.a AS first, n.`b c`, count(*) AS n")
    assert (found.columns, found.rows()) == (["first", "n.`b c`", "n"], [])
    assert made.ask("MATCH (n:Nothing) RETURN n").columns == ["n"]
    found = made.ask("MATCH (n) RETURN labels(n), n", limit=0)
    assert (found.columns, found.rows()) == (["labels(n)", "n"], [])


def test_columns_whose_names_differ_in_case_alone_are_told_apart(made: Recorded) -> None:
    assert made.ask("RETURN 1 AS x, 2 AS X, 3 AS x_2").columns == ["x", "X_2", "x_2_2"]


def test_parameters_are_values(made: Recorded) -> None:
    tag = "otest'}) DETACH DELETE n //"
    query = "MATCH (n) WHERE n.`dlprov:ds_tag` IN $tags RETURN count(n)"
    assert value(made.ask(query, parameters={"tags": ["otest", tag]})) == 1


@pytest.mark.parametrize(
    "query",
    [
        "CREATE (n:Entity) RETURN n",
        "MATCH (n) DETACH DELETE n",
        "MATCH (n) SET n.x = 1 RETURN n",
        "MERGE (n:Entity {x: 1}) RETURN n",
        "MATCH (n) REMOVE n.`dlprov:id`",
        "CREATE INDEX FOR (n:Entity) ON (n.x)",
        "FOREACH (x IN [1] | CREATE (:Entity))",
    ],
)
def test_a_query_that_would_change_something_is_refused(made: Recorded, query: str) -> None:
    with pytest.raises(QueryError, match="Cypher that would change something"):
        made.ask(query)
    assert value(made.ask("MATCH (n) RETURN count(n)")) == 23


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("MATCH (n RETURN n", "Syntax error at line 1:9"),
        ("MATCH (n) RETURN m", "Variable 'm' not defined"),
        ("SELECT * FROM run", "Syntax error at line 1:0"),
        ("RETURN $x", "x"),
        ("MATCH (n) RETURN nothing(n)", "nothing"),
        ("RETURN 9223372036854775808", "too large"),
        ("LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line", "disabled"),
        ("LOAD CSV FROM 'https://example.org/x.csv' AS line RETURN line", "disabled"),
    ],
)
def test_a_query_that_is_none_is_refused_with_a_reason(made: Recorded, query: str, reason: str) -> None:
    with pytest.raises(QueryError) as caught:
        made.ask(query)
    message = str(caught.value)
    assert reason in message
    assert "\n" not in message
    assert not any(word in message for word in ("arcadedb.", "java.", "Exception", "antlr"))


@pytest.mark.parametrize("options", [{"limit": -1}, {"seconds": 0}])
def test_a_limit_that_is_none_is_refused(made: Recorded, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="was expected"):
        made.ask("RETURN 1", **options)
    with pytest.raises(QueryError, match="an empty text"):
        made.ask(" ")


def test_a_question_that_takes_too_long_is_stopped_and_the_next_one_answered(made: Recorded) -> None:
    made.ask("RETURN 1")
    began = time.monotonic()
    with pytest.raises(QueryError, match=r"within 1\.5 seconds"):
        made.ask("MATCH p = (a)-[*]-(b) RETURN count(p)", seconds=1.5)
    assert time.monotonic() - began < 20
    assert value(made.ask("RETURN 1")) == 1


def test_the_engine_is_started_again_when_its_process_is_gone(made: Recorded) -> None:
    made.ask("RETURN 1")
    asked = engine(made.session.index.cache / "graphs")
    assert asked._process is not None
    asked._process.kill()
    asked._process.wait()
    assert value(made.ask("RETURN 2")) == 2


def test_java_stays_out_of_this_process_and_says_nothing(
    made: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    engine(made.session.index.cache / "graphs").close()
    assert value(made.ask("RETURN 1")) == 1
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert not {"jpype", "arcadedb_embedded"} & set(sys.modules)


def test_a_graph_is_made_once_and_again_when_something_is_recorded(store: Path, tmp_path: Path) -> None:
    graphs = tmp_path / "cache" / "graphs"
    count = "MATCH (n:Entity) RETURN count(n)"
    session = open_session(store)

    def kept() -> list[str]:
        return sorted(path.name for path in graphs.iterdir() if (path / "schema.json").exists())

    with dlprov.start_run("flow") as run:
        # What is found out of the environment in the background comes now, and not between two questions.
        for name, found in run.environment.finish():
            run.add_environment(name, found)
        task = run.task("Train")
        task.generated("oModel", path="a")
        first = value(ask(session, count))
        made = kept()
        assert value(ask(session, count)) == first
        assert kept() == made
        assert len(made) == 1
        task.generated("oModel", path="b")
        assert value(ask(session, count)) == first + 1
        assert len(kept()) == 2
    engine(graphs).close()
    assert value(dlprov.graph(count, runs=run.id)) == first + 1
    engine(graphs).close()


def test_a_cache_that_cannot_be_written_is_done_without(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLPROV_CACHE", str(tmp_path / "file" / "cache"))
    with dlprov.start_run("flow") as run:
        pass
    assert dlprov.graph("MATCH (n:Activity) RETURN n.`dlprov:run_id`").rows() == [(run.id,)]


def test_a_store_without_runs_is_an_empty_graph(store: Path, tmp_path: Path) -> None:
    assert dlprov.graph("MATCH (n) RETURN count(n)").rows() == [(0,)]
    engine(tmp_path / "cache" / "graphs").close()


@pytest.fixture(scope="module")
def values_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    place = tmp_path_factory.mktemp("values")
    made = Engine(place)
    yield made, place
    made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_was_recorded_is_in_the_graph(
    kind: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values_engine: tuple[Engine, Path]
) -> None:
    monkeypatch.setenv("DLPROV_LOST_AFTER", "0.001")
    statements = list(provenance(open_session(), recorded(kind, store, tmp_path)))
    things = list(property_graph(statements))
    own, place = values_engine
    own.build(place / kind, things)
    nodes = [thing for thing in things if isinstance(thing, Node)]
    found = own.ask(place / kind, "MATCH (n) RETURN n", {}, None, 60).rows
    told = {part["properties"]["meta:identifier"]: part for part in (json.loads(cell[1]) for (cell,) in found)}
    assert len(found) == len(told) == len(nodes)
    for node in nodes:
        expected = {key: _plain(told) for key, told in node.properties.items()}
        assert told[node.identifier] == {"labels": [node.label], "properties": expected}
    relationships = [thing for thing in things if not isinstance(thing, Node)]
    assert len({thing.identifier for thing in relationships}) == len(relationships)
    query = "MATCH (a)-[r]->(b) RETURN a.`meta:identifier`, r, b.`meta:identifier`"
    rows = own.ask(place / kind, query, {}, None, 60).rows
    found_edges = {}
    for start, text, end in rows:
        edge = json.loads(text[1])
        found_edges[edge["properties"]["meta:identifier"]] = (start[1], edge["type"], end[1], edge["properties"])
    assert found_edges == {
        thing.identifier: (
            thing.start[1],
            thing.type,
            thing.end[1],
            {key: _plain(told) for key, told in thing.properties.items()},
        )
        for thing in relationships
    }
    assert len(rows) == len(relationships)


def _plain(value: Any) -> Any:
    """A property as JSON has it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def test_without_the_extra_a_message_says_how_to_get_it(store: Path) -> None:
    program = (
        "import sys; sys.modules['arcadedb_embedded'] = None\n"
        "import dlprov\n"
        "try: dlprov.graph('RETURN 1')\n"
        "except dlprov.UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'dlprov[cypher]'" in done.stdout


def test_the_engine_ends_with_the_process_that_asks(store: Path) -> None:
    program = (
        "import dlprov, os, signal\n"
        "from dlprov.graph.cypher import engine\n"
        "dlprov.graph('RETURN 1')\n"
        "(made,) = engine._engines.values()\n"
        "print(made._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return  # Nobody is there to take note of its end.
        time.sleep(0.1)
    pytest.fail(f"the engine {pid} outlives the process that started it")


def test_dlprov_graph_is_a_function_and_a_package(made: Recorded) -> None:
    program = "import dlprov.graph.lineage, dlprov; assert callable(dlprov.graph); dlprov.graph.lineage"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert "graph" in dlprov.__all__


@pytest.mark.slow
def test_the_queries_on_a_real_training(run_example: Any, store: Path, tmp_path: Path) -> None:
    for package in ("keras", "jax", "sklearn"):
        pytest.importorskip(package)
    work = tmp_path / "work"
    work.mkdir()
    run_example("train_test_split.py", work, store)
    losses = [row[0] for row in dlprov.query('SELECT loss FROM "mnist".otrainmodel').rows()]
    losses += [row[0] for row in dlprov.query('SELECT loss FROM "mnist".otestmodel').rows()]
    times = [float(row[0]) for row in dlprov.query('SELECT elapsed_time FROM "mnist".otrainmodel').rows()]
    assert (len(losses), len(times)) == (4, 3)
    assert value(dlprov.graph(GENERATED + "RETURN avg(b.`dlprov:loss`)")) == pytest.approx(sum(losses) / 4)
    found = dlprov.graph(GENERATED + "RETURN avg(toFloat(b.`dlprov:elapsed_time`)) AS avg_elapsed_time")
    assert value(found) == pytest.approx(sum(times) / 3)
    session = open_session(store)
    graph = edges(property_graph(provenance(session, [row[0] for row in dlprov.runs().rows()])))
    assert len(dlprov.graph("MATCH (n) RETURN n LIMIT 25;")) == min(25, len(graph.nodes))
    ends = element(graph, "otestmodel"), element(graph, "oloaddata")
    query = """
        MATCH p = shortestPath((a:Entity {`dlprov:ds_tag`: 'otestmodel'})-[*]-(b:Entity {`dlprov:ds_tag`: 'oloaddata'}))
        RETURN length(p)"""
    assert value(dlprov.graph(query)) == shortest(graph, *ends)
    query = """
        MATCH p = shortestPath((a:Entity {`dlprov:ds_tag`: 'otestmodel'})-[:wasGeneratedBy]-
                               (b:Activity {`dlprov:dt_tag`: 'testmodel'}))
        RETURN length(p)"""
    assert value(dlprov.graph(query)) == 1
    ends = element(graph, "otestmodel"), element(graph, "iinputdataset")
    query = COMPLETE.replace("otest", "otestmodel").replace("[*]", "[*..8]") % ("iinputdataset", "count(p)")
    assert value(dlprov.graph(query)) == sum(paths(graph, *ends, 8).values())
    engine(session.index.cache / "graphs").close()


@pytest.mark.parametrize(
    "text", ["{nodes: 3, relationships: 4}", "{labels: 1, properties: 2}", "{nodes: [], relationships: []}"]
)
def test_a_map_with_the_keys_of_a_node_is_shown_as_a_map(made: Recorded, text: str) -> None:
    shown = readable(made.ask(f"RETURN {text} AS counts")).rows()[0][0]
    assert json.loads(shown).keys() == set(re.findall(r"(\w+):", text))
