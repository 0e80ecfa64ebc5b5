from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from docs_pages import PAGES, ROOT, blocks, name, prose

MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|venv)/|\bvm\b|root@|localhost")
"""Places on the machine of whoever wrote a page."""

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    texts = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page))]
    return {text.replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name(page)} links to {target}"
        assert there.is_relative_to(ROOT), f"{name(page)} links to {target}, outside of the project"
        assert not anchor or anchor in anchors(there), f"{name(page)} links to {target}"


def test_every_page_can_be_found_from_the_readme() -> None:
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in found or page.suffix != ".md":
            continue
        found.add(page)
        paths = (target.partition("#")[0] for target in LINK.findall(prose(page)) if "://" not in target)
        waiting += [(page.parent / path).resolve() for path in paths if path]
    lost = [name(page) for page in PAGES if page not in found]
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_names_a_machine(page: Path) -> None:
    assert not MACHINE.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_is_closed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(list(blocks(page)))


def test_the_costs_in_the_readme_are_those_that_were_measured() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## What it costs")[1].split("\n## ")[0]
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d[\d,.]*\d (?=\S)|\d[\d,]{5,}", section)
    assert len(figures) >= 5
    for figure in figures:
        assert figure in measured, figure


def test_the_picture_is_one() -> None:
    assert ET.parse(ROOT / "docs" / "images" / "idea.svg").getroot().tag.endswith("svg")
