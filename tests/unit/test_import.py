"""``import dlprov`` is light: no framework, no database, no web stack, and a few milliseconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dlprov

HEAVY = {"keras", "jax", "torch", "tensorflow", "numpy", "sklearn", "pandas", "polars", "pyarrow"}
HEAVY |= {"duckdb", "click", "rich", "requests", "http", "asyncio", "multiprocessing", "subprocess"}


def modules_after(code: str) -> set[str]:
    program = (
        f"import json, sys\nbefore = set(sys.modules)\n{code}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_loads_no_framework_and_no_database() -> None:
    assert modules_after("import dlprov") & HEAVY == set()


def test_a_run_loads_no_framework_and_no_database(store: Path) -> None:
    loaded = modules_after("import dlprov\nwith dlprov.start_run('x') as run: run.log(loss=1.0)")
    assert loaded & (HEAVY - {"multiprocessing", "subprocess"}) == set()
    assert "msgspec" in loaded


def test_the_public_names_are_pinned() -> None:
    assert sorted(dlprov.__all__) == dlprov.__all__ == dir(dlprov)
    assert " ".join(dlprov.__all__) == (
        "DlprovError Element LogError LogFormatError NotFoundError QueryError Result Run "
        "StoreBusyError StoreError Task UsageError __version__ adaptations ask best_runs compare current_run "
        "epochs export graph lineage provenance query runs start_run validate"
    )
    for name in dlprov.__all__:
        assert getattr(dlprov, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dlprov.nothing


def test_the_query_function_shares_its_name_with_its_package() -> None:
    program = (
        "import dlprov.query.session, dlprov; assert dlprov.query('SELECT 1').rows() == [(1,)]; dlprov.query.Session"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    program = (
        "import dlprov; assert dlprov.query('SELECT 1').rows() == [(1,)]; import dlprov.query.session as s; s.Session"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
