"""A placed picture as the few kinds of marks that every drawing format has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from dlprov.graph.picture.dot import FILLS, NOTE, STROKES
from dlprov.graph.picture.layout import Layout, PlacedEdge, PlacedNode, Point
from dlprov.graph.picture.shapes import EDGE, ROOF, width_of

MARGIN = 12.0
"""White around the picture, in points."""

LINE = "#555555"
_HEAD, _HALF = 7.0, 2.6


class Ellipse(NamedTuple):
    """An ellipse around a middle."""

    middle: Point
    width: float
    height: float
    fill: str
    stroke: str


class Polygon(NamedTuple):
    """A closed line through points; without a stroke, its fill alone."""

    points: tuple[Point, ...]
    fill: str
    stroke: str


class Curve(NamedTuple):
    """A Bézier curve, as :class:`~dlprov.graph.picture.layout.PlacedEdge` has it."""

    points: tuple[Point, ...]
    stroke: str


class Text(NamedTuple):
    """A line of text, centred at the middle of its baseline."""

    at: Point
    text: str
    size: float
    fill: str
    bold: bool


Mark = Ellipse | Polygon | Curve | Text


class Group(NamedTuple):
    """The marks of one thing or relation.

    Attributes:
        title: What it is, for whoever points at it.
        kind: Its kind of statement.
        marks: In the order in which they are drawn.
    """

    title: str
    kind: str
    marks: tuple[Mark, ...]


class Scene(NamedTuple):
    """Everything that is drawn, in order; lengths in points, from the upper left corner."""

    width: float
    height: float
    groups: tuple[Group, ...]


def scene(layout: Layout) -> Scene:
    """What is drawn: lines first, then nodes, then the texts of lines, which nothing may cover."""
    agents = {placed.node.id: placed for placed in layout.nodes if placed.node.kind == "agent"}
    groups = [
        *(_line(placed, agents.get(placed.edge.tail)) for placed in layout.edges),
        *(_node(placed) for placed in layout.nodes),
        *(_words(placed) for placed in layout.edges),
    ]
    width, height = (math.ceil(length + 2 * MARGIN) for length in (layout.width, layout.height))
    return Scene(width, height, tuple(groups))


def _node(placed: PlacedNode) -> Group:
    (x, y), size, kind = placed.middle, placed.shape, placed.node.kind
    left, right, top, bottom = x - size.width / 2, x + size.width / 2, y - size.height / 2, y + size.height / 2
    outline: Mark
    if kind == "entity":
        outline = Ellipse(placed.middle, size.width, size.height, FILLS[kind], STROKES[kind])
    else:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        if kind == "agent":
            eaves = top + ROOF
            corners[:2] = [(left, eaves), (x, top), (right, eaves)]
        outline = Polygon(tuple(corners), FILLS[kind], STROKES[kind])
    texts = (
        Text(
            (x, y + line.offset),
            line.text,
            line.size,
            NOTE if line.style == "note" else "#000000",
            line.style == "title",
        )
        for line in size.lines
    )
    count = len(placed.node.members)
    title = f"dlprov:{placed.node.id}" + (f" and {count - 1:,} more" if count > 1 else "")
    return Group(title, kind, (outline, *texts))


def _line(placed: PlacedEdge, agent: PlacedNode | None) -> Group:
    points = placed.points
    if agent is not None:
        points = (*_from_roof(points, agent), *points)
    tip, before = points[-1], next((point for point in reversed(points) if point != points[-1]), points[-1])
    angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    base = tip[0] - _HEAD * along[0], tip[1] - _HEAD * along[1]
    sides = ((round(base[0] + side * across[0], 2), round(base[1] + side * across[1], 2)) for side in (_HALF, -_HALF))
    title = f"{placed.edge.kind}: dlprov:{placed.edge.tail} to dlprov:{placed.edge.head}"
    return Group(title, placed.edge.kind, (Curve(points, LINE), Polygon((tip, *sides), LINE, LINE)))


def _from_roof(points: tuple[Point, ...], agent: PlacedNode) -> Iterator[Point]:
    """A straight piece of a curve from the roof of an agent to the box around it, where lines begin."""
    (x, y), size, start = agent.middle, agent.shape, points[0]
    steep = math.copysign(ROOF / (size.width / 2), start[0] - x)
    down = steep * (start[0] - x)
    if start[1] > y - size.height / 2 + 1 or down <= 0.5:
        return
    roof = start[0], start[1] + down
    after = next((point for point in points if point != start), start)
    along, fall = start[0] - after[0], start[1] - after[1]
    if fall - steep * along > 0:
        # On in the same direction, as long as that leads to this side of the roof.
        way = down / (fall - steep * along)
        met = start[0] + way * along, start[1] + way * fall
        if (met[0] - x) / (start[0] - x) >= 0 and abs(met[0] - x) <= size.width / 2:
            roof = met
    end = round(roof[0], 2), round(roof[1], 2)
    yield from (end, end, start)


def _words(placed: PlacedEdge) -> Group:
    (x, y), text = placed.label, placed.edge.kind
    wide, high = width_of(text, EDGE) / 2 + 1, EDGE * 0.6
    corners = ((x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high))
    return Group(
        "", text, (Polygon(corners, "#FFFFFF", ""), Text((x, y + EDGE * 0.35), text, EDGE, "#333333", bold=False))
    )


def without_arrows_in_words(drawn: Scene) -> Scene:
    """The same with every ``→`` in a text drawn as a line, for fonts that have none.

    Only where texts are drawn with the font that they were measured for.
    """
    return drawn._replace(
        groups=tuple(
            group._replace(marks=tuple(piece for mark in group.marks for piece in _pieces(mark)))
            for group in drawn.groups
        )
    )


def _pieces(mark: Mark) -> Iterator[Mark]:
    if not isinstance(mark, Text) or "→" not in mark.text:
        yield mark
        return
    (x, y), size = mark.at, mark.size
    x -= width_of(mark.text, size, bold=mark.bold) / 2
    for number, words in enumerate(mark.text.split("→")):
        if number:
            wide = width_of("→", size)
            left, tip, middle = x + 0.1 * wide, (x + 0.9 * wide, y - 0.3 * size), y - 0.3 * size
            back = tip[0] - 0.35 * size
            yield Curve(((left, middle), (left, middle), (back, middle), (back, middle)), mark.fill)
            yield Polygon((tip, (back, middle - 0.2 * size), (back, middle + 0.2 * size)), mark.fill, "")
            x += wide
        wide = width_of(words, size, bold=mark.bold)
        if words.strip():
            yield mark._replace(at=(x + wide / 2, y), text=words)
        x += wide
