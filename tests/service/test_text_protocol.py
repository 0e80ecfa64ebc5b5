"""DfAnalyzer's text protocol: the C++ client's exact output, the published dialect, and what is wrong with others."""

from __future__ import annotations

import time

import pytest

from dlprov.capture.dfanalyzer import MessageError
from dlprov.service.text_protocol import dataflow_of, task_of

CLOTHING = """dataflow(clothing)
dataset(ideduplication,{customerid;country},{numeric;text})
dataset(odeduplication,{customerid;country;count},{numeric;text;numeric})
dataset(oeurope, , )
extractor(oeurope,ext_oeurope,EXTRACTION,PROGRAM,{customerid;country},{numeric;text})
transformation(deduplication,{ideduplication},{odeduplication}, )
transformation(europe,{odeduplication},{oeurope}, )
"""
"""What the C++ client sends: datasets in alphabetical order, transformations sorted, a blank for no programs."""


class CppClient:
    """Sends as libcurl does in the C++ library: a connection a message, ``application/text``, ``Accept: */*``."""

    def __init__(self, served) -> None:
        self.served = served

    def post(self, path: str, body: str) -> tuple[int, str]:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost:{self.served.port}\r\nAccept: */*\r\n"
            f"Content-Type: application/text\r\nContent-Length: {len(body.encode())}\r\n\r\n"
        )
        answer = self.served.raw(head.encode() + body.encode())
        first, _, rest = answer.partition(b"\r\n")
        return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2].decode()


def attribute(name, kind):
    return {"name": name, "type": kind}


def test_the_c_plus_plus_client_from_the_dataflow_to_the_rows(shared, refused):
    client = CppClient(shared)
    assert client.post("/pde/dataflow", CLOTHING)[0] == 200
    begin = (
        "task(clothing,deduplication,1, ,RUNNING,/path/,local)\ncollection(ideduplication,{{1;Botswana}{2;Brazil}})\n"
    )
    end = (
        "task(clothing,deduplication,1, ,FINISHED,/path/,local)\n"
        "collection(odeduplication,{{1;Botswana;5}{2;Brazil;7}})\n"
    )
    following = (
        "task(clothing,europe,1, ,FINISHED)\ncollection(oeurope,{{/out/europe.csv}})\n"
        "dependency({deduplication},{{1}})\nfile(europe.csv,/out)\n"
    )
    for body in (begin, end, following):
        status, answer = client.post("/pde/task", body)
        assert status == 200, answer
    ids = dict(
        shared.ask(
            "SELECT d.tag, t.id FROM task t JOIN data_transformation d ON d.id = t.dt_id WHERE df_exec = 'clothing'"
        )
    )
    assert shared.ask("SELECT customerid, country FROM clothing.ideduplication ORDER BY 1") == [
        (1, "Botswana"),
        (2, "Brazil"),
    ]
    found = shared.ask(
        "SELECT customerid, count, deduplication_task_id, europe_task_id FROM clothing.odeduplication ORDER BY 1"
    )
    assert found == [
        (1, 5, ids["deduplication"], ids["europe"]),
        (2, 7, ids["deduplication"], ids["europe"]),
    ]
    assert shared.ask("SELECT name, path FROM file WHERE name = 'europe.csv'") == [("europe.csv", "/out")]
    workspace = shared.ask(f"SELECT workspace, computing_resource, status FROM task WHERE id = {ids['deduplication']}")
    assert workspace == [("/path/", "local", "FINISHED")]


def test_the_answer_to_a_task_is_its_json(shared):
    shared.post("/pde/dataflow", CLOTHING.replace("clothing", "answers"))
    body = "task(answers,deduplication,1, ,FINISHED,/path/,local)\ncollection(ideduplication,{{1;Botswana}})\n"
    answer = shared.post("//pde/task/", body)
    assert answer.json() == {
        "dataflow": "answers",
        "transformation": "deduplication",
        "id": "1",
        "subid": "null",
        "dependency": {},
        "resource": "local",
        "workspace": "/path/",
        "status": "FINISHED",
        "sets": [{"tag": "ideduplication", "elements": ["1", "Botswana"]}],
    }


def test_a_row_with_a_semicolon_too_many_is_stored_without_it(shared):
    shared.post("/pde/dataflow", CLOTHING.replace("clothing", "ends"))
    body = "task(ends,deduplication,1, ,RUNNING)\ncollection(ideduplication,{{1;Botswana;};{2;}})\n"
    assert "warnings" not in shared.post("/pde/task", body).json()
    assert shared.ask("SELECT customerid, country FROM ends.ideduplication ORDER BY 1") == [(1, "Botswana"), (2, "")]


def test_a_sub_id_is_that_of_the_task_and_performances_need_none(shared):
    shared.post("/pde/dataflow", CLOTHING.replace("clothing", "subs"))
    answer = shared.post("/pde/task", "task(subs,deduplication,7,3,READY)")
    assert (answer.status_code, answer.json()["subid"]) == (200, "3")


def test_an_unknown_dataflow_and_an_unknown_set(shared, refused):
    assert "'nobody'" in refused(shared.post("/pde/task", "task(nobody,x,1, ,RUNNING)"), 404)
    shared.post("/pde/dataflow", CLOTHING.replace("clothing", "sets"))
    answer = shared.post("/pde/task", "task(sets,deduplication,1, ,RUNNING)\ncollection(nosuchset,{{1}})")
    assert "'nosuchset'" in answer.json()["warnings"][0]


def test_lines_that_were_passed_over_are_told(shared):
    answer = shared.post("/pde/dataflow", "dataflow(short)\ndataset(iset,{a})\n")
    assert answer.status_code == 200
    assert answer.json()["warnings"] == [
        "line 2 was passed over: dataset(tag, {names}, {types}) was expected, got 2 arguments"
    ]


def test_of_two_transformations_with_one_tag_the_last_counts_and_that_is_told(shared):
    lines = "dataflow(twice)\ndataset(a,{x},{numeric})\ntransformation(T,{a},{},)\ntransformation(t,{},{a},)"
    answer = shared.post("/pde/dataflow", lines).json()
    assert [each["type"] for each in answer["transformations"][0]["sets"]] == ["OUTPUT"]
    assert answer["warnings"] == ["line 3 was passed over: line 4 declares 't', too"]


def test_texts_in_utf_8_and_in_latin_1(shared, refused):
    body = "dataflow(Straße)"
    assert shared.post("/pde/dataflow", body).json()["tag"] == "straße"
    latin = {"Content-Type": "text/plain; charset=ISO-8859-1"}
    assert shared.post("/pde/dataflow", body.encode("latin-1"), headers=latin).json()["tag"] == "straße"
    assert "UTF-8" in refused(shared.post("/pde/dataflow", body.encode("latin-1")), 400)
    assert "utf-8" in refused(shared.post("/pde/dataflow", body, headers={"Content-Type": "x; charset=zip"}), 415)


def test_the_json_of_a_dataflow():
    message, remarks = dataflow_of(CLOTHING)
    numbers = [attribute("customerid", "NUMERIC"), attribute("country", "TEXT")]
    extracted = [{**each, "extractor": "ext_oeurope"} for each in numbers]
    extractor = {"tag": "ext_oeurope", "cartridge": "EXTRACTION", "extension": "PROGRAM"}
    assert remarks == []
    assert message == {
        "tag": "clothing",
        "transformations": [
            {
                "tag": "deduplication",
                "sets": [
                    {"tag": "ideduplication", "type": "INPUT", "attributes": numbers},
                    {
                        "tag": "odeduplication",
                        "type": "OUTPUT",
                        "attributes": [*numbers, attribute("count", "NUMERIC")],
                    },
                ],
            },
            {
                "tag": "europe",
                "sets": [
                    {"tag": "odeduplication", "type": "INPUT", "dependency": "deduplication"},
                    {"tag": "oeurope", "type": "OUTPUT", "attributes": extracted, "extractors": [extractor]},
                ],
            },
        ],
    }


def test_producers_may_come_after_their_users_and_names_in_any_case():
    message, _ = dataflow_of(
        "DataFlow(DF)\nPROGRAM(run.sh, /opt/bin)\ndataset(A,{X},{TEXT})\ndataset(b,{y},{File})\n"
        "transformation(Second,{B},{},{})\ntransformation(First,{a},{b},{run.sh})\n"
    )
    second, first = message["transformations"]
    assert second == {"tag": "second", "sets": [{"tag": "b", "type": "INPUT", "dependency": "first"}]}
    assert first == {
        "tag": "first",
        "sets": [
            {"tag": "a", "type": "INPUT", "attributes": [attribute("x", "TEXT")]},
            {"tag": "b", "type": "OUTPUT", "attributes": [attribute("y", "FILE")]},
        ],
        "programs": [{"name": "run.sh", "path": "/opt/bin"}],
    }


def test_a_combination_of_extractors():
    message, _ = dataflow_of(
        "dataflow(df)\ndataset(o, , )\nextractor(o,one,EXTRACTION,CSV,{k;a},{TEXT;NUMERIC})\n"
        "extractor(o,two,INDEXING,FASTBIT,{k;b},{TEXT;NUMERIC})\n"
        "extractor_combination(o,one,two,{k},{text})\ntransformation(t,{},{o}, )\n"
    )
    declared = message["transformations"][0]["sets"][0]
    combination = {"outer": "two", "inner": "one", "keys": "k", "key_types": "TEXT"}
    assert declared["extractor.combinations"] == [combination]
    assert [each["extension"] for each in declared["extractors"]] == ["CSV", "FASTBIT"]


def test_the_dialect_of_the_published_documentation():
    """Commas in braces, calls over several lines, no sub id."""
    message, _ = dataflow_of(
        """
        dataflow(simulation)
        dataset(isolve, {dt, timesteps},
                        {NUMERIC, NUMERIC})
        dataset(osolve,
                {time},
                {NUMERIC}
        )
        transformation(solve, {isolve}, {osolve}, {})
        """
    )
    sets = message["transformations"][0]["sets"]
    assert [each["name"] for each in sets[0]["attributes"]] == ["dt", "timesteps"]
    assert sets[1]["tag"] == "osolve"
    found = task_of(
        "task(simulation, solve, 1, RUNNING, /w, node1)\r\ncollection(isolve, {{0.1, 10}, {0.2,\r\n20}})\r\n"
    )
    assert (found["subid"], found["status"], found["workspace"], found["resource"]) == (
        "null",
        "RUNNING",
        "/w",
        "node1",
    )
    assert [each["elements"] for each in found["sets"]] == [["0.1", "10"], ["0.2", "20"]]


@pytest.mark.parametrize(
    ("rows", "elements"),
    [
        ("{{1;a};{2;b}}", [["1", "a"], ["2", "b"]]),
        ("{{1;a}{2;b}}", [["1", "a"], ["2", "b"]]),
        ("{{1;a}, {2;b}}", [["1", "a"], ["2", "b"]]),
        ("{{1;a}}", [["1", "a"]]),
        ("{1;a}", [["1", "a"]]),
        ("{1;2;3}", [["1", "2", "3"]]),
        ("1;2;3", [["1", "2", "3"]]),
        ("{{1;f(x)};{2;g(y)}}", [["1", "f(x)"], ["2", "g(y)"]]),
        ('{{1;{"k":"v"}};{2;x}}', [["1", '{"k":"v"}'], ["2", "x"]]),
        ('{1;{"k":"v"}}', [["1", '{"k":"v"}']]),
        ("{{ 1 ; a b }}", [["1", "a b"]]),
        ("{{1;;3}}", [["1", "", "3"]]),
        ("{a}b}", [["a}b"]]),
        ("{}", [[]]),
    ],
)
def test_rows_of_a_collection(rows, elements):
    found = task_of(f"task(df,t,1, ,RUNNING)\ncollection(Set,{rows})")
    assert [each["tag"] for each in found["sets"]] == ["set"] * len(elements)
    assert [each["elements"] for each in found["sets"]] == elements


@pytest.mark.parametrize(
    ("lines", "tags", "ids"),
    [
        ("dependency({a},{1})", ["a"], ["1"]),
        ("dependency({A},{{1}})", ["a"], ["1"]),
        ("dependency({a;b},{1;2})", ["a", "b"], ["1,2"]),
        ("dependency({a;b},{{1};{2}})", ["a", "b"], ["1,2"]),
        ("dependency({a;b},{{1;3};{2}})", ["a", "b"], ["1,2", "3,2"]),
        ("dependency({a},{{1};{2}})", ["a"], ["1", "2"]),
        ("dependency({a},{1;2})", ["a"], ["1", "2"]),
        ("dependency({a;b;c},{1;2})", ["a", "b", "c"], ["1", "2"]),
        ("dependency({a;b},{1;2})\ndependency({a;b},{3;4})", ["a", "b"], ["1,2", "3,4"]),
        ("dependency({},{})", [], []),
    ],
)
def test_dependencies(lines, tags, ids):
    found = task_of(f"task(df,t,1, ,RUNNING)\n{lines}")["dependency"]
    assert found == {"tags": [{"tag": tag} for tag in tags], "ids": [{"id": number} for number in ids]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "as the first line, got nothing"),
        ("collection(a,{1})", "as the first line, got collection(…) in line 1"),
        ("task(df,t)", "got 2 arguments: df, t"),
        ("task(df,t,1, ,RUNNING,a,b,c)", "got 8 arguments"),
        ("task(df,t,1, ,ASLEEP)", "'ASLEEP'"),
        ("task(df,t,1, ,RUNNING)\ncollection(a)", "line 2"),
        ("task(df,t,1, ,RUNNING)\n\nfile(a)", "line 3"),
        ("task(df,t,1, ,RUNNING)\ntask(df,t,2, ,RUNNING)", "line 2"),
        ("task(df,t,1, ,RUNNING)\nfrobnicate(a)", "'frobnicate'"),
        ("task(df,t,1, ,RUNNING)\nhello", "'hello'"),
        ("task(df,t,1, ,RUNNING", "closing parenthesis"),
    ],
)
def test_what_is_no_task_is_refused_with_what_was_expected(shared, refused, text, said):
    with pytest.raises(MessageError) as caught:
        task_of(text)
    assert said in str(caught.value)
    assert said in refused(shared.post("/pde/task", text), 400)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dataset(a,{b},{TEXT})", "as the first line"),
        ("dataflow(a,b)", "got 2 arguments"),
        ("dataflow(a)\ntransformation(t,{nothing},{}, )", "'nothing'"),
        ("dataflow(a)\ndataset(x,{a;b},{TEXT})", "2 names and 1 types"),
        ("dataflow(a)\ndataset(x,{a},{NUMBER})\ntransformation(t,{x},{}, )", "'NUMBER'"),
        ("dataflow()", "1 to 1024 characters"),
    ],
)
def test_what_is_no_dataflow_is_refused_with_what_was_expected(shared, refused, text, said):
    assert said in refused(shared.post("/pde/dataflow", text), 400)


@pytest.mark.parametrize(
    "values", ["{" * 200_000, "{};" * 100_000, ";" * 300_000, "{1;2}" * 100_000, "(" * 300_000, "\n" * 300_000]
)
def test_the_time_that_reading_takes_does_not_explode(values):
    begin = time.perf_counter()
    task_of(f"task(df,t,1, ,RUNNING)\ncollection(set,{{{values}}})")
    assert time.perf_counter() - begin < 5
