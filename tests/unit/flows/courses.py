"""Flows and journeys of invented people, and answers about them that are kept in lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray

from regulars.campaigns.wording import Wording
from regulars.events.vocabulary import Vocabulary
from regulars.flows.advance import Advanced, advance
from regulars.flows.declare import declare
from regulars.flows.due import Moments, at_local
from regulars.flows.enter import OCCASIONS, consider, journeys_of
from regulars.flows.flow import Flow, Happened, InSegment, Question
from regulars.flows.journey import JOURNEYS

ZONE = "America/Chicago"
KNOWN = Vocabulary(
    events={
        "party_hosted": frozenset({"party_id", "party_day", "child_name"}), "check_in": frozenset({"kind"}),
        "party_rsvp": frozenset({"party_id", "attending", "num_kids"}), "joined": frozenset({"plan"}),
    },
    segments=frozenset({"lapsed", "member"}), traits=frozenset({"customer_id", "first_name", "birthday"}),
)
WORDING = Wording(zone=ZONE, currency="USD")
HEAD = """
trigger: {entered: lapsed}
starts: 2026-01-01
channel: sms
by: texts
"""
DRIP = HEAD + """
steps:
  - wait: {until: day 3}
  - {message: day_3, text: three}
  - wait: {until: day 7}
  - {message: day_7, text: seven}
  - wait: {until: day 14}
  - {message: day_14, text: fourteen}
"""


def flow(text: str, **changed: object) -> Flow:
    """Return the flow that YAML declares, times of the day and days read as a project's files are."""
    data: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return declare("winback", {**data, **changed}, known=KNOWN, wording=WORDING)


@dataclass(kw_only=True)
class Told:
    """Answers out of lists."""

    members: Mapping[str, set[str]] = field(default_factory=dict)          # segment -> customers
    events: list[tuple[str, str, datetime]] = field(default_factory=list)  # event, customer, when
    variant: Mapping[str, str] = field(default_factory=dict)               # customer -> variant

    def holds(self, question: Question, customers: pa.Array, *, since: Moments) -> NDArray[np.bool_]:
        match question:
            case InSegment():
                inside = self.members.get(question.segment, set())
                return np.array([(one in inside) == question.is_in for one in customers.to_pylist()], np.bool_)
            case Happened():
                return ~np.isnat(self.first(question, customers, since=since))

    def first(self, question: Happened, customers: pa.Array, *, since: Moments) -> Moments:
        found = [
            min((naive(at) for event, who, at in self.events
                 if event in question.events and who == one and np.datetime64(naive(at)) > after), default=None)
            for one, after in zip(customers.to_pylist(), since, strict=True)
        ]
        return np.array(found, "datetime64[us]")

    def variants(self, experiment: str, customers: pa.Array) -> pa.Array:
        del experiment
        return pa.array([self.variant.get(one) for one in customers.to_pylist()], pa.string())


def occasions(*rows: tuple[str, str, date]) -> pa.Table:
    """Return OCCASIONS: customer, occasion, day."""
    who, what, days = zip(*rows, strict=True)
    midnights = at_local(np.array(days, "datetime64[D]"), zone=ZONE)
    return pa.table({"customer_id": who, "occasion": what, "anchor_day": days, "anchor_at": midnights}, schema=OCCASIONS)


def begin(
    of: Flow, found: pa.Table, *, known: pa.Table | None = None, now: datetime | None = None, held_out: bool = False
) -> pa.Table:
    """Return the journeys that occasions begin."""
    known = JOURNEYS.empty_table() if known is None else known
    told = consider(of, found, known)
    going = told.filter(pc.is_null(told["refusal"])).select(OCCASIONS.names)
    held = np.full(going.num_rows, held_out)
    return journeys_of(of, going, known, held_out=held, now=now or noon(date(2026, 1, 1)), zone=ZONE)


@dataclass
class Course:
    """The journeys of one flow as runs go by."""

    flow: Flow
    journeys: pa.Table
    told: Told = field(default_factory=Told)
    sends: list[tuple[str, str, datetime]] = field(default_factory=list)   # customer, step, when it goes
    taken: list[tuple[str, str, str]] = field(default_factory=list)        # customer, step, outcome

    def run(self, now: datetime) -> Advanced:
        found = advance(self.flow, _open(self.journeys), self.told, now=now, zone=ZONE)
        moved = {(row["customer_id"], row["occasion"]): row for row in found.journeys.to_pylist()}
        rows = [moved.get((row["customer_id"], row["occasion"]), row) for row in self.journeys.to_pylist()]
        self.journeys = pa.Table.from_pylist(rows, schema=JOURNEYS)
        self.sends += [(row["customer_id"], row["step"], row["due_at"].replace(tzinfo=UTC)) for row in found.sends.to_pylist()]
        self.taken += [(row["customer_id"], row["step"], row["outcome"]) for row in found.taken.to_pylist()]
        return found

    @property
    def endings(self) -> list[str | None]:
        return list(self.journeys["ending"].to_pylist())


def course(of: Flow, *rows: tuple[str, str, date], told: Told | None = None, held_out: bool = False) -> Course:
    """Return the journeys that some occasions begin."""
    return Course(of, begin(of, occasions(*rows), held_out=held_out), told or Told())


def noon(day: date) -> datetime:
    """Return noon in Texas in winter."""
    return datetime(day.year, day.month, day.day, 18, tzinfo=UTC)


def morning(day: date) -> datetime:
    """Return six in the morning in Texas in winter."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def days(first: date, count: int) -> list[date]:
    """Return so many days from the first on."""
    return [first + timedelta(days=n) for n in range(count)]


def naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _open(journeys: pa.Table) -> pa.Table:
    return journeys.filter(pc.is_null(journeys["ended_at"]))
