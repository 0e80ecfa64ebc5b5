"""Tables of text: columns side by side, wrapped where that makes them fit; else one record below the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
from rich.cells import cell_len, chop_cells, set_cell_size

GAP = "  "
NARROWEST = 20
"""A column of text is not made narrower than this, or than its title; rather, records are shown."""

NARROWEST_CUT = 10
"""The same for a column whose cells are cut."""


@dataclass
class Column:
    """One column: its title and its cells, all as text.

    Attributes:
        title: The title.
        cells: One a row; ``None`` for NULL. A cell may have several lines.
        right: Whether it stands at the right, as numbers do.
        cut: Whether cells that are too wide are cut instead of wrapped.
    """

    title: str
    cells: Sequence[str | None]
    right: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Look:
    """How tables are shown.

    Attributes:
        width: The cells of a line; ``None``: unlimited, as in a file or a pipe.
        styled: Whether bold and dim are used, and NULL is a dim dash instead of nothing.
        rule: The letter below titles.
    """

    width: int | None = None
    styled: bool = False
    rule: str = "-"


def look_of_stdout() -> Look:
    """How tables are shown on stdout: for a terminal of its width, or for a file without any limit."""
    stdout = sys.stdout
    try:
        "─".encode(getattr(stdout, "encoding", None) or "ascii")
        rule = "─"
    except UnicodeEncodeError:
        rule = "-"
    if not stdout.isatty():
        return Look(rule=rule)
    # Late: only a terminal has a width.
    import shutil  # noqa: PLC0415

    return Look(max(20, shutil.get_terminal_size().columns), styled=True, rule=rule)


def lines(columns: Sequence[Column], look: Look) -> Iterator[str]:
    """The lines of a table, without trailing blanks."""
    if not columns:
        return
    widths = _fitted(columns, look.width)
    if widths is None:
        yield from _records(columns, look)
        return
    titles = [_pad(column.title, width, right=column.right) for column, width in zip(columns, widths, strict=True)]
    yield _style(GAP.join(titles).rstrip(), look, bold=True)
    yield _style(GAP.join(look.rule * width for width in widths), look, dim=True)
    for row in zip(*(column.cells for column in columns), strict=True):
        yield from _row(columns, row, widths, look)


def pairs(named: Sequence[tuple[str, str | None]], look: Look) -> Iterator[str]:
    """Names and values below each other; long values are wrapped behind their name."""
    indent = max((cell_len(name) for name, _ in named), default=0) + len(GAP)
    room = max(NARROWEST, look.width - indent) if look.width is not None else None
    for name, value in named:
        first = _style(_pad(name, indent), look, bold=True)
        shown = wrapped(value, room) if value is not None else [_null(look)]
        for number, line in enumerate(shown or [""]):
            yield ((first if number == 0 else " " * indent) + line).rstrip()


def wrapped(text: str, width: int | None) -> list[str]:
    """The lines of a text; those wider than ``width`` broken between words, and within one where it is too long."""
    found: list[str] = []
    for line in text.split("\n"):
        if width is None or cell_len(line) <= width:
            found.append(line)
        else:
            found.extend(_broken(line, width))
    return found


def _broken(line: str, width: int) -> Iterator[str]:
    current = ""
    for word in line.split(" "):
        candidate = f"{current} {word}" if current else word
        if cell_len(candidate) <= width:
            current = candidate
            continue
        if current:
            yield current
        *whole, current = chop_cells(word, width) or [""]
        yield from whole
    if current:
        yield current


def _fitted(columns: Sequence[Column], width: int | None) -> list[int] | None:
    """The widths of the columns, or ``None`` if they do not fit."""
    natural = [max([_width(column.title), *(_width(cell) for cell in column.cells)]) for column in columns]
    if width is None:
        return natural
    room = width - len(GAP) * (len(columns) - 1)
    if sum(natural) <= room:
        return natural
    least = [
        wide if column.right else min(wide, max(_width(column.title), NARROWEST_CUT if column.cut else NARROWEST))
        for column, wide in zip(columns, natural, strict=True)
    ]
    if sum(least) > room:
        return None
    widths = least[:]
    # The widest columns give way first: each round lets the narrowest that still want grow by one.
    for _ in range(room - sum(widths)):
        wanting = [index for index, wide in enumerate(natural) if widths[index] < wide]
        if not wanting:
            break
        widths[min(wanting, key=lambda index: widths[index])] += 1
    return widths


def _row(columns: Sequence[Column], row: Sequence[str | None], widths: Sequence[int], look: Look) -> Iterator[str]:
    cells = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        if cell is None:
            cells.append([""])
        elif column.cut:
            cells.append([_cut(cell.partition("\n")[0], width)])
        else:
            cells.append(wrapped(cell, width))
    for number in range(max(map(len, cells))):
        parts = []
        for column, cell, shown, width in zip(columns, row, cells, widths, strict=True):
            if cell is None and number == 0 and look.styled:
                parts.append(" " * (width - 1) + _null(look) if column.right else _null(look) + " " * (width - 1))
            else:
                parts.append(_pad(shown[number] if number < len(shown) else "", width, right=column.right))
        yield GAP.join(parts).rstrip()


def _records(columns: Sequence[Column], look: Look) -> Iterator[str]:
    width = look.width or 80
    for number, row in enumerate(zip(*(column.cells for column in columns), strict=True), 1):
        head = f"{look.rule * 2} {number} "
        yield _style(head + look.rule * (min(width, 60) - len(head)), look, dim=True)
        named = [(column.title, cell) for column, cell in zip(columns, row, strict=True)]
        yield from pairs([(name, cell.strip() if cell is not None else None) for name, cell in named], look)


def _width(cell: str | None) -> int:
    return 1 if cell is None else max(map(cell_len, cell.split("\n")))


def _pad(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _null(look: Look) -> str:
    return _style(look.rule[:1] if look.rule == "-" else "\N{EN DASH}", look, dim=True) if look.styled else ""


def _style(text: str, look: Look, *, bold: bool = False, dim: bool = False) -> str:
    return click.style(text, bold=bold or None, dim=dim or None) if look.styled and text else text
