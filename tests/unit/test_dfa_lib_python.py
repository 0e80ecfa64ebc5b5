"""The client library is what scripts of every generation expect: names, messages, arguments, what is printed."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dlprov
from dfa_lib_python.attribute import Attribute
from dfa_lib_python.attribute_type import AttributeType
from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.dependency import Dependency
from dfa_lib_python.element import Element
from dfa_lib_python.extractor import Extractor
from dfa_lib_python.extractor_cartridge import ExtractorCartridge
from dfa_lib_python.extractor_extension import ExtractorExtension
from dfa_lib_python.file import File
from dfa_lib_python.method_type import MethodType
from dfa_lib_python.performance import Performance
from dfa_lib_python.program import Program
from dfa_lib_python.ProvenanceObject import ProvenanceObject
from dfa_lib_python.raw_data_extractor import RawDataExtractor
from dfa_lib_python.raw_data_indexer import RawDataIndexer
from dfa_lib_python.set import Set
from dfa_lib_python.set_type import SetType
from dfa_lib_python.system_info import get_gpu_info, get_memory_limit, get_system_info, is_container
from dfa_lib_python.task import Task
from dfa_lib_python.transformation import Transformation

sys.path.insert(0, str(Path(__file__).parent))

from dfanalyzer_stub import Stub

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

Run = Any


@pytest.fixture
def run(store: Path, tmp_path: Path) -> Run:
    """Runs a script in a process of its own; gives the completed process."""

    def start(code: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("DFA_URL", "DLPROV_EXECUTION")}
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS + code],
            env={**environment, **variables},
            cwd=tmp_path,
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
    return dlprov.query(sql).rows()


# Modules and names.


MODULES = """attribute attribute_type build_w3c dataflow dataset dependency element extractor extractor_cartridge
extractor_extension file method_type performance program ProvenanceObject raw_data_extractor raw_data_indexer set
set_type system_info task task_status transformation"""


@pytest.mark.parametrize("module", re.findall(r"\w+", MODULES))
def test_every_module_of_the_originals_is_there(module: str) -> None:
    assert importlib.import_module(f"dfa_lib_python.{module}").__doc__


def test_names_that_users_import_from_where_they_were_used_are_there() -> None:
    expected = {
        "set": "Attribute Extractor SetType",
        "transformation": "Set SetType",
        "dataflow": "Transformation Attribute AttributeType Set SetType dfa_url",
        "task": "Dependency TaskStatus DataSet Performance datetime dfa_url json get_system_info",
        "dataset": "Element",
        "build_w3c": "build_provenance_document config",
    }
    for module, names in expected.items():
        for name in names.split():
            assert hasattr(importlib.import_module(f"dfa_lib_python.{module}"), name), f"{module}.{name}"
    assert vars(importlib.import_module("dfa_lib_python")).keys().isdisjoint({"Dataflow", "Task"})


def test_the_server_is_read_from_the_environment_once_at_import(run: Run) -> None:
    code = (
        "import os; os.environ['DFA_URL'] = 'http://elsewhere/'\n"
        "import dfa_lib_python.dataflow as d, dfa_lib_python.task as t; print(d.dfa_url, t.dfa_url)"
    )
    assert run(code, DFA_URL="http://here/").stdout == "http://here/ http://here/\n"
    assert run(code).stdout == "http://localhost:22000/ http://localhost:22000/\n"


def test_importing_it_loads_no_http_no_database_and_no_framework() -> None:
    code = "import sys; import dfa_lib_python.task; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("requests", "http", "duckdb", "numpy", "keras", "torch", "click", "rich"):
        assert f"'{heavy}'" not in done.stdout


# Specifications.


def test_a_member_is_named_by_what_stands_between_the_underscores_and_empty_ones_are_left_out() -> None:
    thing = ProvenanceObject("TAG")
    thing._sub_id, thing._empty, thing._none, thing._list, thing.other = "7", "", None, [], "x"  # type: ignore[attr-defined]
    assert thing.get_specification() == {"tag": "tag", "sub": "7"}


def test_attributes_and_their_getters() -> None:
    attribute = Attribute("Learning_Rate", AttributeType.NUMERIC)
    assert attribute.get_specification() == {"name": "Learning_Rate", "type": "NUMERIC"}
    assert (attribute.name, attribute.type, repr(attribute)) == ("Learning_Rate", "NUMERIC", "Learning_Rate:NUMERIC")
    attribute.type = AttributeType.RDFILE
    assert attribute.type == "RDFILE"
    assert attribute.get_specification()["type"] == "FILE", "DfAnalyzer's server fails at RDFILE"
    for wrong in ("TEXT", None, SetType.INPUT):
        with pytest.raises(AssertionError, match="AttributeType"):
            Attribute("a", wrong)  # type: ignore[arg-type]


def test_sets_and_their_order_of_members() -> None:
    column = Attribute("A", AttributeType.TEXT)
    extractor = Extractor("E", ExtractorCartridge.EXTRACTION, ExtractorExtension.CSV)
    made = Set("iTrain", SetType.INPUT, [column], [extractor])
    made.dependency = "LoadData"
    assert list(made.get_specification()) == ["tag", "attributes", "type", "extractors", "dependency"]
    assert made.get_specification() == {
        "tag": "itrain",
        "attributes": [{"name": "A", "type": "TEXT"}],
        "type": "INPUT",
        "extractors": [{"tag": "e", "cartridge": "EXTRACTION", "extension": "CSV"}],
        "dependency": "LoadData",
    }
    made.add_extractor(Extractor("F", ExtractorCartridge.INDEXING, ExtractorExtension.OPTIMIZED_FASTBIT))
    assert made.extractors[1] == {"tag": "f", "cartridge": "INDEXING", "extension": "OPTIMIZED_FASTBIT"}
    assert made.type == SetType.INPUT.value
    assert Set("x", SetType.OUTPUT, []).extractors is not Set("y", SetType.OUTPUT, []).extractors


def test_lists_are_live_and_texts_are_snapshots() -> None:
    """The idiom of every script: attach as output, change the type, attach to the next transformation as input."""
    made = Set("oLoad", SetType.OUTPUT, [Attribute("A", AttributeType.TEXT)])
    first, second = Transformation("Load", [made]), Transformation("Train")
    df = Dataflow("d", [first])
    made.set_type(SetType.INPUT)
    made.dependency = first._tag
    second.set_sets([made])
    df.add_transformation(second)
    made.add_attribute(Attribute("B", AttributeType.TEXT))
    first.add_set(Set("late", SetType.OUTPUT, []))
    loads, trains = df.get_specification()["transformations"]
    assert [one["type"] for one in loads["sets"]] == ["OUTPUT", "OUTPUT"]
    assert "dependency" not in loads["sets"][0]
    assert (trains["sets"][0]["type"], trains["sets"][0]["dependency"]) == ("INPUT", "load")
    assert [item["name"] for item in loads["sets"][0]["attributes"]] == ["A", "B"]
    # A list that was empty when it was attached was left out, and is not seen again.
    empty = Transformation("Empty")
    df.add_transformation(empty)
    empty.add_set(made)
    assert df.transformations[-1] == {"tag": "empty"}


def test_the_halves_of_a_transformation() -> None:
    one, two = Set("a", SetType.INPUT, []), Set("b", SetType.OUTPUT, [])
    step = Transformation("T", [one, two])
    assert step.sets == [one.get_specification(), two.get_specification()]
    assert (step.input, step.output) == ([one.get_specification()], [two.get_specification()])
    other = Set("c", SetType.INPUT, [])
    step.input = [other]  # type: ignore[assignment]
    assert step.sets == [two.get_specification(), other.get_specification()]
    with pytest.raises(AssertionError, match="OUTPUT"):
        step.output = [other]  # type: ignore[assignment]


def test_elements_are_kept_as_their_texts() -> None:
    assert Element([1, 2.5, None, True, Path("a/b"), float("nan")]).values == ["1", "2.5", "None", "True", "a/b", "nan"]
    data = DataSet("iTrain", [Element([1]), Element(["x"])])
    assert data.elements == [["1"], ["x"]]
    assert data.get_specification() == {"tag": "itrain", "elements": [["1"], ["x"]]}
    for wrong in ((1, 2), "ab", None):
        with pytest.raises(AssertionError, match="list"):
            Element(wrong)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="Element"):
        DataSet("x", [[1]])  # type: ignore[list-item]


def test_small_classes_and_their_messages() -> None:
    assert Dependency(["a", "b"], [1, "2"]).get_specification() == {
        "tags": [{"tag": "a"}, {"tag": "b"}],
        "ids": [{"id": 1}, {"id": "2"}],
    }
    assert Program("n", "p").get_specification() == {"path": "p", "name": "n"}
    assert File("/w", "Data.csv").get_specification() == {"tag": "data.csv", "path": "/w", "name": "Data.csv"}
    spent = Performance("2025-11-26 16:00:01", "2025-11-26 16:00:09", MethodType.COMPUTATION, "why")
    assert spent.method == MethodType.COMPUTATION
    assert spent.get_specification() == {
        "startTime": "2025-11-26 16:00:01",
        "endTime": "2025-11-26 16:00:09",
        "method": "COMPUTATION",
        "description": "why",
    }
    spent.method = MethodType.EXTRACTION
    assert spent.method == MethodType.EXTRACTION.value
    assert [item.value for item in ExtractorExtension if not isinstance(item.value, str)] == []


@pytest.mark.parametrize(
    ("made", "email", "names"),
    [
        (lambda step: Dataflow("D", [step]), "", ["own"]),
        (lambda step: Dataflow("D", transformations=[step]), "", ["own"]),
        (lambda step: Dataflow("D", False, [step]), "", ["own"]),
        (lambda step: Dataflow("D", False, "me@home.org", [step]), "me@home.org", ["own"]),
        (lambda step: Dataflow("D", email="me@home.org"), "me@home.org", []),
        (lambda step: Dataflow("D", hyperparameters=True), "", ["trainingmodel", "adaptation", "testingmodel"]),
        (lambda step: Dataflow("D", True, "current"), "", ["normalizedata", "splitdata", "trainmodel", "testmodel"]),
        (
            lambda step: Dataflow("D", predefined=True, w3c=None, transformations=[step]),
            "",
            ["own", "loaddata", "applyfilter", "splitdata", "train", "test"],
        ),
    ],
)
def test_every_generations_arguments_of_a_dataflow(made: Any, email: str, names: list[str]) -> None:
    df = made(Transformation("Own"))
    assert (df._tag, df.email) == ("d", email)
    assert [one["tag"] for one in df.transformations] == names
    assert df.predefined is bool(set(names) - {"own"})
    assert set(df.get_specification()) == {"tag"} | ({"transformations"} if names else set()) | (
        {"email"} if email else set()
    )
    with pytest.raises(AssertionError, match="e-mail"):
        Dataflow("D", True, 7)  # type: ignore[arg-type]


def test_the_predefined_dataflow_is_that_of_dlprov() -> None:
    found = Dataflow("AlexNet", predefined=True, email="bob@fictional.com").get_specification()
    assert list(found) == ["tag", "transformations", "email"]
    assert found["transformations"][0] == {
        "tag": "loaddata",
        "sets": [
            {
                "tag": "iinputdataset",
                "attributes": [{"name": "DATASET_NAME", "type": "TEXT"}, {"name": "DATASET_SOURCE", "type": "TEXT"}],
                "type": "INPUT",
            },
            {"tag": "oloaddata", "attributes": [{"name": "DATASET_DIR", "type": "FILE"}], "type": "OUTPUT"},
        ],
    }
    assert found["transformations"][1]["sets"][1] == {
        "tag": "oloaddata",
        "attributes": [{"name": "DATASET_DIR", "type": "FILE"}],
        "type": "INPUT",
        "dependency": "loaddata",
    }
    assert [one["tag"] for one in found["transformations"][3]["sets"]] == [
        *("otrainset", "ovalset", "itrain", "otrain", "otrainedmodel", "oweights")
    ]
    assert [item["name"] for item in found["transformations"][3]["sets"][2]["attributes"]] == [
        *("OPTIMIZER_NAME", "LEARNING_RATE", "NUM_EPOCHS", "BATCH_SIZE", "NUM_LAYERS")
    ]


# Tasks.


def told(task: Task) -> tuple[str, str, str, str]:
    found = task.get_specification()
    return found["id"], found["dataflow"], found["exec"], found["transformation"]


def test_every_generations_arguments_of_a_task(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLPROV_EXECUTION", raising=False)
    df = Dataflow("Forms", email="me@home.org")
    default = told(Task(4, "Forms", "DenseBlock"))[2]
    assert re.fullmatch(r"Forms\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", default)
    assert df._exec == default
    a = ("4", "forms", default, "denseblock")
    b = ("4", "forms", "Exec-1", "denseblock")
    assert told(Task(4, "Forms", "DenseBlock", dependency=None, workspace="/w")) == a
    assert told(Task("4", "Forms", transformation_tag="DenseBlock")) == a
    assert told(Task(identifier=4, dataflow_tag="Forms", transformation_tag="DenseBlock")) == a
    assert told(Task(id=4, dataflow="Forms", transformation_tag="DenseBlock")) == a
    assert told(Task(4, df, "DenseBlock")) == a
    assert told(Task(4, df, None, "DenseBlock")) == a
    # What stands where the transformation or a part's number would be tells the first order, too.
    assert told(Task(4, "Forms", "DenseBlock", "")) == a
    assert told(Task(4, "Forms", "DenseBlock", "9", [Task(1, "Forms", "Load")], "/w")) == a
    later = Task(4, "Forms", "DenseBlock", "", Task(1, "Forms", "Load"), "/w").get_specification()
    assert (later["dependency"]["ids"], later["workspace"], "sub" in later) == ([{"id": "1"}], "/w", False)
    assert told(Task(4, "Forms", "Exec-1", "DenseBlock")) == b
    assert told(Task(4, "Forms", "Exec-1", transformation_tag="DenseBlock")) == b
    assert told(Task(4, "Forms", "DenseBlock", exec_tag="Exec-1")) == b
    assert told(Task(4, "Forms", "Exec-1", "", transformation_tag="DenseBlock")) == b
    assert told(Task(4, "Forms", "Exec-1", "DenseBlock", "9", None, "/w", "host", "out", "err")) == b
    whole = Task(4, df, "Exec-1", "DenseBlock", "9", None, "/w", "host", "out", "err").get_specification()
    assert whole == {
        "tag": "denseblock",
        "first": "0",
        "dataflow": "forms",
        "email": "me@home.org",
        "exec": "Exec-1",
        "workspace": "/w",
        "resource": "host",
        "output": "out",
        "error": "err",
        "status": "READY",
        "transformation": "denseblock",
        "id": "4",
        "sub": "9",
    }
    assert list(whole)[:5] == ["tag", "first", "dataflow", "email", "exec"]
    assert (Task(4, df, "e", "T")._id, Task(4, df, "e", "T")._tag) == ("4", "t")


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, "df"), {}),
        ((1, "df", "e", "tf", "9"), {"sub_id": "9"}),
        ((1, "df", "tf"), {"nonsense": 1}),
        (tuple(range(11)), {}),
    ],
)
def test_arguments_that_no_generation_had_are_a_type_error(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Task"):
        Task(*args, **kwargs)


def test_dependencies_of_tasks() -> None:
    one, two = Task(3, "d", "e", "SplitData"), Task(4, "d", "e", "Train")
    assert Task(5, "d", "e", "T", dependency=one).get_specification()["dependency"] == {
        "tags": [{"tag": "splitdata"}],
        "ids": [{"id": "3"}],
    }
    both = Task(5, "d", "e", "T", dependency=[one, two])
    assert both.get_specification()["dependency"] == {
        "tags": [{"tag": "splitdata"}, {"tag": "train"}],
        "ids": [{"id": "3"}, {"id": "4"}],
    }
    both.add_dependency(Dependency(["x"], [9]))
    assert both.get_specification()["dependency"] == {"tags": [{"tag": "x"}], "ids": [{"id": 9}]}
    for ignored in ("Train", 3, [], Dependency(["x"], [9])):
        assert "dependency" not in Task(5, "d", "e", "T", dependency=ignored).get_specification()
    with pytest.raises(AssertionError, match="Dependency"):
        both.add_dependency(one)  # type: ignore[arg-type]


def messages(run: Run, code: str) -> list[Any]:
    """What a script sends to a server."""
    with Stub() as stub:
        run(code, DFA_URL=stub.url)
        return [one.json for one in stub.taken]


def test_the_messages_of_a_task_are_those_of_dlprovs_newest_client(run: Run) -> None:
    declared, began, ended = messages(
        run,
        """
df = Dataflow("AlexNet", predefined=True, email="bob@fictional.com")
df.save()
task = Task(1, df, "AlexNet-2025-11-26 16:00:00.123456", "LoadData")
task.add_dataset(row("iInputDataset", "OxfordFlowers17", "http://x"))
task.begin()
task.add_dataset(row("oLoadData", "d"))
task.end()
""",
    )
    assert declared == Dataflow("AlexNet", predefined=True, email="bob@fictional.com").get_specification()
    hardware = json.loads(began.pop("hardware"))
    assert " ".join(hardware) == "hostname os os_version platform architecture processor gpus in_container"
    assert " ".join(began) == "tag first dataflow email exec sets status transformation id"
    assert began == {
        "tag": "loaddata",
        "first": "1",
        "dataflow": "alexnet",
        "email": "bob@fictional.com",
        "exec": "AlexNet-2025-11-26 16:00:00.123456",
        "sets": [{"tag": "iinputdataset", "elements": [["OxfordFlowers17", "http://x"]]}],
        "status": "RUNNING",
        "transformation": "loaddata",
        "id": "1",
    }
    assert json.loads(ended["hardware"]) == hardware
    assert (ended["first"], ended["status"]) == ("0", "FINISHED")
    assert ended["sets"] == [{"tag": "oloaddata", "elements": [["d"]]}]
    (spent,) = ended["performances"]
    assert list(spent) == ["startTime", "endTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", spent["startTime"])


def test_a_server_gets_the_numbers_of_tasks_as_texts(run: Run) -> None:
    code = "task = Task(2, 'Plain', 'run', 'Count'); task.add_dependency(Dependency(['Count'], [1, '3'])); task.end()"
    expected = {"tags": [{"tag": "Count"}], "ids": [{"id": "1"}, {"id": "3"}]}
    assert messages(run, PLAIN + code)[1]["dependency"] == expected


def test_a_data_set_is_sent_once_and_no_two_replace_each_other(run: Run) -> None:
    _, *sent = messages(
        run,
        PLAIN
        + """
task = Task(2, "Plain", "run", "Count")
task.add_dataset(row("oNumbers", 1, "a")); task.add_dataset(row("oNumbers", 2, "b"))
task.begin()
task.save()
task.set_datasets([row("oNumbers", 3, "c"), row("oNumbers", 4, "d")])
task.save()
same = row("oNumbers", 5, "e")
task.add_dataset(same); task.save()
task.add_dataset(same); task.end()
task.end()
""",
    )
    assert [[group["elements"][0][0] for group in one.get("sets", [])] for one in sent] == [
        *(["1", "2"], [], ["3", "4"], ["5"], ["5"], [])
    ]
    assert [len(one.get("performances", [])) for one in sent] == [0, 0, 0, 0, 1, 2]
    assert rows('SELECT n FROM "plain".onumbers ORDER BY id') == [(1,), (2,), (3,), (4,), (5,), (5,)]
    assert rows("SELECT count(*) FROM performance") == [(1,)]


def test_elements_that_are_added_after_the_data_set_was_are_sent_with_it(run: Run) -> None:
    code = """
task = Task(2, "Plain", "run", "Count")
data = row("oNumbers", 1, "a")
task.add_dataset(data)
data.add_element(Element([2, "b"]))
task.save()
"""
    assert messages(run, PLAIN + code)[1]["sets"] == [{"tag": "onumbers", "elements": [["1", "a"], ["2", "b"]]}]
    assert rows('SELECT n, text FROM "plain".onumbers') == [(1, "a"), (2, "b")]
    run(PLAIN + code.replace('row("oNumbers", 1, "a")', 'DataSet("oNumbers", [])'))
    assert rows('SELECT n FROM "plain".onumbers ORDER BY id') == [(1,), (2,), (2,)]


def test_threads_that_share_a_task_lose_nothing_and_send_nothing_twice(run: Run) -> None:
    run(
        PLAIN
        + """
import os, sys, threading
sys.setswitchinterval(1e-5)
sys.stdout = open(os.devnull, "w")
task, is_done = Task(1, "Plain", "run", "Count"), False
def save():
    while not is_done:
        task.save()
savers = [threading.Thread(target=save) for _ in range(2)]
for saver in savers: saver.start()
for number in range(1000): task.add_dataset(row("oNumbers", number, "x"))
is_done = True
for saver in savers: saver.join()
task.end()
"""
    )
    assert rows('SELECT count(*), count(DISTINCT n) FROM "plain".onumbers') == [(1000, 1000)]


def test_a_child_that_is_forked_while_another_thread_records_goes_on(run: Run) -> None:
    run(
        PLAIN
        + """
import os, signal, sys, threading, time
sys.stdout = open(os.devnull, "w")
task, is_done = Task(1, "Plain", "run", "Count"), False
def save():
    while not is_done:
        task.add_dataset(DataSet("oNumbers", [Element([1, "parent"]) for _ in range(300)])); task.save()
        time.sleep(0.0005)
saver = threading.Thread(target=save); saver.start()
for number in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        task = Task(100 + number, "Plain", "run", "Count"); task.add_dataset(row("oNumbers", number, "child"))
        task.end(); os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
is_done = True; saver.join()
"""
    )
    assert rows("SELECT count(*) FROM \"plain\".onumbers WHERE text = 'child'") == [(20,)]


def test_the_status_of_each_message_is_printed_on_a_line_of_its_own(run: Run) -> None:
    code = PLAIN + "task = Task(2, 'Plain', 'run', 'Count'); task.begin(); task.save(); task.end()"
    done = run(code)
    assert (done.stdout, done.stderr) == ("200\n" * 4, "")
    assert run(code, DLPROV_QUIET="1").stdout == ""
    assert len(rows("SELECT DISTINCT df_exec FROM task")) == 1


def test_switched_off_it_records_nothing_and_says_nothing(run: Run, store: Path) -> None:
    with Stub() as stub:
        done = run(PLAIN + "Task(2, 'Plain', 'Count').begin()", DLPROV_DISABLE="1", DFA_URL=stub.url)
        assert stub.requests == []
    assert (done.stdout, done.stderr) == ("", "")
    assert list(store.iterdir()) == []


def test_end_without_begin_and_save_without_begin(run: Run) -> None:
    done = run(
        PLAIN
        + """
Task(2, "Plain", "run", "Count").end()
Task(3, "Plain", "run", "Count").save()
waiting = Task(4, "Plain", "run", "Count"); waiting.set_status(TaskStatus.READY); waiting.save()
"""
    )
    assert done.stdout == "200\n" * 4
    assert rows("SELECT identifier, status FROM task ORDER BY identifier") == [
        *((2, "FINISHED"), (3, "READY"), (4, "READY"))
    ]
    ((start, end),) = rows("SELECT starttime, endtime FROM performance")
    assert start in (None, "null")
    assert re.fullmatch(r"\d{4}-.*", end)


def test_no_mistake_of_a_client_reaches_the_training(run: Run) -> None:
    done = run(
        PLAIN
        + """
task = Task("seven", "Plain", "run", "Count"); task.begin()
Task(1, "Nobody declared it", "run", "Count").save()
task = Task(2, "Plain", "run", "Count")
task.add_dataset(row("oNumbers", 1)); task.save()
task.add_dataset(row("oOthers", 1)); task.save()
task.add_dataset(row("oNumbers", "tensor(0.5)", "kept")); task.save()
task.add_dataset(row("oNumbers", "tensor(0.6)", "kept")); task.save()
odd = Task(3, "Plain", "run \\ud800", "Count", workspace="\\ud800", sub_id="x"); odd.save()
odd = Task(3, "Plain", "run \\ud800", "Count", workspace="\\ud800")
odd.add_dataset(row("oNumbers", 1, "\\udc00")); odd.save()
Task(4, "Plain", "run", "Unknown").save()
print("done")
"""
    )
    assert done.stdout.splitlines() == ["200", "400", "404", "200", "200", "200", "200", "200", "200", "200", "done"]
    assert done.stderr.count("dlprov: ") == done.stderr.count("\n") == 6, "each trouble is told once"
    for words in ("'seven'", "'nobody declared it'", "'oothers'", "onumbers.n", "sub_id"):
        assert words in done.stderr
    assert rows("SELECT n, text FROM \"plain\".onumbers WHERE text = 'kept'") == [(None, "kept")] * 2
    kept = [message for (message,) in rows("SELECT message FROM problem ORDER BY time")]
    assert [word for word in ("onumbers", "oothers", "onumbers.n") if not any(word in one for one in kept)] == []


def test_without_a_store_that_can_be_written_it_is_recorded_in_the_temporary_directory(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "room").mkdir()
    code = PLAIN + "task = Task(2, 'Plain', 'run', 'Count'); task.add_dataset(row('oNumbers', 1, 'x')); task.end()"
    done = run(code, DLPROV_STORE=str(tmp_path / "file" / "store"), TMPDIR=str(tmp_path / "room"))
    assert done.stdout == "200\n" * 2
    assert "recording into" in done.stderr
    (place,) = (tmp_path / "room").glob("dlprov-*")
    assert dlprov.query('SELECT n FROM "plain".onumbers', store=place).rows() == [(1,)]


def test_what_was_declared_before_the_store_could_not_be_written_goes_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    done = run(
        PLAIN
        + """
import os
store = os.environ["DLPROV_STORE"]
os.rename(store, store + "-moved"); open(store, "w").close()
Dataflow("Later", [Transformation("T")]).save()
task = Task(2, "Plain", "run", "Count"); task.add_dataset(row("oNumbers", 1, "x")); task.end()
""",
        TMPDIR=str(tmp_path / "room"),
        DLPROV_STORE=str(tmp_path / "gone"),
    )
    assert done.stdout == "200\n" * 3
    (place,) = (tmp_path / "room").glob("dlprov-*")
    assert dlprov.query('SELECT n FROM "plain".onumbers', store=place).rows() == [(1,)]


def test_without_any_disk_the_training_goes_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = PLAIN + "task = Task(2, 'Plain', 'run', 'Count'); task.begin(); task.end(); print('done')"
    nowhere = {"DLPROV_STORE": "/dev/null/store", "TMPDIR": "/dev/null", "TMP": "/dev/null", "TEMP": "/dev/null"}
    done = run("import tempfile; tempfile.tempdir = '/dev/null'\n" + code, **nowhere)
    assert done.stdout.splitlines()[-1] == "done"
    assert "/dev/null/store cannot be written" in done.stderr


def test_closed_stdout_is_no_reason_to_stop(run: Run) -> None:
    code = "import sys, os\nsys.stdout.close()\n" + PLAIN + "Task(2, 'Plain', 'run', 'Count').begin(); os._exit(3)"
    assert run(code, check=False).returncode == 3


def test_a_stdout_that_raises_is_no_reason_to_stop(run: Run) -> None:
    code = """
import sys
class Broken:
    def write(self, text): raise AttributeError(text)
    def flush(self): pass
kept, sys.stdout = sys.stdout, Broken()
"""
    assert run(code + PLAIN + "Task(2, 'Plain', 'run', 'Count').end(); kept.write('done')").stdout == "done"


def test_an_object_that_records_when_the_interpreter_deletes_it_does_not_hold_up_the_end(run: Run) -> None:
    code = """
class Training:
    def __init__(self): self.task = Task(1, "Plain", "run", "Count"); self.task.begin()
    def __del__(self): self.task.add_dataset(row("oNumbers", 1, "late")); self.task.end()
Training.last = Training()
"""
    done = run(PLAIN + code)
    assert done.stdout == "200\n" * 2
    assert done.stderr.count("\n") == done.stderr.count("is not recorded") == 1
    assert rows("SELECT status FROM run") == [("finished",)]


def test_tags_with_blanks_around_them_or_of_any_text_name_the_same_everywhere(run: Run) -> None:
    code = """
for name in (" Pad ", "tab\\t", "x\\udcffy", "\\u65e5 \\u672c"):
    made = Set(name, SetType.OUTPUT, [Attribute("N", AttributeType.NUMERIC)])
    result = Set("oNext", SetType.OUTPUT, [Attribute("N", AttributeType.NUMERIC)])
    first, second = Transformation(name, [made]), Transformation("next", [result])
    made.set_type(SetType.INPUT); made.dependency = first._tag; second.add_set(made)
    Dataflow(name, [first, second]).save()
    task = Task(1, name, "run", name); task.add_dataset(row(name, 7)); task.end()
    task = Task(2, name, "run", "next", dependency=task); task.add_dataset(row("oNext", 8)); task.end()
"""
    assert run(code).stdout == "200\n" * 12
    for name in ("pad", "tab", "x\\udcffy", "\u65e5 \u672c"):
        assert rows(f'SELECT n, next_task_id IS NULL FROM "{name}"."{name}"') == [(7, False)]


def test_whole_numbers_of_any_kind_name_tasks(run: Run) -> None:
    run(
        PLAIN
        + """
import numpy
before = None
for identifier in (1, numpy.int64(2), 3.0, numpy.float32(4), "5", 2**63 - 1):
    task = Task(identifier, "Plain", "run", "Count")
    if before is not None: task.add_dependency(Dependency(["Count"], [before]))
    task.end()
    before = identifier
"""
    )
    assert rows("SELECT identifier FROM task ORDER BY identifier") == [(1,), (2,), (3,), (4,), (5,), (2**63 - 1,)]
    assert rows("SELECT count(*) FROM task_dependency") == [(5,)]


def test_what_a_subclass_adds_to_its_message_is_no_reason_to_stop(run: Run) -> None:
    code = """
class Endless(Task):
    def __init__(self, *args):
        super().__init__(*args); self._loop = {}; self._loop["loop"] = self._loop
class Own(Task):
    def get_specification(self, prefix="_"): raise RuntimeError("mine")
for identifier, kind in enumerate((Endless, Own)):
    task = kind(identifier, "Plain", "run", "Count"); task.add_dataset(row("oNumbers", 1, "x")); task._me = task
    task._sub_id = ""
    try:
        task.end()
    except Exception as error:
        print(repr(error))
"""
    with Stub() as stub:
        variables = {name: value for name, value in os.environ.items() if name != "DLPROV_EXECUTION"}
        command = [sys.executable, "-c", IMPORTS + PLAIN + code]
        done = subprocess.run(
            command, env={**variables, "DFA_URL": stub.url}, capture_output=True, text=True, timeout=60, check=True
        )
    assert done.stdout == "200\n" * 3
    assert "the delivery of a message" in done.stderr
    assert rows('SELECT n FROM "plain".onumbers') == [(1,), (1,)]


def test_a_run_ends_as_its_script_does(run: Run) -> None:
    head = PLAIN + "Task(2, 'Plain', 'run-{0}', 'Count').begin()\n"
    run(head.format(1))
    run(head.format(2) + "raise ValueError('boom')", check=False)
    run(head.format(3) + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", check=False)
    assert rows("SELECT execution, status, error FROM run ORDER BY execution") == [
        *(("run-1", "finished", None), ("run-2", "failed", "boom"), ("run-3", "lost", None))
    ]
    # The killed one may not have come to collecting its environment.
    known = "SELECT run_id FROM environment WHERE name = 'python.version'"
    assert rows(f"SELECT count(*) FROM run WHERE status <> 'lost' AND run_id IN ({known})") == [(2,)]


def test_tasks_without_an_execution_share_one_with_children_and_have_another_in_the_next_run(run: Run) -> None:
    code = (
        PLAIN
        + """
import multiprocessing, os
def work(identifier):
    task = Task(identifier, "Plain", "Count", dependency=parent)
    task.add_dataset(row("oNumbers", identifier, "x")); task.end()
parent = Task(1, "Plain", "Count"); parent.begin()
for method, identifier in (("fork", 2), ("fork", 3)):
    process = multiprocessing.get_context(method).Process(target=work, args=(identifier,))
    process.start(); process.join()
import subprocess, sys
child = "from dfa_lib_python.task import Task; Task(4, 'Plain', 'Count').end()"
subprocess.run([sys.executable, "-c", child], check=True)
"""
    )
    run(code)
    run(code)
    found = rows("SELECT df_exec, list(identifier ORDER BY identifier) FROM task GROUP BY df_exec")
    assert [identifiers for _, identifiers in found] == [[1, 2, 3, 4]] * 2
    assert rows("SELECT count(*) FROM run") == [(2,)]
    assert rows("SELECT count(*) FROM task_dependency") == [(4,)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_the_execution_of_the_one_that_saved_the_dataflow_before(run: Run, method: str) -> None:
    code = f"""
import multiprocessing
from dfa_lib_python.task import Task
def work(identifier):
    Task(identifier, "Plain", "Count").end()
if __name__ == "__main__":
    for identifier in (2, 3):
        process = multiprocessing.get_context("{method}").Process(target=work, args=(identifier,))
        process.start(); process.join()
    Task(1, "Plain", "Count").end()
"""
    # A child that is spawned imports the script, which must be a file for that.
    head = f"open('main.py', 'w').write({IMPORTS + PLAIN + code!r})\n"
    run(head + "import subprocess, sys; subprocess.run([sys.executable, 'main.py'], check=True)")
    found = rows("SELECT df_exec, list(identifier ORDER BY identifier) FROM task GROUP BY df_exec")
    assert [identifiers for _, identifiers in found] == [[1, 2, 3]]


# The predefined dataflow, whose generation only the tasks tell.


def columns(table: str) -> list[str]:
    return dlprov.query(f"SELECT * FROM {table} LIMIT 0").columns


def test_newest_tasks_have_the_newest_dataflow_declared_whole(run: Run) -> None:
    code = """
df = Dataflow("New", predefined=True); df.save()
task = Task(1, df, "run", "LoadData"); task.add_dataset(row("iInputDataset", "n", "s")); task.begin()
task = Task(2, df, "run", "ApplyFilter", dependency=task); task.begin()
"""
    run(code)
    assert columns('"new".otest') == ["id", "test_task_id", "loss", "accuracy"]
    assert columns('"new".oloaddata') == ["id", "loaddata_task_id", "applyfilter_task_id", "dataset_dir"]
    assert [tag for (tag,) in rows("SELECT tag FROM data_transformation ORDER BY id")] == [
        *("loaddata", "applyfilter", "splitdata", "train", "test")
    ]


@pytest.mark.parametrize(
    ("tasks", "sets"),
    [
        (["TrainingModel"], {"otrainingmodel": 4 + 7, "iadaptation": 2 + 3, "otestingmodel": 2 + 2}),
        (["NormalizeData"], {"onormalizedata": 3 + 1, "isplitconfig": 2 + 1, "otestmodel": 2 + 2}),
        (["LoadData", "RandomHorizontal"], {"onormalize": 3 + 1, "isplitconfig": 2 + 3, "otrain": 2 + 7}),
        (["LoadData", "SplitData:80-20", "TrainModel"], {"isplitconfig": 2 + 1, "itrainmodel": 2 + 4}),
        (["LoadData", "SplitData:1:2:3", "TrainModel"], {"isplitconfig": 2 + 3, "itrainmodel": 2 + 5}),
    ],
)
def test_older_tasks_have_their_own_dataflow_declared(run: Run, tasks: list[str], sets: dict[str, int]) -> None:
    run(f"""
df = Dataflow("Old", True); df.save()
before = None
for number, name in enumerate({tasks!r}, 1):
    tag, *values = name.split(":")
    task = Task(number, "Old", "run", tag, dependency=before)
    if values:
        task.add_dataset(row("iSplitConfig", *values))
    task.begin(); task.end()
    before = task
""")
    assert {tag: len(columns(f'"old".{tag}')) for tag in sets} == sets
    assert rows("SELECT tag FROM data_transformation WHERE tag = 'applyfilter'") == []
    assert rows("SELECT * FROM data_set WHERE tag = 'ofilter'") == []


def test_a_transformation_of_ones_own_may_have_the_tag_of_a_predefined_one(run: Run) -> None:
    done = run("""
own = Transformation("Train", [Set("iTrain", SetType.INPUT, [Attribute("MINE", AttributeType.TEXT)])])
df = Dataflow("Mix", True, [own]); df.save()
Task(1, "Mix", "run", "TrainingModel").end()
task = Task(2, "Mix", "run", "Train"); task.add_dataset(row("iTrain", "x")); task.end()
print([one["tag"] for one in df.transformations])
""")
    assert done.stdout.splitlines()[-1] == "['train', 'trainingmodel', 'adaptation', 'testingmodel']"
    assert columns('"mix".itrain') == ["id", "train_task_id", "mine"]
    assert len(rows("SELECT tag FROM data_transformation")) == 4


def test_what_is_still_open_has_what_its_tasks_tell(run: Run) -> None:
    run("""
df = Dataflow("Open", True); df.save()
task = Task(1, "Open", "run", "LoadData"); task.add_dataset(row("oLoadData", "/d")); task.begin()
task = Task(2, "Open", "run", "SplitData", dependency=task); task.add_dataset(row("iSplitConfig", 0.8, 0.1, 0.1))
task.begin()
task = Task(3, "Open", "run", "Train", dependency=task)
task.add_dataset(row("oTrain", "t", "e", 1, 2, 3, 4, 5)); task.save()
""")
    assert columns('"open".isplitconfig') == ["id", "splitdata_task_id", "train_ratio", "val_ratio", "test_ratio"]
    assert rows('SELECT loss, epoch FROM "open".otrain') == [(1, 5)]


def test_a_server_gets_the_newest_dataflow_at_once_and_the_right_one_when_it_is_known(run: Run) -> None:
    with Stub() as stub:
        run(
            "df = Dataflow('Old', True, [Transformation('Own')]); df.save()\n"
            "Task(1, 'Old', 'run', 'TrainingModel').begin(); df.save()",
            DFA_URL=stub.url,
        )
        first, second, task, third = stub.taken
    tags = [[one["tag"] for one in message.json["transformations"]] for message in (first, second, third)]
    oldest = ["own", "trainingmodel", "adaptation", "testingmodel"]
    assert tags == [["own", "loaddata", "applyfilter", "splitdata", "train", "test"], oldest, oldest]
    assert [one.headers.get("DLProv-Predefined") for one in (first, second, third)] == ["P7", None, None]
    assert task.json["transformation"] == "trainingmodel"


# The rest.


def test_system_info_has_the_members_of_dlprov() -> None:
    found = get_system_info()
    assert " ".join(found) == "hostname os os_version platform architecture processor gpus in_container"
    assert isinstance(found["in_container"], bool)
    assert all(isinstance(found[name], str) for name in found if name != "in_container")
    assert (found["gpus"], found["in_container"]) == (get_gpu_info(), is_container())
    assert get_memory_limit() is None or get_memory_limit() > 0
    found["hostname"] = "changed"
    assert get_system_info()["hostname"] != "changed"


PROGRAM = """#!/bin/sh
printf '%s\\n' "$0" "$@" > called
exit 3
"""


def test_rde_and_rdi_are_called_as_they_want_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    attributes = [Attribute("a", AttributeType.TEXT), Attribute("b", AttributeType.NUMERIC)]
    extractor = RawDataExtractor(ExtractorCartridge.EXTRACTION, "prog 'x y'", attributes)
    indexer = RawDataIndexer(
        ExtractorCartridge.INDEXING, "tag", "/data", "*.csv", attributes, '-delimiter=";" -verbose'
    )
    assert extractor.get_attributes() == indexer.get_attributes() == "[a:TEXT,b:NUMERIC]"
    (tmp_path / "bin").mkdir()
    for name in ("RDE", "RDI"):
        (tmp_path / "bin" / name).write_text(PROGRAM)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("DFANALYZER_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert extractor.run() == 3
    expected = ["PROGRAM:EXTRACT", "extractor", ".", "prog 'x y'", "[a:TEXT,b:NUMERIC]"]
    assert (tmp_path / "called").read_text().splitlines() == [str(tmp_path / "bin" / "RDE"), *expected]
    assert indexer.run() == 3
    expected = ["CSV:INDEX", "tag", "/data", "*.csv", "[a:TEXT,b:NUMERIC]", "-delimiter=;", "-verbose"]
    assert (tmp_path / "called").read_text().splitlines() == [str(tmp_path / "bin" / "RDI"), *expected]
    # What a shell makes of the command line is the command.
    assert subprocess.run(indexer.get_command_line(), shell=True, check=False).returncode == 3
    assert (tmp_path / "called").read_text().splitlines() == [str(tmp_path / "bin" / "RDI"), *expected]
    indexer.extra_arguments = '-delimiter=" -verbose'
    assert indexer.run() == 3
    assert (tmp_path / "called").read_text().splitlines()[-2:] == ['-delimiter="', "-verbose"]
    monkeypatch.setenv("DFANALYZER_DIR", str(tmp_path / "nowhere"))
    assert extractor.run() == 127
    assert "could not be started" in capfd.readouterr().err


def test_w3c_mode_writes_a_document_when_the_last_task_ends(run: Run, tmp_path: Path) -> None:
    done = run("""
df = Dataflow("Three", True, "current"); df.save()
before = None
for number, (tag, used, made) in enumerate([
    ("NormalizeData", row("iInputDataset", "a\\"b", "s"), row("oNormalizeData", "d")),
    ("SplitData", row("iSplitConfig", 0.8), row("oTrainSet", "t")),
    ("TrainModel", row("iTrainModel", "adam", 0.1, 2, float("nan")), row("oTrainedModel", "m", "d")),
    ("TestModel", None, row("oTestModel", 0.5, 0.9)),
], 1):
    task = Task(number, "Three", "run 1/a", tag, dependency=before)
    if used is not None: task.add_dataset(used)
    task.begin(); task.add_dataset(made); task.end()
    before = task
""")
    assert [path.name for path in tmp_path.glob("*.provn")] == ["w3c-graph-run 1-a.provn"], done.stderr
    text = (tmp_path / "w3c-graph-run 1-a.provn").read_text()
    assert text.startswith("document\n")
    tasks = re.findall(r'dlprov:dt_tag="(\w+)"', text)
    assert tasks == ["normalizedata", "splitdata", "trainmodel", "testmodel"]
    assert 'dlprov:exec_tag="run 1/a"' in text
    assert 'dlprov:dataset_name="a\\"b"' in text
    assert sorted(re.findall(r'dlprov:ds_tag="(\w+)"', text)) == [
        *("iinputdataset", "isplitconfig", "itrainmodel", "onormalizedata", "otestmodel", "otrainedmodel", "otrainset")
    ]
    assert len(re.findall(r"^  wasGeneratedBy\(", text, re.MULTILINE)) >= 4
    assert columns('"three".otrainset') == ["id", "splitdata_task_id", "trainmodel_task_id", "trainset"]


def test_a_w3c_document_of_all_executions(run: Run, tmp_path: Path) -> None:
    for execution in ("one", "two"):
        run(PLAIN + f"t = Task(1, 'Plain', '{execution}', 'Count'); t.add_dataset(row('oNumbers', 1, 'x')); t.end()")
    run("from dfa_lib_python.build_w3c import build_provenance_document as build; build('Plain', '', 'all')")
    text = (tmp_path / "w3c-graph-Plain.provn").read_text()
    assert sorted(re.findall(r'dlprov:exec_tag="(\w+)"', text)) == ["one", "two"]
    assert len(re.findall(r'dlprov:ds_tag="onumbers"', text)) == 2
