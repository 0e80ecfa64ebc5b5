"""Each script of ``examples/`` trains, and leaves exactly the rows that it must: sets, tasks, times, dependencies."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import dlprov

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow

for framework in ("keras", "sklearn"):
    pytest.importorskip(framework)

Rows = list[tuple[Any, ...]]


class Example(NamedTuple):
    """What a script printed, and the files that it wrote of its training: epochs, and loss and accuracy of the test."""

    out: str
    err: str
    epochs: list[list[str]]
    test: list[float]

    def rows(self) -> Rows:
        """The epochs as ``timestamp, elapsed_time, loss, accuracy, val_loss, val_accuracy, epoch``."""
        return [(*row[:2], *map(float, row[2:])) for row in self.epochs]


@pytest.fixture
def follow(run_example: Any, store: Path, tmp_path: Path) -> Callable[[str], Example]:
    """Runs a script in an empty directory."""

    def run(script: str) -> Example:
        work = tmp_path / "work"
        work.mkdir()
        done = run_example(script, work, store)
        tables = [list(csv.reader((work / name).read_text().splitlines())) for name in ("epochs.csv", "test.csv")]
        return Example(done.stdout, done.stderr, tables[0], [float(value) for value in tables[1][0]])

    return run


def rows(table: str) -> Rows:
    """A set as its users ask for it."""
    return dlprov.query(f"SELECT * FROM {table} ORDER BY id").rows()


def tasks() -> Rows:
    """``(id, identifier, transformation, status)`` of every task; all of one execution."""
    found = dlprov.query(
        "SELECT t.id, t.identifier, d.tag, t.status FROM task t "
        "JOIN data_transformation d ON d.id = t.dt_id ORDER BY t.id"
    ).rows()
    assert dlprov.query("SELECT count(DISTINCT df_exec), count(DISTINCT df_version) FROM task").rows() == [(1, 1)]
    return found


def depends() -> Rows:
    return dlprov.query("SELECT task_id, depends_on_id FROM task_dependency ORDER BY ALL").rows()


def plan() -> Rows:
    """``(generating transformation, using transformation, set)`` of the plan."""
    return dlprov.query(
        "SELECT p.tag, n.tag, s.tag FROM data_dependency d JOIN data_set s ON s.id = d.ds_id "
        "LEFT JOIN data_transformation p ON p.id = d.previous_dt_id "
        "LEFT JOIN data_transformation n ON n.id = d.next_dt_id ORDER BY d.id"
    ).rows()


def sets() -> list[str]:
    return [row[0] for row in dlprov.query("SELECT tag FROM data_set ORDER BY id").rows()]


def performances() -> dict[int, tuple[str | None, str]]:
    """Start and end of each task, of which there is one row each."""
    found = dlprov.query("SELECT task_id, starttime, endtime FROM performance").rows()
    assert len({row[0] for row in found}) == len(found)
    return {task: (None if start == "null" else start, end) for task, start, end in found}


def one_run(execution: str) -> None:
    """One execution, which finished, with its environment, and without trouble."""
    ((tag, status, exec_tag, kind),) = dlprov.query("SELECT dataflow, status, execution, kind FROM run").rows()
    assert (status, kind) == ("finished", "dfanalyzer")
    assert re.fullmatch(execution + r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", exec_tag)
    assert dlprov.query("SELECT tag FROM dataflow").rows() == [(tag,)]
    assert dlprov.query("SELECT tag FROM dataflow_execution").rows() == [(exec_tag,)]
    assert dlprov.query("SELECT count(*) FROM environment WHERE name = 'python.version'").rows() == [(1,)]
    assert dlprov.query("SELECT * FROM log_problem").rows() == []


def every_task_took_its_time(count: int, *without_begin: int) -> None:
    found = performances()
    assert sorted(found) == list(range(1, count + 1))
    for task, (start, end) in found.items():
        assert (start is None) == (task in without_begin)
        assert start is None or start <= end


def test_adaptation(follow: Callable[[str], Example]) -> None:
    example = follow("adaptation.py")
    # The dataflow; begin, five epochs and end of the training; three of the adaptation and its end; two of the test.
    assert example.out == "200\n" * (1 + 7 + 4 + 2)
    one_run("dnnp-1-")
    assert tasks() == [
        (1, 1, "trainingmodel", "FINISHED"),
        (2, 2, "adaptation", "FINISHED"),
        (3, 3, "testingmodel", "FINISHED"),
    ]
    assert depends() == [(2, 1), (3, 1)]
    every_task_took_its_time(3)
    assert rows('"dnnp-1".itrainingmodel') == [(1, 1, "SGD", 0.01, 5, 2)]
    # The epochs that there were when the adaptation told something last are those that it used; the test used all.
    used = [2, 2, 2, 2, None]
    epochs = example.rows()
    assert [row[-1] for row in epochs] == [0, 1, 2, 3, 4]
    assert rows('"dnnp-1".otrainingmodel') == [(n + 1, 1, used[n], 3, *row) for n, row in enumerate(epochs)]
    assert rows('"dnnp-1".iadaptation') == [(1, 2, 2, 0.5, 0.01)]
    adaptations = rows('"dnnp-1".oadaptation')
    assert [(*row[:3], *row[4:]) for row in adaptations] == [(1, 2, 0.005, 2, 1), (2, 2, 0.0025, 4, 2)]
    assert epochs[1][0] < adaptations[0][3] < epochs[2][0]
    assert rows('"dnnp-1".otestingmodel') == [(1, 3, *example.test)]
    assert sets() == ["itrainingmodel", "otrainingmodel", "iadaptation", "oadaptation", "otestingmodel"]
    assert plan() == [
        (None, "trainingmodel", "itrainingmodel"),
        ("trainingmodel", "adaptation", "otrainingmodel"),
        (None, "adaptation", "iadaptation"),
        ("adaptation", None, "oadaptation"),
        ("trainingmodel", "testingmodel", "otrainingmodel"),
        ("testingmodel", None, "otestingmodel"),
    ]


def test_train_test_split(follow: Callable[[str], Example]) -> None:
    example = follow("train_test_split.py")
    assert example.out == "200\n" * (1 + 2 + 3 + 5 + 2)
    assert "80-20 was calculated" in example.err
    one_run("mnist-")
    assert tasks() == [
        (1, 1, "loaddata", "FINISHED"),
        (2, 2, "splitdata", "FINISHED"),
        (3, 3, "trainmodel", "FINISHED"),
        (4, 4, "testmodel", "FINISHED"),
    ]
    assert depends() == [(2, 1), (3, 2), (4, 2), (4, 3)]
    every_task_took_its_time(4)
    assert rows("mnist.iinputdataset") == [(1, 1, "Digits", "sklearn.datasets")]
    assert rows("mnist.oloaddata") == [(1, 1, 2, "digits.npz")]
    assert rows("mnist.isplitconfig") == [(1, 2, 60)]
    assert rows("mnist.otrainset") == [(1, 2, 3, "train.npz")]
    assert rows("mnist.otestset") == [(1, 2, 4, "test.npz")]
    assert rows("mnist.itrainmodel") == [(1, 3, "Adam", 0.005, 3, 3)]
    assert rows("mnist.otrainmodel") == [(n, 3, *row) for n, row in enumerate(example.rows(), 1)]
    assert [row[-1] for row in example.rows()] == [0, 1, 2]
    assert rows("mnist.otrainedmodel") == [(1, 3, 4, "Digits", "digits.keras")]
    assert rows("mnist.otestmodel") == [(1, 4, *example.test)]
    # The dataflow of October 2024 as a whole, and nothing of the newest.
    assert sets() == [
        *("iinputdataset", "oloaddata", "isplitconfig", "otrainset", "otestset"),
        *("itrainmodel", "otrainmodel", "otrainedmodel", "otestmodel"),
    ]
    assert ("splitdata", "testmodel", "otestset") in plan()
    assert ("trainmodel", "testmodel", "otrainedmodel") in plan()


def test_torch_transforms(follow: Callable[[str], Example]) -> None:
    pytest.importorskip("torch")
    example = follow("torch_transforms.py")
    assert example.out == "200\n" * (1 + 2 + 1 + 1 + 2 + 6 + 2)
    one_run("torch-digits-")
    assert tasks() == [
        (1, 1, "loaddata", "FINISHED"),
        (2, 2, "randomhorizontal", "FINISHED"),
        (3, 3, "normalize", "FINISHED"),
        (4, 4, "splitdata", "FINISHED"),
        (5, 5, "train", "FINISHED"),
        (6, 6, "test", "FINISHED"),
    ]
    assert depends() == [(2, 1), (3, 2), (4, 3), (5, 4), (6, 4), (6, 5)]
    every_task_took_its_time(6, 2, 3)
    assert rows('"torch-digits".iinputdataset') == [(1, 1, "Digits", "sklearn.datasets")]
    assert rows('"torch-digits".oloaddata') == [(1, 1, 2, "raw.npy")]
    assert rows('"torch-digits".orandomhorizontal') == [(1, 2, 3, "flipped.npy")]
    assert rows('"torch-digits".onormalize') == [(1, 3, 4, "normalized.npy")]
    assert rows('"torch-digits".isplitconfig') == [(1, 4, 0.7, 0.15, 0.15)]
    assert rows('"torch-digits".otrainset') == [(1, 4, 5, "train.pt")]
    # The validation set is nobody's input in this dataflow.
    assert rows('"torch-digits".ovalset') == [(1, 4, "val.pt")]
    assert rows('"torch-digits".otestset') == [(1, 4, 6, "test.pt")]
    assert rows('"torch-digits".itrain') == [(1, 5, "SGD", 0.05, 4, 64, 3)]
    assert rows('"torch-digits".otrain') == [(n, 5, *row) for n, row in enumerate(example.rows(), 1)]
    assert [row[-1] for row in example.rows()] == [1, 2, 3, 4]
    assert rows('"torch-digits".otrainedmodel') == [(1, 5, 6, "Digits", "model.pt")]
    assert rows('"torch-digits".otest') == [(1, 6, *example.test)]
    assert sets() == [
        *("iinputdataset", "oloaddata", "orandomhorizontal", "onormalize", "isplitconfig", "otrainset", "ovalset"),
        *("otestset", "itrain", "otrain", "otrainedmodel", "otest"),
    ]


def test_image_filter(follow: Callable[[str], Example]) -> None:
    example = follow("image_filter.py")
    assert example.out == "200\n" * (1 + 2 + 2 + 2 + 6 + 2)
    one_run("AlexNet-")
    assert tasks() == [
        (1, 1, "loaddata", "FINISHED"),
        (2, 2, "applyfilter", "FINISHED"),
        (3, 3, "splitdata", "FINISHED"),
        (4, 4, "train", "FINISHED"),
        (5, 5, "test", "FINISHED"),
    ]
    assert depends() == [(2, 1), (3, 2), (4, 3), (5, 3), (5, 4)]
    every_task_took_its_time(5)
    assert rows("alexnet.iinputdataset") == [(1, 1, "Digits", "https://archive.ics.uci.edu/dataset/80")]
    assert rows("alexnet.oloaddata") == [(1, 1, 2, "data/raw_images.npy")]
    assert rows("alexnet.ifilter") == [(1, 2, "Median")]
    assert rows("alexnet.ofilter") == [(1, 2, 3, "data/x_median.npy")]
    assert rows("alexnet.isplitconfig") == [(1, 3, 1400, 200, 197)]
    assert rows("alexnet.otrainset") == [(1, 3, 4, "data/x_train.npy", "data/y_train.npy")]
    assert rows("alexnet.ovalset") == [(1, 3, 4, "data/x_val.npy", "data/y_val.npy")]
    assert rows("alexnet.otestset") == [(1, 3, 5, "data/x_test.npy", "data/y_test.npy")]
    assert rows("alexnet.itrain") == [(1, 4, "Adam", 0.002, 3, 32, 3)]
    assert rows("alexnet.otrain") == [(n, 4, *row) for n, row in enumerate(example.rows(), 1)]
    assert [row[-1] for row in example.rows()] == [1, 2, 3]
    assert rows("alexnet.otrainedmodel") == [(1, 4, 5, "AlexNet", "alexnet.keras")]
    assert rows("alexnet.oweights") == [(1, 4, "alexnet.weights.h5")]
    assert rows("alexnet.otest") == [(1, 5, *example.test)]
    who = (
        "SELECT s.email, h.in_container IS NOT NULL FROM dataflow_execution e "
        "JOIN data_scientist s ON s.id = e.scientist_id JOIN hardware_info h ON h.id = e.hardware_id"
    )
    assert dlprov.query(who).rows() == [("bob@fictional.com", True)]
    assert len(plan()) == 13


def test_keras_prov_own_step(follow: Callable[[str], Example]) -> None:
    example = follow("keras_prov_own_step.py")
    # The dataflow is declared by its first task; the model's own records are no messages.
    assert example.out == "200\n" * (1 + 2)
    one_run("keras-digits-df")
    assert tasks() == [
        (1, 4, "extrairnumeros", "FINISHED"),
        (2, 1, "trainingmodel", "FINISHED"),
        (3, 2, "adaptation", "FINISHED"),
        (4, 3, "testingmodel", "FINISHED"),
    ]
    assert depends() == [(3, 2), (4, 2)]
    every_task_took_its_time(4)
    schema = '"keras-digits-df"'
    assert rows(f"{schema}.iextrairnumeros") == [(1, 1, "digits.npy")]
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert rows(f"{schema}.oextrairnumeros") == [(n + 1, 1, n, count) for n, count in enumerate(counts)]
    assert [row[3:] for row in rows(f"{schema}.ilayers")] == [
        ("activation", "activation", "relu"),
        ("dropout", "dropout", "0.1"),
    ]
    ((_, task, _, *hyperparameters),) = rows(f"{schema}.itrainingmodel")
    assert (task, *hyperparameters) == (2, "RMSprop", 0.01, 3, 4)
    epochs = [tuple(map(float, row)) for row in example.epochs]
    found = rows(f"{schema}.otrainingmodel")
    assert [(*row[:4], *row[6:]) for row in found] == [
        (n + 1, 2, 3 if n < 2 else None, 4, *row) for n, row in enumerate(epochs)
    ]
    ((_, task, rate, _, epoch, number),) = rows(f"{schema}.oadaptation")
    assert (task, rate, epoch, number) == (3, 0.005, 2, 1)
    ((_, task, _, *results),) = rows(f"{schema}.otestingmodel")
    assert (task, *results) == (4, *example.test)


def test_every_example_is_listed_and_tested() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    listed = set(re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))
    tested = {f"{name.removeprefix('test_')}.py" for name in globals() if name.startswith("test_")}
    assert scripts == listed
    assert scripts <= tested
