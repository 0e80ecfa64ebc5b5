"""DfAnalyzer's questions over HTTP: the query interface, its answers as page and file, dataflows as JSON."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
import requests

from dlprov.service.questions import elapsed, message_in

PLAN = """dataflow(Keras)
dataset(iTrainingModel, {optimizer_name;learning_rate;num_epochs}, {text;numeric;numeric})
dataset(oTrainingModel, {epoch_id;loss;accuracy;remark}, {numeric;numeric;numeric;text})
dataset(oTestingModel, {otest_accuracy}, {numeric})
transformation(TrainingModel, {iTrainingModel}, {oTrainingModel}, )
transformation(TestingModel, {oTrainingModel}, {oTestingModel}, )
"""

TASK = {
    "dataflow": "keras",
    "transformation": "trainingmodel",
    "exec": "one",
    "id": "1",
    "status": "FINISHED",
    "dependency": {},
    "sets": [
        {"tag": "itrainingmodel", "elements": [["Adam", "0.001", "100"]]},
        {"tag": "otrainingmodel", "elements": [["0", "2.5", "0.5", "nothing; yet"]]},
        {"tag": "otrainingmodel", "elements": [["1", "nan", "0.95", '<b>"good"</b>']]},
        {"tag": "otrainingmodel", "elements": [["2", "null", "0.96", "ü"]]},
    ],
}

MESSAGE = """mapping(physical)
source(itrainingmodel)
target(otrainingmodel)
projection(itrainingmodel.learning_rate;otrainingmodel.loss;otrainingmodel.remark)
selection(otrainingmodel.accuracy > 0.9)"""

SQL = """SELECT itrainingmodel.learning_rate, otrainingmodel.loss, otrainingmodel.remark
FROM itrainingmodel, otrainingmodel
WHERE (otrainingmodel.accuracy > 0.9) AND (itrainingmodel.trainingmodel_task_id = otrainingmodel.trainingmodel_task_id)
;
"""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def keras(shared):
    """A service that knows a dataflow with rows."""
    assert shared.post("/pde/dataflow", PLAN).ok
    assert shared.post("/pde/task/json", TASK).ok
    return shared


def ask(service, message: str, path: str = "/query_interface/keras/1", **options) -> requests.Response:
    return service.post(path, "message=" + quote(message), headers=FORM | options.pop("headers", {}), **options)


def test_the_answer_is_the_sql_and_how_long_it_took(keras) -> None:
    answer = ask(keras, MESSAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    rule = "=" * 48
    took = r"Query elapsed time \(generation \+ execution\): \d+(\.\d+)? (ms|s)"
    assert re.fullmatch(re.escape(SQL) + f"{rule}\n{took}\n{rule}\nCurrentPath:\\.", answer.text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123449, "12.34 ms"), (1.2034, "1.203 s"), (0.5, "500.0 ms"), (90, "1.500 min"), (3e-6, "3.000 μs"),
     (5e-9, "5.000 ns"), (1.0, "1.000 s"), (0.99996, "1000 ms"), (600, "10.00 min"), (60000, "1000 min")],
)  # fmt: skip
def test_times_are_written_as_they_always_were(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def test_the_file_has_the_rows(keras) -> None:
    ask(keras, MESSAGE)
    answer = keras.get("/downloadCSV")
    assert answer.headers["content-type"] == "aplication/xls"
    assert answer.headers["content-disposition"] == 'attachment;filename="query_result.csv"'
    head, *rows = answer.content.decode("utf-8").splitlines(keepends=True)
    assert head == "learning_rate;loss;remark;\n"
    assert sorted(rows) == ['0.001;NaN;<b>"good"</b>;\n', "0.001;null;ü;\n"]


class Table(HTMLParser):
    """The cells of a page's only table, and its title, links and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag == "th":
            self.rows[-1].append("")
        if tag == "a":
            self.links.append(str(dict(attrs)["href"]))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.tags[-1:] == ["th"]:
            self.rows[-1][-1] += data


@pytest.mark.parametrize("path", ["/query_processing", "/query_processing/"])
def test_the_page_has_the_rows(keras, path: str) -> None:
    ask(keras, MESSAGE)
    answer = keras.post(path, "csv=./query_result.csv", headers=FORM)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Table(answer.text)
    assert page.rows[0] == ["learning_rate", "loss", "remark"]
    assert sorted(page.rows[1:]) == [["0.001", "NaN", '<b>"good"</b>'], ["0.001", "null", "ü"]]
    assert {"Result", "Table with result", "Download CSV"} <= set(page.texts)
    assert "/downloadCSV" in page.links
    assert page.tags.count("table") == 1
    assert not {"b", "script", "td"} & set(page.tags)


def test_answers_survive_a_sweep_of_the_temporary_directory(serve, tmp_path) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    service = serve(env={"TMPDIR": str(place)})
    assert service.post("/pde/dataflow", PLAN).ok
    assert service.post("/pde/task/json", TASK).ok
    for _ in range(2):
        assert ask(service, MESSAGE).status_code == 200
        assert service.ask("SELECT tag FROM dataflow") == [("keras",)]
        assert len(service.get("/downloadCSV").text.splitlines()) == 3
        swept = list(place.glob("dlprov-answers-*"))
        assert len(swept) >= 2
        for directory in swept:
            shutil.rmtree(directory)
        assert service.get("/downloadCSV").text == ""


def test_before_a_question_there_is_an_empty_file(served) -> None:
    answer = served.get("/downloadCSV")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no result yet" in served.post("/query_processing", "").text


def test_every_browser_has_an_answer_of_its_own(keras) -> None:
    def browser(message: str) -> requests.Session:
        session = requests.Session()
        session.headers["Origin"] = keras.url
        assert session.post(keras.url + "/query_interface/keras/1", data={"message": message}, timeout=60).ok
        return session

    one = browser("source(itrainingmodel)\ntarget(itrainingmodel)\nprojection(itrainingmodel.optimizer_name)")
    other = browser("source(itrainingmodel)\ntarget(itrainingmodel)\nprojection(itrainingmodel.num_epochs)")
    assert one.cookies != other.cookies
    assert one.get(keras.url + "/downloadCSV", timeout=60).text == "optimizer_name;\nAdam;\n"
    assert other.get(keras.url + "/downloadCSV", timeout=60).text == "num_epochs;\n100.0;\n"
    # A program without cookies gets the latest of all, as from one file.
    assert keras.get("/downloadCSV").text == "num_epochs;\n100.0;\n"
    ask(keras, MESSAGE)
    assert keras.get("/downloadCSV").text.startswith("learning_rate;")
    assert one.get(keras.url + "/downloadCSV", timeout=60).text == "optimizer_name;\nAdam;\n"
    forged = {"dlprov_client": "../../../../etc/passwd0"}
    assert requests.get(keras.url + "/downloadCSV", cookies=forged, timeout=60).text.startswith("learning_rate;")
    unknown = {"dlprov_client": "A" * 22}
    assert requests.get(keras.url + "/downloadCSV", cookies=unknown, timeout=60).text == ""


def test_columns_of_the_same_name_keep_it(keras) -> None:
    message = "mapping(physical)\nsource(itrainingmodel)\ntarget(otrainingmodel)\nprojection({})"
    ask(keras, message.format("otrainingmodel.loss; otrainingmodel.loss + 1 AS loss"))
    assert keras.get("/downloadCSV").text.splitlines()[0].count(";") == 2


@pytest.mark.parametrize(
    ("body", "is_form", "message"),
    [
        (b"message=a%28b%29%0Ac+d", True, "a(b)\nc d"),
        (b"message=a(b)\nc", True, "a(b)\nc"),
        (b"message=a LIKE '%x%'", True, "a LIKE '%x%'"),
        (b"message=a & b", True, "a & b"),
        (b"mapping(physical)\nselection(a.x > 1 + 1 AND a.y LIKE '100%25')", True, None),
        (b"selection(a.x > 1 + 1)", False, None),
        (b"message=a%20+b", False, "a%20+b"),
        (b"\xef\xbb\xbfsource(x)", False, "source(x)"),
        ("message=ü%C3%BC".encode(), True, "üü"),
        (b"", True, ""),
    ],
)
def test_bodies_are_read_as_forms_or_letter_by_letter(body: bytes, is_form: bool, message: str | None) -> None:
    assert message_in(body, is_form) == (body.decode() if message is None else message)


def test_a_raw_body_is_taken_as_it_is(keras) -> None:
    raw = "source(itrainingmodel)\r\ntarget(itrainingmodel)\r\nselection(itrainingmodel.num_epochs > 98 + 1)"
    for kind in ({}, FORM, {"Content-Type": "text/plain"}):
        answer = keras.post("/query_interface/keras/1", raw, headers=kind)
        assert "WHERE itrainingmodel.num_epochs > 98 + 1\n;" in answer.text, kind


@pytest.mark.parametrize("number", ["1", "2", "999", "-1"])
def test_number_or_version_does_not_matter(keras, number: str) -> None:
    assert ask(keras, MESSAGE, f"//query_interface//KERAS/{number}/").status_code == 200


@pytest.mark.parametrize(
    ("path", "message", "status", "said"),
    [
        ("/query_interface/nothing/1", MESSAGE, 404, "there is no dataflow 'nothing'"),
        ("/query_interface/keras/x", MESSAGE, 400, "a whole number was expected as df_id, got 'x'"),
        ("/query_interface/keras/1", "source(nothing)\ntarget(otrainingmodel)", 400, "line 1: .*'nothing'"),
        ("/query_interface/keras/1", "source(itrainingmodel)\ntarget(nothing)", 400, "line 2: .*'nothing'"),
        ("/query_interface/keras/1", "mapping(odd)", 400, "odd"),
        ("/query_interface/keras/1", "bla(x)", 400, "bla"),
        ("/query_interface/keras/1", "", 400, "expected"),
        (
            "/query_interface/keras/1",
            "source(itrainingmodel)\ntarget(itrainingmodel)\nselection(itrainingmodel.optimizer_name > 1)",
            400,
            "Cannot compare values",
        ),
        (
            "/query_interface/keras/1",
            "source(itrainingmodel)\ntarget(itrainingmodel)\nselection(1 = 1) UNION SELECT (1)",
            400,
            "expected",
        ),
    ],
)
def test_mistakes_are_told(keras, refused, path: str, message: str, status: int, said: str) -> None:
    assert re.search(said, refused(ask(keras, message, path), status))


def test_a_tag_with_slashes_can_be_asked(served, refused) -> None:
    attributes = [{"name": "x", "type": "NUMERIC"}]
    sets = [{"tag": "ioffset", "type": "INPUT", "attributes": attributes}]
    plan = {"tag": "Team/Vision/mnist", "transformations": [{"tag": "train", "sets": sets}]}
    assert served.post("/pde/dataflow/json", plan).status_code == 200
    task = {"dataflow": "team/vision/mnist", "transformation": "train", "id": 1, "exec": "2026/11/21"}
    assert served.post("/pde/task/json", task | {"sets": [{"tag": "ioffset", "elements": [4]}]}).status_code == 200
    for path in ("/query_interface/Team%2FVision%2Fmnist/1", "//query_interface/team/vision/mnist/1/"):
        assert ask(served, "source(ioffset)\nprojection(ioffset.x)", path).status_code == 200
        assert served.get("/downloadCSV").text == "x;\n4.0;\n"
    assert served.get("/api/runs/2026%2F11%2F21").json()["dataflow"] == "team/vision/mnist"
    assert "'team'" in refused(ask(served, "source(ioffset)", "/query_interface/team/1"), 404)


def test_a_tag_without_end_is_told_without_being_repeated(keras, refused) -> None:
    assert len(refused(ask(keras, MESSAGE, f"/query_interface/{'x' * 20_000}/1"), 404)) < 200


def test_what_a_message_may_not_have_meant_is_in_a_header(keras) -> None:
    answer = ask(keras, "source(itrainingmodel)\ntarget(otrainingmodel)\nprojection(itrainingmodel.learning_rate)")
    assert "mapping" in answer.headers["Dlprov-Warning"]
    assert "Dlprov-Warning" not in ask(keras, MESSAGE).headers


def test_no_message_reads_files(keras, refused, tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    for sql in (f"(SELECT content FROM read_text('{secret}'))", f"(SELECT * FROM '{secret}')"):
        message = f"source(itrainingmodel)\ntarget(itrainingmodel)\nprojection({sql})"
        assert "hidden" not in refused(ask(keras, message), 400)
    assert "hidden" not in keras.get("/downloadCSV").text


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE"])
def test_dataflows_as_a_list(keras, verb: str) -> None:
    answer = requests.request(verb, keras.url + "//api/dataflows/list/?_=1", timeout=60)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [{"id": 1, "tag": "keras"}]


def test_a_dataflow_as_a_graph(keras) -> None:
    assert keras.get("/api/dataflows/1").json() == {
        "graph": {
            "nodes": [
                {
                    "id": 1,
                    "label": "itrainingmodel",
                    "shape": "box",
                    "title": "(optimizer_name,learning_rate,num_epochs)",
                    "color": "#7BE141",
                },
                {"id": 2, "label": "otrainingmodel", "shape": "box", "title": "(epoch_id,loss,accuracy,remark)"},
                {"id": 3, "label": "otestingmodel", "shape": "box", "title": "(otest_accuracy)"},
            ],
            "edges": [
                {"from": 1, "to": 2, "arrows": "to", "label": "trainingmodel", "color": {"color": "black"}},
                {"from": 2, "to": 3, "arrows": "to", "label": "testingmodel", "color": {"color": "black"}},
            ],
        },
        "allAttrsMap": {
            "1": {
                "name": "itrainingmodel",
                "atts": [
                    {"name": "optimizer_name", "type": "TEXT"},
                    {"name": "learning_rate", "type": "NUMERIC"},
                    {"name": "num_epochs", "type": "NUMERIC"},
                ],
            },
            "2": {
                "name": "otrainingmodel",
                "atts": [
                    {"name": "epoch_id", "type": "NUMERIC"},
                    {"name": "loss", "type": "NUMERIC"},
                    {"name": "accuracy", "type": "NUMERIC"},
                    {"name": "remark", "type": "TEXT"},
                ],
            },
            "3": {"name": "otestingmodel", "atts": [{"name": "otest_accuracy", "type": "NUMERIC"}]},
        },
    }


def test_a_dataflow_that_is_not_there_is_empty(keras, refused) -> None:
    assert keras.get("/api/dataflows/99").json() == {"graph": {"nodes": [], "edges": []}, "allAttrsMap": {}}
    assert "a whole number was expected" in refused(keras.get("/api/dataflows/x"), 400)
    refused(keras.get("/api/dataflows/99999999999"), 400)


def test_the_page_a_training_had_a_moment_ago_is_of_now(served) -> None:
    served.post("/pde/dataflow", PLAN)
    for number in range(3):
        row = {"tag": "otrainingmodel", "elements": [[str(number), "0.5", "1", ""]]}
        assert served.post("/pde/task/json", TASK | {"sets": [row]}).ok
        ask(served, "source(otrainingmodel)\ntarget(otrainingmodel)\nprojection(otrainingmodel.epoch_id)")
        assert served.get("/downloadCSV").text.splitlines()[1:] == [f"{epoch}.0;" for epoch in range(number + 1)]
