"""With ``DFA_URL`` no message is lost, and no server, however it behaves, stops or slows the training."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlprov.capture.dfanalyzer import outbox
from dlprov.capture.dfanalyzer.delivery import Delivery
from dlprov.capture.dfanalyzer.outbox import Label, Queue
from dlprov.capture.dfanalyzer.server import Server
from dlprov.capture.faults import faults
from dlprov.errors import UsageError

sys.path.insert(0, str(Path(__file__).parent))

from dfanalyzer_stub import Request, Stub, eventually, free_port

SCRIPT = """
import sys, time
from dfa_lib_python.dataflow import Dataflow
from dfa_lib_python.transformation import Transformation
from dfa_lib_python.set import Set, SetType
from dfa_lib_python.attribute import Attribute, AttributeType
from dfa_lib_python.dataset import DataSet
from dfa_lib_python.element import Element
from dfa_lib_python.task import Task

first, count, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
numbers = Set("oNumbers", SetType.OUTPUT, [Attribute("N", AttributeType.NUMERIC)])
df = Dataflow("Counting", [Transformation("Count", [numbers])])
df.save()
task = Task(7, "Counting", "run-1", "Count")
for number in range(first, first + count):
    task.add_dataset(DataSet("oNumbers", [Element([number])]))
    task.save()
    sys.stdout.flush()
    time.sleep(pause)
"""


def environment(store: Path, url: str, **more: str) -> dict[str, str]:
    return {**os.environ, "DLPROV_STORE": str(store), "DFA_URL": url, **more}


def start(store: Path, url: str, first: int, count: int, pause: float = 0.0, code: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT + code, str(first), str(count), str(pause)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment(store, url), stdout=pipe, stderr=pipe, text=True)


def train(store: Path, url: str, first: int = 0, count: int = 20, pause: float = 0.0, code: str = "") -> str:
    """Run the script to its end; gives what it said on stderr."""
    with start(store, url, first, count, pause, code) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.count("200\n") >= count + 1
    return err


def numbers(requests: list[Request]) -> list[int]:
    return [int(row[0]) for one in requests for group in one.json.get("sets", ()) for row in group["elements"]]


def queues(store: Path) -> list[Path]:
    return sorted(store.glob("outbox/*/*.queue"))


def recorded(store: Path) -> int:
    """How many elements the run logs hold."""
    return sum(path.read_text().count('"event":"generated"') for path in store.glob("runs/*/*.jsonl"))


def test_messages_come_in_order_by_one_connection_with_the_double_slash_on_the_wire(store: Path) -> None:
    with Stub() as stub:
        train(store, stub.url)
        found = stub.wait(21)
    assert [one.target for one in found] == ["//pde/dataflow/json", *["//pde/task/json"] * 20]
    assert numbers(found) == list(range(20))
    assert len({one.connection for one in found}) == 1
    assert {one.headers["Content-Type"] for one in found} == {"application/json"}
    names = [one.headers["DLProv-Message"].rpartition(":") for one in found]
    assert [int(name[2]) for name in names] == list(range(1, 22))
    assert len({name[0] for name in names}) == 1
    assert queues(store) == []
    assert recorded(store) == 20


def test_a_message_names_the_log_that_holds_it(store: Path) -> None:
    with Stub() as stub:
        train(store, stub.url, count=2)
        found = stub.wait(3)
    run, _, writer = found[-1].headers["DLProv-Recorded"].partition("/")
    assert '"event":"generated"' in (store / "runs" / run / f"{writer}.jsonl").read_text()
    assert "DLProv-Recorded" not in found[0].headers


def test_without_dfa_url_nothing_is_sent_and_nothing_kept(store: Path) -> None:
    train(store, "", count=3)
    assert recorded(store) == 3
    assert not (store / "outbox").exists()


def test_a_late_server_gets_everything_from_the_next_process_what_was_left_first(store: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    begin = time.monotonic()
    told = train(store, url, 0, 20)
    assert time.monotonic() - begin < 10
    assert "Connection refused" in told
    assert "21 messages" in told
    with Stub(port=port) as stub:
        train(store, url, 100, 20)
        found = stub.wait(42)
    assert numbers(found) == [*range(20), *range(100, 120)]
    assert queues(store) == []


def test_a_server_that_comes_during_the_training_gets_everything(store: Path) -> None:
    port = free_port()
    with start(store, f"http://127.0.0.1:{port}/", 0, 60, 0.05) as process:
        assert process.stderr is not None
        # It has tried in vain.
        told = process.stderr.readline()
        with Stub(port=port) as stub:
            process.communicate(timeout=60)
            assert numbers(stub.wait(61)) == list(range(60))
    assert "Connection refused" in told
    assert queues(store) == []


def test_a_server_that_dies_and_comes_back_misses_nothing(store: Path) -> None:
    first = Stub()
    with start(store, first.url, 0, 80, 0.02) as process:
        first.wait(20)
        first.die()
        time.sleep(0.3)
        with Stub(port=first.port) as second:
            process.communicate(timeout=60)
            eventually(lambda: queues(store) == [])
            found = numbers([*first.taken, *second.taken])
    # The one that was being answered when the server died may have come twice.
    assert list(dict.fromkeys(found)) == list(range(80))
    assert len(found) <= 81


@pytest.mark.parametrize("kind", ["hangs", "hangs up", "is no HTTP server"])
def test_a_server_that_does_not_answer_holds_up_neither_training_nor_end(store: Path, kind: str) -> None:
    released = threading.Event()

    def answer(_: Request) -> int | None:
        if kind == "hangs up":
            return None
        released.wait(60)
        return 200

    with Stub(answer) as stub:
        url = stub.url if kind != "is no HTTP server" else stub.url.replace("http:", "https:")
        begin = time.monotonic()
        told = train(store, url, 0, 50)
        assert time.monotonic() - begin < 10
        released.set()
    assert "wait in" in told
    assert queues(store)
    with Stub(port=stub.port) as second:
        train(store, second.url, 50, 1)
        if kind != "is no HTTP server":
            assert numbers(second.wait(53)) == list(range(51))


def test_a_slow_server_does_not_slow_the_training(store: Path) -> None:
    def answer(_: Request) -> int:
        time.sleep(0.3)
        return 200

    timing = "\nprint(f'{time.process_time() - begin:.3f} {time.monotonic() - start:.3f}', file=sys.stderr)"
    head = "\nstart, begin = time.monotonic(), time.process_time()\nfor _ in range(200): task.save()"
    with Stub(answer) as stub:
        told = train(store, stub.url, 0, 1, code=head + timing)
    assert float(told.splitlines()[0].split()[1]) < 2, "200 messages would take this server a minute"


def test_the_end_waits_some_seconds_for_a_server_that_makes_progress(store: Path) -> None:
    def answer(_: Request) -> int:
        time.sleep(0.1)
        return 200

    with Stub(answer) as stub:
        train(store, stub.url, 0, 15)
        assert len(stub.taken) == 16, "all were delivered before the process ended"
    assert queues(store) == []


@pytest.mark.parametrize("status", [500, 502, 503, 429, 401, 302])
def test_what_is_not_the_messages_fault_is_tried_again_until_it_works(store: Path, status: int) -> None:
    refusals = iter([status] * 4)
    with Stub(lambda _: next(refusals, 200)) as stub:
        told = train(store, stub.url, 0, 30, 0.05)
        found = stub.wait(31)
    assert numbers(found) == list(range(30))
    assert told.count(f"answers {status}") == 1
    assert len(stub.requests) == 31 + 4


def test_a_rejected_message_is_kept_aside_and_the_others_go_on(store: Path) -> None:
    with Stub(lambda one: 400 if numbers([one]) in ([3], [5]) else 200) as stub:
        told = train(store, stub.url, 0, 10)
        found = stub.wait(9)
    assert numbers(found) == [0, 1, 2, 4, 6, 7, 8, 9]
    assert told.count("rejected a message (400") == 1
    (path,) = store.glob("outbox/*/*.rejected")
    kept = [line.split(" ", 1) for line in path.read_text().splitlines()]
    assert [json.loads(about)["status"] for about, _ in kept] == [400, 400]
    assert [json.loads(body)["sets"][0]["elements"] for _, body in kept] == [[["3"]], [["5"]]]
    assert queues(store) == []


def test_a_task_that_a_server_fails_at_is_kept_aside_once_it_takes_the_next(store: Path) -> None:
    # What is behind the second such message is left to the command.
    with Stub(lambda one: 500 if numbers([one]) in ([2], [4]) else 200) as stub:
        told = train(store, stub.url, 0, 4, code="time.sleep(4)\n")
        assert numbers(stub.taken) == [0, 1, 3]
        assert told.count("rejected a message (500") == 1
        train(store, stub.url, 4, 2)
        assert numbers(stub.taken) == [0, 1, 3]
        done = deliver(store)
        assert done.stdout.endswith(": 1 delivered, 1 rejected, 0 left\n")
        assert numbers(stub.taken) == [0, 1, 3, 5]
    kept = [line.split(" ", 1) for path in store.glob("outbox/*/*.rejected") for line in path.read_text().splitlines()]
    assert [json.loads(about)["status"] for about, _ in kept] == [500, 500]
    assert sorted(json.loads(body)["sets"][0]["elements"][0][0] for _, body in kept) == ["2", "4"]
    assert queues(store) == []


def test_no_task_comes_before_the_dataflow_that_a_server_fails_at(store: Path) -> None:
    with Stub(lambda one: 500 if "transformations" in one.json else 200) as stub:
        train(store, stub.url, 0, 3, code="time.sleep(4)\n")
        assert {one.target for one in stub.requests} == {"//pde/dataflow/json"}
        assert len(stub.requests) > 5
        assert deliver(store).stdout.endswith(": 0 delivered, 0 rejected, 4 left\n")


@pytest.mark.parametrize("server", ["there", "slow", "not there"])
def test_kill_9_loses_nothing_that_a_call_has_returned_for(store: Path, server: str) -> None:
    def slowly(_: Request) -> int:
        time.sleep(0.02)
        return 200

    port = free_port()
    stub = None if server == "not there" else Stub(slowly if server == "slow" else lambda _: 200, port)
    killed: list[range] = []
    for turn in range(4):
        with start(store, f"http://127.0.0.1:{port}/", 1000 * turn, 900, 0.0005) as process:
            assert process.stdout is not None
            told = sum(1 for _ in zip(range(random.randint(2, 300)), process.stdout, strict=False))
            process.send_signal(signal.SIGKILL)
            told += sum(line == "200\n" for line in process.stdout)
        killed.append(range(1000 * turn, 1000 * turn + told - 1))
    stub = stub or Stub(port=port)
    stub.answer = lambda _: 200
    with stub:
        train(store, stub.url, 9000, 1)
        eventually(lambda: queues(store) == [])
        found = stub.taken
    for returned in killed:
        got = [number for number in numbers(found) if number // 1000 == returned.start // 1000]
        assert list(dict.fromkeys(got))[: len(returned)] == list(returned), "in order, and none is missing"
    # Each kill may come between the answer to a message and the note that it came: then the next one sends it again,
    # by the same name.
    names = [one.headers["DLProv-Message"] for one in found]
    assert len(numbers(found)) - len(set(numbers(found))) <= len(names) - len(set(names))
    assert len(names) - len(set(names)) <= 4


def test_what_leaves_by_os_exit_is_delivered_by_the_next(store: Path) -> None:
    with Stub(lambda _: 503) as stub:
        with start(store, stub.url, 0, 10, code="\nimport os; os._exit(0)") as process:
            process.communicate(timeout=60)
        stub.answer = lambda _: 200
        train(store, stub.url, 10, 5)
        assert numbers(stub.wait(17)) == list(range(15))


FORKING = """
import os
children = []
for child in range(3):
    pid = os.fork()
    if pid == 0:
        for number in range(100 * child + 100, 100 * child + 120):
            task.add_dataset(DataSet("oNumbers", [Element([number])]))
            task.save()
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
task.add_dataset(DataSet("oNumbers", [Element([999])]))
task.save()
"""


def test_forked_children_have_queues_of_their_own(store: Path) -> None:
    with Stub() as stub:
        train(store, stub.url, 0, 5, code=FORKING)
        train(store, stub.url, 5, 1)
        eventually(lambda: queues(store) == [])
        found = stub.taken
    names = [one.headers["DLProv-Message"] for one in found]
    assert {*numbers(found)} == {*range(6), *range(100, 120), *range(200, 220), *range(300, 320), 999}
    # What a child was posting when it left by os._exit may come a second time.
    assert len(numbers(found)) - 67 <= len(names) - len(set(names)) <= 3
    by_client: dict[str, list[int]] = {}
    for one in found:
        client, _, number = one.headers["DLProv-Message"].rpartition(":")
        by_client.setdefault(client, []).append(int(number))
    assert len(by_client) == 5
    assert all(list(dict.fromkeys(order)) == sorted(set(order)) for order in by_client.values())


MULTIPROCESSING = """
import multiprocessing
def work(number):
    task.add_dataset(DataSet("oNumbers", [Element([number])]))
    task.save()
processes = [multiprocessing.get_context("fork").Process(target=work, args=(number,)) for number in (50, 51)]
for process in processes:
    process.start()
for process in processes:
    process.join()
"""


def test_children_of_multiprocessing_deliver_before_they_leave(store: Path) -> None:
    with Stub() as stub:
        train(store, stub.url, 0, 1, code=MULTIPROCESSING)
        assert sorted(numbers(stub.taken)) == [0, 50, 51]
    assert queues(store) == []


def test_of_several_processes_exactly_one_delivers_what_was_left(store: Path) -> None:
    port = free_port()
    for turn in range(5):
        train(store, f"http://127.0.0.1:{port}/", 100 * turn, 40)
    with Stub(port=port) as stub:
        processes = [start(store, stub.url, 1000 + 100 * turn, 1, 0.5) for turn in range(4)]
        for process in processes:
            process.communicate(timeout=60)
        eventually(lambda: queues(store) == [])
        found = numbers(stub.taken)
    assert sorted(found) == sorted([*(100 * a + b for a in range(5) for b in range(40)), 1000, 1100, 1200, 1300])


def test_a_full_disk_keeps_messages_in_memory_until_there_is_room(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(faults, "_told", set())
    port = free_port()
    delivery = Delivery(Server(f"http://127.0.0.1:{port}"), store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        delivery.send("/pde/task/json", b'{"n":0}')
        # Room for one and a half messages: the second is cut, the others refused.
        (path,) = queues(store)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size * 5 // 2, limits[1]))
        for number in range(1, 10):
            delivery.send("/pde/task/json", b'{"n":%d}' % number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert "kept in memory" in capsys.readouterr().err
    with Stub(port=port) as stub:
        assert [one.json["n"] for one in stub.wait(10)] == list(range(10))
        assert delivery.finish() == 0


def test_a_store_that_cannot_be_written_has_its_queue_in_the_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").write_text("no directory")
    with Stub() as stub:
        delivery = Delivery(Server(stub.url), tmp_path / "file" / "store")
        delivery.send("/pde/task/json", b"{}")
        stub.wait(1)
        assert delivery.finish() == 0


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=20), st.data())
def test_a_queue_cut_at_any_byte_gives_its_whole_messages(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, bool]], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("queue")
    bodies = [json.dumps({"text": "ü\n" * size}, ensure_ascii=False, indent=4 if odd else None) for size, odd in sizes]
    lines = [
        outbox.encode(Label(n, "//pde/task/json", len(text.encode())), text.encode())
        for n, text in enumerate(bodies, 1)
    ]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    path = directory / "1-a.queue"
    path.write_bytes(whole[:cut])
    queue = Queue.claim(path)
    assert queue is not None
    found = []
    while (message := queue.next()) is not None:
        found.append(message)
        queue.answered(message)
    assert [json.loads(message.body) for message in found] == [json.loads(text) for text in bodies[: len(found)]]
    assert whole[:cut].count(b"\n") == len(found)
    # Another process goes on behind them, also after the end of the cut message has come again.
    queue.write(b"\n" + lines[len(found)] if len(found) < len(lines) else b"\n")
    queue.release()
    again = Queue.claim(path)
    assert again is not None
    assert again.count() == (len(found) < len(lines))
    again.remove()
    assert list(directory.iterdir()) == []


def test_a_message_of_which_only_the_end_was_cut_comes_once(tmp_path: Path) -> None:
    line = outbox.encode(Label(1, "/pde/task/json", 2), b"{}")
    path = tmp_path / "1-a.queue"
    path.write_bytes(line.removesuffix(b"\n") + b"\n" + line)
    queue = Queue.claim(path)
    assert queue is not None
    assert queue.count() == 1
    message = queue.next()
    assert message is not None
    queue.answered(message)
    assert (queue.next(), queue.count()) == (None, 0)
    queue.remove()


@pytest.mark.parametrize("position", ["", "abc", "-5\n", "99999999999999999999\n"])
def test_a_position_that_makes_no_sense_means_the_beginning(tmp_path: Path, position: str) -> None:
    path = tmp_path / "1-a.queue"
    path.write_bytes(outbox.encode(Label(1, "/pde/task/json", 2), b"{}"))
    path.with_suffix(".position").write_text(position)
    queue = Queue.claim(path)
    assert queue is not None
    assert queue.count() == 1
    queue.release()


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://localhost:22000/", "http://localhost:22000", "//pde/task/json"),
        ("http://localhost:22000", "http://localhost:22000", "/pde/task/json"),
        (" localhost:22000/ ", "http://localhost:22000", "//pde/task/json"),
        ("https://me:secret@Example.org/dfa/", "https://example.org:443", "/dfa//pde/task/json"),
        ("http://[::1]:80", "http://[::1]:80", "/pde/task/json"),
        ("http://host/with blank", "http://host:80", "/with%20blank/pde/task/json"),
    ],
)
def test_the_url_and_the_path_are_put_together_as_clients_did(url: str, origin: str, target: str) -> None:
    server = Server(url)
    assert (server.origin, server.target("/pde/task/json")) == (origin, target)
    assert "secret" not in server.url


def test_a_password_in_the_url_is_shown_to_the_server(store: Path) -> None:
    with Stub() as stub:
        delivery = Delivery(Server(stub.url.replace("//", "//dlprov:s%2Fcret@")), store)
        delivery.send("/pde/task/json", b"{}")
        (found,) = stub.wait(1)
        assert delivery.finish() == 0
    assert found.headers["Authorization"] == "Basic ZGxwcm92OnMvY3JldA=="


@pytest.mark.parametrize("url", ["ftp://localhost/", "http://", "http://host:port/", "http://[::1"])
def test_what_is_no_url_of_a_server_is_told_and_only_recorded(store: Path, url: str) -> None:
    with pytest.raises(UsageError, match="the URL of a server was expected"):
        Server(url)
    assert "correct DFA_URL" in train(store, url, count=3)
    assert recorded(store) == 3


def test_another_server_leaves_a_queue_alone(store: Path) -> None:
    port = free_port()
    train(store, f"http://127.0.0.1:{port}/", 0, 5)
    with Stub() as other:
        train(store, other.url, 50, 5)
        assert numbers(other.wait(6)) == list(range(50, 55))
    assert len(queues(store)) == 1


def deliver(store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dlprov", "deliver", "--store", str(store), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_delivers_what_is_left(store: Path) -> None:
    ports = [free_port(), free_port()]
    for port in ports:
        train(store, f"http://127.0.0.1:{port}/", port, 4)
    assert deliver(store / "another").stdout == ""
    done = deliver(store)
    assert (done.returncode, done.stdout.count("0 delivered, 0 rejected, 5 left")) == (1, 2)
    assert "Connection refused" in done.stderr
    with Stub(lambda one: 400 if numbers([one]) == [ports[0]] else 200, ports[0]) as stub:
        done = deliver(store, "--url", stub.url.replace("//", "//dlprov:TOKEN@"))
        assert (done.returncode, done.stdout) == (0, f"http://127.0.0.1:{ports[0]}: 4 delivered, 1 rejected, 0 left\n")
        assert numbers(stub.taken) == [ports[0] + 1, ports[0] + 2, ports[0] + 3]
        assert all(one.headers["Authorization"].startswith("Basic ") for one in stub.taken)
    with Stub(port=ports[1]) as stub:
        assert deliver(store).stdout == f"http://127.0.0.1:{ports[1]}: 5 delivered, 0 rejected, 0 left\n"
        assert deliver(store).stdout == ""
    assert queues(store) == []


def test_every_call_returns_at_once_whatever_the_server_does(store: Path) -> None:
    calls: list[float] = []
    with Stub(lambda _: time.sleep(0.05) or 200) as stub:
        delivery = Delivery(Server(stub.url), store)
        for number in range(300):
            begin = time.perf_counter()
            delivery.send("/pde/task/json", b'{"n":%d}' % number)
            calls.append(time.perf_counter() - begin)
        assert sorted(calls)[150] < 0.002
        begin = time.monotonic()
        left = delivery.finish(seconds=1.0)
        assert 0.5 < time.monotonic() - begin < 2.0
        assert 200 < left < 300
