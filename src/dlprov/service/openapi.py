"""The description of the service for machines (OpenAPI 3.1), and for people: both made of the routes' own table."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dlprov._version import __version__
from dlprov.service import api, html, pages, questions
from dlprov.service.asking import Desk
from dlprov.service.html import text
from dlprov.service.operations import HTML, JSON, OLD, TEXT, TEXT_SCHEMA, Operation, Parameter

_ANY: dict[str, Any] = {"type": "object"}

ERROR = {
    "type": "object",
    "required": ["timestamp", "status", "error", "message", "path"],
    "properties": {
        "timestamp": {"type": "integer", "description": "Milliseconds since 1970 (UTC)."},
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "exception": {"type": "string"},
        "message": {"type": "string", "description": "What was expected, what came, what to do."},
        "path": {"type": "string"},
    },
}

TAKEN = (
    Operation("/pde/dataflow/json", "Declare a dataflow", {JSON: _ANY}, methods=("POST",), body={JSON: _ANY}, tag=OLD),
    Operation("/pde/task/json", "Record a task", {JSON: _ANY}, methods=("POST",), body={JSON: _ANY}, tag=OLD),
    Operation(
        "/pde/dataflow", "Declare a dataflow", {JSON: _ANY}, methods=("POST",), body={TEXT: TEXT_SCHEMA}, tag=OLD
    ),
    Operation("/pde/task", "Record a task", {JSON: _ANY}, methods=("POST",), body={TEXT: TEXT_SCHEMA}, tag=OLD),
    Operation("/pde/shutdown", "End the service, from its own machine", {}, tag=OLD, errors=(403,)),
    Operation(
        "/performance/{header}",
        "What was taken in since the start",
        {TEXT: TEXT_SCHEMA},
        parameters=(
            Parameter("header", "true or false: whether there is a first line with names", TEXT_SCHEMA, True, "path"),
        ),
        tag=OLD,
        errors=(400,),
    ),
    Operation("/health", "Whether the service runs", {JSON: _ANY}, tag=OLD, errors=()),
    Operation("/info", "Nothing", {JSON: _ANY}, tag=OLD, errors=()),
)
"""What other modules make routes for."""


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.methods[0].lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dlprov",
            "version": __version__,
            "summary": "Provenance for deep learning",
            "description": "Times are ISO 8601 in UTC. NaN and the infinities are texts: JSON has no numbers for them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [
            {"name": "questions", "description": "Questions about runs, as JSON."},
            {"name": OLD, "description": "What DfAnalyzer's server offered, as it offered it."},
            {"name": "pages", "description": "What pages need."},
        ],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Where the service has a token."}
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    error = {"content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _identifier(operation),
        "tags": [operation.tag],
        "responses": {"200": _answers(operation)}
        | {str(status): {"description": HTTPStatus(status).phrase, **error} for status in operation.errors},
    }
    if operation.details:
        described["description"] = operation.details
    if operation.parameters:
        described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    return described


def _identifier(operation: Operation) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in operation.path).split()
    return "_".join([operation.methods[0].lower(), *words])


def _answers(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": "The answer"}
    if operation.answers:
        described["content"] = _content(operation.answers)
    return described


def _content(schemas: Any) -> dict[str, Any]:
    return {kind: {"schema": dict(schema)} for kind, schema in schemas.items()}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = dict(parameter.schema)
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.meaning,
        "schema": schema,
    }


async def _json(_desk: Desk, _request: Request, _values: dict[str, Any]) -> Response:
    return JSONResponse(document(ALL))


async def _page(_desk: Desk, _request: Request, _values: dict[str, Any]) -> Response:
    parts = []
    for operation in ALL:
        if operation.tag != "questions":
            continue
        rows = [
            [
                f"<code>{text(parameter.name)}</code>",
                text(parameter.meaning),
                _choices(parameter),
            ]
            for parameter in operation.parameters
        ]
        taken = html.table(["parameter", "meaning", "values"], rows) if rows else ""
        parts.append(
            f"<h2><code>{text(operation.methods[0])} {text(operation.path)}</code></h2>"
            f'<p>{text(operation.summary)}. {text(operation.details)}</p><div class="wide">{taken}</div>'
        )
    return html.page("API", f"<h1>API</h1>{_EXAMPLE}{''.join(parts)}")


def _choices(parameter: Parameter) -> str:
    words = list(parameter.schema.get("enum", (parameter.schema.get("type"),)))
    told = ["needed"] if parameter.required else []
    told += [f"default {parameter.default}"] if parameter.default is not None else []
    return text(", ".join([" | ".join(words), *told]))


_EXAMPLE = """
<p>Questions over HTTP, answered with JSON. For machines it is all described in
<a href="/api/openapi.json">openapi.json</a>.</p>
<pre>curl -d '{"sql": "SELECT run_id, status FROM run"}' http://127.0.0.1:22000/api/query
curl 'http://127.0.0.1:22000/api/best?metric=val_accuracy&amp;n=5'</pre>"""

OWN = (
    Operation("/api/openapi.json", "This description", {JSON: _ANY}, _json, errors=()),
    Operation("/api", "The API, for people", {HTML: TEXT_SCHEMA}, _page, tag="pages", errors=()),
)

ANSWERED = (*api.OPERATIONS, *OWN, *questions.OPERATIONS, *pages.OPERATIONS)
"""The operations that have endpoints here."""

ALL = (*ANSWERED, *TAKEN)
"""Everything that is described."""
