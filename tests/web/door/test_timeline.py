"""What is posted at the door is on the timeline of the person it is about, with the next run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from process import KEY, NOW, post, project

from regulars.clock import FixedClock
from regulars.config import read_config
from regulars.pipeline.flow import rebuild, run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.web.ingest.open_door import open_door

EVENTS = {
    "visit": 'from: site.events\nwho: coalesce(user_id, anonymous_id)\nwhen: at\nonly_if: type == "page"\n',
    "order": "from: site.events\nwho: user_id\nwhen: at\nwhat: {total: total}\n"
             'only_if: type == "track" and name == "Order Completed"\n',
}
SOURCE = "kind: door\nfields:\n  total: {from: properties.total, type: money}\nprofile: {traits: {plan: plan}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return business(tmp_path / "project")


def business(folder: Path) -> Path:
    """Make a project that takes page views and orders at the door."""
    made = project(folder)
    source = SOURCE.replace("  total", "  plan: {from: traits.plan, type: text}\n  total")
    (made / "sources" / "site.yaml").write_text(source)
    (made / "events").mkdir()
    for name, text in EVENTS.items():
        (made / "events" / f"{name}.yaml").write_text(text)
    return made


def ran(folder: Path, *, at: datetime = NOW) -> Iterator[Workspace]:
    workspace = open_workspace(folder, clock=FixedClock(at), environment={})
    try:
        result = run(workspace)
        assert [(s.name, s.error) for s in result.steps if s.error] == []
        yield workspace
    finally:
        workspace.close()


def timeline(workspace: Workspace) -> list[tuple[str, str | None, int | None]]:
    """Return event type, e-mail address of the customer, and total of every event, sorted."""
    events, identity, customers = (workspace.table(name) for name in ("events", "identity", "customers"))
    known = events.left_join(identity, ["profile_source", "profile_id"]).left_join(customers, "customer_id")
    rows = workspace.rows(known.select("event_type", "email", "total"))
    return sorted(((row["event_type"], row["email"], row["total"]) for row in rows), key=str)


ANN = [
    {"type": "page", "anonymousId": "anon-1", "messageId": "1", "name": "Pricing"},
    {"type": "identify", "userId": "u1", "anonymousId": "anon-1", "messageId": "2",
     "traits": {"email": "ann@example.com", "name": "Ann Lee", "plan": "gold"}},
    {"type": "track", "userId": "u1", "messageId": "3", "event": "Order Completed", "properties": {"total": 42.5}},
]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a project after the first run over Ann, somebody who joined two ids, and a stranger."""
    made = business(tmp_path_factory.mktemp("day") / "project")
    post(
        made, *ANN, {"type": "page", "anonymousId": "stranger", "messageId": "4"},
        {"type": "identify", "userId": "u2", "messageId": "5", "traits": {"email": "bo@example.com"}},
        {"type": "alias", "previousId": "old-2", "userId": "u2", "messageId": "6"},
        {"type": "page", "userId": "old-2", "messageId": "7"},
    )
    yield from ran(made)


DAY = [
    ("order", "ann@example.com", 4250), ("visit", "ann@example.com", None), ("visit", "bo@example.com", None),
    ("visit", None, None),
]


def test_what_somebody_did_before_they_said_who_they_are_is_theirs_under_all_their_ids(day: Workspace) -> None:
    assert timeline(day) == DAY


def test_what_somebody_says_of_themselves_is_their_profile(day: Workspace) -> None:
    customers = day.table("customers")

    [ann] = day.rows(customers.filter(customers.email == "ann@example.com"))

    assert (ann["name"], ann["plan"]) == ("Ann Lee", "gold")
    assert day.count(customers) == 2, "nobody becomes a customer by looking at a page"


def test_everything_can_be_made_again_out_of_the_landing(day: Workspace) -> None:
    assert rebuild(day).outcome == "done"

    assert timeline(day) == DAY


def test_a_second_run_reads_only_what_came_since_and_messages_of_one_kind_are_no_drift(folder: Path) -> None:
    post(folder, *ANN)
    for workspace in ran(folder):
        assert len(timeline(workspace)) == 2
    pages = [{"type": "page", "userId": "u1", "messageId": f"p{n}"} for n in range(30)]
    post(folder, *pages, ANN[2], at=NOW + timedelta(hours=1))

    for workspace in ran(folder, at=NOW + timedelta(hours=2)):
        assert len(timeline(workspace)) == 32
        drift = workspace.book.facts.load("site", "events") or {}
        assert drift["drift"] == []


def test_a_run_reads_what_an_open_door_has_acknowledged(folder: Path) -> None:
    async def both() -> None:
        home = folder / ".regulars"
        home.mkdir(exist_ok=True)
        door = open_door(read_config(folder, environment={}), home=home, clock=FixedClock(NOW))
        door.commits.every = 3600
        await door.commits.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            await client.post("/v1/batch", json={"batch": ANN, "writeKey": KEY})
        await asyncio.to_thread(lambda: [found.append(len(timeline(w))) for w in ran(folder)])
        await door.commits.stop()

    found: list[int] = []
    asyncio.run(both())

    assert found == [2]


def test_a_message_in_quarantine_is_repaired_and_leaves_it(folder: Path) -> None:
    post(folder, *ANN, {"type": "track", "event": "Order Completed", "messageId": "7", "properties": {"total": 5}})
    for workspace in ran(folder):
        [held] = workspace.rows(workspace.table("quarantine"))
    corrected = {**json.loads(held["payload"]), "userId": "u1"}

    post(folder, corrected, query=f"?repairs={held['record_key']}", at=NOW + timedelta(hours=1))

    assert held["reason"] == "no_person"
    for workspace in ran(folder, at=NOW + timedelta(hours=2)):
        assert workspace.count(workspace.table("quarantine")) == 0
        assert ("order", "ann@example.com", 500) in timeline(workspace)


def test_many_small_segments_of_a_day_become_one(folder: Path) -> None:
    for n in range(10):
        post(folder, {"type": "page", "userId": "u1", "messageId": str(n)}, at=NOW + timedelta(minutes=n))

    for workspace in ran(folder, at=NOW + timedelta(days=1)):
        assert len(workspace.book.pages.segments("site", "events")) == 1
        assert len(timeline(workspace)) == 10
