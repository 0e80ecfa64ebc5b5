"""Agents of a run: the person who ran it, and the machine it ran on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlprov.log import events
from dlprov.log.identifiers import derived_id
from dlprov.store.columns import as_text
from dlprov.store.tables import Row

if TYPE_CHECKING:
    from dlprov.store.records import RunRecords

_DESCRIBED = ("hostname", "os", "platform", "architecture", "processor", "gpus")


def scientist(run: RunRecords, email: str) -> int:
    """The number of a person, by e-mail address or name on the machine."""
    return _number(run, "data_scientist", {"email": email}, email)


def found(run: RunRecords, hardware: dict[str, Any]) -> None:
    """This package found out about the machine, as it describes machines in an environment."""
    if _is_said(run):
        return
    gpus = hardware.get("gpus")
    described = {
        "hostname": run.row.get("host") or "",
        "os": str(hardware.get("os", "")),
        "platform": str(hardware.get("platform", "")),
        "architecture": str(hardware.get("machine", "")),
        "processor": str(hardware.get("processor", "")),
        "gpus": ", ".join(map(str, gpus)) if isinstance(gpus, list) else "",
    }
    run.execution["hardware_id"] = _number(run, "hardware_info", described, *described.values())


def said(run: RunRecords, event: events.Agent, _: str) -> None:
    """A client said who ran it and where: that counts more than what this package found out by itself.

    Of several clients the first one counts.
    """
    if event.email:
        user = run.row.get("user")
        if run.execution.get("scientist_id") in (None, scientist(run, user) if user else None):
            run.execution["scientist_id"] = scientist(run, event.email)
    if event.hardware and not _is_said(run):
        described: Row = {name: as_text(event.hardware.get(name)) or "" for name in _DESCRIBED}
        contained = event.hardware.get("in_container")
        key = [*described.values(), str(contained)]
        described["in_container"] = contained if isinstance(contained, bool) else None
        run.execution["hardware_id"] = _number(run, "hardware_info", described, *key)


def _is_said(run: RunRecords) -> bool:
    """Whether a client described the machine already. Its descriptions have identifiers of another form."""
    number = run.execution.get("hardware_id")
    if number is None:
        return False
    rows = [*run.tables["hardware_info"].waiting, *run.tables.load("hardware_info", "id = ?", [number])]
    row = next(row for row in rows if row["id"] == number)
    return bool(row["uuid"] != derived_id("hardware_info", *(row[name] for name in _DESCRIBED)))


def _number(run: RunRecords, table: str, row: Row, *key: str) -> int:
    identifier = derived_id(table, *key)
    known = run.batch.agents
    if identifier not in known:
        found = run.tables.load(table, "uuid = ?", [identifier])
        known[identifier] = int(found[0]["id"]) if found else run.tables.number(table)
        if not found:
            run.tables.insert(table, id=known[identifier], uuid=identifier, **row)
    return known[identifier]
