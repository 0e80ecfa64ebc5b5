"""A dataflow as a picture: its sets as boxes, and between them the transformations, from left to right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from dlprov.service.html import text

_HEIGHT = 32
_LINE = 56
_GAP = 46
_MARGIN = 6
_LETTER = 7.6

Links = Sequence[tuple[Hashable, Hashable]]


class _Shape(NamedTuple):
    """What is drawn: its class, its text, and what is told of it when somebody points at it."""

    kind: str
    label: str
    title: str

    @property
    def width(self) -> float:
        return len(self.label) * _LETTER + 24


class _Place(NamedTuple):
    x: float
    y: float
    width: float


def drawing(nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> str:
    """The graph of :func:`dlprov.service.questions.graph_of` as SVG; empty if it has no nodes."""
    if not nodes:
        return ""
    shapes: dict[Hashable, _Shape] = {
        node["id"]: _Shape("input" if "color" in node else "set", str(node["label"]), str(node["title"]))
        for node in nodes
    }
    shapes |= {("t", edge["label"]): _Shape("step", str(edge["label"]), "transformation") for edge in edges}
    pairs = [
        pair for edge in edges for pair in ((edge["from"], ("t", edge["label"])), (("t", edge["label"]), edge["to"]))
    ]
    links = list(dict.fromkeys(pairs))
    places = _placed(shapes, links)
    width = max(place.x + place.width for place in places.values()) + _MARGIN
    height = max(place.y for place in places.values()) + _HEIGHT + _MARGIN
    parts = [_arrow(places[begin], places[end]) for begin, end in links]
    parts += [_drawn(places[name], shape) for name, shape in shapes.items()]
    head = (
        '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M 0 0 L 10 5 L 0 10 z"/></marker>'
    )
    return (
        f'<svg class="graph" width="{width:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="Sets and transformations"><defs>{head}</defs>{"".join(parts)}</svg>'
    )


def _placed(shapes: Mapping[Hashable, _Shape], links: Links) -> dict[Hashable, _Place]:
    columns = _columns(shapes, links)
    before: defaultdict[Hashable, list[Hashable]] = defaultdict(list)
    for begin, end in links:
        before[end].append(begin)
    places: dict[Hashable, _Place] = {}
    x = float(_MARGIN)
    for column in sorted(set(columns.values())):
        members = [name for name in shapes if columns[name] == column]
        # Beside what they come from: fewer arrows cross.
        heights = {name: _mean([places[each].y for each in before[name] if each in places]) for name in members}
        width = max(shapes[name].width for name in members)
        y = float(_MARGIN)
        for name in sorted(members, key=lambda name: heights[name]):
            y = max(y, heights[name] if len(members) == 1 else y)
            places[name] = _Place(x + (width - shapes[name].width) / 2, y, shapes[name].width)
            y += _LINE
        x += width + _GAP
    return places


def _columns(shapes: Mapping[Hashable, _Shape], links: Links) -> dict[Hashable, int]:
    """The column of each shape: behind all from which an arrow leads to it, as far as there are no circles.

    What no arrow leads to stands just before what needs it first.
    """
    columns = dict.fromkeys(shapes, 0)
    for _ in shapes:
        for begin, end in links:
            # No further than there are shapes: in a circle there is no end.
            columns[end] = max(columns[end], min(columns[begin] + 1, len(shapes) - 1))
    reached = {end for _, end in links}
    for name in shapes:
        following = [columns[end] for begin, end in links if begin == name]
        if name not in reached and following:
            columns[name] = min(following) - 1
    return columns


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _drawn(place: _Place, shape: _Shape) -> str:
    corner = _HEIGHT // 2 if shape.kind == "step" else 4
    middle = f'x="{place.x + place.width / 2:.0f}" y="{place.y + _HEIGHT / 2 + 5:.0f}"'
    return (
        f'<g class="{shape.kind}"><title>{text(shape.title)}</title><rect x="{place.x:.0f}" y="{place.y:.0f}" '
        f'rx="{corner}" width="{place.width:.0f}" height="{_HEIGHT}"/>'
        f'<text {middle} text-anchor="middle">{text(shape.label)}</text></g>'
    )


def _arrow(begin: _Place, end: _Place) -> str:
    x1, y1 = begin.x + begin.width, begin.y + _HEIGHT / 2
    x2, y2 = end.x, end.y + _HEIGHT / 2
    bend = max(30.0, abs(x2 - x1) / 2)
    path = f"M {x1:.0f} {y1:.0f} C {x1 + bend:.0f} {y1:.0f}, {x2 - bend:.0f} {y2:.0f}, {x2:.0f} {y2:.0f}"
    return f'<path class="arrow" d="{path}" marker-end="url(#head)"/>'
