"""DfAnalyzer's JSON messages: what is understood, and what is refused in which words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlprov.capture.dfanalyzer import PROFILES, MessageError, plan_of, task_of
from dlprov.capture.dfanalyzer.declared import Declared
from dlprov.capture.dfanalyzer.dependencies import tasks_of
from dlprov.capture.dfanalyzer.numbers import number
from dlprov.capture.dfanalyzer.rows import RowsError, rows_of, widths
from dlprov.model import Attribute, Combination, Extractor, Program, Set, Transformation


def task(**members: Any) -> dict[str, Any]:
    return {"dataflow": "alexnet", "transformation": "train", "id": "4", **members}


def test_a_dataflow_message_becomes_a_plan_with_tags_in_lower_case() -> None:
    plan = plan_of(
        {
            "tag": "MyDF",
            "transformations": [
                {
                    "tag": "Deduplication",
                    "programs": [{"name": "dedup.sh", "path": "/opt/bin"}],
                    "sets": [
                        {
                            "tag": "iDedup",
                            "type": "input",
                            "attributes": [
                                {"name": "customerid", "type": "numeric"},
                                {"name": "rawfile", "type": "TEXT", "extractor": "Ext1"},
                                {"name": "image", "type": "RDFILE"},
                            ],
                            "extractors": [{"tag": "Ext1", "cartridge": "extraction", "extension": ["FASTBIT"]}],
                            "extractor.combinations": [
                                {"outer": "ext1", "inner": "ext2", "keys": "a;b", "key_types": "NUMERIC;TEXT"}
                            ],
                        },
                        {
                            "tag": "oDedup",
                            "type": "OUTPUT",
                            "attributes": [{"name": "customerid", "type": "LONG_TEXT"}],
                        },
                    ],
                },
                {"tag": "Europe", "sets": [{"tag": "oDedup", "type": "INPUT", "dependency": "Deduplication"}]},
            ],
            "exec": "MyDF2021-09-27 10:00:00.123456",
            "email": "bob@fictional.com",
        }
    )
    assert plan.tag == "mydf"
    first, second = plan.transformations
    assert (first.tag, first.programs) == ("deduplication", (Program("dedup.sh", "/opt/bin"),))
    given, made = first.sets
    assert (given.tag, given.type) == ("idedup", "INPUT")
    assert given.attributes == (
        Attribute("customerid", "NUMERIC"),
        Attribute("rawfile", "TEXT", "ext1"),
        Attribute("image", "FILE"),
    )
    assert given.extractors == (Extractor("ext1", "EXTRACTION", "FASTBIT"),)
    assert given.combinations == (Combination("ext1", "ext2", ("a", "b"), ("NUMERIC", "TEXT")),)
    assert made.attributes == (Attribute("customerid", "LONG_TEXT"),)
    (taken,) = second.sets
    assert (taken.tag, taken.dependency, taken.attributes) == ("odedup", "deduplication", ())


def test_a_task_message_is_understood_in_every_form_that_clients_send() -> None:
    message = task_of(
        task(
            dataflow="AlexNet",
            transformation="Train",
            id=4,
            sub="2",
            exec="AlexNet-2025-11-26 16:00:00.123456",
            status="running",
            workspace="/w",
            files=[{"name": "ext1.data", "path": "/w/out"}],
            performances=[{"startTime": "2025-11-26 16:00:01", "endTime": "2025-11-26 16:00:09"}],
            dependency={"tags": [{"tag": "SplitData"}], "ids": [{"id": 3}]},
            hardware='{"hostname": "vm", "in_container": true}',
            email="bob@fictional.com",
            sets=[{"tag": "iTrain", "elements": [["adam", "0.002"]]}],
            first="1",
            tag="train",
        )
    )
    assert (message.dataflow, message.transformation, message.identifier) == ("alexnet", "train", 4)
    assert (message.execution, message.status) == ("AlexNet-2025-11-26 16:00:00.123456", "RUNNING")
    assert (message.subtask, message.workspace) == (2, "/w")
    assert message.files == (("ext1.data", "/w/out"),)
    assert message.performances[0].end == "2025-11-26 16:00:09"
    assert message.dependency == (("splitdata", 3),)
    assert message.hardware == {"hostname": "vm", "in_container": True}
    assert message.sets == [("itrain", [["adam", "0.002"]])]


@pytest.mark.parametrize("nothing", [{}, "", None, [], "null"])
def test_what_is_no_dependency_is_none(nothing: object) -> None:
    assert task_of(task(dependency=nothing, sets=None, files="", subid="null")).dependency == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sub": "2"}, 2),
        ({"sub": "part one"}, None),
        ({"sub": "null"}, None),
        ({"subid": "3", "sub": "part"}, 3),
        ({"subid": "null", "sub": "4"}, 4),
    ],
)
def test_the_name_that_no_server_read_refuses_no_message(given: dict[str, str], expected: int | None) -> None:
    assert task_of(task(**given)).subtask == expected
    with pytest.raises(MessageError, match="subid"):
        task_of(task(subid="three"))


@pytest.mark.parametrize(
    ("tags", "identifiers", "expected"),
    [
        (["a"], ["1"], {("a", 1)}),
        (["a"], ["1", "2"], {("a", 1), ("a", 2)}),
        (["a", "b"], ["1,2", "3,4"], {("a", 1), ("b", 2), ("a", 3), ("b", 4)}),
        (["a", "b"], ["1,2,3"], set()),
        (["splitdata", "train"], ["3", "4"], {("splitdata", 3), ("train", 4)}),
        (["a", "b", "c"], ["1", "2"], {(tag, n) for tag in "abc" for n in (1, 2)}),
        (["A"], ["x"], set()),
        ([" A "], [1, 2.0, "3.0", True, None, float("nan"), 2**63 - 1], {("a", n) for n in (1, 2, 3, 2**63 - 1)}),
        (["a"], [2**63, "-4"], {("a", -4)}),
    ],
)
def test_dependencies_are_read_in_their_three_forms(
    tags: list[str], identifiers: list[Any], expected: set[tuple[str, int]]
) -> None:
    message = {"tags": [{"tag": tag} for tag in tags], "ids": [{"id": identifier} for identifier in identifiers]}
    assert set(tasks_of(message)) == expected


@pytest.mark.parametrize(
    ("message", "expected", "came"),
    [
        ([], "a JSON object was expected as a task message", "[]"),
        ({"dataflow": "a", "transformation": "b"}, "the member 'id' was expected", "dataflow, transformation"),
        (task(id="four"), "a whole number of 64 bits was expected as id", "'four'"),
        (task(id=True), "a whole number of 64 bits was expected as id", "True"),
        (task(id=2**70), "a whole number of 64 bits was expected as id", str(2**70)),
        (task(dataflow=""), "a text of 1 to 1024 characters was expected as dataflow", "''"),
        (task(sets={"a": 1}), "a list was expected as sets", "{'a': 1}"),
        (task(sets=[{"tag": "x", "elements": "1;2"}]), "a list was expected as sets[0].elements", "'1;2'"),
        (task(workspace=[1]), "a text was expected as workspace", "[1]"),
        (task(hardware="{no"), "a JSON object was expected as the text of hardware", "{no"),
        (task(id="1_000"), "a whole number of 64 bits was expected as id", "'1_000'"),
        (task(files=[1]), "a JSON object was expected as files[0]", "1"),
    ],
)
def test_a_message_that_cannot_be_understood_says_what_was_expected_and_what_came(
    message: object, expected: str, came: str
) -> None:
    with pytest.raises(MessageError) as caught:
        task_of(message)
    assert expected in str(caught.value)
    assert came in str(caught.value)


def test_a_set_with_too_many_attributes_is_refused() -> None:
    attributes = [{"name": f"a{n}", "type": "TEXT"} for n in range(10_000)]
    message = {
        "tag": "d",
        "transformations": [{"tag": "t", "sets": [{"tag": "s", "type": "INPUT", "attributes": attributes}]}],
    }
    with pytest.raises(MessageError, match=r"at most 4096 attributes were expected in .* got 10000"):
        plan_of(message)


@pytest.mark.parametrize(
    ("text", "expected", "remark"),
    [
        ("0.001", 0.001, ""),
        (7, 7.0, ""),
        (" 1e-3 ", 0.001, ""),
        ("-9999999", -9999999.0, ""),
        ("null", None, ""),
        ("None", None, ""),
        (None, None, ""),
        ("", None, ""),
        ("True", 1, ""),
        ("False", 0, ""),
        ("80-20", 60.0, "60 was stored"),
        ("80/20", 4.0, "4 was stored"),
        ("7/2", 3.0, "3 was stored"),
        ("7.0/2", 3.5, "3.5 was stored"),
        ("1/0", None, "divides by zero"),
        ("abc", None, "a number was expected, got 'abc'"),
        ("1); DROP TABLE task", None, "a number was expected"),
    ],
)
def test_numeric_texts_are_read_as_the_database_read_them(text: object, expected: object, remark: str) -> None:
    found, said = number(text)
    assert found == expected
    assert (remark in said) if remark else said == ""


def test_non_finite_numbers_are_kept() -> None:
    assert number("nan") == ({"@": "float", "v": "NaN"}, "")
    assert number("-inf") == ({"@": "float", "v": "-Infinity"}, "")
    assert number(math.inf) == ({"@": "float", "v": "Infinity"}, "")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_prints_comes_back_with_the_same_bits(value: float) -> None:
    found, remark = number(str(value))
    assert (found.hex(), remark) == (value.hex(), "")


COLUMNS = ("a", "b", "val_c")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([["1", "2", "3"]], [["1", "2", "3"]]),
        ([["1", "2", "3", "4", "5", "6"]], [["1", "2", "3"], ["4", "5", "6"]]),
        (["1", "2", "3"], [["1", "2", "3"]]),
        (["1", "2", "3", "4", "5", "6"], [["1", "2", "3"], ["4", "5", "6"]]),
        (["1;2;3"], [["1", "2", "3"]]),
        (["1;2;3", "4;5;6"], [["1", "2", "3"], ["4", "5", "6"]]),
        ([["1;2;3"]], [["1", "2", "3"]]),
        ([["1", ["2", "3"]]], [["1", "2", "3"]]),
        ([["1", "2"]], [["1", "2", None]]),
        ([], []),
        ([[]], []),
        ([1, None, True], [[1, None, True]]),
    ],
)
def test_elements_are_cut_into_rows(elements: list[Any], expected: list[list[Any]]) -> None:
    assert rows_of(elements, COLUMNS) == expected


@pytest.mark.parametrize("elements", [[["1"]], [["1", "2", "3", "4"]], ["1;2;3;4"], ["1", "2", "3", "4"]])
def test_values_that_fit_no_number_of_rows_are_refused(elements: list[Any]) -> None:
    with pytest.raises(RowsError, match=r"3 values a row were expected \(a, b, val_c\), got"):
        rows_of(elements, COLUMNS)


@given(st.lists(st.lists(st.text(), min_size=1, max_size=6), max_size=4), st.integers(1, 6))
def test_no_value_gets_lost_or_moves_to_another_column(elements: list[list[str]], width: int) -> None:
    columns = [f"c{n}" for n in range(width)]
    try:
        rows = rows_of(elements, columns)
    except RowsError:
        return
    assert all(len(row) == width for row in rows)
    split = [
        part for entry in elements for value in entry for part in (value.split(";") if len(entry) < width else [value])
    ]
    assert [value for row in rows for value in row] == split


def test_the_widths_of_elements_tell_declarations_apart() -> None:
    assert widths([["1", "2"]]) == {2}
    assert widths(["1;2;3"]) == {1, 3}
    assert widths(["1", "2"]) == {2}
    assert widths([]) == set()


def test_the_profiles_are_those_of_the_contract() -> None:
    shapes = {
        name: {
            form.tag: [(item.tag, item.dependency or len(item.attributes)) for item in form.sets] for form in profile
        }
        for name, profile in PROFILES.items()
    }
    assert list(shapes["P0"]) == ["TrainingModel", "Adaptation", "TestingModel"]
    assert shapes["P0"]["Adaptation"] == [("oTrainingModel", "trainingmodel"), ("iAdaptation", 3), ("oAdaptation", 4)]
    assert list(shapes["P1"]) == ["NormalizeData", "SplitData", "TrainModel", "TestModel"]
    assert shapes["P2"]["SplitData"] == [
        ("iSplitConfig", 1),
        ("oLoadData", "loaddata"),
        ("oTrainSet", 1),
        ("oTestSet", 1),
    ]
    assert shapes["P3"]["TrainModel"] == [
        ("oTrainSet", "splitdata"),
        ("iTrainModel", 5),
        ("oTrainModel", 7),
        ("oTrainedModel", 2),
    ]
    assert list(shapes["P4"]) == ["LoadData", "RandomHorizontal", "Normalize", "SplitData", "Train", "Test"]
    assert shapes["P4"]["SplitData"][:2] == [("oNormalize", "normalize"), ("iSplitConfig", 3)]
    assert shapes["P5"]["Train"][:2] == [("oTrainSet", "splitdata"), ("oValSet", "splitdata")]
    assert shapes["P6"]["Train"][-1] == ("oWeights", 1)
    assert shapes["P7"]["SplitData"] == [
        ("oFilter", "applyfilter"),
        ("iSplitConfig", 3),
        ("oTrainSet", 2),
        ("oValSet", 2),
        ("oTestSet", 2),
    ]
    assert shapes["P7"]["Test"] == [("oTestSet", "splitdata"), ("oTrainedModel", "train"), ("oTest", 2)]
    kinds = [(item.name, item.type) for item in PROFILES["P7"][2].sets[2].attributes]
    assert kinds == [("TrainSetX", "FILE"), ("TrainSetY", "FILE")]


def test_what_is_declared_later_adds_to_what_was_declared_before() -> None:
    made = (Attribute("x", "NUMERIC"),)
    program = Program("train.py", "/opt")
    first = Transformation("Train", (Set("oTrain", "OUTPUT", made, extractors=(Extractor("one"),)),), (program,))
    both = (Extractor("one"), Extractor("two"))
    joined = Combination("one", "two", ("k",), ("TEXT",))
    second = Transformation("Train", (Set("oTrain", "OUTPUT", made, extractors=both, combinations=(joined,)),))
    declared = Declared("flow")
    assert declared.add([first]) == (first,)
    assert declared.add([second]) == (second,)
    assert declared.add([first]) == declared.add([second]) == ()
    (train,) = declared.plan().transformations
    assert train.programs == (program,)
    assert train.sets[0].extractors == both
    assert train.sets[0].combinations == (joined,)
