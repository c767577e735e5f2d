"""From a request to its answer: who asks, how often, what for, and what is written down of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from regulars.errors import NotFound, RegularsError
from regulars.pipeline.access import known_key
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.api_keys import ApiKey, Scope
from regulars.web.api import counting
from regulars.web.api.counting import Counts
from regulars.web.api.health import healthy
from regulars.web.api.once import CREATED, change_once
from regulars.web.api.openapi import document
from regulars.web.api.paging import named, unnamed
from regulars.web.api.problem import (
    KeyUnknown,
    MethodUnknown,
    RequestInvalid,
    ScopeMissing,
    TooMany,
    problem_of,
    response_of,
)
from regulars.web.api.reading import body_of, idempotency_key_of, path_of, query_of, request_id_of
from regulars.web.api.route import ROOT, ApiRoute, Ask
from regulars.web.api.table import ROUTES
from regulars.web.api.twin import csv_of
from regulars.web.api.workers import Workers
from regulars.web.body import LARGEST_BODY, kept
from regulars.web.gate import key_of
from regulars.web.raised import where_raised
from regulars.web.rate import Allowance, Rates
from regulars.web.rights import opens

log = structlog.get_logger()

CSV = "text/csv; charset=utf-8"
JSON = "application/json"
NOBODY = ApiKey(key_id="", name="", scope="read", made_at=datetime.min, made_by="")  # noqa: DTZ901  never compared

Work = Callable[[Request, str], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True, kw_only=True)
class Api:
    """The routes over a project.

    Args:
        workers: What answers.
        rates: How often each key may ask; None: as often as it likes.
        more_counts: What else is counted in this process, in the text of Prometheus.

    """

    workers: Workers
    rates: Rates | None = None
    more_counts: Callable[[], str] = str
    counts: Counts = field(default_factory=Counts)

    def routes(self) -> list[Route]:
        """Return everything that can be asked, lists as JSON and as CSV, and the document that says so."""
        by_path: dict[str, dict[str, Endpoint]] = {
            f"{ROOT}/health": {"GET": self._endpoint("getHealth", self._healthy)},
            f"{ROOT}/openapi.json": {"GET": self._endpoint("getOpenapi", self._described)},
            "/metrics": {"GET": self._endpoint("getCounts", self._counted)},
        }
        for one in ROUTES:
            if one.is_list:                  # first: else a path that ends with a name takes `.csv` for part of it
                csv = self._endpoint(one.name, self._answered(one, is_csv=True))
                by_path[f"{ROOT}{one.path}.csv"] = {"GET": csv}
            by_path.setdefault(ROOT + one.path, {})[one.method] = self._endpoint(one.name, self._answered(one))
        return [_route(path, endpoints) for path, endpoints in by_path.items()]

    def _endpoint(self, name: str, work: Work) -> Endpoint:
        """Return an endpoint that counts, logs and names its requests, and whose errors are problems."""

        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            request_id = request_id_of(request.headers.get("x-request-id"))
            try:
                response = await work(request, request_id)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001  the last door: everything is said, and nothing is swallowed
                response = _refused(error, request_id)
            seconds = time.perf_counter() - began
            self.counts.add(name, status=response.status_code, seconds=seconds)
            # Neither path nor parameters: they name people.
            log.info("request answered", route=name, status=response.status_code, ms=round(seconds * 1000, 1),
                     request=request_id)
            response.headers["X-Request-Id"] = request_id
            return response

        return endpoint

    def _answered(self, route: ApiRoute, *, is_csv: bool = False) -> Work:
        async def work(request: Request, request_id: str) -> Response:
            raw = await _body(request)
            return await self.workers.ask(lambda workspace: self._answer(
                route, workspace, request, raw=raw, request_id=request_id, is_csv=is_csv or _wants_csv(route, request)
            ))

        return work

    def _answer(
        self, route: ApiRoute, workspace: Workspace, request: Request, *, raw: bytes, request_id: str, is_csv: bool
    ) -> Response:
        key, headers = NOBODY, {}
        if route.scope is not None:
            key, allowance = self._let_in(workspace, request, route.scope)
            headers = allowance.headers() if allowance else {}
            if allowance and allowance.wait_seconds:
                refused = TooMany(f"more than {allowance.limit} requests a second", hint="wait as Retry-After says")
                return _with(response_of(problem_of(refused, request_id=request_id)), headers)
        try:
            response = self._said(route, workspace, request, key=key, raw=raw, request_id=request_id, is_csv=is_csv)
        except Exception as error:  # noqa: BLE001  a refusal has the headers of its key, too
            response = _refused(error, request_id)
        return _with(response, headers)

    def _said(
        self, route: ApiRoute, workspace: Workspace, request: Request, *, key: ApiKey, raw: bytes, request_id: str,
        is_csv: bool,
    ) -> Response:
        query: Any = query_of(request.query_params, route.query)
        if getattr(query, "cursor", None) is not None:
            query = replace(query, cursor=unnamed(query.cursor, of=route.name))
        ask = Ask(
            workspace=workspace, key=key, path=path_of(request.path_params), query=query, body=body_of(raw, route.body)
        )
        if route.method == "POST":
            same = idempotency_key_of(request.headers.get("idempotency-key"))
            answer = change_once(route, ask, raw=raw, idempotency_key=same, request_id=request_id)
            return Response(answer, status_code=CREATED, media_type=JSON)
        found = route.answer(ask)
        if route.is_list and found.next:
            found = replace(found, next=named(found.next, of=route.name))
        body = csv_of(found.items, route.gives) if is_csv else msgspec.json.encode(found)
        response = kept(request, body, media_type=CSV if is_csv else JSON)
        if route.is_list:
            response.headers["Vary"] = "Accept"
            if found.next:
                response.headers["Link"] = f'<{request.url.include_query_params(cursor=found.next)}>; rel="next"'
        return response

    def _let_in(self, workspace: Workspace, request: Request, scope: Scope) -> tuple[ApiKey, Allowance | None]:
        """Return the key of a request. Raises KeyUnknown or ScopeMissing."""
        key = known_key(workspace.book, key_of(request), at=workspace.clock.now())
        if key is None:
            raise KeyUnknown("this key is not known, expired or revoked", hint="Authorization: Bearer KEY")
        if not opens(key.scope, scope):
            raise ScopeMissing(f"this needs a key of scope {scope}, and {key.name!r} has {key.scope}")
        return key, None if self.rates is None else self.rates.take(key.key_id)

    async def _healthy(self, request: Request, request_id: str) -> Response:  # noqa: ARG002  as all routes
        return Response(msgspec.json.encode(healthy()), media_type=JSON)

    async def _described(self, request: Request, request_id: str) -> Response:  # noqa: ARG002
        return kept(request, msgspec.json.encode(document()), media_type=JSON)

    async def _counted(self, request: Request, request_id: str) -> Response:  # noqa: ARG002
        await self.workers.ask(lambda workspace: self._let_in(workspace, request, "read"))
        return Response(self.counts.text() + self.more_counts(), media_type=counting.MEDIA)


def _route(path: str, endpoints: Mapping[str, Endpoint]) -> Route:
    """Return one route for all methods of a path: whoever uses another one is told every one there is."""
    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(endpoints))


async def unanswered(request: Request, error: Exception) -> Response:
    """Return what is said where no route is, or none for a method: below ROOT a problem as everywhere there."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if not request.url.path.startswith(f"{ROOT}/"):
        return PlainTextResponse(error.detail, status_code=error.status_code, headers=headers)
    request_id = request_id_of(request.headers.get("x-request-id"))
    refused: RegularsError = NotFound("nothing is at this path", hint=f"{ROOT}/openapi.json says what there is")
    if error.status_code == 405:
        refused = MethodUnknown(f"{request.method} is not taken here", hint=f"{headers.get('Allow')} is")
    log.info("request answered", route=None, status=error.status_code, request=request_id)
    return _with(response_of(problem_of(refused, request_id=request_id)), {**headers, "X-Request-Id": request_id})


def _refused(error: Exception, request_id: str) -> Response:
    problem = problem_of(error, request_id=request_id)
    if problem.status >= 500:
        log.error("request failed", error=type(error).__name__, where=where_raised(error), request=request_id)
    return response_of(problem)


def _with(response: Response, headers: dict[str, str]) -> Response:
    response.headers.update(headers)
    return response


def _wants_csv(route: ApiRoute, request: Request) -> bool:
    accepted: Any = request.headers.get("accept", "").split(",")[0].partition(";")[0].strip()
    return route.is_list and route.method == "GET" and accepted == "text/csv"


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise RequestInvalid(f"the body is larger than {LARGEST_BODY:,} bytes")
    return bytes(body)
