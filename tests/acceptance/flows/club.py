"""A club of seven people with parties, guests and visits, and its flows: the smallest world in which all of them move."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from regulars.clock import FixedClock
from regulars.pipeline.flow import run
from regulars.pipeline.journeys import carry_flows
from regulars.pipeline.segment import segment_customers
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.runs.run import Steps
from regulars.storage.book.message_list import MessageLine, Wanted

TOML = """\
[business]
name = "Corner Club"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[stores]
landing = "file:./data/landing"
lake = "file:./data/lake"
book = "sqlite:./data/book.db"

[engine]
url = "duckdb://"
"""
FILES = {
    "regulars.toml": TOML,
    "sources/desk.yaml": """\
kind: files
folder: desk
streams:
  people:
    files: people.csv
    mode: snapshot
    key: id
    fields: {id: id, name: text, phone: text, born: date, region: text}
    profile: {id: id, exclusive: true, name: name, phone: phone, birthday: born, region: region}
  parties:
    files: parties.csv
    mode: snapshot
    shrink_guard: 1.0
    key: party_id
    fields: {party_id: id, host: id, child: text, day: date, booked_at: timestamp}
  guests:
    files: guests.csv
    mode: snapshot
    key: rsvp_id
    fields: {rsvp_id: id, party_id: id, guest: id, attending: text, kids: integer, day: date, said_at: timestamp}
  visits:
    files: visits.csv
    key: visit_id
    fields: {visit_id: id, person: id, at: timestamp, kind: text}
""",
    "events/party.yaml": "from: desk.parties\nwho: host\nwhen: booked_at\n"
                         "what: {party_id: party_id, party_day: day, child: child}\n",
    "events/rsvp.yaml": "from: desk.guests\nwho: guest\nwhen: said_at\n"
                        "what: {rsvp_id: rsvp_id, party_id: party_id, party_day: day, attending: attending, kids: kids}\n",
    "events/visited.yaml": "from: desk.visits\nwho: person\nwhen: at\nwhat: {kind: kind}\n",
    "segments/quiet.yaml": "when: {days_since: visited, at_least: 10}\n",
    "metrics/visits.yaml": "count: visited\n",
    "destinations/texts.yaml": 'kind: http\nurl: http://127.0.0.1:9\nfrom: "+12545550100"\n',
    "desk/people.csv": """\
id,name,phone,born,region
1,Ann Lee,254-867-5301,1984-03-01,TX
2,Ben Ash,254-867-5302,1990-02-10,TX
3,Cat Ray,254-867-5303,1990-01-01,TX
4,Dan Day,254-867-5304,1990-01-01,TX
5,Eve Fox,,1990-01-01,TX
6,Fay Oak,254-867-5306,1990-01-01,TX
7,Gus Elm,254-867-5307,1996-02-29,TX
""",
    "desk/parties.csv": """\
party_id,host,child,day,booked_at
p1,1,Bo,2026-02-14,2026-01-05T12:00:00-06:00
p2,1,Cy,2026-02-14,2026-01-06T12:00:00-06:00
p3,2,Di,2026-02-16,2026-02-12T12:00:00-06:00
""",
    "desk/guests.csv": """\
rsvp_id,party_id,guest,attending,kids,day,said_at
r1,p1,3,yes,2,2026-02-14,2026-01-20T12:00:00-06:00
r2,p1,4,yes,1,2026-02-14,2026-01-21T12:00:00-06:00
r3,p1,6,no,0,2026-02-14,2026-01-21T12:00:00-06:00
r4,p2,3,yes,3,2026-02-14,2026-01-22T12:00:00-06:00
""",
    "desk/visits.csv": """\
visit_id,person,at,kind
v1,3,2026-01-20T12:00:00-06:00,day
v2,4,2026-01-20T12:00:00-06:00,day
v3,4,2026-02-03T12:00:00-06:00,member
v4,6,2026-01-22T12:00:00-06:00,day
""",
}
HOST = """\
trigger: {date: party_day, of: party, occasion: party_id}
starts: 2026-01-01
channel: sms
purpose: transactional
by: texts
totals: {guests: {count: rsvp, where: {attending: "yes"}, same: party_id}, kids: {sum: kids, of: rsvp, same: party_id}}
steps:
  - wait: {until: 7 days before}
  - {message: week, text: "{{ first_name }}: the party of {{ occasion.child }} is on {{ occasion.day }}"}
  - wait: {until: 6 days before}
  - {message: six, text: "{{ occasion.child }} has {{ total.guests }} guests, {{ total.kids }} kids"}
"""
GUEST = """\
trigger: {date: party_day, of: rsvp, where: {attending: "yes"}, occasion: rsvp_id}
starts: 2026-01-01
channel: sms
purpose: transactional
by: texts
steps:
  - wait: {until: 2 days before}
  - {message: reminder, text: "See you on {{ occasion.day }}"}
"""
WINBACK = """\
trigger: {entered: quiet}
starts: 2026-01-01
goal: {event: visited}
channel: sms
purpose: transactional
by: texts
steps:
  - wait: {until: day 3}
  - {message: day_3, text: "three"}
  - wait: {until: day 7}
  - {message: day_7, text: "seven"}
"""
FLOWS = {"host": HOST, "guest": GUEST, "winback": WINBACK}


@dataclass(kw_only=True)
class Club:
    """One copy of the club, as days go by."""

    folder: Path
    now: datetime

    def open(self) -> Workspace:
        return open_workspace(self.folder, clock=FixedClock(self.now))

    def flows(self, day: date) -> None:
        """Let the flows alone go on."""
        self.now = morning(day)
        workspace = self.open()
        try:
            spent(carry_flows(workspace))
        finally:
            workspace.close()

    def day(self, day: date, *, hour: int = 12) -> None:
        """Decide the segments of a day and let the flows go on, as a run does; at six in the morning by default."""
        self.now = morning(day, hour=hour)
        workspace = self.open()
        try:
            spent(segment_customers(workspace))
            spent(carry_flows(workspace))
        finally:
            workspace.close()

    def days(self, first: date, last: date, *, every: int = 1) -> None:
        for day in days(first, last)[::every]:
            self.day(day)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, day: date) -> None:
        """Do everything that is due on a day, pulling included."""
        self.now = morning(day)
        workspace = self.open()
        try:
            result = run(workspace)
            # What is to happen after the day is in its files already, and the check says so.
            assert [step for step in result.steps if step.outcome != "done" and step.name != "check"] == []
        finally:
            workspace.close()

    @property
    def messages(self) -> list[MessageLine]:
        workspace = self.open()
        try:
            found = workspace.book.message_list.page(Wanted(), limit=1000)
            return sorted(found, key=lambda one: (one.due_at or one.changed_at, one.campaign, one.customer_id))
        finally:
            workspace.close()

    def ask(self, read: Any) -> Any:
        workspace = self.open()
        try:
            return read(workspace)
        finally:
            workspace.close()

    def called(self) -> dict[str, str]:
        """Return the first names of customers by their ids."""
        return self.ask(lambda w: {
            row["customer_id"]: row["first_name"] for row in w.rows(w.table("customers"))
        })

    def planned(self) -> list[tuple[str, str, str]]:
        """Return who gets what when: name, campaign, local day of the messages that are not skipped, in order."""
        names = self.called()
        return [
            (names[one.customer_id], one.campaign, f"{one.due_at:%m-%d %H:%M}")
            for one in self.messages if one.state != "skipped" and one.due_at is not None
        ]


def write_club(folder: Path, *, flows: dict[str, str] | None = None) -> Path:
    """Write the club's files."""
    wanted = FLOWS if flows is None else flows
    for name, text in {**FILES, **{f"flows/{flow}.yaml": text for flow, text in wanted.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def copied(club: Path, folder: Path, *, flows: dict[str, str]) -> Club:
    """Return a copy of a club that ran once without flows, with these."""
    shutil.copytree(club, folder)
    for flow, text in flows.items():
        path = folder / "flows" / f"{flow}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Club(folder=folder, now=morning(date(2026, 2, 28)))


def morning(day: date, *, hour: int = 12) -> datetime:
    """Return an hour of a day in UTC; noon there is six in the morning here, in winter."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def spent(steps: Steps) -> None:
    """Do a step to its end."""
    for _ in steps:
        pass


def states(messages: Iterable[MessageLine]) -> list[tuple[str, str, str | None]]:
    return [(one.campaign, one.state, one.reason) for one in messages]
