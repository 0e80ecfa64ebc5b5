"""Tasks of ``dfa_lib_python``: their arguments and messages, what is recorded of them, and whatever goes wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client_scripts import IMPORTS, PLAIN, Run, rows
from dfanalyzer_stub import Stub

import dlprov
from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.dependency import Dependency
from dfa_lib_python.task import Task


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


def test_a_number_that_no_table_holds_is_refused_as_by_the_service(run: Run) -> None:
    done = run(PLAIN + "Task(2**63, df, 'Count').begin()\nTask(2**63 - 1, df, 'Count').begin()")
    assert done.stdout.split()[1] != "200"
    assert "a whole number of 64 bits was expected as id" in done.stderr
    assert rows("SELECT identifier FROM task") == [(2**63 - 1,)]
