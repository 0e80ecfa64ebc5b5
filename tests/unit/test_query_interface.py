"""The query interface: worked examples of DfAnalyzer's, answered over recorded runs and compared with plain Python."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import dlprov
from dlprov import model
from dlprov.query.interface import Plan, answer, parse_message, plan

T, N, F = "TEXT", "NUMERIC", "FILE"


class Row(dict):
    """An element: attributes and ``<transformation>_task_id``, by name; ``None`` for what it lacks."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


class Recording:
    """Elements as Python sees them, recorded by dlprov at the same time."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def generated(self, task: dlprov.Task, tag: str, **attributes: Any) -> None:
        task.generated(tag, **attributes)
        self._keep(task, tag, attributes)

    def used(self, task: dlprov.Task, tag: str, **attributes: Any) -> None:
        task.used(tag, **attributes)
        self._keep(task, tag, attributes)

    def used_all(self, task: dlprov.Task, tag: str, earlier: dlprov.Task) -> None:
        """The first task of a transformation that uses an element is the one that the element names."""
        task.used_all(tag, earlier)
        for row in self.rows[tag.lower()]:
            if row.get(column(earlier)) == earlier.key:
                row.setdefault(column(task), task.key)

    def expected(self, sets: str, select: Callable[..., Any], where: Callable[..., bool]) -> list[tuple[Any, ...]]:
        """Each answer once, in order: of all combinations of rows, those that meet a condition."""
        found = itertools.product(*(self.rows[tag] for tag in sets.split()))
        return in_order({select(*rows) for rows in found if where(*rows)})

    def _keep(self, task: dlprov.Task, tag: str, attributes: dict[str, Any]) -> None:
        row = Row({name.lower(): value for name, value in attributes.items()})
        self.rows.setdefault(tag.lower(), []).append(Row({**row, column(task): task.key}))


def column(task: dlprov.Task) -> str:
    return f"{task.transformation.lower()}_task_id"


def in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: [(value is None, value) for value in row])


def same(transformation: str, *rows: Row) -> bool:
    """Whether rows belong to the same task; NULL is the same as nothing."""
    tasks = {row.get(f"{transformation}_task_id") for row in rows}
    return len(tasks) == 1 and None not in tasks


def takes(tag: str, dependency: str = "", **attributes: Any) -> model.Set:
    return model.Set(tag, "INPUT", attributes_of(attributes), dependency)


def gives(tag: str, **attributes: Any) -> model.Set:
    return model.Set(tag, "OUTPUT", attributes_of(attributes))


def attributes_of(types: dict[str, Any]) -> tuple[model.Attribute, ...]:
    return tuple(model.Attribute(name, kind) for name, kind in types.items())


def dataflow(tag: str, **transformations: tuple[model.Set, ...]) -> model.Dataflow:
    return model.Dataflow(tag, tuple(model.Transformation(name, sets) for name, sets in transformations.items()))


KERAS_PROV = dataflow(
    "alexnet1",
    TrainingModel=(
        takes("iLayers", ILTIMESTAMP=T, NAME=T, ATTRIBUTE_TYPE=T, VALUE=T),
        takes("iTrainingModel", OPTIMIZER_NAME=T, LEARNING_RATE=N, NUM_EPOCHS=N, NUM_LAYERS=N),
        gives("oTrainingModel", OTRAIN_TIMESTAMP=T, ELAPSED_TIME=T, EPOCH_ID=N, loss=N, accuracy=N),
    ),
    Adaptation=(
        takes("oTrainingModel", "TrainingModel"),
        gives("oAdaptation", NEW_LRATE=N, ATIMESTAMP=T, EPOCH_ID=N, ADAPTATION_ID=N),
    ),
    TestingModel=(
        takes("oTrainingModel", "TrainingModel"),
        gives("oTestingModel", OTEST_TIMESTAMP=T, otest_loss=N, otest_accuracy=N),
    ),
)

DIAMOND = dataflow(
    "pre",
    t0=(takes("s0", a=N, k=N), gives("s1", b=N, k=N), gives("s2", c=N, k=N)),
    t1=(takes("s1", "t0"), takes("s2", "t0"), gives("s3", d=N, k=N)),
)

DLPROV = dataflow(
    "alexnet",
    LoadData=(takes("iInputDataset", DATASET_NAME=T, DATASET_SOURCE=T), gives("oLoadData", DATASET_DIR=F)),
    ApplyFilter=(takes("iFilter", FILTER_TYPE=T), takes("oLoadData", "LoadData"), gives("oFilter", PP_DATASET=F)),
    SplitData=(
        takes("oFilter", "ApplyFilter"),
        takes("iSplitConfig", TRAIN_SIZE=N, VAL_SIZE=N, TEST_SIZE=N),
        gives("oTrainSet", TrainSetX=F, TrainSetY=F),
        gives("oValSet", ValSetX=F, ValSetY=F),
        gives("oTestSet", TestSetX=F, TestSetY=F),
    ),
    Train=(
        takes("oTrainSet", "SplitData"),
        takes("oValSet", "SplitData"),
        takes("iTrain", OPTIMIZER_NAME=T, LEARNING_RATE=N, NUM_EPOCHS=N, BATCH_SIZE=N, NUM_LAYERS=N),
        gives("oTrain", TIMESTAMP=T, ELAPSED_TIME=T, LOSS=N, ACCURACY=N, VAL_LOSS=N, VAL_ACCURACY=N, EPOCH=N),
        gives("oTrainedModel", MODEL_NAME=T, MODEL_DIR=F),
        gives("oWeights", WEIGHTS_PATH=F),
    ),
    Test=(
        takes("oTestSet", "SplitData"),
        takes("oTrainedModel", "Train"),
        gives("oTest", LOSS=N, ACCURACY=N),
    ),
)


@pytest.fixture
def alexnet1(store: Path) -> Recording:
    """Three trainings with adaptations in between, the third without a test. Epochs after an adaptation stay open."""
    recorded = Recording()
    for number, (rate, epochs) in enumerate([(0.001, 100), (0.01, 100), (0.002, 50)]):
        with dlprov.start_run("AlexNet1") as run:
            run.plan(KERAS_PROV)
            training = run.task("TrainingModel")
            for position in range(2):
                recorded.used(training, "iLayers", NAME=f"layer_{position}", VALUE=f"{0.4 + position / 10 + number}")
            recorded.used(
                training, "iTrainingModel", OPTIMIZER_NAME="Adam", LEARNING_RATE=rate, NUM_EPOCHS=epochs, NUM_LAYERS=33
            )
            adaptation = run.task("Adaptation", depends_on=[training])
            for epoch in range(4):
                recorded.generated(
                    training, "oTrainingModel", EPOCH_ID=epoch, loss=1 / (epoch + 1), accuracy=0.87 + 0.02 * epoch
                )
                if epoch < 2:
                    recorded.used_all(adaptation, "oTrainingModel", training)
                    recorded.generated(
                        adaptation, "oAdaptation", NEW_LRATE=rate / 2**epoch, EPOCH_ID=epoch, ADAPTATION_ID=epoch + 1
                    )
            if number < 2:
                testing = run.task("TestingModel", depends_on=[training])
                recorded.used_all(testing, "oTrainingModel", training)
                recorded.generated(testing, "oTestingModel", otest_loss=1.5 - number, otest_accuracy=0.4 + 0.3 * number)
    return recorded


@pytest.fixture
def pre(store: Path) -> Recording:
    """A diamond, three times; in the second ``k`` is another on the way, in the third ``s2`` is missing."""
    recorded = Recording()
    for number in range(3):
        with dlprov.start_run("pre") as run:
            run.plan(DIAMOND)
            first, second = run.task("t0"), run.task("t1")
            recorded.used(first, "s0", a=number, k=10.0 * number)
            recorded.generated(first, "s1", b=number, k=10.0 * number)
            recorded.generated(first, "s1", b=number + 0.5, k=-1.0)
            if number < 2:
                recorded.generated(first, "s2", c=number, k=7.0)
                recorded.used_all(second, "s2", first)
            recorded.used_all(second, "s1", first)
            recorded.generated(second, "s3", d=100 + number, k=10.0 * (number if number != 1 else 5))
    return recorded


@pytest.fixture
def alexnet(store: Path) -> Recording:
    """Three executions of DLProv's profile; the third ends before its test, and its filter is another's."""
    recorded = Recording()
    for number, rate in enumerate([0.001, 0.01, 0.002]):
        with dlprov.start_run("AlexNet") as run:
            run.plan(DLPROV)
            load, apply, split = run.task("LoadData"), run.task("ApplyFilter"), run.task("SplitData")
            train, test = run.task("Train"), run.task("Test")
            recorded.used(load, "iInputDataset", DATASET_NAME=f"flowers {number}", DATASET_SOURCE="it's")
            recorded.generated(load, "oLoadData", DATASET_DIR=f"data/{number}")
            recorded.used_all(apply, "oLoadData", load)
            recorded.generated(apply, "oFilter", PP_DATASET=f"filtered/{number}")
            recorded.used_all(split, "oFilter", apply)
            for name in ("Train", "Val", "Test"):
                recorded.generated(split, f"o{name}Set", **{f"{name}SetX": "x.npy", f"{name}SetY": "y.npy"})
            recorded.used_all(train, "oTrainSet", split)
            recorded.used_all(train, "oValSet", split)
            recorded.used(train, "iTrain", OPTIMIZER_NAME="SGD", LEARNING_RATE=rate, NUM_EPOCHS=2, BATCH_SIZE=64)
            for epoch in range(2):
                recorded.generated(
                    train, "oTrain", LOSS=0.5 + number - epoch / 4, ACCURACY=0.5 + epoch / 4, EPOCH=epoch
                )
            recorded.generated(train, "oTrainedModel", MODEL_NAME="AlexNet", MODEL_DIR=f"models/{number}")
            if number < 2:
                recorded.used_all(test, "oTestSet", split)
                recorded.used_all(test, "oTrainedModel", train)
                recorded.generated(test, "oTest", LOSS=0.7 + number, ACCURACY=0.6 + 0.1 * number)
    return recorded


def planned(tag: str, lines: str) -> Plan:
    """The plan of a message, whose lines are separated by ``/``."""
    return plan(dlprov.query.open_session(), tag, message(lines))


def message(lines: str) -> Any:
    text = "\n".join(line.strip() for line in lines.split(" / "))
    for letter, name in (("P", "physical"), ("L", "logical"), ("H", "hybrid")):
        text = f"mapping({name}){text[1:]}" if text.startswith(f"{letter}\n") else text
    return parse_message(text)


def rows(found: Plan) -> list[tuple[Any, ...]]:
    return answer(dlprov.query.open_session(), found).rows()


def check(found: Plan, select: str, sets: str, *conditions: str) -> None:
    """The parts of a question. Which of several paths comes first is not determined, so neither are their orders."""
    assert found.columns == tuple(select.split(", "))
    assert set(found.sets) == set(sets.split())
    assert len(found.sets) == len(sets.split())
    assert sorted(found.conditions) == sorted(conditions)
    lines = found.sql.split("\n")
    assert lines[0] == f"SELECT {select}"
    assert lines[1] == f"FROM {', '.join(found.sets)}"
    assert lines[2:] == ([f"WHERE {' AND '.join(found.conditions)}"] if conditions else []) + [";"]


TRAINING = "(itrainingmodel.trainingmodel_task_id = otrainingmodel.trainingmodel_task_id)"
LAYERS = "(ilayers.trainingmodel_task_id = otrainingmodel.trainingmodel_task_id)"
TESTING = "(otrainingmodel.testingmodel_task_id = otestingmodel.testingmodel_task_id)"
ADAPTATION = "(otrainingmodel.adaptation_task_id = oadaptation.adaptation_task_id)"
EPOCHS = "(otrainingmodel.epoch_id = oadaptation.epoch_id)"


def test_example_1_two_sets_that_a_task_joins(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel) / target(otrainingmodel) / projection(itrainingmodel.learning_rate;"
        "itrainingmodel.optimizer_name) / selection(otrainingmodel.accuracy > 0.9)",
    )
    assert found.sql == (
        "SELECT itrainingmodel.learning_rate, itrainingmodel.optimizer_name\n"
        "FROM itrainingmodel, otrainingmodel\n"
        "WHERE (otrainingmodel.accuracy > 0.9) AND "
        "(itrainingmodel.trainingmodel_task_id = otrainingmodel.trainingmodel_task_id)\n"
        ";"
    )
    assert (found.header, found.warnings) == (("learning_rate", "optimizer_name"), ())
    assert rows(found) == alexnet1.expected(
        "itrainingmodel otrainingmodel",
        lambda i, o: (i.learning_rate, i.optimizer_name),
        lambda i, o: o.accuracy > 0.9 and same("trainingmodel", i, o),
    )
    assert len(rows(found)) == 3


def test_example_2_one_set(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel) / target(itrainingmodel) / projection(itrainingmodel.learning_rate) / "
        "selection(itrainingmodel.learning_rate > 0.001; itrainingmodel.num_epochs = 100)",
    )
    assert found.sql == (
        "SELECT itrainingmodel.learning_rate\nFROM itrainingmodel\n"
        "WHERE itrainingmodel.learning_rate > 0.001 AND itrainingmodel.num_epochs = 100\n;"
    )
    assert rows(found) == [(0.01,)]
    assert found.warnings == ()


def test_examples_3_and_4_logical_and_hybrid(alexnet1: Recording) -> None:
    lines = " / source(otrainingmodel) / target(oadaptation) / projection(otrainingmodel.loss;oadaptation.new_lrate)"
    logical, hybrid = planned("alexnet1", "L" + lines), planned("alexnet1", "H" + lines)
    check(logical, "otrainingmodel.loss, oadaptation.new_lrate", "otrainingmodel oadaptation", EPOCHS)
    check(hybrid, "otrainingmodel.loss, oadaptation.new_lrate", "otrainingmodel oadaptation", ADAPTATION, EPOCHS)
    for found, is_joined in ((logical, lambda o, a: True), (hybrid, lambda o, a: same("adaptation", o, a))):
        assert rows(found) == alexnet1.expected(
            "otrainingmodel oadaptation",
            lambda o, a: (o.loss, a.new_lrate),
            lambda o, a, is_joined=is_joined: o.epoch_id == a.epoch_id and is_joined(o, a),
        )


def test_example_5_a_path_over_another_set(alexnet1: Recording) -> None:
    condition = "otestingmodel.otest_accuracy > 0.5 OR itrainingmodel.learning_rate < 0.01"
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel) / target(otestingmodel) / "
        f"projection(itrainingmodel.learning_rate;otestingmodel.otest_accuracy) / selection({condition})",
    )
    check(
        found,
        "itrainingmodel.learning_rate, otestingmodel.otest_accuracy",
        "itrainingmodel otrainingmodel otestingmodel",
        f"({condition})",
        TRAINING,
        TESTING,
    )
    assert found.conditions[0] == f"({condition})"
    assert rows(found) == alexnet1.expected(
        "itrainingmodel otrainingmodel otestingmodel",
        lambda i, o, t: (i.learning_rate, t.otest_accuracy),
        lambda i, o, t: (
            (t.otest_accuracy > 0.5 or i.learning_rate < 0.01)
            and same("trainingmodel", i, o)
            and same("testingmodel", o, t)
        ),
    )
    assert len(rows(found)) == 2


def test_example_6_two_sources(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel;ilayers) / target(otestingmodel) / "
        "projection(ilayers.value;otestingmodel.otest_accuracy)",
    )
    sets = "itrainingmodel otrainingmodel otestingmodel ilayers"
    check(found, "ilayers.value, otestingmodel.otest_accuracy", sets, TRAINING, TESTING, LAYERS)
    assert found.sets == tuple(sets.split())
    assert rows(found) == alexnet1.expected(
        sets,
        lambda i, o, t, layer: (layer.value, t.otest_accuracy),
        lambda i, o, t, layer: same("trainingmodel", i, o, layer) and same("testingmodel", o, t),
    )


def test_example_7_two_targets(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel) / target(oadaptation;otestingmodel) / "
        "projection(oadaptation.new_lrate;otestingmodel.otest_accuracy)",
    )
    sets = "itrainingmodel otrainingmodel oadaptation otestingmodel"
    check(found, "oadaptation.new_lrate, otestingmodel.otest_accuracy", sets, TRAINING, ADAPTATION, TESTING)
    assert found.sets == tuple(sets.split())
    assert rows(found) == alexnet1.expected(
        sets,
        lambda i, o, a, t: (a.new_lrate, t.otest_accuracy),
        lambda i, o, a, t: same("trainingmodel", i, o) and same("adaptation", o, a) and same("testingmodel", o, t),
    )


def test_example_8_without_projections_the_joined_columns_come(alexnet1: Recording) -> None:
    found = planned("alexnet1", "P / source(itrainingmodel) / target(otrainingmodel)")
    check(
        found,
        "itrainingmodel.trainingmodel_task_id, otrainingmodel.trainingmodel_task_id",
        "itrainingmodel otrainingmodel",
        TRAINING,
    )
    assert found.header == ("trainingmodel_task_id", "trainingmodel_task_id")
    tasks = rows(found)
    assert len(tasks) == 3
    assert all(left == right for left, right in tasks)


def test_example_9_without_a_mapping_every_row_meets_every_other(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1", "source(itrainingmodel) / target(otrainingmodel) / projection(itrainingmodel.learning_rate)"
    )
    check(found, "itrainingmodel.learning_rate", "itrainingmodel otrainingmodel")
    assert rows(found) == [(0.001,), (0.002,), (0.01,)]
    assert "there is no mapping: every row" in found.warnings[0]


def test_example_10_without_a_target_conditions_keep_their_parentheses(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel) / projection(itrainingmodel.learning_rate) / "
        "selection(itrainingmodel.learning_rate>0)",
    )
    assert found.sql == (
        "SELECT itrainingmodel.learning_rate\nFROM itrainingmodel\nWHERE (itrainingmodel.learning_rate>0)\n;"
    )
    assert rows(found) == [(0.001,), (0.002,), (0.01,)]


def test_examples_11_and_12_without_a_path_only_the_source_is_asked(alexnet1: Recording) -> None:
    against = "P / source(otrainingmodel) / target(itrainingmodel)"
    around = "P / source(itrainingmodel) / target(oadaptation) / exclude(otrainingmodel)"
    assert planned("alexnet1", against).sets == ("otrainingmodel",)
    assert planned("alexnet1", against).warnings == (
        "no path leads from otrainingmodel to itrainingmodel: only otrainingmodel is asked",
    )
    assert planned("alexnet1", around).sets == ("itrainingmodel",)
    assert "from itrainingmodel to oadaptation around otrainingmodel" in planned("alexnet1", around).warnings[0]
    with pytest.raises(dlprov.QueryError, match=r"line 4: 'itrainingmodel.learning_rate' needs itrainingmodel, which"):
        planned("alexnet1", f"{against} / projection(itrainingmodel.learning_rate)")
    with pytest.raises(dlprov.QueryError, match=r"needs oadaptation, which is not .* asked \(itrainingmodel\)"):
        planned("alexnet1", f"{around} / projection(oadaptation.new_lrate)")


def test_example_13_two_unrelated_sets(alexnet1: Recording) -> None:
    found = planned(
        "alexnet1",
        "P / source(itrainingmodel;ilayers) / target(itrainingmodel;ilayers) / "
        "projection(itrainingmodel.learning_rate;ilayers.value)",
    )
    check(found, "itrainingmodel.learning_rate, ilayers.value", "itrainingmodel ilayers")
    assert rows(found) == alexnet1.expected(
        "itrainingmodel ilayers", lambda i, layer: (i.learning_rate, layer.value), lambda i, layer: True
    )
    assert len(rows(found)) == 18
    assert "every row of each set" in found.warnings[0]


UPPER = ("(s0.t0_task_id = s1.t0_task_id)", "(s1.t1_task_id = s3.t1_task_id)")
LOWER = ("(s0.t0_task_id = s2.t0_task_id)", "(s2.t1_task_id = s3.t1_task_id)")


def test_example_14_all_paths_of_a_diamond_must_hold(pre: Recording) -> None:
    found = planned("pre", "P / source(s0) / target(s3) / projection(s0.a;s3.d)")
    check(found, "s0.a, s3.d", "s0 s1 s2 s3", *UPPER, *LOWER)
    assert found.sets == ("s0", "s1", "s3", "s2")
    assert rows(found) == pre.expected(
        "s0 s1 s2 s3",
        lambda a, b, c, d: (a.a, d.d),
        lambda a, b, c, d: same("t0", a, b, c) and same("t1", b, c, d),
    )
    # Without s2, the third run is on no path of all.
    assert rows(found) == [(0, 100), (1, 101)]


def test_examples_15_and_16_include_and_exclude(pre: Recording) -> None:
    included = planned("pre", "P / source(s0) / target(s3) / projection(s0.a;s3.d) / include(s2)")
    check(included, "s0.a, s3.d", "s0 s2 s3", *LOWER)
    assert rows(included) == [(0, 100), (1, 101)]
    excluded = planned("pre", "H / source(s0) / target(s3) / projection(s0.a;s3.d) / exclude(s2)")
    check(excluded, "s0.a, s3.d", "s0 s1 s3", *UPPER, "(s0.k = s1.k)", "(s1.k = s3.k)")
    assert excluded.conditions == (UPPER[0], "(s0.k = s1.k)", UPPER[1], "(s1.k = s3.k)")
    assert rows(excluded) == pre.expected(
        "s0 s1 s3",
        lambda a, b, d: (a.a, d.d),
        lambda a, b, d: same("t0", a, b) and same("t1", b, d) and a.k == b.k == d.k,
    )
    assert rows(excluded) == [(0, 100), (2, 102)]


def test_example_17_logical_without_projections(pre: Recording) -> None:
    found = planned("pre", "L / source(s0) / target(s3) / exclude(s2)")
    check(found, "s0.k, s1.k, s3.k", "s0 s1 s3", "(s0.k = s1.k)", "(s1.k = s3.k)")
    assert found.header == ("k", "k", "k")
    assert rows(found) == pre.expected("s0 s1 s3", lambda a, b, d: (a.k, b.k, d.k), lambda a, b, d: a.k == b.k == d.k)


def test_example_18_dlprov(alexnet: Recording) -> None:
    found = planned("alexnet", "P / source(itrain) / target(otest) / projection(itrain.learning_rate;otest.accuracy)")
    sets = "itrain otrainedmodel otest"
    check(
        found,
        "itrain.learning_rate, otest.accuracy",
        sets,
        "(itrain.train_task_id = otrainedmodel.train_task_id)",
        "(otrainedmodel.test_task_id = otest.test_task_id)",
    )
    assert rows(found) == alexnet.expected(
        sets,
        lambda i, m, t: (i.learning_rate, t.accuracy),
        lambda i, m, t: same("train", i, m) and same("test", m, t),
    )
    assert len(rows(found)) == 2


def test_examples_19_and_20_from_the_first_set_to_the_last(alexnet: Recording) -> None:
    lines = "P / source(iinputdataset) / target(otest) / projection(iinputdataset.dataset_name;otest.accuracy)"
    links = [
        ("iinputdataset", "oloaddata", "loaddata"),
        ("oloaddata", "ofilter", "applyfilter"),
        ("ofilter", "otrainset", "splitdata"),
        ("ofilter", "otestset", "splitdata"),
        ("ofilter", "ovalset", "splitdata"),
        ("otrainset", "otrainedmodel", "train"),
        ("ovalset", "otrainedmodel", "train"),
        ("otrainedmodel", "otest", "test"),
        ("otestset", "otest", "test"),
    ]
    joins = {link: "({0}.{2}_task_id = {1}.{2}_task_id)".format(*link) for link in links}
    sets = "iinputdataset oloaddata ofilter otrainset otrainedmodel otest otestset ovalset"
    found = planned("alexnet", lines)
    check(found, "iinputdataset.dataset_name, otest.accuracy", sets, *joins.values())
    assert found.sets[:6] == tuple(sets.split()[:6])

    def is_joined(*elements: Row) -> bool:
        by_tag = dict(zip(sets.split(), elements, strict=True))
        return all(same(by, by_tag[left], by_tag[right]) for left, right, by in joins)

    expected = alexnet.expected(sets, lambda i, *others: (i.dataset_name, others[4].accuracy), is_joined)
    assert rows(found) == expected
    assert [name for name, _ in expected] == ["flowers 0", "flowers 1"]

    around = planned("alexnet", f"{lines} / exclude(otestset)")
    kept = [text for pair, text in joins.items() if "otestset" not in pair]
    check(around, "iinputdataset.dataset_name, otest.accuracy", sets.replace("otestset ", ""), *kept)
    assert len(kept) == 7
    assert rows(around) == expected


def test_example_21_names_that_come_twice(alexnet: Recording) -> None:
    found = planned(
        "alexnet",
        "P / source(itrain) / target(otrain;otest) / projection(itrain.learning_rate;otrain.loss;otest.loss)",
    )
    assert found.sql == (
        "SELECT itrain.learning_rate, otrain.loss, otest.loss\n"
        "FROM itrain, otrain, otrainedmodel, otest\n"
        "WHERE (itrain.train_task_id = otrain.train_task_id) AND (itrain.train_task_id = otrainedmodel.train_task_id) "
        "AND (otrainedmodel.test_task_id = otest.test_task_id)\n;"
    )
    assert found.header == ("learning_rate", "loss", "loss")
    result = answer(dlprov.query.open_session(), found)
    assert result.columns == ["learning_rate", "loss", "loss_1"]
    assert result.sql == found.sql
    assert result.rows() == alexnet.expected(
        "itrain otrain otrainedmodel otest",
        lambda i, o, m, t: (i.learning_rate, o.loss, t.loss),
        lambda i, o, m, t: same("train", i, o, m) and same("test", m, t),
    )
    assert len(result) == 4


def test_rows_come_once_and_in_order_with_null_last(store: Path) -> None:
    with dlprov.start_run("ordered") as run, run.task("T") as task:
        for value in (2.0, math.nan, 1.0, None, 2.0, math.inf, 1.0):
            task.generated("o", x=value, y=str(value))
    found = dlprov.ask("source(o)\nprojection(o.x; o.y)")
    assert str(found.rows()) == "[(1.0, '1.0'), (2.0, '2.0'), (inf, 'inf'), (nan, 'nan'), (None, 'None')]"
