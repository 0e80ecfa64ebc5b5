"""Pages for people: what they show, and that nothing in a store can act in them."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
import requests

import dlprov
from dlprov.service.drawing import drawing

PAGES = ["/", "/dfview", "/dfview/visualization?dfId=1", "/dfview/help", "/visualization/visualization.html", "/api"]

EVIL = '<script>alert("x")</script>\'"><img src=x onerror=alert(1)>&amp;'


class Page(HTMLParser):
    """The elements and texts of a page; it notes what is closed in the wrong order."""

    EMPTY = frozenset({"meta", "link", "img", "br", "input", "path", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [str(attrs["href"]) for tag, attrs in self.elements if tag == "a"]


def page(service, path: str) -> Page:
    answer = service.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


@pytest.fixture(scope="module")
def evil(shared):
    """A service over a store in which every name is made to break a page."""
    with dlprov.start_run(EVIL, name=EVIL, store=shared.store) as run, run.task(EVIL) as task:
        task.generated(EVIL, **{EVIL: EVIL, "loss": math.nan})
    tag = EVIL.lower()
    assert shared.get("/api/dataflows/list").json() == [{"id": 1, "tag": tag}]
    return shared


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_nothing_from_elsewhere_and_run_nothing(evil, path: str) -> None:
    answer = evil.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == policy["form-action"] == "'self'"
    found = page(evil, path)
    assert not found.faults
    tags = {tag for tag, _ in found.elements}
    assert not {"script", "img", "iframe", "style", "object"} & tags
    for tag, attrs in found.elements:
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attrs), (tag, attrs)
        assert urljoin("http://here/", attrs.get("href") or "").startswith("http://here/")


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(evil, path: str) -> None:
    for target in page(evil, path).links():
        answer = evil.get(target.partition("#")[0] or path)
        assert answer.status_code == 200, target
        anchor = target.partition("#")[2]
        assert f'id="{anchor}"' in answer.text or not anchor, target


def test_every_dataflow_is_listed(evil) -> None:
    found = page(evil, "/")
    assert EVIL.lower() in found.text
    assert "/dfview/visualization?dfId=1" in found.links()
    assert requests.post(evil.url + "/", timeout=60).ok


def test_a_dataflow_is_shown_with_its_sets_runs_and_a_question(evil) -> None:
    found = page(evil, "/dfview/visualization?dfId=1")
    assert f"Dataflow tag: {EVIL.lower()}" in found.text
    assert "NUMERIC" in found.text
    assert EVIL in found.text, "the run's name"
    (form,) = (attrs for tag, attrs in found.elements if tag == "form")
    (area,) = (attrs for tag, attrs in found.elements if tag == "textarea")
    assert (form["method"], area["name"]) == ("post", "message")


def test_a_question_is_answered_on_the_page(served) -> None:
    with dlprov.start_run("mnist", store=served.store) as run, run.task("Train") as task:
        task.generated("oTrain", loss=0.25, remark="<b>bold</b>")
    path = "/dfview/visualization?dfId=1"
    browser = requests.Session()
    browser.headers["Origin"] = served.url
    message = "source(otrain)\r\ntarget(otrain)\r\nprojection(otrain.loss; otrain.remark)\r\n"
    answer = browser.post(served.url + path, data={"message": message}, timeout=60)
    found = Page(answer.text)
    assert not found.faults
    assert "SELECT otrain.loss, otrain.remark\nFROM otrain\n;" in found.text
    assert "<b>bold</b>" in found.text
    assert browser.get(served.url + "/downloadCSV", timeout=60).text == "loss;remark;\n0.25;<b>bold</b>;\n"
    mistaken = browser.post(served.url + path, data={"message": "source(<i>)"}, timeout=60)
    assert mistaken.status_code == 200
    assert "<i>" in Page(mistaken.text).text
    # What the page proposes has an answer.
    proposed = Page(served.get(path).text).text
    message = proposed[proposed.index("source(") : proposed.index("Run query")]
    assert "Answer" in Page(browser.post(served.url + path, data={"message": message}, timeout=60).text).text


def test_the_help_names_every_function(evil) -> None:
    text = page(evil, "/dfview/help").text
    for function in (
        "dataflow", "program", "dataset", "extractor", "extractor_combination", "transformation", "task", "collection",
        "dependency", "file", "mapping", "source", "target", "include", "exclude", "projection", "selection",
    ):  # fmt: skip
        assert f"{function}(" in text
    assert "Documentation of RESTful services" in text


def test_mistakes_are_told(evil, refused) -> None:
    assert "the parameter dfId was expected" in refused(evil.get("/dfview/visualization"), 400)
    assert "a whole number was expected" in refused(evil.get("/dfview/visualization?dfId=x"), 400)
    assert "there is no dataflow 99" in refused(evil.get("/dfview/visualization?dfId=99"), 404)
    refused(evil.get("/dfview/query"), 404)


def test_an_empty_store_says_how_to_begin(served) -> None:
    assert "dlprov demo" in page(served, "/").text


def test_circles_are_drawn_too() -> None:
    nodes = [{"id": number, "label": f"set{number}", "title": "(a)"} for number in range(3)]
    edges = [{"from": begin, "to": (begin + 1) % 3, "label": f"t{begin}"} for begin in range(3)]
    edges.append({"from": 0, "to": 0, "label": "self"})
    picture = Page(drawing(nodes, edges))
    assert [tag for tag, _ in picture.elements].count("rect") == 7
    assert [attrs.get("class") for tag, attrs in picture.elements if tag == "path"].count("arrow") == 8
    assert not drawing([], [])
