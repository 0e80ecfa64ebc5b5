"""PNG and PDF: drawn by libraries that the extra ``dlprov[pictures]`` brings."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from dlprov.errors import UsageError
from dlprov.graph.picture.scene import MARGIN, Curve, Ellipse, Mark, Scene, Text, without_arrows_in_words
from dlprov.graph.picture.svg import scene_of, text_of
from dlprov.graph.statements import Statement

_ZOOM = 2.0
"""Pixels a point, so that text of 9 points is sharp on today's screens."""

_MOST_PIXELS = 60e6
"""Of a PNG: 240 MB while it is drawn."""

_LEAST_ZOOM = 0.5


def write_png(statements: Iterable[Statement], target: BinaryIO, *, unfold: bool = False) -> None:
    """Write the picture as PNG; see :data:`dlprov.graph.formats.Writer`.

    Args:
        statements: What is drawn.
        target: A binary file.
        unfold: Draw every thing of a series.

    Raises:
        UsageError: The picture is too large, or ``dlprov[pictures]`` is not installed.
    """
    resvg, fonts = _needed("resvg_py", "png"), _fonts("png")
    drawn = without_arrows_in_words(scene_of(statements, unfold=unfold))
    zoom = min(_ZOOM, (_MOST_PIXELS / (drawn.width * drawn.height)) ** 0.5)
    if zoom < _LEAST_ZOOM:
        raise UsageError(
            f"a picture of at most {_MOST_PIXELS:,.0f} pixels was expected, got one of {drawn.width:,.0f} by "
            f"{drawn.height:,.0f} points, too many for words in a PNG: --format svg and pdf show them at any size"
        )
    # In pixels: the SVG's own size is in points.
    size = {"width": round(drawn.width * zoom), "height": round(drawn.height * zoom)}
    files = [str(path) for path in fonts]
    target.write(resvg.svg_to_bytes(svg_string=text_of(drawn), font_files=files, dpi=96, **size))


def write_pdf(statements: Iterable[Statement], target: BinaryIO, *, unfold: bool = False) -> None:
    """Write the picture as a PDF of one page, which has its size and its fonts.

    Args:
        statements: What is drawn.
        target: A binary file.
        unfold: Draw every thing of a series.

    Raises:
        UsageError: The picture is too large, or ``dlprov[pictures]`` is not installed.
    """
    canvas = _needed("reportlab.pdfgen.canvas", "pdf")
    drawn = without_arrows_in_words(scene_of(statements, unfold=unfold))
    # Invariant: no time and no random number, so that the same runs give the same bytes.
    page = canvas.Canvas(target, pagesize=(drawn.width, drawn.height), invariant=1, pageCompression=1)
    page.setTitle("Provenance")
    page.setLineWidth(1)
    pen = _Pen(page, drawn)
    for group in drawn.groups:
        for mark in group.marks:
            pen.draw(mark)
    page.save()


class _Pen:
    """Draws marks on a page, whose vertical axis points up."""

    def __init__(self, page: Any, drawn: Scene) -> None:
        self._page = page
        self._top = drawn.height - MARGIN
        self._metrics = _needed("reportlab.pdfbase.pdfmetrics", "pdf")
        fonts = _needed("reportlab.pdfbase.ttfonts", "pdf")
        for path in _fonts("pdf"):
            self._metrics.registerFont(fonts.TTFont(path.stem, str(path)))

    def draw(self, mark: Mark) -> None:
        """Draw one mark."""
        page = self._page
        page.setFillColor(mark.fill if not isinstance(mark, Curve) else "#000000")
        if isinstance(mark, Text):
            self._text(mark)
            return
        if mark.stroke:
            page.setStrokeColor(mark.stroke)
        if isinstance(mark, Ellipse):
            (x, y), wide, high = mark.middle, mark.width / 2, mark.height / 2
            page.ellipse(*self._at((x - wide, y + high)), *self._at((x + wide, y - high)), fill=1)
            return
        path = page.beginPath()
        path.moveTo(*self._at(mark.points[0]))
        if isinstance(mark, Curve):
            for index in range(1, len(mark.points) - 2, 3):
                path.curveTo(*(length for point in mark.points[index : index + 3] for length in self._at(point)))
            page.drawPath(path, fill=0)
            return
        for point in mark.points[1:]:
            path.lineTo(*self._at(point))
        path.close()
        page.drawPath(path, fill=1, stroke=1 if mark.stroke else 0)

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        return point[0] + MARGIN, self._top - point[1]

    def _text(self, mark: Text) -> None:
        pieces = list(self._pieces(mark.text, "VeraBd" if mark.bold else "Vera"))
        x, y = self._at(mark.at)
        x -= sum(self._metrics.stringWidth(text, font, mark.size) for text, font in pieces) / 2
        for text, font in pieces:
            self._page.setFont(font, mark.size)
            self._page.drawString(x, y, text)
            x += self._metrics.stringWidth(text, font, mark.size)

    def _pieces(self, text: str, font: str) -> Iterator[tuple[str, str]]:
        """A text by the fonts that have its letters. Every reader of PDF has Symbol, with Greek letters."""
        known = self._metrics.getFont(font).face.charToGlyph
        for letter in text:
            if ord(letter) in known:
                yield letter, font
            else:
                yield (letter, "Symbol") if letter in _SYMBOLS else ("?", font)


_SYMBOLS = frozenset("←≤≥≠≈∞∑∂∇αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩ")


def _fonts(format: str) -> list[Path]:
    """Bitstream Vera, which the widths of texts are measured for, and which reportlab ships."""
    place = Path(str(_needed("reportlab", format).__file__)).parent / "fonts"
    return [place / "Vera.ttf", place / "VeraBd.ttf"]


def _needed(module: str, format: str) -> ModuleType:
    try:
        # Late: a library that only those who draw need.
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise UsageError(
            f"{name} was expected for --format {format}, and it is not installed: pip install 'dlprov[pictures]'; "
            "--format dot works without"
        ) from None
