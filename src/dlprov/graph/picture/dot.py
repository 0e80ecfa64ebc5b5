"""DOT (Graphviz): the text of a picture, in the colours and shapes of the W3C's PROV documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO
from xml.sax.saxutils import escape

from dlprov.graph.picture.folding import Edge, Picture, fold
from dlprov.graph.picture.labels import label
from dlprov.graph.picture.shapes import EDGE, SMALL, TITLE, Shape, shape, width_of
from dlprov.graph.statements import Statement
from dlprov.store.things import DLPROV

FILLS = {"entity": "#FFFC87", "activity": "#9FB1FC", "agent": "#FED37F"}
STROKES = {"entity": "#808080", "activity": "#0000FF", "agent": "#B07000"}
NOTE = "#555555"

MANY_EDGES = 500
"""From here on, nodes are placed in less time, with more crossings of lines."""

_HELVETICA = 0.9
"""How wide Helvetica is, where the font that texts are drawn with is 1."""

_BESIDE = 10.0
"""Points between the words of a line and what is on their left and right, together."""

_SHAPES = {"entity": "ellipse", "activity": "box", "agent": "house"}


def write(statements: Iterable[Statement], target: BinaryIO, *, unfold: bool = False) -> None:
    """Write the picture as DOT, however large it is; see :data:`dlprov.graph.formats.Writer`.

    Args:
        statements: What is drawn.
        target: A binary file.
        unfold: Draw every thing of a series.
    """
    picture = fold(statements, unfold=unfold)
    shapes = [shape(node.kind, label(node)) for node in picture.nodes]
    target.writelines(f"{line}\n".encode() for line in lines(picture, shapes))


def lines(picture: Picture, shapes: Iterable[Shape], *, measured: bool = False) -> Iterator[str]:
    """The lines of the text.

    Args:
        picture: What is drawn. Its nodes are called n0, n1, …
        shapes: The sizes of its nodes: the least that they need.
        measured: These are the sizes; nothing depends on the fonts that whoever places the nodes may have.
    """
    names = {node.id: f"n{number}" for number, node in enumerate(picture.nodes)}
    yield "digraph provenance {"
    # The best places for many nodes take minutes.
    hurried = ', nslimit="1", nslimit1="1", mclimit="0.1"' if measured and len(picture.edges) > MANY_EDGES else ""
    yield f'  graph [rankdir="BT", nodesep="0.3", ranksep="0.45", fontname="Helvetica"{hurried}];'
    fixed = ', fixedsize="true"' if measured else ""
    yield f'  node [style="filled", margin="0.1,0.05", fontname="Helvetica"{fixed}];'
    yield f'  edge [fontname="Helvetica", fontsize="{EDGE + 0.5:g}", color="#555555", arrowsize="0.7"];'
    for node, size in zip(picture.nodes, shapes, strict=True):
        told = "<BR/>".join(_line(line.text, line.style) for line in size.lines)
        given = {
            # The arrows end at the box around a house: engines differ in how they draw one.
            "shape": "box" if measured and node.kind == "agent" else _SHAPES[node.kind],
            "fillcolor": FILLS[node.kind], "color": STROKES[node.kind],
            "width": f"{size.width / 72:.3f}", "height": f"{size.height / 72:.3f}", "tooltip": node.id,
            "URL": f"{DLPROV}{node.id}",
        }  # fmt: skip
        yield f"  {names[node.id]} [label=<{told}>, {_attributes(given)}];"
    for edge in picture.edges:
        given = {"label": edge.kind} | ({"fontsize": f"{_size_of_words(edge.kind):.1f}"} if measured else {})
        yield f"  {names[edge.tail]} -> {names[edge.head]} [{_attributes(given)}{_weight(edge)}];"
    yield "}"


def _size_of_words(words: str) -> float:
    """The size in which Helvetica takes the room of words as they are drawn, and a bit: as much for short ones."""
    wide = width_of(words, 1)
    return (wide * EDGE + _BESIDE) / (wide * _HELVETICA)


def _weight(edge: Edge) -> str:
    # What made what decides where things stand: lines that say more of the same may be longer.
    heavy = {"wasGeneratedBy": 4, "used": 4, "wasAssociatedWith": 1}
    return f', weight="{heavy[edge.kind]}"' if edge.kind in heavy else ""


def _line(text: str, style: str) -> str:
    words = escape(text, {'"': "&quot;"}) or " "
    if style == "title":
        return f'<FONT POINT-SIZE="{TITLE:g}"><B>{words}</B></FONT>'
    color = f' COLOR="{NOTE}"' if style == "note" else ""
    return f'<FONT POINT-SIZE="{SMALL:g}"{color}>{words}</FONT>'


def _attributes(given: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in given.items())


def _quoted(text: str) -> str:
    """A string of DOT in which nothing is an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
