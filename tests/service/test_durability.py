"""200 means stored: kills, full disks, answers that got lost, and many clients at a time."""

from __future__ import annotations

import http.client
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dlprov.log import events
from dlprov.log.layout import log_files, run_directories
from dlprov.log.reader import read_events
from dlprov.log.seal import verify_run

FLOW = {
    "tag": "many",
    "transformations": [
        {
            "tag": "step",
            "sets": [
                {
                    "tag": "oset",
                    "type": "OUTPUT",
                    "attributes": [{"name": "client", "type": "NUMERIC"}, {"name": "number", "type": "NUMERIC"}],
                }
            ],
        }
    ],
}


def message(client: int, number: int, execution: str = "") -> dict:
    row = [str(client), str(number)]
    found = {"dataflow": "many", "transformation": "step", "id": str(client), "status": "RUNNING"}
    return found | {"exec": execution, "sets": [{"tag": "oset", "elements": row}]}


class Client(threading.Thread):
    """Posts numbered messages on one connection, one after the other; ``answered`` were answered with 200."""

    def __init__(self, served, client: int, count: int, execution: str = "", first: int = 0, **labels) -> None:
        super().__init__()
        self.served, self.client, self.count, self.execution = served, client, count, execution
        self.first, self.labels = first, labels
        self.answered: list[int] = []
        self.asked: list[int] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.served.host, self.served.port, timeout=60)
        try:
            for number in range(self.first, self.first + self.count):
                self.asked.append(number)
                headers = {"DLProv-Message": f"client-{self.client}:{number}"} if self.labels else {}
                body = json.dumps(message(self.client, number, self.execution))
                connection.request("POST", "/pde/task/json", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered.append(number)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def stored_in(store: Path) -> dict[int, list[int]]:
    """The numbers of each client in the order in which the run logs have them, file by file."""
    found = defaultdict(list)
    for directory in run_directories(store):
        for path in sorted(log_files(directory), key=lambda path: path.stat().st_mtime_ns):
            for _, event in read_events(path):
                if isinstance(event, events.Generated):
                    for element in event.elements:
                        found[int(element["client"])].append(int(element["number"]))
    return found


@pytest.mark.parametrize(
    ("clients", "count", "executions"),
    [
        pytest.param(40, 25, 1, id="1,000 messages of one execution"),
        pytest.param(40, 25, 40, id="1,000 messages of 40 executions"),
        pytest.param(200, 250, 200, id="50,000 messages of 200 executions", marks=pytest.mark.slow),
        pytest.param(200, 250, 1, id="50,000 messages of one execution", marks=pytest.mark.slow),
    ],
)
def test_many_clients_at_a_time_each_message_once_and_in_order(serve, store, clients, count, executions):
    served = serve()
    assert served.post("/pde/dataflow/json", FLOW).status_code == 200
    workers = [Client(served, n, count, f"run {n % executions}") for n in range(clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(250)
    assert [worker.answered for worker in workers] == [list(range(count))] * clients
    assert served.ask("SELECT count(*), count(DISTINCT (client, number)) FROM many.oset") == [(clients * count,) * 2]
    served.stop()
    assert stored_in(store) == {n: list(range(count)) for n in range(clients)}
    assert served.ask("SELECT count(*) FROM log_problem") == [(0,)]
    assert served.ask("SELECT count(*) FROM run") == [(executions,)]


@pytest.mark.parametrize(
    ("clients", "after"), [(20, 0.15), (20, 0.4), (20, 0.8), pytest.param(200, 5.0, marks=pytest.mark.slow)]
)
def test_kill_9_in_the_middle_loses_nothing_that_was_answered(serve, store, clients, after):
    first = serve()
    first.post("/pde/dataflow/json", FLOW)
    workers = [Client(first, n, 100_000, f"run {n % 3}") for n in range(clients)]
    for worker in workers:
        worker.start()
    time.sleep(after)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    for worker in workers:
        worker.join(60)
    answered = sum(len(worker.answered) for worker in workers)
    assert answered > 10
    # The address file of the killed one is left behind, and its files have no seal: nothing needs repair.
    second = serve()
    for worker in workers:
        stored = second.ask(f"SELECT number FROM many.oset WHERE client = {worker.client} ORDER BY id")
        numbers = [int(row[0]) for row in stored]
        # At most the one that was under way is there without an answer.
        assert numbers in (worker.answered, worker.asked)
    assert second.post("/pde/task/json", message(1000, 1)).status_code == 200
    assert second.ask("SELECT number FROM many.oset WHERE client = 1000") == [(1,)]
    second.stop()
    assert second.ask("SELECT count(*) FROM log_problem") == [(0,)]


def test_what_is_sent_again_after_a_kill_is_stored_once(serve, store):
    """The answers are lost with the service; clients of ours send the last message again."""
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    done = dict.fromkeys(range(8), -1)
    for _ in range(4):
        workers = [Client(served, n, 100_000, f"run {n % 2}", first=done[n] + 1, label=True) for n in done]
        for worker in workers:
            worker.start()
        time.sleep(random.uniform(0.1, 0.5))
        served.stop(signal.SIGKILL)
        for worker in workers:
            worker.join(60)
            done[worker.client] = max([done[worker.client], *worker.answered])
        served = serve()
    last = [Client(served, n, 10, f"run {n % 2}", first=done[n] + 1, label=True) for n in done]
    for worker in last:
        worker.start()
    for worker in last:
        worker.join(60)
        assert worker.answered == list(range(done[worker.client] + 1, done[worker.client] + 11))
    served.stop()
    assert sum(done.values()) > 40
    assert stored_in(store) == {n: list(range(done[n] + 11)) for n in done}


def test_a_message_that_is_sent_twice_is_answered_twice_and_stored_once(serve, store):
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    label = {"DLProv-Message": "4711-0c2d9f1e:7"}
    for _ in range(3):
        answer = served.post("/pde/task/json", message(1, 7), headers=label)
        assert (answer.status_code, answer.json()) == (200, message(1, 7))
    served.stop()
    served = serve()
    assert served.post("/pde/task/json", message(1, 7), headers=label).status_code == 200
    # Another client, another number, another execution, or no name: those are messages of their own.
    served.post("/pde/task/json", message(1, 8), headers={"DLProv-Message": "4711-0c2d9f1e:8"})
    served.post("/pde/task/json", message(1, 9), headers={"DLProv-Message": "4712-0c2d9f1e:7"})
    served.post("/pde/task/json", message(1, 10, "another"), headers=label)
    for _ in range(2):
        served.post("/pde/task/json", message(1, 11))
    served.stop()
    assert sorted(stored_in(store)[1]) == [7, 8, 9, 10, 11, 11]


def test_a_message_that_was_refused_may_be_sent_again(serve, store):
    served = serve()
    label = {"DLProv-Message": "a:1"}
    assert served.post("/pde/task/json", message(1, 1), headers=label).status_code == 404
    served.post("/pde/dataflow/json", FLOW)
    assert served.post("/pde/task/json", message(1, 1), headers=label).status_code == 200
    assert served.ask("SELECT number FROM many.oset") == [(1,)]


def test_ending_answers_what_has_begun_and_seals_everything(serve, store):
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    workers = [Client(served, n, 100_000, f"run {n}") for n in range(5)]
    for worker in workers:
        worker.start()
    time.sleep(0.3)
    with socket.create_connection((served.host, served.port), 60) as slow:
        body = json.dumps(message(77, 1)).encode()
        slow.sendall(b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body))
        time.sleep(0.2)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        slow.sendall(body)
        assert slow.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert served.wait() == 0
    for worker in workers:
        worker.join(60)
    expected = {worker.client: worker.answered for worker in workers} | {77: [1]}
    stored = stored_in(store)
    assert {client: numbers[: len(expected[client])] for client, numbers in stored.items()} == expected
    for directory in run_directories(store):
        assert {found.verdict for found in verify_run(directory)} == {"sealed"}


def test_a_client_that_does_not_finish_keeps_nobody_from_ending_the_service(serve):
    served = serve()
    with socket.create_connection((served.host, served.port), 60) as slow:
        slow.sendall(b"POST /pde/task/json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        begin = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - begin < 12
        assert slow.recv(100) == b""
    assert "ERROR" not in served.text


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of its own, of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_507_and_what_was_answered_is_there(serve, small_disk, monkeypatch, refused, tmp_path):
    """The client sends again until there is room: each message is stored once."""
    monkeypatch.setenv("DLPROV_STORE", str(small_disk))
    served = serve(env={"DLPROV_STORE": str(small_disk)})
    served.store = small_disk
    served.post("/pde/dataflow/json", FLOW)
    (small_disk / "ballast").write_bytes(b"x" * 300_000)
    answered, number = [], 0
    while True:
        answer = served.post("/pde/task/json", message(1, number), headers={"DLProv-Message": f"one:{number}"})
        if answer.status_code != 200:
            break
        answered.append(number)
        number += 1
        assert number < 20_000
    said = refused(answer, 507)
    assert "No space left on device" in said
    assert "send it again" in said or "free" in said
    process = psutil.Process(served.process.pid)
    files = process.num_fds()
    for _ in range(50):
        refused(served.post("/pde/task/json", message(1, number), headers={"DLProv-Message": f"one:{number}"}), 507)
    assert process.num_fds() < files + 20
    (small_disk / "ballast").unlink()
    for again in (number, number, number + 1):
        headers = {"DLProv-Message": f"one:{again}"}
        assert served.post("/pde/task/json", message(1, again), headers=headers).status_code == 200
    served.stop()
    assert sorted(stored_in(small_disk)[1]) == list(range(number + 2))


def test_nothing_of_a_message_that_the_disk_refused_is_left(serve, small_disk):
    """Its beginning would fit: a message of many rows, again and again, while little room is left."""
    served = serve(env={"DLPROV_STORE": str(small_disk)})
    served.store = small_disk
    served.post("/pde/dataflow/json", FLOW)
    served.post("/pde/task/json", message(1, 0))
    ballast = small_disk / "ballast"
    entries = [{"tag": "oset", "elements": ["2", str(number)]} for number in range(300)]
    large = {**message(2, 0), "sets": entries, "exec": ""}
    refusals = 0
    for room in range(0, 40_000, 4096):
        free = shutil.disk_usage(small_disk).free + (ballast.stat().st_size if ballast.exists() else 0)
        with suppress(OSError):  # the index takes some of it meanwhile
            ballast.write_bytes(b"x" * max(0, free - room))
        refusals += served.post("/pde/task/json", large).status_code == 507
        if refusals >= 5:
            break
    assert refusals
    ballast.unlink()
    before = len(stored_in(small_disk)[2])
    assert served.post("/pde/task/json", large).status_code == 200
    assert len(stored_in(small_disk)[2]) == before + 300
    assert before % 300 == 0


def test_a_run_that_was_removed_meanwhile_is_begun_again(serve, store):
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    assert served.post("/pde/task/json", message(1, 1)).status_code == 200
    for path in (store / "runs").glob("[0-9a-f]*-*-*/"):
        if not path.name.startswith("dataflow-"):
            shutil.rmtree(path)
    # What goes into a file that has no name any more is lost with it: that must not be answered with 200.
    assert served.post("/pde/task/json", message(1, 2)).status_code == 507
    assert served.post("/pde/task/json", message(1, 2)).status_code == 200
    assert stored_in(store) == {1: [2]}


def test_more_executions_than_the_process_may_have_files(serve, store):
    """Each is a file that is open: the service asks for as many as the system gives."""

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1000:
        pytest.skip("the system gives no more")
    served = serve(preexec_fn=few)
    served.post("/pde/dataflow/json", FLOW)
    for number in range(300):
        assert served.post("/pde/task/json", message(1, number, f"run {number}")).status_code == 200
    assert served.ask("SELECT count(*) FROM run") == [(300,)]


def test_the_client_that_was_answered_sees_it_in_the_next_question(serve):
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    for number in range(10):
        served.post("/pde/task/json", message(1, number))
        assert served.ask("SELECT max(number) FROM many.oset") == [(number,)]


def test_everything_is_on_the_disk_before_the_answer(serve, store):
    """By what the file holds when the answer has come."""
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    for number in range(50):
        served.post("/pde/task/json", message(3, number))
        assert stored_in(store)[3] == list(range(number + 1))
    assert os.kill(served.process.pid, 0) is None
