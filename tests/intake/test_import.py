"""From dumps to answers: what was in a database is in the store, once, with its ids, tags and times."""

from __future__ import annotations

import pytest
from dfanalyzer_databases import CONFIGURATIONS, adaptations, eight_runs, executions, four_trainings, one_schema
from imported import assert_same_tables, assert_sealed
from monetdb_dumps import as_in_mclient

import dlprov
from dlprov.log.layout import run_directories


@pytest.mark.parametrize("dialect", ["bar", "loose", "tab", "blanks"])
def test_four_trainings_come_out_as_they_went_in(taken, store, dialect):
    database = four_trainings()
    report, told = taken(database.dump(dialect))
    assert (report.dataflows, report.runs, report.tasks, report.elements, report.problems) == (4, 4, 8, 1460, 0)
    assert len(told) == 1
    assert told[0].endswith("warning: epoch 19912 in row 200, where 199 was expected; it is imported as it is")
    assert_same_tables(database)
    assert_sealed(store)


def test_eight_runs_that_share_four_tasks(taken, store):
    database = eight_runs()
    report, told = taken(as_in_mclient(database.dump("blanks")))
    assert (report.runs, report.tasks, report.elements, told) == (1, 4, 936, [])
    assert_same_tables(database)
    links = "SELECT adaptation_task_id, testingmodel_task_id, count(*) FROM otrainingmodel GROUP BY ALL ORDER BY ALL"
    found = dlprov.query(f'SET SCHEMA "alexnet-nofilter"; {links}').rows()
    assert found == [(3, 4, 709), (None, 4, 91)]


@pytest.mark.parametrize("generation", ["K1", "D7", "July"])
def test_executions_become_runs(taken, store, generation):
    database = executions(generation=generation)
    report, told = taken(database.dump("tab"))
    assert (report.dataflows, report.runs, report.tasks, told) == (2, 3, 8, [])
    assert_same_tables(database)
    found = dlprov.query("SELECT execution, dataflow, kind, status, started, ended FROM run ORDER BY started").rows()
    wanted = [row["tag"] for row in database.rows("dataflow_execution")]
    assert [(row[0], *row[1:3]) for row in found] == [(tag, "keras-alexnet-df", "dfanalyzer") for tag in wanted]
    assert [row[3] == "finished" for row in found] == [True, True, False]
    assert [str(row[4]) for row in found] == [f"2024-10-0{day} 12:00:00" for day in (1, 2, 3)]
    assert [str(row[5]) for row in found] == ["2024-10-01 12:32:00", "2024-10-02 12:32:00", "None"]
    assert_sealed(store)


def test_who_ran_it_and_where(taken, store):
    taken(executions(generation="D7").dump())
    people = """
        SELECT email, hostname, gpus, in_container FROM dataflow_execution AS e JOIN data_scientist AS s
        ON s.id = e.scientist_id JOIN hardware_info AS h ON h.id = e.hardware_id ORDER BY e.id
    """
    machine = ("node-7", "NVIDIA A100, NVIDIA A100", True)
    ada, bob = "ada@example.org", "bob@example.org"
    assert dlprov.query(people).rows() == [(ada, *machine), (bob, *machine), (ada, *machine)]


def test_one_schema_for_all_dataflows(taken):
    report, told = taken(one_schema().dump())
    assert (report.dataflows, report.runs, report.elements, told) == (2, 2, 3, [])
    assert dlprov.query('SELECT * FROM "first".odata ORDER BY id').rows() == [
        (1, 1, "a.csv", 1.5),
        (3, 1, "c.csv", None),
    ]
    assert dlprov.query('SELECT id, fetch_task_id, path, size FROM "second".odata').rows() == [(2, 2, "b.csv", 2.5)]
    assert dlprov.query("SELECT dataflow, execution FROM run ORDER BY dataflow").rows() == [
        ("first", "first"),
        ("second", "second"),
    ]


# The queries that reproduce tables of papers.


def test_configuration_and_best_accuracy(taken):
    taken(four_trainings().dump())
    query = """
        SELECT i.optimizer_name, i.learning_rate, i.num_epochs, MAX(o.val_accuracy)
        FROM itrainingmodel i, otrainingmodel o
        WHERE i.trainingmodel_task_id = o.trainingmodel_task_id
        GROUP BY i.optimizer_name, i.learning_rate, i.num_epochs;
    """
    for configuration in CONFIGURATIONS:
        settings = configuration.settings
        wanted = (settings["optimizer_name"], settings["learning_rate"], 200, configuration.highest)
        assert dlprov.query(f'SET SCHEMA "{configuration.tag}"; {query}').rows() == [wanted]


@pytest.mark.parametrize(("with_defect", "lost"), [(True, 1), (False, 0)])
def test_history_of_the_learning_rate(taken, with_defect, lost):
    taken(four_trainings(with_defect=with_defect).dump("loose"))
    query = """
        SELECT a.epoch_id, a.new_lrate, o.accuracy, o.val_accuracy FROM oadaptation a, otrainingmodel o
        WHERE a.adaptation_task_id = o.adaptation_task_id AND a.epoch_id = o.epoch ORDER BY a.epoch_id
    """
    counts = {}
    for configuration in CONFIGURATIONS:
        found = dlprov.query(f'SET SCHEMA "{configuration.tag}"; {query}').rows()
        counts[configuration.tag] = len(found)
        wanted = [(epoch, rate) for epoch, rate in adaptations(configuration.rate)]
        if configuration.tag == "alexnet-df-2" and with_defect:
            wanted.pop()
        assert [row[:2] for row in found] == wanted
    assert counts == {"alexnet-df-1": 155, "alexnet-df-2": 155 - lost, "alexnet-df-3": 173, "alexnet-df-4": 173}


def test_sums_of_the_learning_rates_are_the_published_ones(taken):
    taken(four_trainings().dump())
    for configuration in CONFIGURATIONS:
        asked = "sum(new_lrate), count(DISTINCT new_lrate), max(adaptation_id)"
        query = f'SELECT {asked} FROM "{configuration.tag}".oadaptation'
        ((total, rates, last),) = dlprov.query(query).rows()
        assert rates == 20
        wanted = (0.156248188, 155) if configuration.rate == 0.1 else (0.00324998188, 173)
        assert (pytest.approx(total, rel=1e-8), last) == wanted


def test_loss_and_time_at_an_epoch(taken):
    database = four_trainings()
    taken(database.dump("blanks"))
    query = "SELECT loss, accuracy, elapsed_time FROM otrainingmodel WHERE epoch = 99"
    (row,) = dlprov.query(f'SET SCHEMA "alexnet-df-4"; {query}').rows()
    assert row[:2] == (0.054534722, 0.9988506)
    elapsed = [float(row["elapsed_time"]) for row in database.rows("ds_otrainingmodel", "alexnet-df-4")]
    (total,) = dlprov.query('SELECT sum(CAST(elapsed_time AS DOUBLE)) FROM "alexnet-df-4".otrainingmodel').rows()[0]
    assert total == pytest.approx(sum(elapsed))


def test_runs_ranked_by_test_accuracy(taken):
    taken(as_in_mclient(eight_runs().dump("blanks")))
    query = 'SET SCHEMA "alexnet-nofilter"; SELECT id, loss, accuracy FROM otestingmodel ORDER BY accuracy DESC'
    assert [row[0] for row in dlprov.query(query).rows()] == [6, 2, 5, 1, 3, 7, 4, 8]


# The command.


def test_the_command_tells_what_it_did(dlprov_import, tmp_path):
    (tmp_path / "dump.sql").write_text(executions().dump())
    first = dlprov_import("dump.sql")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "dump.sql: 2 dataflows, 3 runs, 8 tasks, 29 elements imported\n"
    again = dlprov_import("dump.sql")
    assert (again.returncode, again.stdout, again.stderr) == (0, "dump.sql: nothing new\n", "")
    assert dlprov.query("SELECT count(*) FROM run").rows() == [(3,)]


def test_the_command_takes_several_files_and_a_store(dlprov_import, tmp_path, store):
    (tmp_path / "a.sql").write_text(executions().dump())
    (tmp_path / "b").write_text(as_in_mclient(eight_runs().dump("blanks")))
    done = dlprov_import("--store", "mine", "a.sql", "b", "a.sql")
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["a.sql", "b", "a.sql"]
    assert "a.sql: nothing new" in done.stdout
    assert (tmp_path / "mine" / "index.duckdb").exists()
    assert not list(run_directories(store))


def test_the_exit_status_tells_of_rows_that_were_left_out(dlprov_import, tmp_path):
    (tmp_path / "dump.sql").write_text(executions().dump().replace('"a softmax"', '"a softmax', 1))
    done = dlprov_import("dump.sql")
    assert done.returncode == 1
    assert done.stderr.startswith("dump.sql:")
    assert "a row of 'ds_ilayers': a value was expected" in done.stderr
    assert done.stdout.endswith("elements imported; 1 row could not be\n")
    assert dlprov.query("SELECT count(*) FROM run").rows() == [(3,)]


@pytest.mark.parametrize(
    ("name", "said"), [("notes.txt", "looks like something else"), ("nowhere.sql", "No such file"), (".", "directory")]
)
def test_what_cannot_be_imported_stops_before_anything_is(dlprov_import, tmp_path, store, name, said):
    (tmp_path / "dump.sql").write_text(executions().dump())
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    done = dlprov_import("dump.sql", name)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(run_directories(store))
