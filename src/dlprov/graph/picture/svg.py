"""SVG 1.1, which every browser shows: no scripts, no fonts of its own, the same bytes for the same runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from dlprov.graph.picture.folding import fold
from dlprov.graph.picture.layout import Point, place
from dlprov.graph.picture.scene import MARGIN, Curve, Ellipse, Mark, Polygon, Scene, scene
from dlprov.graph.picture.shapes import FONT
from dlprov.graph.statements import Statement


def write(statements: Iterable[Statement], target: BinaryIO, *, unfold: bool = False) -> None:
    """Write the picture as SVG; see :data:`dlprov.graph.formats.Writer`.

    Args:
        statements: What is drawn.
        target: A binary file.
        unfold: Draw every thing of a series.

    Raises:
        UsageError: The picture is too large, or nothing that can place its parts is installed.
    """
    target.write(text_of(scene_of(statements, unfold=unfold)).encode())


def scene_of(statements: Iterable[Statement], *, unfold: bool) -> Scene:
    """What is drawn of statements."""
    return scene(place(fold(statements, unfold=unfold), unfolded=unfold))


def text_of(drawn: Scene) -> str:
    """A picture as the text of an SVG file; a point is a pixel and a third."""
    return "".join(f"{line}\n" for line in _lines(drawn))


def _lines(drawn: Scene) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    size = f'width="{drawn.width:g}pt" height="{drawn.height:g}pt" viewBox="0 0 {drawn.width:g} {drawn.height:g}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    yield "<title>Provenance</title>"
    yield f'<rect width="{drawn.width:g}" height="{drawn.height:g}" fill="#FFFFFF"/>'
    yield f'<g transform="translate({MARGIN:g} {MARGIN:g})" font-family={quoteattr(FONT)} text-anchor="middle">'
    for group in drawn.groups:
        title = f"<title>{escape(group.title)}</title>" if group.title else ""
        yield f'<g class="{group.kind}">{title}{"".join(_mark(mark) for mark in group.marks)}</g>'
    yield "</g>"
    yield "</svg>"


def _mark(mark: Mark) -> str:
    if isinstance(mark, Ellipse):
        radii = f'rx="{mark.width / 2:g}" ry="{mark.height / 2:g}"'
        return (
            f'<ellipse cx="{_n(mark.middle[0])}" cy="{_n(mark.middle[1])}" {radii} {_paint(mark.fill, mark.stroke)}/>'
        )
    if isinstance(mark, Polygon):
        return f'<polygon points="{" ".join(map(_pair, mark.points))}" {_paint(mark.fill, mark.stroke)}/>'
    if isinstance(mark, Curve):
        start, *rest = map(_pair, mark.points)
        return f'<path d="M{start} C{" ".join(rest)}" {_paint("none", mark.stroke)}/>'
    bold = ' font-weight="bold"' if mark.bold else ""
    place = f'x="{_n(mark.at[0])}" y="{_n(mark.at[1])}"'
    return f'<text {place} font-size="{mark.size:g}" fill="{mark.fill}"{bold}>{escape(mark.text)}</text>'


def _paint(fill: str, stroke: str) -> str:
    return f'fill="{fill}" stroke="{stroke}"' if stroke else f'fill="{fill}"'


def _n(length: float) -> str:
    return f"{round(length, 2):g}" if abs(length) < 1e5 else f"{length:.0f}"


def _pair(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"
