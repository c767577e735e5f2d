"""From a request for a page to its answer: as a page, as JSON or as CSV; who may look, and what is said of errors."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote

import msgspec
import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from regulars.errors import NotFound
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.audit import Changed
from regulars.web.api.counting import Counts
from regulars.web.api.problem import problem_of, response_of
from regulars.web.api.reading import query_of, request_id_of
from regulars.web.api.workers import Workers
from regulars.web.assets import asset_routes
from regulars.web.body import kept
from regulars.web.pages.page import DashboardPage, DoorCounts, Visit
from regulars.web.pages.problem_page import ProblemView, first_view, problem_view
from regulars.web.pages.shell import THEMES, Shell, address, dressed, latest_of
from regulars.web.pages.table import PAGES, REVEALED
from regulars.web.sign_in.visitor import Visitor

log = structlog.get_logger()

Form = Literal["html", "json", "csv"]
Work = Callable[[Request, str], Awaitable[Response]]

MEDIA: Mapping[Form, str] = {
    "html": "text/html; charset=utf-8", "json": "application/json", "csv": "text/csv; charset=utf-8"
}
A_YEAR = 31_536_000                          # seconds that a chosen theme is kept
LARGEST_FORM = 10_000                        # bytes


@dataclass(slots=True, kw_only=True)
class Pages:
    """The dashboard over a project.

    Args:
        workers: What answers.
        door: How many messages came through the door.

    """

    workers: Workers
    door: DoorCounts = dict
    counts: Counts = field(default_factory=Counts)

    def routes(self) -> list[Route]:
        """Return every page with its twins."""
        found: list[Route] = []
        for page in PAGES:
            # Twins first: a page whose path ends in a name would take their ending for a part of it.
            forms: list[tuple[Form, str]] = [("csv", f"{page.twin}.csv")] if page.csv else []
            forms += [("json", f"{page.twin}.json"), ("html", page.path)]
            found += [self._route(page.name, path, self._shown(page, form)) for form, path in forms]
        return found

    def revealing_routes(self) -> list[Route]:
        """Return what shows addresses and numbers whole."""
        return [self._route("reveal", REVEALED.path + "/reveal", self._revealed, method="POST")]

    def open_routes(self) -> list[Route]:
        """Return what tells nothing of anybody: the files pages are drawn with, and the choice of a theme."""
        return [
            *asset_routes(("regulars.css", "regulars.js")),
            self._route("theme", "/theme", self._themed, method="POST"),
        ]

    def _route(self, name: str, path: str, work: Work, *, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            request_id = request_id_of(request.headers.get("x-request-id"))
            try:
                response = await work(request, request_id)
            except Exception as error:  # noqa: BLE001  the last door: everything is said, and nothing is swallowed
                response = self._refused(error, request, request_id)
            seconds = time.perf_counter() - began
            self.counts.add(f"page.{name}", status=response.status_code, seconds=seconds)
            # Neither path nor parameters: they name people.
            log.info("page answered", page=name, status=response.status_code, ms=round(seconds * 1000, 1),
                     request=request_id)
            response.headers.update({"Vary": "Cookie", "X-Request-Id": request_id})
            return response

        return Route(path, endpoint, methods=[method])

    def _shown(self, page: DashboardPage, form: Form) -> Work:
        async def work(request: Request, request_id: str) -> Response:
            return await self.workers.ask(
                lambda workspace: self._answer(page, workspace, request, form=form, request_id=request_id)
            )

        return work

    def _answer(
        self, page: DashboardPage, workspace: Workspace, request: Request, *, form: Form, request_id: str,
        reveals: bool = False,
    ) -> Response:
        params = {name: value for name, value in request.query_params.items() if value}     # empty fields ask nothing
        shell = _shell(workspace, request, page, params)
        try:
            if page.needs_run and not workspace.lake.exists("customers"):
                return _page("problem.html", first_view(), shell, request)
            visit = Visit(
                workspace=workspace, latest=shell.latest, path=request.path_params, visitor=shell.visitor,
                query=query_of(QueryParams(params), page.query), reveals=reveals, door=self.door,
            )
            view = page.view(visit)
        except Exception as error:  # noqa: BLE001  said within the shell, which still works
            return self._refused(error, request, request_id, shell=shell if form == "html" else None)
        match form:
            case "html":
                return _page(page.template, view, shell, request)
            case "json":
                return kept(request, msgspec.json.encode(page.json(view)), media_type=MEDIA[form])
            case "csv":
                assert page.csv is not None
                return kept(request, page.csv(view), media_type=MEDIA[form])

    async def _revealed(self, request: Request, request_id: str) -> Response:
        visitor: Visitor = request.state.visitor

        def work(workspace: Workspace) -> Response:
            customer_id = request.path_params["customer_id"]
            # Written down before it is shown: what could not be written is not shown.
            workspace.book.audit.add(Changed(
                at=workspace.clock.now(), by=visitor.name, what="customer.reveal", subject=customer_id,
                request_id=request_id,
            ))
            response = self._answer(REVEALED, workspace, request, form="html", request_id=request_id, reveals=True)
            response.headers["Cache-Control"] = "no-store"
            return response

        return await self.workers.ask(work)

    async def _themed(self, request: Request, request_id: str) -> Response:  # noqa: ARG002  as all routes
        said = await _form(request)
        path = said.get("next", "/")
        # Only within this site: `//elsewhere` and `/\elsewhere` are others.
        is_ours = path.startswith("/") and path[1:2] not in {"/", "\\"}
        response = RedirectResponse(path if is_ours else "/", status_code=303)
        theme = said.get("theme", "")
        response.set_cookie(
            "theme", theme if theme in THEMES else "", max_age=A_YEAR if theme in THEMES else 0, httponly=True,
            samesite="lax",
        )
        return response

    def _refused(
        self, error: Exception, request: Request, request_id: str, *, shell: Shell | None = None
    ) -> Response:
        problem = problem_of(error, request_id=request_id)
        if problem.status >= 500:
            # Where, and not what: a message of the unforeseen may quote somebody's address.
            trace, where = error.__traceback__, ""
            while trace is not None:
                where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
                trace = trace.tb_next
            log.error("page failed", error=type(error).__name__, where=where, request=request_id)
        if shell is None:
            return response_of(problem)
        return _page("problem.html", problem_view(problem), shell, request, status=problem.status)


def _page(template: str, view: object, shell: Shell, request: Request, *, status: int = 200) -> Response:
    body = dressed(template, view, shell).encode("utf-8")
    if status != 200 or isinstance(view, ProblemView):
        return Response(body, status_code=status, media_type=MEDIA["html"], headers={"Cache-Control": "no-store"})
    response = kept(request, body, media_type=MEDIA["html"])
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _shell(workspace: Workspace, request: Request, page: DashboardPage, params: Mapping[str, str]) -> Shell:
    business, theme = workspace.project.config.business, request.cookies.get("theme", "")
    place = {name: quote(value, safe="") for name, value in request.path_params.items()}
    twin = page.twin.format(**place)
    twins = [f"{twin}.json", *([f"{twin}.csv"] if page.csv else [])]
    return Shell(
        business=business.name, currency=business.currency, zone=business.zone, latest=latest_of(workspace),
        section=page.section, theme=theme if theme in THEMES else "", visitor=getattr(request.state, "visitor", None),
        path=page.path.format(**place), params=params,
        twins=tuple(address(each, params) for each in twins),
    )


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises NotFound for more than a form of ours has."""
    if hasattr(request.state, "form"):       # whoever lets people in has read it
        return dict(request.state.form)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FORM:
            raise NotFound("this is no form of ours")
    return dict(parse_qsl(body.decode("utf-8", "replace")))
