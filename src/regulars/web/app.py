"""The HTTP application: which routes there are, what is said when something unforeseen happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from regulars.flags import Flags
from regulars.web.gate import Gate
from regulars.web.growthbook import growthbook_routes
from regulars.web.ofrep import ofrep_routes

log = structlog.get_logger()


def flag_app(
    flags: Callable[[], Flags], *, gate: Gate, encryption_key: str | None = None, origins: Sequence[str] = (),
    api: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application that answers for flags, and for the REST API where its routes are given.

    Args:
        flags: Gives the flags of the moment.
        gate: Who may ask.
        encryption_key: Of payloads; None: they are sent in plain.
        origins: Of web pages whose browsers may ask, `https://shop.example`.
        api: See `regulars.web.api.answering.Api.routes`, and those of the pages.

    """
    routes = [
        *ofrep_routes(flags, gate=gate),
        *growthbook_routes(flags, gate=gate, encryption_key=encryption_key),
        *api,
    ]
    cors = Middleware(
        CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"],
        expose_headers=["ETag", "Retry-After"],
    )
    return Starlette(
        routes=routes, middleware=[cors] if origins else [], exception_handlers={Exception: _unforeseen}
    )


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, error=f"{type(error).__name__}: {error}")
    return JSONResponse({"errorDetails": "something went wrong here; it is in the log"}, status_code=500)
