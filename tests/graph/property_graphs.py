"""Property graphs counted by hand: the paths of a graph, without any engine."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dlprov.capture.dfanalyzer import PROFILES, Recorder, task_of
from dlprov.graph.property_graph import Node, Relationship, property_graph
from dlprov.graph.statements import Statement
from dlprov.log.identifiers import execution_run_id
from dlprov.model import Dataflow


class Edges(NamedTuple):
    """A graph as what leads from each node: the number of a relationship, and the node at its other end."""

    nodes: dict[str, Node]
    ends: list[tuple[str, str]]
    out: dict[str, list[tuple[int, str]]]


def edges(graph: Iterable[Node | Relationship]) -> Edges:
    found = Edges({}, [], {})
    for thing in graph:
        if isinstance(thing, Node):
            found.nodes[thing.identifier] = thing
            found.out[thing.identifier] = []
            continue
        start, end = thing.start[1], thing.end[1]
        found.out[start].append((len(found.ends), end))
        if start != end:
            found.out[end].append((len(found.ends), start))
        found.ends.append((start, end))
    return found


def element(graph: Edges, tag: str) -> str:
    """The one element of a set."""
    (found,) = (name for name, node in graph.nodes.items() if node.properties.get("dlprov:ds_tag") == tag)
    return found


def paths(graph: Edges, start: str, end: str, longest: int) -> dict[int, int]:
    """How many paths of each length there are in which no relationship comes twice."""
    counted: Counter[int] = Counter()
    used = [False] * len(graph.ends)

    def go(node: str, length: int) -> None:
        for number, other in graph.out[node]:
            if not used[number]:
                used[number] = True
                if other == end:
                    counted[length] += 1
                if length < longest:
                    go(other, length + 1)
                used[number] = False

    go(start, 1)
    return dict(counted)


def shortest(graph: Edges, start: str, end: str) -> int:
    """The length of the shortest path."""
    distance = {start: 0}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for _, other in graph.out[node]:
            if other not in distance:
                distance[other] = distance[node] + 1
                waiting.append(other)
    return distance[end]


def dlprov_only(statements: Iterable[Statement], *, agents: bool = True) -> Iterator[Node | Relationship]:
    """What DLProv itself says of a run: of the derivations only those of filtered and split data.

    Args:
        statements: What we say.
        agents: Whether there are agents, and derivations; its documents of 2024 had neither.
    """
    tags: dict[str, Any] = {}
    kept = []
    for statement in statements:
        for name, value in statement.attributes:
            if str(name) == "dlprov:ds_tag":
                tags[statement.id] = value
        is_kept = statement.kind not in ("agent", "wasAssociatedWith", "wasDerivedFrom") or agents
        if statement.kind == "wasDerivedFrom" and is_kept:
            pair = tags[statement.arguments["generatedEntity"]], tags[statement.arguments["usedEntity"]]
            split = ("otrainset", "ovalset", "otestset")
            is_kept = pair == ("ofilter", "oloaddata") or (pair[0] in split and pair[1] == "ofilter")
        if is_kept:
            kept.append(statement)
    yield from property_graph(kept)


def mnist(store: Path) -> str:
    """The run of DLProv's published example, with the dataflow of its time. Gives the run's id."""
    execution = "mnist-peerj-2024-10-21 16:32:51.503436"
    recorder = Recorder(store)
    recorder.declare(Dataflow("mnist-peerj", PROFILES["P2"]))

    def task(tag: str, number: int, after: list[tuple[str, int]], **sets: list[Any]) -> None:
        dependency = {"tags": [{"tag": tag} for tag, _ in after], "ids": [{"id": str(number)} for _, number in after]}
        recorder.record(
            task_of(
                {
                    "dataflow": "mnist-peerj",
                    "exec": execution,
                    "transformation": tag,
                    "id": str(number),
                    "status": "FINISHED",
                    **({"dependency": dependency} if after else {}),
                    "sets": [{"tag": name, "elements": elements} for name, elements in sets.items()],
                }
            )
        )

    task("loaddata", 1, [], iinputdataset=[["mnist", "tf.keras.datasets.mnist"]], oloaddata=[["temp_mnist/mnist.npz"]])
    task(
        "splitdata",
        2,
        [("loaddata", 1)],
        isplitconfig=[["60"]],
        otrainset=[["temp_mnist/train.npz"]],
        otestset=[["temp_mnist/test.npz"]],
    )
    epochs = [
        ["2024-10-21 16:33:46", "11.927588701248169", "0.30292075872421265", "0.9121999740600586", "null", "null", "0"],
        ["2024-10-21 16:33:56", "10.316691160202026", "0.14573220908641815", "0.9568833112716676", "null", "null", "1"],
    ]
    task(
        "trainmodel",
        3,
        [("splitdata", 2)],
        itrainmodel=[["adam", "0.0010000000474974513", "2", "4"]],
        otrainmodel=epochs,
        otrainedmodel=[["mnist", "temp_mnist/mnist.keras"]],
    )
    task(
        "testmodel", 4, [("splitdata", 2), ("trainmodel", 3)], otestmodel=[["0.1027492806315422", "0.9689000248908995"]]
    )
    recorder.close()
    return execution_run_id("mnist-peerj", execution)
