"""The page about the HTTP API names what the service answers, and its limits are those of the program."""

from __future__ import annotations

import json
import re

import jsonschema
from docs_pages import ROOT, blocks

from dlprov.query.remote import SILENCE_SECONDS
from dlprov.service import api, kept, openapi, questions
from dlprov.service.asking import Limits
from dlprov.service.errors import body_of
from dlprov.store import ownership

PAGE = ROOT / "docs" / "reference" / "http-api.md"
TEXT = PAGE.read_text(encoding="utf-8")


def rows() -> dict[str, list[str]]:
    """The cells of each row of a table, by the route in it."""
    found = {}
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        for route in re.findall(r"`(/[^`?]*)[^`]*`", line):
            found.setdefault(route, cells)
    return found


def test_every_route_is_on_the_page() -> None:
    # Pages bring their style sheet with them.
    described = {operation.path for operation in openapi.ANSWERED} - {"/style.css"}
    assert set(rows()) >= described
    assert set(rows()) - described <= {"/dfview/visualization"}


def test_verbs_and_parameters_are_those_of_the_routes() -> None:
    for operation in (*api.OPERATIONS, *questions.OPERATIONS):
        verb, _, third, *_ = rows()[operation.path]
        assert verb == ("any" if len(operation.methods) > 2 else operation.methods[0]), operation.path
        if operation in api.OPERATIONS and operation.body is None:
            assert re.findall(r"`(\w+)`", third) == [parameter.name for parameter in operation.parameters]


def test_the_examples_are_of_the_described_form() -> None:
    question, answer, error = (json.loads(block.text) for block in blocks(PAGE) if block.language == "json")
    jsonschema.validate(question, api.QUESTION)
    jsonschema.validate(answer, api.TABLE)
    jsonschema.validate(error, openapi.ERROR)
    assert list(error) == list(json.loads(body_of(404, "", "", "NotFoundError")))
    table = TEXT.split("### `POST /api/query`")[1].split("```json")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(api.QUESTION["properties"])


def test_limits_are_those_of_the_program() -> None:
    limits = Limits()
    for figure in (
        f"| time | {limits.seconds:g} seconds",
        f"| rows | {limits.rows:,}, with `limit` up to {limits.most_rows:,}",
        f"| bytes | {limits.most_bytes >> 20} MiB",
        f"up to {ownership.DISK_BYTES >> 30} GiB more on the disk",
        f"| at a time | {limits.at_a_time} questions; {limits.waiting} wait",
        f"The latest {kept.CLIENTS} are kept",
        f"the first {questions.ROWS:,} rows",
        f"`{api.CUT}`",
        f"`{questions.WARNING}`",
    ):
        assert figure in re.sub(r"\s+", " ", TEXT), figure
    decisions = (ROOT / "docs" / "design" / "kept-index.md").read_text(encoding="utf-8")
    assert f"After {SILENCE_SECONDS:g} s of silence" in decisions
    assert f"reads on after {ownership.PATIENCE_SECONDS:g} s is interrupted" in decisions
