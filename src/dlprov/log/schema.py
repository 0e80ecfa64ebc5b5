"""The JSON Schema of the log format, made from the event types."""

from __future__ import annotations

from typing import Any

import msgspec

from dlprov.log import events


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of one line of a run log."""
    schema = msgspec.json.schema(events.AnyEvent)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"One line of a dlprov run log, format {events.FORMAT}",
        **schema,
    }
