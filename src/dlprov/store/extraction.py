"""Raw data: which extractors sets have, and how the rows of files come beside the elements that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from dlprov import model
from dlprov.errors import StoreError
from dlprov.extraction import dialect
from dlprov.log import events
from dlprov.log.identifiers import derived_id
from dlprov.store import elements, performances
from dlprov.store.columns import DECLARED, attribute_type
from dlprov.store.extractors import ExtractorTable, Join, own_columns
from dlprov.store.names import fold, unused
from dlprov.store.raw_files import Content
from dlprov.store.sets import SetTable, column_name, column_names
from dlprov.store.tables import Row

if TYPE_CHECKING:
    from dlprov.store.catalog import DataflowEntry
    from dlprov.store.records import RunRecords

PLACE = "raw data"
"""``problem.place`` of what could not be taken in."""

WITHIN = "ds_id IN (SELECT id FROM public.data_set WHERE df_id = ?) ORDER BY id"
"""Rows of the sets of a dataflow, by its number."""


def declare(dataflow: DataflowEntry, table: SetTable, declared: model.Set) -> None:
    """Take in the attributes, extractors and combinations of a set: what is new of them."""
    for extractor in declared.extractors:
        _declared(dataflow, table, extractor)
    for attribute in declared.attributes:
        if attribute.extractor:
            _extractor(dataflow, table, attribute.extractor)
    names = column_names(attribute.name for attribute in declared.attributes)
    apart = column_names((attribute.name for attribute in declared.attributes), table.reserved)
    for attribute in declared.attributes:
        column = names[attribute.name]
        if attribute.extractor:
            _bind(dataflow, table, _extractor(dataflow, table, attribute.extractor), column, attribute.type)
        elif not table.shown.get(column):
            dataflow.attribute(table, apart[attribute.name], DECLARED[attribute.type], attribute.type)
    for extractor in declared.extractors:
        _add_file_column(table, _extractor(dataflow, table, extractor.tag))
    for combination in declared.combinations:
        _combine(dataflow, table, combination)


def raw_data(run: RunRecords, event: events.RawData, writer: str) -> None:
    """The rows of a file belong to an element.

    They are taken in once for each extractor, however many elements name the file. If the file is gone or has changed,
    the element keeps its own columns, and a problem tells.
    """
    task = run.task(event.task, writer)
    if task is None:
        return
    table = run.dataflow.set(event.set)
    extractor = _extractor(run.dataflow, table, event.extractor, event.format.upper())
    _add_file_column(table, extractor)
    content = Content(event.path, event.format, event.sha256, event.size, event.delimiter)
    element = derived_id("element", elements.global_key(event.element, writer))
    _tell_of_another(run, event, extractor, element)
    earlier = _known(run, path=event.path, sha256=event.sha256)
    file = earlier[0]["file_id"] if earlier else _file(run, task["id"], event.path)
    counts = [row["rows"] for row in earlier if row["extractor_id"] == extractor.number and row.get("rows") is not None]
    count = counts[0] if counts else _take(run, table, extractor, content, file, event.time)
    table.add_file(element, extractor, file)
    row: Row = {"run_id": run.run_id, "task_id": task["id"], "ds_id": table.number, "element": element}
    row |= {"extractor_id": extractor.number, "file_id": file, "path": event.path, "format": event.format}
    row |= {"sha256": event.sha256, "size": event.size, "rows": count, "time": event.time}
    run.tables["raw_data"].add(row)


def load(dataflow: DataflowEntry) -> None:
    """The extractors that the sets of a dataflow have in the index."""
    tables = dataflow.tables
    found = tables.load("extractor", WITHIN, [dataflow.number])
    if not found:
        return
    sets = {table.number: table for table in dataflow.sets.values()}
    by_number: dict[int, ExtractorTable] = {}
    for row in found:
        extractor = ExtractorTable(tables.connection, dataflow.schema, row)
        by_number[row["id"]] = sets[row["ds_id"]].extractors[row["tag"]] = extractor
    for table in sets.values():
        if table.extractors:
            table.shown.clear()
    for row in tables.load("attribute", WITHIN, [dataflow.number]):
        table, owner = sets[row["ds_id"]], by_number.get(row.get("extractor_id", 0))
        if owner is None:
            table.shown[row["name"]] = ""
        elif row["name"] in owner.stored_types:
            owner.add(row["name"], owner.stored_types[row["name"]])
            table.shown[row["name"]] = owner.row["tag"]
        else:
            owner.hidden.add(row["name"])
    for row in tables.load("extractor_combination", WITHIN, [dataflow.number]):
        outer, inner = by_number[row["outer_ext_id"]], by_number[row["inner_ext_id"]]
        keys = tuple(row["keys"].split(";"))
        sets[row["ds_id"]].joins.append(Join(outer.row["tag"], inner.row["tag"], keys))
        for extractor in (outer, inner):
            extractor.keys |= {key: extractor.stored_types[key] for key in keys}


def _declared(dataflow: DataflowEntry, table: SetTable, declared: model.Extractor) -> None:
    extractor = _extractor(dataflow, table, declared.tag, declared.extension, declared.cartridge)
    said = {"cartridge": declared.cartridge, "extension": declared.extension}
    if extractor.row.items() >= said.items() or extractor.is_declared:
        return
    # A file came before the declaration.
    _change(dataflow, extractor, said)


def _extractor(
    dataflow: DataflowEntry, table: SetTable, tag: str, extension: str = "CSV", cartridge: str = "EXTRACTION"
) -> ExtractorTable:
    """An extractor of a set; one that has not been seen yet is made."""
    tag = fold(tag)
    if tag not in table.extractors:
        row = {"id": dataflow.tables.number("extractor"), "ds_id": table.number, "tag": tag, "cartridge": cartridge}
        row |= {"extension": extension, "name": _name(dataflow, table, tag or "_"), "is_declared": False}
        dataflow.tables["extractor"].add(row)
        table.extractors[tag] = ExtractorTable(dataflow.tables.connection, dataflow.schema, row)
    return table.extractors[tag]


def _name(dataflow: DataflowEntry, table: SetTable, tag: str) -> str:
    """The tag, or with a number where another table or column of the dataflow has what would be named after it."""
    taken = {extractor.name for other in dataflow.sets.values() for extractor in other.extractors.values()}
    relations = {name for other in dataflow.sets for name in (other, f"ds_{other}")}
    name, number = tag, 1
    while (
        name in taken
        or f"ext_{name}" in relations
        or name.endswith("_task")
        or not table.shown.keys().isdisjoint(own_columns(name))
    ):
        number += 1
        name = f"{tag}_{number}"
    return name


def _add_file_column(table: SetTable, extractor: ExtractorTable) -> None:
    table.attributes.setdefault(extractor.file_column, "INTEGER")


def _bind(dataflow: DataflowEntry, table: SetTable, extractor: ExtractorTable, column: str, type: str) -> None:
    """An attribute is a column of an extractor's files; nothing, if the set has an attribute of this name."""
    _add_file_column(table, extractor)
    if column in table.own_columns:
        column = f"{column}_2"
    if column in table.shown or column in extractor.hidden:
        return
    if not extractor.is_declared:
        _change(dataflow, extractor, {"is_declared": True})
    _add_attribute(dataflow, table, extractor, column, type)
    if extractor.row["extension"] == "POSTGRES_RAW":
        extractor.hidden.add(column)
        return
    extractor.add(column, DECLARED[type])
    table.shown[column] = extractor.row["tag"]


def _add_attribute(dataflow: DataflowEntry, table: SetTable, extractor: ExtractorTable, column: str, type: str) -> None:
    row = {"id": dataflow.tables.number("attribute"), "ds_id": table.number, "extractor_id": extractor.number}
    dataflow.tables["attribute"].add({**row, "name": column, "type": type})


def _combine(dataflow: DataflowEntry, table: SetTable, combination: model.Combination) -> None:
    outer, inner = (_extractor(dataflow, table, tag) for tag in (combination.outer, combination.inner))
    keys = tuple(column_names(combination.keys, table.own_columns).values())
    join = Join(outer.row["tag"], inner.row["tag"], keys)
    # The index has the keys as one text, with semicolons between them.
    if join in table.joins or not keys or outer is inner or any(";" in key for key in keys):
        return
    table.joins.append(join)
    types = dict(zip(keys, combination.key_types, strict=False))
    for extractor in (outer, inner):
        _add_file_column(table, extractor)
        for key in keys:
            declared = DECLARED.get(types.get(key, "TEXT").upper(), "VARCHAR")
            extractor.keys.setdefault(key, extractor.attributes.get(key, declared))
    row: Row = {"id": dataflow.tables.number("extractor_combination"), "ds_id": table.number}
    row |= {"outer_ext_id": outer.number, "inner_ext_id": inner.number, "keys": ";".join(keys)}
    dataflow.tables["extractor_combination"].add({**row, "key_types": ";".join(combination.key_types)})


def _change(dataflow: DataflowEntry, extractor: ExtractorTable, values: Mapping[str, str | bool]) -> None:
    extractor.row |= values
    if not any(row is extractor.row for row in dataflow.tables["extractor"].waiting):
        dataflow.tables.update("extractor", "id", {extractor.number: extractor.row})


def _known(run: RunRecords, **wanted: str | int) -> list[Row]:
    """The rows of ``raw_data`` with these values in these columns: those of the index, then those that wait."""
    condition = " AND ".join(f"{column} = ?" for column in wanted)
    waiting = [row for row in run.tables["raw_data"].waiting if wanted.items() <= row.items()]
    return [*run.tables.load("raw_data", f"{condition} ORDER BY rowid", list(wanted.values())), *waiting]


def _tell_of_another(run: RunRecords, event: events.RawData, extractor: ExtractorTable, element: str) -> None:
    for row in _known(run, extractor_id=extractor.number, element=element)[-1:]:
        if row["path"] != event.path:
            message = f"it takes the place of {row['path']}: name another extractor to have both"
            _tell(run, event.path, message, event.time)


def _file(run: RunRecords, task: int, path: str) -> int:
    """A row of ``file`` for this content of a file: an earlier content of the same file has a row of its own."""
    where = PurePath(path)
    name, directory = where.name, str(where.parent)
    if not _known(run, path=path):
        return performances.file(run, task, name, directory)
    number = run.tables.number("file")
    run.tables.insert("file", id=number, task_id=task, name=name, path=directory)
    return number


def _take(
    run: RunRecords, table: SetTable, extractor: ExtractorTable, content: Content, file: int, time: int
) -> int | None:
    """Bring the rows of a file into the extractor's table; gives their number, or ``None`` if that cannot be."""
    declared = [*extractor.attributes, *extractor.keys] if extractor.is_declared else list(extractor.keys)
    try:
        with run.batch.raw_files.rows(content, declared) as rows:
            sources, remarks = _sources(table, extractor, rows.names)
            remarks = [*rows.remarks, *remarks, *extractor.take(rows, sources, file, content.path)]
            count = rows.total
    except StoreError as error:
        _tell(run, content.path, f"its rows were not taken in: {error}", time)
        return None
    _note_attributes(run.dataflow, table, extractor)
    for remark in remarks:
        _tell(run, content.path, remark, time)
    return count


def _tell(run: RunRecords, path: str, message: str, time: int) -> None:
    run.tables.insert("problem", run_id=run.run_id, place=PLACE, message=f"{path}: {message}", time=time)


def _sources(table: SetTable, extractor: ExtractorTable, names: list[str]) -> tuple[dict[str, int], list[str]]:
    """Which column of a file fills which column of the extractor's table, by place; and remarks on those that lack."""
    taken = {"id", "uuid", *table.own_columns}
    folded = [column_name(name.strip(), taken) for name in names]
    known = {*extractor.special, *extractor.keys}
    sources = {column: place for place, column in enumerate(folded) if column in known}
    if not extractor.is_declared:
        for place, column in enumerate(folded):
            if column not in extractor.special:
                own = _own_name(table, extractor, column)
                if own is None:
                    continue
                sources[own] = place
                if own in extractor.keys:
                    extractor.attributes.setdefault(own, extractor.keys[own])
        return sources, []
    others = [place for place, column in enumerate(folded) if column not in extractor.special]
    wanted = [column for column in (*extractor.attributes, *extractor.keys) if column not in extractor.special]
    wanted = list(dict.fromkeys(wanted))
    found = dialect.places(wanted, [folded[place] for place in others])
    sources |= {column: others[place] for column, place in zip(wanted, found, strict=True) if place is not None}
    missing = [column for column in wanted if column not in sources]
    if not missing or not names:
        return sources, []
    remark = (
        f"the columns {', '.join(missing)} were expected, got only {', '.join(folded)}; they are NULL: "
        "correct the names in the file or in the dataflow"
    )
    return sources, [remark]


def _own_name(table: SetTable, extractor: ExtractorTable, column: str) -> str | None:
    """The attribute that a file's column is; ``None`` for a key that another extractor shows already."""
    owner = table.shown.get(column)
    if owner == extractor.row["tag"]:
        return column
    if owner and column in extractor.keys:
        return None
    others = {name for name, tag in table.shown.items() if tag != extractor.row["tag"]}
    others |= table.own_columns
    if column not in others:
        return column
    return unused(f"{extractor.name}_{column}", others)


def _note_attributes(dataflow: DataflowEntry, table: SetTable, extractor: ExtractorTable) -> None:
    """Note what became known of an extractor's attributes: new ones, and other types."""
    if extractor.is_declared:
        return
    waiting = {
        row["name"]: row for row in dataflow.tables["attribute"].waiting if row.get("extractor_id") == extractor.number
    }
    for column, kind in extractor.attributes.items():
        named = attribute_type(kind)
        if column not in table.shown:
            table.shown[column] = extractor.row["tag"]
            _add_attribute(dataflow, table, extractor, column, named)
        elif column in waiting:
            waiting[column]["type"] = named
        else:
            update = "UPDATE public.attribute SET type = ? WHERE extractor_id = ? AND name = ?"
            dataflow.tables.connection.execute(update, [named, extractor.number, column])
