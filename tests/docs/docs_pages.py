"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"],
)

_BLOCK = re.compile(
    r"(?:^<!-- (?P<order>[^\n]*) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """One block of code: its language, its text, the number of its first line, and the comment above it."""

    language: str
    text: str
    line: int
    order: str


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        yield Block(match["language"], match["text"], line, match["order"] or "")


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def name(page: Path) -> str:
    """A page's path in the project, for messages."""
    return str(page.relative_to(ROOT))
