"""Where nodes and arrows go: Graphviz's layered layout, by the ``dot`` of this machine or by ``graphviz-pure``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

from dlprov.errors import UsageError
from dlprov.graph.picture.dot import lines
from dlprov.graph.picture.folding import Edge, Node, Picture
from dlprov.graph.picture.labels import label
from dlprov.graph.picture.shapes import Shape, shape

MOST_NODES = 2_000
MOST_EDGES = 10_000
"""What can be placed in reasonable time, and looked at."""

TIMEOUT = 60.0
"""Seconds that placing may take."""

Point = tuple[float, float]


class PlacedNode(NamedTuple):
    """A node with its middle, in points from the upper left corner."""

    node: Node
    shape: Shape
    middle: Point


class PlacedEdge(NamedTuple):
    """An arrow.

    Attributes:
        edge: What it says.
        points: A start, then three control points for each piece of a Bézier curve, which ends at the arrow's tip.
        label: The middle of its text.
    """

    edge: Edge
    points: tuple[Point, ...]
    label: Point


class Layout(NamedTuple):
    """A picture whose parts have their places; lengths in points."""

    width: float
    height: float
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]


def place(picture: Picture, *, unfolded: bool = False) -> Layout:
    """Give every part of a picture its place: the past above, what came of it below.

    Raises:
        UsageError: The picture is too large, or nothing that can place it is installed.
    """
    if len(picture.nodes) > MOST_NODES or len(picture.edges) > MOST_EDGES:
        folded = "with long series unfolded" if unfolded else "after folding"
        advice = "leave out --unfold, or export fewer runs" if unfolded else "export fewer runs"
        raise UsageError(
            f"a picture of at most {MOST_NODES:,} things and {MOST_EDGES:,} relations was expected, got "
            f"{len(picture.nodes):,} and {len(picture.edges):,} {folded}: {advice} (dlprov export last); "
            "--format dot writes any number, for programs that show such graphs"
        )
    shapes = [shape(node.kind, label(node)) for node in picture.nodes]
    text = "\n".join(lines(picture, shapes, measured=True))
    return _read(_run(text), picture, shapes)


def engine() -> list[str]:
    """The command that places nodes.

    Raises:
        UsageError: There is none.
    """
    dot = shutil.which("dot")
    if dot:
        return [dot]
    # Where pip puts the programs of this Python, which need not be on the path.
    places = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent), None)
    found = next((path for path in (shutil.which("graphviz-pure", path=place) for place in places) if path), None)
    if found:
        return [found]
    raise UsageError(
        "a program that lays out graphs was expected, and there is none: pip install 'dlprov[pictures]', or install "
        "Graphviz; --format dot works without"
    )


def _run(text: str) -> str:
    # Without arrowheads, lines end where arrows' tips are drawn.
    command = [*engine(), "-Kdot", "-Tplain", "-Edir=none"]
    try:
        # Arguments of our own, no shell; the text goes through a pipe.
        done = subprocess.run(  # noqa: S603
            command, input=text, capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"placing this picture took longer than {TIMEOUT:g} s: export fewer runs, or without --unfold; "
            "--format dot writes it for other programs"
        ) from None
    except OSError as error:
        raise UsageError(f"{command[0]} was expected to run, got {error.strerror or error}: install it again") from None
    if done.returncode or not done.stdout.rstrip().endswith("stop"):
        reason = next(iter(done.stderr.strip().splitlines()), f"exit status {done.returncode}")
        raise UsageError(f"{command[0]} was expected to place this picture, and said: {reason}")
    return done.stdout


def _read(plain: str, picture: Picture, shapes: list[Shape]) -> Layout:
    """The places, from Graphviz's plain format: inches from the lower left corner."""
    height = width = 0.0
    middles: dict[str, Point] = {}
    lines_of: dict[tuple[str, str, str], tuple[tuple[Point, ...], Point]] = {}

    def point(x: str, y: str) -> Point:
        return round(float(x) * 72, 2), round(height - float(y) * 72, 2)

    for row in plain.splitlines():
        words = row.split()
        if words[0] == "graph":
            width, height = float(words[2]) * 72, float(words[3]) * 72
        elif words[0] == "node":
            middles[words[1]] = point(words[2], words[3])
        elif words[0] == "edge":
            end = 4 + 2 * int(words[3])
            points = tuple(point(words[index], words[index + 1]) for index in range(4, end, 2))
            lines_of[words[1], words[2], words[end]] = points, point(words[end + 1], words[end + 2])
    names = {node.id: f"n{number}" for number, node in enumerate(picture.nodes)}
    nodes = tuple(
        PlacedNode(node, size, middles[names[node.id]]) for node, size in zip(picture.nodes, shapes, strict=True)
    )
    edges = tuple(PlacedEdge(edge, *lines_of[names[edge.tail], names[edge.head], edge.kind]) for edge in picture.edges)
    return Layout(width, height, nodes, edges)
