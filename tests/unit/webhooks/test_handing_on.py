"""Handing on: what fails is tried again, later each time, and then shown to people; nothing acknowledged is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.config import read_config
from regulars.consent.channel import PURPOSES, Purpose
from regulars.consent.ledger import Entry
from regulars.destinations.news import ReadsNews
from regulars.destinations.sender import News, Receipt, Reply
from regulars.errors import RegularsError, StoreUnavailable
from regulars.pipeline.arrivals import land_arrivals
from regulars.pipeline.consent import address_of, permitted, record
from regulars.pipeline.inspect import look
from regulars.pipeline.news import take_into_consent
from regulars.pipeline.webhooks import hand_on, replay
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.sources.webhook.line import Landed, delivery_line
from regulars.sources.webhook.pieces import Piece
from regulars.storage.book.webhooks import webhook_id_of
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore
from regulars.storage.door.generation import prefix_of
from regulars.storage.door.message_ids import message_hash
from regulars.web.ingest.open_door import open_commits

BEGIN = datetime(2026, 1, 5, 22, tzinfo=UTC)


@dataclass
class SteppingClock:
    """A clock that a test moves."""

    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at


@dataclass
class Taker:
    """Takes news, and fails as often as it is told to."""

    failures: list[Exception] = field(default_factory=list)
    taken: list[News] = field(default_factory=list)

    def __call__(self, news: Sequence[News]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken += news


def _read(body: bytes, content_type: str, at: datetime) -> Sequence[News]:
    if body == b"nothing":
        return ()
    return [Reply(provider="quo", provider_id=body.decode(), sender="+12548675301", to="+12545550100", text=content_type, at=at)]


def finds(provider: str) -> ReadsNews | None:
    return _read if provider == "quo" else None


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def workspace(tmp_path: Path, clock: SteppingClock) -> Iterator[Workspace]:
    (tmp_path / "sources").mkdir()
    (tmp_path / "regulars.toml").write_text('[business]\nname = "Summit"\ntimezone = "UTC"\n', "utf-8")
    (tmp_path / "sources" / "texts.yaml").write_text('kind: webhook\nprovider: quo\nsecrets: ["${KEY}"]\n', "utf-8")
    opened = open_workspace(tmp_path, clock=clock, environment={})
    yield opened
    opened.close()


def put(workspace: Workspace, *bodies: bytes, provider: str = "quo") -> list[str]:
    workspace.book.webhooks.add("texts", [
        Landed(delivery_id=body.decode(), provider=provider, received_at=BEGIN + timedelta(milliseconds=n), content_type="text/plain", body=body)
        for n, body in enumerate(bodies)
    ])
    return [webhook_id_of("texts", body.decode()) for body in bodies]


def test_deliveries_are_handed_on_in_the_order_in_which_they_came(workspace: Workspace, clock: SteppingClock) -> None:
    put(workspace, b"b", b"a", b"nothing")
    clock.at += timedelta(seconds=1)
    taker = Taker()

    assert [hand_on(workspace, takes=[taker], finds=finds) for _ in range(2)] == [3, 0]
    assert [one.provider_id for one in taker.taken] == ["b", "a"]
    assert {one.delivery_id: one.news for one in workspace.book.webhooks.newest(limit=9)} == {"a": 1, "b": 1, "nothing": 0}


def test_what_may_go_well_later_is_tried_after_1_2_4_8_and_16_minutes_and_then_given_up(workspace: Workspace, clock: SteppingClock) -> None:
    (one,) = put(workspace, b"a")
    taker = Taker(failures=[StoreUnavailable("busy")] * 6)
    waits = []
    for _ in range(6):
        hand_on(workspace, takes=[taker], finds=finds)
        due = workspace.book.webhooks.find(one).due_at
        waits.append(None if due is None else (due - clock.at) / timedelta(minutes=1))
        clock.at = due or clock.at

    assert waits == [1, 2, 4, 8, 16, None]
    assert hand_on(workspace, takes=[taker], finds=finds) == 0
    assert (workspace.book.webhooks.find(one).state, taker.taken) == ("dead", [])


def test_what_fails_for_good_is_given_up_at_once_and_the_next_goes_on(workspace: Workspace, clock: SteppingClock) -> None:
    one, other = put(workspace, b"a", b"b")
    clock.at += timedelta(seconds=1)

    hand_on(workspace, takes=[Taker(failures=[RegularsError("no such thing")])], finds=finds)

    assert [workspace.book.webhooks.find(each).state for each in (one, other)] == ["dead", "done"]


def test_a_mistake_in_a_plug_in_costs_nothing_but_time_and_its_words_are_not_kept(workspace: Workspace) -> None:
    (one,) = put(workspace, b"a")
    taker = Taker(failures=[ValueError("+12548675301 is odd")])

    hand_on(workspace, takes=[taker], finds=finds)

    found = workspace.book.webhooks.find(one)
    assert (found.state, found.error) == ("waiting", "ValueError")


def test_a_person_has_it_tried_again(workspace: Workspace) -> None:
    (one,) = put(workspace, b"a")
    taker = Taker(failures=[RegularsError("no"), RegularsError("still no")])
    hand_on(workspace, takes=[taker], finds=finds)

    states = [replay(workspace, one, takes=[taker], finds=finds).state for _ in range(2)]

    assert states == ["dead", "done"]
    assert [item.provider_id for item in taker.taken] == ["a"]


def test_what_nobody_reads_is_a_record_and_nothing_else(workspace: Workspace) -> None:
    (one,) = put(workspace, b"a", provider="stripe")

    hand_on(workspace, takes=[Taker(failures=[RegularsError("never asked")])], finds=finds)

    assert workspace.book.webhooks.find(one).state == "done"


def acknowledged(workspace: Workspace, *ids: str) -> None:
    """Write deliveries as the door does, and die before anybody is told of them."""
    store = ArrivalStore.open(workspace.project.config.door.folder)
    prefix = prefix_of("texts")
    store.commit([Arrivals(
        source="texts", hashes=[message_hash(prefix + id_.encode()) for id_ in ids],
        text=b"".join(
            delivery_line(Piece(id=id_, said=b"{}", body=b"{}"), provider="quo", content_type="text/plain", kept={}, at=BEGIN)
            for id_ in ids
        ),
    )])
    store.close()


def test_what_a_killed_door_acknowledged_is_queued_at_its_next_start(workspace: Workspace, clock: SteppingClock) -> None:
    acknowledged(workspace, "a", "b")

    commits = open_commits(
        read_config(workspace.project.config.folder, environment={}), home=workspace.project.config.folder / ".regulars", clock=clock
    )

    commits.store.close()
    assert {one.delivery_id for one in workspace.book.webhooks.newest(limit=9)} == {"a", "b"}


def test_deliveries_are_found_among_other_messages_of_their_source(workspace: Workspace) -> None:
    store = ArrivalStore.open(workspace.project.config.door.folder)
    others = [b'{"door":{"id":"m%d","type":"track"},"properties":{"type":"delivery"}}\n' % n for n in range(1_500)]
    store.commit([Arrivals(source="texts", hashes=[message_hash(line) for line in others], text=b"".join(others))])
    store.close()
    acknowledged(workspace, "a")

    assert list(land_arrivals(workspace, workspace.source("texts")))

    assert [one.delivery_id for one in workspace.book.webhooks.newest(limit=9)] == ["a"]


def test_what_a_killed_door_acknowledged_is_queued_by_a_run_too_and_once(workspace: Workspace, clock: SteppingClock) -> None:
    acknowledged(workspace, "a", "b")

    for _ in range(2):
        assert list(land_arrivals(workspace, workspace.source("texts")))
        clock.at += timedelta(seconds=1)
        hand_on(workspace, takes=[], finds=finds)

    assert workspace.book.webhooks.counts() == {("texts", "done"): 2}


def test_a_run_warns_of_what_was_given_up(workspace: Workspace) -> None:
    before = [(one.name, one.status) for one in look(workspace)]
    put(workspace, b"a")
    hand_on(workspace, takes=[Taker(failures=[RegularsError("no")])], finds=finds)

    after = [(one.name, one.status, one.message) for one in look(workspace)]

    assert before == [("deliveries-handed-on", "ok")]
    assert after == [("deliveries-handed-on", "warning", "1 deliveries were given up")]


def test_a_run_warns_of_a_provider_that_fell_silent(workspace: Workspace, clock: SteppingClock) -> None:
    folder = workspace.project.config.folder
    file = folder / "sources" / "texts.yaml"
    file.write_text(file.read_text("utf-8") + "expect_every: 1 day\n", "utf-8")
    acknowledged(workspace, "a")
    assert list(land_arrivals(workspace, workspace.source("texts")))
    said = []
    for days in (1, 3):
        clock.at = BEGIN + timedelta(days=days)
        opened = open_workspace(folder, clock=clock, environment={})
        said += [(one.status, one.message) for one in look(opened) if one.name == "freshness"]
        opened.close()

    assert [status for status, _ in said] == ["ok", "warning"]
    assert said[1][1].startswith("last came 3.0 days ago")


def receipt(stage: str, **more: str) -> Receipt:
    return Receipt(provider="acme", provider_id="m1", stage=stage, at=BEGIN, address="ann@lee.example", **more)  # type: ignore[arg-type]  # a stage


@pytest.mark.parametrize(("stage", "forbidden"), [
    ("delivered", set()), ("undelivered", set()), ("clicked", set()), ("unsubscribed", {"marketing"}),
    ("bounced", {"marketing", "transactional"}), ("complained", {"marketing", "transactional"}),
])
def test_what_became_of_a_message_may_end_permission(workspace: Workspace, stage: str, forbidden: set[Purpose]) -> None:
    address = address_of(workspace, "ann@lee.example")
    assert address.hashed is not None
    record(workspace, address, Entry(
        address_hash=address.hashed, channel="email", purpose="marketing", action="grant", method="web_form",
        at=BEGIN - timedelta(days=1), source="web:/join", evidence="form-1",
    ))

    for _ in range(2):
        take_into_consent(workspace, [receipt(stage)])

    on_record = workspace.book.consent.of(address.hashed)
    assert {purpose for purpose in PURPOSES if not permitted(workspace, address, on_record, purpose=purpose).allowed} == forbidden
    assert len(on_record.entries) + len(on_record.suppressions) == 1 + bool(forbidden)


def test_a_reply_from_what_is_no_address_is_nobodys(workspace: Workspace) -> None:
    take_into_consent(workspace, [Reply(provider="quo", provider_id="m", sender="SHORT", to="+12545550100", text="STOP", at=BEGIN)])

    assert workspace.book.consent.evidence() == []
