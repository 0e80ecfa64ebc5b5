"""``model.get_dataflow()``: a captured model's dataflow as an object of the client library, and its execution's tag."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dlprov

pytest.importorskip("keras")

SCRIPT = """
import json
import keras
import numpy as np
import dlprov
from dfa_lib_python.attribute import Attribute
from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType
from dfa_lib_python.task import Task
from dfa_lib_python.transformation import Transformation

x, y = np.ones((16, 4), "float32"), np.ones(16, "float32")
told = {}

def make():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

def step(tag):
    return Transformation(tag, [Set("o" + tag, SetType.OUTPUT, [Attribute("N", AttributeType.NUMERIC)])])

def does(task, tag, number):
    task.add_dataset(DataSet("o" + tag, [Element([number])]))
    task.begin()
    task.end()

def case(name):
    global model, df
    model = make()
    if name:
        model.provenance(dataflow_tag=name, hyps={})
        df = model.get_dataflow()
    return model

# A task before the fit begins the run, which the model joins.
case("Before")
df.add_transformation(step("Own"))
told["first"] = [one["tag"] for one in df.transformations]
does(Task(9, "Before", "Own"), "Own", 1)
model.fit(x, y, verbose=0)
does(Task(10, "Before", model.exec_tag, "Own"), "Own", 2)
told["before"] = model.exec_tag

# One after it goes on with the model's run; what was added meanwhile is declared then.
case("After")
df.add_transformation(step("Own"))
model.fit(x, y, verbose=0)
df.add_transformation(step("Late"))
does(Task(9, model.dataflow_tag, "Late"), "Late", 3)
model.evaluate(x, y, verbose=0)
told["after"] = model.exec_tag

# What was added and never used is declared with the fit.
case("Unused")
df.add_transformation(step("Own"))
told["same"] = df is model.get_dataflow()
model.fit(x, y, verbose=0)
df.add_transformation(step("Second"))
model.fit(x, y, verbose=0)

# A model within a run of the user's has that one's execution from the beginning.
with dlprov.start_run("Within") as run:
    case("Within")
    told["within"] = [model.exec_tag == run.execution]
    model.fit(x, y, verbose=0)
    told["within"].append(model.exec_tag == run.execution)

# Two executions of one dataflow, whose tasks come before their fits: each model joins its own.
one = case("Two"); first = Task(9, "Two", model.exec_tag, "Own"); first.begin()
two = case("Two"); second = Task(9, "Two", model.exec_tag, "Own"); second.begin()
one.fit(x, y, verbose=0)
two.fit(x, y, verbose=0)
told["two"] = [one.exec_tag, two.exec_tag]

# A model that is not captured, and one with attributes of its own.
case("")
told["plain"] = [hasattr(model, "exec_tag"), hasattr(model, "dataflow_tag")]
try:
    model.get_dataflow()
except dlprov.UsageError as error:
    told["plain"].append(str(error))

class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.exec_tag = "mine"

model = Mine()
model.provenance(dataflow_tag="Mine")
told["mine"] = [model.exec_tag, model.dataflow_tag, "dataflow_tag" in vars(model)]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script says, and the store that it leaves as ``store``."""
    work = tmp_path_factory.mktemp("dataflow")
    store = work / "store"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DFA_", "DLPROV_"))}
    variables = {"DLPROV_STORE": str(store), "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3", "DLPROV_QUIET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, **variables},
        cwd=work,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "store": store}


@pytest.fixture
def rows(told: dict[str, Any]) -> Any:
    """Asks the store, which stays as it is."""
    return lambda sql: dlprov.query(sql, store=Path(told["store"])).rows()


def tasks(rows: Any, execution: str) -> list[tuple[Any, ...]]:
    return rows(
        "SELECT identifier, d.tag, status FROM task t JOIN data_transformation d ON d.id = t.dt_id "
        f"WHERE df_exec = '{execution}' ORDER BY t.id"
    )


def test_a_task_before_the_fit_is_in_the_models_execution(told: dict[str, Any], rows: Any) -> None:
    assert told["first"] == ["trainingmodel", "testingmodel", "own"]
    assert rows("SELECT execution, status FROM run WHERE dataflow = 'before'") == [(told["before"], "finished")]
    assert tasks(rows, told["before"]) == [
        (9, "own", "FINISHED"),
        (1, "trainingmodel", "FINISHED"),
        (10, "own", "FINISHED"),
    ]
    assert rows("SELECT n FROM before.oown ORDER BY id") == [(1,), (2,)]
    assert rows("SELECT count(*) FROM before.otrainingmodel") == [(1,)]


def test_a_task_after_the_fit_goes_on_with_the_models_run(told: dict[str, Any], rows: Any) -> None:
    assert rows("SELECT execution, status, kind FROM run WHERE dataflow = 'after'") == [
        (told["after"], "finished", "keras")
    ]
    assert tasks(rows, told["after"]) == [
        (1, "trainingmodel", "FINISHED"),
        (9, "late", "FINISHED"),
        (3, "testingmodel", "FINISHED"),
    ]
    assert rows("SELECT n FROM after.olate") == [(3,)]
    assert rows("SELECT * FROM after.oown") == []


def test_what_was_added_is_declared_with_the_next_fit(told: dict[str, Any], rows: Any) -> None:
    assert told["same"] is True
    assert rows("SELECT * FROM unused.oown") == rows("SELECT * FROM unused.osecond") == []


def test_the_execution_is_that_of_the_run_which_the_model_is_in(told: dict[str, Any], rows: Any) -> None:
    assert told["within"] == [True, True]
    assert rows("SELECT count(*) FROM run WHERE dataflow = 'within'") == [(1,)]


def test_models_join_their_own_executions(told: dict[str, Any], rows: Any) -> None:
    first, second = told["two"]
    assert first != second
    assert {row[0] for row in rows("SELECT execution FROM run WHERE dataflow = 'two'")} == {first, second}
    for execution in (first, second):
        assert [row[1] for row in tasks(rows, execution)] == ["own", "trainingmodel"]


def test_models_that_are_not_captured_have_no_tags_and_an_attribute_of_the_users_comes_first(
    told: dict[str, Any],
) -> None:
    assert told["plain"][:2] == [False, False]
    assert "call model.provenance(...) first" in told["plain"][2]
    assert told["mine"] == ["mine", "Mine", False]


def test_nothing_went_wrong(rows: Any) -> None:
    # The tasks of "Two" are of a transformation that nobody declared, which is told and recorded anyhow.
    assert [message for (message,) in rows("SELECT message FROM problem") if "fault" in message] == []
    assert rows("SELECT count(*) FROM log_problem") == [(0,)]
