"""The predefined dataflow of ``dfa_lib_python``, whose generation only the tasks tell."""

from __future__ import annotations

import pytest
from client_scripts import Run, columns, rows
from dfanalyzer_stub import Stub


def test_newest_tasks_have_the_newest_dataflow_declared_whole(run: Run) -> None:
    code = """
df = Dataflow("New", predefined=True); df.save()
task = Task(1, df, "run", "LoadData"); task.add_dataset(row("iInputDataset", "n", "s")); task.begin()
task = Task(2, df, "run", "ApplyFilter", dependency=task); task.begin()
"""
    run(code)
    assert columns('"new".otest') == ["id", "test_task_id", "loss", "accuracy"]
    assert columns('"new".oloaddata') == ["id", "loaddata_task_id", "applyfilter_task_id", "dataset_dir"]
    assert [tag for (tag,) in rows("SELECT tag FROM data_transformation ORDER BY id")] == [
        *("loaddata", "applyfilter", "splitdata", "train", "test")
    ]


@pytest.mark.parametrize(
    ("tasks", "sets"),
    [
        (["TrainingModel"], {"otrainingmodel": 4 + 7, "iadaptation": 2 + 3, "otestingmodel": 2 + 2}),
        (["NormalizeData"], {"onormalizedata": 3 + 1, "isplitconfig": 2 + 1, "otestmodel": 2 + 2}),
        (["LoadData", "RandomHorizontal"], {"onormalize": 3 + 1, "isplitconfig": 2 + 3, "otrain": 2 + 7}),
        (["LoadData", "SplitData:80-20", "TrainModel"], {"isplitconfig": 2 + 1, "itrainmodel": 2 + 4}),
        (["LoadData", "SplitData:1:2:3", "TrainModel"], {"isplitconfig": 2 + 3, "itrainmodel": 2 + 5}),
    ],
)
def test_older_tasks_have_their_own_dataflow_declared(run: Run, tasks: list[str], sets: dict[str, int]) -> None:
    run(f"""
df = Dataflow("Old", True); df.save()
before = None
for number, name in enumerate({tasks!r}, 1):
    tag, *values = name.split(":")
    task = Task(number, "Old", "run", tag, dependency=before)
    if values:
        task.add_dataset(row("iSplitConfig", *values))
    task.begin(); task.end()
    before = task
""")
    assert {tag: len(columns(f'"old".{tag}')) for tag in sets} == sets
    assert rows("SELECT tag FROM data_transformation WHERE tag = 'applyfilter'") == []
    assert rows("SELECT * FROM data_set WHERE tag = 'ofilter'") == []


def test_a_transformation_of_ones_own_may_have_the_tag_of_a_predefined_one(run: Run) -> None:
    done = run("""
own = Transformation("Train", [Set("iTrain", SetType.INPUT, [Attribute("MINE", AttributeType.TEXT)])])
df = Dataflow("Mix", True, [own]); df.save()
Task(1, "Mix", "run", "TrainingModel").end()
task = Task(2, "Mix", "run", "Train"); task.add_dataset(row("iTrain", "x")); task.end()
print([one["tag"] for one in df.transformations])
""")
    assert done.stdout.splitlines()[-1] == "['train', 'trainingmodel', 'adaptation', 'testingmodel']"
    assert columns('"mix".itrain') == ["id", "train_task_id", "mine"]
    assert len(rows("SELECT tag FROM data_transformation")) == 4


def test_what_is_still_open_has_what_its_tasks_tell(run: Run) -> None:
    run("""
df = Dataflow("Open", True); df.save()
task = Task(1, "Open", "run", "LoadData"); task.add_dataset(row("oLoadData", "/d")); task.begin()
task = Task(2, "Open", "run", "SplitData", dependency=task); task.add_dataset(row("iSplitConfig", 0.8, 0.1, 0.1))
task.begin()
task = Task(3, "Open", "run", "Train", dependency=task)
task.add_dataset(row("oTrain", "t", "e", 1, 2, 3, 4, 5)); task.save()
""")
    assert columns('"open".isplitconfig') == ["id", "splitdata_task_id", "train_ratio", "val_ratio", "test_ratio"]
    assert rows('SELECT loss, epoch FROM "open".otrain') == [(1, 5)]


def test_a_server_gets_the_newest_dataflow_at_once_and_the_right_one_when_it_is_known(run: Run) -> None:
    with Stub() as stub:
        run(
            "df = Dataflow('Old', True, [Transformation('Own')]); df.save()\n"
            "Task(1, 'Old', 'run', 'TrainingModel').begin(); df.save()",
            DFA_URL=stub.url,
        )
        first, second, task, third = stub.taken
    tags = [[one["tag"] for one in message.json["transformations"]] for message in (first, second, third)]
    oldest = ["own", "trainingmodel", "adaptation", "testingmodel"]
    assert tags == [["own", "loaddata", "applyfilter", "splitdata", "train", "test"], oldest, oldest]
    assert [one.headers.get("DLProv-Predefined") for one in (first, second, third)] == ["P7", None, None]
    assert task.json["transformation"] == "trainingmodel"
