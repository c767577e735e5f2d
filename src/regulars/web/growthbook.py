"""What GrowthBook's SDKs ask for: the payload they decide from, or decisions where they do not decide themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from regulars.flags import Context, Flags, payload_of
from regulars.web.body import UnreadableBody, kept_answer, read_json
from regulars.web.gate import Gate


def growthbook_routes(flags: Callable[[], Flags], *, gate: Gate, encryption_key: str | None = None) -> list[Route]:
    """Return the routes of the SDKs: their client key is one of the gate's, as the last part of the path."""

    async def features(request: Request) -> Response:
        if refusal := gate.refusal(request.path_params["client_key"]):
            return refusal.response()
        return kept_answer(request, {"status": 200, **payload_of(flags().definitions, key=encryption_key)})

    async def evaluated(request: Request) -> Response:
        if refusal := gate.refusal(request.path_params["client_key"]):
            return refusal.response()
        try:
            context = _context(await read_json(request))
        except (UnreadableBody, TypeError) as error:
            return JSONResponse({"status": 400, "error": str(error)}, status_code=400)
        now = flags()
        return JSONResponse({"features": {key: _decided(now, key, context) for key in now.keys}})

    return [
        Route("/api/features/{client_key}", features, methods=["GET"]),
        Route("/api/eval/{client_key}", evaluated, methods=["POST"]),
    ]


def _decided(flags: Flags, key: str, context: Context) -> dict[str, Any]:
    """Return a feature that has only the value decided here, and the exposures for the SDK to track."""
    found = flags.evaluate(key, context)
    if not found.evaluation.exposures:
        return {"defaultValue": found.value}
    tracks = [exposure.tracking() for exposure in found.evaluation.exposures]
    return {"defaultValue": found.value, "rules": [{"force": found.value, "tracks": tracks}]}


def _context(said: object) -> Context:
    """Return whom an SDK asks about. Raises TypeError for a body that tells nobody."""
    if not isinstance(said, Mapping) or not isinstance(said.get("attributes"), Mapping):
        raise TypeError('the body is {"attributes": {...}}')
    variations, values = said.get("forcedVariations") or {}, said.get("forcedFeatures") or {}
    return Context(
        attributes=said["attributes"],
        url=str(said.get("url") or ""),
        forced_variations={str(key): place for key, place in dict(variations).items() if isinstance(place, int)},
        forced_values={str(key): value for key, value in dict(values).items()},
    )
