"""Whatever is recorded, its document is valid, is read as it was written in every format, and fits the schemas."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from recorded import ODD_NAMES, ODD_TEXTS, ODD_VALUES, PARSED, facts, parsed, written

import dlprov
from dlprov.graph.constraints import check
from dlprov.graph.document import document
from dlprov.graph.mapping import provenance
from dlprov.graph.statements import local_name
from dlprov.query import Session
from dlprov.store import Index

SCHEMAS = files("prov.tests").joinpath("schemas")
JSON_SCHEMA = jsonschema.Draft4Validator(json.loads(SCHEMAS.joinpath("prov-json.schema.json").read_text()))
XML_SCHEMA = etree.XMLSchema(etree.parse(str(SCHEMAS.joinpath("prov.xsd"))))

characters = st.characters(exclude_categories=("Cs",))
texts = st.sampled_from([text for text in ODD_TEXTS if len(text) < 100]) | st.text(characters, max_size=20)
# The reader of PROV-O in prov passes over every property that has this word in its name.
names = (st.sampled_from(ODD_NAMES) | st.text(characters, min_size=1, max_size=12)).filter(
    lambda text: "qualified" not in text and "asInBundle" not in text
)
numbers = st.floats(allow_nan=True) | st.integers(-(2**70), 2**70) | st.booleans()
values = st.sampled_from(ODD_VALUES[len(ODD_TEXTS) :]) | numbers | texts | st.none() | st.lists(texts, max_size=2)
rows = st.dictionaries(names, values, max_size=4)

moves = st.one_of(
    st.tuples(st.just("generated"), st.sampled_from(["oSet", "o Set", "iSet"]), rows),
    st.tuples(st.just("used"), st.sampled_from(["oSet", "o Set", "iSet"]), rows),
    st.tuples(st.just("reused"), st.integers(0, 5), st.none()),
    st.tuples(st.just("log"), names, st.floats(allow_nan=True)),
    st.tuples(st.just("param"), names, values),
    st.tuples(st.just("adaptation"), names, st.tuples(values, values)),
    st.tuples(st.just("artifact"), st.sampled_from(["same", "other"]), st.sampled_from(["used", "generated"])),
    st.tuples(st.just("data"), texts, st.sampled_from(["used", "generated"])),
)
tasks = st.tuples(st.sampled_from(["Load", "Train 'x'", "😀"]), st.lists(moves, max_size=4), st.booleans())
runs = st.recursive(
    st.tuples(names, rows, st.lists(tasks, max_size=3), st.sampled_from(["finished", "failed", "lost"]), st.none()),
    lambda inner: st.tuples(names, rows, st.lists(tasks, max_size=2), st.just("finished"), inner),
    max_leaves=2,
)


class Recording:
    """Carries out generated runs by the public interface."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.run_ids: list[str] = []
        self.elements: list[tuple[str, Any]] = []

    def run(self, plan: tuple[Any, ...]) -> None:
        dataflow, params, planned, ending, inner = plan
        run = dlprov.start_run(dataflow if dataflow.strip() else "flow", params=params, store=self.store)
        self.run_ids.append(run.id)
        earlier: list[Any] = []
        for transformation, moved, is_open in planned:
            task = run.task(transformation, depends_on=earlier, parent=earlier[-1] if is_open and earlier else None)
            earlier.append(task)
            for move in moved:
                self.move(task, *move)
            if not is_open:
                task.end()
        if inner is not None:
            self.run(inner)
        if ending == "lost" and run.path is not None:
            text = run.path.read_bytes()
            run.finish()
            run.path.write_bytes(text[: -1 - len(planned)])
        else:
            run.finish(error=ValueError("a\0b") if ending == "failed" else None)

    def move(self, task: Any, what: str, first: Any, second: Any) -> None:
        if what in ("generated", "used"):
            element = getattr(task, what)(first, second)
            if what == "generated" and element is not None:
                self.elements.append((first, element))
        elif what == "reused":
            for tag, element in self.elements[first : first + 1]:
                task.used(tag, element)
        elif what in ("log", "param"):
            getattr(task, what)({first: second})
        elif what == "adaptation":
            task.adaptation(first, *second, technique=first, epoch=1)
        elif what == "artifact":
            path = self.store / first
            path.write_text(first, encoding="utf-8")
            task.artifact(path, direction=second)
        else:
            task.data(first, [[1.0, 2.0]], direction=second)


@contextlib.contextmanager
def temporary_store() -> Iterator[Path]:
    """A store directory for one example: hypothesis does not renew fixtures."""
    place = Path(tempfile.mkdtemp())
    try:
        yield place
    finally:
        shutil.rmtree(place)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Dataset:DeprecationWarning:rdflib.*")
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(runs, min_size=1, max_size=2))
def test_any_runs_have_a_valid_document_that_every_format_keeps(plans: list[tuple[Any, ...]]) -> None:
    with temporary_store() as place:
        recording = Recording(place)
        for plan in plans:
            recording.run(plan)
        session = Session(Index(place, place / "cache", lost_after=0.001))
        statements = list(provenance(session, recording.run_ids))
    model = document(statements)
    assert check(model) == []
    wanted = facts(model)
    for name in PARSED:
        assert facts(parsed(written(statements, name), name)) == wanted, name
    assert [error.message for error in JSON_SCHEMA.iter_errors(json.loads(written(statements, "json")))] == []
    XML_SCHEMA.assertValid(etree.parse(BytesIO(written(statements, "xml"))))


@given(st.text(characters), st.text(characters))
def test_different_texts_have_different_local_names(one: str, other: str) -> None:
    assert (local_name(one) == local_name(other)) == (one == other) or {one, other} <= {"", "\0"}


@given(st.text(characters))
def test_a_local_name_is_an_xml_name_of_ascii_letters(text: str) -> None:
    name = local_name(text)
    assert name.isascii()
    etree.QName("http://example.org/", name)
    assert not name.endswith(".")
