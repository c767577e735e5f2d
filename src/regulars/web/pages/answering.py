"""From a request for a page to its answer: as a page, as JSON or as CSV; who may look, and what is said of errors."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from regulars.errors import RegularsError
from regulars.pipeline.workspace import Workspace
from regulars.web.api.counting import Counts
from regulars.web.api.paging import named, unnamed
from regulars.web.api.problem import problem_of, response_of
from regulars.web.api.reading import path_of, query_of, request_id_of
from regulars.web.api.workers import Workers
from regulars.web.assets import asset_routes
from regulars.web.body import kept
from regulars.web.frame import THEMES, address, theme_of
from regulars.web.pages.page import AGAIN, DashboardPage, DoorCounts, DoorLag, PageForm, Told, Visit
from regulars.web.pages.problem_page import ProblemView, first_view, problem_view
from regulars.web.pages.shell import Shell, dressed, latest_of
from regulars.web.pages.table import FORMS, PAGES
from regulars.web.sign_in.entrance import Entrance, PageRoute
from regulars.web.sign_in.forms import form_of
from regulars.web.sign_in.where import next_of

log = structlog.get_logger()

Form = Literal["html", "json", "csv"]
Work = Callable[[Request, str], Awaitable[Response]]

MEDIA: Mapping[Form, str] = {
    "html": "text/html; charset=utf-8", "json": "application/json", "csv": "text/csv; charset=utf-8"
}
NOTHING = Told()
A_YEAR = 31_536_000                          # seconds that a chosen theme is kept


@dataclass(slots=True, kw_only=True)
class Pages:
    """The dashboard over a project.

    Args:
        workers: What answers.
        door: How many messages came through the door.
        lag: How far what is shown is behind it.

    """

    workers: Workers
    door: DoorCounts = dict
    lag: DoorLag = lambda: None
    counts: Counts = field(default_factory=Counts)

    def routes(self, entrance: Entrance) -> list[PageRoute]:
        """Return every page with its twins, and what their forms do, each behind the right that it asks for."""
        found: list[PageRoute] = []
        for page in PAGES:
            # Twins first: a page whose path ends in a name would take their ending for a part of it.
            forms: list[tuple[Form, str]] = [("csv", f"{page.twin}.csv")] if page.csv else []
            forms += [("json", f"{page.twin}.json"), ("html", page.path)]
            shown = [self._route(page.name, path, self._shown(page, form)) for form, path in forms]
            found += entrance.guarded(shown, may=page.may)
        for each in FORMS:
            sent = self._route(each.name, each.path, self._sent(each), method="POST")
            found += entrance.guarded([sent], may=each.may)
        return found

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
            response.headers["X-Request-Id"] = request_id
            return response

        return Route(path, endpoint, methods=[method])

    def _shown(self, page: DashboardPage, form: Form) -> Work:
        async def work(request: Request, request_id: str) -> Response:
            return await self.workers.ask(
                lambda workspace: self._answer(page, workspace, request, form=form, request_id=request_id)
            )

        return work

    def _answer(
        self, page: DashboardPage, workspace: Workspace, request: Request, *, form: Form, request_id: str
    ) -> Response:
        shell = _shell(workspace, request, page)
        try:
            if page.needs_run and not workspace.lake.exists("customers"):
                return _page("problem.html", first_view(), shell, request)
            view = _shown(page, self._visit(page, workspace, shell, request, request_id=request_id))
        except Exception as error:  # noqa: BLE001  said within the shell, which still works
            return self._refused(error, request, request_id, shell=shell if form == "html" else None)
        match form:
            case "html":
                shown = _page(page.template, view, shell, request)
                if page.follows(view):       # until there is nothing left to see, or whoever looks leaves it
                    shown.headers["Refresh"] = str(AGAIN)
                return shown
            case "json":
                return kept(request, msgspec.json.encode(page.json(view)), media_type=MEDIA[form])
            case "csv":
                assert page.csv is not None
                return kept(request, page.csv(view), media_type=MEDIA[form])

    def _sent(self, form: PageForm) -> Work:
        async def work(request: Request, request_id: str) -> Response:
            return await self.workers.ask(
                lambda workspace: self._done(form, workspace, request, request_id=request_id)
            )

        return work

    def _done(self, form: PageForm, workspace: Workspace, request: Request, *, request_id: str) -> Response:
        shell, page = _shell(workspace, request, form.page), form.page
        try:
            visit = self._visit(page, workspace, shell, request, request_id=request_id)
            told = _told(form, visit, request.state.form)
            if isinstance(told, str):
                return RedirectResponse(told, status_code=303)
            view = _shown(page, replace(visit, told=told))
        except Exception as error:  # noqa: BLE001  said within the shell, which still works
            return self._refused(error, request, request_id, shell=shell)
        response = _page(page.template, view, shell, request, status=422 if told.trouble else 200, told=told)
        response.headers["Cache-Control"] = "no-store"       # what is told once is shown once
        return response

    def _visit(
        self, page: DashboardPage, workspace: Workspace, shell: Shell, request: Request, *, request_id: str
    ) -> Visit:
        said = QueryParams([(name, value) for name, value in request.query_params.multi_items() if value])
        query: Any = query_of(said, page.query)
        cursor = getattr(query, "cursor", None)
        return Visit(
            workspace=workspace, latest=shell.latest, path=path_of(request.path_params), query=query,
            after=None if cursor is None else unnamed(cursor, of=page.name), visitor=request.state.visitor,
            door=self.door, lag=self.lag, request_id=request_id,
            origin=f"{request.url.scheme}://{request.headers.get('host', '')}",
        )

    async def _themed(self, request: Request, request_id: str) -> Response:  # noqa: ARG002  as all routes
        said = await form_of(request)
        response = RedirectResponse(next_of(said.get("next")), status_code=303)
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


def _shown(page: DashboardPage, visit: Visit) -> Any:
    """Return a page's view; where its list goes on is said by a cursor that no other list takes."""
    view = page.view(visit)
    following = getattr(view, "next", None)
    return view if following is None else replace(view, next=named(following, of=page.name))


def _page(
    template: str, view: object, shell: Shell, request: Request, *, status: int = 200, told: Told = NOTHING
) -> Response:
    body = dressed(template, view, shell, told).encode("utf-8")
    if status != 200 or isinstance(view, ProblemView):
        return Response(body, status_code=status, media_type=MEDIA["html"], headers={"Cache-Control": "no-store"})
    return kept(request, body, media_type=MEDIA["html"])


def _told(form: PageForm, visit: Visit, said: Mapping[str, str]) -> Told | str:
    """Return what a form did; what can be corrected on its page is told there."""
    try:
        return form.act(visit, said)
    except RegularsError as error:
        if error.code != RegularsError.code:
            raise
        return Told(trouble=f"{error.message[:1].upper()}{error.message[1:]}.", said=said)


def _shell(workspace: Workspace, request: Request, page: DashboardPage) -> Shell:
    business = workspace.project.config.business
    params = {name: value for name, value in request.query_params.items() if value}     # empty fields ask nothing
    place = {name: quote(value, safe="") for name, value in request.path_params.items()}
    twin = page.twin.format(**place)
    twins = [f"{twin}.json", *([f"{twin}.csv"] if page.csv else [])]
    return Shell(
        business=business.name, currency=business.currency, zone=business.zone, latest=latest_of(workspace),
        section=page.section, theme=theme_of(request), visitor=request.state.visitor, path=page.path.format(**place),
        params=params, twins=tuple(address(each, params) for each in twins),
    )
