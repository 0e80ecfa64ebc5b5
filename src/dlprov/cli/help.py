"""Help texts: docstrings, in which indented lines are examples and stay as they are."""

from __future__ import annotations

import inspect
from typing import Any

import click


class Command(click.Command):
    """A command whose help keeps the lines of indented paragraphs; click would run them together."""

    def __init__(self, name: str | None, *, help: str | None = None, **attributes: Any) -> None:
        super().__init__(name, help=_keeping_examples(inspect.cleandoc(help or "")), **attributes)


def _keeping_examples(text: str) -> str:
    paragraphs = text.split("\n\n")
    # A line with a backspace is click's mark for a paragraph that is not to be wrapped.
    return "\n\n".join(f"\b\n{paragraph}" if paragraph.startswith("  ") else paragraph for paragraph in paragraphs)
