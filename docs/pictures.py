"""Takes the pictures of the dashboard in docs/pictures, light and dark: `python docs/pictures.py DEMO/project`.

DEMO is what `regulars demo DEMO --scale 1` made. Needs Chromium and the dev group.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette

from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.web.api.workers import Workers
from regulars.web.listen import listening
from regulars.web.pages.answering import Pages
from regulars.web.sign_in.entrance import Entrance

FOLDER = Path(__file__).parent / "pictures"
THEMES = ("light", "dark")
LARGEST = 150_000                            # bytes: pictures live in the repository
SIZE = {"width": 1280, "height": 760}


def places(folder: Path) -> tuple[dict[str, str], FixedClock]:
    """Return the pages that are shown, and a moment on the afternoon after the last run."""
    workspace = open_workspace(folder)
    members = workspace.table("memberships")
    many = members.group_by("customer_id").agg(stays=members.count())
    (best,) = workspace.rows(many.order_by(many.stays.desc(), "customer_id").limit(1))
    clock = FixedClock(workspace.book.runs.last_runs(1)[0].started_at + timedelta(hours=9))
    agree(workspace, "lapsed_member", at=clock.now())
    workspace.close()
    paths = {
        "overview": "/?metric=check_ins", "customers": "/customers", "customer": f"/customers/{best['customer_id']}",
        "health": "/health", "campaign": "/campaigns/open_house", "flow": "/flows/winback",
    }
    return paths, clock


def agree(workspace: Workspace, segment: str, *, at: datetime) -> None:
    """Let the people of a segment have said yes to e-mail, as people of a real business have."""
    members, contacts = workspace.table("memberships"), workspace.table("contacts")
    reached = contacts.filter(contacts.email.notnull())
    mine = reached.semi_join(members.filter(members.segment == segment), "customer_id")
    for row in workspace.rows(mine.select("email").distinct()):
        address = address_of(workspace, row["email"])
        record(workspace, address, Entry(
            address_hash=address.hashed or "", channel="email", purpose="marketing", action="grant", method="web_form",
            at=at - timedelta(days=30), source="form", evidence=f"form {row['email']}",
        ))


def take(browser: Browser, url: str, name: str, *, theme: str) -> Path:
    """Take one picture and return where it is."""
    page = browser.new_page(color_scheme=theme, viewport=SIZE)  # type: ignore[arg-type]  # light or dark
    page.goto(url)
    to = FOLDER / f"{name}-{theme}.png"
    page.screenshot(path=to)
    page.close()
    assert to.stat().st_size <= LARGEST, f"{to} has {to.stat().st_size:,} bytes"
    return to


def main() -> None:
    """Take all pictures."""
    folder = Path(sys.argv[1]).resolve()
    paths, clock = places(folder)
    workers = Workers(partial(open_workspace, folder, clock=clock), folder=folder, clock=time.monotonic, count=1)
    workspace = open_workspace(folder, clock=clock)
    entrance = Entrance(
        opened=lambda: workspace.book, clock=clock, is_open=True, business=workspace.project.config.business.name
    )
    pages = Pages(workers=workers)
    app = Starlette(routes=[*pages.open_routes(), *pages.routes(entrance)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    with listening("127.0.0.1", 0) as socket, sync_playwright() as playwright:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, path in paths.items():
                for theme in THEMES:
                    print(take(browser, f"http://127.0.0.1:{socket.getsockname()[1]}{path}", name, theme=theme))
            browser.close()
        finally:
            server.should_exit = True
            thread.join()
            workers.close()
            workspace.close()


if __name__ == "__main__":
    main()
