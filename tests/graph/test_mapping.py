"""What each row of the index says in a provenance document."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from recorded import EXECUTION, HARDWARE, facts, failed, lost, native, nested, odd, p7

import dlprov
from dlprov.errors import NotFoundError
from dlprov.graph import elements as elements_module
from dlprov.graph.constraints import check
from dlprov.graph.document import document
from dlprov.graph.mapping import provenance
from dlprov.graph.statements import ARGUMENTS, ELEMENTS, Literal, Name, Statement, literal, local_name
from dlprov.query import open_session


def said(*run_ids: str) -> list[Statement]:
    return list(provenance(open_session(), run_ids))


def attributes(statement: Statement) -> dict[str, object]:
    """The attributes in ``dlprov:``, with numbers as texts."""
    found = {name.local: value for name, value in statement.attributes if name.prefix == "dlprov"}
    return {name: value.text if isinstance(value, Literal) else value for name, value in found.items()}


def of_kind(statements: list[Statement], kind: str, /, **wanted: str) -> list[Statement]:
    return [
        statement
        for statement in statements
        if statement.kind == kind and wanted.items() <= (attributes(statement) | statement.arguments).items()
    ]


def tagged(statements: list[Statement], tag: str) -> list[str]:
    """The ids of the elements of a set, or of the tasks of a transformation."""
    return [
        statement.id
        for statement in statements
        if tag in [attributes(statement).get(key) for key in ("ds_tag", "dt_tag")]
    ]


def pairs(statements: list[Statement], kind: str) -> set[tuple[str, str]]:
    first, second, *_ = ARGUMENTS[kind]
    return {
        (statement.arguments[first], statement.arguments[second])
        for statement in of_kind(statements, kind)
        if second in statement.arguments
    }


P7_SETS = {
    "iinputdataset": {"dataset_name": "OxfordFlowers17", "dataset_source": "http://x/17flowers.tgz"},
    "oloaddata": {"dataset_dir": "d/raw_images.npy"},
    "ifilter": {"filter_type": "Grayscale"},
    "ofilter": {"pp_dataset": "d/x_gray.npy"},
    "isplitconfig": {"train_size": "1088.0", "val_size": "136.0", "test_size": "136.0"},
    "otrainset": {"trainsetx": "d/x_train.npy", "trainsety": "d/y_train.npy"},
    "ovalset": {"valsetx": "d/x_val.npy", "valsety": "d/y_val.npy"},
    "otestset": {"testsetx": "d/x_test.npy", "testsety": "d/y_test.npy"},
    "itrain": {"optimizer_name": "SGD", "learning_rate": "0.002", "num_epochs": "2.0", "batch_size": "64.0",
               "num_layers": "16.0"},
    "otrainedmodel": {"model_name": "trained_model", "model_dir": "d/model.keras"},
    "oweights": {"weights_path": "d/weights.h5"},
    "otest": {"loss": "2.55", "accuracy": "0.12"},
}  # fmt: skip
"""The sets with one row, and what the row has in DLProv's document of the same execution."""

P7_EPOCHS = [
    {"timestamp": "2025-11-26 16:01:00", "elapsed_time": "10.5", "loss": "2.9312345678", "accuracy": "0.1",
     "val_loss": "-9999999.0", "val_accuracy": "-9999999.0", "epoch": "1.0"},
    {"timestamp": "2025-11-26 16:02:00", "elapsed_time": "10.1", "loss": "2.5", "accuracy": "0.2",
     "val_loss": "NaN", "val_accuracy": "-9999999.0", "epoch": "2.0"},
]  # fmt: skip


def test_dlprovs_document_of_the_same_execution_is_a_part_of_ours(store: Path) -> None:
    """DLProv's 23 nodes and 32 relations, with its attributes and directions; what ours has beside them is counted."""
    statements = said(p7(store))
    (plan,) = of_kind(statements, "entity", df_tag="alexnet", df_id="1")
    assert (Name("prov", "type"), Name("prov", "Plan")) in plan.attributes
    (run,) = of_kind(statements, "activity", exec_tag=EXECUTION)
    (person,) = of_kind(statements, "agent", email="bob@fictional.com", id="1")
    machine_columns = {key: str(value) for key, value in HARDWARE.items() if key not in ("os_version", "in_container")}
    (machine,) = of_kind(statements, "agent", id="1", in_container="true", **machine_columns)
    tasks = {tag: tagged(statements, tag)[0] for tag in ("loaddata", "applyfilter", "splitdata", "train", "test")}
    for number, name in enumerate(tasks.values(), start=1):
        (task,) = [statement for statement in statements if statement.id == name]
        assert attributes(task)["task_id"] == str(number)
    sets = {}
    for tag, row in P7_SETS.items():
        (sets[tag],) = [one.id for one in of_kind(statements, "entity", ds_tag=tag, id="1", **row)]
    epochs = [
        of_kind(statements, "entity", ds_tag="otrain", id=str(number), **row)[0].id
        for number, row in enumerate(P7_EPOCHS, start=1)
    ]
    nodes = {plan.id, run.id, person.id, machine.id, *tasks.values(), *sets.values(), *epochs}
    assert len(nodes) == 23

    used = {
        "loaddata": ["iinputdataset"],
        "applyfilter": ["oloaddata", "ifilter"],
        "splitdata": ["ofilter", "isplitconfig"],
        "train": ["otrainset", "ovalset", "itrain"],
        "test": ["otestset", "otrainedmodel"],
    }
    made = {
        "loaddata": ["oloaddata"],
        "applyfilter": ["ofilter"],
        "splitdata": ["otrainset", "ovalset", "otestset"],
        "train": ["otrainedmodel", "oweights"],
        "test": ["otest"],
    }
    wanted = {
        "used": {(run.id, plan.id), *((tasks[task], sets[tag]) for task, tags in used.items() for tag in tags)},
        "wasGeneratedBy": {
            *((sets[tag], tasks[task]) for task, tags in made.items() for tag in tags),
            *((epoch, tasks["train"]) for epoch in epochs),
        },
        "wasInformedBy": {(task, run.id) for task in tasks.values()},
        "wasDerivedFrom": {
            (sets["ofilter"], sets["oloaddata"]),
            *((sets[tag], sets["ofilter"]) for tag in ("otrainset", "ovalset", "otestset")),
        },
        "wasAssociatedWith": {(run.id, person.id), (run.id, machine.id)},
    }
    assert sum(map(len, wanted.values())) == 32
    ours = {kind: pairs(statements, kind) for kind in wanted}
    assert all(wanted[kind] <= ours[kind] for kind in wanted)

    more = {kind: ours[kind] - wanted[kind] for kind in wanted}
    assert more.pop("wasDerivedFrom") == {
        *((sets["otrainedmodel"], sets[source]) for source in ("otrainset", "ovalset")),
        *((sets["oweights"], sets[source]) for source in ("otrainset", "ovalset")),
        *((sets["otest"], sets[source]) for source in ("otestset", "otrainedmodel")),
    }
    assert not any(more.values())
    counted = Counter(statement.kind for statement in statements)
    assert counted == {
        "entity": 15, "activity": 6, "agent": 2, "used": 11, "wasGeneratedBy": 10, "wasInformedBy": 5,
        "wasDerivedFrom": 10, "wasAssociatedWith": 2,
    }  # fmt: skip


def test_tasks_and_runs_have_their_times(store: Path) -> None:
    statements = said(p7(store))
    (train,) = of_kind(statements, "activity", dt_tag="train")
    assert set(train.arguments) == {"startTime", "endTime"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", moment) for moment in train.arguments.values())


def test_each_thing_is_said_once_and_before_it_is_spoken_of(store: Path, tmp_path: Path) -> None:
    statements = said(native(tmp_path), p7(store), odd(), *nested())
    names = [statement.id for statement in statements if statement.id]
    assert len(names) == len(set(names))
    known: set[str] = set()
    for statement in statements:
        if statement.kind in ELEMENTS:
            known.add(statement.id)
        else:
            spoken = {value for name, value in statement.arguments.items() if name != "time"}
            assert spoken <= known, statement


def test_runs_over_the_same_data_share_its_entity(store: Path, tmp_path: Path) -> None:
    one, other = native(tmp_path), native(tmp_path)
    by_run = [said(one), said(other)]
    files = [{s.id for s in statements if s.id.startswith("file-")} for statements in by_run]
    arrays = [{s.id for s in statements if re.match(r"data-[0-9a-f]{64}", s.id)} for statements in by_run]
    assert len(files[0] & files[1]) == 1  # the data; the weights are random
    assert arrays[0] == arrays[1]
    assert len(arrays[0]) == 2
    together = facts(document(said(one, other)))
    assert together == facts(document([*by_run[0], *by_run[1]]))
    merged = document(by_run[0])
    merged.update(document(by_run[1]))
    assert facts(merged.unified()) == together
    assert check(merged) == []


def test_a_file_that_is_made_is_a_copy_of_what_has_its_content(store: Path, tmp_path: Path) -> None:
    statements = said(native(tmp_path))
    (copy,) = of_kind(statements, "entity", kind="weights", epoch="2")
    ((_, content),) = [pair for pair in pairs(statements, "specializationOf") if pair[0] == copy.id]
    assert content == f"file-{attributes(copy)['sha256']}"
    ((maker, _),) = [(made.arguments["activity"], 0) for made in of_kind(statements, "wasGeneratedBy", entity=copy.id)]
    assert maker == tagged(statements, "train")[0]
    assert copy.id in {entity for entity, _ in pairs(statements, "wasAttributedTo")}
    (data,) = of_kind(statements, "used", path=str(tmp_path / "data.npz"))
    assert data.arguments["entity"].startswith("file-")


def test_an_adaptation_uses_the_old_setting_and_makes_the_new_one(store: Path, tmp_path: Path) -> None:
    statements = said(native(tmp_path))
    changes = [one.id for one in of_kind(statements, "activity", name="rate")]
    rates = [one for one in of_kind(statements, "entity") if attributes(one).keys() == {"rate"}]
    assert [attributes(one)["rate"] for one in rates] == ["0.1", "0.05", "adaptive"]
    first, second, third = (one.id for one in rates)
    assert {(changes[0], first), (changes[1], second)} <= pairs(statements, "used")
    assert {(second, changes[0]), (third, changes[1])} <= pairs(statements, "wasGeneratedBy")
    assert {(second, first), (third, second)} <= pairs(statements, "wasDerivedFrom")
    assert {(change, tagged(statements, "train")[0]) for change in changes} <= pairs(statements, "wasInformedBy")


def test_settings_keep_their_types(store: Path) -> None:
    values = {"a": 1, "b": 2.0, "c": True, "d": "x", "e": None, "f": [1], "g": 10**300, "h": float("inf"), "i": 2**63}
    with dlprov.start_run("flow", params=values) as run:
        pass
    (settings,) = [one for one in said(run.id) if one.id.startswith("settings-")]
    found = {name.local: value for name, value in settings.attributes if name.prefix == "dlprov"}
    assert found == {
        "a": Literal("1", "int"), "b": Literal("2.0", "double"), "c": Literal("true", "boolean"), "d": "x", "f": "[1]",
        "g": Literal("1" + "0" * 300, "integer"), "h": Literal("INF", "double"), "i": Literal(str(2**63), "integer"),
    }  # fmt: skip


def test_a_run_that_failed_or_was_lost_says_so_and_has_what_it_made(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLPROV_LOST_AFTER", "0.001")
    for run_id, status in ((failed(), "failed"), (lost(), "lost")):
        statements = said(run_id)
        (run,) = of_kind(statements, "activity", run_id=run_id)
        assert attributes(run)["status"] == status
        assert ("endTime" in run.arguments) == (status == "failed")
        assert len(tagged(statements, "omodel")) == 1
        assert check(document(statements)) == []


def test_a_run_within_a_run_was_started_by_it(store: Path) -> None:
    outer, inner = nested()
    (start,) = of_kind(said(inner), "wasStartedBy")
    assert (start.arguments["activity"], start.arguments["starter"]) == (f"run-{inner}", f"run-{outer}")


def test_a_dependency_is_told_where_no_use_tells_it(store: Path, tmp_path: Path) -> None:
    statements = said(native(tmp_path))
    load, train, inner, test = (tagged(statements, tag)[0] for tag in ("load", "train", "inner", "test"))
    informed = pairs(statements, "wasInformedBy")
    assert (inner, train) in informed  # its parent
    assert (train, load) not in informed  # it used what the other made
    assert (test, train) not in informed
    assert (test, load) in informed


def test_series_are_not_derived_from_what_was_trained_on(store: Path, tmp_path: Path) -> None:
    statements = said(native(tmp_path))
    derived = pairs(statements, "wasDerivedFrom")
    (images,), (model,), (test,) = (tagged(statements, tag) for tag in ("oimages", "omodel", "otest"))
    assert {(model, images), (test, model)} <= derived
    assert len(tagged(statements, "otrain")) == 3
    assert not set(tagged(statements, "otrain")) & {product for product, _ in derived}


def test_tasks_that_use_each_others_elements_in_turns_tell_no_order(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        one, other = run.task("One"), run.task("Other")
        first = one.generated("oFirst", n=1)
        other.used("oFirst", first)
        second = other.generated("oSecond", n=2)
        one.used("oSecond", second)
        one.generated("oThird", n=3)
        one.end()
        other.end()
    statements = said(run.id)
    assert pairs(statements, "wasDerivedFrom") == set()
    assert check(document(statements)) == []


def test_an_element_is_used_by_every_task_that_used_it_in_its_own_run_too(store: Path) -> None:
    with dlprov.start_run("flow") as run, run.task("Make") as make:
        made = make.generated("oMade", n=1)
    with dlprov.start_run("flow") as second:
        for _ in range(2):
            with second.task("Use") as task:
                task.used("oMade", made)
    first, later = said(run.id), said(second.id)
    (name,) = tagged(first, "omade")
    assert of_kind(first, "wasGeneratedBy", entity=name)
    assert not of_kind(first, "used", entity=name)
    assert tagged(later, "omade") == [name]
    assert {(task, name) for task in tagged(later, "use")} == {pair for pair in pairs(later, "used") if pair[1] == name}


def test_a_task_with_too_many_pairs_tells_no_derivations(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements_module, "MOST_DERIVATIONS", 6)
    with dlprov.start_run("flow") as run:
        with run.task("Make") as make:
            made = [make.generated("oMade", n=number) for number in range(3)]
        for products in (2, 3):
            with run.task("Use") as task:
                task.used("oMade", *made)
                task.generated("oUsed", *({"p": products} for _ in range(products)))
    statements = said(run.id)
    derived = {product for product, _ in pairs(statements, "wasDerivedFrom")}
    assert derived == {one.id for one in of_kind(statements, "entity", p="2")}
    assert len(pairs(statements, "wasDerivedFrom")) == 6


def test_many_runs_are_asked_about_in_few_questions(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_ids = []
    for number in range(60):
        with dlprov.start_run("flow", params={"n": number}) as run, run.task("T") as task:
            task.generated("oSet", n=number)
            task.log(loss=number)
        run_ids.append(run.id)
    session = open_session()
    asked = []
    ask = session.ask
    monkeypatch.setattr(session, "ask", lambda *question: asked.append(question) or ask(*question))
    order = run_ids[::-1]
    statements = list(provenance(session, [*order, order[0]]))
    assert len(asked) == 4
    runs = [one.id for one in of_kind(statements, "activity") if one.id.startswith("run-")]
    assert runs == [f"run-{run_id}" for run_id in order]
    assert [attributes(one)["n"] for one in of_kind(statements, "entity", ds_tag="oset")] == [
        str(number) for number in reversed(range(60))
    ]


def test_a_run_that_is_not_there_is_told(store: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no run 'nope'"):
        said("nope")


def test_a_document_grows_no_faster_than_its_run(store: Path) -> None:
    """Elements, usages and derivations of a run of many tasks take time in proportion."""

    def seconds(tasks: int) -> float:
        with dlprov.start_run("flow") as run:
            made = None
            for number in range(tasks):
                with run.task("T") as task:
                    if made is not None:
                        task.used("oSet", made)
                    made = task.generated("oSet", n=number)
        session = open_session()
        session.ask("SELECT 1")
        begin = time.process_time()
        counted = Counter(one.kind for one in provenance(session, [run.id]))
        assert (counted["used"], counted["wasDerivedFrom"]) == (1 + tasks - 1, tasks - 1)
        return time.process_time() - begin

    small = seconds(100)
    assert seconds(1000) < 30 * small


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("loss", "loss"),
        ("val_loss.1-a", "val_loss.1-a"),
        ("a b", "a_u0020_b"),
        ("größe", "gr_u00F6__u00DF_e"),
        ("1st", "_u0031_st"),
        ("a.", "a_u002E_"),
        ("_u0041_", "__u0075_0041_"),
        ("_x0041_", "__u0078_0041_"),
        ("", "_u0000_"),
        ("😀", "_u1F600_"),
    ],
)
def test_any_text_has_a_local_name(text: str, name: str) -> None:
    assert local_name(text) == name


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        (True, Literal("true", "boolean")),
        (2**31 - 1, Literal("2147483647", "int")),
        (-(2**31) - 1, Literal("-2147483649", "long")),
        (2**63, Literal("9223372036854775808", "integer")),
        (0.1, Literal("0.1", "double")),
        (-0.0, Literal("-0.0", "double")),
        (float("nan"), Literal("NaN", "double")),
        (float("-inf"), Literal("-INF", "double")),
        ("a\0b\r\nc", "a\ufffdb\nc"),
        (Name("prov", "Plan"), Name("prov", "Plan")),
    ],
)
def test_values_become_literals(value: object, found: object) -> None:
    assert literal(value) == found


def test_data_without_a_fingerprint_belong_to_their_run(store: Path) -> None:
    with dlprov.start_run("flow") as run:
        run.data("x", iter([np.zeros(3)]))
    (data,) = [one for one in said(run.id) if one.id.startswith("data-")]
    assert "fingerprint" not in attributes(data)
    assert of_kind(said(run.id), "used", entity=data.id)
