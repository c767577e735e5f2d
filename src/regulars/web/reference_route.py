"""How a path of the reference text-message system is answered: with a key of this API, in the reference's own shapes.

Errors are `{success: false, error}`; what changed is in the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope as Asked

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result
from regulars.errors import RegularsError
from regulars.pipeline.access import known_key
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.api_keys import ApiKey, Scope
from regulars.storage.book.audit import Changed
from regulars.web.api.problem import STATUS, KeyUnknown, RequestInvalid, ScopeMissing
from regulars.web.api.workers import Workers
from regulars.web.body import UnreadableBody, json_of, read_body
from regulars.web.gate import key_of
from regulars.web.rights import opens
from regulars.web.sign_in.forms import MOST_FIELDS

Said = Mapping[str, Any]
BY = "_by"
"""Who asks, beside what is said."""

Answers = Callable[[Workspace, ABTestingService, str, Said], Result[dict[str, Any]]]

_STATUS = {
    "CAMPAIGN_NOT_FOUND": 404, "TEMPLATE_NOT_FOUND": 404, "CONTACT_NOT_FOUND": 404, "SERVICE_UNAVAILABLE": 503,
    "DB_ERROR": 500, "SUMMARY_ERROR": 500, "TODO_NOT_FOUND": 404, "LIST_NOT_FOUND": 404, "INVALID_TRANSITION": 409,
    "VARIANT_NOT_FOUND": 404, "SHOP_NOT_FOUND": 404, "EXPORT_FAILED": 500,
}
"""The status of a code; every other is of what was asked: 400."""


PAGES = ("/campaigns", "/health")
"""Paths that are pages of ours too."""


class KeyRoute(Route):
    """A path that is a page of ours too: it is answered in the reference's shapes to whoever shows a key."""

    def matches(self, scope: Asked) -> tuple[Match, Asked]:
        """Match what `Route` does, of requests with a key alone."""
        if scope["type"] == "http" and not key_of(Request(scope)):
            return Match.NONE, {}
        return super().matches(scope)


def reference_route(
    workers: Workers, method: str, path: str, answers: Answers, *, status: int = 200, scope: Scope | None = None,
    changes: bool = True,
) -> Route:
    """Return the route of one path; what `answers` says is the body, beside `success`.

    Args:
        workers: Who answer.
        method: GET asks, every other changes something.
        path: Where.
        answers: Says what.
        status: When all is well.
        scope: That its key needs; None: one that reads to ask, one that writes to change.
        changes: Whether what is no GET is written into the audit.

    """
    is_audited = changes and method != "GET"

    async def endpoint(request: Request) -> Response:
        raw: bytes | UnreadableBody
        try:
            raw = await read_body(request)
        except UnreadableBody as error:
            raw = error
        found, code = await workers.ask(lambda workspace: _answered(
            workspace, request, raw, answers, scope=scope, is_audited=is_audited
        ))
        return Response(
            msgspec.json.encode(found, enc_hook=str), status_code=code or status, media_type="application/json"
        )

    kind = KeyRoute if path.startswith(PAGES) else Route
    return kind(path, endpoint, methods=[method])


def _answered(
    workspace: Workspace, request: Request, raw: bytes | UnreadableBody, answers: Answers, *, scope: Scope | None,
    is_audited: bool,
) -> tuple[dict[str, Any], int]:
    """Return what is said, and the status of an error; 0 where all is well."""
    subject = next(iter(request.path_params.values()), "")
    try:
        key = let_in(workspace, request, scope=scope)
        said = {**request.query_params, **_read(raw, request), BY: f"key:{key.name}"}
        result = answers(workspace, ABTestingService.of(workspace.book, clock=workspace.clock), subject, said)
    except RegularsError as error:
        status = STATUS.get(error.code, 500)
        return _error(error.message), 400 if status == 422 else status
    if result.is_failure:
        said = {**_error(str(result.error)), "error_code": result.error_code}
        return said, _STATUS.get(str(result.error_code), 400)
    if is_audited:
        workspace.book.audit.add(Changed(
            at=workspace.clock.now(), by=f"key:{key.name}", what=f"{_kind(answers)}.{answers.__name__.strip('_')}",
            subject=str(result.unwrap().get("campaign_id", subject)),
        ))
    return {"success": True, **result.unwrap()}, 0


def let_in(workspace: Workspace, request: Request, *, scope: Scope | None = None) -> ApiKey:
    """Return the key that a request shows. Raises KeyUnknown, and ScopeMissing for one that may not write."""
    key = known_key(workspace.book, key_of(request), at=workspace.clock.now())
    if key is None:
        raise KeyUnknown("Authentication required")
    if not opens(key.scope, scope or ("read" if request.method == "GET" else "write")):
        raise ScopeMissing(f"This needs a key that may write, and {key.name!r} may {key.scope}")
    return key


def _read(raw: bytes | UnreadableBody, request: Request) -> Said:
    """Return what a body says, as JSON or as a form."""
    if isinstance(raw, UnreadableBody):
        raise RequestInvalid(str(raw).capitalize()) from raw
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        except ValueError as error:
            raise RequestInvalid("The form cannot be read") from error
    try:
        said = json_of(raw) if raw else {}
    except UnreadableBody as error:
        raise RequestInvalid("The body is no JSON") from error
    if not isinstance(said, dict):
        raise RequestInvalid("The body is no object")
    return said


def _kind(answers: Answers) -> str:
    """What an act is written down under: A/B campaigns under their own name, others by what they are about."""
    of = str(answers.__module__).rpartition(".")
    return of[2] if of[0].endswith(("texting", "shops")) else "ab_test"


def _error(sentence: str) -> dict[str, Any]:
    return {"success": False, "error": sentence}
