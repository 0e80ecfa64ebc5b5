"""How large nodes are: the text with room to every border, measured so that every layout engine agrees."""

from __future__ import annotations

import math
import unicodedata
from typing import NamedTuple

from dlprov.graph.picture.labels import Label

FONT = "Bitstream Vera Sans, DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
"""The first three have the same widths, and the others are narrower."""

# Widths of the printable ASCII characters of Bitstream Vera Sans in thousandths of the font's size, from U+0020 on.
_REGULAR = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656,
    557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613,
    635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818,
    592, 592, 525, 636, 337, 636, 838,
)  # fmt: skip
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775,
    637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675,
    716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924,
    645, 652, 582, 712, 365, 712, 838,
)  # fmt: skip

TITLE, SMALL, EDGE = 12.0, 9.0, 8.5
"""Sizes of text in points."""

ROOF = 14.0
"""The height of an agent's roof, in points."""

_ROOM = 9.0
_LEADING = 1.3


class Line(NamedTuple):
    """A line of text, centred.

    Attributes:
        text: What it says.
        size: Of the font, in points.
        style: ``title``, ``note`` or ``line``.
        offset: Of the baseline below the middle of the node, in points.
    """

    text: str
    size: float
    style: str
    offset: float


class Shape(NamedTuple):
    """The size of a node in points, and its text."""

    width: float
    height: float
    lines: tuple[Line, ...]


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text in points: exact for ASCII, and no less than the truth for other characters."""
    widths = _BOLD if bold else _REGULAR
    return sum(widths[ord(letter) - 32] if " " <= letter <= "~" else _other(letter) for letter in text) * size / 1000


def _other(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    if letter in "…→" or unicodedata.east_asian_width(letter) in "WF":
        return 1000
    return 850


def shape(kind: str, label: Label) -> Shape:
    """The size of a node of a kind that says ``label``."""
    told = [(label.title, TITLE, "title"), *([(label.note, SMALL, "note")] if label.note else [])]
    told += [(line, SMALL, "line") for line in label.lines]
    height = sum(size * _LEADING for _, size, _ in told)
    top, lines, boxes = -height / 2, [], []
    for text, size, style in told:
        bottom = top + size * _LEADING
        lines.append(Line(text, size, style, round(top + size * 1.05, 2)))
        boxes.append((width_of(text, size, bold=style == "title"), max(abs(top), abs(bottom))))
        top = bottom
    if kind == "entity":
        half = height / 2 * 1.25 + _ROOM / 2
        # Each line has to fit in the ellipse where it stands.
        wide = max(width / math.sqrt(1 - (far / half) ** 2) for width, far in boxes)
        return _rounded(wide + 2 * _ROOM, 2 * half, lines)
    wide = max(width for width, _ in boxes) + 2 * _ROOM
    if kind == "activity":
        return _rounded(wide, height + 1.5 * _ROOM, lines)
    moved = [line._replace(offset=round(line.offset + ROOF / 2, 2)) for line in lines]
    return _rounded(wide, height + _ROOM + ROOF, moved)


def _rounded(width: float, height: float, lines: list[Line]) -> Shape:
    return Shape(float(math.ceil(max(width, 50.0))), float(math.ceil(max(height, 30.0))), tuple(lines))
