"""The page of questions: each line is asked, and answers what can be worked out by hand."""

from __future__ import annotations

import getpass
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import campaign
import pytest

import dlprov

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "questions.md"

ENTRY = re.compile(
    r"^\*\*(\d+)\. (.+?)\*\*(?:[^\n]|\n(?!\n))*\n\n(?:<!--.*?-->\n)?```(\w+)\n(.*?)\n```", re.MULTILINE | re.DOTALL
)

Rows = list[tuple[Any, ...]]

TRAINED = ("first", "second", "third", "fourth", "repeat", "split")

STEPS = ("loaddata", "applyfilter", "denseblock", "train", "test")


class Recorded(NamedTuple):
    """The campaign: where it is, what it was recorded from, and between which moments (UTC, without a zone)."""

    store: Path
    directory: Path
    script: Path
    commit: str
    ids: dict[str, str]
    began: datetime
    ended: datetime

    @property
    def moment(self) -> Within:
        """Any time of the recording."""
        return Within(self.began, self.ended)


class Within:
    """Equal to whatever is not less than one value and not more than another."""

    __hash__ = None  # type: ignore[assignment]  # what is equal to several values can have no hash

    def __init__(self, least: Any, most: Any) -> None:
        self.least, self.most = least, most

    def __eq__(self, other: object) -> bool:
        return bool(self.least <= other <= self.most)

    def __repr__(self) -> str:
        return f"Within({self.least!r}, {self.most!r})"


def content(text: str | bytes) -> str:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


SQL: dict[int, Rows] = {
    1: [
        (name, 2, str(rate), str(rate / 2), "LearningRateScheduler", "drop")
        for name, rate in zip(TRAINED, (0.001, 0.01, 0.001, 0.01, 0.01, 0.001), strict=True)
    ],
    2: [("gray", 0.45), ("none", 0.5)],
    3: [("gray", 0.2)],
    4: [(0, 0.45, 0.6, 0.55), (1, 0.35, 0.75, 0.65), (2, 0.2, 0.95, 0.8)],
    5: [(0, 0.05), (1, 0.1), (2, 0.15)],
    6: [("gray",)],
    7: [("applyfilter", "data", "none.npy"), ("train", "model", "first.keras"), ("test", "predictions", "first.csv")],
    8: [("adam", 32, 10.0), ("adam", 64, 5.0), ("sgd", 32, 20.0), ("sgd", 64, 10.0)],
    9: [("sgd", 0.001, 8, 0.8)],
    10: [(12, 3, 0.65), (24, 3, 0.75)],
    11: [("batch_size", "32"), ("epochs", "3"), ("learning_rate", "0.01"), ("optimizer", "adam")],
    12: [("accuracy", 0.59, 0.45, 0.59), ("loss", 0.56, 0.55, 0.6), ("val_accuracy", 0.44, 0.4, 0.45)],
    13: [(0.61, 0.39)],
    15: [(0.4,)],
    16: [(10.0,)],
    22: [("hospital-a",), ("hospital-b",)],
    23: [(1, 0.625), (2, 0.725)],
    24: [(2, "learning_rate", "0.1", "0.05", "plateau")],
    25: [(1, 0.1, 0.625), (2, 0.05, 0.725)],
    29: [(0.001, 3), (0.001, 6), (0.01, 3)],
    32: [(0.6,)],
    33: [("aggregation", 2), ("clienttraining", 4)],
    34: [(step,) for step in STEPS],
    35: [("finetune", Within(0.2, 60))],
    39: [("tuned", 3.5), ("tuned-longer", 6.5)],
    # The model's file names its optimizer, rate, filter and accuracies.
    40: [
        ("first", 4000, 31),
        ("fourth", 4000, 30),
        ("repeat", 4000, 32),
        ("second", 4000, 32),
        ("split", 4000, 48),
        ("third", 4000, 32),
    ],
    41: [("x", "numpy.ndarray", "float64", "[4,2]", 4, 64)],
    42: [("embeddings.npy", campaign.LARGE)],
    43: [(number, step, "FINISHED") for number, step in enumerate(STEPS, 11)],
    44: [("sgd", 0.001, 0.2, 0.25, 0.75)],
    47: [("channels", ["3", "1"])],
    50: [
        ("embed", "system/cpu_seconds", 3.0),
        ("embed", "system/disk", 1e8),
        ("embed", "system/memory", 2e9),
        ("finetune", "system/cpu_seconds", 40.0),
        ("finetune", "system/disk", 5e6),
        ("finetune", "system/memory", 6e9),
    ],
    56: [("third", 4000), ("fourth", 4000)],
    57: [("applyfilter", "first"), ("resize", "split"), ("togray", "split")],
    59: [
        (name, key, value)
        for name, modality in (("first", "visual"), ("second", "audio"), ("third", "speech"))
        for key, value in (("container", "example/alexnet:2.1"), ("modality", modality), ("team", "vision"))
    ],
    67: [("third", "example/alexnet:2.1")],
    68: [("system/cpu_seconds", 40.0, 43.0), ("system/disk", 1e8, 1.05e8), ("system/memory", 6e9, 8e9)],
    69: [("train", "train.yaml", content("shuffle: true\n"))],
    71: [("embed", Within(0, 60)), ("finetune", Within(0.2, 60))],
    72: [(Within(0.2, 60),)],
    74: [("generated", "third.csv"), ("used", "flowers.csv"), ("used", "train.yaml")],
    77: [("learning_rate", "0.001", 0.001)],
    79: [("data", True), ("model", True), ("predictions", True)],
    82: [
        *(("flowers.csv", name) for name in ("second", "third")),
        ("gray.npy", "third"),
        ("none.npy", "second"),
        *((f"{name}.{suffix}", name) for name in ("second", "third") for suffix in ("csv", "keras")),
    ],
    83: [("second", "to be repeated"), ("fourth", "to be repeated"), ("repeat", "to be repeated")],
    84: [(["first", "second", "repeat"],), (["third", "fourth", "split"],)],
}
"""What follows from the campaign alone."""

RECORDED: dict[int, Callable[[Recorded], Rows]] = {
    14: lambda made: [(made.ids[name], name) for name in ("tuned", "tuned-longer")],
    26: lambda made: [("tuned-longer", getpass.getuser(), made.moment, str(made.script), made.commit)],
    28: lambda made: [("learning_rate", "0.0001", getpass.getuser())],
    36: lambda made: [
        (name, Within(timedelta(), made.ended - made.began), "failed" if name == "broken" else "finished")
        for name in made.ids
    ],
    49: lambda made: [(step, getpass.getuser(), made.moment, made.moment) for step in STEPS],
    54: lambda made: [(name, made.moment) for name in ("third", "fourth") if made.began.weekday() == 0],
    65: lambda made: [(made.moment,)],
    73: lambda made: [
        (
            "broken",
            "failed",
            "FileNotFoundError",
            f"[Errno 2] No such file or directory: {str(made.directory / 'trees.csv')!r}",
        )
    ],
    76: lambda made: [
        (
            str(made.script),
            f"{sys.executable} train.py {made.store} {made.directory}",
            str(made.script.parent),
        )
    ],
}
"""What follows from where, when, by whom and from which commit it was recorded."""

AMONG: dict[int, Callable[[Recorded], Rows]] = {
    37: lambda made: [("hardware.cores", str(os.cpu_count())), ("hardware.os", platform.system())],
    70: lambda made: [
        ("python.version", platform.python_version()),
        ("packages.numpy", importlib.metadata.version("numpy")),
    ],
    75: lambda made: [
        ("git.commit", made.commit),
        ("git.dirty", "false"),
        ("packages.numpy", importlib.metadata.version("numpy")),
    ],
}
"""Rows that the answer has beside others, which no test can know."""

LINEAGE: dict[int, tuple[set[str], set[str]]] = {
    # What the answer names, and what it does not.
    38: ({"third.keras", "embeddings.npy", "gray.npy", "flowers.csv", "finetune", "train"}, {"test", "fourth.keras"}),
    46: ({"third.keras", "train", "applyfilter", "loaddata", "flowers.csv"}, {"test"}),
    51: ({"test", *STEPS, "otrainedmodel:3", "ifilter:3", "flowers.csv"}, {"otest:4", "second.keras"}),
    52: ({"test", "train", "applyfilter", "otrainedmodel:3"}, {"loaddata", "ifilter:3", "flowers.csv"}),
    60: ({"test", "otrainedmodel:3"}, {"train"}),
    81: (
        {"third.keras", "fourth.keras", "otest:3", "otest:4", "fourth.csv", "tuned.keras"},
        {"first.keras", "otest:1", "split.keras"},
    ),
}

GRAPH: dict[int, Callable[[Recorded], Rows]] = {
    # The result was derived from the model, that from the filtered data, and those from the loaded ones.
    17: lambda made: [(["otest", "otrainedmodel", "ofilter", "oloaddata"],)],
    18: lambda made: [("test", 15)],
    19: lambda made: [
        (
            [
                *("otest", "test", "otrainedmodel", "train", "ofilter", "applyfilter"),
                *("oloaddata", "loaddata", "iloaddata"),
            ],
        )
    ],
    20: lambda made: [
        (number, step, sorted([getpass.getuser(), platform.node(), f"Python {platform.python_version()}"]))
        for number, step in enumerate(STEPS, 11)
    ],
    45: lambda made: [("fourth.keras",), ("third.keras",)],
    48: lambda made: [("first", 0.35)],
    53: lambda made: [("applyfilter", 12), ("denseblock", 13), ("train", 14)],
    55: lambda made: [(1, 0.65), (2, 0.39), (5, 0.39)],
    58: lambda made: [("oloaddata", number) for number in (3, 4, 5, 6)],
    61: lambda made: [
        ("train", "data [4,2] float64", "x", None),
        *(("train", name, None, None) for name in ("itrain", "odenseblock", "ofilter")),
        *(("train", None, None, str(made.directory / name)) for name in ("gray.npy", "train.yaml")),
    ],
    62: lambda made: [("Ann", "Botanical garden"), (getpass.getuser(), None)],
    63: lambda made: [
        (content(campaign.FIRST_VERSION), content(campaign.SECOND_VERSION), "label of flower 2 put right")
    ],
    64: lambda made: [
        ("alexnet", sorted([*TRAINED, "broken"])),
        ("federated", ["rounds"]),
        ("finetuning", ["tuned", "tuned-longer"]),
    ],
    66: lambda made: [(content(campaign.SECOND_VERSION),)],
}

IN_NO_ORDER = frozenset({20, 64})
"""Questions in Cypher with lists whose order means nothing."""

AS_COMMANDS = frozenset({17, 45})
"""Questions in Cypher that a process of their own answers; all others one engine does, in a tenth of the time."""

BEST = {30: ("third", 0.8), 31: ("fourth", 0.2)}
"""Name of the run, and its last validation accuracy."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """The campaign, as a user records it: by a script in a repository. Its document is imported."""
    directory = tmp_path_factory.mktemp("campaign")
    store, files, script = directory / "store", directory / "files", directory / "code" / "train.py"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DLPROV_", "GIT_"))]:
            patch.delenv(name)
        patch.setenv("DLPROV_CACHE", str(directory / "cache"))
        # Nothing that whoever runs the tests has set up for git.
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        script.parent.mkdir()
        files.mkdir()
        shutil.copy(campaign.__file__, script)
        for arguments in ("init", "add .", "-c user.name=Ann -c user.email=ann@example.org commit -m Training"):
            output(["git", *arguments.split()], script.parent)
        began = now()
        ids = json.loads(output([sys.executable, script.name, str(store), str(files)], script.parent))
        ended = now()
        commit = output(["git", "rev-parse", "HEAD"], script.parent).strip()
        dlprov_answers(f"import {shlex.quote(str(files / 'garden.provn'))}", store, files)
        yield Recorded(store, files, script, commit, ids, began, ended)


def output(command: list[str], directory: Path) -> str:
    """What a command writes to stdout."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def dlprov_answers(arguments: str, store: Path, directory: Path) -> str:
    return output([sys.executable, "-m", "dlprov", *shlex.split(arguments), "--store", str(store)], directory)


def entries() -> list[tuple[int, str, str]]:
    """Number, language and line of each question of the page."""
    return [(int(number), kind, line) for number, _, kind, line in ENTRY.findall(PAGE.read_text(encoding="utf-8"))]


def lines(kind: str, numbers: set[int] | None = None) -> list[Any]:
    """The numbers and lines of a language, as the parameters of a test."""
    found = [(number, line) for number, language, line in entries() if language == kind]
    return [pytest.param(*row, id=str(row[0])) for row in found if numbers is None or row[0] in numbers]


def rounded(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


def test_every_question_of_the_page_is_asked_here() -> None:
    numbers = [number for number, *_ in entries()]
    text = PAGE.read_text(encoding="utf-8")
    assert numbers == [int(number) for number in re.findall(r"^\*\*(\d+)\.", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    asked = [*SQL, *RECORDED, *AMONG, *LINEAGE, *GRAPH, *BEST, 21, 27, 78, 80]
    assert sorted(asked) == numbers
    assert all("\n" not in line for _, _, line in entries())


def test_the_table_of_sections_tells_where_each_question_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    told = re.findall(r"^\| \[(.+?)\]\(#.+?\) \| (\d+) to (\d+) \|$", text, re.MULTILINE)
    found = []
    for part in text.split("\n## ")[1:]:
        numbers = re.findall(r"^\*\*(\d+)\.", part, re.MULTILINE)
        found.append((part.partition("\n")[0].lower(), numbers[0], numbers[-1]))
    assert told == found


@pytest.mark.parametrize(("number", "line"), lines("sql"))
def test_sql_answers(number: int, line: str, recorded: Recorded) -> None:
    found = [tuple(map(rounded, row)) for row in dlprov.query(line, store=recorded.store).rows()]
    if number in AMONG:
        assert set(AMONG[number](recorded)) <= set(found)
    else:
        assert found == (SQL[number] if number in SQL else RECORDED[number](recorded))


def test_epochs_are_seen_while_it_trains(store: Path) -> None:
    (line,) = (line for number, _, line in entries() if number == 4)
    with dlprov.start_run("alexnet", name="third") as run, run.task("Train") as train:
        for epoch in range(2):
            train.generated("oTrain", epoch=epoch, loss=1.0, accuracy=0.5, val_accuracy=0.25)
            found = dlprov.query(line, store=store).rows()
            assert found == [(earlier, 1.0, 0.5, 0.25) for earlier in range(epoch + 1)]


def test_a_day_of_the_week_is_found(recorded: Recorded) -> None:
    (line,) = (line for number, _, line in entries() if number == 54)
    days = [(recorded.began + timedelta(days=ahead)).strftime("%A") for ahead in (0, 2)]
    today, later = (
        [name for name, _ in dlprov.query(line.replace("Monday", day), store=recorded.store).rows()] for day in days
    )
    assert today == ["third", "fourth"]
    assert later == []


def test_a_run_with_other_settings_is_no_repeat(recorded: Recorded) -> None:
    (line,) = (line for number, _, line in entries() if number == 79)
    found = dlprov.query(line.replace("'repeat'", "'first'"), store=recorded.store).rows()
    assert found == [("data", True), ("model", False), ("predictions", False)]


@pytest.mark.parametrize(("number", "line"), lines("console", set(LINEAGE)))
def test_lineage_answers(number: int, line: str, recorded: Recorded) -> None:
    rows = json.loads(dlprov_answers(arguments(line) + " --format json", recorded.store, recorded.directory))
    named = {Path(re.sub(r" \d+$", "", row["label"])).name for row in rows}
    expected, missing = LINEAGE[number]
    assert expected <= named
    assert not missing & named


@pytest.mark.parametrize(("number", "line"), lines("console", set(GRAPH)))
def test_cypher_answers(number: int, line: str, recorded: Recorded) -> None:
    found = in_cypher(line, recorded, as_command=number in AS_COMMANDS)
    answer = [tuple(rounded(value) for value in row.values()) for row in found]
    if number in IN_NO_ORDER:
        answer = [tuple(sorted(value) if isinstance(value, list) else value for value in row) for row in answer]
    assert answer == GRAPH[number](recorded)


def test_everything_around_a_training(recorded: Recorded) -> None:
    (line,) = (line for number, _, line in entries() if number == 27)
    found = [(row["relation"], row["thing"]) for row in in_cypher(line, recorded, as_command=False)]
    assert {
        ("used", "ofilter"),
        ("used", "itrain"),
        ("wasGeneratedBy", "third.keras"),
        ("wasInformedBy", "third"),
        ("wasInformedBy", "LearningRateScheduler"),
    } <= set(found)
    assert ("wasGeneratedBy", "first.keras") not in found
    assert found.count(("wasGeneratedBy", "otrain")) == 3


def in_cypher(line: str, recorded: Recorded, *, as_command: bool) -> list[dict[str, Any]]:
    """The rows that a line of the page gives: by itself, or by the engine that this process has."""
    if importlib.util.find_spec("arcadedb_embedded") is None:
        pytest.skip("arcadedb-embedded is not installed")
    command, query = shlex.split(arguments(line))
    assert command == "graph"
    if not as_command:
        return list(dlprov.graph(query, store=recorded.store).plain())
    told = dlprov_answers(arguments(line) + " --format json", recorded.store, recorded.directory)
    rows: list[dict[str, Any]] = json.loads(told)
    return rows


def arguments(line: str) -> str:
    """What a line of the page says behind ``dlprov``."""
    program, _, rest = line.partition(" ")
    assert program == "dlprov"
    return rest


@pytest.mark.parametrize(("number", "line"), lines("console", set(BEST)))
def test_the_best_and_the_worst_run(number: int, line: str, recorded: Recorded) -> None:
    (row,) = json.loads(dlprov_answers(arguments(line) + " --format json", recorded.store, recorded.directory))
    name, value = BEST[number]
    assert row["run_id"] == recorded.ids[name]
    assert rounded(row["value"]) == value
    assert row["params"]["optimizer"] == "sgd"


def test_several_runs_are_one_graph(recorded: Recorded, tmp_path: Path) -> None:
    (line,) = (line for number, _, line in entries() if number == 21)
    dlprov_answers(arguments(line), recorded.store, tmp_path)
    text = (tmp_path / shlex.split(line)[-1]).read_text(encoding="utf-8")
    assert {recorded.ids[name] for name in ("tuned", "tuned-longer")} == set(
        re.findall(r"activity\(dlprov:run-([0-9a-f-]+),", text)
    )
    # Both used the best model: it is one thing.
    assert len(re.findall(rf"entity\(dlprov:file-{third_model()}\b", text)) == 1
    assert len(re.findall(rf"used\(dlprov:task-.*dlprov:file-{third_model()}\b", text)) == 2


def third_model() -> str:
    """The content of the model that both fine-tunings used."""
    third = campaign.TRAININGS[2]
    return content(f"{third.optimizer} {third.rate} {third.filter} {third.accuracies}")


def test_nothing_was_changed_since(recorded: Recorded) -> None:
    (line,) = (line for number, _, line in entries() if number == 80)
    assert "10 runs and 1 document" in dlprov_answers(arguments(line), recorded.store, recorded.directory)


def test_what_changed_between_two_runs(recorded: Recorded) -> None:
    ((number, line),) = ((number, line) for number, kind, line in entries() if kind == "python")
    assert number == 78

    class Here:
        @staticmethod
        def compare(first: str, second: str) -> dlprov.Result:
            return dlprov.compare(first, second, store=recorded.store)

    found = eval(line, {"dlprov": Here, "first": recorded.ids["first"], "second": recorded.ids["third"]}).rows()
    assert {row[:2] for row in found} == {
        ("data", "x"),
        *(("metric", name) for name in ("accuracy", "loss", "val_accuracy")),
        *(("param", name) for name in ("channels", "optimizer")),
        *(("file", f"{name}.{suffix}") for name in ("first", "third") for suffix in ("csv", "keras")),
        *(("file", name) for name in ("flowers.csv", "gray.npy", "none.npy")),
    }
    assert ("param", "optimizer", "adam", "sgd") in found
