"""The table of the mapping in the documentation says what documents of real runs say, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recorded import lost, native, nested, odd, p7

import dlprov
from dlprov.graph.mapping import provenance
from dlprov.graph.statements import ARGUMENTS, ELEMENTS, TIMES, Statement
from dlprov.query import open_session

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "prov-mapping.md").read_text(encoding="utf-8")

OPEN = ("settings", "setting", "element")
"""Things that have attributes with the names of users."""


def rows() -> dict[str, set[str]]:
    """The attributes of each statement; where the table says run/task, both."""
    found = {}
    for line in PAGE.split("| statement |")[1].split("\n\n")[0].splitlines()[2:]:
        statement, _, attributes, _ = (cell.strip() for cell in line[1:-1].split("|"))
        names = {name if ":" in name else f"dlprov:{name}" for name in re.findall(r"`([\w:]+)`", attributes)}
        for one in {statement.replace("run/task", "run"), statement.replace("run/task", "task")}:
            found[one.strip("`")] = names - {"prov:Plan", "prov:Person", "prov:SoftwareAgent"}
    return found


def shape(statement: Statement) -> str:
    """A statement as the table has it: the kinds of its things, and its times by the words of the mapping."""

    def kind(name: str) -> str:
        return name.partition("-")[0]

    if statement.kind in ELEMENTS:
        if statement.kind != "activity":
            return f"{statement.kind}({kind(statement.id)})"
        times = ("time", "time") if kind(statement.id) == "adaptation" else ("started", "ended")
        return f"activity({', '.join([kind(statement.id), *times])})"
    parts = []
    for name in ARGUMENTS[statement.kind]:
        argument = statement.arguments.get(name)
        word = "started" if statement.kind == "wasStartedBy" else "time"
        parts.append("-" if argument is None else word if name in TIMES else kind(argument))
    while parts[-1] == "-":
        parts.pop()
    return f"{statement.kind}({', '.join(parts)})"


@pytest.fixture
def statements(store: Path, tmp_path: Path) -> list[Statement]:
    """What is said about runs of every kind."""
    with dlprov.start_run("more", params={"rate": 1}) as run, run.task("T") as task:
        run.add_environment("framework", {"torch": "2.9", "keras.backend": "torch"})
        task.param(own=1)
        task.artifact(tmp_path / "missing", direction="used")
        run.artifact(tmp_path / "missing", direction="used")
        for scope in (run, task):
            (tmp_path / "file").write_text("x")
            scope.artifact(tmp_path / "file", direction="used")
            scope.artifact(tmp_path / "file", step=3)
            scope.data("x", [[1.0]])
            scope.data("y", [[2.0]], direction="generated")
            scope.log(loss=1, step=3, epoch=1)
            scope.adaptation("rate", 1, 2, step=3)
    run_ids = [run.id, native(tmp_path), p7(store), odd(), lost(), *nested()]
    return list(provenance(open_session(), run_ids))


def test_the_table_has_every_kind_of_statement_and_no_other(statements: list[Statement]) -> None:
    assert {shape(statement) for statement in statements} == rows().keys()


TYPES = {f"dlprov:{kind}" for kind in ("Hardware", "Hyperparameters", "File", "Adaptation", "Data", "Metric")}


def test_the_table_has_every_attribute_and_no_other(statements: list[Statement]) -> None:
    used: dict[str, set[str]] = {}
    for statement in statements:
        used.setdefault(shape(statement), set()).update(str(name) for name, _ in statement.attributes)
    for one, listed in rows().items():
        names = listed - TYPES
        if re.fullmatch(rf"entity\(({'|'.join(OPEN)})\)", one):
            assert names <= used[one], one
        elif one == "activity(run, started, ended)":
            # Which of them a run has depends on where the tests run: in a checkout, say.
            assert used[one] <= names, one
        else:
            assert used[one] == names, one


def test_every_kind_of_thing_has_its_id_explained(statements: list[Statement]) -> None:
    text = PAGE.split("## Names of things")[1].split("\n## ")[0]
    kinds = {statement.id.partition("-")[0] for statement in statements if statement.id}
    assert kinds == set(re.findall(r"`(\w+)-`", text))
