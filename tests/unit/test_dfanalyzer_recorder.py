"""The recorder of DfAnalyzer's messages: what each message leaves in the store."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import dlprov
from dlprov.capture.dfanalyzer import PROFILES, Recorder, UnknownDataflowError, plan_of, task_of
from dlprov.capture.dfanalyzer.files import REST_SECONDS
from dlprov.capture.dfanalyzer.shared_execution import SharedExecution
from dlprov.errors import StoreError
from dlprov.log.layout import log_files, run_directories
from dlprov.log.seal import verify_file
from dlprov.model import Dataflow

KERAS_PROV = {
    "tag": "keras-alexnet-df",
    "transformations": [
        {
            "tag": "TrainingModel",
            "sets": [
                {
                    "tag": "iTrainingModel",
                    "type": "INPUT",
                    "attributes": [{"name": "LEARNING_RATE", "type": "NUMERIC"}],
                },
                {
                    "tag": "oTrainingModel",
                    "type": "OUTPUT",
                    "attributes": [
                        {"name": "EPOCH_ID", "type": "NUMERIC"},
                        {"name": "loss", "type": "NUMERIC"},
                        {"name": "val_loss", "type": "NUMERIC"},
                    ],
                },
            ],
        },
        {
            "tag": "Adaptation",
            "sets": [
                {"tag": "oTrainingModel", "type": "INPUT", "dependency": "TrainingModel"},
                {"tag": "oAdaptation", "type": "OUTPUT", "attributes": [{"name": "NEW_LRATE", "type": "NUMERIC"}]},
            ],
        },
        {
            "tag": "TestingModel",
            "sets": [
                {"tag": "oTrainingModel", "type": "INPUT", "dependency": "TrainingModel"},
                {"tag": "oTestingModel", "type": "OUTPUT", "attributes": [{"name": "loss", "type": "NUMERIC"}]},
            ],
        },
    ],
}


class Client:
    """Sends messages of one dataflow and execution to a recorder, as JSON would bring them."""

    def __init__(self, recorder: Recorder, dataflow: str, execution: str) -> None:
        self.recorder = recorder
        self.common = {"dataflow": dataflow, "exec": execution}

    def send(self, transformation: str, number: int, status: str = "RUNNING", after: tuple[str, int] | None = None,
             **sets: list[Any]) -> tuple[str, ...]:  # fmt: skip
        message: dict[str, Any] = {**self.common, "transformation": transformation, "id": str(number), "status": status}
        if after:
            message["dependency"] = {"tags": [{"tag": after[0]}], "ids": [{"id": str(after[1])}]}
        message["sets"] = [{"tag": tag, "elements": elements} for tag, elements in sets.items()]
        return self.recorder.record(task_of(json.loads(json.dumps(message))))


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    return dlprov.query(sql, store=store).rows()


@pytest.fixture
def keras(tmp_path: Path) -> Client:
    recorder = Recorder(tmp_path)
    recorder.declare(plan_of(KERAS_PROV))
    return Client(recorder, "keras-alexnet-df", "e1")


def test_the_worked_example_gives_its_rows(keras: Client, tmp_path: Path) -> None:
    keras.send("trainingmodel", 1)
    keras.send("trainingmodel", 1, itrainingmodel=[["0.001"]])
    keras.send("trainingmodel", 1, otrainingmodel=[["0", "2.0", "2.1"]])
    keras.send("adaptation", 2, after=("trainingmodel", 1))
    keras.send("adaptation", 2, "FINISHED", ("trainingmodel", 1), oadaptation=[["0.0005"]])
    keras.send("trainingmodel", 1, "FINISHED", otrainingmodel=[["1", "1.0", "1.1"]])
    keras.send("testingmodel", 3, after=("trainingmodel", 1))
    keras.send("testingmodel", 3, "FINISHED", ("trainingmodel", 1), otestingmodel=[["0.9"]])

    assert rows(tmp_path, "SELECT id, identifier, status, df_exec FROM task ORDER BY id") == [
        (1, 1, "FINISHED", "e1"),
        (2, 2, "FINISHED", "e1"),
        (3, 3, "FINISHED", "e1"),
    ]
    assert rows(tmp_path, 'SELECT * FROM "keras-alexnet-df".otrainingmodel ORDER BY id') == [
        (1, 1, 2, 3, 0.0, 2.0, 2.1),
        (2, 1, None, 3, 1.0, 1.0, 1.1),
    ]
    assert rows(tmp_path, 'SELECT * FROM "keras-alexnet-df".oadaptation') == [(1, 2, 0.0005)]
    assert rows(tmp_path, 'SELECT * FROM "keras-alexnet-df".otestingmodel') == [(1, 3, 0.9)]


def test_a_dependency_without_elements_links_nothing(keras: Client, tmp_path: Path) -> None:
    keras.send("trainingmodel", 1, otrainingmodel=[["0", "2.0", "2.1"]])
    keras.send("adaptation", 2, "FINISHED", ("trainingmodel", 1))
    assert rows(tmp_path, 'SELECT adaptation_task_id FROM "keras-alexnet-df".otrainingmodel') == [(None,)]


def test_a_task_whose_epochs_come_while_another_takes_them_links_each_once(keras: Client, tmp_path: Path) -> None:
    for epoch in range(5):
        keras.send("trainingmodel", 1, otrainingmodel=[[str(epoch), "1", "1"]])
        if epoch in (1, 3):
            keras.send("adaptation", 2, after=("trainingmodel", 1), oadaptation=[["0.1"]])
            keras.send("adaptation", 2, "FINISHED", ("trainingmodel", 1), oadaptation=[["0.2"]])
    found = rows(tmp_path, 'SELECT epoch_id, adaptation_task_id FROM "keras-alexnet-df".otrainingmodel ORDER BY id')
    assert found == [(0, 2), (1, 2), (2, 2), (3, 2), (4, None)]
    assert len(rows(tmp_path, "SELECT * FROM usage")) == 4


def test_short_rows_are_padded_only_with_validation_metrics(keras: Client, tmp_path: Path) -> None:
    assert keras.send("trainingmodel", 1, otrainingmodel=[["0", "2.0"]]) == ()
    (remark,) = keras.send("trainingmodel", 1, otrainingmodel=[["0"]])
    assert "3 values a row were expected (epoch_id, loss, val_loss), got 1" in remark
    assert rows(tmp_path, 'SELECT epoch_id, loss, val_loss FROM "keras-alexnet-df".otrainingmodel') == [(0, 2.0, None)]


def test_odd_numbers_keep_their_row(keras: Client, tmp_path: Path) -> None:
    keras.send("trainingmodel", 1, otrainingmodel=[["80-20", "nan", "-9999999"], ["null", "abc", "inf"]])
    found = rows(tmp_path, 'SELECT epoch_id, loss, val_loss FROM "keras-alexnet-df".otrainingmodel ORDER BY id')
    assert found[0][0] == 60.0
    assert math.isnan(found[0][1])
    assert found[0][2] == -9999999.0
    assert found[1] == (None, None, math.inf)


def test_an_unknown_set_is_told_and_the_rest_is_stored(keras: Client, tmp_path: Path) -> None:
    (remark,) = keras.send("trainingmodel", 1, oextrairnumeros=[["1"]], itrainingmodel=[["0.1"]])
    assert "'oextrairnumeros'" in remark
    assert "itrainingmodel, otrainingmodel" in remark
    assert rows(tmp_path, 'SELECT learning_rate FROM "keras-alexnet-df".itrainingmodel') == [(0.1,)]


def test_elements_of_a_set_that_another_task_makes_are_passed_over(keras: Client, tmp_path: Path) -> None:
    keras.send("trainingmodel", 1, otrainingmodel=[["0", "1", "1"]])
    assert keras.send("adaptation", 2, after=("trainingmodel", 1), otrainingmodel=[["7", "7", "7"]]) == ()
    assert rows(tmp_path, 'SELECT epoch_id, adaptation_task_id FROM "keras-alexnet-df".otrainingmodel') == [(0, 2)]


def test_a_dataflow_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownDataflowError, match=r"declared before was expected, got 'nobody'"):
        Client(Recorder(tmp_path), "nobody", "e").send("t", 1)
    assert not (tmp_path / "runs").exists()


def test_a_dataflow_is_known_from_the_store_and_from_whoever_knows_more(tmp_path: Path) -> None:
    Recorder(tmp_path).declare(plan_of(KERAS_PROV))
    assert Client(Recorder(tmp_path), "KERAS-alexnet-df".lower(), "e").send("trainingmodel", 1) == ()
    elsewhere = Recorder(tmp_path, find_plan=lambda tag: Dataflow(tag, PROFILES["P7"]) if tag == "alexnet" else None)
    Client(elsewhere, "alexnet", "e").send("train", 4, otest=[], itrain=[["adam", "0.1", "3", "32", "4"]])
    assert rows(tmp_path, "SELECT optimizer_name, batch_size FROM alexnet.itrain") == [("adam", 32.0)]


def test_what_was_found_elsewhere_is_not_lost_when_more_is_declared_here(
    tmp_path: Path,
) -> None:
    elsewhere = plan_of(KERAS_PROV)
    first = Client(Recorder(tmp_path, find_plan=lambda _: elsewhere), "keras-alexnet-df", "e")
    assert first.send("train", 4, itrain=[["adam", "0.1", "3", "32", "4"]]) == ()
    again = Client(Recorder(tmp_path, find_plan=lambda _: elsewhere), "keras-alexnet-df", "e")
    assert again.send("trainingmodel", 1, itrainingmodel=[["0.1"]]) == ()
    assert rows(tmp_path, 'SELECT learning_rate FROM "keras-alexnet-df".itrainingmodel') == [(0.1,)]


def test_declaring_again_changes_nothing_and_declaring_more_adds(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for _ in range(10):
        recorder.declare(plan_of(KERAS_PROV))
    Recorder(tmp_path).declare(plan_of(KERAS_PROV))
    (directory,) = run_directories(tmp_path)
    assert len(log_files(directory)) == 1
    assert rows(tmp_path, "SELECT count(*) FROM dataflow_version") == [(1,)]
    assert rows(tmp_path, "SELECT * FROM run") == []
    attributes = [{"name": "growth_rate", "type": "NUMERIC"}]
    more = {"tag": "DenseBlock", "sets": [{"tag": "iDenseBlock", "type": "INPUT", "attributes": attributes}]}
    recorder.declare(plan_of({"tag": "keras-alexnet-df", "transformations": [more]}))
    assert rows(tmp_path, "SELECT tag FROM data_transformation ORDER BY id") == [
        ("trainingmodel",),
        ("adaptation",),
        ("testingmodel",),
        ("denseblock",),
    ]
    assert rows(tmp_path, 'SELECT * FROM "keras-alexnet-df".idenseblock') == []
    assert all(verify_file(path).verdict == "sealed" for path in log_files(directory))


def test_a_restart_goes_on_with_the_same_tasks(tmp_path: Path) -> None:
    for epoch in range(3):
        recorder = Recorder(tmp_path)
        recorder.declare(plan_of(KERAS_PROV))
        Client(recorder, "keras-alexnet-df", "e1").send("trainingmodel", 1, otrainingmodel=[[str(epoch), "1", "1"]])
        # No close: the process is gone.
    assert rows(tmp_path, "SELECT identifier, df_exec FROM task") == [(1, "e1")]
    assert rows(tmp_path, "SELECT tag FROM dataflow_execution") == [("e1",)]
    found = rows(tmp_path, 'SELECT epoch_id, trainingmodel_task_id FROM "keras-alexnet-df".otrainingmodel')
    assert sorted(found) == [(0, 1), (1, 1), (2, 1)]


def test_messages_without_an_execution_share_one(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.declare(plan_of(KERAS_PROV))
    for number in (1, 2):
        recorder.record(task_of({"dataflow": "keras-alexnet-df", "transformation": "trainingmodel", "id": number}))
    assert rows(tmp_path, "SELECT tag FROM dataflow_execution") == [("keras-alexnet-df",)]
    assert rows(tmp_path, "SELECT identifier FROM task ORDER BY id") == [(1,), (2,)]


def test_a_run_ends_when_its_tasks_have_ended_and_goes_on_with_the_next_message(keras: Client, tmp_path: Path) -> None:
    keras.send("trainingmodel", 1)
    keras.recorder.tick(time.monotonic() + REST_SECONDS + 1)
    assert rows(tmp_path, "SELECT status FROM run") == [("running",)]
    keras.send("trainingmodel", 1, "FINISHED")
    keras.recorder.tick()
    assert rows(tmp_path, "SELECT status FROM run") == [("running",)]
    keras.recorder.tick(time.monotonic() + REST_SECONDS + 1)
    assert rows(tmp_path, "SELECT status FROM run") == [("finished",)]
    keras.send("testingmodel", 3)
    assert rows(tmp_path, "SELECT status FROM run") == [("running",)]
    keras.send("testingmodel", 3, "FINISHED_WITH_ERROR")
    keras.recorder.close()
    assert rows(tmp_path, "SELECT status FROM run") == [("finished",)]
    assert rows(tmp_path, "SELECT status FROM task ORDER BY id") == [("FINISHED",), ("FAILED",)]
    assert all(verify_file(path).verdict == "sealed" for run in run_directories(tmp_path) for path in log_files(run))


def test_what_a_client_says_of_a_task_is_in_its_row(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.declare(plan_of(KERAS_PROV))
    common = {"dataflow": "keras-alexnet-df", "transformation": "trainingmodel", "id": 1, "exec": "e"}
    recorder.record(task_of({**common, "status": "READY", "workspace": "/w", "resource": "node1"}))
    assert rows(tmp_path, "SELECT status, workspace, computing_resource, output_msg FROM task") == [
        ("READY", "/w", "node1", "null")
    ]
    times = [{"startTime": "2025-11-26 16:00:01", "endTime": "2025-11-26 16:00:09", "method": "COMPUTATION"}]
    files = [{"name": "ext1.data", "path": "/w/out"}]
    last = {"status": "FINISHED", "output": "done", "performances": times, "files": files, "subid": "2"}
    recorder.record(task_of({**common, **last, "email": "bob@fictional.com", "hardware": '{"hostname": "vm"}'}))
    assert rows(tmp_path, "SELECT status, workspace, output_msg, error_msg FROM task") == [
        ("FINISHED", "/w", "done", "null")
    ]
    assert rows(tmp_path, "SELECT subtask_id, method, description, starttime, endtime FROM performance") == [
        (2, "COMPUTATION", "null", "2025-11-26 16:00:01", "2025-11-26 16:00:09")
    ]
    assert rows(tmp_path, "SELECT name, path FROM file") == [("ext1.data", "/w/out")]
    assert rows(tmp_path, "SELECT email FROM data_scientist") == [("bob@fictional.com",)]
    machine = "SELECT hostname FROM hardware_info AS h JOIN dataflow_execution AS e ON e.hardware_id = h.id"
    assert rows(tmp_path, machine) == [("vm",)]


def send_profile(client: Client, *messages: tuple[str, int, tuple[str, int] | None, dict[str, list[Any]]]) -> None:
    for transformation, number, after, sets in messages:
        assert client.send(transformation, number, "FINISHED", after, **sets) == ()


def test_older_scripts_find_their_profile_beside_the_one_that_was_declared(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.declare(Dataflow("mnist", PROFILES["P7"]))
    send_profile(
        Client(recorder, "mnist", "e1"),
        ("loaddata", 1, None, {"iinputdataset": [["mnist", "tf"]], "oloaddata": [["d"]]}),
        ("splitdata", 2, ("loaddata", 1), {"isplitconfig": [["80"]], "otrainset": [["a"]], "otestset": [["b"]]}),
        ("trainmodel", 3, ("splitdata", 2), {"itrainmodel": [["adam", "0.1", "2", "4"]]}),
        ("trainmodel", 3, ("splitdata", 2), {"otrainmodel": [["t", "1", "0.3", "0.9", "-9999999", "-9999999", "0"]]}),
        ("trainmodel", 3, ("splitdata", 2), {"otrainedmodel": [["m", "d"]]}),
        ("testmodel", 4, ("trainmodel", 3), {"otestmodel": [["0.1", "0.97"]]}),
    )
    # Registered for good: another process needs not see the first messages.
    again = Client(Recorder(tmp_path), "mnist", "e2")
    send_profile(again, ("trainmodel", 3, None, {"itrainmodel": [["sgd", "0.2", "3", "5"]]}))
    assert rows(tmp_path, "SELECT ratio FROM mnist.isplitconfig") == [(80.0,)]
    assert rows(tmp_path, "SELECT trainset FROM mnist.otrainset") == [("a",)]
    assert rows(tmp_path, "SELECT optimizer_name, num_layers FROM mnist.itrainmodel ORDER BY id") == [
        ("adam", 4.0),
        ("sgd", 5.0),
    ]
    assert rows(tmp_path, "SELECT epoch, testmodel_task_id FROM mnist.otrainmodel, mnist.otrainedmodel") == [(0, 4)]
    assert rows(tmp_path, "SELECT accuracy FROM mnist.otestmodel") == [(0.97,)]


@pytest.mark.parametrize("name", PROFILES)
def test_a_script_of_any_profile_runs_although_nothing_is_declared_but_the_tag(name: str, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.declare(Dataflow("df"))
    client = Client(recorder, "df", "e")
    numbers = {form.tag.lower(): number for number, form in enumerate(PROFILES[name], 1)}
    for form in PROFILES[name]:
        tag = form.tag.lower()
        client.send(tag, numbers[tag])
        producers = [item.dependency for item in form.sets if item.dependency]
        message = {**client.common, "transformation": tag, "id": numbers[tag], "status": "FINISHED"}
        message["dependency"] = {
            "tags": [{"tag": producer} for producer in producers],
            "ids": [{"id": numbers[producer]} for producer in producers],
        }
        own = [item for item in form.sets if not item.dependency]
        message["sets"] = [
            {"tag": item.tag.lower(), "elements": [[str(n) for n in range(len(item.attributes))]]} for item in own
        ]
        assert recorder.record(task_of(message)) == ()
    expected = {
        item.tag.lower(): [attribute.name.lower() for attribute in item.attributes]
        for form in PROFILES[name]
        for item in form.sets
        if not item.dependency
    }
    for tag, columns in expected.items():
        found = dlprov.query(f"SELECT * FROM df.{tag}", store=tmp_path)
        assert [column for column in found.columns if column != "id" and not column.endswith("_task_id")] == columns
        assert len(found) == 1
        consumers = [column for column in found.columns if column.endswith("_task_id")]
        (links,) = dlprov.query(f"SELECT {', '.join(consumers)} FROM df.{tag}", store=tmp_path).rows()
        assert None not in links


EXTRACTED = {
    "tag": "simulation",
    "transformations": [
        {
            "tag": "solve",
            "sets": [
                {
                    "tag": "osolve",
                    "type": "OUTPUT",
                    "attributes": [
                        {"name": "case", "type": "TEXT"},
                        {"name": "x", "type": "NUMERIC", "extractor": "velocity"},
                        {"name": "u", "type": "NUMERIC", "extractor": "velocity"},
                    ],
                    "extractors": [{"tag": "velocity", "cartridge": "EXTRACTION", "extension": "CSV"}],
                }
            ],
        }
    ],
}


def solve(recorder: Recorder, workspace: Path, file: str) -> tuple[str, ...]:
    recorder.declare(plan_of(EXTRACTED))
    sets = [{"tag": "osolve", "elements": [["first", file]]}]
    message = {"dataflow": "simulation", "transformation": "solve", "id": 1, "exec": "e", "sets": sets}
    return recorder.record(task_of({**message, "workspace": str(workspace)}))


def test_the_rows_of_a_file_that_an_extractor_reads_stand_beside_the_element(tmp_path: Path) -> None:
    (tmp_path / "velocity.data").write_text("X;U\n1;0.5\n2;0.25\n")
    assert solve(Recorder(tmp_path / "store", raw_data=None), tmp_path, "velocity.data") == ()
    found = rows(tmp_path / "store", 'SELECT "case", x, u FROM simulation.osolve ORDER BY x')
    assert found == [("first", 1.0, 0.5), ("first", 2.0, 0.25)]
    assert rows(tmp_path / "store", "SELECT name FROM file") == [("velocity.data",)]


def test_files_of_clients_are_read_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "velocity.data").write_text("X;U\n1;0.5\n")
    (remark,) = solve(Recorder(tmp_path / "store"), tmp_path, "velocity.data")
    assert "cannot be asked for" in remark
    found = rows(tmp_path / "store", 'SELECT "case", x, u FROM simulation.osolve')
    assert found == [("first", None, None)]
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.data").symlink_to(tmp_path / "velocity.data")
    recorder = Recorder(tmp_path / "other", raw_data=[inside])
    for file in ("link.data", "../velocity.data", "/etc/passwd"):
        assert "cannot be asked for" in solve(recorder, inside, file)[0]
    (inside / "own.data").write_text("X;U\n1;0.5\n")
    assert solve(recorder, inside, "own.data") == ()
    assert rows(tmp_path / "other", "SELECT u FROM simulation.osolve WHERE u IS NOT NULL") == [(0.5,)]


def test_clients_in_many_threads_keep_their_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.declare(plan_of(KERAS_PROV))

    def work(number: int) -> None:
        client = Client(recorder, "keras-alexnet-df", "e1")
        for epoch in range(100):
            client.send("trainingmodel", number, otrainingmodel=[[str(epoch), "1", "1"]])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = rows(
        tmp_path,
        'SELECT t.identifier, list(s.epoch_id ORDER BY s.id) FROM "keras-alexnet-df".otrainingmodel s '
        "JOIN task t ON t.id = s.trainingmodel_task_id GROUP BY ALL ORDER BY ALL",
    )
    assert found == [(number, [float(epoch) for epoch in range(100)]) for number in range(1, 9)]


def test_every_message_is_one_write(keras: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras.send("trainingmodel", 1)
    written: list[bytes] = []
    original = os.write

    def watched(file: int, data: bytes) -> int:
        written.append(data)
        return original(file, data)

    monkeypatch.setattr(os, "write", watched)
    keras.send("trainingmodel", 1, "FINISHED", itrainingmodel=[["1"]], otrainingmodel=[["1", "2", "3"]])
    (text,) = written
    assert text.count(b"\n") == 3


def test_a_disk_that_refuses_is_told_and_later_messages_are_stored(tmp_path: Path) -> None:
    """A real refusal: the kernel's limit on the size of files, in a process of its own."""
    program = f"""
import json, resource, signal
from pathlib import Path
from dlprov.capture.dfanalyzer import Recorder, plan_of, task_of
from dlprov.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
recorder = Recorder(Path({str(tmp_path)!r}))
recorder.declare(plan_of(json.loads({json.dumps(json.dumps(KERAS_PROV))})))
def send(epoch):
    recorder.record(task_of({{"dataflow": "keras-alexnet-df", "transformation": "trainingmodel", "id": 1, "exec": "e",
                             "sets": [{{"tag": "otrainingmodel", "elements": [[str(epoch), "1", "1"]]}}]}}))
send(0)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
stored, refused = [0], 0
for epoch in range(1, 60):
    try:
        send(epoch)
        stored.append(epoch)
    except StoreError as error:
        refused += 1
        assert "free some space" in str(error), error
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
send(60)
print(json.dumps([[*stored, 60], refused]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    stored, refused = json.loads(done.stdout)
    assert refused
    found = rows(tmp_path, 'SELECT epoch_id FROM "keras-alexnet-df".otrainingmodel ORDER BY epoch_id')
    assert [int(row[0]) for row in found] == stored


def test_a_store_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a store")
    with pytest.raises(StoreError, match="cannot be written"):
        Recorder(tmp_path / "file").declare(plan_of(KERAS_PROV))


def test_processes_that_live_at_once_share_an_execution_and_later_ones_do_not(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from dlprov.capture.dfanalyzer.shared_execution import SharedExecution
print(SharedExecution(Path(sys.argv[1]), "Federated").join(sys.argv[2], ""), flush=True)
sys.stdin.read()
"""

    def start(tag: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), tag],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(process: subprocess.Popen[str]) -> str:
        assert process.stdout
        return process.stdout.readline().strip()

    server = start("first")
    assert said(server) == "first"
    client = start("second")
    assert said(client) == "first"
    server.communicate("")
    late = start("third")
    assert said(late) == "first"
    for process in (client, late):
        process.kill()
        process.communicate()
    after = start("fourth")
    assert said(after) == "fourth"
    after.communicate("")


def test_child_processes_inherit_the_execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLPROV_EXECUTION", "")
    assert SharedExecution(tmp_path, "A").join("a1", "") == "a1"
    handed = os.environ["DLPROV_EXECUTION"]
    assert SharedExecution(tmp_path / "elsewhere", "a").join("a2", handed) == "a1"
    assert SharedExecution(tmp_path / "elsewhere", "b").join("b1", "no json") == "b1"
