"""DfAnalyzer's tables, filled from what its clients report: every row that DfAnalyzer itself would have."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from run_logs import DATAFLOW, at, execution_log, rows

from dlprov.capture.dfanalyzer import profiles
from dlprov.log import events
from dlprov.log.values import encode
from dlprov.model import Attribute, Dataflow, Program, Set, Transformation


def attributes(*names: str, type: str = "NUMERIC") -> tuple[Attribute, ...]:
    return tuple(Attribute(name, type) for name in names)  # type: ignore[arg-type]


I_LAYERS = Set("iLayers", "INPUT", attributes("ILTIMESTAMP", "NAME", "ATTRIBUTE_TYPE", "VALUE", type="TEXT"))
I_TRAINING = Set(
    "iTrainingModel",
    "INPUT",
    (
        Attribute("ITRAIN_TIMESTAMP"),
        Attribute("OPTIMIZER_NAME"),
        *attributes("LEARNING_RATE", "NUM_EPOCHS", "NUM_LAYERS", "growth_rate"),
    ),
)
O_TRAINING = Set(
    "oTrainingModel",
    "OUTPUT",
    (
        Attribute("OTRAIN_TIMESTAMP"),
        Attribute("ELAPSED_TIME"),
        *attributes("EPOCH_ID", "loss", "accuracy", "val_loss", "val_accuracy"),
    ),
)
TAKEN = Set("oTrainingModel", "INPUT", dependency="TrainingModel")
O_ADAPTATION = Set("oAdaptation", "OUTPUT", attributes("NEW_LRATE", "ATIMESTAMP", "EPOCH_ID", "ADAPTATION_ID"))
O_TESTING = Set("oTestingModel", "OUTPUT", (Attribute("OTEST_TIMESTAMP"), *attributes("otest_loss", "otest_accuracy")))
KERAS = Dataflow(
    DATAFLOW,
    (
        Transformation("TrainingModel", (I_LAYERS, I_TRAINING, O_TRAINING)),
        Transformation("Adaptation", (TAKEN, O_ADAPTATION)),
        Transformation("TestingModel", (TAKEN, O_TESTING)),
    ),
)
TRAINING, ADAPTATION, TESTING = "@trainingmodel/1", "@adaptation/2", "@testingmodel/3"


def task(second: float, key: str = TRAINING, **said: object) -> events.Task:
    transformation, identifier = events.names_of_task(key) or ("", 0)
    return events.Task(at(second), key, transformation, identifier, **said)  # type: ignore[arg-type]


def end(second: float, key: str = TRAINING, **said: object) -> events.TaskEnd:
    return events.TaskEnd(at(second), key, "finished", **said)  # type: ignore[arg-type]


def generated(second: float, key: str, set: str, first: int, **element: object) -> events.Generated:
    return events.Generated(at(second), key, set, first, (element,))


def dependencies(dataflow: str = DATAFLOW) -> list[tuple[object, ...]]:
    return rows(
        f"""
        SELECT d.id, p.tag, n.tag, s.tag FROM data_dependency AS d JOIN data_set AS s ON s.id = d.ds_id
        JOIN dataflow AS f ON f.id = s.df_id AND f.tag = '{dataflow.lower()}'
        LEFT JOIN data_transformation AS p ON p.id = d.previous_dt_id
        LEFT JOIN data_transformation AS n ON n.id = d.next_dt_id ORDER BY d.id
        """
    )


TASKS = "SELECT status, workspace, computing_resource, output_msg, error_msg FROM task WHERE run_id IS NOT NULL"


def test_the_messages_of_keras_prov_give_its_rows_one_after_the_other(store: Path) -> None:
    """A training with adaptation and two epochs, and what is in the database after each message."""
    log = execution_log(store, "tag 2021-09-27", events.Plan(at(0), KERAS))
    schema = f'"{DATAFLOW.lower()}"'
    trained = f"SELECT id, trainingmodel_task_id, adaptation_task_id, testingmodel_task_id FROM {schema}.otrainingmodel"
    assert [row[0] for row in rows(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{schema[1:-1]}'")] == [
        "ds_ilayers", "ds_itrainingmodel", "ds_oadaptation", "ds_otestingmodel", "ds_otrainingmodel",
    ]  # fmt: skip
    for view in ("ilayers", "itrainingmodel", "otrainingmodel", "oadaptation", "otestingmodel"):
        assert rows(f"FROM {schema}.{view}") == []

    log.add(task(1))
    assert rows("SELECT tag FROM dataflow_execution") == [("tag 2021-09-27",)]
    assert rows("SELECT id, identifier, df_exec, status FROM task") == [(1, 1, "tag 2021-09-27", "RUNNING")]

    for number, layer in enumerate(("activation_1", "dropout_1"), start=1):
        row = {"ILTIMESTAMP": "1616622404.97", "NAME": layer, "ATTRIBUTE_TYPE": layer[:-2], "VALUE": "0.4"}
        log.add(events.Used(at(2), TRAINING, "iLayers", number, (row,)))
    assert rows(f"SELECT id, trainingmodel_task_id, name FROM {schema}.ilayers") == [
        (1, 1, "activation_1"),
        (2, 1, "dropout_1"),
    ]

    row = {"ITRAIN_TIMESTAMP": "1616622404.97", "OPTIMIZER_NAME": "Adam", "LEARNING_RATE": 0.0010000000474974513}
    log.add(events.Used(at(3), TRAINING, "iTrainingModel", 3, (row,)))
    assert rows(f"FROM {schema}.itrainingmodel") == [
        (1, 1, "1616622404.97", "Adam", 0.0010000000474974513, None, None, None)
    ]

    log.add(generated(4, TRAINING, "oTrainingModel", 4, OTRAIN_TIMESTAMP="1", ELAPSED_TIME="2.5", EPOCH_ID=0, loss=2.3))
    assert rows(trained) == [(1, 1, None, None)]

    log.add(task(5, ADAPTATION, depends_on=(TRAINING,)))
    assert rows("SELECT id, identifier FROM task") == [(1, 1), (2, 2)]
    assert rows("FROM task_dependency") == [(2, 1)]
    assert rows(trained) == [(1, 1, None, None)]

    log.add(generated(6, ADAPTATION, "oAdaptation", 5, NEW_LRATE=0.0005, EPOCH_ID=1, ADAPTATION_ID=1))
    log.add(events.Used(at(6), ADAPTATION, "oTrainingModel", generated_by=(TRAINING,)), end(6, ADAPTATION))
    assert rows(f"SELECT id, adaptation_task_id, new_lrate FROM {schema}.oadaptation") == [(1, 2, 0.0005)]
    assert rows(trained) == [(1, 1, 2, None)]

    log.add(generated(7, TRAINING, "oTrainingModel", 6, EPOCH_ID=1, loss=1.1))
    log.add(events.Performance(at(7), TRAINING, "2021-09-27 10:00:00", "2021-09-27 10:00:07"), end(7))
    assert rows(trained) == [(1, 1, 2, None), (2, 1, None, None)]
    assert rows("SELECT task_id, method, starttime, endtime FROM performance") == [
        (1, "null", "2021-09-27 10:00:00", "2021-09-27 10:00:07")
    ]

    log.add(task(8, TESTING, depends_on=(TRAINING,)))
    log.add(generated(9, TESTING, "oTestingModel", 7, OTEST_TIMESTAMP="9", otest_loss=0.9, otest_accuracy=0.7))
    log.add(events.Used(at(9), TESTING, "oTrainingModel", generated_by=(TRAINING,)), end(9, TESTING))
    assert rows(f"FROM {schema}.otestingmodel") == [(1, 3, "9", 0.9, 0.7)]
    assert rows(trained) == [(1, 1, 2, 3), (2, 1, None, 3)]
    assert rows("SELECT id, status FROM task") == [(1, "FINISHED"), (2, "FINISHED"), (3, "FINISHED")]


def test_there_is_one_dependency_for_each_pair_of_a_generating_and_a_using_transformation(store: Path) -> None:
    execution_log(store, "first", events.Plan(at(0), KERAS))
    expected = [
        (1, None, "trainingmodel", "ilayers"),
        (2, None, "trainingmodel", "itrainingmodel"),
        (3, "trainingmodel", "adaptation", "otrainingmodel"),
        (4, "adaptation", None, "oadaptation"),
        (5, "trainingmodel", "testingmodel", "otrainingmodel"),
        (6, "testingmodel", None, "otestingmodel"),
    ]
    assert dependencies() == expected
    execution_log(store, "second", events.Plan(at(1), KERAS))
    assert dependencies() == expected


def test_a_third_use_of_a_set_does_not_replace_an_earlier_one(store: Path) -> None:
    more = Transformation("Look", (TAKEN, Set("oLook", "OUTPUT")))
    execution_log(store, "first", events.Plan(at(0), KERAS), events.Plan(at(1), Dataflow(DATAFLOW, (more,))))
    assert [row[1:3] for row in dependencies() if row[3] == "otrainingmodel"] == [
        ("trainingmodel", "adaptation"),
        ("trainingmodel", "testingmodel"),
        ("trainingmodel", "look"),
    ]


def test_the_eight_dependencies_of_a_dataflow_with_a_filter(store: Path) -> None:
    """The second dump of Keras-Prov: a set declared as an input by mistake, and one with two users."""
    plan = Dataflow(
        "alexnet-nofilter",
        (
            Transformation("filters", (Set("ifilters", "INPUT"), Set("ofilters", "INPUT"))),
            Transformation(
                "trainingmodel", (*(Set(tag, "INPUT") for tag in ("ilayers", "itrainingmodel")), O_TRAINING)
            ),
            Transformation("adaptation", (TAKEN, O_ADAPTATION)),
            Transformation("testingmodel", (TAKEN, O_TESTING)),
        ),
    )
    execution_log(store, "first", events.Plan(at(0), plan), dataflow=plan.tag)
    assert rows("SELECT previous_dt_id, next_dt_id, ds_id FROM data_dependency ORDER BY id") == [
        (None, 1, 1), (None, 1, 2), (None, 2, 3), (None, 2, 4), (2, 3, 5), (3, None, 6), (2, 4, 5), (4, None, 7),
    ]  # fmt: skip
    assert rows("SELECT id, tag FROM data_set ORDER BY id")[4] == (5, "otrainingmodel")


def test_the_catalogue_is_in_the_order_of_the_specification_and_in_lower_case(store: Path) -> None:
    execution_log(store, "first", events.Plan(at(0), KERAS))
    execution_log(store, "second", events.Plan(at(0), KERAS))
    assert rows("SELECT tag FROM dataflow") == [("keras-alexnet-df",)]
    assert rows("FROM dataflow_version") == [(1, 1)]
    assert rows("SELECT id, df_id, tag FROM data_transformation") == [
        (1, 1, "trainingmodel"), (2, 1, "adaptation"), (3, 1, "testingmodel"),
    ]  # fmt: skip
    assert [tag for (tag,) in rows("SELECT tag FROM data_set")] == [
        "ilayers", "itrainingmodel", "otrainingmodel", "oadaptation", "otestingmodel",
    ]  # fmt: skip
    assert rows("SELECT id, name, type FROM attribute WHERE ds_id = 2") == [
        (5, "itrain_timestamp", "TEXT"), (6, "optimizer_name", "TEXT"), (7, "learning_rate", "NUMERIC"),
        (8, "num_epochs", "NUMERIC"), (9, "num_layers", "NUMERIC"), (10, "growth_rate", "NUMERIC"),
    ]  # fmt: skip


P7_COLUMNS = {
    "iinputdataset": "id, loaddata_task_id, dataset_name, dataset_source",
    "oloaddata": "id, loaddata_task_id, applyfilter_task_id, dataset_dir",
    "ifilter": "id, applyfilter_task_id, filter_type",
    "ofilter": "id, applyfilter_task_id, splitdata_task_id, pp_dataset",
    "isplitconfig": "id, splitdata_task_id, train_size, val_size, test_size",
    "otrainset": "id, splitdata_task_id, train_task_id, trainsetx, trainsety",
    "ovalset": "id, splitdata_task_id, train_task_id, valsetx, valsety",
    "otestset": "id, splitdata_task_id, test_task_id, testsetx, testsety",
    "itrain": "id, train_task_id, optimizer_name, learning_rate, num_epochs, batch_size, num_layers",
    "otrain": "id, train_task_id, timestamp, elapsed_time, loss, accuracy, val_loss, val_accuracy, epoch",
    "otrainedmodel": "id, train_task_id, test_task_id, model_name, model_dir",
    "oweights": "id, train_task_id, weights_path",
    "otest": "id, test_task_id, loss, accuracy",
}


def test_the_views_of_dlprov_have_its_columns_in_its_order(store: Path) -> None:
    plan = Dataflow("AlexNet", profiles.PROFILES["P7"])
    execution_log(store, "first", events.Plan(at(0), plan), dataflow=plan.tag)
    columns = "SELECT string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns() WHERE schema_name = "
    for view, expected in P7_COLUMNS.items():
        assert rows(f"{columns} 'alexnet' AND table_name = '{view}'") == [(expected,)]
        assert rows(f"{columns} 'alexnet' AND table_name = 'ds_{view}'") == [(f"{expected}, uuid",)]
    assert len(rows("FROM data_set")) == len(P7_COLUMNS)
    assert rows('SELECT timestamp FROM "alexnet".otrain') == []


def test_a_set_that_two_transformations_take_from_outside_has_a_column_for_each(store: Path) -> None:
    given = Set("iData", "INPUT", attributes("size"))
    plan = Dataflow("D", (Transformation("A", (given,)), Transformation("B", (given, given))))
    log = execution_log(store, "first", events.Plan(at(0), plan), dataflow="D")
    log.add(task(1, "@a/1"), events.Used(at(1), "@a/1", "iData", 1, ({"size": 1},)))
    log.add(task(2, "@b/1"), events.Used(at(2), "@b/1", "iData", 2, ({"size": 2},)))
    assert rows("SELECT a_task_id, b_task_id, size FROM d.idata") == [(1, None, 1.0), (None, 2, 2.0)]
    assert [row[1:3] for row in dependencies("D")] == [(None, "a"), (None, "b")]


def test_types_of_attributes_are_those_of_the_declaration(store: Path) -> None:
    kinds = ("TEXT", "NUMERIC", "FILE", "LONG_TEXT")
    declared = Set("s", "INPUT", tuple(Attribute(f"a_{kind}", kind) for kind in kinds))
    plan = Dataflow("D", (Transformation("T", (declared,)),))
    log = execution_log(store, "first", events.Plan(at(0), plan), dataflow="D")
    assert rows("SELECT type FROM attribute") == [(kind,) for kind in kinds]
    long = "x" * 1_000_000
    row = {"a_TEXT": "it's", "a_NUMERIC": 1, "a_FILE": "/f", "a_LONG_TEXT": long}
    log.add(task(1, "@t/1"), events.Used(at(1), "@t/1", "s", 1, (row,)))
    assert rows("SELECT * EXCLUDE (id, t_task_id) FROM d.s") == [("it's", 1.0, "/f", long)]
    assert rows("SELECT data_type FROM duckdb_columns() WHERE table_name = 's' ORDER BY column_index")[2:] == [
        ("VARCHAR",), ("DOUBLE",), ("VARCHAR",), ("VARCHAR",),
    ]  # fmt: skip


def test_numbers_are_as_the_client_sent_them(store: Path) -> None:
    log = execution_log(store, "first", events.Plan(at(0), KERAS), task(1))
    for number, value in enumerate((0.0010000000474974513, -9999999, None, math.nan, math.inf), start=1):
        log.add(generated(number, TRAINING, "oTrainingModel", number, loss=encode(value), ELAPSED_TIME="null"))
    (*finite, nan, infinite), texts = zip(
        *rows('SELECT loss, elapsed_time FROM "keras-alexnet-df".otrainingmodel ORDER BY id'), strict=True
    )
    assert finite == [0.0010000000474974513, -9999999.0, None]
    assert math.isnan(nan)
    assert infinite == math.inf
    assert set(texts) == {"null"}


def test_elements_are_inserted_whenever_they_come_and_linked_to_the_first_task_that_takes_them(store: Path) -> None:
    log = execution_log(store, "first", events.Plan(at(0), KERAS))
    log.add(task(1), task(1, "@trainingmodel/7"))
    for number, key in enumerate((TRAINING, TRAINING, "@trainingmodel/7", "@trainingmodel/7"), start=1):
        log.add(generated(2, key, "oTrainingModel", number, loss=0.5))
    columns = "trainingmodel_task_id, adaptation_task_id, testingmodel_task_id"
    taken = f'SELECT {columns} FROM "{DATAFLOW}".otrainingmodel ORDER BY id'

    def take(key: str, *producers: str) -> None:
        log.add(task(3, key), events.Used(at(3), key, "oTrainingModel", generated_by=producers))

    take(ADAPTATION, TRAINING)
    assert rows(taken) == [(1, 3, None), (1, 3, None), (2, None, None), (2, None, None)]
    log.add(generated(4, TRAINING, "oTrainingModel", 5, loss=0.25))
    assert rows(taken)[-1] == (1, None, None)
    take("@adaptation/9", TRAINING, "@trainingmodel/7")
    assert rows(taken) == [(1, 3, None), (1, 3, None), (2, 4, None), (2, 4, None), (1, 4, None)]
    take("@adaptation/2", TRAINING)
    take(TESTING, "@trainingmodel/7")
    assert rows(taken) == [(1, 3, None), (1, 3, None), (2, 4, 5), (2, 4, 5), (1, 4, None)]
    assert rows("SELECT count(*) FROM usage") == [(7,)]


def test_eight_runs_that_share_their_tasks_leave_only_the_last_rows_without_an_adaptation(store: Path) -> None:
    """The second dump of Keras-Prov: without executions, a later run links what an earlier one left."""
    log = execution_log(store, DATAFLOW, events.Plan(at(0), KERAS))
    element = 0
    for adapted in (19, 19, 19, 19, 9, 9, 9, 9):
        log.add(task(element))
        for epoch in range(100):
            if epoch == adapted:
                log.add(task(element, ADAPTATION, depends_on=(TRAINING,)))
                log.add(events.Used(at(element), ADAPTATION, "oTrainingModel", generated_by=(TRAINING,)))
            element += 1
            log.add(generated(element, TRAINING, "oTrainingModel", element, EPOCH_ID=epoch))
        log.add(end(element), task(element, TESTING, depends_on=(TRAINING,)))
        log.add(events.Used(at(element), TESTING, "oTrainingModel", generated_by=(TRAINING,)), end(element, TESTING))
    assert rows(
        f'SELECT adaptation_task_id, testingmodel_task_id, count(*), min(id) FROM "{DATAFLOW}".otrainingmodel '
        "GROUP BY ALL ORDER BY ALL"
    ) == [(2, 3, 709, 1), (None, 3, 91, 710)]
    assert rows("SELECT identifier, count(*) FROM task GROUP BY ALL ORDER BY ALL") == [(1, 1), (2, 1), (3, 1)]


def test_a_task_is_known_by_execution_transformation_and_identifier(store: Path) -> None:
    for execution in ("first", "second"):
        execution_log(store, execution, task(1), task(2), task(3, "@trainingmodel/2"), task(4, ADAPTATION))
    execution_log(store, "first", task(1), dataflow="other")
    assert rows("SELECT df_version, df_exec, dt_id, identifier FROM task ORDER BY ALL") == [
        (1, "first", 1, 1), (1, "first", 1, 2), (1, "first", 2, 2),
        (1, "second", 1, 1), (1, "second", 1, 2), (1, "second", 2, 2),
        (2, "first", 3, 1),
    ]  # fmt: skip
    assert rows("SELECT count(DISTINCT uuid) FROM task") == [(7,)]


def test_the_name_of_a_task_is_what_it_is_known_by(store: Path) -> None:
    log = execution_log(store, "first", events.Task(at(1), "@trainingmodel/4", "TrainingModel"))
    log.add(events.Task(at(2), "@TrainingModel/04", "Other", 5), end(3, "@trainingmodel/4"))
    assert rows(
        "SELECT t.identifier, d.tag, t.status FROM task AS t JOIN data_transformation AS d ON d.id = t.dt_id"
    ) == [(4, "trainingmodel", "FINISHED")]


def test_later_messages_change_status_output_and_error_only(store: Path) -> None:
    log = execution_log(store, "first", task(1, workspace="/w", resource="node1", status="READY"))
    assert rows(TASKS) == [("READY", "/w", "node1", "null", "null")]
    log.add(task(2, workspace="/other", resource="node2", output="half", error="a warning"))
    assert rows(TASKS) == [("RUNNING", "/w", "node1", "half", "a warning")]
    log.add(events.TaskEnd(at(3), TRAINING, "failed", 1.0, "no memory", "all"))
    assert rows(TASKS) == [("FAILED", "/w", "node1", "all", "no memory")]
    log.add(task(4), end(5))
    assert rows(TASKS) == [("FINISHED", "/w", "node1", "null", "null")]


def test_what_a_client_leaves_out_is_a_text_and_what_nobody_asks_for_is_missing(store: Path) -> None:
    log = execution_log(store, "first", task(1), events.Performance(at(1), TRAINING))
    log.add(events.Task(at(2), 1, "Native", 1), events.TaskEnd(at(3), 1, "finished", 1.0))
    assert rows(TASKS + " ORDER BY id") == [
        ("RUNNING", "null", "null", "null", "null"),
        ("FINISHED", None, None, None, None),
    ]
    assert rows("SELECT * EXCLUDE (id) FROM performance ORDER BY id") == [
        (1, None, "null", "null", "null", "null", "null"),
        (2, None, "null", "null", "2026-11-21 12:00:02.000000", "2026-11-21 12:00:03.000000", "null"),
    ]


PERFORMANCE = "SELECT subtask_id, method, description, starttime, endtime, invocation FROM performance ORDER BY id"


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_of_a_task_and_a_method_the_first_end_counts(store: Path, apart: bool) -> None:
    log = execution_log(store, "first", task(1))
    for said in (
        events.Performance(at(1), TRAINING, "10:00"),
        events.Performance(at(2), TRAINING, "10:01", method="COMPUTATION", description="x", subtask=1),
        events.Performance(at(3), TRAINING, "10:02", "10:03", invocation="train.py"),
        events.Performance(at(4), TRAINING, "10:04", "10:05", invocation="again.py"),
        events.Performance(at(5), TRAINING, "10:06", "10:07", method="COMPUTATION", description="y", subtask=1),
        events.Performance(at(6), TRAINING, "10:08", "10:09", method="COMPUTATION", subtask=2),
        events.Performance(at(7), TRAINING, "10:10", "10:11", method="COMPUTATION"),
    ):
        log.add(said)
        if apart:
            rows(PERFORMANCE)
    assert rows(PERFORMANCE) == [
        (None, "null", "null", "10:00", "10:03", "train.py"),
        (1, "COMPUTATION", "x", "10:01", "10:07", "null"),
        (2, "COMPUTATION", "null", "10:08", "10:09", "null"),
        (None, "COMPUTATION", "null", "10:10", "10:11", "null"),
    ]


def test_a_file_belongs_to_the_first_task_that_names_it(store: Path) -> None:
    log = execution_log(store, "first", task(1), events.File(at(1), TRAINING, "data.csv", "/w"))
    log.add(task(2, ADAPTATION), events.File(at(2), ADAPTATION, "data.csv", "/w"))
    log.add(events.File(at(2), ADAPTATION, "data.csv", "/v"), events.File(at(2), ADAPTATION, "data.csv"))
    assert rows("FROM file ORDER BY id") == [
        (1, 1, "data.csv", "/w"), (2, 2, "data.csv", "/v"), (3, 2, "data.csv", ""),
    ]  # fmt: skip
    execution_log(store, "second", task(1), events.File(at(1), TRAINING, "data.csv", "/w"))
    assert len(rows("FROM file")) == 3


def test_a_program_is_stored_once_and_linked_to_each_transformation_that_it_carries_out(store: Path) -> None:
    ours, theirs = Program("train.py", "/opt"), Program("train.py", "/bin")
    plan = Dataflow("D", (Transformation("A", (), (ours,)), Transformation("B", (), (ours, theirs, ours))))
    for execution in ("first", "second"):
        execution_log(store, execution, events.Plan(at(0), plan), dataflow="D")
        assert rows("FROM program ORDER BY id") == [(1, 1, "train.py", "/opt"), (2, 1, "train.py", "/bin")]
        assert rows("FROM use_program ORDER BY ALL") == [(1, 1), (2, 1), (2, 2)]
    execution_log(store, "first", events.Plan(at(0), Dataflow("E", plan.transformations)), dataflow="E")
    assert len(rows("FROM program")) == 4
