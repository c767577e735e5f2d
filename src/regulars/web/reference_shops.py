"""The reference shop system's paths: what pages ask for, daily files of statistics, how shops are."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.compat.shops.debug_events import debug_events
from regulars.compat.shops.product_info import sync_product_info
from regulars.compat.shops.rotation import Answer, rotation, rotation_state
from regulars.compat.shops.statistic_export import daily, manual
from regulars.compat.shops.status import health, status
from regulars.compat.shops.tracking_script import tracking_script
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
        _open_route(workers), Route("/api/tracking-script.js", _script),
        reference_route(workers, "POST", "/app/api/statistics-export/manual", manual),
        reference_route(workers, "GET", "/api/sync-product-info", sync_product_info, scope="write"),
        reference_route(workers, "GET", "/api/debug-events", debug_events, scope="admin"),
        reference_route(workers, "GET", path, daily, scope="write"),
        reference_route(workers, "POST", path, daily, scope="write"),
        reference_route(workers, "GET", turn, rotation, scope="write"),
        reference_route(workers, "POST", turn, rotation, scope="write", changes=False),
        reference_route(workers, "GET", "/health", health), reference_route(workers, "GET", "/status", status),
    ]


async def _script(request: Request) -> Response:  # noqa: ARG001  as all routes
    headers = {**ANY_PAGE, "Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(tracking_script(), media_type="text/javascript; charset=utf-8", headers=headers)


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
