"""A tiny business with everything the API gives, behind two doors: its own, and that of another tenant beside it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pyarrow as pa
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from regulars.campaigns.campaign import campaign_id, message_id
from regulars.clock import FixedClock
from regulars.pipeline.access import new_key
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.flow import run
from regulars.pipeline.review import rule
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.sources.webhook.line import Landed
from regulars.storage.book.consent import Review
from regulars.storage.book.messages import Attempt, Settled
from regulars.storage.book.planned import PLANNED
from regulars.storage.book.replies import KeptReply
from regulars.storage.book.webhooks import Handed, webhook_id_of
from regulars.storage.stores import Stores
from regulars.web.api.answering import Api, unanswered
from regulars.web.api.workers import Workers
from regulars.web.listen import listening
from regulars.web.rate import Rates

NOW = datetime(2026, 1, 5, 22, tzinfo=UTC)
PEOPLE = 40
ADDRESSES = ("ann@lee.example", "2548675302", "+12548675302")
FILES = {
    "regulars.toml": '[business]\nname = "Desk"\ntimezone = "UTC"\n[stores]\nlanding = "file:./data/landing"\n'
                     'lake = "file:./data/lake"\nbook = "sqlite:./data/book.db"\n',
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  members:
    files: members.csv
    key: [id]
    fields: {id: {type: id, required: true}, name: text, email: text, phone: text}
    profile: {id: id, name: name, email: email, phone: phone, exclusive: true}
  doors:
    files: doors.csv
    key: [id]
    fields: {id: {type: id, required: true}, member: id, at: {type: timestamp, required: true}, kind: text}
""",
    "sources/shop.yaml": """\
kind: files
folder: shop
streams:
  people:
    files: people.csv
    key: [id]
    fields: {id: {type: id, required: true}, name: text, email: text, phone: text}
    profile: {id: id, name: name, email: email, phone: phone}
""",
    "sources/pages.yaml": "kind: door\n",
    "shops/gear.yaml": "domain: gear.myshopify.com\nsource: pages\n"
                       "experiments: [{experiment: gallery, product: 7, slot: 60 minutes}]\n",
    "experiments/gallery.yaml": "unit: shop_slot\nvariants: {base: 50, test: 50}\nprimary: visitors\nruns: 2026-01-01 to 2026-01-25\n",
    "events/visit.yaml": "from: desk.doors\nwho: member\nwhen: at\nwhat: {kind: kind}\n",
    "segments/regular.yaml": "title: Regular\ndescription: Came.\nwhen: {count: visit, within: 60 days, at_least: 1}\n",
    "metrics/visits.yaml": "title: Visits\ndescription: Visits.\ncount: visit\n",
    "metrics/visitors.yaml": "title: Visitors\ndescription: Whoever came.\ndistinct: customers\nof: visit\n",
    "metrics/visits_each.yaml": "title: Each\ndescription: Visits each.\nratio: [visits, visitors]\n",
    "experiments/greeting.yaml": "title: Greeting\naudience: regular\nvariants: {silent: 50, greeted: 50}\n"
                                 "primary: {metric: visitors, within: 14 days}\nruns: 2026-01-05 to 2026-01-25\n",
    "flags/banner.yaml": "type: string\nrules:\n  - experiment: banner_2026_01\n    variants: {old: {weight: 50, value: o}, "
                         "new: {weight: 50, value: n}}\n",
    "flags/hours.yaml": "type: boolean\ndefault: false\nrules: [{requires: {banner: n}, value: true}]\n",
    "destinations/texts.yaml": 'kind: http\nurl: http://127.0.0.1:9\nfrom: "+12545550100"\n',
    "campaigns/news.yaml": "audience: everybody\nchannel: sms\npurpose: transactional\nby: texts\ntext: We moved\n",
    "destinations/mails.yaml": "kind: http\nurl: http://127.0.0.1:9\nfrom: hello@desk.example\n",
    "campaigns/tested.yaml": "audience: everybody\nchannel: email\npurpose: transactional\nby: mails\n"
                             "test: {share: 50 %, winner_by: clicked, after: 4 hours}\n"
                             "variants: {a: {subject: Hi, text: We moved}, b: {subject: Ho, text: Moved}}\n",
    "flows/welcome.yaml": "title: Welcome\ntrigger: {entered: regular}\nstarts: 2026-01-01\nchannel: sms\npurpose: transactional\n"
                          "by: texts\nsteps:\n  - {message: hello, text: Good to see you}\n  - wait: {until: day 7}\n"
                          "  - branch: {member_of: regular}\n    yes: [{message: stay, text: Good to see you again}]\n    no: [{mark: gone}]\n",
    # Ann's address and Ben's number on one account of the shop: nothing says whose it is.
    "shop/people.csv": "id,name,email,phone\nx,,ann@lee.example,(254) 867-5302\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A door and what opens it."""

    folder: Path
    client: httpx.Client
    keys: dict[str, str]                     # scope -> what a program shows
    customer_id: str
    ruling_id: str
    run_id: str
    webhook_id: str
    message_id: str                          # of which nobody knows whether it went
    review_id: str                           # of a reply that no rule could tell

    def headers(self, scope: str = "admin") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[scope]}"}

    def path(self, template: str) -> str:
        """Return a route's path with ids of this business in it."""
        return template.format(
            customer_id=self.customer_id, segment="regular", metric="visits", experiment="greeting",
            ruling_id=self.ruling_id, campaign="tested" if template.endswith("/winner") else "news", run_id=self.run_id, webhook_id=self.webhook_id,
            reason="not_timestamp", shop="gear", rotation="gallery", flow="welcome", message_id=self.message_id, review_id=self.review_id,
        )


def made(folder: Path, *, name: str, stores: Path, book: str = "") -> Path:
    members = ["id,name,email,phone", "1,Ann Lee,ann@lee.example,(254) 867-5301", "2,Ben Ray,ben@ray.example,(254) 867-5302"]
    members += [f"{n},Person {n}x,p{n}@desk.example," for n in range(3, PEOPLE + 1)]
    doors = ["id,member,at,kind", "bad,1,no time,day"]
    doors += [
        f"d{n}-{k},{n},{NOW - timedelta(days=k, hours=n % 9):%Y-%m-%dT%H:%M:%SZ},day"
        for n in range(1, PEOPLE + 1) for k in range(1, 2 + n % 5)
    ]
    # Both businesses in one book and one lake: only the tenant keeps them apart.
    toml = FILES["regulars.toml"].replace("Desk", name).replace("./data", f"{stores}/data")
    toml = toml.replace(f"sqlite:{stores}/data/book.db", book) if book else toml
    files = {**FILES, "regulars.toml": toml, "inbox/members.csv": "\n".join(members) + "\n", "inbox/doors.csv": "\n".join(doors) + "\n"}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def opened(folder: Path, tenant: str = "default") -> Workspace:
    mine = open_workspace(folder, clock=FixedClock(NOW))
    if tenant == "default":
        return mine
    stores = Stores.open(
        mine.project.config.stores.landing, mine.project.config.stores.lake, mine.project.config.stores.book,
        home=folder / ".regulars", tenant=tenant, clock=FixedClock(NOW),
    )
    mine.close()
    return Workspace(project=mine.project, stores=stores, clock=FixedClock(NOW))


def given_up(workspace: Workspace, delivery_id: str) -> str:
    """Put a delivery into the queue that could not be handed on, and return its id."""
    told = Landed(
        delivery_id=delivery_id, provider="acme", received_at=NOW, content_type="application/json",
        body=b'{"from": "+12548675302", "text": "STOP"}',
    )
    workspace.book.webhooks.add("texts", [told])
    webhook_id = webhook_id_of("texts", delivery_id)
    workspace.book.webhooks.finish([Handed(webhook_id=webhook_id, error="store: full")], at=NOW)
    return webhook_id


def lost(workspace: Workspace, *, due_at: datetime | None = None) -> str:
    """Let nobody know what became of a message, and return its id; `due_at`: when its provider is asked."""
    book = workspace.book
    one = book.campaigns.begin(
        "moved", uuid4().hex[:6], channel="sms", purpose="transactional", destination="texts", version="1", starts_at=NOW, at=NOW,
    )
    book.messages.plan(one.campaign_id, pa.Table.from_pylist([{
        "customer_id": "c_lost", "address": "+12548675302", "variant": "", "gaps": "{}", "state": "planned",
        "due_at": NOW.replace(tzinfo=None),
    }], schema=PLANNED), at=NOW)
    book.campaigns.move(one.campaign_id, "sending", at=NOW)
    book.messages.claim(one.campaign_id, "w", now=NOW, lasts=timedelta(minutes=1), limit=1)
    book.messages.begin(one.campaign_id, "w", [Attempt(
        customer_id="c_lost", n=1, provider="http", sender="+12545550100", text="We moved", attempted_at=NOW,
    )], at=NOW)
    book.messages.settle(one.campaign_id, [Settled(
        customer_id="c_lost", n=1, state="unknown", reason="the provider cannot be asked", outcome="unknown", due_at=due_at,
    )], worker="w", at=NOW)
    return message_id(one.campaign_id, "c_lost")


def asked(workspace: Workspace, text: str = "please no more for now") -> str:
    """Put a reply that no rule could tell before a person, beside one that says yes, and return its id."""
    evidence = uuid4().hex
    workspace.book.replies.keep(KeptReply(
        provider="http", provider_id=evidence, address="+12548675301", ours="+12545550100", text="yes, 254-867-5301",
        at=NOW, status="none", mood="positive", intent="interested", campaign_id=campaign_id("news", "once"),
    ), at=NOW)
    heard = Review(
        review_id=f"v_{evidence}", channel="sms", address_hash=evidence, address="+12548675302", customer_id=None,
        text=text, reason="unwilling, but not clearly about all messages", asked_at=NOW,
    )
    workspace.book.consent.ask(heard)
    return heard.review_id


def posted(workspace: Workspace, *, name: str = "Ticked", ago: timedelta = timedelta(hours=1)) -> None:
    """Land a message of the door that no run has read yet."""
    set_id, at = uuid4().hex, (NOW - ago).isoformat()
    door = {"id": set_id, "type": "track", "at": at, "received_at": at, "user": "u", "name": name}
    workspace.landing.stage(
        set_id, source="pages", stream="events", page=0, items=[json.dumps({"door": door, "event": name}).encode()]
    )
    workspace.landing.commit(set_id, is_complete=False)


@contextmanager
def serving(folder: Path, *, tenant: str = "default", rates: Rates | None = None) -> Iterator[Served]:
    workspace = opened(folder, tenant)
    keys = {
        scope: new_key(workspace.book, f"{scope}-{uuid4().hex}", scope=scope, by="test", at=NOW)[1]  # type: ignore[arg-type]  # a scope
        for scope in ("read", "write", "admin")
    }
    customers = workspace.table("customers")
    ann = workspace.rows(customers.filter(customers.name == "Ann Lee"))[0]
    ruling = rule(workspace, ("desk/3", "desk/4"), "different", reason="twins", by="test")
    run_id = workspace.book.runs.last_runs(1)[0].run_id
    for campaign in ("news", "tested"):
        write_plan(workspace, plan_campaign(workspace, campaign))
    posted(workspace)
    webhook_id, unclear, review_id = given_up(workspace, f"d-{uuid4().hex}"), lost(workspace), asked(workspace)
    workspace.close()
    with running(lambda: opened(folder, tenant), folder, rates=rates) as client:
        yield Served(
            folder=folder, client=client, keys=keys, customer_id=ann["customer_id"], ruling_id=ruling.ruling_id,
            run_id=run_id, webhook_id=webhook_id, message_id=unclear, review_id=review_id,
        )


@contextmanager
def running(
    opens: Callable[[], Workspace], folder: Path, *, rates: Rates | None = None,
    more: Callable[[Workers], list[Route]] = lambda _: [],
) -> Iterator[httpx.Client]:
    workers = Workers(opens, folder=folder, clock=time.monotonic, count=2)
    routes = [*Api(workers=workers, rates=rates).routes(), *more(workers)]
    app = Starlette(routes=routes, exception_handlers={HTTPException: unanswered})
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    with listening("127.0.0.1", 0) as socket:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{socket.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
            workers.close()


@pytest.fixture(scope="session")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("businesses")
    for tenant in ("default", "other"):
        workspace = opened(made(folder / tenant, name=tenant, stores=folder), tenant)
        assert run(workspace).exit_code == 0
        workspace.close()
    return folder


@pytest.fixture(scope="session")
def served(business: Path) -> Iterator[Served]:
    with serving(business / "default") as found:
        yield found


@pytest.fixture(scope="session")
def other(business: Path) -> Iterator[Served]:
    with serving(business / "other", tenant="other") as found:
        yield found
