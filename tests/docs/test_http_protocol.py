"""The page docs/reference/http-protocol.md says what the service does: routes, statuses, limits, headers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_pages import ROOT

from dlprov.capture.dfanalyzer.messages import MAX_ATTRIBUTES, MAX_TAG
from dlprov.service import errors, guard, ingestion, server, text_protocol
from dlprov.service.connections import Limits
from dlprov.service.lenient import MAX_DEPTH
from dlprov.service.openapi import TAKEN
from dlprov.service.state import MAX_BODY

PAGE = (ROOT / "docs" / "reference" / "http-protocol.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("operation", TAKEN, ids=lambda operation: operation.path)
def test_each_route_is_on_the_page(operation):
    assert re.search(rf"`{re.escape(operation.path.replace('{header}', 'true'))}`", PAGE)


def test_the_functions_of_the_text_protocol_are_those_that_are_read():
    named = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert named == {*text_protocol._DATAFLOW, *text_protocol._TASK}


@pytest.mark.parametrize(
    "row",
    [
        f"| body | {MAX_BODY >> 20} MB, or `--max-body`; four of that size at a time |",
        f"| nesting of JSON | {MAX_DEPTH} levels |",
        f"| attributes of a set | {MAX_ATTRIBUTES} |",
        f"| a tag | {MAX_TAG} characters |",
        f"| connections | {Limits().connections} |",
        f"| head of a request | {server._MAX_HEAD >> 10} kB while it comes in, within {Limits().head:.0f} s |",
        f"| body on its way | {Limits().body:.0f} s, and a second more for each {Limits().rate >> 10} kB |",
        f"| a connection without a request | {Limits().idle:.0f} s |",
        f"| an answer that is not read | {Limits().reading:.0f} s |",
    ],
)
def test_limits_are_those_that_are_kept(row):
    assert row in PAGE.splitlines()


def test_how_many_large_bodies_there_may_be():
    assert guard.BODIES_AT_A_TIME == 4


def test_every_status_that_the_code_names_is_on_the_page():
    sources = [module.__file__ for module in (errors, guard, ingestion)]
    text = "".join(Path(source).read_text(encoding="utf-8") for source in sources)
    named = set(re.findall(r"(?:RefusedError\(\s*|return )([45]\d\d)\b", text))
    shown = set(re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE))
    assert named - {"500"} <= shown
    assert {"400", "404", "507"} <= named


def test_headers_of_our_own_clients_are_on_the_page():
    assert "`DLProv-Message: <client>:<number>`" in PAGE
    assert "`DLProv-Recorded: <run>/<writer>`" in PAGE
