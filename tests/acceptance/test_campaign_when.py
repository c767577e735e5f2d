"""When a campaign goes, through the real sender: business hours, each reader's own clock, recurrence, spacing, a rate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.pipeline.account import account
from regulars.pipeline.campaign import campaign_of, occurrence_at
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.consent import address_of, record
from regulars.pipeline.flow import run
from regulars.pipeline.send import Worker
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.message_list import Wanted
from regulars.testing.desk import business, write_files
from regulars.testing.mailing import write_mailing
from regulars.testing.sandbox.gateway import RunningGateway, gateway

CHICAGO = ZoneInfo("America/Chicago")
SUNDAY = datetime(2026, 3, 8, 20, tzinfo=UTC)        # the day on which the clocks of the United States change
HOUR = timedelta(hours=1)
NAMES = {"1": "Waco", "2": "New York", "3": "Honolulu", "4": "Phoenix", "5": "Somewhere"}
FILES = {
    **business(),
    "desk/people.csv": "id,name,phone\n1,Ann Waco,254-867-5301\n2,Ben York,212-867-5302\n3,Cat Lulu,808-867-5303\n"
                       "4,Dan Ariz,602-867-5304\n5,Eve Free,800-867-5305\n",
}
CAMPAIGN = "audience: everybody\nchannel: sms\npurpose: transactional\nby: gateway\ntext: We moved\n"
CAMPAIGNS = {
    "there": "starts: 2026-03-09 10:00\nzone: recipient\nexpires: 2 hours\n",
    "hours": "hours: {weekdays: 09:00-18:00, saturday: 10:00-16:00}\n",
    "daily": "starts: 2026-03-06 10:00\nrepeat: {type: daily}\n",
    "daily_there": "starts: 2026-03-06 10:00\nzone: recipient\nrepeat: {type: daily}\n",
    "strewn": "starts: 2026-03-09 10:00\nspread: 3 hours\n",
}
SELLS = CAMPAIGN.replace("transactional", "marketing").replace("We moved", "Half price today. Reply STOP to opt out")
SPACED = dict.fromkeys(("first", "second"), f"{SELLS}caps: [{{name: spacing, of: customer, limit: 1, window: 4 hours}}]\n")


@dataclass(slots=True, kw_only=True)
class Clock:
    """A clock that is set, and moved by waiting."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=max(seconds, 1))


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, provider: RunningGateway) -> Path:
    """Five people, each by their number in another zone; the last one's says nothing of a place.

    Most of what goes out sells nothing, so that here no quiet hours come between.
    """
    folder = write_mailing(tmp_path_factory.mktemp("when"), url=provider.url)
    files = FILES | {f"campaigns/{name}.yaml": CAMPAIGN + more for name, more in CAMPAIGNS.items()}
    files |= {f"campaigns/{name}.yaml": text for name, text in SPACED.items()}
    write_files(folder, files)
    workspace = open_workspace(folder, clock=FixedClock(SUNDAY))
    assert run(workspace).outcome == "done"
    for row in workspace.rows(workspace.table("contacts").select("phone")):
        address = address_of(workspace, row["phone"])
        record(workspace, address, Entry(
            address_hash=address.hashed or "", channel="sms", purpose="marketing", action="grant", method="web_form",
            at=SUNDAY - HOUR, source="form", evidence=f"form {row['phone']}",
        ))
    workspace.close()
    return folder


def at(folder: Path, moment: datetime) -> Workspace:
    return open_workspace(folder, clock=FixedClock(moment))


def planned(folder: Path, name: str, *, moment: datetime) -> Occurrence:
    workspace = at(folder, moment)
    one = write_plan(workspace, plan_campaign(workspace, name))
    workspace.close()
    return one


def sent_by(folder: Path, one: Occurrence, moment: datetime) -> set[str]:
    """Let a sender work at a moment, and return to whom anything was sent by then."""
    workspace = at(folder, moment)
    clock = Clock(at=moment)
    for _ in Worker(project=workspace.project, book=workspace.book, clock=clock, one=one, pause=clock.wait).work():
        pass
    places = people(workspace)
    rows = workspace.book.message_list.page(Wanted(campaign=one.campaign, occurrence=one.occurrence, state="sent"), limit=99)
    workspace.close()
    return {places[row.customer_id] for row in rows}


def people(workspace: Workspace) -> dict[str, str]:
    """Where each customer is by their number."""
    rows = workspace.rows(workspace.table("identity").select("customer_id", "profile_id"))
    return {row["customer_id"]: NAMES[row["profile_id"]] for row in rows}


def test_ten_o_clock_is_ten_o_clock_where_each_reader_is_and_nobody_gets_it_before(folder: Path) -> None:
    one = planned(folder, "there", moment=SUNDAY)
    workspace = at(folder, SUNDAY)
    places = people(workspace)
    due = {places[row.customer_id]: row.due_at for row in workspace.book.message_list.page(Wanted(campaign="there"), limit=9)}
    workspace.close()

    assert due == {
        place: datetime(2026, 3, 9, 10, tzinfo=ZoneInfo(zone)).astimezone(UTC) for place, zone in {
            "Waco": "America/Chicago", "New York": "America/New_York", "Honolulu": "Pacific/Honolulu",
            "Phoenix": "America/Phoenix", "Somewhere": "America/Chicago",
        }.items()
    }
    assert (one.state, one.starts_at) == ("scheduled", due["New York"])
    assert sent_by(folder, one, due["New York"] - HOUR / 60) == set()
    assert sent_by(folder, one, due["New York"]) == {"New York"}
    assert sent_by(folder, one, due["Waco"]) == {"New York", "Waco", "Somewhere"}
    # Two hours later it is worth nothing any more, there as well, and not before.
    assert sent_by(folder, one, due["Honolulu"] + HOUR) == {"New York", "Waco", "Somewhere", "Honolulu"}


def test_out_of_business_hours_nothing_goes_and_nothing_is_lost(folder: Path) -> None:
    one = planned(folder, "hours", moment=SUNDAY)

    sunday = sent_by(folder, one, SUNDAY)
    workspace = at(folder, SUNDAY)
    waits = workspace.book.message_list.page(Wanted(campaign="hours"), limit=9)
    workspace.close()
    monday = sent_by(folder, one, datetime(2026, 3, 9, 9, tzinfo=CHICAGO).astimezone(UTC))

    assert sunday == set()
    assert {(row.state, row.due_at) for row in waits} == {("deferred", datetime(2026, 3, 9, 9, tzinfo=CHICAGO).astimezone(UTC))}
    assert monday == set(NAMES.values())


@pytest.mark.parametrize(("now", "day", "hour"), [
    (datetime(2026, 3, 6, 12, tzinfo=UTC), 6, 16), (datetime(2026, 3, 7, 18, tzinfo=UTC), 7, 16),
    (datetime(2026, 3, 8, 15, tzinfo=UTC), 8, 15), (datetime(2026, 3, 9, 14, 59, tzinfo=UTC), 8, 15),
])
def test_what_repeats_keeps_its_wall_time_when_the_clocks_change(folder: Path, now: datetime, day: int, hour: int) -> None:
    workspace = at(folder, now)

    found = occurrence_at(campaign_of(workspace.project, "daily"), now=now, zone="America/Chicago")
    workspace.close()

    assert found == (f"2026-03-{day:02d}", datetime(2026, 3, day, hour, tzinfo=UTC))


def test_a_run_by_each_readers_clock_is_due_when_its_time_has_come_somewhere(folder: Path) -> None:
    workspace = at(folder, SUNDAY)
    daily = campaign_of(workspace.project, "daily_there")
    workspace.close()
    first_on_earth = datetime(2026, 3, 10, 10, tzinfo=ZoneInfo("Pacific/Kiritimati")).astimezone(UTC)

    before, then = (
        occurrence_at(daily, now=moment, zone="America/Chicago")[0] for moment in (first_on_earth - 6 * HOUR, first_on_earth + HOUR)
    )

    assert (before, then) == ("2026-03-09", "2026-03-10")


def test_two_campaigns_keep_their_distance_from_each_others_messages(folder: Path) -> None:
    start = datetime(2026, 3, 9, 19, 30, tzinfo=UTC)     # at which nobody of them is in quiet hours, nor four hours later
    first, second = (planned(folder, name, moment=start) for name in ("first", "second"))

    everybody = sent_by(folder, first, start)
    at_once = sent_by(folder, second, start + HOUR)
    later = sent_by(folder, second, start + 4 * HOUR + HOUR / 60)

    assert everybody == set(NAMES.values())
    assert (at_once, later) == (set(), everybody)


def test_messages_are_strewn_over_their_window_and_none_goes_before_it_is_due(folder: Path) -> None:
    start = datetime(2026, 3, 9, 10, tzinfo=CHICAGO).astimezone(UTC)
    one = planned(folder, "strewn", moment=SUNDAY)
    workspace = at(folder, SUNDAY)
    due = sorted(row.due_at for row in workspace.book.message_list.page(Wanted(campaign="strewn"), limit=9) if row.due_at)
    workspace.close()

    reached = [len(sent_by(folder, one, moment)) for moment in (due[0] - HOUR / 60, due[2], due[-1])]

    assert start <= due[0] < due[-1] < start + 3 * HOUR
    assert reached == [0, 3, 5]


def test_a_provider_is_never_told_faster_than_it_may_be(tmp_path: Path, provider: RunningGateway) -> None:
    folder = write_mailing(tmp_path, url=provider.url, destination="per_second: 10\nat_once: 4")
    rows = "".join(f"{n},Ann{n} Lee,254-867-{5400 + n}\n" for n in range(25))
    write_files(folder, {**FILES, "desk/people.csv": f"id,name,phone\n{rows}", "campaigns/all.yaml": CAMPAIGN})
    workspace = open_workspace(folder, clock=FixedClock(SUNDAY))
    assert run(workspace).outcome == "done"
    one = write_plan(workspace, plan_campaign(workspace, "all"))

    began = time.monotonic()
    for _ in Worker(project=workspace.project, book=workspace.book, clock=workspace.clock, one=one).work():
        pass
    took = time.monotonic() - began

    assert account(workspace.book, one).sent == 25
    assert took >= 24 / 10 - 0.05
    workspace.close()
