"""``dlprov graph`` and what ``dlprov push`` says without a server."""

from __future__ import annotations

import importlib.util
import json

import pytest

import dlprov

if importlib.util.find_spec("arcadedb_embedded") is None:
    pytest.skip("arcadedb-embedded is not installed", allow_module_level=True)


@pytest.fixture
def flowers(store) -> dlprov.Run:
    with dlprov.start_run("flowers") as run:
        with run.task("Train") as train:
            train.used("iTrain", optimizer="Adam")
            train.generated("oTrain", loss=0.5)
            model = train.generated("oModel", path="it's\n\x1b[31m")
        with run.task("Test") as test:
            test.used("oModel", model)
            test.generated("oTest", loss=1.5)
    return run


def test_an_answer_is_a_table_of_what_was_asked(dlprov_command, flowers, tmp_path):
    query = "MATCH (b:Entity)-[:wasGeneratedBy]->(:Activity) RETURN avg(b.`dlprov:loss`) AS loss"
    found = dlprov_command("graph", query)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.split() == ["loss", "────", "1.0"]
    # The engine's own files are in the cache, and none is where the command was called.
    assert not (tmp_path / "log").exists()
    path = "MATCH p = (a {`prov:label`: 'otest'})-[:wasGeneratedBy]->()-[:used]->({`prov:label`: 'omodel'}) RETURN p"
    found = dlprov_command("graph", path)
    expected = "(otest:Entity)-[:wasGeneratedBy]->(test:Activity)-[:used]->(omodel:Entity)"
    assert found.stdout.splitlines()[2] == expected
    found = dlprov_command("graph", "MATCH (n:Entity {`dlprov:ds_tag`: 'omodel'}) RETURN n, [n] AS list")
    assert '(:Entity {dlprov:ds_tag: "omodel", dlprov:id: 1' in found.stdout
    assert "\x1b" not in found.stdout
    assert "meta:" not in found.stdout


def test_an_answer_for_programs_has_everything(dlprov_command, flowers, tmp_path):
    query = "MATCH (a)-[r:used]->(b {`dlprov:ds_tag`: 'itrain'}) RETURN r, b, a.`prov:label` AS who"
    (row,) = json.loads(dlprov_command("graph", query, "--format", "json").stdout)
    assert row["who"] == "train"
    assert row["r"]["type"] == "used"
    assert row["r"]["end"] == row["b"]["properties"]["meta:identifier_original"]
    assert row["b"]["properties"]["dlprov:optimizer"] == "Adam"
    done = dlprov_command("graph", "UNWIND [1, 2] AS x RETURN x", "-o", "answer.csv")
    assert (done.returncode, (tmp_path / "answer.csv").read_text()) == (0, "x\n1\n2\n")
    assert dlprov_command("graph", "RETURN 1", "--format", "parquet").returncode == 2


def test_it_is_about_the_runs_that_are_named(dlprov_command, flowers, failed):
    query = "MATCH (n) WHERE n.`dlprov:run_id` IS NOT NULL RETURN n.`dlprov:status` AS s ORDER BY s"
    assert dlprov_command("graph", query, "--format", "csv").stdout == "s\nfailed\nfinished\n"
    assert dlprov_command("graph", query, "--run", failed.id, "--format", "csv").stdout == "s\nfailed\n"
    assert dlprov_command("graph", query, "--dataflow", "flowers", "--format", "csv").stdout == "s\nfinished\n"
    found = dlprov_command("graph", query, "--run", "nope")
    assert (found.returncode, found.stdout) == (1, "")
    assert "no run 'nope'" in found.stderr


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["MATCH (n"], 1, "Syntax error"),
        (["CREATE (n)"], 1, "would change something"),
        (
            ["MATCH p = (a)-[*]-(b), q = (c)-[*]-(d), r = (e)-[*]-(f) RETURN count(p)", "--timeout", "2"],
            1,
            "within 2 sec",
        ),
        (["RETURN 1", "--timeout", "0"], 2, "--timeout"),
        (["RETURN 1", "--limit", "-1"], 2, "--limit"),
        ([], 2, "CYPHER"),
    ],
)
def test_a_mistake_is_a_message(dlprov_command, flowers, args, status, said):
    found = dlprov_command("graph", *args)
    assert (found.returncode, found.stdout) == (status, "")
    assert said in found.stderr
    assert not any(word in found.stderr for word in ("Traceback", "com.arcadedb", "WARNING"))


def test_an_answer_that_is_cut_says_so(dlprov_command, flowers):
    found = dlprov_command("graph", "UNWIND range(1, 10) AS x RETURN x", "--limit", "3", "--format", "csv")
    assert found.stdout == "x\n1\n2\n3\n"
    assert "more than the 3 rows" in found.stderr


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["bolt://127.0.0.1:1"], 2, "a password was expected"),
        (["bolt://127.0.0.1:1", "--password-file", "nope"], 2, "nope"),
        (["bolt://127.0.0.1:1", "--password-file", "secret"], 1, "none answers"),
        (["http://127.0.0.1", "--password-file", "secret"], 1, "bolt://localhost:7687"),
        (["bolt://127.0.0.1:1", "nope", "--password-file", "secret"], 1, "no run 'nope'"),
        (["bolt://127.0.0.1:1", "last", "--dataflow", "x", "--password-file", "secret"], 1, "got both"),
    ],
)
def test_a_push_that_cannot_be_is_explained(dlprov_command, flowers, tmp_path, args, status, said):
    pytest.importorskip("neo4j")
    (tmp_path / "secret").write_text("a password\n")
    found = dlprov_command("push", *args, env={"NEO4J_PASSWORD": ""})
    assert (found.returncode, found.stdout) == (status, "")
    assert said in found.stderr
    assert "Traceback" not in found.stderr
