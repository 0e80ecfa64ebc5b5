"""The service as an ASGI application: its parts put together."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlprov.errors import DlprovError
from dlprov.service import ingestion, local, openapi
from dlprov.service import routes as others
from dlprov.service.asking import Desk
from dlprov.service.errors import RefusedError, body_of, message_of, status_of
from dlprov.service.guard import Guard
from dlprov.service.lenient import JSONError
from dlprov.service.state import Service


def make_app(service: Service, desk: Desk) -> ASGIApp:
    """The application over one service, whose questions are asked at a desk."""
    takers: dict[str, ASGIApp] = {
        "/pde/dataflow/json": ingestion.Taker(service, ingestion.read_json, ingestion.store_dataflow),
        "/pde/task/json": ingestion.Taker(service, ingestion.read_json, ingestion.store_task),
        "/pde/dataflow": ingestion.Taker(service, ingestion.read_dataflow, ingestion.store_dataflow),
        "/pde/task": ingestion.Taker(service, ingestion.read_task, ingestion.store_text_task),
    }
    routes = [Route(path, taker, methods=["POST"]) for path, taker in takers.items()]
    routes += others.routes(service)
    routes += [*local.routes(desk), *(operation.route(desk) for operation in openapi.ANSWERED)]
    handlers = {HTTPException: _refused_by_route, DlprovError: _failed, JSONError: _failed, Exception: _failed}
    return Guard(_Shortcut(takers, Starlette(routes=routes, exception_handlers=handlers)), service)


HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
]
"""Of every answer that a page of another site could try to show or to take for something else."""


_SHOWN = 200
"""Letters of a path that a message to a person repeats."""


class _Shortcut:
    """Takes messages on the shortest way: there are many of them, and routing costs as much as storing."""

    def __init__(self, takers: dict[str, ASGIApp], app: ASGIApp) -> None:
        self._takers = takers
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taker = self._takers.get(scope["path"]) if scope["method"] == "POST" else None
        if taker is not None:
            await taker(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        await self._app(scope, receive, sending)


async def _refused_by_route(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["path"]
    shown = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}…"
    messages = {
        404: f"there is no {shown} here: GET / leads to what there is",
        405: f"{shown} is not for {request.method}: use {(error.headers or {}).get('Allow', 'another method')}",
    }
    body = body_of(error.status_code, messages.get(error.status_code, error.detail), path)
    return Response(body, error.status_code, error.headers, "application/json")


async def _failed(request: Request, error: Exception) -> Response:
    status = status_of(error)
    name = type(error).__name__ if status != 500 else ""
    response = Response(
        body_of(status, message_of(error), request.scope["path"], name), status, media_type="application/json"
    )
    for key, value in error.headers if isinstance(error, RefusedError) else []:
        response.headers.append(key.decode(), value.decode())
    return response
