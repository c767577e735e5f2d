"""A tiny business behind its pages, with or without somebody who signed in."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

sys.path.insert(0, str(Path(__file__).parents[1] / "api"))

from api_server import made, opened

from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace
from regulars.web.api.workers import Workers
from regulars.web.listen import listening
from regulars.web.pages.answering import Pages
from regulars.web.sign_in.visitor import Visitor

ODD = "Visits: of guests, a.b [c] <d>"
DOOR = {("site", "stored"): 5, ("site", "duplicate"): 1, ("site", "quarantined"): 1, ("site", "blocked"): 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeVisitor:
    """Somebody who signed in."""

    role: str
    person_id: str = "p_1"
    name: str = "Ada"
    csrf: str = "token-of-ada"


def visitor(role: str) -> SomeVisitor:
    return SomeVisitor(role=role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The pages of a business, and whom they can be asked for."""

    folder: Path
    client: httpx.Client
    customer_id: str
    run_id: str

    def text(self, path: str) -> str:
        answer = self.client.get(self.path(path))
        assert answer.status_code == 200, (path, answer.text)
        return answer.text

    def path(self, template: str) -> str:
        """Return a page's path with ids of this business in it."""
        return template.format(
            customer_id=self.customer_id, segment="regular", experiment="greeting", run_id=self.run_id,
            reason="not_timestamp",
        )


class SignedIn:
    """Lets everybody in as one visitor, as the gate will."""

    def __init__(self, app: ASGIApp, *, visitor: Visitor) -> None:
        self.app, self.visitor = app, visitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["visitor"] = self.visitor
        await self.app(scope, receive, send)


@contextmanager
def serving(opens: Callable[[], Workspace], folder: Path, *, as_: Visitor | None = None) -> Iterator[str]:
    workers = Workers(opens, folder=folder, clock=time.monotonic, count=2)
    door = [Middleware(SignedIn, visitor=as_)] if as_ else []
    found = Pages(workers=workers, door=lambda: DOOR)
    app = Starlette(routes=[*found.open_routes(), *found.revealing_routes(), *found.routes()], middleware=door)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    with listening("127.0.0.1", 0) as socket:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            workers.close()


@contextmanager
def showing(folder: Path, *, as_: Visitor | None = None) -> Iterator[Shown]:
    workspace = opened(folder)
    customers = workspace.table("customers")
    ann = workspace.rows(customers.filter(customers.name == "Ann Lee"))[0]
    run_id = workspace.book.runs.last_runs(1)[0].run_id
    workspace.close()
    with serving(lambda: opened(folder), folder, as_=as_) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield Shown(folder=folder, client=client, customer_id=ann["customer_id"], run_id=run_id)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A business that was run once."""
    folder = tmp_path_factory.mktemp("desk")
    made(folder / "desk", name="Desk", stores=folder)
    (folder / "desk" / "metrics" / "odd.yaml").write_text(f"title: {ODD!r}\ndescription: Visits.\ncount: visit\n", encoding="utf-8")
    workspace = opened(folder / "desk")
    assert run(workspace).exit_code == 0
    workspace.close()
    return folder / "desk"


@pytest.fixture(scope="session")
def pages(desk: Path) -> Iterator[Shown]:
    """Its pages, for whoever sits at this machine."""
    with showing(desk) as found:
        yield found
