"""Scripts with ``dfa_lib_python``, each run in a process of its own, as users run theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import dlprov

IMPORTS = """
from dfa_lib_python.attribute import Attribute
from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.dependency import Dependency
from dfa_lib_python.element import Element
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType
from dfa_lib_python.task import Task
from dfa_lib_python.task_status import TaskStatus
from dfa_lib_python.transformation import Transformation

def row(tag, *values):
    return DataSet(tag, [Element(list(values))])
"""

PLAIN = """
columns = [Attribute("N", AttributeType.NUMERIC), Attribute("Text", AttributeType.TEXT)]
numbers = Set("oNumbers", SetType.OUTPUT, columns)
df = Dataflow("Plain", [Transformation("Count", [numbers])])
df.save()
"""


class Run(Protocol):
    """Runs a script; gives the completed process."""

    def __call__(self, code: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]: ...


def runner(place: Path) -> Run:
    """What runs scripts in a directory."""

    def start(code: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("DFA_URL", "DLPROV_EXECUTION")}
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS + code],
            env={**environment, **variables},
            cwd=place,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        assert "a fault in" not in done.stderr, done.stderr
        return done

    return start


def rows(sql: str) -> list[tuple[Any, ...]]:
    """The answer of the default store."""
    return dlprov.query(sql).rows()


def columns(table: str) -> list[str]:
    """The columns of a table in the default store."""
    return dlprov.query(f"SELECT * FROM {table} LIMIT 0").columns
