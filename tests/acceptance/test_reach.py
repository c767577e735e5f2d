"""An A/B campaign from end to end over real HTTP: declared, planned, sent, told of, answered, stopped, counted."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from regulars.campaigns.link import Leaving, unsubscribe_url
from regulars.clock import FixedClock, SystemClock
from regulars.pipeline.access import new_key
from regulars.pipeline.account import Account, account
from regulars.pipeline.answer_back import ANSWERS
from regulars.pipeline.flow import run
from regulars.pipeline.leaving import door_of
from regulars.pipeline.order import order
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import DESK, write_files
from regulars.testing.sandbox import SandboxServer

OURS = "+12545550100"
PEOPLE = 48                                  # ten a second: time to stop it for oneself in the middle
# Of the first webhook that anybody makes at the sandbox.
SECRET = base64.b64encode(hashlib.sha256(b"sandbox 1").digest()).decode()
TODAY = SystemClock().now().date()
FILES = {
    "regulars.toml": '[business]\nname = "Corner Studio"\ntimezone = "America/Chicago"\ncountry = "US"\n',
    "sources/desk.yaml": DESK + """\
  visits:
    files: visits.csv
    key: id
    fields: {id: id, member: id, at: timestamp}
""",
    "sources/texts.yaml": 'kind: webhook\nprovider: quo\nsecrets: ["${QUO_HOOK}"]\n',
    "sources/messages.yaml": "kind: messages\n",
    "events/visit.yaml": "from: desk.visits\nwho: member\nwhen: at\n",
    "events/sms_sent.yaml": "from: messages.sent\nwho: {source: desk, id: profile_id}\nwhen: sent_at\n"
                            'only_if: channel == "sms" and profile_source == "desk"\n'
                            "what: {campaign: campaign, variant: variant}\n",
    "segments/visitor.yaml": "title: V\ndescription: Came.\nwhen: {count: visit, within: 60 days, at_least: 1}\n",
    "metrics/visits.yaml": "title: Visits\ndescription: Visits.\ncount: visit\n",
    "experiments/pass.yaml": "title: Pass\naudience: visitor\nvariants: [short, long]\nallocation: quota\n"
                             "primary: {metric: visits, within: 14 days}\n"
                             f"runs: {TODAY - timedelta(days=2)} to {TODAY + timedelta(days=20)}\n",
    "destinations/texts.yaml": 'kind: quo\nfrom: "+12545550100"\nnumber_id: PN12545550100\nkey: key-of-quo\n'
                               "url: %(url)s\nask_after: 0 minutes\n%(links)s",
    "campaigns/pass.yaml": """\
audience: visitor
channel: sms
purpose: transactional
by: texts
experiment: pass
variants:
  short: {text: "{{ first_name }}, two weeks for you: https://studio.example/pass?v=short"}
  long: {text: "{{ first_name }}, two weeks for you and a friend: https://studio.example/pass?v=long"}
""",
}
for kind, stream, moment, condition in (
    ("message_delivered", "receipts", "told_at", 'stage == "delivered"'),
    ("clicked", "receipts", "told_at", 'stage == "clicked"'),
    ("replied", "replies", "replied_at", 'text != ""'),
    ("opted_out", "replies", "replied_at", 'status == "opted_out"'),
):
    FILES[f"events/{kind}.yaml"] = (
        f"from: messages.{stream}\nwho: {{source: desk, id: profile_id}}\nwhen: {moment}\n"
        f'only_if: {condition} and profile_source == "desk"\nwhat: {{campaign: campaign, variant: variant}}\n'
    )


@dataclass(frozen=True, kw_only=True)
class Studio:
    """A business whose provider is a sandbox, and whose door really stands open."""

    folder: Path
    quo: SandboxServer
    url: str                                 # of its own door
    key: str = ""                            # that opens its API

    def opened(self, *, later: timedelta = timedelta(0)) -> Workspace:
        clock = FixedClock(SystemClock().now() + later) if later else SystemClock()
        return open_workspace(self.folder, clock=clock)

    def book(self) -> Book:
        return self.opened().book

    def says(self, number: str, text: str) -> None:
        """Let somebody write, which Quo posts to the door."""
        assert self.quo.tell("quo", "reply", **{"from": number, "to": OURS, "text": text}) == [200]

    def asks(self, path: str, *, body: Any = None, method: str = "", key: str = "") -> Any:
        """Ask the API, by POST where there is a body, and return what it says."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Idempotency-Key": key} if key else {})
        method = method or ("GET" if body is None else "POST")
        answer = httpx.request(method, f"{self.url}/api/v1{path}", headers=headers, json=body, timeout=30)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def texts_to(self, number: str) -> list[str]:
        return [str(one["text"]) for one in self.quo.kept("quo", "messages") if one["to"] == number]


def number(n: int) -> str:
    return f"+1254867{5300 + n}"


def until(holds: Callable[[], Any], *, seconds: float) -> float:
    """Wait until something holds, and return how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def serving(folder: Path, port: int) -> Iterator[None]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "QUO_HOOK": SECRET}
    command = [sys.executable, "-m", "regulars", "serve", "--port", str(port), "--json"]
    log = folder.with_suffix(".log")
    with log.open("ab") as errors, subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors
    ) as process:
        assert process.stdout is not None
        said = b""
        while not said.rstrip().endswith(b"}"):
            line = process.stdout.readline()
            assert line, log.read_text()
            said += line
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def written(folder: Path, *, book: str = "", **values: str) -> Path:
    people = [f"{n},Ann{n} Lee{n * 7},(254) 867-{5300 + n}" for n in range(PEOPLE)]
    yesterday = SystemClock().now() - timedelta(days=3)
    visits = [f"v{n},{n},{yesterday:%Y-%m-%dT%H:%M:%SZ}" for n in range(PEOPLE)]
    files = {
        **FILES, "destinations/texts.yaml": FILES["destinations/texts.yaml"] % values,
        "desk/people.csv": "\n".join(["id,name,phone", *people]) + "\n",
        "desk/visits.csv": "\n".join(["id,member,at", *visits]) + "\n",
    }
    if book:
        files["regulars.toml"] += f'\n[stores]\nbook = "{book}"\n'
    write_files(folder, files)
    return folder


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def book_url(request: pytest.FixtureRequest) -> str:
    """Return where the book is: the empty text stands for SQLite in the project's own folder."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("new_database")())


@pytest.fixture(scope="module")
def studio(book_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The business after its campaign was sent to all but those who said STOP while it was."""
    folder, port = tmp_path_factory.mktemp("reach") / "studio", free_port()
    url = f"http://127.0.0.1:{port}"
    with SandboxServer(["quo"], tmp_path_factory.mktemp("world"), clock=SystemClock()) as quo:
        written(folder, book=book_url, url=quo.url_of("quo"), links=f"links: {url}\n")
        httpx.post(
            f"{quo.url_of('quo')}webhooks/messages", headers={"authorization": "key-of-quo"},
            json={"url": f"{url}/webhooks/texts", "events": ["message.received", "message.delivered"]},
        ).raise_for_status()
        found = Studio(folder=folder, quo=quo, url=url)
        workspace = found.opened()
        assert run(workspace).outcome == "done"
        key = new_key(workspace.book, "test", scope="write", by="test", at=SystemClock().now())[1]
        workspace.close()
        found = replace(found, key=key)
        with serving(folder, port):
            yield found


@pytest.fixture(scope="module")
def sent(studio: Studio) -> tuple[Account, Occurrence, float]:
    """The account after somebody stopped it for themselves in the middle, and how many seconds that took to hold."""
    workspace = studio.opened()
    one, book = order(workspace, "pass"), workspace.book
    until(lambda: account(book, one).sent, seconds=30)
    waiting = queued(book, one)[-1]          # whose turn comes last
    studio.says(waiting, "Take me off your list")
    took = until(lambda: is_out(book, waiting), seconds=30)
    until(lambda: book.campaigns.get(one.campaign_id).state == "done", seconds=60)  # type: ignore[union-attr]  # there
    found = account(book, one)
    workspace.close()
    return found, one, took


def queued(book: Book, one: Occurrence) -> list[str]:
    """Return the numbers whose message waits, in the order in which they go."""
    return [row.address or "" for row in book.message_list.page(Wanted(campaign=one.campaign, state="planned"), limit=99)]


def is_out(book: Book, address: str) -> bool:
    return any(row["address"] == address for row in book.consent.evidence() if row["action"] == "revoke")


def received(studio: Studio, one: Occurrence, book: Book) -> dict[str, list[str]]:
    """Return, of each variant, the numbers that got it."""
    found: dict[str, list[str]] = {}
    for row in book.message_list.page(Wanted(campaign=one.campaign, state="sent"), limit=99):
        assert len(studio.texts_to(row.address or "")) >= 1
        found.setdefault(row.variant, []).append(row.address or "")
    return found


def test_an_opt_out_holds_within_a_second_for_what_is_queued_already(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    found, _, took = sent

    assert took < 1.0
    assert (found.planned, found.sent, found.skipped, found.is_balanced) == (PEOPLE, PEOPLE - 1, 1, True)
    assert [reason.startswith("opted out on") for _, reason, _ in found.reasons] == [True]


def test_half_of_the_people_get_each_variant_in_its_own_words(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    _, one, _ = sent
    book = studio.book()

    by_variant = received(studio, one, book)

    plan = [row.variant for row in book.message_list.page(Wanted(campaign="pass"), limit=99)]
    assert sorted(plan) == ["long"] * (PEOPLE // 2) + ["short"] * (PEOPLE // 2)
    assert all("and a friend" in studio.texts_to(one)[0] for one in by_variant["long"])
    assert not any("and a friend" in studio.texts_to(one)[0] for one in by_variant["short"])


def test_an_opt_out_is_confirmed_once_by_the_number_that_was_answered(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    who = next(row.address for row in studio.book().message_list.page(Wanted(campaign="pass", state="skipped"), limit=9))
    assert who is not None
    until(lambda: studio.texts_to(who), seconds=30)

    studio.says(who, "STOP")
    until(lambda: len(studio.book().replies.of_address(who)) == 2, seconds=30)
    time.sleep(1.5)                          # longer than the answerer waits between two looks

    assert studio.texts_to(who) == ["Corner Studio: You've been unsubscribed. Reply START to resubscribe."]
    answers = studio.book().campaigns.occurrences(ANSWERS)
    assert [account(studio.book(), one).sent for one in answers] == [1]


def test_deliveries_replies_and_opt_outs_are_tied_to_their_message_and_on_the_timeline(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    _, one, _ = sent
    book = studio.book()
    by_variant = received(studio, one, book)
    keen, gone = by_variant["long"][0], by_variant["short"][0]

    assert set(studio.quo.tell("quo", "settle")) == {200}
    studio.says(keen, "Yes please, sign me up")
    studio.says(gone, "please stop texting me")
    until(lambda: len(book.replies.of(one.campaign_id)) >= 2, seconds=30)
    until(lambda: book.campaigns.stages(one.campaign_id).get("delivered") == PEOPLE - 1, seconds=30)

    told = {reply.address: (reply.status, reply.mood) for reply in book.replies.of(one.campaign_id)}
    assert (told[keen], told[gone][0]) == (("none", "positive"), "opted_out")
    workspace = studio.opened(later=timedelta(minutes=2))
    assert run(workspace).outcome == "done"
    events = workspace.table("events")
    rows = workspace.rows(events.filter(events.campaign == "pass").select("event_type", "variant"))
    workspace.close()
    assert Counter(row["event_type"] for row in rows if row["event_type"] != "clicked") == {
        "sms_sent": PEOPLE - 1, "message_delivered": PEOPLE - 1, "replied": 2, "opted_out": 1,
    }
    assert {(row["event_type"], row["variant"]) for row in rows if row["event_type"] in {"replied", "opted_out"}} == {
        ("replied", "long"), ("replied", "short"), ("opted_out", "short"),
    }


PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Mobile Safari/604.1"}


def link_in(studio: Studio, who: str) -> str:
    return next(word for word in studio.texts_to(who)[0].split() if word.startswith(f"{studio.url}/l/"))


def test_a_link_is_short_leads_on_and_is_counted_of_people_and_not_of_scanners(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    _, one, _ = sent
    book = studio.book()
    by_variant = received(studio, one, book)
    person, scanned, looked = *by_variant["long"][1:3], by_variant["short"][1]
    time.sleep(2)                            # nobody has read it sooner

    led = httpx.get(link_in(studio, person), headers=PHONE)
    httpx.get(link_in(studio, scanned), headers={"User-Agent": "python-requests/2.32"})
    httpx.head(link_in(studio, looked), headers=PHONE)
    nowhere = httpx.get(f"{studio.url}/l/0000000000")

    assert (led.status_code, led.headers["location"]) == (302, "https://studio.example/pass?v=long")
    assert (nowhere.status_code, "location" in nowhere.headers) == (404, False)
    until(lambda: len(clicks_of(book, one)) == 3, seconds=15)
    assert sorted(clicks_of(book, one)) == ["", "looks-only", "says-so"]
    assert book.campaigns.stages(one.campaign_id)["clicked"] == 1
    shares = {row["variant"]: row["shares"] for row in studio.asks("/campaigns/pass/results")["variants"]}
    assert (shares["long"]["clicked"]["people"], shares["short"]["clicked"]["people"]) == (1, 0)
    low, high = shares["long"]["clicked"]["low"], shares["long"]["clicked"]["high"]
    assert 0 < low < shares["long"]["clicked"]["share"] < high


def clicks_of(book: Book, one: Occurrence) -> list[str]:
    """Return why each click is no person's; empty for a person's."""
    found = book.message_list.page(Wanted(campaign=one.campaign, state="sent"), limit=99)
    told = [book.receipts.of(row.campaign_id, row.customer_id) for row in found]
    return [reason for each in told for _, stage, reason in each if stage == "clicked"]


def test_whoever_looks_at_a_link_to_leave_is_asked_and_whoever_posts_has_left(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    workspace = studio.opened()
    book, now = workspace.book, workspace.clock.now()
    rows = book.message_list.page(Wanted(campaign="pass", state="sent"), limit=99)
    row = next(row for row in rows if not is_out(book, row.address or ""))
    leaving = Leaving(message=row.message_id, channel="sms", purpose="transactional")
    url = unsubscribe_url(leaving, door=door_of(book, studio.url, at=now))
    forged = url[:-1] + ("A" if url[-1] != "A" else "B")

    looked = [httpx.request(method, url) for method in ("GET", "HEAD")]
    before = is_out(book, row.address or "")
    posted = [httpx.post(url, data={"List-Unsubscribe": "One-Click"}).status_code for _ in range(2)]
    refused = httpx.post(forged).status_code
    workspace.close()

    assert [answer.status_code for answer in looked] == [200, 200]
    assert '<form method="post">' in looked[0].text
    assert (before, posted, refused) == (False, [200, 200], 404)
    entries = [entry for entry in book.consent.evidence() if entry["evidence"] == row.message_id]
    assert [(entry["action"], entry["purpose"], entry["method"]) for entry in entries] == [
        ("revoke", "transactional", "unsubscribe_link")
    ]


def test_a_campaign_made_and_started_over_rest_is_sent_by_whoever_serves(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    declaration = {
        "audience": "visitor", "channel": "sms", "purpose": "transactional", "by": "texts", "experiment": "moved",
        "variants": {"plain": {"text": "We moved to Elm Street"}, "kind": {"text": "Come and see us at Elm Street"}},
    }
    experiment = {
        "title": "Moved", "audience": "visitor", "variants": ["plain", "kind"], "allocation": "quota",
        "primary": {"metric": "visits", "within": "14 days"},
        "runs": f"{TODAY - timedelta(days=2)} to {TODAY + timedelta(days=20)}",
    }
    gone = sum(is_out(studio.book(), number(n)) for n in range(PEOPLE))
    new = {"name": "moved", "declaration": declaration, "experiment": experiment}

    made = [studio.asks("/campaigns", body=new, key="make-moved") for _ in range(2)]
    until(lambda: "moved" in [one["campaign"] for one in studio.asks("/campaigns")["items"]], seconds=30)
    time.sleep(1.1)                          # until every worker of the API has looked again
    plan = studio.asks("/campaigns/moved/plan")
    started = [studio.asks("/campaigns/moved/start", method="POST", key="start-moved") for _ in range(2)]
    until(lambda: studio.asks("/campaigns/moved/results")["account"]["occurrence"]["state"] == "done", seconds=15)

    results = studio.asks("/campaigns/moved/results")
    listed = studio.asks("/messages?campaign=moved&state=sent&limit=50")["items"]
    assert made[0] == made[1]
    assert started[0] == started[1]
    assert (plan["audience"], len(listed)) == (PEOPLE, PEOPLE - gone)
    assert (results["account"]["sent"], results["account"]["waiting"]) == (len(listed), 0)
    assert {one["variant"] for one in results["variants"]} == {"plain", "kind"}
    assert all("•" in one["address"] for one in listed)
    texts = [text for n in range(PEOPLE) for text in studio.texts_to(number(n)) if "Elm Street" in text]
    assert len(texts) == len(listed)
    book = studio.book()
    assert [row.what for row in book.audit.lines(limit=20) if row.subject.startswith("moved")] == [
        "campaign.start", "campaign.add",
    ]


def test_the_whole_flow_of_the_reference_goes_through_its_own_paths(
    studio: Studio, sent: tuple[Account, Occurrence, float]
) -> None:
    """Create, recipients, send, a reply by webhook, ab-results, identify-winner: with 10 contacts and one yes."""
    book = studio.book()
    contacts = [n for n in range(PEOPLE) if not is_out(book, number(n))][:10]
    ask = httpx.Client(base_url=studio.url, headers={"Authorization": f"Bearer {studio.key}"}, timeout=30)
    made = ask.post("/api/campaigns/ab-test", json={
        "name": "Winter", "template_a": "Hi {first_name}, plan A?", "template_b": "Hello {first_name|friend}, plan B?",
        "ab_config": {"split_ratio": 50, "min_sample_size": 30, "winner_threshold": 0.95, "purpose": "transactional"},
    })
    where = f"/api/campaigns/{made.json()['campaign_id']}"

    added = ask.post(f"{where}/recipients", json={"contact_ids": contacts})
    ordered = [ask.post(f"{where}/send").json() for _ in range(2)]
    until(lambda: ask.get(f"{where}/ab-results").json()["results"]["variant_a"]["messages_sent"] == 5, seconds=15)
    until(lambda: ask.get(f"{where}/ab-results").json()["results"]["variant_b"]["messages_sent"] == 5, seconds=15)
    keen = next(n for n in contacts if any("plan B?" in text for text in studio.texts_to(number(n))))
    studio.says(number(keen), "Yes, interested!")
    until(lambda: ask.get(f"{where}/ab-results").json()["results"]["variant_b"]["responses_received"] == 1, seconds=30)

    results = ask.get(f"{where}/ab-results").json()
    winner = ask.post(f"{where}/identify-winner", json={}).json()
    assert (made.status_code, made.json()["success"], made.json()["campaign"]["campaign_type"]) == (201, True, "ab_test")
    assert (added.status_code, added.json()["recipients_added"]) == (200, 10)
    assert [one["variant_assignments"] for one in ordered] == [{"A": 5, "B": 5}] * 2
    assert ordered[0]["messages_queued"] == 10
    assert results["results"]["variant_a"]["responses_received"] == 0
    assert results["results"]["variant_b"]["positive_responses"] == 1
    assert (winner["success"], winner["winner"]) == (True, None)
    assert not is_out(book, number(keen))    # a yes to us is no opt-in and no opt-out
    assert not any(row["address"] == number(keen) for row in book.consent.evidence())
    texts = [text for n in contacts for text in studio.texts_to(number(n)) if "plan" in text]
    assert len(texts) == 10
    assert "{" not in "".join(texts)
    refusals = [
        ask.post("/api/campaigns/ab-test", json={"template_a": "x"}), ask.post("/api/campaigns/99999/send"),
        ask.post(f"{where}/recipients", json={}), httpx.post(f"{studio.url}{where}/send"),
    ]
    assert [(one.status_code, one.json()["success"]) for one in refusals] == [
        (400, False), (404, False), (400, False), (401, False),
    ]
    ask.close()
