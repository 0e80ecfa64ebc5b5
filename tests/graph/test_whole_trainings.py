"""The bundled demo, a Keras model and every script of ``examples/``: their documents hold in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorded import PARSED, facts, parsed, written

import dlprov
from dlprov import demo
from dlprov.graph.constraints import check
from dlprov.graph.document import document
from dlprov.graph.mapping import provenance
from dlprov.graph.statements import Statement
from dlprov.query import open_session

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Dataset:DeprecationWarning:rdflib.*")]

EXAMPLES = Path(__file__).parents[2] / "examples"


def checked() -> list[Statement]:
    """What is said about all runs of the store, once every format has kept it."""
    run_ids = [row[0] for row in dlprov.query("SELECT run_id FROM run ORDER BY run_id")]
    statements = list(provenance(open_session(), run_ids))
    model = document(statements)
    assert check(model) == []
    wanted = facts(model)
    for name in PARSED:
        assert facts(parsed(written(statements, name), name)) == wanted, name
    return statements


def values(statements: list[Statement], name: str) -> list[object]:
    return [value for one in statements for key, value in one.attributes if str(key) == name]


def test_the_demo(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("keras", "sklearn"):
        pytest.importorskip(package)
    monkeypatch.setattr(demo, "EPOCHS", 4)
    demo.train(demo.load(), "gaussian", tmp_path)
    statements = checked()
    assert values(statements, "dlprov:ds_tag").count("otrainingmodel") == 4
    assert "applyfilter" in values(statements, "dlprov:dt_tag")
    kinds = {one.id.partition("-")[0] for one in statements if one.id}
    assert {"adaptation", "artifact", "data", "element", "metric", "settings", "software"} <= kinds


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example(script: str, run_example: Any, store: Path, tmp_path: Path) -> None:
    for package in ("keras", "sklearn", *(["torch"] if "torch" in script else [])):
        pytest.importorskip(package)
    run_example(script, tmp_path, store)
    statements = checked()
    assert len(values(statements, "dlprov:dt_tag")) >= 1
    assert any(one.kind == "wasGeneratedBy" for one in statements)
