"""The reference shop system's paths: what pages ask of a product, daily files of statistics, how shops are."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.compat.shops.rotation import Answer, rotation, rotation_state
from regulars.compat.shops.statistic_export import daily
from regulars.compat.shops.status import health, status
from regulars.errors import RegularsError
from regulars.pipeline.workspace import Workspace
from regulars.web.api.problem import STATUS
from regulars.web.api.workers import Workers
from regulars.web.reference_route import reference_route

ANY_PAGE = {
    "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET", "Access-Control-Max-Age": "86400",
}
"""Pages of shops ask from wherever they are, and are told nothing that everybody on them does not see."""


def shop_routes(workers: Workers) -> list[Route]:
    """Return every route; files are written for keys that may write, whatever else a request shows."""
    path, turn = "/api/statistics-export/daily", "/api/rotation"
    return [
        _open_route(workers), reference_route(workers, "GET", path, daily, scope="write"),
        reference_route(workers, "POST", path, daily, scope="write"),
        reference_route(workers, "GET", turn, rotation, scope="write"),
        reference_route(workers, "POST", turn, rotation, scope="write", changes=False),
        reference_route(workers, "GET", "/health", health), reference_route(workers, "GET", "/status", status),
    ]


def _open_route(workers: Workers) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=ANY_PAGE)
        status, told = await workers.ask(lambda workspace: _answered(workspace, request))
        return Response(
            msgspec.json.encode(told), status_code=status, media_type="application/json",
            headers={**ANY_PAGE, "Cache-Control": "no-store"},
        )

    return Route("/api/rotation-state", endpoint, methods=["GET", "OPTIONS"])


def _answered(workspace: Workspace, request: Request) -> Answer:
    try:
        return rotation_state(workspace, request.query_params, origin=request.headers.get("origin"))
    except RegularsError as error:
        return STATUS.get(error.code, 500), {"error": error.message}
