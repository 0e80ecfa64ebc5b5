"""The SQL that Keras-Prov, DLProv and Flower-PROV print in their documentation, and that their users type."""

from __future__ import annotations

import csv
import io
import os
import re
import select
import sys
import time

import pytest

import dlprov
from dlprov import model
from dlprov.capture.dfanalyzer import PROFILES, Recorder, task_of

KERAS_PROV = (
    model.Transformation(
        "TrainingModel",
        (
            model.Set(
                "iTrainingModel",
                "INPUT",
                (
                    model.Attribute("OPTIMIZER_NAME"),
                    model.Attribute("LEARNING_RATE", "NUMERIC"),
                    model.Attribute("NUM_EPOCHS", "NUMERIC"),
                ),
            ),
            model.Set(
                "oTrainingModel",
                "OUTPUT",
                (
                    model.Attribute("TIMESTAMP"),
                    model.Attribute("ELAPSED_TIME"),
                    *(model.Attribute(name, "NUMERIC") for name in ("LOSS", "ACCURACY", "VAL_ACCURACY", "EPOCH")),
                ),
            ),
        ),
    ),
    model.Transformation(
        "Adaptation",
        (
            model.Set("oTrainingModel", "INPUT", dependency="trainingmodel"),
            model.Set(
                "oAdaptation",
                "OUTPUT",
                (
                    model.Attribute("NEW_LRATE", "NUMERIC"),
                    model.Attribute("TIMESTAMP"),
                    model.Attribute("EPOCH_ID", "NUMERIC"),
                    model.Attribute("ADAPTATION_ID", "NUMERIC"),
                ),
            ),
        ),
    ),
    model.Transformation(
        "TestingModel",
        (
            model.Set("oTrainingModel", "INPUT", dependency="trainingmodel"),
            model.Set(
                "oTestingModel", "OUTPUT", (model.Attribute("LOSS", "NUMERIC"), model.Attribute("ACCURACY", "NUMERIC"))
            ),
        ),
    ),
)
"""Keras-Prov's dataflow, as in the databases of its authors."""

EXECUTION = "alexnet-2025-11-26 16:00:00.123456"


class Client:
    """What a client says of one execution."""

    def __init__(self, recorder: Recorder, dataflow: str, execution: str, **more) -> None:
        self.recorder = recorder
        self.common = {"dataflow": dataflow, "exec": execution, **more}

    def task(self, number, transformation, sets, *, after=(), status="FINISHED"):
        dependency = {"tags": [{"tag": tag} for tag, _ in after], "ids": [{"id": str(task)} for _, task in after]}
        message = {
            "id": str(number),
            "transformation": transformation,
            "status": status,
            "sets": [{"tag": tag, "elements": [row]} for tag, row in sets],
            "performances": [{"startTime": "2025-11-26 16:00:01", "endTime": "2025-11-26 16:00:09"}],
        }
        if after:
            message["dependency"] = dependency
        remarks = self.recorder.record(task_of(message | self.common))
        assert all("80-20 was calculated" in remark for remark in remarks)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A store with DLProv's dataflows of 2024 and 2025, and one of Keras-Prov."""
    store = tmp_path_factory.mktemp("readme") / "store"
    store.mkdir()
    recorder = Recorder(store)
    recorder.declare(model.Dataflow("mnist", PROFILES["P2"]))
    recorder.declare(model.Dataflow("alexnet", PROFILES["P7"]))
    recorder.declare(model.Dataflow("alexnet-df-1", KERAS_PROV))
    mnist = Client(recorder, "mnist", "mnist-2024-10-21 16:32:51.503436")
    mnist.task(1, "loaddata", [("iinputdataset", ["mnist", "tf.keras.datasets.mnist"]), ("oloaddata", ["data"])])
    split = [("isplitconfig", ["80-20"]), ("otrainset", ["train.npz"]), ("otestset", ["test.npz"])]
    mnist.task(2, "splitdata", split, after=[("loaddata", 1)])
    first = [("itrainmodel", ["adam", "0.0010000000474974513", "2", "4"])]
    mnist.task(3, "trainmodel", first, after=[("splitdata", 2)], status="RUNNING")
    for epoch, (loss, accuracy, seconds) in enumerate([("0.3029", "0.9122", "11.9"), ("0.1457", "0.9569", "10.3")]):
        row = [f"2024-10-21 16:33:4{epoch}", seconds, loss, accuracy, "-9999999", "-9999999", str(epoch)]
        mnist.task(3, "trainmodel", [("otrainmodel", row)], after=[("splitdata", 2)], status="RUNNING")
    mnist.task(4, "testmodel", [("otestmodel", ["0.1027", "0.9689"])], after=[("splitdata", 2), ("trainmodel", 3)])
    hardware = {"hostname": "vm", "os": "Linux", "gpus": "Not available", "in_container": True}
    alexnet = Client(recorder, "alexnet", EXECUTION, email="bob@fictional.com", hardware=hardware)
    alexnet.task(1, "loaddata", [("iinputdataset", ["OxfordFlowers17", "http://x"]), ("oloaddata", ["d/raw.npy"])])
    filtered = [("ifilter", ["Grayscale"]), ("ofilter", ["d/gray.npy"])]
    alexnet.task(2, "applyfilter", filtered, after=[("loaddata", 1)])
    alexnet.task(3, "splitdata", [("isplitconfig", ["1088", "136", "136"])], after=[("applyfilter", 2)])
    alexnet.task(4, "train", [("itrain", ["Adam", "0.001", "2", "64", "33"])], after=[("splitdata", 3)])
    for epoch in (1, 2):
        row = [f"2025-11-26 16:01:0{epoch}", "10.5", str(2.5 / epoch), str(epoch / 10), "nan", "0.25", str(epoch)]
        alexnet.task(4, "train", [("otrain", row)], after=[("splitdata", 3)])
    alexnet.task(5, "test", [("otest", ["0.5", "0.75"])], after=[("splitdata", 3), ("train", 4)])
    keras = Client(recorder, "alexnet-df-1", "alexnet-df-12020-11-09 00:18:59")
    keras.task(1, "trainingmodel", [("itrainingmodel", ["Adam", "0.1", "4"])], status="RUNNING")
    for epoch in range(4):
        row = [f"160488115{epoch}.2433584", f"1{epoch}.5", str(4 - epoch), str(epoch / 4), str(epoch / 8), str(epoch)]
        keras.task(1, "trainingmodel", [("otrainingmodel", row)], status="RUNNING")
        if epoch == 1:
            keras.task(
                2, "adaptation", [("oadaptation", ["0.05", "1604881151", "1", "1"])], after=[("trainingmodel", 1)]
            )
    keras.task(3, "testingmodel", [("otestingmodel", ["2.25", "0.5"])], after=[("trainingmodel", 1)])
    recorder.close()
    return store


@pytest.fixture
def answer(dlprov_command, recorded):
    """The rows that ``dlprov query`` gives, by column."""

    def ask(sql):
        found = dlprov_command("query", sql, "--format", "csv", "--store", str(recorded))
        assert (found.returncode, found.stderr) == (0, "")
        return list(csv.DictReader(io.StringIO(found.stdout)))

    return ask


@pytest.fixture
def shell(dlprov_command, recorded):
    """Feeds ``dlprov shell`` through a pipe."""

    def feed(typed):
        return dlprov_command("shell", "--store", str(recorded), input=typed)

    return feed


def columns(answer):
    return list(answer[0])


def test_dataflows_and_executions(answer):
    assert [row["tag"] for row in answer("SELECT * FROM dataflow;")] == ["mnist", "alexnet", "alexnet-df-1"]
    executions = answer("SELECT * FROM dataflow_execution;")
    assert columns(executions) == ["id", "uuid", "tag", "df_id", "scientist_id", "hardware_id"]
    assert {row["tag"] for row in executions} >= {EXECUTION, "mnist-2024-10-21 16:32:51.503436"}
    assert answer("SELECT tag FROM dataflow;") == [{"tag": tag} for tag in ("mnist", "alexnet", "alexnet-df-1")]
    assert len(answer("SELECT tag FROM dataflow_execution;")) == 3


def test_dlprovs_readme(answer):
    settings = answer('SET SCHEMA "alexnet"; SELECT * FROM itrain;')
    assert columns(settings) == [
        "id", "train_task_id", "optimizer_name", "learning_rate", "num_epochs", "batch_size", "num_layers",
    ]  # fmt: skip
    assert list(settings[0].values())[2:] == ["Adam", "0.001", "2.0", "64.0", "33.0"]
    epochs = answer('SET SCHEMA "alexnet";\nSELECT * FROM otrain;')
    assert columns(epochs) == [
        "id", "train_task_id", "timestamp", "elapsed_time", "loss", "accuracy", "val_loss", "val_accuracy", "epoch",
    ]  # fmt: skip
    assert [(row["epoch"], row["loss"], row["val_loss"]) for row in epochs] == [
        ("1.0", "2.5", "NaN"),
        ("2.0", "1.25", "NaN"),
    ]
    assert answer('SET SCHEMA "alexnet"; SELECT loss, accuracy FROM otest;') == [{"loss": "0.5", "accuracy": "0.75"}]


def test_the_readme_of_october_2024(answer):
    found = answer('SET SCHEMA "mnist"; SELECT * FROM otrainmodel;')
    assert [(row["loss"], row["accuracy"], row["val_loss"], row["epoch"]) for row in found] == [
        ("0.3029", "0.9122", "-9999999.0", "0.0"),
        ("0.1457", "0.9569", "-9999999.0", "1.0"),
    ]
    assert answer('SELECT ratio FROM "mnist".isplitconfig') == [{"ratio": "60.0"}]


def test_names_in_any_case_quoted_and_with_their_schema(shell):
    names = ["otrain", "oTrain", "OTRAIN", '"otrain"', '"alexnet".otrain', '"alexnet"."otrain"']
    asked = [f"SELECT count(*) AS n, 'of it' AS x FROM {name};" for name in names]
    found = shell('SET SCHEMA "alexnet";\n' + "\n".join(asked))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.count("2  of it") == len(names)


def test_a_set_and_its_table_agree_but_for_the_uuid(answer):
    view = answer('SELECT * FROM "alexnet"."otrain"')
    table = answer('SELECT * FROM "alexnet"."ds_otrain"')
    assert all(len(row["uuid"]) == 36 for row in table)
    assert [{name: value for name, value in row.items() if name != "uuid"} for row in table] == view


def test_the_best_accuracy_of_each_configuration(answer):
    sql = """
        SET SCHEMA "alexnet-df-1";
        SELECT i.optimizer_name, i.learning_rate, i.num_epochs, MAX(o.val_accuracy) AS best
        FROM itrainingmodel i, otrainingmodel o
        WHERE i.trainingmodel_task_id = o.trainingmodel_task_id
        GROUP BY i.optimizer_name, i.learning_rate, i.num_epochs;
    """
    found = {"optimizer_name": "Adam", "learning_rate": "0.1", "num_epochs": "4.0", "best": "0.375"}
    assert answer(sql) == [found]


def test_the_history_of_the_learning_rate(answer):
    sql = """
        SET SCHEMA "alexnet-df-1";
        SELECT a.epoch_id, a.new_lrate, o.accuracy, o.val_accuracy
        FROM oadaptation a, otrainingmodel o
        WHERE a.adaptation_task_id = o.adaptation_task_id AND a.epoch_id = o.epoch;
    """
    found = {"epoch_id": "1.0", "new_lrate": "0.05", "accuracy": "0.25", "val_accuracy": "0.125"}
    assert answer(sql) == [found]


def test_loss_and_time_of_an_epoch(answer):
    sql = 'SET SCHEMA "alexnet-df-1"; SELECT loss, accuracy, elapsed_time FROM otrainingmodel WHERE epoch = 3;'
    assert answer(sql) == [{"loss": "1.0", "accuracy": "0.75", "elapsed_time": "13.5"}]


def test_runs_ranked_by_the_accuracy_of_the_test(answer):
    sql = 'SET SCHEMA "alexnet-df-1"; SELECT id, loss, accuracy FROM otestingmodel ORDER BY accuracy DESC;'
    assert answer(sql) == [{"id": "1", "loss": "2.25", "accuracy": "0.5"}]


def test_dfanalyzers_own_queries(answer):
    found = answer(
        """
        SELECT pdt.tag AS previous, ndt.tag AS next, ds.tag AS dataset
        FROM data_dependency dd
        LEFT JOIN data_transformation pdt ON dd.previous_dt_id = pdt.id
        LEFT JOIN data_transformation ndt ON dd.next_dt_id = ndt.id, data_set ds
        WHERE dd.ds_id = ds.id AND ds.tag = 'otrainingmodel' ORDER BY next;
        """
    )
    assert found == [
        {"previous": "trainingmodel", "next": "adaptation", "dataset": "otrainingmodel"},
        {"previous": "trainingmodel", "next": "testingmodel", "dataset": "otrainingmodel"},
    ]
    tasks = answer("SELECT dt.tag, t.* FROM task t, data_transformation dt WHERE t.dt_id = dt.id ORDER BY t.id")
    assert [row["tag"] for row in tasks[:4]] == ["loaddata", "splitdata", "trainmodel", "testmodel"]
    assert tasks[0]["workspace"] == "null"


def test_the_subquery_for_the_version_of_a_dataflow(answer):
    sql = """
        SELECT t.identifier FROM "public".task t, "public".dataflow d
        WHERE d.tag = 'mnist' AND t.df_version = (SELECT version FROM "public".dataflow_version WHERE df_id = d.id)
        AND t.id IN (SELECT id FROM task) ORDER BY t.identifier;
    """
    assert [row["identifier"] for row in answer(sql)] == ["1", "2", "3", "4"]


def test_the_catalogue_of_monetdb(answer):
    sql = """
        SELECT c.name, c.type, c."null", c.number FROM sys.columns c, sys.tables t, sys.schemas s
        WHERE c.table_id = t.id AND t.schema_id = s.id AND s.name = 'alexnet-df-1' AND t.name = 'ds_itrainingmodel'
        ORDER BY c.number;
    """
    assert [(row["name"], row["type"], row["number"]) for row in answer(sql)] == [
        ("id", "int", "0"),
        ("trainingmodel_task_id", "int", "1"),
        ("optimizer_name", "varchar", "2"),
        ("learning_rate", "double", "3"),
        ("num_epochs", "double", "4"),
        ("uuid", "varchar", "5"),
    ]
    names = answer(
        "SELECT name FROM sys.tables WHERE system = false AND type = 1 AND name LIKE 'otrain%' ORDER BY name"
    )
    assert [row["name"] for row in names] == [
        "otrain", "otrainedmodel", "otrainedmodel", "otrainingmodel", "otrainmodel", "otrainset", "otrainset",
    ]  # fmt: skip
    assert answer("SET SCHEMA sys; SELECT count(*) AS n FROM tables WHERE name = 'dataflow'") == [{"n": "1"}]


def test_functions_and_types_of_monetdb(answer):
    expected = {
        "SUM(CAST(elapsed_time AS DOUBLE))": "48.0",
        "AVG(CAST(elapsed_time AS DOUBLE PRECISION))": "12.0",
        "MAX(CAST(epoch AS INT))": "3",
        "MIN(CAST(loss AS CLOB))": "1.0",
        "MIN(CAST(loss AS STRING))": "1.0",
        "MEDIAN(loss)": "2.5",
        "sys.median(loss)": "2.0",
        "MIN('epoch ' || epoch)": "epoch 0.0",
        "COUNT(DISTINCT timestamp)": "4",
        "MAX(current_timestamp) > TIMESTAMP '2026-01-01 00:00:00'": "true",
        "sys.group_concat(CAST(CAST(epoch AS INT) AS STRING), '+')": "0+1+2+3",
    }
    listed = ", ".join(f"{expression} AS c{place}" for place, expression in enumerate(expected))
    found = answer(f'SELECT {listed} FROM "alexnet-df-1".otrainingmodel')
    assert dict(zip(expected, found[0].values(), strict=True)) == expected


def test_names_that_are_words_of_sql_need_no_quotes(answer):
    sql = """
        SELECT timestamp, value FROM (SELECT timestamp, loss AS value FROM "alexnet-df-1".otrainingmodel) o
        WHERE value > 1 ORDER BY timestamp DESC LIMIT 1 OFFSET 1
    """
    assert answer(sql) == [{"timestamp": "1604881151.2433584", "value": "3.0"}]


def test_what_would_change_something_is_refused_with_what_to_do(shell):
    advice = {
        "ALTER TABLE ds_itrainingmodel ADD x NUMERIC;": "becomes a column by itself",
        "CREATE VIEW best AS SELECT MAX(accuracy) FROM otrainingmodel;": "WITH name AS",
        """UPDATE "alexnet-df-1"."ds_otrainingmodel" SET uuid = 'x' WHERE id = 1;""": "has its uuid from the start",
        "/* all */ DELETE FROM task;": "remove the directory of a run",
        "COPY 1 RECORDS INTO ds_ilayers FROM stdin USING DELIMITERS '|','\\n','\"';": "dlprov import",
    }
    found = shell('SET SCHEMA "alexnet-df-1";\n' + "\n".join(advice))
    assert found.returncode == 1
    refused = found.stderr.splitlines()
    assert len(refused) == len(advice)
    for said, wanted in zip(refused, advice.values(), strict=True):
        assert said.startswith("dlprov: a question was expected, got a")
        assert wanted in said


def test_a_session_of_the_shell(shell):
    found = shell('SELECT * FROM dataflow;\nSET SCHEMA "alexnet";\n\\d\n\\d otrain\nSELECT * FROM itrain;\n\\q\n')
    assert (found.returncode, found.stderr) == (0, "")
    assert all(name in found.stdout for name in ("ds_itrain", "otrainedmodel", "val_accuracy", "Adam"))


def test_a_table_is_described_however_it_is_named(shell):
    names = ["otrain", "oTrain", '"otrain"', 'alexnet."otrain"', '"alexnet".OTRAIN']
    found = shell('SET SCHEMA "alexnet";\n' + "".join(f"\\d {name}\n" for name in names))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.count("val_accuracy") == len(names)


def test_tables_and_views_alone(shell):
    tables, views = (shell(f'SET SCHEMA "alexnet"; {order}').stdout for order in ("\\dt", "\\dv"))
    assert "ds_otrain" in tables
    assert "view" not in tables
    assert "ds_otrain" not in views
    assert "otrain" in views


def test_what_is_not_there_is_a_message(shell):
    found = shell("\\d nothing\n\\d a.b.c\n\\D nothing\n\\Dx\n")
    assert found.returncode == 1
    assert len(found.stderr.splitlines()) == 4
    assert all(line.startswith("dlprov: ") for line in found.stderr.splitlines())


def test_dataflows_with_the_names_of_the_engines_own_schemas(store):
    for tag in ("memory", "sys", "main"):
        with dlprov.start_run(tag) as run, run.task("Train") as task:
            task.generated("oTrain", epoch=1)
    for tag in ("memory", "SYS", "main"):
        assert dlprov.query(f'SET SCHEMA "{tag}"; SELECT epoch FROM otrain').rows() == [(1,)]
    assert dlprov.query("SELECT count(*) FROM sys.tables WHERE name = 'otrain'").rows() == [(3,)]


def test_a_dump_of_one_table(shell):
    found = shell('SET SCHEMA "alexnet";\n\\D ds_otest\n\\D otest\n')
    assert found.stderr == ""
    lines = found.stdout.splitlines()
    assert lines[lines.index("START TRANSACTION;") + 1] == 'CREATE TABLE "alexnet"."ds_otest" ('
    assert """COPY 1 RECORDS INTO "alexnet"."ds_otest" FROM stdin USING DELIMITERS E'\\t',E'\\n','"';""" in lines
    assert any(re.match(r"1\t\d+\t0\.5\t0\.75\t", line) for line in lines)
    assert lines[-2].startswith("CREATE VIEW alexnet.otest AS SELECT id, test_task_id")
    assert lines[-1] == "COMMIT;"


def test_a_dump_of_everything_comes_back(shell, dlprov_command, tmp_path):
    found = shell("\\D")
    assert (found.returncode, found.stderr) == (0, "")
    (tmp_path / "dump.sql").write_text(found.stdout, encoding="utf-8")
    imported = dlprov_command("import", "dump.sql", "--store", "second")
    assert (imported.returncode, imported.stderr) == (0, "")
    assert "3 dataflows, 3 runs, 12 tasks" in imported.stdout
    second = dlprov_command("shell", "--store", "second", input="\\D")
    assert comparable(second.stdout) == comparable(found.stdout)


def comparable(dump):
    """The statements of a dump with their rows, without what every store finds for itself."""
    # A row's uuid is made from the log that it came from, and the number of an execution tells when it was indexed.
    text = re.sub(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "a uuid", dump)
    statements = re.split(r"^(?=CREATE|COPY|SET)", text, flags=re.MULTILINE)
    found = {}
    for statement in statements:
        first, *rows = statement.splitlines()
        if "dataflow_execution" in first and first.startswith("COPY"):
            rows = sorted(row.split("\t", 1)[1] for row in rows)
        found[first] = rows
    assert len(found) > 80
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_a_session_at_a_terminal(recorded, store, monkeypatch):
    import pty  # noqa: PLC0415 - not on every platform

    monkeypatch.setenv("TERM", "dumb")
    pid, file = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-m", "dlprov", "shell", "--store", str(recorded)])
    seen = ""

    def until(prompt):
        nonlocal seen
        deadline = time.monotonic() + 60
        while prompt not in seen:
            ready, _, _ = select.select([file], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{prompt!r} did not come: {seen!r}"
            seen += os.read(file, 65536).decode("utf-8", "replace")
        before, _, seen = seen.partition(prompt)
        return before

    try:
        until("dlprov> ")
        os.write(file, b"SELECT tag FROM\n")
        until("......> ")
        os.write(file, b"dataflow;\n")
        assert "alexnet-df-1" in until("dlprov> ")
        os.write(file, b'SET SCHEMA "alexnet-df-1";\n')
        until("alexnet-df-1> ")
        os.write(file, b"\\d\n")
        assert "ds_oadaptation" in until("alexnet-df-1> ")
        os.write(file, b"SELECT count(*) FROM otrainingmodel WHERE adaptation_task_id IS NULL;\n")
        assert "2" in until("1 row")
        until("alexnet-df-1> ")
        os.write(file, b"\\q\n")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(file)
