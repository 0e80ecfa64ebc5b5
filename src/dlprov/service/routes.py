"""What DfAnalyzer's server offers beside messages and questions: figures, its state, and its end."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dlprov.service import performance
from dlprov.service.errors import RefusedError
from dlprov.service.guard import is_loopback
from dlprov.service.state import Service

VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of a proxy: its own address says nothing of who asks."""


def routes(service: Service) -> list[Route]:
    """The routes over one service."""

    async def figures(request: Request) -> Response:
        header = request.path_params["header"]
        wanted = performance.is_wanted(header)
        if wanted is None:
            raise RefusedError(400, f"true or false was expected behind /performance/, got {header!r}")
        return PlainTextResponse(performance.text(service.counters, header=wanted))

    async def shutdown(request: Request) -> Response:
        peer = request.client.host if request.client else ""
        if not is_loopback(peer) or any(name in request.headers for name in _FORWARDED):
            raise RefusedError(403, "the service is shut down from its own machine alone: dlprov serve says how")
        service.stop()
        return Response()

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "UP"})

    async def info(_request: Request) -> Response:
        return JSONResponse({})

    return [
        Route("/performance/{header}", figures),
        Route("/pde/shutdown", shutdown, methods=VERBS),
        Route("/health", health),
        Route("/info", info),
    ]
