"""Things by the names that people give them, and names for people of things."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from dlprov.errors import NotFoundError, UsageError
from dlprov.query import Session
from dlprov.query.questions import find_run
from dlprov.store.names import fold, quote, schema_for, text
from dlprov.store.things import content_name, element_name, name_of, run_name, task_name

_ROW = re.compile(r"(?:(?P<dataflow>.+)\.)?(?P<set>[^.:]+):(?P<id>\d+)")
_HASH = re.compile(r"[0-9a-f]{8,64}")


class Description(NamedTuple):
    """What a thing is, for a person; ``None`` where nothing is known."""

    kind: str
    label: str | None = None
    dataflow: str | None = None
    run_id: str | None = None


def resolve(session: Session, thing: str, dataflow: str | None = None) -> list[str]:
    """The ids of what ``thing`` names: one, or a run with all its tasks. See :func:`dlprov.graph.lineage.trace`.

    Raises:
        NotFoundError: Nothing is named so.
        UsageError: Several things are.
    """
    if not thing.strip():
        raise UsageError("the name of a thing was expected, got an empty text: try the row of a set, otrainingmodel:1")
    named = name_of(thing)
    if _is_known(session, named):
        return [named]
    told = _of_documents(session, thing)
    if told:
        return [told]
    row = _ROW.fullmatch(thing)
    if row is not None:
        found = _row_of_a_set(session, row["dataflow"] or dataflow, row["set"], int(row["id"]))
        if found:
            return [found]
    found = _file(session, thing)
    if found:
        return [found]
    try:
        run_id = find_run(session, thing)
    except NotFoundError:
        raise NotFoundError(
            f"a thing in this store was expected, got {thing!r}: name a row of a set (otrainingmodel:1, "
            "DATAFLOW.otrainingmodel:1), a file by its path or SHA-256, a run, a thing of an imported document by its "
            "IRI or its name there, or an id of an earlier answer"
        ) from None
    query = "SELECT uuid FROM public.task WHERE run_id = ? ORDER BY id"
    return [run_name(run_id), *(task_name(row[0]) for row in session.ask(query, [run_id]).rows())]


def describe(session: Session, names: Iterable[str]) -> dict[str, Description]:
    """What things are. Those that neither this store's own tables nor a document describe have their kind alone."""
    wanted = list(dict.fromkeys(names))
    found = {name: Description(_kind(name)) for name in wanted}
    by_kind: dict[str, list[str]] = {}
    for name in wanted:
        by_kind.setdefault(_kind(name), []).append(name.partition("-")[2])
    for kind, query in _DESCRIPTIONS.items():
        if by_kind.get(kind):
            for name, *told in session.ask(query, [by_kind[kind]]).rows():
                found[f"{kind}-{name}"] = Description(kind, *told)
    if by_kind.get("element"):
        found |= _elements(session, by_kind["element"])
    unknown = [name for name, what in found.items() if what.label is None]
    if unknown:
        for name, kind, label in session.ask(_IN_DOCUMENTS, [unknown]).rows():
            found[name] = Description(kind if found[name].kind == "thing" else found[name].kind, label)
    return found


_DESCRIPTIONS = {
    "task": """
        SELECT t.uuid, d.tag || ' ' || t.identifier, f.tag, t.run_id FROM public.task AS t
        LEFT JOIN public.data_transformation AS d ON d.id = t.dt_id LEFT JOIN public.dataflow AS f ON f.id = d.df_id
        WHERE t.uuid IN (SELECT unnest(?::VARCHAR[]))""",
    "run": """
        SELECT run_id, coalesce(name, execution), dataflow, run_id FROM public.run
        WHERE run_id IN (SELECT unnest(?::VARCHAR[]))""",
    "file": """
        SELECT sha256, arg_max(path, "time"), NULL, NULL FROM public.artifact
        WHERE sha256 IN (SELECT unnest(?::VARCHAR[])) GROUP BY sha256""",
    "data": """
        SELECT replace(d.fingerprint, 'sha256:', ''), first(d.role || coalesce(' ' || d.shape, '') ORDER BY d."time"),
        NULL, NULL FROM public.data AS d
        WHERE replace(d.fingerprint, 'sha256:', '') IN (SELECT unnest(?::VARCHAR[])) GROUP BY 1""",
    "artifact": """
        SELECT substr(r.source, 10), a.path, n.dataflow, r.run_id
        FROM public.relation AS r JOIN public.run AS n USING (run_id)
        JOIN public.relation AS c ON c.source = r.source AND c.kind = 'specializationOf'
        JOIN public.artifact AS a ON a.run_id = r.run_id AND 'file-' || a.sha256 = c.target
        WHERE r.kind = 'wasGeneratedBy' AND a.direction = 'generated'
        AND substr(r.source, 10) IN (SELECT unnest(?::VARCHAR[]))
        QUALIFY row_number() OVER (PARTITION BY r.source ORDER BY a."time") = 1""",
}
"""For each kind of thing: id, label, dataflow and run, from a list of ids."""


_IN_DOCUMENTS = """
    SELECT thing, arg_min(kind, rowid), coalesce(arg_min(label, rowid), arg_min(name, rowid)) FROM public.statement
    WHERE thing IN (SELECT unnest(?::VARCHAR[])) AND kind IN ('entity', 'activity', 'agent') GROUP BY thing"""


def _kind(name: str) -> str:
    kind = name.partition("-")[0]
    return kind if kind in ("element", "task", "run", "file", "data", "artifact") else "thing"


def _is_known(session: Session, name: str) -> bool:
    query = """
        SELECT 1 FROM public.relation WHERE source = $name OR target = $name
        UNION ALL SELECT 1 FROM public.statement WHERE thing = $name LIMIT 1"""
    return bool(session.ask(query, {"name": name}).rows())


def _of_documents(session: Session, name: str) -> str | None:
    """A thing by the name that it has in an imported document."""
    rows = session.ask("SELECT DISTINCT thing FROM public.statement WHERE name = ? ORDER BY 1", [name]).rows()
    if len(rows) > 1:
        listed = ", ".join(str(row[0]) for row in rows)
        raise UsageError(f"{name!r} means {len(rows)} things in the imported documents: name one by its IRI ({listed})")
    return str(rows[0][0]) if rows else None


def _row_of_a_set(session: Session, dataflow: str | None, tag: str, number: int) -> str | None:
    query = """
        SELECT f.tag, s.tag FROM public.data_set AS s JOIN public.dataflow AS f ON f.id = s.df_id
        WHERE s.tag = $set AND ($dataflow IS NULL OR f.tag = $dataflow) ORDER BY f.tag"""
    wanted = fold(dataflow) if dataflow is not None else None
    homes = session.ask(query, {"set": fold(tag), "dataflow": wanted}).rows()
    if not homes:
        return None
    if len(homes) > 1:
        listed = ", ".join(str(row[0]) for row in homes)
        raise UsageError(f"the set {tag!r} is in several dataflows ({listed}): write DATAFLOW.{tag}:{number}")
    home = f"{quote(schema_for(homes[0][0]))}.{quote('ds_' + homes[0][1])}"
    rows = session.ask(f"SELECT uuid FROM {home} WHERE id = ?", [number]).rows()
    if not rows:
        raise NotFoundError(f"the set {tag!r} of {homes[0][0]!r} has no row {number}")
    return element_name(rows[0][0])


def _file(session: Session, thing: str) -> str | None:
    """A file by its hash or a part of it, by a path that the store knows, or by one that is there now."""
    digest = thing.removeprefix("sha256:").lower()
    if _HASH.fullmatch(digest):
        query = """
            SELECT DISTINCT target FROM public.relation
            WHERE starts_with(target, 'file-' || $digest) OR starts_with(target, 'data-' || $digest)"""
        found = [row[0] for row in session.ask(query, {"digest": digest}).rows()]
        if len(found) > 1:
            raise UsageError(f"{thing!r} is the beginning of {len(found)} hashes; give more of it")
        if found:
            return str(found[0])
    query = """
        SELECT sha256 FROM public.artifact WHERE sha256 IS NOT NULL AND (path = $path OR ends_with(path, '/' || $path))
        ORDER BY "time" DESC LIMIT 1"""
    rows = session.ask(query, {"path": thing}).rows()
    if rows:
        return content_name(rows[0][0])
    path = Path(thing)
    try:
        is_there = path.is_file()
    except OSError:
        is_there = False  # an execution tag may be too long to be a path
    if not is_there:
        return None
    with path.open("rb") as file:
        name = content_name(hashlib.file_digest(file, "sha256").hexdigest())
    return name if _is_known(session, name) else None


def _elements(session: Session, uuids: list[str]) -> dict[str, Description]:
    """Elements of all sets: their set and row."""
    sets: list[tuple[Any, ...]] = session.ask(
        """
        SELECT f.tag, s.tag FROM public.data_set AS s JOIN public.dataflow AS f ON f.id = s.df_id ORDER BY s.id
        """
    ).rows()
    parts = [
        f"SELECT uuid, {text(tag)} AS tag, id, {text(dataflow)} AS dataflow "
        f"FROM {quote(schema_for(dataflow))}.{quote('ds_' + tag)}"
        for dataflow, tag in sets
    ]
    if not parts:
        return {}
    query = f"""
        WITH wanted AS (SELECT unnest(?::VARCHAR[]) AS uuid), homes AS (
            SELECT if(kind = 'used', target, source) AS name, any_value(run_id) AS run_id FROM public.relation
            WHERE kind IN ('used', 'wasGeneratedBy')
            AND if(kind = 'used', target, source) IN (SELECT 'element-' || uuid FROM wanted) GROUP BY name)
        SELECT e.uuid, e.tag || ':' || e.id, e.dataflow, h.run_id FROM ({" UNION ALL ".join(parts)}) AS e
        JOIN wanted USING (uuid) LEFT JOIN homes AS h ON h.name = 'element-' || e.uuid"""
    return {element_name(uuid): Description("element", *told) for uuid, *told in session.ask(query, [uuids]).rows()}
