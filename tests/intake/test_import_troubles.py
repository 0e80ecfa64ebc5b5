"""What cannot be imported as it is: it is told, and the rest is imported."""

from __future__ import annotations

from typing import Any

import pytest
from dfanalyzer_databases import eight_runs, executions, four_trainings, one_schema
from imported import assert_same_tables, assert_sealed, logs

import dlprov
from dlprov.errors import StoreError
from dlprov.intake import Report, import_dump


def test_rows_that_cannot_be_read_are_told_and_the_rest_is_imported(taken):
    database = four_trainings(with_defect=False)
    lines = database.dump().splitlines()
    first = next(number for number, line in enumerate(lines) if 'INTO "alexnet-df-1"."ds_otrainingmodel"' in line) + 1
    lines[first + 9] = lines[first + 9].replace("|", "", 1)
    lines[first + 19] = lines[first + 19].rpartition("|")[0] + "|nineteen"
    report, told = taken("\n".join(lines) + "\n")
    assert report.problems == 2
    assert [message.partition(":")[0] for message in told] == [str(first + 10), str(first + 20)]
    assert "10 values were expected, got 9" in told[0]
    assert "a number was expected in column 'epoch', got 'nineteen'" in told[1]
    epochs = [row[0] for row in dlprov.query('SELECT epoch FROM "alexnet-df-1".otrainingmodel ORDER BY epoch')]
    assert epochs == [epoch for epoch in range(200) if epoch not in (9, 19)]


def test_a_dump_that_was_cut_off(taken, store):
    database = four_trainings(with_defect=False)
    text = database.dump()
    end = text.index("\n150|", text.index('INTO "alexnet-df-3"."ds_otrainingmodel"')) + 20
    report, told = taken(text[:end])
    assert len(told) == 2
    assert "the file ends within this line" in told[0]
    assert "200 rows of 'ds_otrainingmodel' were announced, and there are 150" in told[1]
    assert report.problems == 51
    assert dlprov.query('SELECT count(*) FROM "alexnet-df-3".otrainingmodel').rows() == [(149,)]
    # The whole dump brings the rest.
    assert taken(text)[0].elements == 51 + 173
    assert_same_tables(database)
    assert_sealed(store)


def test_rows_that_belong_to_nothing_are_told(taken):
    database = executions(2, open_last=False)
    database.table("task").rows.pop()
    report, told = taken(database.dump())
    reasons = [message.partition(": ")[2] for message in told]
    lost = "which the dump does not have"
    assert f"a row of 'performance' belongs to task_id 6, {lost}" in reasons
    assert reasons.count(f"a row of 'otrainingmodel' belongs to task 6 of 'testingmodel', {lost}") == 5
    assert f"a row of 'otestingmodel' belongs to task 6 of 'testingmodel', {lost}" in reasons
    assert report.problems == len(told) == 7
    assert dlprov.query('SELECT count(*) FROM "keras-alexnet-df".otrainingmodel').rows() == [(5,)]


def test_another_database_under_the_same_names_is_not_mixed_in(taken, store):
    taken(four_trainings().dump())
    other = four_trainings()
    table = other.table("ds_otrainingmodel", "alexnet-df-1")
    table.rows[:] = [(*row[:5], 0.5, *row[6:]) if row[0] > 100 else row for row in table.rows]
    before = logs(store)
    report, told = taken(other.dump())
    assert report.problems == 100
    (message,) = [message for message in told if "warning" not in message]
    assert "100 rows of 'otrainingmodel' are not those that were imported before" in message
    assert logs(store) == before


def test_databases_with_the_same_ids_live_in_one_store(taken, store):
    """Ids that are taken become others, and every row keeps its own links."""
    taken(executions(3, 6, open_last=False).dump())
    taken(eight_runs().dump())
    dlprov.query("SELECT 1")
    taken(four_trainings().dump())
    query = """
        SELECT t.identifier, d.tag, count(*) FROM {set} AS s JOIN task AS t ON t.id = s.{tag}_task_id
        JOIN data_transformation AS d ON d.id = t.dt_id GROUP BY ALL ORDER BY ALL
    """
    keras, shared = 'SET SCHEMA "keras-alexnet-df"; ', 'SET SCHEMA "alexnet-nofilter"; '

    def links(schema: str, tag: str) -> list[Any]:
        return dlprov.query(schema + query.format(set="otrainingmodel", tag=tag)).rows()

    assert links(keras, "adaptation") == [(2, "adaptation", 9)]
    assert links(keras, "testingmodel") == [(3, "testingmodel", 18)]
    assert links(shared, "adaptation") == [(4, "adaptation", 709)]
    assert links('SET SCHEMA "alexnet-df-3"; ', "adaptation") == [(2, "adaptation", 200)]
    assert dlprov.query("SELECT count(*) FROM dataflow").rows() == [(7,)]


def test_a_server_that_forgot_who_uses_and_generates(taken):
    """DLProv's server kept one consumer of a set in ``data_dependency``: the set's table tells of both."""
    database = executions(2, open_last=False)
    dependencies = database.table("data_dependency")
    dependencies.rows[:] = [row for row in dependencies.rows if row[0] not in (3, 4)]
    table = database.table("ds_otrainingmodel", "keras-alexnet-df")
    table.rows[:] = [(*row[:2], None, *row[3:]) for row in table.rows]
    taken(database.dump())
    assert_same_tables(database, but=("data_dependency",))
    found = set(dlprov.query("SELECT previous_dt_id, next_dt_id, ds_id FROM data_dependency").rows())
    assert found == {row[1:] for row in dependencies.rows} | {(1, 2, 3), (2, None, 4)}


def test_a_column_that_somebody_added_and_texts_of_all_kinds(taken):
    database = executions(1, 3, open_last=False)
    table = database.table("ds_otrainingmodel", "keras-alexnet-df")
    table.columns["remark"] = "VARCHAR(500)"
    table.columns["seconds"] = "DOUBLE"
    texts = ['a "quoted"\n\ttext \\ | 💡', "NULL", None]
    table.rows[:] = [(*row, text, -9999999.0) for row, text in zip(table.rows, texts, strict=True)]
    for dialect in ("bar", "blanks"):
        report, told = taken(database.dump(dialect))
        assert not told
        found = dlprov.query('SELECT remark, seconds FROM "keras-alexnet-df".otrainingmodel ORDER BY id').rows()
        assert found == [(text, -9999999.0) for text in texts]
    assert report.lines == 0


def test_programs_files_and_extractors(taken):
    database = executions(1, open_last=False)
    database.table("program").rows.append((1, 1, "train.py", "/programs"))
    database.table("use_program").rows.append((1, 1))
    database.table("file").rows.append((1, 2, "weights.h5", "/data/run"))
    integer, text = "INTEGER", "VARCHAR(20)"
    columns = {"id": integer, "ds_id": integer, "tag": text, "cartridge": text, "extension": text}
    database.add("public", "extractor", columns, [(1, 1, "ext", "EXTRACTION", "CSV")])
    database.add("keras-alexnet-df", "ext_ext", {"ext_id": integer, "filename": text}, [(1, "a.csv"), (2, "b.csv")])
    _, told = taken(database.dump())
    assert [message.partition(": ")[2] for message in told] == [
        'warning: 2 rows that an extractor took from files ("ext_ext") stay there'
    ]
    assert_same_tables(database, but=("ext_ext",))


def test_a_use_by_another_execution_is_told(taken):
    database = executions(2, open_last=False)
    table = database.table("ds_otrainingmodel", "keras-alexnet-df")
    table.rows[0] = (*table.rows[0][:3], 6, *table.rows[0][4:])
    report, told = taken(database.dump())
    assert report.problems == 0
    assert [message.partition(": ")[2] for message in told] == [
        "warning: the use of a row of 'otrainingmodel' by task 6, which is of another execution, is left out"
    ]
    assert dlprov.query('SELECT count(testingmodel_task_id) FROM "keras-alexnet-df".otrainingmodel').rows() == [(9,)]


def test_tasks_of_two_versions_with_the_same_number_stay_two(taken):
    database = one_schema()
    database.table("dataflow_version", "sys").rows.append((3, 1))
    database.table("task", "sys").rows.append((3, 1, 3, 1, "FINISHED", "null", "null", "null", "null"))
    database.table("ds_odata", "sys").rows.append((4, 3, None, "d.csv", 4.5))
    taken(database.dump())
    assert dlprov.query('SELECT load_task_id, path FROM "first".odata ORDER BY id').rows() == [
        (1, "a.csv"),
        (1, "c.csv"),
        (3, "d.csv"),
    ]


def test_a_store_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "dump.sql"
    path.write_text(executions().dump())
    with pytest.raises(StoreError, match="cannot be written"):
        import_dump(path, tmp_path / "file" / "store", Report(path))
