"""The paths of the reference text-message system: an A/B campaign made, sent, answered and decided in its own shapes.

They are asked with a key of this API instead of a session; errors are `{success: false, error}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.campaign import numbered
from regulars.compat.ab_tests.sending import send, take_events
from regulars.compat.result import Result, failure
from regulars.errors import RegularsError
from regulars.pipeline.access import known_key
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.api_keys import ApiKey
from regulars.storage.book.audit import Changed
from regulars.web.api.problem import STATUS, KeyUnknown, RequestInvalid, ScopeMissing
from regulars.web.api.workers import Workers
from regulars.web.body import LARGEST_BODY
from regulars.web.gate import key_of
from regulars.web.rights import opens

Said = Mapping[str, Any]
Answers = Callable[[Workspace, ABTestingService, str, Said], Result[dict[str, Any]]]

_STATUS = {"CAMPAIGN_NOT_FOUND": 404, "SERVICE_UNAVAILABLE": 503, "DB_ERROR": 500, "SUMMARY_ERROR": 500}
"""The status of a code; every other is of what was asked: 400."""


def reference_routes(workers: Workers) -> list[Route]:
    """Return the routes under `/api/campaigns`."""
    of_one = "/api/campaigns/{campaign_id}"
    return [
        _route(workers, "POST", "/api/campaigns/ab-test", _created, status=201),
        _route(workers, "POST", f"{of_one}/recipients", _recipients),
        _route(workers, "POST", f"{of_one}/send", _sent),
        _route(workers, "GET", f"{of_one}/ab-results", _results),
        _route(workers, "POST", f"{of_one}/identify-winner", _winner),
        _route(workers, "GET", f"{of_one}/stats", _stats),
        _route(workers, "GET", f"{of_one}/analytics", _analytics),
    ]


def _route(workers: Workers, method: str, path: str, answers: Answers, *, status: int = 200) -> Route:
    async def endpoint(request: Request) -> Response:
        raw = await request.body() if int(request.headers.get("content-length") or 0) <= LARGEST_BODY else b"-"
        found, code = await workers.ask(lambda workspace: _answered(workspace, request, raw, answers))
        return Response(
            msgspec.json.encode(found, enc_hook=str), status_code=code or status, media_type="application/json"
        )

    return Route(path, endpoint, methods=[method])


def _answered(workspace: Workspace, request: Request, raw: bytes, answers: Answers) -> tuple[dict[str, Any], int]:
    """Return what is said, and the status of an error; 0 where all is well."""
    campaign = request.path_params.get("campaign_id", "")
    try:
        key = _let_in(workspace, request)
        result = answers(workspace, ABTestingService.of(workspace.book, clock=workspace.clock), campaign, _read(raw))
    except RegularsError as error:
        status = STATUS.get(error.code, 500)
        return _error(error.message), 400 if status == 422 else status
    if result.is_failure:
        said = {**_error(str(result.error)), "error_code": result.error_code}
        return said, _STATUS.get(str(result.error_code), 400)
    if request.method != "GET":
        workspace.book.audit.add(Changed(
            at=workspace.clock.now(), by=f"key:{key.name}", what=f"ab_test.{answers.__name__.strip('_')}",
            subject=str(result.unwrap().get("campaign_id", campaign)),
        ))
    return {"success": True, **result.unwrap()}, 0


def _let_in(workspace: Workspace, request: Request) -> ApiKey:
    key = known_key(workspace.book, key_of(request), at=workspace.clock.now())
    if key is None:
        raise KeyUnknown("Authentication required")
    if not opens(key.scope, "read" if request.method == "GET" else "write"):
        raise ScopeMissing(f"This needs a key that may write, and {key.name!r} may {key.scope}")
    return key


def _read(raw: bytes) -> Said:
    try:
        said = msgspec.json.decode(raw) if raw else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestInvalid("The body is no JSON") from error
    if not isinstance(said, dict):
        raise RequestInvalid("The body is no object")
    return said


def _error(sentence: str) -> dict[str, Any]:
    return {"success": False, "error": sentence}


def _created(_: Workspace, service: ABTestingService, __: str, said: Said) -> Result[dict[str, Any]]:
    made = service.create_ab_campaign(said)
    return made.map(lambda told: {"campaign_id": told["id"], "id": told["id"], "campaign": told})


def _recipients(_: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[dict[str, Any]]:
    contacts = said.get("contact_ids")
    if not isinstance(contacts, list) or not contacts:
        return failure("contact_ids is required", code="MISSING_CONTACT_IDS")
    return service.add_recipients(campaign, contacts)


def _sent(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    return send(workspace, service, campaign)


def _results(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    return service.get_campaign_ab_summary(campaign).map(lambda told: {"campaign_id": campaign, "results": told})


def _winner(workspace: Workspace, service: ABTestingService, campaign: str, said: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    threshold = said.get("confidence_threshold")
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        return failure("confidence_threshold must be a number between 0.5 and 1", code="INVALID_THRESHOLD")
    return service.identify_winner(campaign, threshold)


def _stats(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    return service.get_campaign_ab_summary(campaign).map(lambda told: {"campaign_id": campaign, "stats": told})


def _analytics(workspace: Workspace, service: ABTestingService, campaign: str, _: Said) -> Result[dict[str, Any]]:
    _take(workspace, service, campaign)
    return service.generate_ab_test_report(campaign).map(lambda told: {"analytics": told})


def _take(workspace: Workspace, service: ABTestingService, campaign: str) -> None:
    """Take the newest events in, so that results are as of now."""
    number = numbered(campaign)
    if number is not None and service.store.campaign(number) is not None:
        take_events(workspace, service, number)
