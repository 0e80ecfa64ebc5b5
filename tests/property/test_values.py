"""Every value and every name comes back equal, from Python and from SQL."""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dlprov
from dlprov.log import events, values
from dlprov.store import Index
from dlprov.store.columns import from_typed

AWKWARD_FLOATS = [
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    -1e308,
    5e-324,
    2.2250738585072014e-308,
    -0.0,
    0.1 + 0.2,
    2.0**63,
]
AWKWARD_INTEGERS = [0, -1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64 + 1, 10**40]
AWKWARD_TEXTS = [
    "",
    "😀",
    '"',
    "\\",
    "\n",
    "a\tb",
    "\0",
    "'; DROP TABLE run; --",
    "NaN",
    "null",
    "x" * 1_000_000,
    "\u2028é",
]

floats = st.sampled_from(AWKWARD_FLOATS) | st.floats(allow_nan=True)
integers = st.sampled_from(AWKWARD_INTEGERS) | st.integers(-(2**70), 2**70)
texts = st.sampled_from(AWKWARD_TEXTS) | st.text(st.characters(exclude_categories=("Cs",)), max_size=50)
scalars = st.none() | st.booleans() | integers | floats | texts
names = st.sampled_from([text for text in AWKWARD_TEXTS if text and len(text) < 100]) | st.text(
    st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("@") | names, inner, max_size=3),
    max_leaves=6,
)


def same(left: Any, right: Any) -> bool:
    """Equal, with NaN equal to itself and zeros told apart by their sign."""
    if isinstance(left, float) and isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@given(documents)
def test_any_value_survives_a_line_of_the_log(value: Any) -> None:
    line = events.encode(events.Param(1, {"value": values.encode(value)}))
    assert line.count(b"\n") == 1
    event = events.decode(line)
    assert isinstance(event, events.Param)
    assert same(values.decode(event.values["value"]), value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(names, floats, min_size=1, max_size=5), st.dictionaries(names, documents, max_size=5))
def test_metrics_and_parameters_come_back_equal(metrics: dict[str, float], params: dict[str, Any]) -> None:
    with temporary_store() as place:
        with dlprov.start_run("values", params=params, store=place) as run:
            run.log(metrics, step=0)
        session = dlprov.query.Session(Index(place, place / "cache"))
        found = dict(session.ask("SELECT name, value FROM metric").rows())
        assert same(found, metrics)
        read = {
            name: from_typed(value, kind) for name, value, kind in session.ask("SELECT name, value, type FROM param")
        }
        assert same(read, params)
        for name, value in metrics.items():
            if math.isfinite(value):
                query = "SELECT count(*) FROM metric WHERE name = $name AND value = $value"
                assert session.ask(query, {"name": name, "value": value}).rows() == [(1,)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(scalars, min_size=1, max_size=5))
def test_attributes_of_changing_types_lose_nothing(column: list[Any]) -> None:
    with temporary_store() as place:
        with dlprov.start_run("sets", store=place) as run, run.task("T") as task:
            for value in column:
                task.generated("oSet", value=value, number=1)
        session = dlprov.query.Session(Index(place, place / "cache"))
        found = [row[0] for row in session.ask("SELECT value FROM sets.oset ORDER BY id").rows()]
        assert len(found) == len(column)
        for stored, value in zip(found, column, strict=True):
            assert equal_in_sql(stored, value), (stored, value)


def equal_in_sql(stored: Any, value: Any) -> bool:
    """Whether a column holds ``value``: as itself, or as text from which it can be read back exactly."""
    if value is None or stored is None:
        return value is stored or (value is None and stored is None)
    if isinstance(stored, str) and not isinstance(value, str):
        if isinstance(value, bool):
            return stored in (str(value).lower(), str(int(value)), str(float(value)))
        return (
            same(float(stored), float(value))
            if isinstance(value, float)
            else int(float(stored)) == value or int(stored) == value
        )
    if isinstance(value, float) and math.isnan(value):
        return isinstance(stored, float) and math.isnan(stored)
    return bool(stored == value)


class temporary_store:  # noqa: N801
    """A store directory for one example: hypothesis does not renew fixtures."""

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp())
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)


@pytest.mark.parametrize("value", AWKWARD_FLOATS)
def test_a_metric_of_every_awkward_float(store: Path, value: float) -> None:
    with dlprov.start_run("floats") as run:
        run.log(x=value)
    assert same(dlprov.query("SELECT value FROM metric").rows()[0][0], value)
