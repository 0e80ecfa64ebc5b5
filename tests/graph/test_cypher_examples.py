"""The six queries of DLProv's README on what the scripts of ``examples/`` record, without a server and over Bolt.

What each script does is written down here: which task used and made which sets, and what came from what. All answers
are counted in that, or in the numbers that the script itself wrote to its files, and none is taken from a store.
"""

from __future__ import annotations

import csv
import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from bolt import Server
from property_graphs import Edges, dlprov_only, paths, shortest

from dlprov.graph.cypher.engine import Engine, engine
from dlprov.graph.cypher.question import ask
from dlprov.graph.mapping import provenance
from dlprov.graph.property_graph import Node, Relationship, property_graph
from dlprov.graph.statements import Statement
from dlprov.query import Session, open_session

pytestmark = pytest.mark.slow

pytest.importorskip("neo4j")
if importlib.util.find_spec("arcadedb_embedded") is None:
    pytest.skip("arcadedb-embedded is not installed", allow_module_level=True)

EXAMPLES = Path(__file__).parents[2] / "examples"

Relations = list[tuple[str, str, str]]
"""``(name, type, name)``: elements by the tag of their set, tasks by that of their transformation."""

RUN, PLAN, PERSON, HARDWARE, SOFTWARE = "run", "prov:Plan", "prov:Person", "dlprov:Hardware", "prov:SoftwareAgent"


class Script(NamedTuple):
    """A script of ``examples/``.

    Attributes:
        name: Its file, without the ending.
        flow: For each task the sets that it used, and those that it made; several elements of one are told by ``*N``.
        derived: For each set the sets of other tasks that its elements came from.
        test: The set with the test's result, and the transformation that made it.
        distance: How far the result is from the loaded data; ``None`` if the script's dataflow has none.
        to_source: How many paths there are in DLProv's own graph from the result to the source of the data.
        to_loaded: The same to the loaded data.
    """

    name: str
    flow: dict[str, tuple[str, str]]
    derived: dict[str, str]
    test: tuple[str, str]
    distance: int | None
    to_source: int = 0
    to_loaded: int = 0


SCRIPTS = (
    Script(
        "image_filter",
        {
            "loaddata": ("iinputdataset", "oloaddata"),
            "applyfilter": ("ifilter oloaddata", "ofilter"),
            "splitdata": ("isplitconfig ofilter", "otrainset ovalset otestset"),
            "train": ("itrain otrainset ovalset", "otrain*3 otrainedmodel oweights"),
            "test": ("otestset otrainedmodel", "otest"),
        },
        {
            "ofilter": "oloaddata",
            "otrainset": "ofilter",
            "ovalset": "ofilter",
            "otestset": "ofilter",
            "otrainedmodel": "otrainset ovalset",
            "oweights": "otrainset ovalset",
            "otest": "otestset otrainedmodel",
        },
        ("otest", "test"),
        # otest, otestset, ofilter, oloaddata.
        3,
        # As many as Neo4j finds in a dataflow of this shape: nothing leads on from an epoch, however many there are.
        7909,
        14007,
    ),
    Script(
        "train_test_split",
        {
            "loaddata": ("iinputdataset", "oloaddata"),
            "splitdata": ("isplitconfig oloaddata", "otrainset otestset"),
            "trainmodel": ("itrainmodel otrainset", "otrainmodel*3 otrainedmodel"),
            "testmodel": ("otestset otrainedmodel", "otestmodel"),
        },
        {
            "otrainset": "oloaddata",
            "otestset": "oloaddata",
            "otrainedmodel": "otrainset",
            "otestmodel": "otestset otrainedmodel",
        },
        ("otestmodel", "testmodel"),
        # otestmodel, otestset, oloaddata.
        2,
        30,
        30,
    ),
    Script(
        "torch_transforms",
        {
            "loaddata": ("iinputdataset", "oloaddata"),
            "randomhorizontal": ("oloaddata", "orandomhorizontal"),
            "normalize": ("orandomhorizontal", "onormalize"),
            "splitdata": ("isplitconfig onormalize", "otrainset ovalset otestset"),
            "train": ("itrain otrainset", "otrain*4 otrainedmodel"),
            "test": ("otestset otrainedmodel", "otest"),
        },
        {
            "orandomhorizontal": "oloaddata",
            "onormalize": "orandomhorizontal",
            "otrainset": "onormalize",
            "ovalset": "onormalize",
            "otestset": "onormalize",
            "otrainedmodel": "otrainset",
            "otest": "otestset otrainedmodel",
        },
        ("otest", "test"),
        # otest, otestset, onormalize, orandomhorizontal, oloaddata; and by the tasks and the run it is as far.
        4,
        214,
        214,
    ),
    Script(
        "adaptation",
        {
            "trainingmodel": ("itrainingmodel", "otrainingmodel*5"),
            # It told of its second change before the last epoch.
            "adaptation": ("iadaptation otrainingmodel*4", "oadaptation*2"),
            "testingmodel": ("otrainingmodel*5", "otestingmodel"),
        },
        # Rows of a series, such as changes, are derived from nothing.
        {"otestingmodel": "otrainingmodel*5"},
        ("otestingmodel", "testingmodel"),
        None,
    ),
)


def elements(sets: str) -> list[str]:
    """The names of elements: the tag, and behind it the number if it is not the first."""
    found = []
    for word in sets.split():
        tag, _, count = word.partition("*")
        found += [f"{tag} {number}" if number > 1 else tag for number in range(1, int(count or 1) + 1)]
    return found


def relations(script: Script) -> Relations:
    """All that the script's run has to say."""
    told = [(RUN, "used", PLAN), (SOFTWARE, "actedOnBehalfOf", PERSON)]
    told += [(RUN, "wasAssociatedWith", agent) for agent in (PERSON, HARDWARE, SOFTWARE)]
    for task, (used, made) in script.flow.items():
        told.append((task, "wasInformedBy", RUN))
        told += [(task, "used", name) for name in elements(used)]
        told += [(name, "wasGeneratedBy", task) for name in elements(made)]
    for product, sources in script.derived.items():
        told += [(product, "wasDerivedFrom", source) for source in elements(sources)]
    return told


def graph(told: Relations) -> Edges:
    """Relations as a graph in which paths can be counted."""
    found = Edges({}, [], {name: [] for start, _, end in told for name in (start, end)})
    for start, _, end in told:
        found.out[start].append((len(found.ends), end))
        found.out[end].append((len(found.ends), start))
        found.ends.append((start, end))
    return found


class Way(NamedTuple):
    """A path of an answer: tags of its nodes, types and identifiers of its relationships."""

    nodes: list[str]
    types: list[str]
    identifiers: list[str]


class Asked(Protocol):
    """A way of asking. ``dlprov`` asks the graph that DLProv's own mapping makes of the run."""

    def __call__(self, query: str, *, dlprov: bool = False) -> list[tuple[Any, ...]]: ...


class Example(NamedTuple):
    """A script that has run: its session, and what it wrote to its files."""

    script: Script
    session: Session
    epochs: list[list[str]]
    test: list[float]
    statements: list[Statement]

    def dlprovs(self) -> Iterator[Node | Relationship]:
        """DLProv's own graph: no software, and of the derivations those of filtered and split data."""
        software = {one.id for one in self.statements if one.id.startswith("software-")}
        yield from dlprov_only(
            one
            for one in self.statements
            if one.id not in software and not software & {one.arguments.get("agent"), one.arguments.get("delegate")}
        )


@pytest.fixture(scope="module")
def ran(run_example: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Script], Example]]:
    """Runs a script the first time that it is asked for."""
    examples: dict[str, Example] = {}
    cache = tmp_path_factory.mktemp("cache")

    def run(script: Script) -> Example:
        if script.name not in examples:
            examples[script.name] = example_of(run_example, script, tmp_path_factory.mktemp(script.name))
        return examples[script.name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLPROV_CACHE", str(cache))
        yield run
        for example in examples.values():
            engine(example.session.index.cache / "graphs").close()


def example_of(run_example: Any, script: Script, place: Path) -> Example:
    """Run a script in an empty directory, with a store of its own."""
    work, store = place / "work", place / "store"
    work.mkdir()
    run_example(f"{script.name}.py", work, store)
    epochs, test = (list(csv.reader((work / name).read_text().splitlines())) for name in ("epochs.csv", "test.csv"))
    session = open_session(store)
    ((run_id,),) = session.ask("SELECT run_id FROM run").rows()
    statements = list(provenance(session, [run_id]))
    return Example(script, session, epochs, [float(value) for value in test[0]], statements)


@pytest.fixture(scope="module", params=SCRIPTS, ids=lambda script: script.name)
def example(request: pytest.FixtureRequest, ran: Callable[[Script], Example]) -> Example:
    script: Script = request.param
    for package in ("keras", "sklearn", *(["torch"] if "torch" in script.name else [])):
        pytest.importorskip(package)
    return ran(script)


@pytest.fixture(scope="module", params=["embedded", "bolt"])
def asked(
    request: pytest.FixtureRequest, example: Example, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    if request.param == "embedded":
        place = tmp_path_factory.mktemp("own")
        own = Engine(place)
        own.build(place / "graph", example.dlprovs())

        def embedded(query: str, *, dlprov: bool = False) -> list[tuple[Any, ...]]:
            if dlprov:
                return [tuple(value for _, value in row) for row in own.ask(place / "graph", query, {}, None, 120).rows]
            return ask(example.session, query, seconds=120).rows()

        yield embedded
        own.close()
        return
    server: Server = request.getfixturevalue("server")

    def over_bolt(query: str, *, dlprov: bool = False) -> list[tuple[Any, ...]]:
        return server.ask(query, "second" if dlprov else "first")

    for database, things in (("first", property_graph(example.statements)), ("second", example.dlprovs())):
        server.clear(database)
        server.push(things, database=database)
    yield over_bolt


def taken(path: Any) -> Way:
    """A path as the embedded engine gives it, as JSON, or as the driver does."""
    if isinstance(path, str):
        found = json.loads(path)
        nodes = [node["properties"] for node in found["nodes"]]
        edges = [(edge["type"], edge["properties"]) for edge in found["relationships"]]
    else:
        nodes = list(path.nodes)
        edges = [(edge.type, edge) for edge in path.relationships]
    tags = [node.get("dlprov:ds_tag") or node.get("dlprov:dt_tag") or node.get("prov:type") or RUN for node in nodes]
    return Way(tags, [kind for kind, _ in edges], [edge["meta:identifier"] for _, edge in edges])


def value(rows: list[tuple[Any, ...]]) -> Any:
    ((only,),) = rows
    return only


def kinds(told: Iterable[tuple[str, str, str]]) -> Counter[tuple[str, ...]]:
    """Relations without the numbers of elements."""
    return Counter(tuple(word.partition(" ")[0] for word in one) for one in told)


COMPLETE = "MATCH p = (a:Entity {{`dlprov:ds_tag`: '{}'}})-[{}]-(b:Entity {{`dlprov:ds_tag`: '{}'}}) RETURN {}"
GENERATED = "MATCH (b:Entity)-[:wasGeneratedBy]->(c:Activity) "


def test_the_graph_is_what_the_script_does(example: Example, asked: Asked) -> None:
    name = "coalesce({0}.`dlprov:ds_tag`, {0}.`dlprov:dt_tag`, {0}.`prov:type`, 'run')"
    found = asked(f"MATCH (a)-[r]->(b) RETURN {name.format('a')}, type(r), {name.format('b')}")
    assert kinds(found) == kinds(relations(example.script))


def test_all_nodes(example: Example, asked: Asked) -> None:
    # The plan and the run, three agents, tasks, and elements.
    flow = example.script.flow.values()
    named = {name for used, made in flow for name in (*elements(used), *elements(made))}
    count = 2 + 3 + len(flow) + len(named)
    assert value(asked("MATCH (n) RETURN count(n)")) == count
    assert len(asked("MATCH (n) RETURN n LIMIT 25;")) == min(25, count)


def test_the_average_loss_is_over_epochs_and_test(example: Example, asked: Asked) -> None:
    losses = [*(float(epoch[2]) for epoch in example.epochs), example.test[0]]
    assert value(asked(GENERATED + "RETURN avg(b.`dlprov:loss`)")) == pytest.approx(
        sum(losses) / len(losses), rel=1e-12
    )


def test_the_average_elapsed_time_is_over_epochs(example: Example, asked: Asked) -> None:
    times = [float(epoch[1]) for epoch in example.epochs]
    found = asked(GENERATED + "RETURN avg(toFloat(b.`dlprov:elapsed_time`)) AS avg_elapsed_time")
    assert value(found) == pytest.approx(sum(times) / len(times), rel=1e-12)


def test_the_shortest_path_from_the_test_to_the_loaded_data(example: Example, asked: Asked) -> None:
    script = example.script
    test, _ = script.test
    rows = asked(
        f"MATCH p = shortestPath((a:Entity {{`dlprov:ds_tag`: '{test}'}})-[*]-"
        "(b:Entity {`dlprov:ds_tag`: 'oloaddata'})) RETURN p"
    )
    if script.distance is None:
        assert rows == []
        return
    path = taken(value(rows))
    assert (path.nodes[0], len(path.types), path.nodes[-1]) == (test, script.distance, "oloaddata")
    told = relations(script)
    assert shortest(graph(told), test, "oloaddata") == script.distance
    steps = {(start, end) for one, _, other in told for start, end in ((one, other), (other, one))}
    assert set(zip(path.nodes, path.nodes[1:], strict=False)) <= steps


def test_the_shortest_path_from_the_test_to_its_activity(example: Example, asked: Asked) -> None:
    test, tested = example.script.test
    rows = asked(
        f"MATCH p = shortestPath((a:Entity {{`dlprov:ds_tag`: '{test}'}})-[:wasGeneratedBy]-"
        f"(b:Activity {{`dlprov:dt_tag`: '{tested}'}})) RETURN p"
    )
    path = taken(value(rows))
    assert (path.nodes, path.types) == ([test, tested], ["wasGeneratedBy"])


def test_complete_paths_come_one_by_one_until_there_are_enough(example: Example) -> None:
    script = example.script
    test, _ = script.test
    if script.distance is None:
        pytest.skip("no path leads to what is not there, and without a length the engine tries them all to say so")
    rows = ask(example.session, COMPLETE.format(test, "*", "iinputdataset", "p"), limit=300, seconds=120).rows()
    found = [taken(path) for (path,) in rows]
    assert len({tuple(path.identifiers) for path in found}) == len(found) == 300
    told = kinds(relations(script))
    for path in found:
        assert (path.nodes[0], path.nodes[-1]) == (test, "iinputdataset")
        assert len(set(path.identifiers)) == len(path.identifiers)
        for start, kind, end in zip(path.nodes, path.types, path.nodes[1:], strict=False):
            assert (start, kind, end) in told or (end, kind, start) in told


def test_complete_paths_up_to_a_length_are_those_that_are_there(example: Example, asked: Asked) -> None:
    # The server finds all paths before it tells the first one, and without a length these are too many to wait for.
    script = example.script
    test, _ = script.test
    rows = asked(COMPLETE.format(test, "*..6", "iinputdataset", "p"))
    lengths = Counter(len(taken(path).types) for (path,) in rows)
    told = relations(script)
    assert lengths == (paths(graph(told), test, "iinputdataset", 6) if script.distance else {})
    # The test's result, its task, the run, the task that loads the data, and their source.
    assert not lengths or min(lengths) == 4


def test_complete_paths_in_dlprovs_graph_are_as_many_as_neo4j_finds(example: Example, asked: Asked) -> None:
    script = example.script
    test, _ = script.test
    split = {"otrainset", "ovalset", "otestset"}
    told = [
        (start, kind, end)
        for start, kind, end in relations(script)
        if SOFTWARE not in (start, end)
        and (kind != "wasDerivedFrom" or start == "ofilter" or (start in split and end == "ofilter"))
    ]
    assert value(asked("MATCH ()-[r]->() RETURN count(r)", dlprov=True)) == len(told)
    for target, count in (("iinputdataset", script.to_source), ("oloaddata", script.to_loaded)):
        assert value(asked(COMPLETE.format(test, "*", target, "count(p)"), dlprov=True)) == count
        if count:
            counted = paths(graph(told), test, target, len(told))
            assert sum(counted.values()) == count


def test_complete_paths_over_tasks_and_what_they_used_and_made(example: Example, asked: Asked) -> None:
    script = example.script
    if script.distance is None:
        pytest.skip("there is no source of data in this script's dataflow")
    kept = ("used", "wasGeneratedBy", "wasInformedBy")
    told = [one for one in relations(script) if one[1] in kept]
    counted = paths(graph(told), script.test[0], "iinputdataset", len(told))
    rows = asked(
        COMPLETE.format(
            script.test[0], f":{'|'.join(kept)}*", "iinputdataset", "length(p) AS l, count(p) AS n ORDER BY l"
        )
    )
    assert dict(rows) == counted


def test_every_example_of_dlprov_is_asked_about() -> None:
    # What Keras-Prov captures by itself was never a graph of DLProv's.
    scripts = {path.stem for path in EXAMPLES.glob("*.py")}
    assert scripts - {"keras_prov_own_step"} == {script.name for script in SCRIPTS}
