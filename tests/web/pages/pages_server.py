"""A tiny business behind its pages, and somebody who signed in."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1] / "api"))

from api_server import asked, given_up, lost, made, opened

from regulars.flags import Flags
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.people import accept, invite
from regulars.pipeline.sign_in import begin_session
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.people import Role
from regulars.storage.book.webhooks import webhook_id_of
from regulars.web.api.workers import Workers
from regulars.web.app import flag_app
from regulars.web.freshness import Lag
from regulars.web.gate import Gate
from regulars.web.listen import listening
from regulars.web.pages.answering import Pages
from regulars.web.sign_in.entrance import Entrance
from regulars.web.sign_in.routes import sign_in_routes
from regulars.web.sign_in.visitor import csrf_of

ODD = "Visits: of guests, a.b [c] <d>"
DELIVERY = "d-1"
WEBHOOK = webhook_id_of("texts", DELIVERY)
PASSWORD = "twelve green climbing ropes"
DOOR = {("site", "stored"): 5, ("site", "duplicate"): 1, ("site", "quarantined"): 1, ("site", "blocked"): 1}

LAG = Lag(timeline=0.2, segments=83.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The pages of a business, and whom they can be asked for."""

    folder: Path
    client: httpx.Client
    customer_id: str
    run_id: str
    email: str                               # of who signed in
    token: str                               # what forms of this session say

    def text(self, path: str) -> str:
        answer = self.client.get(self.path(path))
        assert answer.status_code == 200, (path, answer.text)
        return answer.text

    def path(self, template: str) -> str:
        """Return a page's path with ids of this business in it."""
        return template.format(
            customer_id=self.customer_id, segment="regular", experiment="greeting", run_id=self.run_id,
            reason="not_timestamp", webhook_id=WEBHOOK, campaign="news", flow="welcome",
        )


def person(workspace: Workspace, role: Role) -> str:
    """Somebody new of a role, called Ada, whose password is PASSWORD; their address."""
    book, now, email = workspace.book, workspace.clock.now(), f"{role}-{uuid4().hex[:6]}@desk.example"
    _, link = invite(book, email, role=role, by="test", at=now)
    return accept(book, link, name="Ada", password=PASSWORD, at=now).email


@contextmanager
def serving(opens: Callable[[], Workspace], folder: Path) -> Iterator[str]:
    """The pages behind the entrance, as they are served."""
    workspace, workers = opens(), Workers(opens, folder=folder, clock=time.monotonic, count=2)
    entrance = Entrance(opened=lambda: workspace.book, clock=workspace.clock, business="Desk")
    found = Pages(workers=workers, door=lambda: DOOR, lag=lambda: LAG)
    app = flag_app(
        lambda: Flags(()), gate=Gate(keys=("k",), clock=time.monotonic),
        pages=[*sign_in_routes(entrance), *found.open_routes(), *found.routes(entrance)],
    )
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
            workspace.close()


@contextmanager
def showing(folder: Path, *, as_: Role = "owner") -> Iterator[Shown]:
    workspace = opened(folder)
    customers = workspace.table("customers")
    ann = workspace.rows(customers.filter(customers.name == "Ann Lee"))[0]
    run_id = workspace.book.runs.last_runs(1)[0].run_id
    ada = workspace.book.people.named(person(workspace, as_))
    session = begin_session(workspace.book, ada, agent="Firefox/140", at=workspace.clock.now()).shown
    workspace.close()
    with serving(lambda: opened(folder), folder) as url, httpx.Client(base_url=url, timeout=60) as client:
        client.cookies.set(f"regulars_session_{client.base_url.port}", session)
        yield Shown(folder=folder, client=client, customer_id=ann["customer_id"], run_id=run_id, email=ada.email,
                    token=csrf_of(session))


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A business that was run once."""
    folder = tmp_path_factory.mktemp("desk")
    made(folder / "desk", name="Desk", stores=folder)
    (folder / "desk" / "metrics" / "odd.yaml").write_text(f"title: {ODD!r}\ndescription: Visits.\ncount: visit\n", encoding="utf-8")
    workspace = opened(folder / "desk")
    assert run(workspace).exit_code == 0
    given_up(workspace, DELIVERY)
    lost(workspace)
    asked(workspace)
    write_plan(workspace, plan_campaign(workspace, "tested"))
    workspace.close()
    return folder / "desk"


@pytest.fixture(scope="session")
def pages(desk: Path) -> Iterator[Shown]:
    """Its pages, for an owner."""
    with showing(desk) as found:
        yield found
