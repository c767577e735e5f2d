"""Our own links: one that leads on notes a click; one to leave by asks whoever looks, and believes whoever posts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from regulars.campaigns.link import Leaving, answer_unsubscribe
from regulars.pipeline.clicks import target_of
from regulars.pipeline.leaving import door_of
from regulars.pipeline.unsubscribed import leave
from regulars.pipeline.workspace import Workspace
from regulars.web.api.workers import Workers
from regulars.web.templated import filled

_ANYWHERE = "http://localhost"
"""Stands for where our links begin: what they say and that they are ours is in what follows it."""

_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_AGENT = 300


def link_routes(workers: Workers) -> list[Route]:
    """Return the routes of links in messages: `/l/…` and `/c/…` lead on, `/u/…` is to leave by."""

    def route(path: str, answer: Callable[[Workspace, Request], Response], *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return await workers.ask(lambda workspace: answer(workspace, request))

        found: Callable[[Request], Awaitable[Response]] = endpoint
        return Route(path, found, methods=list(methods))

    return [
        route("/l/{code}", _led_on, "GET", "HEAD"), route("/c/{message}/{position}", _led_on, "GET", "HEAD"),
        route("/u/{token}", _left, "GET", "HEAD", "POST"),
    ]


def _led_on(workspace: Workspace, request: Request) -> Response:
    now = workspace.clock.now()
    asked = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    click = target_of(workspace.book, f"{asked}?{query}", door=door_of(workspace.book, _ANYWHERE, at=now))
    if click is None:
        return _page("This link leads nowhere", "It is not one of ours, or it is not whole.", status=404)
    agent = request.headers.get("user-agent")
    workspace.book.links.note(
        click, at=now, method=request.method, agent=None if agent is None else agent.replace("\0", "")[:_AGENT]
    )
    return RedirectResponse(click.url, status_code=302, headers=_HEADERS)


def _left(workspace: Workspace, request: Request) -> Response:
    door = door_of(workspace.book, _ANYWHERE, at=workspace.clock.now())
    answer = answer_unsubscribe(request.method, request.url.path, door=door)
    match answer.action, answer.leaving:
        case "unsubscribe", Leaving() as leaving if leave(workspace, leaving):
            return _page("You have left", "No more of these messages will come to you.")
        case "ask", Leaving():
            return _page("Leave?", "No more of these messages will come to you.", asks=True)
    return _page("This link leads nowhere", "It is not one of ours, or it is not whole.", status=404)


def _page(title: str, sentence: str, *, status: int = 200, asks: bool = False) -> Response:
    page = filled("leave.html", title=title, sentence=sentence, asks=asks)
    return HTMLResponse(page, status_code=status, headers=_HEADERS)
