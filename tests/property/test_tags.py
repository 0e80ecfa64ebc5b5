"""A tag is any text: it works in SQL, it is never a path, and it is never SQL."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dlprov
from dlprov.store.names import fold, quote, schema_for

TAGS = [
    "alexnet-df-1",
    'a"b',
    "a'b",
    "../x",
    "/etc/passwd",
    "with spaces and\ttab",
    "x" * 300,
    "select",
    "table",
    "public",
    "main",
    "information_schema",
    "store",
    "temp",
    '"; DROP SCHEMA public CASCADE; --',
    "ünïcode-😀",
    "new\nline",
    "semi;colon",
    ".",
    "..",
    "C:\\con",
    "%s $1 ?",
    "Mnist",
]


def record(tag: str, store: Path | None = None) -> dlprov.Run:
    with dlprov.start_run(tag, params={tag: 1}, tags={tag: tag}, store=store) as run, run.task(tag) as task:
        task.used(f"i{tag}", {tag: "in", "lr": 0.1})
        task.generated(f"o{tag}", {tag: "out", "loss": 0.5})
        task.log({tag: 1.5}, step=1)
    return run


def check(tag: str, run: dlprov.Run, store: Path | None = None) -> None:
    schema = schema_for(fold(tag))
    ask = dlprov.query.open_session(store)
    out = quote(f"o{fold(tag)}")
    found = ask.ask(f"SELECT loss FROM {quote(schema)}.{out}").rows()
    assert (0.5,) in found
    assert (0.5,) in ask.ask(f"SET SCHEMA {quote(schema_for(tag))}; SELECT loss FROM {out}").rows()
    column = fold(tag) or "_"
    if column not in ("id", "uuid") and not column.endswith("_task_id"):
        assert ask.ask(f"SELECT {quote(column)} FROM {out} WHERE loss = 0.5").rows()[0] == ("out",)
    assert ask.ask("SELECT dataflow FROM public.run WHERE run_id = ?", [run.id]).rows() == [(fold(tag),)]
    assert ask.ask("SELECT name, value FROM public.metric WHERE run_id = ?", [run.id]).rows() == [(tag, 1.5)]
    assert ask.ask("SELECT name, number FROM public.param WHERE run_id = ?", [run.id]).rows() == [(tag, 1.0)]
    assert len(dlprov.runs(tag, store=store)) >= 1


@pytest.mark.parametrize("tag", TAGS)
def test_an_awkward_tag_works_everywhere_and_touches_nothing_else(store: Path, tmp_path: Path, tag: str) -> None:
    run = record(tag)
    check(tag, run)
    assert sorted(path.name for path in store.iterdir() if not path.name.startswith("index.duckdb")) == ["runs"]
    assert [path.name for path in (store / "runs").iterdir()] == [run.id]
    assert {path.name for path in tmp_path.iterdir()} <= {"store", "cache"}


def test_all_awkward_tags_live_together_in_one_store(store: Path) -> None:
    recorded = {tag: record(tag) for tag in TAGS}
    for tag, run in recorded.items():
        check(tag, run)
    assert dlprov.query("SELECT count(*) FROM run").rows() == [(len(TAGS),)]
    assert dlprov.query("SELECT count(*) FROM dataflow").rows() == [(len({fold(tag) for tag in TAGS}),)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40).filter(str.strip))
def test_any_text_is_a_tag(tag: str) -> None:
    place = Path(tempfile.mkdtemp())
    try:
        check(tag, record(tag, place), place)
        assert [path.name for path in (place / "runs").iterdir()].__len__() == 1
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize("tag", ["", "  ", None, 3, b"x"])
def test_what_is_no_tag_is_refused_before_anything_is_written(store: Path, tag: object) -> None:
    with pytest.raises(dlprov.UsageError, match="a text that is not empty"):
        dlprov.start_run(tag)  # type: ignore[arg-type]
    assert list(store.iterdir()) == []
