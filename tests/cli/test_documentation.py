"""The page docs/reference/cli.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from dlprov.cli.program import COMMANDS, program

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
CONTEXT = click.Context(program)


def command(name: str) -> click.Command:
    found = program.get_command(CONTEXT, name)
    assert found is not None
    return found


def test_the_page_has_a_section_for_each_command_in_the_same_order():
    assert tuple(SECTIONS) == COMMANDS == tuple(program.list_commands(CONTEXT))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_stands_in_the_section_of_its_command(name):
    for parameter in command(name).params:
        if isinstance(parameter, click.Option):
            for spelling in parameter.opts:
                assert re.search(rf"`[^`]*{re.escape(spelling)}\b", SECTIONS[name]), spelling


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_of_a_section_exists(name):
    known = {spelling for parameter in command(name).params for spelling in parameter.opts}
    # Code of other commands, in examples, stands between the same quotes.
    written = {word for code in re.findall(r"`(--?\w[\w-]*)", SECTIONS[name]) for word in [code]}
    assert written <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_the_option_store_and_a_short_help(name):
    assert any(parameter.name == "store" for parameter in command(name).params)
    assert command(name).short_help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_keeps_its_examples_on_lines_of_their_own(name):
    text = command(name).get_help(click.Context(command(name), info_name=name, parent=CONTEXT))
    assert "\b" not in text
    for line in (command(name).help or "").splitlines():
        if line.startswith("    "):
            assert f"\n  {line}\n" in text
