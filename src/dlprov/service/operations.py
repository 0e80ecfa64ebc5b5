"""Operations: one table says what a route takes and answers, and both the route and its description are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dlprov.service.asking import Desk
from dlprov.service.errors import RefusedError

JSON = "application/json"
HTML = "text/html"
TEXT = "text/plain"

Schema = Mapping[str, Any]

OLD = "DfAnalyzer"
"""The group of operations that DfAnalyzer's server had, which passed over parameters that it did not know."""

TEXT_SCHEMA: Schema = {"type": "string"}
COUNT_SCHEMA: Schema = {"type": "integer", "minimum": 1}


@dataclass(frozen=True)
class Parameter:
    """A value in the query of a URL, or in its path.

    Attributes:
        name: Its name.
        meaning: What it is, as a phrase.
        schema: JSON Schema of a text, an integer (with its minimum) or a list of texts to choose from (``enum``).
        required: Whether it must be given.
        place: Where it stands.
        default: What it is if it is not given.
    """

    name: str
    meaning: str
    schema: Schema
    required: bool = False
    place: Literal["query", "path"] = "query"
    default: Any = None

    def read(self, given: str) -> Any:
        """The value of a text.

        Raises:
            RefusedError: It is none.
        """
        if self.schema.get("type") == "integer":
            try:
                value = int(given)
            except ValueError:
                raise RefusedError(400, f"a whole number was expected as {self.name}, got {given!r}") from None
            least = self.schema.get("minimum", -(1 << 31))
            if not least <= value < 1 << 31:
                raise RefusedError(
                    400, f"a number from {least} to {(1 << 31) - 1} was expected as {self.name}, got {value}"
                )
            return value
        if given not in self.schema.get("enum", (given,)):
            raise RefusedError(
                400, f"one of {', '.join(self.schema['enum'])} was expected as {self.name}, got {given!r}"
            )
        return given


Endpoint = Callable[[Desk, Request, dict[str, Any]], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """One route.

    Attributes:
        path: Its path, parameters in braces.
        summary: What it does, as a phrase.
        answers: What comes with status 200: schemas by media type.
        endpoint: Answers a request, given the values of the parameters; ``None`` if another module makes the route.
        methods: HTTP methods that it is for; the first is the one that is described.
        parameters: What it takes beside a body.
        body: What may be in the body: schemas by media type.
        tag: The group it is shown in.
        details: More about it, as sentences.
        errors: Statuses of the errors that it may answer.
    """

    path: str
    summary: str
    answers: Mapping[str, Schema]
    endpoint: Endpoint | None = None
    methods: Sequence[str] = ("GET",)
    parameters: Sequence[Parameter] = ()
    body: Mapping[str, Schema] | None = None
    tag: str = "questions"
    details: str = ""
    errors: Sequence[int] = (400, 404)

    def values(self, request: Request) -> dict[str, Any]:
        """The values of the parameters of a request, by name.

        Raises:
            RefusedError: One is missing, is unknown, comes twice or has another form.
        """
        given = list(request.query_params.multi_items())
        known = [parameter.name for parameter in self.parameters if parameter.place == "query"]
        for name, _ in given:
            if name not in known and self.tag != OLD:
                offered = ", ".join(known) or "none"
                raise RefusedError(400, f"parameters of {self.path} are {offered}; got {name!r}")
        texts = dict(given)
        if len(texts) < len(given) and self.tag != OLD:
            raise RefusedError(
                400, f"each parameter of {self.path} was expected once: {request.url.query!r} repeats one"
            )
        texts |= {name: str(value) for name, value in request.path_params.items()}
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in texts:
                values[parameter.name] = parameter.read(texts[parameter.name])
            elif parameter.required:
                raise RefusedError(400, f"the parameter {parameter.name} was expected ({parameter.meaning}), got none")
            else:
                values[parameter.name] = parameter.default
        return values

    def route(self, desk: Desk) -> Route:
        """The route over one service."""
        endpoint = self.endpoint
        if endpoint is None:
            raise TypeError(f"{self.path} has no endpoint")

        async def answer(request: Request) -> Response:
            return await endpoint(desk, request, self.values(request))

        return Route(self._pattern(), answer, methods=list(self.methods))

    def _pattern(self) -> str:
        """The path as Starlette takes it: a text in it, a tag that a user chose, may have slashes (``%2F``)."""
        pattern = self.path
        for parameter in self.parameters:
            if parameter.place == "path" and parameter.schema.get("type") == "string":
                pattern = pattern.replace(f"{{{parameter.name}}}", f"{{{parameter.name}:path}}")
        return pattern
