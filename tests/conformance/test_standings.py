"""What the ledger of consent comes to is copied, and whoever asks gets what it says now, whatever happened since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from regulars.clock import FixedClock
from regulars.consent.channel import CHANNELS, CONTACTS, PURPOSES, Channel, Purpose
from regulars.consent.ledger import METHODS, Entry
from regulars.consent.permission import Permission, Person, may_contact
from regulars.consent.quiet_hours import Window
from regulars.consent.suppression import REASONS, Suppression, address_hash
from regulars.pipeline.consent import Address, salt, windows_of
from regulars.pipeline.permitted import permitted_people
from regulars.pipeline.standings import TABLE, copy_standings
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.runs.run import Work
from regulars.storage.book.consent import OnRecord
from regulars.testing.mailing import write_mailing

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
PEOPLE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of one person on a channel, whatever is asked and of when."""

    place: Address
    said: OnRecord | None
    windows: Sequence[Window]


def opened(folder: Path, book: str) -> Workspace:
    return open_workspace(write_mailing(folder, url="http://127.0.0.1:1", book=book), clock=FixedClock(NOON))


def known(workspace: Workspace, rng: Random) -> dict[str, dict[Channel, str | None]]:
    """Make some people the customers there are: some without a number, some of whom share one."""
    people: dict[str, dict[Channel, str | None]] = {
        f"c_{n:02}": {
            "sms": None if rng.random() < 0.1 else f"+1254867{rng.randrange(5300, 5300 + PEOPLE)}",
            "email": None if rng.random() < 0.3 else f"{n}@lee.example",
        } for n in rng.sample(range(PEOPLE), PEOPLE * 3 // 4)
    }
    ids, engine = sorted(people), workspace.stores.engine
    contacts = {
        "customer_id": pa.array(ids), **{CONTACTS[one]: pa.array([people[each][one] for each in ids], pa.string())
                                         for one in CHANNELS},
        **{f"{CONTACTS[one]}_reason": pa.array([
            "none on file" if people[each][one] is None else "own" for each in ids
        ]) for one in CHANNELS},
    }
    for name, columns in (("contacts", contacts), ("customers", {"customer_id": pa.array(ids)})):
        workspace.lake.replace(name, engine.arrow(pa.table(columns)), order_by=("customer_id",), allow_shrink=True)
    return people


def anything(workspace: Workspace, rng: Random, at: datetime) -> None:
    """Let things be said and addresses be suppressed by chance, of people who are known here and of others."""
    key = salt(workspace)

    def moment(first: int, last: int) -> datetime:
        return at + timedelta(hours=rng.randrange(first, last))

    def hashed(channel: Channel) -> str:
        number = rng.randrange(PEOPLE)
        return address_hash(
            f"+1254867{5300 + number}" if channel == "sms" else f"{number}@lee.example", channel=channel, salt=key
        )

    entries = []
    for n in range(rng.randrange(40)):
        channel: Channel = rng.choice(CHANNELS)
        action: Any = rng.choice(["grant", "grant", "revoke"])
        purpose: Any = rng.choice(PURPOSES) if action == "grant" else rng.choice([*PURPOSES, "any"])
        entries.append(Entry(
            address_hash=hashed(channel), channel=channel, purpose=purpose, action=action, method=rng.choice(METHODS),
            at=moment(-200, 20), source="desk", evidence=rng.choice([None, "", f"form {n}"]),
            expires_at=rng.choice([None, None, moment(-50, 50)]),
        ))
    workspace.book.consent.append(entries, addresses={}, at=at)
    for _ in range(rng.randrange(3)):
        stopped: Channel = rng.choice(CHANNELS)
        workspace.book.consent.suppress([Suppression(
            channel=stopped, address_hash=hashed(stopped), reason=rng.choice(REASONS), source="desk", since=moment(-50, 5)
        )])


def told(workspace: Workspace, people: dict[str, dict[Channel, str | None]], channel: Channel) -> dict[str, Told]:
    """Read person by person what the ledger has of the address of each; only who writes to it makes it another."""
    found, key = {}, salt(workspace)
    for customer, addresses in people.items():
        text = addresses[channel]
        place = Address(
            channel=channel, text=text, hashed=None if text is None else address_hash(text, channel=channel, salt=key)
        )
        said = None if place.hashed is None else workspace.book.consent.of(place.hashed)
        found[customer] = Told(place=place, said=said, windows=() if text is None else windows_of(workspace, place))
    return found


def one_by_one(of: dict[str, Told], channel: Channel, purpose: Purpose, at: datetime) -> dict[str, Permission]:
    return {
        customer: may_contact(Person(
            address_hash=one.place.hashed, address_reason="own" if one.place.text else "none on file",
            entries=() if one.said is None else one.said.entries,
            suppressions=() if one.said is None else one.said.suppressions,
            windows=one.windows if purpose == "marketing" else (),
        ), channel, purpose=purpose, at=at) for customer, one in of.items()
    }


def everybody(workspace: Workspace, channel: Channel, purpose: Purpose, at: datetime) -> dict[str, Permission]:
    return {
        row["customer_id"]: Permission(
            allowed=row["allowed"], reason=row["reason"],
            until=None if row["until"] is None else row["until"].replace(tzinfo=UTC),
        ) for row in permitted_people(workspace, channel=channel, purpose=purpose, at=at).to_pylist()
    }


def copied(workspace: Workspace) -> Work:
    steps = copy_standings(workspace)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            work: Work = ended.value
            return work


@pytest.mark.parametrize("seed", range(4))
def test_whoever_asks_after_a_copy_gets_what_the_ledger_says_now(book_url: str, tmp_path: Path, seed: int) -> None:
    rng, workspace, at = Random(seed), opened(tmp_path, book_url), NOON
    for _ in range(4):
        people = known(workspace, rng)
        anything(workspace, rng, at)
        if rng.random() < 0.7:
            copied(replace(workspace, clock=FixedClock(at)))
        anything(workspace, rng, at)
        ledger = {channel: told(workspace, people, channel) for channel in CHANNELS}
        # Also of a moment before the copy was made: who looks back is told what was true then.
        for asked in (at, at + timedelta(hours=rng.randrange(60)), at - timedelta(hours=30)):
            for channel, purpose in ((one, what) for one in CHANNELS for what in PURPOSES):
                assert everybody(workspace, channel, purpose, asked) == one_by_one(
                    ledger[channel], channel, purpose, asked
                )
        at += timedelta(hours=rng.randrange(40))
    workspace.close()


def test_what_is_copied_is_not_read_again(book_url: str, tmp_path: Path) -> None:
    rng, workspace = Random(1), opened(tmp_path, book_url)
    known(workspace, rng)
    for _ in range(3):
        anything(workspace, rng, NOON - timedelta(days=30))
    with workspace.book.database.writing() as connection:
        connection.execute(sa.text("update consent_entries set expires_at = null"))
    copied(workspace)
    before = everybody(workspace, "sms", "marketing", NOON)

    with workspace.book.database.writing() as connection:
        connection.execute(sa.text("delete from consent_entries"))
    after = everybody(workspace, "sms", "marketing", NOON)
    workspace.close()

    assert after == before
    assert len({one.reason.split(" ")[0] for one in before.values()}) > 2


def test_only_of_whom_something_was_said_is_copied_again(book_url: str, tmp_path: Path) -> None:
    workspace = opened(tmp_path, book_url)
    people = known(workspace, Random(2))
    copied(workspace)
    number = next(one["sms"] for one in people.values() if one["sms"] is not None)
    workspace.book.consent.append([Entry(
        address_hash=address_hash(number, channel="sms", salt=salt(workspace)), channel="sms", purpose="marketing",
        action="revoke", method="reply", at=NOON, source="desk",
    )], addresses={}, at=NOON)

    again, idle = copied(workspace), copied(workspace)
    rows = workspace.lake.rows(TABLE)
    workspace.close()

    assert (again.rows_out, idle.note) == (1, "nothing was said")
    assert rows == len({(channel, text) for one in people.values() for channel, text in one.items() if text is not None})
