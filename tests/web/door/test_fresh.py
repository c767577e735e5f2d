"""What is posted at the door is on its person's timeline and counted in segments before any run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from process import KEY
from test_timeline import ANN, business, post, ran

from regulars.clock import FixedClock
from regulars.config import read_config
from regulars.pipeline.find import customer_card, find_customer
from regulars.pipeline.flow import purge
from regulars.pipeline.fresh import Fresh, Reach
from regulars.pipeline.own import profile_keys
from regulars.pipeline.purge import wanted_of
from regulars.pipeline.segment import segment_counts
from regulars.pipeline.stays import memberships_of
from regulars.pipeline.timeline import Place, timeline
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.memberships import TRANSITIONS
from regulars.storage.door import tail
from regulars.storage.door.collect import collect
from regulars.storage.door.tail import Tail
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.open_door import open_door

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
BUYER = "title: Buyers\nwhen: {count: order, within: 7 days, at_least: 2}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop that knows Ann, who ordered once, from a run."""
    made = business(tmp_path / "project")
    (made / "segments").mkdir()
    (made / "segments" / "buyer.yaml").write_text(BUYER)
    post(made, *ANN)
    for _ in ran(made):
        pass
    return made


@dataclass(kw_only=True)
class Hand:
    """A clock that is moved by hand."""

    at: datetime = LATER

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, kw_only=True)
class Open:
    """An open door, and who reads along behind it."""

    clock: Hand
    fresh: Fresh
    door: IngestDoor
    runner: asyncio.Runner
    folder: Path

    def post(self, *messages: dict[str, Any]) -> None:
        """Post messages; nobody has read them yet."""
        async def asked() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.door), base_url="http://door") as client:
                answer = await client.post("/v1/batch", json={"batch": list(messages), "writeKey": KEY})
                assert answer.status_code == 200

        self.runner.run(asked())

    def take(self, *messages: dict[str, Any]) -> None:
        """Post messages and have them read."""
        self.post(*messages)
        self.look()

    def look(self) -> None:
        """Have read what came, and decided."""
        self.fresh.step()
        while self.fresh.decide():
            pass

    def land(self) -> None:
        """Have the door land what came."""
        store = self.door.commits.store
        self.runner.run(asyncio.to_thread(collect, store.folder, self.door.commits.land))

    def run(self) -> None:
        """Run the project as another process would, while the door is open."""
        self.runner.run(asyncio.to_thread(lambda: [None for _ in ran(self.folder, at=self.clock.now())]))

    def begun_anew(self) -> Fresh:
        """Return who reads along after a kill: nothing is known but what is on disk."""
        return reading(self.fresh.workspace, self.door)

    def shown(self) -> Workspace:
        """Return the project as pages see it."""
        return open_workspace(self.folder, clock=FixedClock(LATER), environment={}, fresh=self.fresh)

    def events_of(self, who: str) -> list[str]:
        """Return the types of somebody's fresh events, the newest first."""
        return [row["event_type"] for row in self.fresh.newest(find_customer(self.fresh.workspace, who), limit=50)]


@pytest.fixture
def followed(folder: Path) -> Iterator[Open]:
    yield from opened(folder)


def opened(folder: Path) -> Iterator[Open]:
    """Open the door of a project, with somebody who reads along."""
    clock = Hand()
    workspace = open_workspace(folder, clock=clock, environment={})
    door = open_door(read_config(folder, environment={}), home=folder / ".regulars", clock=clock)
    with asyncio.Runner() as runner:
        runner.run(door.commits.start())
        yield Open(clock=clock, fresh=reading(workspace, door), door=door, runner=runner, folder=folder)
        runner.run(door.commits.stop())
    workspace.close()


def reading(workspace: Workspace, door: IngestDoor) -> Fresh:
    return Fresh.of(workspace, Tail(store=door.commits.store, book=workspace.book, files=workspace.landing.files))


def order(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u1", "messageId": f"o{number}", "event": "Order Completed",
            "properties": {"total": 10}, **more}


def test_an_event_is_on_the_timeline_of_who_it_is_about_before_a_run(followed: Open) -> None:
    followed.take(order(1), {"type": "page", "userId": "nobody-knows", "messageId": "p1"})
    shown = followed.shown()

    card = customer_card(shown, find_customer(shown, "ann@example.com"))

    told = [(row["event_type"], row.get("total")) for row in card.timeline]
    assert told[0] == ("order", 1000)
    assert sorted(told[1:]) == [("order", 4250), ("visit", None)]
    shown.close()


def test_a_customer_enters_a_segment_because_of_what_just_came(followed: Open) -> None:
    workspace = followed.fresh.workspace
    ann = find_customer(workspace, "ann@example.com")
    before = memberships_of(workspace, ann)

    followed.take(order(1))

    assert before == []
    assert [row["segment"] for row in memberships_of(workspace, ann)] == ["buyer"]
    assert segment_counts(workspace)[0]["members"] == 1


def test_the_run_that_follows_finds_nothing_to_change(followed: Open) -> None:
    followed.take(order(1))
    workspace = followed.fresh.workspace
    ledger = workspace.book.memberships.transitions()

    followed.run()

    assert len(ledger) == 1
    assert workspace.book.memberships.transitions() == ledger
    assert workspace.lake.rows("memberships") == 1


def test_what_a_run_has_made_is_no_longer_fresh(followed: Open) -> None:
    followed.take(order(1))
    before = followed.events_of("ann@example.com")

    followed.run()
    followed.look()

    assert before == ["order"]
    assert followed.events_of("ann@example.com") == []


def test_what_was_purged_is_on_no_timeline_though_no_run_had_read_it(followed: Open) -> None:
    followed.take(order(1), {"type": "page", "userId": "u1", "messageId": "p1", "name": "Secret"})
    before = followed.events_of("ann@example.com")
    followed.runner.run(asyncio.to_thread(purged, followed, "Secret"))
    followed.take(order(2))

    assert sorted(before) == ["order", "visit"]
    assert followed.events_of("ann@example.com") == ["order"]


def purged(followed: Open, event: str) -> None:
    """Purge an event as another process would, while the door is open."""
    workspace = open_workspace(followed.folder, clock=followed.clock, environment={})
    assert purge(workspace, "site", wanted_of(workspace, "site", event=event), by="desk").outcome == "done"
    workspace.close()


def test_nobody_is_decided_beside_a_run_and_everybody_after_it(followed: Open) -> None:
    book = followed.fresh.workspace.book
    book.lease.acquire("a run", now=LATER, lasts=timedelta(minutes=1))
    followed.take(order(1))
    during = len(book.memberships.transitions())

    book.lease.release("a run")
    followed.look()

    assert (during, len(book.memberships.transitions())) == (0, 1)


def test_an_id_that_identify_names_leads_to_the_user_it_names(followed: Open) -> None:
    followed.take({"type": "page", "anonymousId": "phone-7", "messageId": "p1"})
    before = followed.events_of("ann@example.com")

    followed.take({"type": "identify", "userId": "u1", "anonymousId": "phone-7", "messageId": "i1"})

    assert (before, followed.events_of("ann@example.com")) == ([], ["visit"])


def test_an_id_that_was_named_before_leads_on_whatever_comes_after_it(followed: Open) -> None:
    followed.take({"type": "identify", "userId": "u1", "anonymousId": "phone-7", "messageId": "i1"})
    followed.take({"type": "page", "anonymousId": "phone-7", "messageId": "p1"})

    followed.take({"type": "page", "anonymousId": "phone-7", "messageId": "p2"})

    assert followed.events_of("ann@example.com") == ["visit", "visit"]


def test_a_field_that_a_project_reads_otherwise_than_the_door_writes_it_may_be_refused(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    source = folder / "sources" / "site.yaml"
    own = "fields:\n  received_at: {from: properties.on, type: timestamp}\n"
    source.write_text(source.read_text().replace("fields:\n", own))
    followed: Open = request.getfixturevalue("followed")

    followed.take(order(1, properties={"on": "some day"}), order(2, properties={"on": "2026-11-25T12:00:00Z"}))

    assert followed.events_of("ann@example.com") == ["order"]


def test_what_was_taken_before_anybody_read_along_is_read_too(folder: Path, request: pytest.FixtureRequest) -> None:
    post(folder, order(1), at=LATER)                # landed, and no run since
    followed: Open = request.getfixturevalue("followed")

    followed.take(order(2))

    assert followed.events_of("ann@example.com") == ["order", "order"]


def test_a_generation_that_is_landed_between_two_looks_is_read_to_its_end(followed: Open) -> None:
    followed.take(order(1))
    followed.post(order(2))
    followed.land()
    followed.post(order(3))

    followed.look()

    assert followed.events_of("ann@example.com") == ["order"] * 3


def test_a_generation_that_is_landed_and_not_settled_yet_is_given_out_once(followed: Open) -> None:
    store, behind = followed.door.commits.store, followed.fresh.tail
    followed.look()
    followed.post(order(1), order(2))
    first = list(behind.pieces())
    store.turn()
    followed.door.commits.land(store.waiting[0])

    again = [list(behind.pieces()) for _ in range(3)]
    store.settle(followed.door.commits.land)

    assert [piece.data.count(b"\n") for piece in first] == [2]
    assert [*again, list(behind.pieces())] == [[], [], [], []]
    assert behind.read == {}


def test_a_message_is_given_out_once(followed: Open) -> None:
    followed.take(order(1))
    followed.land()

    assert followed.fresh.step() == 0
    assert followed.events_of("ann@example.com") == ["order"]


def test_pages_of_a_timeline_go_on_where_the_last_one_ended(followed: Open) -> None:
    followed.take(*(order(n, timestamp=(NOW + timedelta(seconds=n)).isoformat()) for n in range(5)))
    shown = followed.shown()
    ann = find_customer(shown, "ann@example.com")
    whole = customer_card(shown, ann).timeline

    pages: list[dict[str, Any]] = []
    after = None
    while page := timeline(shown, ann, profile_keys(shown, ann), limit=2, after=after):
        pages += page
        after = Place(occurred_at=page[-1]["occurred_at"], event_id=page[-1]["event_id"])

    assert [row["event_id"] for row in pages] == [row["event_id"] for row in whole]
    assert len(whole) == 7
    shown.close()


RULES = {
    "buyer": "when: {count: order, within: 7 days, at_least: 2}\n",
    "others": "when: {not: {member_of: buyer}}\n",
    "quiet": "when: {count: visit, within: 30 days, is: 0}\n",
    "here": "when: {count: visit, within: 0 days, at_least: 1}\nholds_for: 3 days\nreenter_after: 10 days\n",
    "back": "when: {sequence: [{entered: buyer}, {event: visit}], within: 3 days}\n",
}


def test_deciding_bit_by_bit_comes_to_what_a_run_decides_of_everybody(tmp_path: Path) -> None:
    folder = business(tmp_path / "project")
    (folder / "segments").mkdir()
    for name, rule in RULES.items():
        (folder / "segments" / f"{name}.yaml").write_text(f"title: {name}\n{rule}")
    users = [f"u{n}" for n in range(6)]
    post(folder, *({"type": "identify", "userId": user, "messageId": f"i-{user}",
                    "traits": {"email": f"{user}@example.com"}} for user in users))
    for _ in ran(folder):
        pass
    rng = Random(7)

    for followed in opened(folder):
        for n in range(12):
            followed.clock.at += timedelta(seconds=1)
            followed.take(*(
                order(100 * n + m, userId=rng.choice(users)) if rng.random() < 0.6
                else {"type": "page", "userId": rng.choice(users), "messageId": f"p{100 * n + m}"}
                for m in range(rng.randrange(1, 4))
            ))
        ledger = followed.fresh.workspace.book.memberships.transitions()
        followed.run()

        assert followed.fresh.workspace.book.memberships.transitions() == ledger
        entered = {row["segment"] for row in ledger.to_pylist() if row["business_day"] and row["at"] > FIRST}
        assert entered == set(RULES)


FIRST = NOW.replace(tzinfo=None)


def test_who_was_decided_before_a_kill_is_not_decided_again(followed: Open) -> None:
    followed.take(order(1))
    ledger = followed.fresh.workspace.book.memberships.transitions()

    anew = followed.begun_anew()
    followed.clock.at += timedelta(seconds=5)

    assert (anew.step(), anew.decide()) == (1, 0)
    assert followed.fresh.workspace.book.memberships.transitions() == ledger


def test_what_others_append_to_the_ledger_is_known_before_anybody_is_decided(followed: Open) -> None:
    followed.look()
    ann = find_customer(followed.fresh.workspace, "ann@example.com")
    followed.fresh.workspace.book.memberships.append(pa.Table.from_pylist([{
        "segment": "buyer", "customer_id": ann, "at": LATER.replace(tzinfo=None), "business_day": LATER.date(),
        "change": "entered", "reason": "a run said so",
    }], schema=TRANSITIONS))

    followed.take(order(1))

    assert len(followed.fresh.workspace.book.memberships.transitions()) == 1


def test_whom_a_run_made_a_customer_and_a_member_is_one_for_what_comes_next(followed: Open) -> None:
    bo = {"type": "identify", "userId": "u2", "messageId": "i2", "traits": {"email": "bo@example.com"}}
    followed.take(order(1), bo, order(2, userId="u2"), order(3, userId="u2"))
    followed.post(order(4))
    followed.fresh.step()
    followed.run()
    followed.fresh.decide()                         # sooner than the new lake is looked at
    ledger = followed.fresh.workspace.book.memberships.transitions()
    followed.clock.at += timedelta(seconds=1)

    followed.take(order(5, userId="u2"))

    assert len(ledger) == 2
    assert followed.fresh.workspace.book.memberships.transitions() == ledger


def test_who_was_not_decided_before_midnight_is_decided_after_it(followed: Open) -> None:
    followed.post(order(1))
    followed.fresh.step()
    followed.clock.at += timedelta(days=1)
    followed.fresh.step()

    assert followed.fresh.decide() == 1
    assert followed.fresh.workspace.book.memberships.transitions()["business_day"].to_pylist() == [
        followed.clock.at.date()
    ]


def test_what_comes_faster_than_it_is_read_waits_in_view_and_is_all_there_later(
    followed: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed.look()
    monkeypatch.setattr(tail, "MOST", 600)          # two or three messages: a piece of what is read
    followed.post(*(order(n) for n in range(10)))
    followed.land()
    followed.clock.at += timedelta(seconds=40)
    followed.post(*(order(n) for n in range(10, 20)))
    behind = followed.fresh.reach()

    followed.look()

    assert behind == Reach(timeline=LATER, segments=LATER)
    assert followed.fresh.reach() == Reach(timeline=followed.clock.at, segments=followed.clock.at)
    assert followed.events_of("ann@example.com") == ["order"] * 20
    assert len(followed.fresh.workspace.book.memberships.transitions()) == 1


def test_whom_something_happened_to_first_is_decided_first(tmp_path: Path) -> None:
    folder = business(tmp_path / "project")
    (folder / "segments").mkdir()
    (folder / "segments" / "buyer.yaml").write_text(BUYER)
    bo = {"type": "identify", "userId": "u2", "messageId": "i2", "traits": {"email": "bo@example.com"}}
    post(folder, *ANN, bo, order(0, userId="u2"))
    for _ in ran(folder):
        pass
    for followed in opened(folder):
        fresh, ledger = followed.fresh, followed.fresh.workspace.book.memberships
        fresh.deciding.most = 1
        for n, user in enumerate(("u1", "u2")):
            followed.clock.at += timedelta(seconds=1)
            followed.post(order(n + 1, userId=user))
            fresh.step()

        decided = [fresh.decide() and fresh.reach() for _ in range(2)]

        assert [reach and (LATER - reach.segments).total_seconds() for reach in decided] == [-2.0, -2.0]
        assert ledger.transitions()["customer_id"].to_pylist() == [
            find_customer(fresh.workspace, f"{name}@example.com") for name in ("ann", "bo")
        ]
