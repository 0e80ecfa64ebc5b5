"""The API: SQL and named questions as JSON; its limits, and what foreign SQL cannot do."""

from __future__ import annotations

import io
import json
import math
import threading
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import requests

import dlprov
from dlprov.store import address

SLOW = "SELECT count(*) FROM range(10000000000) AS a, range(1000) AS b WHERE (a.range * b.range) % 7 = 1"


@pytest.fixture
def runs(store: Path) -> list[dlprov.Run]:
    """Two finished runs of one dataflow and a failed one of another."""
    made = []
    for number in range(2):
        run = dlprov.start_run("mnist", name=f"run {number}", params={"lr": 0.1 * number})
        with run, run.task("Train") as task:
            for epoch in range(3):
                task.log(step=epoch, epoch=epoch, accuracy=0.5 + 0.1 * number, loss=math.nan)
            task.adaptation("lr", 0.1, 0.05, technique="Scheduler", epoch=1)
            task.generated("oTrain", loss=0.5)
        made.append(run)
    failing = dlprov.start_run("cifar")
    failing.finish(error=ValueError("boom"))
    return [*made, failing]


def query(service, sql: str, **body) -> requests.Response:
    headers = body.pop("headers", {})
    return service.post("/api/query", {"sql": sql, **body}, headers=headers)


def rows(service, sql: str, **body) -> list[list]:
    answer = query(service, sql, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def owner(service) -> dict[str, str]:
    found = address.read(address.beside(service.store / "index.duckdb"))
    return {"Authorization": f"Bearer {found.key}"}


def test_an_answer_has_columns_and_rows(served, runs) -> None:
    answer = query(served, "SELECT run_id, status, started, duration FROM run ORDER BY started").json()
    assert answer["columns"] == [
        {"name": "run_id", "type": "VARCHAR"},
        {"name": "status", "type": "VARCHAR"},
        {"name": "started", "type": "TIMESTAMP"},
        {"name": "duration", "type": "DOUBLE"},
    ]
    assert [row[:2] for row in answer["rows"]] == [
        [run.id, status] for run, status in zip(runs, ["finished", "finished", "failed"], strict=True)
    ]
    assert all(row[2].endswith("Z") for row in answer["rows"])
    assert answer["truncated"] is False
    assert 0 < answer["elapsed"] < 60


def test_values_are_as_json_has_them(served) -> None:
    sql = """SELECT 'NaN'::DOUBLE, '-Infinity'::DOUBLE, NULL, true, 170141183460469231731687303715884105727::HUGEINT,
             MAP {'a': 'NaN'::DOUBLE}, [1, NULL], '{"x": [1]}'::JSON, '\\xFF'::BLOB, DATE '2020-01-02', 0.1, 'ü"'"""
    answer = query(served, sql)
    ((nan, *others),) = answer.json()["rows"]
    assert nan == "NaN"
    expected = [
        "-Infinity",
        None,
        True,
        2**127 - 1,
        {"a": "NaN"},
        [1, None],
        {"x": [1]},
        "\\xFF",
        "2020-01-02",
        0.1,
        'ü"',
    ]
    assert others == expected
    json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_parameters_schema_and_several_statements(served, runs) -> None:
    assert rows(served, "SELECT ?, ? + 1", params=["a", 1]) == [["a", 2]]
    assert rows(served, "SELECT $x", params={"x": [1, None]}) == [[[1, None]]]
    assert rows(served, "SELECT count(*) FROM otrain", schema="MNIST") == [[2]]
    assert rows(served, 'SET SCHEMA "mnist"; SELECT count(*) FROM otrain') == [[2]]
    assert rows(served, "SELECT 1 AS a, 2 AS a") == [[1, 2]]
    assert rows(served, "PIVOT metric ON name IN ('accuracy', 'loss') USING count(*) GROUP BY epoch ORDER BY epoch")
    for sql in ("DESCRIBE run", "SHOW TABLES", "SUMMARIZE metric", "EXPLAIN SELECT * FROM run", "FROM run"):
        assert rows(served, sql)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "a JSON object"),
        (b"{", "a JSON object"),
        (b"\xff", "a JSON object"),
        (b"[]", "a JSON object"),
        (b'{"sql": 1}', "Expected `str`, got `int`"),
        (b'{"query": "SELECT 1"}', "unknown field `query`"),
        (b'{"sql": "SELECT 1", "limit": 0}', "a limit of at least 1"),
        (b'{"sql": "SELECT 1", "limit": "x"}', "limit"),
        (b'{"sql": ""}', "a question was expected"),
        (b'{"sql": "SELEC 1"}', "syntax error"),
        (b'{"sql": "SELECT 1; SELECT ?", "params": [1]}', "one by one"),
        (b'{"sql": "SELECT * FROM nothing"}', "nothing does not exist"),
        (b'{"sql": "\\ud800"}', "a JSON object"),
    ],
)
def test_mistakes_are_told(served, refused, body: bytes, said: str) -> None:
    assert said in refused(served.post("/api/query", body), 400)


def test_what_the_engine_repeats_has_an_end(served, refused) -> None:
    message = refused(query(served, f"SELECT CAST('{'x' * 100_000}' AS INTEGER)"), 400)
    assert message.startswith("Conversion Error")
    assert len(message) < 5000


def test_an_unknown_schema_is_not_found(served, refused) -> None:
    assert "there is no dataflow 'x'" in refused(query(served, "SELECT 1", schema="x"), 404)
    refused(served.get("/api/query"), 405)


def test_answers_are_cut_and_say_so(served) -> None:
    answer = query(served, "SELECT * FROM range(20000)").json()
    assert (len(answer["rows"]), answer["truncated"]) == (10_000, True)
    answer = query(served, "SELECT * FROM range(20000)", limit=15_000).json()
    assert (len(answer["rows"]), answer["truncated"]) == (15_000, True)
    answer = query(served, "SELECT * FROM range(10)", limit=10).json()
    assert (len(answer["rows"]), answer["truncated"]) == (10, False)
    answer = query(served, "SELECT * FROM range(150000)", limit=150_000).json()
    assert (len(answer["rows"]), answer["truncated"]) == (100_000, True)
    # Nothing that would be cut is put together first.
    began = time.monotonic()
    assert query(served, "SELECT * FROM range(1000000000000)", limit=5).json()["rows"] == [[n] for n in range(5)]
    assert time.monotonic() - began < 20


def test_answers_of_many_bytes_are_cut(served) -> None:
    answer = query(served, "SELECT repeat('x', 1000000) FROM range(100)").json()
    assert answer["truncated"] is True
    assert 60 <= len(answer["rows"]) < 70


def test_the_owner_has_no_limits(served) -> None:
    answer = query(served, "SELECT * FROM range(150000)", headers=owner(served)).json()
    assert (len(answer["rows"]), answer["truncated"]) == (150_000, False)
    assert rows(served, "PRAGMA version", headers=owner(served))
    assert query(served, "PRAGMA version", headers={"Authorization": "Bearer guessed"}).status_code == 400


def test_csv_and_parquet(served, runs, refused) -> None:
    sql = "SELECT n, CASE n WHEN 1 THEN 'NaN'::DOUBLE ELSE n / 3 END AS v, 'a;\"' AS s FROM range(3) AS t(n) ORDER BY n"
    answer = query(served, sql, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["dlprov-truncated"] == "false"
    assert answer.text.splitlines() == ["n,v,s", '0,0.0,"a;"""', '1,NaN,"a;"""', '2,0.6666666666666666,"a;"""']
    answer = query(served, sql, limit=2, headers={"Accept": "application/vnd.apache.parquet"})
    table = pq.read_table(io.BytesIO(answer.content))
    assert (table.column_names, table.num_rows) == (["n", "v", "s"], 2)
    assert answer.headers["dlprov-truncated"] == "true"
    assert "one of application/json" in refused(query(served, sql, headers={"Accept": "image/png"}), 406)
    assert query(served, sql, headers={"Accept": "image/png, */*;q=0.1"}).json()["rows"]


HIDDEN = [
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM '{file}'",
    'SELECT * FROM "{file}"',
    "FROM '{file}'",
    "SELECT (SELECT content FROM read_text('{file}'))",
    "WITH x AS (FROM read_text('{file}')) FROM x",
    "SELECT 1 UNION SELECT content FROM read_text('{file}')",
    "SELECT * FROM run, LATERAL (SELECT * FROM read_text('{file}'))",
    "DESCRIBE SELECT * FROM read_csv('{file}')",
    "SUMMARIZE SELECT * FROM read_csv('{file}')",
    "SUMMARIZE '{file}'",
    "EXPLAIN SELECT * FROM read_csv('{file}')",
    "EXPLAIN ANALYZE SELECT * FROM read_csv('{file}')",
    "PIVOT (SELECT * FROM read_csv('{file}')) ON secret USING count(*)",
    "SELECT * FROM (PIVOT (FROM read_csv('{file}')) ON secret IN ('hidden') USING count(*))",
    "UNPIVOT (FROM read_csv('{file}')) ON secret",
    "SELECT * FROM query('FROM read_text(''{file}'')')",
    "SELECT * FROM query_table('{file}')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{file}'')'))",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM read_blob('{index}')",
    "SELECT * FROM '{index}'",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM pragma_database_size()",
    "SELECT * FROM pandas_scan()",
    "SELECT * FROM force_checkpoint('store')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM read_csv('https://example.org/x.csv')",
    "SELECT * FROM 'https://example.org/x.csv'",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT system.main.Current_Setting('secret_directory')",
    "SELECT * FROM run WHERE status = current_setting('home_directory')",
    "SELECT * FROM duckdb_databases",
    "FROM pragma_database_list",
    "FROM system.main.duckdb_settings",
    "FROM pg_settings",
    "SUMMARIZE pg_catalog.pg_settings",
    "PRAGMA database_list",
    "PRAGMA import_database('{folder}')",
    "CALL pragma_version()",
    "COPY (SELECT 1) TO '{file}.out'",
    "COPY run FROM '{file}'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "ATTACH '{file}.out'",
    "ATTACH ':memory:' AS x",
    "DETACH store",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{file}'",
    "SET enable_external_access = true",
    "SET memory_limit = '1TB'",
    "RESET lock_configuration",
    "SET VARIABLE x = 1",
    "CHECKPOINT",
    "BEGIN",
    "ROLLBACK",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "CREATE SECRET s (TYPE s3)",
    "INSERT INTO note VALUES (1)",
    "DELETE FROM run",
    "WITH gone AS (DELETE FROM run RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO tag VALUES ('a', 'b', 'c', 'd') RETURNING *) SELECT * FROM new",
    "EXPLAIN ANALYZE DELETE FROM run",
    "SELECT E'\\''; DELETE FROM run; SELECT '1'",
    "SELECT 1) FROM run; DELETE FROM run; (SELECT 1",
    "PREPARE x AS DELETE FROM run",
    "EXECUTE x",
]
"""What nobody but the owner may do. ``{file}`` has the text ``hidden``."""


def test_foreign_sql_reads_tables_and_nothing_else(served, runs, refused, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("secret\nhidden\n")
    before = sorted(tmp_path.rglob("*"))
    index = served.store / "index.duckdb"
    for sql in HIDDEN:
        said = refused(query(served, sql.format(file=file, folder=tmp_path, index=index)), 400)
        assert "hidden" not in said.replace("'hidden'", ""), sql
    after = [path for path in sorted(tmp_path.rglob("*")) if not path.name.startswith("index.duckdb")]
    assert after == [path for path in before if not path.name.startswith("index.duckdb")]
    assert rows(served, "SELECT count(*), count(DISTINCT status) FROM run") == [[3, 2]]
    assert rows(served, "SELECT count(*) FROM tag") == [[0]]


def test_a_question_that_takes_too_long_is_stopped(serve, refused) -> None:
    service = serve("--query-time", "2")
    began = time.monotonic()
    assert "at most 2 s was expected" in refused(query(service, SLOW), 400)
    assert time.monotonic() - began < 15
    process = psutil.Process(service.process.pid)
    deadline = time.monotonic() + 30
    while process.cpu_percent(0.5) > 30:
        assert time.monotonic() < deadline, "it still works on a question that nobody waits for"


def test_a_client_that_leaves_stops_its_question(served) -> None:
    process = psutil.Process(served.process.pid)
    with pytest.raises(requests.Timeout):
        requests.post(served.url + "/api/query", json={"sql": SLOW}, timeout=2)
    deadline = time.monotonic() + 20
    while process.cpu_percent(0.5) > 30:
        assert time.monotonic() < deadline, "it still works on a question that nobody waits for"


def test_long_questions_keep_nobody_from_telling_and_the_owner_from_asking(served) -> None:
    threads = [threading.Thread(target=_ask_in_vain, args=[served]) for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    began = time.monotonic()
    assert served.post("/pde/dataflow", "dataflow(busy)").ok
    assert served.get("/health").ok
    assert served.ask("SELECT tag FROM dataflow") == [("busy",)]
    assert time.monotonic() - began < 20
    for thread in threads:
        thread.join()


def _ask_in_vain(service) -> None:
    with pytest.raises(requests.Timeout):
        requests.post(service.url + "/api/query", json={"sql": SLOW}, timeout=12)


def test_memory_has_a_limit(serve, refused) -> None:
    service = serve("--query-memory", "200MB")
    sql = "SELECT list(n ORDER BY hash(n)) FROM (SELECT range AS n FROM range(100000000))"
    assert "Out of Memory" in refused(query(service, sql), 400)
    assert rows(service, "SELECT 1") == [[1]]


def test_runs(served, runs) -> None:
    answer = served.get("/api/runs").json()
    assert [row["run_id"] for row in answer["rows"]] == [run.id for run in reversed(runs)]
    assert answer["rows"][1]["params"] == {"lr": "0.1"}
    assert answer["rows"][1]["metrics"] == {"accuracy": 0.6, "loss": "NaN"}
    assert answer["truncated"] is False
    assert len(served.get("/api/runs?dataflow=MNIST&status=finished").json()["rows"]) == 2
    answer = served.get("/api/runs?limit=1").json()
    assert ([row["run_id"] for row in answer["rows"]], answer["truncated"]) == ([runs[2].id], True)


def test_one_run_in_full(served, runs, refused) -> None:
    run = served.get(f"/api/runs/{runs[0].id}").json()
    assert (run["run_id"], run["name"], run["status"]) == (runs[0].id, "run 0", "finished")
    assert run["params"] == [{"name": "lr", "value": "0.0", "type": "float", "task": None}]
    assert len(run["epochs"]) == 3
    assert run["environment"]["python.version"]
    assert served.get("/api/runs/last").json()["run_id"] == runs[2].id
    assert "there is no run 'x'" in refused(served.get("/api/runs/x"), 404)


def test_best_compare_epochs_and_adaptations(served, runs, refused) -> None:
    best = served.get("/api/best?metric=accuracy").json()["rows"]
    assert [(row["run_id"], row["value"]) for row in best] == [(runs[1].id, 0.6), (runs[0].id, 0.5)]
    assert len(served.get("/api/best?metric=accuracy&n=1&mode=min&by=best&dataflow=mnist").json()["rows"]) == 1
    compared = served.get(f"/api/compare?first={runs[0].id}&second={runs[1].id}").json()["rows"]
    assert {"param", "metric"} <= {row["aspect"] for row in compared}
    epochs = served.get(f"/api/epochs?run={runs[1].id}").json()["rows"]
    assert epochs == [{"epoch": epoch, "accuracy": 0.6, "loss": "NaN"} for epoch in range(3)]
    assert len(served.get(f"/api/epochs?run={runs[1].id}&limit=2").json()["rows"]) == 2
    assert len(served.get("/api/adaptations").json()["rows"]) == 2
    assert served.get(f"/api/adaptations?run={runs[0].id}").json()["rows"][0]["technique"] == "Scheduler"
    for path, said in {
        "/api/best": "the parameter metric was expected",
        "/api/best?metric=a&mode=up": "one of max, min was expected as mode, got 'up'",
        "/api/best?metric=a&n=x": "a whole number was expected as n",
        "/api/best?metric=a&n=0": "a number from 1 ",
        "/api/runs?statu=x": "parameters of /api/runs are dataflow, status, limit; got 'statu'",
        "/api/runs?limit=1&limit=2": "expected once",
        "/api/compare?first=last": "second",
    }.items():
        assert said in refused(served.get(path), 400)


def test_a_token_is_asked_for_where_there_is_one(serve, refused) -> None:
    service = serve(env={"DLPROV_TOKEN": "a-token-of-many-letters"})
    refused(query(service, "SELECT 1"), 401)
    assert rows(service, "SELECT 1", headers={"Authorization": "Bearer a-token-of-many-letters"}) == [[1]]
    # Whoever has the token is no owner.
    headers = {"Authorization": "Bearer a-token-of-many-letters"}
    refused(query(service, "PRAGMA version", headers=headers), 400)
    assert rows(service, "PRAGMA version", headers=owner(service))
    assert service.ask("SELECT 1") == [(1,)]
