"""Everything that `regulars serve` answers, over real HTTP, with a person of each role; and another tenant beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from uuid import uuid4

import httpx
import pytest
import uvicorn
from api_server import NOW, made, opened
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from regulars.clock import FixedClock
from regulars.flags import Flags
from regulars.pipeline.access import new_key
from regulars.pipeline.sign_in import begin_session
from regulars.storage.book.invites import Invite
from regulars.storage.book.people import Role
from regulars.web.api.answering import Api
from regulars.web.api.workers import Workers
from regulars.web.app import flag_app
from regulars.web.body import kept_answer
from regulars.web.gate import Gate
from regulars.web.listen import listening
from regulars.web.pages.answering import Pages
from regulars.web.raised import discreet
from regulars.web.rights import ROLES, SCOPES, Right
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.issuer import Issuer
from regulars.web.sign_in.routes import sign_in_routes
from regulars.web.sign_in.visitor import csrf_of

ISSUER = Issuer(url="http://127.0.0.1:9", client_id="desk")      # where nobody answers
FLAG_KEY = "a key of the flags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A server, what opens it, and every route it has."""

    client: httpx.Client
    routes: list[BaseRoute]
    sessions: dict[Role, str]                # what the browser of each shows
    keys: dict[str, str]                     # scope -> what a program shows

    @property
    def cookie_name(self) -> str:
        return f"regulars_session_{self.client.base_url.port}"

    def cookie(self, shown: str) -> dict[str, str]:
        return {"Cookie": f"{self.cookie_name}={shown}"}

    def ask(self, route: Route, method: str, headers: dict[str, str], shown: str = "") -> httpx.Response:
        """Ask for a route with its parameters filled, and with the token that a form of a session has."""
        path = route.path
        for name in route.param_convertors:
            path = path.replace("{" + name + "}", "x").replace("{" + name + ":path}", "x")
        data = {"csrf_token": csrf_of(shown)} if method == "POST" else None
        return self.client.request(method, path, headers=headers, data=data)


async def _seen(request: Request) -> Response:
    visitor = request.state.visitor
    return JSONResponse({"tenant": visitor.tenant, "role": visitor.role, "name": visitor.name})


def _twin(request: Request) -> Response:
    return kept_answer(request, {"role": request.state.visitor.role})


def probes(entrance: Entrance) -> list[Route]:
    """A page, a form and a twin for each right, that say who asks."""
    return [
        guarded for right in get_args(Right) for guarded in entrance.guarded([
            Route(f"/page/{right}", _seen, methods=["GET"]), Route(f"/page/{right}.json", _twin, methods=["GET"]),
            Route(f"/page/{right}", _seen, methods=["POST"]),
        ], may=right)
    ]


@contextmanager
def serving(
    folder: Path, *, tenant: str = "default", roles: Sequence[Role] = ROLES, is_open: bool = False
) -> Iterator[Whole]:
    workspace = opened(folder, tenant)
    book = workspace.book
    keys = {
        scope: new_key(book, f"{scope}-{uuid4().hex}", scope=scope, by="test", at=NOW)[1] for scope in SCOPES
    }
    sessions: dict[Role, str] = {}
    for role in roles:
        email = f"{role}-{uuid4().hex[:6]}@{tenant}.example"
        link = Invite(invite_id=uuid4().hex, email=email, role=role, made_at=NOW, made_by="test", expires_at=NOW)
        book.invites.add(link, secret_hash="")
        book.invites.accept(link, person_id=uuid4().hex, name=f"{role} of {tenant}", password_hash="", at=NOW)
        sessions[role] = begin_session(book, book.people.named(email), agent="", at=NOW).shown
    workers = Workers(lambda: opened(folder, tenant), folder=folder, clock=time.monotonic, count=2)
    entrance = Entrance(opened=lambda: book, clock=FixedClock(NOW), is_open=is_open)
    gate = Gate(keys=(FLAG_KEY,), clock=time.monotonic)
    pages = Pages(workers=workers)
    app = flag_app(lambda: Flags(()), gate=gate, api=Api(workers=workers).routes(), pages=[
        *sign_in_routes(entrance, issuer=ISSUER), *pages.open_routes(), *pages.routes(entrance), *probes(entrance),
    ])
    server = uvicorn.Server(uvicorn.Config(discreet(app), log_level="warning", access_log=False))
    with listening("127.0.0.1", 0) as socket:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{socket.getsockname()[1]}", timeout=60) as client:
                yield Whole(client=client, routes=app.app.routes, sessions=sessions, keys=keys)  # type: ignore[attr-defined]  # of Starlette
        finally:
            server.should_exit = True
            thread.join()
            workers.close()
            workspace.close()


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two businesses in one book; nothing was run, because here it only counts who is answered."""
    folder = tmp_path_factory.mktemp("both")
    for tenant in ("default", "other"):
        made(folder / tenant, name=tenant, stores=folder)
    return folder


@pytest.fixture(scope="session")
def whole(both: Path) -> Iterator[Whole]:
    with serving(both / "default") as found:
        yield found


@pytest.fixture(scope="session")
def whole_other(both: Path) -> Iterator[Whole]:
    with serving(both / "other", tenant="other") as found:
        yield found
