"""The page of questions: each line is asked, and answers what can be worked out by hand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import campaign
import pytest

import dlprov

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "questions.md"

ENTRY = re.compile(r"^\*\*(\d+)\. (.+?)\*\*\n\n(?:<!--.*?-->\n)?```(\w+)\n(.*?)\n```", re.MULTILINE | re.DOTALL)

HALF = (
    ("first", "0.001", "0.0005"),
    ("second", "0.01", "0.005"),
    ("third", "0.001", "0.0005"),
    ("fourth", "0.01", "0.005"),
)

SQL: dict[int, list[tuple[Any, ...]]] = {
    1: [(name, 2, old, new, "LearningRateScheduler", "drop") for name, old, new in HALF],
    2: [("gray", 0.5), ("none", 0.525)],
    3: [(0, 0.45, 0.65, 0.55), (1, 0.35, 0.75, 0.65), (2, 0.2, 0.9, 0.8)],
    4: [("first", 0.1)],
    5: [("gray",)],
    6: [("applyfilter", "data", "none.npy"), ("train", "model", "first.keras")],
    7: [("adam", 10.0), ("sgd", 20.0)],
    8: [("third", 0.8, {"epochs": "3", "learning_rate": "0.001", "optimizer": "sgd"})],
    9: [(12, 0.65), (24, 0.75)],
    10: [("epochs", "3"), ("learning_rate", "0.01"), ("optimizer", "adam")],
    11: [(0.61, 0.39)],
    12: [("first", "finished"), ("second", "finished"), ("third", "finished"), ("fourth", "finished")],
    13: [(0.4,)],
    14: [(0.001,), (0.01,)],
    15: [("fourth", 0.2, "sgd")],
    16: [("aggregation", 2), ("clienttraining", 4)],
    17: [("loaddata",), ("applyfilter",), ("denseblock",), ("train",), ("test",)],
    18: [],
    19: [(True, True, True)],
    20: [("second", "to be repeated"), ("fourth", "to be repeated")],
    22: [("hospital-a",), ("hospital-b",)],
    23: [(1, 0.625), (2, 0.725)],
    24: [(2, "learning_rate", "0.1", "0.05", "plateau")],
    25: [(1, 0.1, 0.625), (2, 0.05, 0.725)],
    26: [("[4,2]", "float64", 64, 4)],
    27: [],
    28: [(["first", "second"],), (["third", "fourth"],)],
}

LINEAGE: dict[int, tuple[set[str], set[str]]] = {
    # What the answer names, and what it does not.
    29: ({"test", "train", "applyfilter", "loaddata", "otrainedmodel:3", "ifilter:3", "flowers.csv"}, {"denseblock"}),
    30: ({"test", "train", "applyfilter", "otrainedmodel:3"}, {"loaddata", "ifilter:3", "flowers.csv"}),
    31: ({"test", "otrainedmodel:3"}, {"train"}),
    32: ({"third.keras", "train", "applyfilter", "loaddata", "flowers.csv"}, {"test"}),
    33: ({"third.keras", "fourth.keras", "otest:3", "otest:4"}, {"first.keras", "otest:1"}),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("campaign")
    campaign.record(directory / "store", directory)
    return directory / "store"


def entries() -> list[tuple[int, str, str, str]]:
    return [(int(number), *rest) for number, *rest in ENTRY.findall(PAGE.read_text(encoding="utf-8"))]


def test_every_question_of_the_page_is_asked_here() -> None:
    numbers = [number for number, *_ in entries()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(numbers) == set(SQL) | set(LINEAGE) | {21, 34}
    assert all("\n" not in line for _, _, kind, line in entries() if kind != "python")


@pytest.mark.parametrize(("number", "line"), [(number, line) for number, _, kind, line in entries() if kind == "sql"])
def test_sql_answers(number: int, line: str, store: Path) -> None:
    found = dlprov.query(line, store=store).rows()
    assert [tuple(rounded(value) for value in row) for row in found] == SQL[number]


def rounded(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("number", "line"), [(number, line) for number, _, kind, line in entries() if kind == "console"]
)
def test_commands_answer(number: int, line: str, store: Path) -> None:
    program, *arguments = line.split()
    assert program == "dlprov"
    command = [sys.executable, "-m", "dlprov", *arguments, "--store", str(store)]
    if number in LINEAGE:
        command += ["--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    if number == 34:
        assert "5 runs" in done.stdout
        return
    named = {Path(label.rpartition(" ")[0] or label).name for label in re.findall(r'"label": "([^"]*)"', done.stdout)}
    expected, missing = LINEAGE[number]
    assert expected <= named
    assert not missing & named


def test_python_answers(store: Path) -> None:
    (line,) = (line for number, _, kind, line in entries() if kind == "python")
    ids = dict(dlprov.query("SELECT name, run_id FROM run", store=store).rows())

    class Here:
        @staticmethod
        def compare(first: str, second: str) -> Any:
            return dlprov.compare(first, second, store=store)

    found = eval(line, {"dlprov": Here, "first": ids["first"], "second": ids["second"]})
    assert found == [("learning_rate", "0.001", "0.01")]
