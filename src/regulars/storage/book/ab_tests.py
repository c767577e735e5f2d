"""A/B tests of text messages: the campaigns, whom they are for, and everything that happened to each recipient.

Variants and decisions are an experiment's and stand with the other experiments; an event points at one by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from regulars.errors import NotFound
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import ab_campaigns, ab_events, ab_recipients, assignments

MOMENT = pa.timestamp("us")
AT_ONCE = 500
"""Ids in one question."""

EVENTS = pa.schema([
    pa.field("number", pa.int64()),          # in the order they were told, across all experiments
    *bulk.texts("unit"), pa.field("epoch", pa.int64()), *bulk.texts("variant", "kind"), pa.field("at", MOMENT),
    *bulk.texts("activity", "link", "reply"),
])
"""One row per event of a recipient: `kind` is sent, opened, clicked, replied or converted.

`reply` is positive, negative or neutral.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ABCampaign:
    """A message in two variants."""

    number: int                              # from 1
    name: str
    status: str                              # draft, scheduled, running, paused, complete, archived
    template_a: str
    template_b: str
    config: str                              # JSON: how it is split, and what makes a winner
    zone: str                                # in which its days are days
    salt: str                                # makes its split unpredictable
    created_at: datetime                     # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class ABEvent:
    """Something that happened to a recipient with the variant it has."""

    unit: str
    epoch: int
    variant: str
    kind: str
    at: datetime                             # aware
    activity: str | None = None              # the message it is about, as the phone system calls it
    link: str | None = None
    reply: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ABCount:
    """How many different recipients of a variant something happened to; of replies, by the first one of each."""

    epoch: int
    variant: str
    kind: str                                # assigned, sent, opened, clicked, replied, converted
    reply: str | None
    units: int
    first_at: datetime                       # aware: to the first of them


@dataclass(frozen=True, slots=True)
class ABTestBook:
    """Campaigns, recipients and the event log."""

    database: Database

    def create(self, campaign: ABCampaign) -> ABCampaign:
        """Keep a new campaign and return it with its number, whatever number it came with."""
        with self.database.writing() as connection:
            number = self.database.next_number(connection, "ab_campaigns")
            connection.execute(sa.insert(ab_campaigns).values(
                tenant=self.database.tenant, number=number, name=campaign.name, status=campaign.status,
                template_a=campaign.template_a, template_b=campaign.template_b, config=campaign.config,
                zone=campaign.zone, salt=campaign.salt, created_at=campaign.created_at,
            ))
            return self._one(connection, number)

    def campaign(self, number: int) -> ABCampaign | None:
        """Return a campaign, or None where there is none of this number."""
        with self.database.reading() as connection:
            return self._find(connection, number)

    def campaigns(self) -> list[ABCampaign]:
        """Return all campaigns, the oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(self._campaigns().order_by(ab_campaigns.c.number)).mappings()
            return [ABCampaign(**row) for row in rows]

    def change(self, number: int, *, config: str | None = None, status: str | None = None) -> ABCampaign:
        """Change what is given of a campaign that is there, and return it."""
        changed = {name: value for name, value in (("config", config), ("status", status)) if value is not None}
        t = ab_campaigns.c
        with self.database.writing() as connection:
            connection.execute(
                sa.update(ab_campaigns).where(t.tenant == self.database.tenant, t.number == number).values(**changed)
            )
            return self._one(connection, number)

    def add_recipients(self, number: int, units: Sequence[str], *, at: datetime) -> int:
        """Keep whom a campaign is for; returns how many were new."""
        statement = self.database.insert(ab_recipients).on_conflict_do_nothing()
        with self.database.writing() as connection:
            before = self._recipients(connection, number)
            bulk.write(
                connection, statement, pa.table({"unit": pa.array(units, pa.string())}), tenant=self.database.tenant,
                campaign=number, added_at=at,
            )
        return len(set(units) - before)

    def recipients(self, number: int) -> list[str]:
        """Return whom a campaign is for, sorted."""
        with self.database.reading() as connection:
            return sorted(self._recipients(connection, number))

    def record(self, experiment: str, events: Sequence[ABEvent]) -> int:
        """Add events to the log, all or none; returns how many were new.

        One with an activity that is in the log for this recipient and kind is the same told again, and is left out.
        """
        if not events:
            return 0
        with self.database.writing() as connection:
            # The counter stays locked until the end, so nobody else tells of the same activity in the meantime.
            number = self.database.next_number(connection, "ab_events", count=len(events))
            told = self._told(connection, experiment, {event.unit for event in events if event.activity is not None})
            fresh = []
            for event in events:
                same = (event.unit, event.kind, event.activity)
                if event.activity is None or same not in told:
                    fresh.append(event)
                    told.add(same)
            shared = {"tenant": self.database.tenant, "experiment": experiment}
            if rows := [{**shared, "number": number + n, **asdict(event)} for n, event in enumerate(fresh)]:
                connection.execute(sa.insert(ab_events), rows)
        return len(rows)

    def log(self, experiment: str) -> pa.Table:
        """Return every event of an experiment as EVENTS, in the order they were told."""
        return self._events(sa.select(*self._columns()).where(*self._mine(experiment)), "number")

    def touches(self, experiment: str, *, unit: str | None = None) -> pa.Table:
        """Return the first event of each recipient and kind as EVENTS, of one recipient or all, sorted by recipient."""
        t = ab_events.c
        mine = self._mine(experiment) if unit is None else (*self._mine(experiment), t.unit == unit)
        return self._events(self._first(*mine), "unit", "kind")

    def counts(self, experiment: str, *, without: str) -> list[ABCount]:
        """Return how many recipients each thing happened to, by epoch and variant.

        Not counted as assigned is who has a variant of the experiment `without` as well: who left this one for it.
        """
        t, other = ab_events.c, assignments.alias()
        left = sa.select(other.c.unit).where(other.c.tenant == self.database.tenant, other.c.experiment == without)
        assigned = sa.select(
            assignments.c.epoch, assignments.c.variant, sa.literal("assigned"), sa.null(), sa.func.count(),
            sa.func.min(assignments.c.assigned_at),
        ).where(
            assignments.c.tenant == self.database.tenant, assignments.c.experiment == experiment,
            assignments.c.unit.not_in(left),
        ).group_by(assignments.c.epoch, assignments.c.variant)
        touched = sa.select(
            t.epoch, t.variant, t.kind, sa.null(), sa.func.count(t.unit.distinct()), sa.func.min(t.at)
        ).where(*self._mine(experiment), t.kind != "replied").group_by(t.kind, t.epoch, t.variant)
        first = self._first(*self._mine(experiment), t.kind == "replied").subquery().c
        replied = sa.select(
            first.epoch, first.variant, first.kind, first.reply, sa.func.count(), sa.func.min(first.at)
        ).group_by(first.epoch, first.variant, first.kind, first.reply)
        with self.database.reading() as connection:
            rows = [tuple(row) for query in (assigned, touched, replied) for row in connection.execute(query)]
        return [
            ABCount(epoch=epoch, variant=variant, kind=kind, reply=reply, units=units, first_at=first_at)
            for epoch, variant, kind, reply, units, first_at in sorted(rows, key=str)
        ]

    def forget_assignments(self, experiment: str, units: Collection[str]) -> int:
        """Delete the variants of units that are no customers any more; returns how many there were."""
        t = assignments.c
        gone = sa.delete(assignments).where(
            t.tenant == self.database.tenant, t.experiment == experiment, t.unit == sa.bindparam("gone")
        )
        with self.database.writing() as connection:
            return sum(connection.execute(gone, {"gone": unit}).rowcount for unit in sorted(units))

    def _campaigns(self) -> sa.Select[Any]:
        t = ab_campaigns.c
        return sa.select(
            t.number, t.name, t.status, t.template_a, t.template_b, t.config, t.zone, t.salt, t.created_at
        ).where(t.tenant == self.database.tenant)

    def _find(self, connection: sa.Connection, number: int) -> ABCampaign | None:
        row = connection.execute(self._campaigns().where(ab_campaigns.c.number == number)).mappings().one_or_none()
        return None if row is None else ABCampaign(**row)

    def _one(self, connection: sa.Connection, number: int) -> ABCampaign:
        found = self._find(connection, number)
        if found is None:
            raise NotFound(f"there is no campaign {number}", hint="campaigns are numbered from 1")
        return found

    def _recipients(self, connection: sa.Connection, number: int) -> set[str]:
        t = ab_recipients.c
        query = sa.select(t.unit).where(t.tenant == self.database.tenant, t.campaign == number)
        return set(connection.execute(query).scalars())

    def _mine(self, experiment: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (ab_events.c.tenant == self.database.tenant, ab_events.c.experiment == experiment)

    def _columns(self) -> list[sa.Column[Any]]:
        return [ab_events.c[name] for name in EVENTS.names]

    def _first(self, *which: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Told of late, an earlier event is still the first one."""
        t = ab_events.c
        place = sa.func.row_number().over(partition_by=(t.unit, t.kind), order_by=(t.at, t.number)).label("place")
        placed = sa.select(*self._columns(), place).where(*which).subquery()
        return sa.select(*(placed.c[name] for name in EVENTS.names)).where(placed.c.place == 1)

    def _told(self, connection: sa.Connection, experiment: str, units: set[str]) -> set[tuple[str, str, str | None]]:
        """Recipient, kind and activity of what was told of some recipients."""
        t = ab_events.c
        told: set[tuple[str, str, str | None]] = set()
        ordered = sorted(units)
        for start in range(0, len(ordered), AT_ONCE):
            some = t.unit.in_(ordered[start:start + AT_ONCE])
            query = sa.select(t.unit, t.kind, t.activity).where(*self._mine(experiment), some)
            told |= {(row.unit, row.kind, row.activity) for row in connection.execute(query)}
        return told

    def _events(self, query: sa.Select[Any], *order_by: str) -> pa.Table:
        with self.database.reading() as connection:
            return bulk.read(connection, query, EVENTS, order_by=order_by)
