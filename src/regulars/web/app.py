"""The HTTP application: which routes there are, what is said when something unforeseen happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from regulars.flags import Flags
from regulars.web.api.answering import unanswered
from regulars.web.gate import Gate
from regulars.web.growthbook import growthbook_routes
from regulars.web.ofrep import ofrep_routes
from regulars.web.safe_headers import SafeHeaders


def flag_app(
    flags: Callable[[], Flags], *, gate: Gate, encryption_key: str | None = None, origins: Sequence[str] = (),
    api: Sequence[BaseRoute] = (), pages: Sequence[BaseRoute] = (),
) -> SafeHeaders:
    """Return the application that answers for flags, for the REST API and for people, where their routes are given.

    Args:
        flags: Gives the flags of the moment.
        gate: Who may ask.
        encryption_key: Of payloads; None: they are sent in plain.
        origins: Of web pages whose browsers may ask, `https://shop.example`.
        api: See `regulars.web.api.answering.Api.routes`.
        pages: Those on which people sign in, and those behind `regulars.web.sign_in.entrance.Entrance`.

    """
    routes = [
        *ofrep_routes(flags, gate=gate),
        *growthbook_routes(flags, gate=gate, encryption_key=encryption_key),
        *api,
        *pages,
    ]
    cors = Middleware(
        CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"],
        expose_headers=["ETag", "Retry-After"],
    )
    # Outside of everything, so that what is said of errors has the headers too.
    return SafeHeaders(Starlette(
        routes=routes, middleware=[cors] if origins else [],
        exception_handlers={Exception: _unforeseen, HTTPException: unanswered},
    ))


async def _unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001  starlette's signature
    # Starlette raises it again, and `discreet` writes it down.
    return JSONResponse({"errorDetails": "something went wrong here; it is in the log"}, status_code=500)
