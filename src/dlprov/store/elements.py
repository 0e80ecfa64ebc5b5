"""Elements of sets: what the events ``used`` and ``generated`` change in the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlprov.log import events
from dlprov.log.identifiers import derived_id
from dlprov.store import relations, things
from dlprov.store.columns import type_of
from dlprov.store.names import quote
from dlprov.store.sets import SetTable, column_names, task_column
from dlprov.store.tables import Row

if TYPE_CHECKING:
    from dlprov.store.records import RunRecords


def global_key(key: events.Key, writer: str) -> str:
    """A key of a task or an element as every file of the run understands it."""
    return f"{writer}:{key}" if isinstance(key, int) else key


def generated(run: RunRecords, event: events.Generated, writer: str) -> None:
    """A task generated new elements."""
    task = run.task(event.task, writer)
    if task is not None:
        table = run.dataflow.set(event.set)
        run.dataflow.generates(run.transformation_of(task), table)
        _insert(run, task, table, event, writer)


def used(run: RunRecords, event: events.Used, writer: str) -> None:
    """A task used new elements from outside, or elements that tasks generated."""
    task = run.task(event.task, writer)
    if task is None:
        return
    table = run.dataflow.set(event.set)
    transformation = run.transformation_of(task)
    if event.elements:
        if transformation not in table.consumers:
            run.dataflow.uses(transformation, table)
        _insert(run, task, table, event, writer)
    if event.keys:
        identifiers = [derived_id("element", global_key(key, writer)) for key in event.keys]
        run.dataflow.uses(transformation, table, table.producers[0] if table.producers else "")
        table.consume(transformation, task["id"], "uuid IN (SELECT unnest(?::VARCHAR[]))", [identifiers])
        _note_usage(run, task, table, identifiers, event.time)
    if event.generated_by:
        condition, parameters = _generated_by(run, transformation, table, event.generated_by, writer)
        _note_usage(run, task, table, table.consume(transformation, task["id"], condition, parameters), event.time)


def _generated_by(
    run: RunRecords, transformation: str, table: SetTable, keys: tuple[events.Key, ...], writer: str
) -> tuple[str, list[Any]]:
    """Which elements are of these tasks, and not used by this transformation yet (DfAnalyzer's rule).

    Gives a condition in SQL, and its parameters.
    """
    makers = [task for task in (run.task(key, writer) for key in keys) if task is not None]
    numbers: dict[str, list[str]] = {}
    for task in makers:
        numbers.setdefault(run.transformation_of(task), []).append(str(task["id"]))
    for producer in sorted(numbers):
        run.dataflow.uses(transformation, table, producer)
    if set(table.producers).isdisjoint(table.consumers):
        made = (
            f"{quote(task_column(producer))} IN ({', '.join(found)})" for producer, found in sorted(numbers.items())
        )
        return f"({' OR '.join(made)}) AND {quote(task_column(transformation))} IS NULL", []
    # A transformation that makes and uses elements of this set has one column for both.
    run.tables["relation"].flush(run.tables.connection)
    number = run.dataflow.transformation(transformation)
    users = [task for task in run.tasks.values() if task.get("dt_id") == number]
    within = "FROM public.relation WHERE run_id = ? AND kind = "
    named = "IN (SELECT unnest(?::VARCHAR[]))"
    condition = (
        f"'element-' || uuid IN (SELECT source {within}'wasGeneratedBy' AND target {named}) AND "
        f"'element-' || uuid NOT IN (SELECT target {within}'used' AND source {named})"
    )
    names = ([things.task_name(task["uuid"]) for task in tasks] for tasks in (makers, users))
    return condition, [parameter for found in names for parameter in (run.run_id, found)]


def _insert(run: RunRecords, task: Row, table: SetTable, event: events.Used | events.Generated, writer: str) -> None:
    for offset, element in enumerate(event.elements):
        names = column_names(element, table.reserved)
        row: dict[str, Any] = {names[name]: value for name, value in element.items()}
        for column, value in row.items():
            run.dataflow.attribute(table, column, type_of(value))
        identifier = derived_id("element", global_key(event.key + offset, writer))
        wanted = event.number + offset if event.number is not None else None
        number = table.add({run.transformation_of(task): task["id"]}, row, identifier, wanted)
        run.tables.note_number(table.table, wanted, number, run.run_id)
        if isinstance(event, events.Used):
            relations.element_used(run, task, identifier)
        else:
            relations.element_made(run, task, identifier)


def _note_usage(run: RunRecords, task: Row, table: SetTable, elements: list[str], time: int) -> None:
    for element in elements:
        run.tables.insert(
            "usage", run_id=run.run_id, task_id=task["id"], ds_id=table.number, element=element, time=time
        )
        relations.element_used(run, task, element)
