"""DfAnalyzer's JSON protocol, message by message, over a socket: what is answered, and what is stored."""

from __future__ import annotations

import json
import math

import pytest
import requests

import dlprov

NUMBERS = iter(range(1, 10_000))


@pytest.fixture
def tag() -> str:
    """The tag of a dataflow that no other test uses."""
    return f"df{next(NUMBERS)}"


def declaration(tag: str, **sets: dict) -> dict:
    """A dataflow with the transformation ``step``: its raw input ``iset`` and its output ``oset``."""
    attributes = [{"name": "A", "type": "NUMERIC"}, {"name": "B", "type": "TEXT"}]
    declared = sets or {
        "iSet": {"type": "INPUT", "attributes": attributes},
        "oSet": {"type": "OUTPUT", "attributes": attributes},
    }
    listed = [{"tag": name, **rest} for name, rest in declared.items()]
    return {"tag": tag, "transformations": [{"tag": "Step", "sets": listed}]}


def task(tag: str, **members) -> dict:
    return {"dataflow": tag, "transformation": "step", "id": "1", "status": "RUNNING", **members}


def with_rows(tag: str, *elements, name: str = "iset", **members) -> dict:
    return task(tag, sets=[{"tag": name, "elements": list(elements)}], **members)


def test_a_dataflow_is_echoed_and_stored(shared, tag):
    message = {
        "tag": tag.upper(),
        "transformations": [
            {
                "tag": "Deduplication",
                "programs": [{"name": "dedup.sh", "path": "/opt/bin"}],
                "sets": [
                    {
                        "tag": "iDedup",
                        "type": "INPUT",
                        "attributes": [
                            {"name": "customerid", "type": "NUMERIC"},
                            {"name": "rawfile", "type": "TEXT", "extractor": "ext1"},
                        ],
                        "extractors": [{"tag": "ext1", "cartridge": "EXTRACTION", "extension": "PROGRAM"}],
                        "extractor.combinations": [],
                    },
                    {"tag": "oDedup", "type": "OUTPUT", "attributes": [{"name": "customerid", "type": "NUMERIC"}]},
                ],
            },
            {
                "tag": "Europe",
                "sets": [
                    {"tag": "oDedup", "type": "INPUT", "dependency": "Deduplication"},
                    {"tag": "oEurope", "type": "OUTPUT", "attributes": [{"name": "n", "type": "NUMERIC"}]},
                ],
            },
        ],
        "exec": "ignored",
        "email": "ignored here",
    }
    answer = shared.post("/pde/dataflow/json", message)
    assert (answer.status_code, answer.json()) == (200, message)
    assert answer.headers["content-type"] == "application/json"
    transformations = shared.ask(
        f"SELECT t.tag FROM data_transformation t JOIN dataflow d ON d.id = t.df_id WHERE d.tag = '{tag}' ORDER BY t.id"
    )
    assert transformations == [("deduplication",), ("europe",)]
    dependencies = shared.ask(
        "SELECT p.tag, n.tag, s.tag FROM data_dependency d JOIN data_set s ON s.id = d.ds_id "
        "LEFT JOIN data_transformation p ON p.id = previous_dt_id LEFT JOIN data_transformation n ON n.id = next_dt_id "
        f"WHERE s.df_id = (SELECT id FROM dataflow WHERE tag = '{tag}') ORDER BY d.id"
    )
    assert dependencies == [
        (None, "deduplication", "idedup"),
        ("deduplication", "europe", "odedup"),
        ("europe", None, "oeurope"),
    ]
    assert shared.ask(
        f"SELECT name, path FROM program WHERE df_id = (SELECT id FROM dataflow WHERE tag = '{tag}')"
    ) == [("dedup.sh", "/opt/bin")]


@pytest.mark.parametrize("path", ["//pde/dataflow/json", "/pde/dataflow/json/", "///pde//dataflow///json//"])
def test_doubled_and_trailing_slashes_are_nothing(shared, tag, path):
    body = json.dumps(declaration(tag)).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:22000\r\nContent-Length: {len(body)}\r\n\r\n"
    assert shared.raw(head.encode() + body).startswith(b"HTTP/1.1 200 ")
    assert shared.ask(f"SELECT count(*) FROM dataflow WHERE tag = '{tag}'") == [(1,)]


def test_the_original_clients_way_with_requests(shared, tag):
    """``dfa_url + '/pde/task/json'`` with a ``dfa_url`` that ends in a slash."""
    dfa_url = f"{shared.url}/"
    assert requests.post(dfa_url + "/pde/dataflow/json", json=declaration(tag), timeout=60).status_code == 200
    answer = requests.post(dfa_url + "/pde/task/json", json=with_rows(tag, ["1", "x"]), timeout=60)
    assert (answer.status_code, answer.json()) == (200, with_rows(tag, ["1", "x"]))


def test_ten_posts_of_a_dataflow_make_one_version(shared, tag):
    for _ in range(10):
        assert shared.post("/pde/dataflow/json", declaration(tag)).status_code == 200
    number = f"(SELECT id FROM dataflow WHERE tag = '{tag}')"
    assert shared.ask(f"SELECT count(*) FROM dataflow_version WHERE df_id = {number}") == [(1,)]
    assert shared.ask(f"SELECT count(*) FROM data_set WHERE df_id = {number}") == [(2,)]


def test_a_dataflow_grows_and_loses_nothing(shared, tag):
    shared.post("/pde/dataflow/json", declaration(tag))
    shared.post("/pde/task/json", with_rows(tag, ["1", "x"]))
    more = [{"name": "C", "type": "NUMERIC"}]
    shared.post("/pde/dataflow/json", declaration(tag, iSet={"type": "INPUT", "attributes": more}))
    answer = shared.post("/pde/task/json", with_rows(tag, ["2", "y", "3"]))
    assert "warnings" not in answer.json()
    assert shared.ask(f'SELECT a, b, c FROM "{tag}".iset ORDER BY id') == [(1, "x", None), (2, "y", 3)]


def test_a_task_has_everything_that_its_message_says(shared, tag):
    shared.post("/pde/dataflow/json", declaration(tag))
    message = {
        "tag": "step",
        "first": "0",
        "exec": f"{tag} 2025-11-26 16:00:00.123456",
        "email": "bob@fictional.com",
        "hardware": json.dumps({"hostname": "vm7", "os": "Linux", "gpus": "Not available", "in_container": True}),
        "dataflow": tag,
        "transformation": "step",
        "id": "4",
        "subid": "1",
        "workspace": "/w",
        "resource": "node1",
        "status": "FINISHED",
        "output": "stdout text",
        "error": "",
        "files": [{"name": "ext1.data", "path": "/w/out"}],
        "performances": [
            {
                "startTime": "2025-11-26 16:00:01",
                "endTime": "2025-11-26 16:00:09",
                "method": "COMPUTATION",
                "description": "x",
                "invocation": "run x",
            }
        ],
        "sets": [{"tag": "iset", "elements": [["1", "adam"]]}, {"tag": "oset", "elements": ["2", "sgd"]}],
    }
    answer = shared.post("/pde/task/json", message)
    assert (answer.status_code, answer.json()) == (200, message)
    execution = shared.ask(
        "SELECT e.tag, s.email, h.hostname, h.in_container FROM dataflow_execution e "
        "JOIN data_scientist s ON s.id = e.scientist_id JOIN hardware_info h ON h.id = e.hardware_id "
        f"WHERE e.tag = '{message['exec']}'"
    )
    assert execution == [(message["exec"], "bob@fictional.com", "vm7", True)]
    columns = "identifier, status, workspace, computing_resource, output_msg"
    stored = shared.ask(f"SELECT {columns} FROM task WHERE df_exec = '{message['exec']}'")
    assert stored == [(4, "FINISHED", "/w", "node1", "stdout text")]
    assert shared.ask(f'SELECT a, b FROM "{tag}".iset') == [(1, "adam")]
    assert shared.ask(f'SELECT a, b FROM "{tag}".oset') == [(2, "sgd")]
    of_task = f"WHERE task_id = (SELECT id FROM task WHERE df_exec = '{message['exec']}')"
    assert shared.ask(f"SELECT name, path FROM file {of_task}") == [("ext1.data", "/w/out")]
    assert shared.ask(f"SELECT subtask_id, method, starttime, endtime, invocation FROM performance {of_task}") == [
        (1, "COMPUTATION", "2025-11-26 16:00:01", "2025-11-26 16:00:09", "run x")
    ]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"id": 1},
        {"subid": 3},
        {"subid": "null"},
        {"sub": "3"},
        {"status": "running"},
        {"status": "FINISHED_WITH_ERROR"},
        {"dependency": ""},
        {"dependency": None},
        {"dependency": {}},
        {"dependency": {"tags": [{"tag": "Other"}, {"tag": "third"}], "ids": [{"id": 3}, {"id": 4}]}},
        {"dependency": {"tags": [{"tag": "other"}], "ids": [{"id": "3"}]}},
        {"sets": []},
        {"performances": [{"endTime": "x"}], "unknown": {"later": ["clients"]}},
        {"email": "", "hardware": "", "exec": ""},
        {"hardware": {"hostname": "x", "ram_total_gb": 5}},
    ],
    ids=lambda members: json.dumps(members)[:60],
)
def test_members_may_be_missing_empty_or_of_another_type(shared, tag, members):
    shared.post("/pde/dataflow/json", declaration(tag))
    message = task(tag, **members)
    answer = shared.post("/pde/task/json", message)
    assert (answer.status_code, answer.json()) == (200, message)
    # A task that is depended on is known by that, whether it was reported or not.
    others = [(3,), (4,)] if "third" in str(members) else [(3,)] if "tags" in str(members) else []
    assert shared.ask(f"SELECT identifier FROM task WHERE df_exec = '{tag}' ORDER BY ALL") == [(1,), *others]


def test_tags_come_in_any_case_and_the_execution_keeps_its_own(shared, tag):
    shared.post("/pde/dataflow/json", declaration(tag))
    message = {**with_rows(tag.upper(), ["1", "x"], name="iSET"), "transformation": "STEP", "exec": f"{tag}-Run"}
    assert shared.post("/pde/task/json", message).status_code == 200
    assert shared.ask(f"SELECT df_exec FROM task WHERE df_exec = '{tag}-Run'") == [(f"{tag}-Run",)]
    assert shared.ask(f'SELECT a, b FROM "{tag}".iset') == [(1, "x")]


@pytest.mark.parametrize(
    ("elements", "rows"),
    [
        ([["1", "x"]], [(1, "x")]),
        (["1", "x"], [(1, "x")]),
        ([["1", "x"], ["2", "y"]], [(1, "x"), (2, "y")]),
        ([["1", "x", "2", "y"]], [(1, "x"), (2, "y")]),
        (["1", "x", "2", "y"], [(1, "x"), (2, "y")]),
        (["1;x", "2;y"], [(1, "x"), (2, "y")]),
        ([[1, "x"], [2.5, 7]], [(1, "x"), (2.5, "7")]),
        ([["80-20", "80-20"]], [(60, "80-20")]),
        ([["null", "null"]], [(None, "null")]),
        ([[None, None]], [(None, None)]),
        ([["0.0010000000474974513", 'it\'s; "quoted"\n💡']], [(0.0010000000474974513, 'it\'s; "quoted"\n💡')]),
        ([["-9999999", ""]], [(-9999999, "")]),
        ([], []),
    ],
    ids=repr,
)
def test_the_forms_of_elements(shared, tag, elements, rows):
    shared.post("/pde/dataflow/json", declaration(tag))
    message = with_rows(tag, *elements)
    answer = shared.post("/pde/task/json", message)
    assert (answer.status_code, answer.json().get("sets")) == (200, message["sets"])
    assert shared.ask(f'SELECT a, b FROM "{tag}".iset ORDER BY id') == rows


def test_several_entries_of_one_set_are_rows(shared, tag):
    shared.post("/pde/dataflow/json", declaration(tag))
    entries = [{"tag": "iset", "elements": [str(number), "x"]} for number in range(5)]
    shared.post("/pde/task/json", task(tag, sets=entries))
    assert shared.ask(f'SELECT a FROM "{tag}".iset ORDER BY id') == [(n,) for n in range(5)]


def test_values_that_are_no_finite_numbers_stay_what_they_are(shared, tag):
    shared.post("/pde/dataflow/json", declaration(tag))
    body = json.dumps(with_rows(tag, ["nan", "a"], [math.nan, "b"], [math.inf, "c"], ["-Infinity", "d"]))
    assert "NaN" in body
    answer = shared.post("/pde/task/json", body)
    assert answer.status_code == 200
    stored = dict(shared.ask(f'SELECT b, a FROM "{tag}".iset'))
    assert math.isnan(stored["a"])
    assert math.isnan(stored["b"])
    assert (stored["c"], stored["d"]) == (math.inf, -math.inf)


def test_what_does_not_fit_is_told_and_the_rest_is_stored(shared, tag):
    shared.post("/pde/dataflow/json", declaration(tag))
    sets = [
        {"tag": "iset", "elements": [["1", "x", "too much"]]},
        {"tag": "nosuchset", "elements": [["1"]]},
        {"tag": "oset", "elements": [["word", "y"]]},
    ]
    answer = shared.post("/pde/task/json", task(tag, sets=sets))
    assert answer.status_code == 200
    warnings = answer.json()["warnings"]
    assert len(warnings) == 3
    assert "'iset'" in warnings[0]
    assert "'nosuchset'" in warnings[1]
    assert "oset.a" in warnings[2]
    assert shared.ask(f'SELECT count(*) FROM "{tag}".iset') == [(0,)]
    assert shared.ask(f'SELECT a, b FROM "{tag}".oset') == [(None, "y")]
    assert "nosuchset" in shared.text


def test_lenient_json(shared, tag):
    """What json-simple took: the stray comma of DfAnalyzer's own stress test, and more of the kind."""
    shared.post("/pde/dataflow/json", declaration(tag))
    body = (
        '{"dataflow":"TAG",,"transformation":"step" "id":"007",\n"status":"RUNNING",\n'
        '"sets":[{"tag":"iset","elements":[,"1;C:\\new\ttab"]},],}'
    ).replace("TAG", tag)
    answer = shared.post("/pde/task/json", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["sets"] == [{"tag": "iset", "elements": ["1;C:\new\ttab"]}]
    assert shared.ask(f'SELECT a, b FROM "{tag}".iset') == [(1, "C:\new\ttab")]


def test_the_stress_test_of_dfanalyzer(shared):
    """``test-restful-services.sh``: one dataflow, 50 tasks, neither ``first`` nor ``exec``, and a stray comma."""
    numbers = [{"name": name, "type": "NUMERIC"} for name in ("vmid", "dimension", "level")]
    files = [{"name": name, "type": "FILE"} for name in ("region", "weights", "points")]
    sets = [
        {"tag": "sparsegridinput", "type": "INPUT", "attributes": numbers},
        {"tag": "sparsegridoutput", "type": "OUTPUT", "attributes": [*numbers, *files]},
    ]
    flow = {"tag": "uq_rtm", "transformations": [{"tag": "sparse_grid_construction", "sets": sets}]}
    assert shared.post("/pde/dataflow/json", flow).status_code == 200
    for number in range(1, 51):
        body = (
            '{"dataflow":"uq_rtm","transformation":"sparse_grid_construction","id":"NUM","subid":"1","workspace":"/w",'
            '"resource":"local","dependency":{},"status":"FINISHED",'
            '"sets":[{"tag":"sparsegridinput","elements":["1;8;NUM"]},'
            '{"tag":"sparsegridoutput","elements":[,"1;8;NUM;r;w;p"]}]}'
        ).replace("NUM", str(number))
        answer = shared.post("/pde/task/json", body)
        assert (answer.status_code, "warnings" in answer.json()) == (200, False)
    assert shared.ask("SELECT count(*), count(DISTINCT identifier) FROM task WHERE df_exec = 'uq_rtm'") == [(50, 50)]
    found = shared.ask(
        "SELECT i.level, o.region FROM uq_rtm.sparsegridinput i JOIN uq_rtm.sparsegridoutput o USING (level)"
    )
    assert sorted(found) == [(number, "r") for number in range(1, 51)]


def test_the_worked_example_of_keras_prov(shared):
    """Two epochs, a learning rate that drops: who consumed what (specification, 3.8)."""
    tag = "keras-alexnet-df"
    metrics = [{"name": name, "type": "NUMERIC"} for name in ("epoch_id", "loss")]
    flow = {
        "tag": "Keras-AlexNet-df",
        "transformations": [
            {
                "tag": "TrainingModel",
                "sets": [
                    {
                        "tag": "iTrainingModel",
                        "type": "INPUT",
                        "attributes": [{"name": "OPTIMIZER_NAME", "type": "TEXT"}],
                    },
                    {"tag": "oTrainingModel", "type": "OUTPUT", "attributes": metrics},
                ],
            },
            {
                "tag": "Adaptation",
                "sets": [
                    {"tag": "oTrainingModel", "type": "INPUT", "dependency": "TrainingModel"},
                    {"tag": "oAdaptation", "type": "OUTPUT", "attributes": [{"name": "new_lrate", "type": "NUMERIC"}]},
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
    assert shared.post("/pde/dataflow/json", flow).status_code == 200
    depends = {"tags": [{"tag": "trainingmodel"}], "ids": [{"id": "1"}]}

    def say(transformation, number, status, first="0", **rest):
        message = {"dataflow": tag, "transformation": transformation, "id": str(number), "status": status}
        message |= {"exec": "keras 1", "first": first, **rest}
        answer = shared.post("//pde/task/json", message)
        assert (answer.status_code, answer.json()) == (200, message)

    def elements(name, *values):
        return [{"tag": name, "elements": [list(values)]}]

    say("trainingmodel", 1, "RUNNING", first="1")
    say("trainingmodel", 1, "RUNNING", sets=elements("itrainingmodel", "Adam"))
    say("trainingmodel", 1, "RUNNING", sets=elements("otrainingmodel", "0", "0.5"))
    say("adaptation", 2, "RUNNING", dependency=depends)
    say("adaptation", 2, "FINISHED", dependency=depends, sets=elements("oadaptation", "0.0005"))
    times = [{"startTime": "2021-03-24 18:00:00", "endTime": "2021-03-24 18:35:00"}]
    say("trainingmodel", 1, "FINISHED", sets=elements("otrainingmodel", "1", "0.4"), performances=times)
    say("testingmodel", 3, "RUNNING", dependency=depends)
    say("testingmodel", 3, "FINISHED", dependency=depends, sets=elements("otestingmodel", "0.45"))
    ids = dict(shared.ask("SELECT identifier, id FROM task WHERE df_exec = 'keras 1'"))
    found = shared.ask(
        "SELECT epoch_id, trainingmodel_task_id, adaptation_task_id, testingmodel_task_id "
        f'FROM "{tag}".otrainingmodel ORDER BY epoch_id'
    )
    assert found == [(0, ids[1], ids[2], ids[3]), (1, ids[1], None, ids[3])]


def test_a_dataflow_that_only_the_store_knows(shared, tag):
    """Another process recorded a run of it here; nobody declared it to the service."""
    with dlprov.start_run(tag, store=shared.store) as run, run.task("Step") as step:
        step.generated("oSet", a=1.5, b="theirs")
    answer = shared.post("/pde/task/json", with_rows(tag, ["2.5", "ours"], name="oset", exec="mine"))
    assert answer.status_code == 200, answer.text
    assert "warnings" not in answer.json()
    assert sorted(shared.ask(f'SELECT a, b FROM "{tag}".oset')) == [(1.5, "theirs"), (2.5, "ours")]


def test_a_task_before_its_dataflow_is_refused_and_the_service_goes_on(shared, tag, refused):
    said = refused(shared.post("/pde/task/json", with_rows(tag, ["1", "x"])), 404)
    assert repr(tag) in said
    assert "/pde/dataflow/json" in said
    shared.post("/pde/dataflow/json", declaration(tag))
    assert shared.post("/pde/task/json", with_rows(tag, ["1", "x"])).status_code == 200
    assert shared.ask(f'SELECT count(*) FROM "{tag}".iset') == [(1,)]


def test_messages_that_the_store_has_already_are_not_stored_twice(shared, tag, refused):
    with dlprov.start_run(tag, store=shared.store) as run, run.task("Step") as step:
        step.generated("oSet", a=1.5, b="x")
        path = run.path
    shared.post("/pde/dataflow/json", declaration(tag))
    message = with_rows(tag, ["1.5", "x"], name="oset")
    answer = shared.post("/pde/task/json", message, headers={"DLProv-Recorded": f"{path.parent.name}/{path.stem}"})
    assert (answer.status_code, answer.json()) == (200, message)
    assert shared.ask(f'SELECT count(*) FROM "{tag}".oset') == [(1,)]
    # Of another store: here it is news.
    elsewhere = {"DLProv-Recorded": f"{path.parent.name}/1-00000000"}
    assert shared.post("/pde/task/json", message, headers=elsewhere).status_code == 200
    assert shared.ask(f'SELECT count(*) FROM "{tag}".oset') == [(2,)]


def test_figures(shared, tag):
    before = shared.get("/performance/false").text
    assert "\n" not in before
    shared.post("/pde/dataflow/json", declaration(tag))
    shared.post("/pde/task/json", with_rows(tag, ["1", "x"]))
    titles, figures = shared.get("/performance/true").text.split("\n")
    assert titles == (
        "timestamp;transactions_generated;transactions_processed;transactions_generation_time;"
        "transactions_parsing_time;queueing_time;queue_average_time;queue_pendent_transactions;processing_time"
    )
    old, new = before.split(";"), figures.split(";")
    assert int(new[1]) == int(old[1]) + 2
    assert int(new[2]) == int(old[2]) + 2
    assert float(new[8]) >= float(old[8])
    for spelling in ("on", "YES", "1", "off", "no", "0"):
        assert shared.get(f"/performance/{spelling}").status_code == 200


def test_a_header_of_figures_that_is_no_boolean(shared, refused):
    assert "'maybe'" in refused(shared.get("/performance/maybe"), 400)


def test_health_and_info(shared):
    assert shared.get("/health").json() == {"status": "UP"}
    assert shared.get("/info").json() == {}


def test_a_route_that_is_not_there_and_a_verb_that_is_not_for_it(shared, refused):
    assert "/nowhere" in refused(shared.get("/nowhere"), 404)
    answer = shared.get("/pde/task/json")
    assert "POST" in refused(answer, 405)
    assert answer.headers["allow"] == "POST"
