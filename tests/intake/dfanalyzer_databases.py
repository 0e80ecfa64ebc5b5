"""DfAnalyzer databases of the shapes that are found in the wild, of every generation of its schema."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

from monetdb_dumps import Database, Rows

TEXT, LONG = "VARCHAR(500)", "CHARACTER LARGE OBJECT"


def generic(
    database: Database,
    tags: list[str],
    plans: dict[str, dict[str, Any]],
    tasks: Rows,
    performances: Rows,
    *,
    executions: Rows | None = None,
    with_agents: bool = False,
    with_uuids: bool = False,
    schema: str = "public",
    scientists: Rows | None = None,
    machines: Rows | None = None,
) -> dict[str, dict[str, int]]:
    """Add the generic tables of dataflows with these plans, numbered in their order.

    A plan has ``transformations`` (tags), ``sets`` (``{tag: {attribute: type}}``) and ``dependencies``
    (``(generating, using, set)``, tags or ``None``).
    Gives the ids of the transformations, ``{dataflow: {tag: id}}``.
    """
    uuid = {"uuid": "VARCHAR(36)"} if with_agents or with_uuids else {}
    all_uuid = uuid if with_uuids else {}

    def add(name: str, columns: dict[str, str], rows: Rows, kept: dict[str, str]) -> None:
        if kept:
            first, *rest = columns.items()
            columns = dict([first, *kept.items(), *rest])
            rows = [(row[0], None if number % 2 else f"{name}-{number}", *row[1:]) for number, row in enumerate(rows)]
        database.add(schema, name, columns, rows)

    flows: Rows = [(number, tag) for number, tag in enumerate(tags, 1)]
    transformations: Rows = []
    sets: Rows = []
    dependencies: Rows = []
    attributes: Rows = []
    numbers: dict[str, dict[str, int]] = {}
    for flow, tag in flows:
        plan = plans[tag]
        own = numbers[tag] = {}
        for name in plan["transformations"]:
            own[name] = len(transformations) + 1
            transformations.append((own[name], flow, name))
        set_numbers = {}
        for name, described in plan["sets"].items():
            set_numbers[name] = len(sets) + 1
            sets.append((set_numbers[name], flow, name))
            for attribute, kind in described.items():
                attributes.append((len(attributes) + 1, set_numbers[name], None, attribute, kind))
        for previous, following, name in plan["dependencies"]:
            row = (own.get(previous), own.get(following), set_numbers[name])
            dependencies.append((len(dependencies) + 1, *row))
    integer = "INTEGER"
    add("dataflow", {"id": integer, "tag": "VARCHAR(50)"}, flows, uuid)
    versions: Rows = [(flow, flow) for flow, _ in flows]
    add("dataflow_version", {"version": integer, "df_id": integer}, versions, all_uuid)
    columns = {"id": integer, "df_id": integer, "tag": "VARCHAR(50)"}
    add("data_transformation", columns, transformations, all_uuid)
    add("program", {"id": integer, "df_id": integer, "name": "VARCHAR(200)", "path": TEXT}, [], all_uuid)
    add("use_program", {"dt_id": integer, "program_id": integer}, [], {})
    add("data_set", columns, sets, all_uuid)
    columns = {"id": integer, "previous_dt_id": integer, "next_dt_id": integer, "ds_id": integer}
    add("data_dependency", columns, dependencies, all_uuid)
    columns = {"id": integer, "ds_id": integer, "extractor_id": integer, "name": "VARCHAR(30)", "type": "VARCHAR(15)"}
    add("attribute", columns, attributes, all_uuid)
    if with_agents:
        add("data_scientist", {"id": integer, "email": "VARCHAR(50)"}, scientists or [], uuid)
        names = ("hostname", "os", "platform", "architecture", "processor", "gpus")
        columns = {"id": integer, **dict.fromkeys(names, "VARCHAR(50)"), "in_container": "BOOLEAN"}
        add("hardware_info", columns, machines or [], uuid)
    if executions is not None:
        columns = {"id": integer, "tag": "VARCHAR(50)", "df_id": integer}
        if with_agents:
            columns |= {"scientist_id": integer, "hardware_id": integer}
        add("dataflow_execution", columns, executions, uuid)
    columns = {"id": integer, "identifier": integer, "df_version": integer}
    if executions is not None:
        columns["df_exec"] = "VARCHAR(50)"
    columns |= {"dt_id": integer, "status": "VARCHAR(10)", "workspace": TEXT, "computing_resource": "VARCHAR(100)"}
    add("task", columns | {"output_msg": LONG, "error_msg": LONG}, tasks, uuid)
    add("file", {"id": integer, "task_id": integer, "name": "VARCHAR(200)", "path": TEXT}, [], all_uuid)
    columns = {"id": integer, "task_id": integer, "subtask_id": integer, "method": "VARCHAR(30)"}
    columns |= {"description": "VARCHAR(200)", "starttime": "VARCHAR(30)", "endtime": "VARCHAR(30)", "invocation": LONG}
    add("performance", columns, performances, all_uuid)
    return numbers


def set_columns(tasks: list[str], attributes: dict[str, str]) -> dict[str, str]:
    kinds = {"TEXT": TEXT, "NUMERIC": "DOUBLE", "FILE": "VARCHAR(300)", "LONG_TEXT": LONG}
    task_columns = dict.fromkeys((f"{task}_task_id" for task in tasks), "INTEGER")
    return {"id": "INTEGER", **task_columns, **{name: kinds[kind] for name, kind in attributes.items()}}


N, T = "NUMERIC", "TEXT"
NOTHING = ("null", "null", "null", "null")
"""Workspace, resource, output and error of a task whose client gave none."""


@dataclass(frozen=True)
class Configuration:
    """One training of ``dump.sql``: hyperparameters in the order of their columns, and known epochs."""

    tag: str
    settings: dict[str, Any]
    rate: float
    begin: str
    end: str
    highest: float
    epochs: dict[int, tuple[float, float, float, float]]
    """``{epoch: (loss, accuracy, val_loss, val_accuracy)}``"""


ADAM, SGD = {"optimizer_name": "Adam"}, {"optimizer_name": "SGD"}

CONFIGURATIONS = [
    Configuration(
        "alexnet-df-1",
        {**ADAM, "learning_rate": 0.10000000149011612, "num_epochs": 200, "batch_size": 64, "num_layers": 33},
        0.1,
        "2020-11-09 00:18:59",
        "2020-11-09 00:53:22",
        0.2568807303905487,
        {
            0: (11.981744, 0.12068965, 62623358.82568807, 0.03669724613428116),
            149: (2.2294621, 0.2321839, 1.914880399618278e17, 0.2431192696094513),
            199: (2.2516577, 0.22528736, 2.0647256774113946e17, 0.24770642817020416),
        },
    ),
    Configuration(
        "alexnet-df-4",
        {**ADAM, "learning_rate": 0.0010000000474974513, "num_epochs": 200, "batch_size": 64},
        0.001,
        "2020-11-09 14:37:32",
        "2020-11-09 15:11:53",
        0.6284403800964355,
        {
            99: (0.054534722, 0.9988506, 1.981249107133358, 0.6192660331726074),
            199: (0.003946564, 0.9988506, 1.984762165524544, 0.6192660331726074),
        },
    ),
    Configuration(
        "alexnet-df-2",
        {**SGD, "learning_rate": 0.10000000149011612, "num_epochs": 200},
        0.1,
        "2020-11-09 15:22:37",
        "2020-11-09 15:55:09",
        0.6009174585342407,
        {
            99: (0.07196449, 0.99310344, 2.014410132661872, 0.5917431116104126),
            199: (0.026466213, 0.99770117, 2.0136219120900565, 0.5917431116104126),
        },
    ),
    Configuration(
        "alexnet-df-3",
        {**SGD, "learning_rate": 0.0010000000474974513, "momentum": 0.8999999761581421, "num_epochs": 200},
        0.001,
        "2020-11-09 16:05:48",
        "2020-11-09 16:38:21",
        0.5229358077049255,
        {199: (0.4163761, 0.9091954, 1.5396291597173848, 0.5183486342430115)},
    ),
]
"""The trainings of ``dump.sql`` in the order of the dataflows' ids, which is not the order of their tags."""

OTRAIN = {"timestamp": T, "elapsed_time": T} | dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), N)
OTRAIN |= {"epoch": N}
OADAPT = {"new_lrate": N, "timestamp": T, "epoch_id": N, "adaptation_id": N}


def adaptations(rate: float) -> list[tuple[int, float]]:
    """Epochs and rates of the adaptations that were recorded: halved every ten epochs, and noted ever more often."""
    always = 49 if rate == 0.1 else 29
    epochs = [epoch for epoch in range(200) if epoch >= always or epoch % 10 == 9]
    return [(epoch, rate / 2 ** ((epoch + 1) // 10)) for epoch in epochs]


def four_trainings(*, with_defect: bool = True) -> Database:
    """A database like that of ``dump.sql``: four dataflows with 200 epochs each, of the first Keras-Prov."""
    chance = random.Random(20201109)
    database = Database()
    plans: dict[str, dict[str, Any]] = {}
    tasks: Rows = []
    performances: Rows = []
    for number, configuration in enumerate(CONFIGURATIONS):
        settings = {name: T if isinstance(value, str) else N for name, value in configuration.settings.items()}
        plans[configuration.tag] = {
            "transformations": ["trainingmodel", "adaptation"],
            "sets": {"itrainingmodel": settings, "otrainingmodel": OTRAIN, "oadaptation": OADAPT},
            "dependencies": [
                (None, "trainingmodel", "itrainingmodel"),
                ("trainingmodel", "adaptation", "otrainingmodel"),
                ("adaptation", None, "oadaptation"),
            ],
        }
        first = 2 * number + 1
        for kind in (0, 1):
            tasks.append((first + kind, kind + 1, number + 1, first + kind, "FINISHED", *NOTHING))
            times = (configuration.begin, configuration.end if kind == 0 else configuration.begin)
            performances.append((first + kind, first + kind, None, "null", "null", *times, "null"))
    generic(database, [configuration.tag for configuration in CONFIGURATIONS], plans, tasks, performances)
    for number, configuration in enumerate(CONFIGURATIONS):
        _training(database, configuration, 2 * number + 1, chance, with_defect=with_defect)
    return database


def _training(
    database: Database, configuration: Configuration, task: int, chance: random.Random, *, with_defect: bool
) -> None:
    tag = configuration.tag
    described = {name: T if isinstance(value, str) else N for name, value in configuration.settings.items()}
    columns = set_columns(["trainingmodel"], described)
    database.add(tag, "ds_itrainingmodel", columns, [(1, task, *configuration.settings.values())])
    rows: Rows = []
    for epoch in range(200):
        measured = tuple(chance.uniform(0, 1) for _ in range(3))
        measured = (*measured, chance.uniform(0, configuration.highest * 0.99))
        if epoch == 66:
            measured = (*measured[:3], configuration.highest)
        measured = configuration.epochs.get(epoch, measured)
        shown = 19912 if with_defect and tag == "alexnet-df-2" and epoch == 199 else epoch
        clock = (repr(1604881151.25 + epoch), repr(chance.uniform(9, 11)))
        rows.append((epoch + 1, task, task + 1, *clock, *measured, shown))
    database.add(tag, "ds_otrainingmodel", set_columns(["trainingmodel", "adaptation"], OTRAIN), rows)
    rows = [
        (number, task + 1, rate, repr(1604881151.5 + epoch), epoch, number)
        for number, (epoch, rate) in enumerate(adaptations(configuration.rate), 1)
    ]
    database.add(tag, "ds_oadaptation", set_columns(["adaptation"], OADAPT), rows)


TEST_ACCURACY = [
    0.6029411554336548,
    0.6911764740943909,
    0.5257353186607361,
    0.1875,
    0.6397058963775635,
    0.7022058963775635,
    0.4742647111415863,
    0.11764705926179886,
]
"""Of the eight runs of ``dump2.sql``, in their order."""


def eight_runs() -> Database:
    """A database like that of ``dump2.sql``: eight runs of one script, which share four tasks; the sets come first."""
    chance = random.Random(20210324)
    tag = "alexnet-nofilter"
    otrain = OTRAIN
    itrain = {"timestamp": T, "optimizer_name": T}
    itrain |= dict.fromkeys(("learning_rate", "decay", "momentum", "num_epochs", "batch_size", "num_layers"), N)
    sets: dict[str, dict[str, str]] = {
        "ifilters": {"timestamp": T},
        "ofilters": {"timestamp": T, "filter_name": T, "value": T},
        "ilayers": {"timestamp": T, "name": T, "attribute_type": T, "value": T},
        "itrainingmodel": itrain,
        "otrainingmodel": otrain,
        "oadaptation": OADAPT,
        "otestingmodel": {"timestamp": T, "loss": N, "accuracy": N},
    }
    plan = {
        "transformations": ["filters", "trainingmodel", "adaptation", "testingmodel"],
        "sets": sets,
        "dependencies": [
            (None, "filters", "ifilters"),
            (None, "filters", "ofilters"),  # declared as input by mistake
            (None, "trainingmodel", "ilayers"),
            (None, "trainingmodel", "itrainingmodel"),
            ("trainingmodel", "adaptation", "otrainingmodel"),
            ("adaptation", None, "oadaptation"),
            ("trainingmodel", "testingmodel", "otrainingmodel"),
            ("testingmodel", None, "otestingmodel"),
        ],
    }
    database = Database()

    def add(name: str, tasks: list[str], rows: Rows) -> None:
        database.add(tag, f"ds_{name}", set_columns(tasks, sets[name]), rows)

    begun = [1616622379.4042456 + 2080 * run for run in range(8)]
    rates = [0.0010000000474974513] * 4 + [0.0005000000237487257] * 4
    add("ifilters", ["filters"], [(run + 1, 1, repr(begun[run])) for run in range(8)])
    add("ofilters", ["filters"], [(run + 1, 1, repr(begun[run]), "none", 'a "quoted" none') for run in range(8)])
    layers = [f"activation_{n}" for n in range(1, 7)] + ["dropout_1", "activation_7", "dropout_2", "activation_8"]
    layers += ["dropout_3", "activation_9"]
    rows: Rows = []
    for run in range(8):
        for name in layers:
            value = "softmax" if name == "activation_9" else "relu" if name.startswith("a") else ("0.4", "0.7")[run % 2]
            rows.append((len(rows) + 1, 2, repr(begun[run]), name, name.partition("_")[0], value))
    add("ilayers", ["trainingmodel"], rows)
    optimizers = ["Adam", "Adam", "SGD", "SGD"] * 2
    rows = [(run + 1, 2, repr(begun[run]), optimizers[run], rates[run], 0, 0, 100, 64, 33) for run in range(8)]
    add("itrainingmodel", ["trainingmodel"], rows)
    rows = []
    for run in range(8):
        for epoch in range(100):
            # What was recorded after the last adaptation of all is linked to none.
            adapted = None if run == 7 and epoch > 8 else 3
            measured = [chance.uniform(0, 1) for _ in range(4)]
            clock = (repr(begun[run] + 20 * epoch), repr(chance.uniform(19, 22)))
            rows.append((len(rows) + 1, 2, adapted, 4, *clock, *measured, epoch))
    add("otrainingmodel", ["trainingmodel", "adaptation", "testingmodel"], rows)
    adapted_at = [19] * 4 + [9] * 4
    rows = [(run + 1, 3, 0.00025, repr(begun[run]), adapted_at[run], 1) for run in range(8)]
    add("oadaptation", ["adaptation"], rows)
    rows = [(run + 1, 4, repr(begun[run] + 2000), 1.0 + run / 10, TEST_ACCURACY[run]) for run in range(8)]
    add("otestingmodel", ["testingmodel"], rows)
    identifiers = [1, 2, 4, 4]
    tasks: Rows = [(n, identifiers[n - 1], 1, n, "FINISHED", *NOTHING) for n in range(1, 5)]
    clock = ("2021-03-24 21:46:19.404245", "2021-03-25 02:21:03.634388")
    performances: Rows = [(n, n, None, "null", "null", *clock, "null") for n in range(1, 5)]
    generic(database, [tag], {tag: plan}, tasks, performances)
    return database


KERAS_PLAN = {
    "transformations": ["trainingmodel", "adaptation", "testingmodel"],
    "sets": {
        "ilayers": {"name": T, "value": T},
        "itrainingmodel": {"optimizer_name": T, "learning_rate": N},
        "otrainingmodel": {"otrain_timestamp": T, "epoch_id": N, "loss": N},
        "oadaptation": {"new_lrate": N, "epoch_id": N},
        "otestingmodel": {"loss": N, "accuracy": N},
    },
    "dependencies": [
        (None, "trainingmodel", "ilayers"),
        (None, "trainingmodel", "itrainingmodel"),
        ("trainingmodel", "adaptation", "otrainingmodel"),
        ("adaptation", None, "oadaptation"),
        ("trainingmodel", "testingmodel", "otrainingmodel"),
        ("testingmodel", None, "otestingmodel"),
    ],
}


def executions(count: int = 3, epochs: int = 5, *, open_last: bool = True, generation: str = "K1") -> Database:
    """A database of Keras-Prov or DLProv with executions: a dataflow that ran ``count`` times, and one that never did.

    Args:
        count: Executions of ``keras-alexnet-df``. Each has a training, an adaptation and a test.
        epochs: Epochs of each.
        open_last: The last one's training goes on, and its test has not begun.
        generation: ``K1``, ``D7`` with agents, or ``July`` (of 2025), with a ``uuid`` in every table.
    """
    tag = "keras-alexnet-df"
    with_agents = generation in ("D7", "July")
    database = Database()
    tasks: Rows = []
    performances: Rows = []
    runs: Rows = []
    sets: dict[str, Rows] = {name: [] for name in KERAS_PLAN["sets"]}  # type: ignore[attr-defined]

    def add(name: str, *row: Any) -> None:
        uuid = (f"element-{len(sets[name])}",) if with_agents else ()
        sets[name].append((len(sets[name]) + 1, *row, *uuid))

    for run in range(count):
        is_open = open_last and run == count - 1
        day = str(dt.date(2024, 10, 1) + dt.timedelta(run))
        execution = f"{tag}-{day} 12:00:00.5"
        agents = (1 + run % 2, 1) if with_agents else ()
        runs.append((run + 1, execution, 1, *agents))
        train, adapt, test = len(tasks) + 1, len(tasks) + 2, None if is_open else len(tasks) + 3
        for kind, name in enumerate(("Train", "Adapt") if is_open else ("Train", "Adapt", "Test")):
            open_task = is_open and name == "Train"
            said = ("/data/run", "node-7", "null", "null") if kind == 0 else NOTHING
            status = "RUNNING" if open_task else "FINISHED"
            number = len(tasks) + 1
            tasks.append((number, kind + 1, 1, execution, kind + 1, status, *said))
            times = (f"{day} 12:0{kind}:00", "null" if open_task else f"{day} 12:3{kind}:00")
            performances.append((number, number, None, "null", "null", *times, "null"))
        for layer in ("relu", "softmax"):
            add("ilayers", train, layer, f"a {layer}")
        add("itrainingmodel", train, "Adam", 0.001 * (run + 1))
        for epoch in range(epochs):
            adapted = adapt if epoch < epochs // 2 else None
            add("otrainingmodel", train, adapted, test, "2024", epoch, 1 / (epoch + run + 1))
        add("oadaptation", adapt, 0.0005, epochs // 2)
        if test is not None:
            add("otestingmodel", test, 0.25, 0.5 + run / 10)
    plans = {tag: KERAS_PLAN, "never-ran": {"transformations": ["load"], "sets": {"oload": {"path": "FILE"}}}}
    plans["never-ran"]["dependencies"] = [("load", None, "oload")]
    generic(
        database,
        [tag, "never-ran"],
        plans,
        tasks,
        performances,
        executions=runs,
        with_agents=with_agents,
        with_uuids=generation == "July",
        scientists=[(1, "ada@example.org"), (2, "bob@example.org")],
        machines=[(1, "node-7", "Linux", "Linux-6.1", "x86_64", "x86_64", "NVIDIA A100, NVIDIA A100", True)],
    )
    roles = {
        "ilayers": ["trainingmodel"],
        "itrainingmodel": ["trainingmodel"],
        "otrainingmodel": ["trainingmodel", "adaptation", "testingmodel"],
        "oadaptation": ["adaptation"],
        "otestingmodel": ["testingmodel"],
    }
    for name, rows in sets.items():
        columns = set_columns(roles[name], KERAS_PLAN["sets"][name])  # type: ignore[index]
        if with_agents:
            columns["uuid"] = "VARCHAR(36)"
        database.add(tag, f"ds_{name}", columns, rows)
    database.add("never-ran", "ds_oload", set_columns(["load"], {"path": "FILE"}), [])
    return database


def one_schema() -> Database:
    """A database of the first DfAnalyzer: one schema for all, and two dataflows that have a set of the same tag."""
    database = Database()
    plans: dict[str, dict[str, Any]] = {}
    for tag, transformation in (("first", "load"), ("second", "fetch")):
        plans[tag] = {
            "transformations": [transformation],
            "sets": {"odata": {"path": "FILE", "size": N}},
            "dependencies": [(transformation, None, "odata")],
        }
    tasks: Rows = [(1, 1, 1, 1, "FINISHED", *NOTHING), (2, 1, 2, 2, "FINISHED", *NOTHING)]
    generic(database, ["first", "second"], plans, tasks, [], schema="sys")
    columns = set_columns(["load", "fetch"], {"path": "FILE", "size": N})
    rows: Rows = [(1, 1, None, "a.csv", 1.5), (2, None, 2, "b.csv", 2.5), (3, 1, None, "c.csv", None)]
    database.add("sys", "ds_odata", columns, rows)
    return database
