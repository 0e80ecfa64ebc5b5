"""The client library is what scripts of every generation expect: names, messages, arguments, what is printed."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client_scripts import PLAIN, Run, columns

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
from dfa_lib_python.transformation import Transformation

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
