"""Questions: statements, results, named questions, and what is refused."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest

import dlprov
from dlprov.query import Result, description, statements


@pytest.fixture
def campaign(store: Path) -> list[dlprov.Run]:
    """Three finished runs; the last one's metric is not a number in the end."""
    runs = []
    for number in range(3):
        with dlprov.start_run("mnist", params={"lr": 0.1 * number, "same": 1}) as run, run.task("Train") as task:
            for epoch in range(3):
                accuracy = math.nan if number == 2 and epoch == 2 else 0.5 + 0.1 * number - 0.01 * epoch
                task.log(step=epoch, epoch=epoch, accuracy=accuracy, loss=1.0 / (epoch + 1))
            task.generated("oTrain", loss=0.5)
        runs.append(run)
    return runs


def test_a_result_in_every_form(campaign: list[dlprov.Run], tmp_path: Path) -> None:
    result = dlprov.query(
        "SELECT step, value FROM metric WHERE name = 'loss' AND run_id = ? ORDER BY step", [campaign[0].id]
    )
    expected = [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert result.rows() == list(result) == expected
    assert len(result) == 3
    assert (result.columns, result.types) == (["step", "value"], ["BIGINT", "DOUBLE"])
    assert result.dicts()[1] == {"step": 1, "value": 0.5}
    assert result.df()["value"].tolist() == [row[1] for row in expected]
    assert result.pl().rows() == expected
    assert result.arrow().to_pylist() == result.dicts()
    result.write(str(tmp_path / "it's.csv"), "csv")
    assert (tmp_path / "it's.csv").read_text().splitlines()[:2] == ["step,value", "0,1.0"]
    result.write(str(tmp_path / "out.parquet"), "parquet")
    with pytest.raises(dlprov.UsageError, match="csv, json or parquet"):
        result.write("x", "xml")


def test_named_parameters_and_several_statements(campaign: list[dlprov.Run]) -> None:
    found = dlprov.query("SELECT count(*) FROM metric WHERE name = $name", {"name": "loss"}).rows()
    assert found == [(9,)]
    assert dlprov.query('SET SCHEMA "mnist"; SELECT loss FROM otrain LIMIT 1').rows() == [(0.5,)]
    assert dlprov.query("SET SCHEMA 'MNIST'; SELECT count(*) FROM run, otrain").rows() == [(9,)]
    assert dlprov.query("-- which\nSET SCHEMA mnist;\nSELECT 1;").rows() == [(1,)]
    assert dlprov.query("SELECT ';' AS a, 'x' AS a").columns == ["a", "a_1"]
    with pytest.raises(dlprov.NotFoundError, match="there are: mnist, public"):
        dlprov.query("SET SCHEMA cifar")
    with pytest.raises(dlprov.QueryError, match="one by one"):
        dlprov.query("SELECT 1; SELECT ?", [1])


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE run", "DELETE FROM metric", "INSERT INTO note VALUES ('x', 1, 'y', now())", "CREATE TABLE x (a INT)",
     "UPDATE run SET status = 'finished'", "ATTACH 'x.db'", "COPY run TO 'x.csv'", "CHECKPOINT", "", ";", "-- nothing"],
)  # fmt: skip
def test_what_is_no_question_is_refused(campaign: list[dlprov.Run], sql: str) -> None:
    with pytest.raises(dlprov.QueryError, match="a question was expected"):
        dlprov.query(sql)
    assert dlprov.query("SELECT count(*) FROM run").rows() == [(3,)]


def test_errors_say_where_to_look(campaign: list[dlprov.Run]) -> None:
    with pytest.raises(dlprov.QueryError, match=r"otrain(.|\n)*The current schema is \"public\""):
        dlprov.query("SELECT * FROM otrain")
    with pytest.raises(dlprov.QueryError, match="syntax error"):
        dlprov.query("SELEC 1")


def test_other_forms_of_questions(campaign: list[dlprov.Run]) -> None:
    assert ("run",) in dlprov.query("SHOW TABLES").rows()
    assert dlprov.query("DESCRIBE run").rows()[0][0] == "run_id"
    assert len(dlprov.query("SUMMARIZE run")) > 10
    assert len(dlprov.query("EXPLAIN SELECT 1")) == 1
    assert dlprov.query("FROM run SELECT count(*)").rows() == [(3,)]
    assert dlprov.query("WITH x AS (SELECT 1 AS a) SELECT * FROM x").rows() == [(1,)]
    assert len(dlprov.query("SELECT now() AS moment").df()) == 1
    pivot = dlprov.query("PIVOT (SELECT run_id, name, value FROM metric) ON name USING count(value) ORDER BY run_id")
    assert pivot.columns == ["run_id", "accuracy", "loss"]
    assert [row[1:] for row in pivot.rows()] == [(3, 3)] * 3


def test_runs_and_best_runs(campaign: list[dlprov.Run]) -> None:
    found = dlprov.runs().dicts()
    assert [row["run_id"] for row in found] == [run.id for run in reversed(campaign)]
    assert found[1]["params"] == {"lr": "0.1", "same": "1"}
    assert found[1]["metrics"]["loss"] == pytest.approx(1 / 3)
    assert len(dlprov.runs("mnist", limit=2)) == 2
    assert len(dlprov.runs("MNIST", status="failed")) == 0
    best = dlprov.best_runs("accuracy").dicts()
    # The third run's last accuracy is NaN, which is no best.
    assert [row["run_id"] for row in best] == [campaign[1].id, campaign[0].id]
    assert best[0]["value"] == pytest.approx(0.58)
    by_best = dlprov.best_runs("accuracy", by="best", n=1).dicts()
    assert (by_best[0]["run_id"], by_best[0]["value"]) == (campaign[2].id, pytest.approx(0.7))
    assert dlprov.best_runs("accuracy", mode="min").dicts()[0]["run_id"] == campaign[0].id
    with pytest.raises(dlprov.UsageError, match="mode 'max' or 'min'"):
        dlprov.best_runs("accuracy", mode="up")  # type: ignore[arg-type]


def test_epochs_adaptations_and_compare(campaign: list[dlprov.Run], tmp_path: Path) -> None:
    epochs = dlprov.epochs(campaign[1].id)
    assert epochs.columns == ["epoch", "accuracy", "loss"]
    assert epochs.rows()[0] == (0, 0.6, 1.0)
    assert len(dlprov.epochs("last")) == 3
    assert len(dlprov.epochs(campaign[0].id[:23])) == 3
    assert dlprov.adaptations().rows() == []
    differences = {
        (row["aspect"], row["name"]): (row["first"], row["second"])
        for row in dlprov.compare(campaign[0].id, campaign[1].id).dicts()
    }
    assert differences[("param", "lr")] == ("0.0", "0.1")
    assert ("param", "same") not in differences
    files = [tmp_path / f"{number}" / "model.keras" for number in range(2)]
    for number, rates in enumerate(((0.0, 0.5), (0.25, 0.5))):
        files[number].parent.mkdir()
        files[number].write_text(f"weights {number}")
        with dlprov.start_run("mnist", name=f"run {number}") as run:
            run.artifact(files[number])
            for rate in rates:
                run.task("Train").param(rate=rate)
    for _ in range(2):
        dlprov.start_run("mnist", name="again").finish()
    differences = {row[:2]: row[2:] for row in dlprov.compare("run 0", "run 1").rows()}
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert differences["file", "model.keras"] == tuple(hashes)
    # Each of two tasks has a value: the larger ones, which are the same, are not all that counts.
    assert differences["param", "rate"] == ("0.0, 0.5", "0.25, 0.5")
    with pytest.raises(dlprov.UsageError, match="'again' names 2 runs"):
        dlprov.epochs("again")
    with pytest.raises(dlprov.NotFoundError, match="there is no run 'nope'"):
        dlprov.epochs("nope")
    with pytest.raises(dlprov.UsageError, match="names 7 runs"):
        dlprov.epochs(campaign[0].id[:3])


def test_descriptions(campaign: list[dlprov.Run]) -> None:
    session = dlprov.query.open_session()
    assert ("metric", "table", "Series of metrics, a row a value.") in description.tables(session).rows()
    assert description.columns(session, '"RUN"').rows()[0][:2] == ("run_id", "VARCHAR")
    assert description.schemas(session).rows()[0][:2] == ("mnist", 3)
    session.ask("SET SCHEMA mnist")
    assert [row[:2] for row in description.tables(session).rows()] == [("ds_otrain", "table"), ("otrain", "view")]
    assert len(description.columns(session, "metric")) == 7
    with pytest.raises(dlprov.NotFoundError, match="lists them"):
        description.columns(session, "nope")


def test_every_column_of_the_schema_is_described(store: Path) -> None:
    bare = dlprov.query(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = 'store' AND schema_name = 'public' AND comment IS NULL"
    ).rows()
    assert bare == []


def test_an_answer_outlives_the_index(campaign: list[dlprov.Run], store: Path) -> None:
    result = dlprov.query("SELECT count(*) FROM metric")
    (store / "index.duckdb").unlink()
    with dlprov.start_run("another") as run:
        run.log(loss=1.0)
    assert result.rows() == [(18,)]
    assert dlprov.query("SELECT count(*) FROM metric").rows() == [(19,)]


def test_splitting_statements() -> None:
    text = """SELECT ';' AS "a;b"; -- one; two
    /* three; */ SELECT $$;$$; ;
    """
    assert [part.strip() for part in statements.split(text)] == [
        "SELECT ';' AS \"a;b\"",
        "-- one; two\n    /* three; */ SELECT $$;$$",
    ]
    assert statements.set_schema('set schema "a""b"') == statements.SetSchema('a"b')
    assert statements.set_schema("SELECT 1") is None


def test_integers_beyond_every_float_do_not_stop_the_index(tmp_path: Path) -> None:
    with dlprov.start_run("huge", params={"up": 2**1024, "down": -(2**1024), "seed": 7}, store=tmp_path):
        pass
    found = dlprov.query("SELECT name, number, value FROM param ORDER BY name", store=tmp_path).rows()
    assert [(name, number) for name, number, _ in found] == [("down", -math.inf), ("seed", 7.0), ("up", math.inf)]
    assert [int(value) for *_, value in found] == [-(2**1024), 7, 2**1024]


def test_the_words_of_a_statement_are_found_however_many_blanks_there_are() -> None:
    # A pattern that tries all ways to take the blanks apart would never end.
    assert statements.first_words(" " * 5_000 + "(SELECT 1)", 1) == ""
    assert statements.first_words("-" * 5_000 + "\n" * 5_000 + "(", 2) == ""
    assert statements.first_words("/* a */ -- b\n  SET" + " " * 5_000 + "(", 2) == "SET"
    # A comment is none, whatever stands behind it.
    assert statements.first_words("-- delete nothing\n(SELECT 1)", 1) == ""


def test_an_answer_with_a_column_called_rowid_is_cut_behind_its_first_rows() -> None:
    found = Result.of_rows({"rowid": "BIGINT"}, [(number,) for number in range(10, 0, -1)])
    assert found.cut(5)
    assert found.rows() == [(10,), (9,), (8,), (7,), (6,)]
    assert not found.cut(5)
    texts = Result.of_rows({"rowid": "VARCHAR"}, [("a",), ("b",)])
    assert texts.cut(1)
    assert texts.rows() == [("a",)]
