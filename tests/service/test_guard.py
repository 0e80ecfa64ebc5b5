"""Who may ask the service: hosts, origins, tokens, sizes, and the end of it. No client's text becomes a path."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import requests

from dlprov.service.guard import is_loopback, same, secrets, tidy

TOKEN = "a-token-of-some-length"
FLOW = {"tag": "df", "transformations": [{"tag": "t", "sets": []}]}
TASK = {"dataflow": "df", "transformation": "t", "id": "1", "status": "RUNNING"}
READS = [("GET", "/health"), ("GET", "/performance/true"), ("GET", "/info"), ("GET", "/")]
CHANGES = [("POST", "/pde/dataflow/json"), ("POST", "/pde/task/json"), ("POST", "/pde/task"), ("GET", "/pde/shutdown")]


def token_file(directory: Path, text: str = TOKEN) -> Path:
    path = directory / "token"
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def own_address() -> str:
    """An address of this machine that others may reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if is_loopback(address):
        pytest.skip("needs an address beside those of loopback")
    return address


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "localhost.", "127.0.0.1:22000", "[::1]:1", "127.0.1.1"])
def test_names_of_this_machine_are_hosts(shared, host):
    assert shared.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.7", "[", ""]
)
@pytest.mark.parametrize(("verb", "path"), READS + CHANGES)
def test_a_foreign_host_is_refused(shared, refused, host, verb, path):
    """A page can make a name of its own lead here; the browser then sends that name."""
    answer = requests.request(verb, shared.url + path, headers={"Host": host, "Origin": f"http://{host}"}, timeout=60)
    assert "Host header" in refused(answer, 403)
    assert shared.process.poll() is None


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://", ""])
@pytest.mark.parametrize(("verb", "path"), READS + CHANGES)
def test_a_page_of_another_origin_is_refused(shared, refused, origin, verb, path):
    answer = requests.request(verb, shared.url + path, headers={"Origin": origin}, timeout=60)
    assert "Origin" in refused(answer, 403)


def test_the_services_own_pages_are_no_strangers(shared):
    for host in (f"localhost:{shared.port}", f"127.0.0.1:{shared.port}"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert shared.get("/health", headers=headers).status_code == 200


def test_a_preflight_of_another_origin_gets_no_leave(shared):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = requests.options(shared.url + "/pde/task/json", headers=headers, timeout=60)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_picture_in_a_foreign_page_cannot_end_the_service(shared, refused):
    """It is a GET without an Origin; ``Sec-Fetch-Site`` tells."""
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        assert "another site" in refused(shared.get("/pde/shutdown", headers=headers), 403)
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    refused(shared.get("/pde/shutdown", headers=navigation), 403)
    assert shared.get("/info", headers=navigation).status_code == 200
    refused(shared.get("/info", headers={**navigation, "Sec-Fetch-Dest": "iframe"}), 403)
    time.sleep(0.3)
    assert shared.process.poll() is None


def test_answers_cannot_be_embedded_or_taken_for_something_else(shared):
    found = shared.get("/health").headers
    assert found["x-content-type-options"] == "nosniff"
    assert found["x-frame-options"] == "DENY"
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in found


def test_an_old_client_without_a_host(shared):
    assert shared.raw(b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_token_is_needed_by_everybody(serve, tmp_path, refused):
    served = serve("--token-file", str(token_file(tmp_path)))
    for verb, path in READS[1:] + CHANGES:
        answer = requests.request(verb, served.url + path, timeout=60)
        assert "token" in refused(answer, 401)
        assert "Basic" in answer.headers["www-authenticate"]
        wrong = requests.request(verb, served.url + path, headers={"Authorization": "Bearer wrong"}, timeout=60)
        assert wrong.status_code == 401
    assert served.get("/health").status_code == 200
    ways = [
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"headers": {"Authorization": f"bearer  {TOKEN} "}},
        {"auth": ("dlprov", TOKEN)},
        {"auth": (TOKEN, "")},
    ]
    for way in ways:
        assert served.post("/pde/dataflow/json", FLOW, **way).status_code == 200
    # What an unmodified script does with DFA_URL=http://dlprov:TOKEN@host:port/
    url = served.url.replace("http://", f"http://dlprov:{TOKEN}@")
    assert requests.post(f"{url}//pde/task/json", json=TASK, timeout=60).status_code == 200
    assert TOKEN not in served.text


def test_the_owner_of_the_store_has_a_key(serve, tmp_path):
    served = serve("--token-file", str(token_file(tmp_path)))
    path = served.store / "service.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = re.search(r'"key": ?"([^"]{32,})"', path.read_text())[1]
    assert served.get("/info", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    # Readers of this machine find it by themselves.
    served.post("/pde/dataflow/json", FLOW, auth=("", TOKEN))
    assert served.ask("SELECT tag FROM dataflow") == [("df",)]


def test_a_token_from_the_environment(serve):
    served = serve(env={"DLPROV_TOKEN": TOKEN})
    assert served.get("/info").status_code == 401
    assert served.get("/info", auth=("", TOKEN)).status_code == 200


@pytest.mark.parametrize("way", ["", "bearer", "Bearer", "Bearer ", "Basic", "Basic ===", "Basic Og==", "Digest x"])
def test_what_is_no_token(way):
    found = secrets(way.encode())
    # Where no token is configured, an empty one must not be taken for it.
    assert not any(same(secret, token) for secret in found for token in ("", TOKEN))


def test_other_machines_need_a_token(dlprov_serve):
    found = dlprov_serve("--host", "0.0.0.0")
    assert found.returncode == 1
    for word in ("token", "--token-file", "DLPROV_TOKEN", "http://dlprov:TOKEN@HOST:PORT"):
        assert word in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("text", ["short", "", "a token with some blanks", "ünïcödé-tökén-wörds"])
def test_a_token_must_be_one(dlprov_serve, tmp_path, text):
    found = dlprov_serve("--token-file", str(token_file(tmp_path, text)))
    assert found.returncode == 1
    assert "token" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_token_that_others_can_read(serve, tmp_path):
    path = token_file(tmp_path)
    path.chmod(0o644)
    assert f"chmod 600 {path}" in serve("--token-file", str(path)).text


def test_at_another_address_of_this_machine(serve, tmp_path, own_address, refused):
    served = serve("--host", "0.0.0.0", "--allow-host", "Provenance.example", "--token-file", str(token_file(tmp_path)))
    there = f"http://{own_address}:{served.port}"
    way = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": 60}
    assert requests.get(f"{there}/info", **way).status_code == 200
    named = {**way, "headers": {**way["headers"], "Host": "provenance.EXAMPLE:22000"}}
    assert requests.get(f"{there}/info", **named).status_code == 200
    other = {**way, "headers": {**way["headers"], "Host": "other.example"}}
    assert "--allow-host other.example" in refused(requests.get(f"{there}/info", **other), 403)
    # With the token, but not from this machine's loopback address.
    assert "own machine" in refused(requests.post(f"{there}/pde/shutdown", **way), 403)
    assert requests.get(f"{there}/info", **way).status_code == 200


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE"])
def test_shutdown_answers_and_ends_the_service(serve, verb):
    served = serve()
    answer = requests.request(verb, f"{served.url}//pde/shutdown/", timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")
    assert served.wait() == 0
    assert not (served.store / "service.json").exists()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_shutdown_through_a_proxy_is_refused(shared, refused, header):
    """The proxy runs on this machine; who asks it may not."""
    refused(shared.post("/pde/shutdown", "", headers={header: "203.0.113.9"}), 403)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_everything_sealed(serve, number, store):
    served = serve()
    served.post("/pde/dataflow/json", FLOW)
    served.post("/pde/task/json", {**TASK, "status": "FINISHED"})
    assert served.stop(number) == 0
    assert "the service has ended" in served.text
    assert served.ask("SELECT bool_and(is_sealed), count(*) FROM log_file") == [(True, 2)]
    assert served.ask("SELECT status FROM run") == [("finished",)]


@pytest.fixture
def dlprov_serve(store):
    """Runs ``dlprov serve`` to its end."""

    def run(*arguments, env=None):
        command = [sys.executable, "-m", "dlprov", "serve", "--port", "0", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **(env or {})}
        )

    return run


def test_who_waits_when_it_is_ended_at_once_is_told(serve, refused):
    """Ctrl-C twice. The fixture sees to it that there is no traceback."""
    service = serve()
    answers = []

    def ask():
        sql = "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b"
        answers.append(service.post("/api/query", {"sql": sql}))

    waiting = threading.Thread(target=ask)
    waiting.start()
    process = psutil.Process(service.process.pid)
    before = sum(process.cpu_times()[:2])
    while sum(process.cpu_times()[:2]) < before + 0.5:
        time.sleep(0.02)
    service.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert service.stop(signal.SIGINT) == 0
    waiting.join(60)
    assert "ends" in refused(answers[0], 503)


def test_a_question_that_cannot_be_stopped_does_not_keep_the_process(serve, refused):
    """The engine takes minutes for a single value here, and is not interrupted meanwhile."""
    service = serve("--query-time", "1")
    sql = "SELECT levenshtein(repeat('a', 600000), repeat('b', 600000))"
    assert "at most 1 s" in refused(service.post("/api/query", {"sql": sql}), 400)
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 30
    assert "the service has ended" in service.text


def test_a_second_service_over_one_store_says_where_the_first_is(served, dlprov_serve):
    found = dlprov_serve()
    assert found.returncode == 1
    assert served.url in found.stderr
    assert str(served.process.pid) in found.stderr


def test_a_port_in_use(served, dlprov_serve, tmp_path):
    found = dlprov_serve("--port", str(served.port), "--store", str(tmp_path / "other"))
    assert found.returncode == 1
    assert f"{served.port} is in use" in found.stderr
    assert "--port" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--host", "nosuchhost.invalid"], 1, "nosuchhost.invalid"),
        (["--host", "192.0.2.1", "--token-file", "TOKEN"], 1, "192.0.2.1"),
        (["--port", "70000"], 2, "70000"),
        (["--max-body", "much"], 2, "64MB"),
        (["--token-file", "/nowhere/token"], 1, "/nowhere/token"),
    ],
)
def test_a_command_line_that_cannot_be_followed(dlprov_serve, tmp_path, arguments, status, said):
    path = str(token_file(tmp_path))
    found = dlprov_serve(*[path if word == "TOKEN" else word for word in arguments])
    assert found.returncode == status
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_a_store_that_is_a_file(dlprov_serve, tmp_path):
    (tmp_path / "file").touch()
    found = dlprov_serve("--store", str(tmp_path / "file"))
    assert found.returncode == 1
    assert "a store that can be written was expected" in found.stderr


def test_no_text_of_a_client_becomes_a_path(serve, store, tmp_path):
    served = serve()
    before = {path for path in tmp_path.rglob("*") if store not in path.parents}
    words = [
        "../../escape",
        "/etc/cron.d/x",
        "..",
        "a/b\\c",
        "C:\\x",
        "~root",
        "$(id)",
        "x\ny",
        "ü" * 300,
        "con",
        "%2e%2e/x",
    ]
    for word in words:
        flow = {
            "tag": word,
            "transformations": [{"tag": word, "sets": [{"tag": word, "type": "OUTPUT", "attributes": []}]}],
        }
        assert served.post("/pde/dataflow/json", flow).status_code == 200
        message = {"dataflow": word, "transformation": word, "id": "1", "status": "FINISHED", "exec": word}
        message |= {"files": [{"name": word, "path": word}], "workspace": word, "email": word}
        assert served.post("/pde/task/json", message).status_code == 200
    recorded = ["../../../etc/passwd", "../x/1-00000000", "00000000-0000-0000-0000-000000000000/../../x", "x"]
    for word in recorded:
        headers = {"DLProv-Recorded": word}
        assert served.post("/pde/task/json", {**TASK, "dataflow": ".."}, headers=headers).status_code == 400
        headers = {"DLProv-Message": word}
        assert served.post("/pde/task/json", {**TASK, "dataflow": ".."}, headers=headers).status_code == 400
    assert served.get("/performance/..%2f..%2fetc%2fpasswd").status_code in (400, 404)
    served.stop()
    names = [path.relative_to(store / "runs").as_posix() for path in (store / "runs").rglob("*.jsonl")]
    identifier = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    pattern = rf"({identifier}/\d+-[0-9a-f]{{8}}|dataflow-{identifier}/[0-9a-f]{{32}})\.jsonl"
    assert len(names) == 2 * len(words)
    assert [name for name in names if not re.fullmatch(pattern, name)] == []
    assert {path for path in tmp_path.rglob("*") if store not in path.parents} == before


@pytest.mark.parametrize(
    ("path", "tidied"),
    [("//pde//x/", "/pde/x"), ("/", "/"), ("//", "/"), ("", ""), ("/a", "/a"), ("/a///", "/a"), ("a/", "a")],
)
def test_tidy(path, tidied):
    assert tidy(path) == tidied


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("x", False),
    ],
)
def test_loopback_addresses(address, expected):
    assert is_loopback(address) is expected
