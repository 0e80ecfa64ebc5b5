"""The description of the service: it is valid, has every route, and the service answers as it says."""

from __future__ import annotations

import math
import re
from typing import Any

import jsonschema
import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from starlette.routing import Route

import dlprov
from dlprov.service import openapi
from dlprov.service import routes as others
from dlprov.service.api import CUT, OPERATIONS
from dlprov.service.operations import Operation, Parameter
from dlprov.service.questions import WARNING

EXAMPLES: dict[str, dict[str, Any]] = {
    "/api/query": {"json": {"sql": "SELECT * FROM metric ORDER BY ALL"}},
    "/api/runs": {"params": {"dataflow": "mnist", "status": "finished", "limit": 3}},
    "/api/runs/{run}": {"path": {"run": "last"}},
    "/api/best": {"params": {"metric": "loss", "n": 2, "mode": "min", "by": "best", "dataflow": "mnist"}},
    "/api/compare": {"params": {"first": "last", "second": "last", "limit": 5}},
    "/api/epochs": {"params": {"run": "last", "limit": 2}},
    "/api/adaptations": {"params": {"run": "last"}},
    "/api/openapi.json": {},
    "/api": {},
    "/query_interface/{df_tag}/{df_id}": {
        "path": {"df_tag": "mnist", "df_id": 1},
        "data": {"message": "source(otrain)\ntarget(otrain)"},
    },
    "/query_processing": {"data": {"csv": "./query_result.csv"}},
    "/downloadCSV": {},
    "/api/dataflows/list": {},
    "/api/dataflows/{dfId}": {"path": {"dfId": 1}},
    "/": {},
    "/dfview": {},
    "/dfview/visualization": {"params": {"dfId": 1}},
    "/dfview/help": {},
    "/visualization/visualization.html": {},
    "/style.css": {},
    "/pde/dataflow/json": {"json": {"tag": "new", "transformations": []}},
    "/pde/task/json": {"json": {"dataflow": "new", "transformation": "t", "id": "1", "status": "FINISHED"}},
    "/pde/dataflow": {"data": "dataflow(new)"},
    "/pde/task": {"data": "task(new,t,1, ,FINISHED)"},
    "/performance/{header}": {"path": {"header": "true"}},
    "/health": {},
    "/info": {},
}
"""A request for each path that is described, but for the one that ends the service."""


@pytest.fixture(scope="module")
def described(shared) -> dict[str, Any]:
    """The description that a service with a run in its store gives."""
    with dlprov.start_run("mnist", params={"lr": 0.1}, store=shared.store) as run, run.task("Train") as task:
        for epoch in range(3):
            task.log(step=epoch, epoch=epoch, loss=1 / (epoch + 1), accuracy=math.nan)
        task.adaptation("lr", 0.1, 0.05, epoch=1)
        task.generated("oTrain", loss=0.5)
    return shared.get("/api/openapi.json").json()


def test_it_is_valid(described) -> None:
    validate(described, cls=OpenAPIV31SpecValidator)


def test_it_has_every_route(described) -> None:
    class Nothing:
        """Routes are made over a service, which they do not use until they are asked."""

    served = {operation.path for operation in openapi.ANSWERED}
    served |= {route.path for route in others.routes(Nothing()) if isinstance(route, Route)}
    served |= {"/pde/dataflow/json", "/pde/task/json", "/pde/dataflow", "/pde/task"}
    assert set(described["paths"]) == served
    assert set(EXAMPLES) == served - {"/pde/shutdown"}


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_service_answers_as_described(shared, described, path: str) -> None:
    example = EXAMPLES[path]
    ((verb, operation),) = described["paths"][path].items()
    url = shared.url + path.format(**example.get("path", {}))
    given = {name: example[name] for name in ("params", "json", "data") if name in example}
    taken = {parameter["name"] for parameter in operation.get("parameters", ())}
    assert {*example.get("path", {}), *example.get("params", {})} <= taken
    assert ("json" in given or "data" in given) == ("requestBody" in operation)
    answer = requests.request(verb, url, timeout=60, **given)
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"].partition(";")[0]
    schema = operation["responses"]["200"]["content"][kind]["schema"]
    jsonschema.validate(answer.json() if kind == "application/json" else answer.text, schema)


def parameters() -> list[tuple[Operation, Parameter]]:
    """Parameters in URLs' queries, with their operations."""
    return [
        (operation, each)
        for operation in openapi.ANSWERED
        if operation.methods[0] == "GET"
        for each in operation.parameters
        if each.place == "query"
    ]


@pytest.mark.parametrize(
    ("operation", "parameter"), parameters(), ids=lambda value: getattr(value, "path", getattr(value, "name", None))
)
def test_a_parameter_that_is_needed_is_asked_for(shared, described, operation: Operation, parameter: Parameter) -> None:
    given = {name: value for name, value in EXAMPLES[operation.path]["params"].items() if name != parameter.name}
    answer = shared.get(operation.path, params=given)
    assert answer.status_code == (400 if parameter.required else 200), answer.text


def test_errors_are_as_described(shared, described) -> None:
    schema = described["components"]["schemas"]["Error"]
    for path in ("/api/runs/nothing", "/api/best", "/api/dataflows/x", "/nothing"):
        answer = shared.get(path)
        assert answer.status_code >= 400
        jsonschema.validate(answer.json(), schema)
    described_errors = set(described["paths"]["/api/runs/{run}"]["get"]["responses"])
    assert {"400", "404"} <= described_errors


def test_the_page_for_people_has_every_question(shared) -> None:
    text = shared.get("/api").text
    for operation in OPERATIONS:
        assert f"{operation.methods[0]} {operation.path}</code>" in text
        assert all(f"<code>{parameter.name}</code>" in text for parameter in operation.parameters)


def test_headers_of_our_own_are_spelled_alike() -> None:
    assert all(re.fullmatch(r"Dlprov-[A-Z][a-z]+", name) for name in (CUT, WARNING))
