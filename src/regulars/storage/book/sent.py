"""What was sent and what was told of it, in the order in which it was written down: for the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.campaigns.campaign import message_id
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.receipts import BOT
from regulars.storage.book.tables import (
    Moment,
    attempts,
    campaigns,
    customers,
    flow_journeys,
    flow_steps,
    messages,
    receipts,
    replies,
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SentBook:
    """Messages that were taken, receipts and replies, each with the profile that the customer's id was given for."""

    database: Database

    def sent(self, *, after: datetime, until: datetime) -> Iterator[list[Row]]:
        """Yield batches of what was taken after one moment and up to another, as `sources.messages` has it."""
        a = attempts
        query = self._told(a, a.c.provider_id, a.c.text, a.c.attempted_at.label("sent_at"), moment=a.c.ended_at)
        found = query.where(a.c.outcome == "accepted", a.c.ended_at > after, a.c.ended_at <= until)
        yield from self._batches(found.order_by(a.c.ended_at, a.c.campaign_id, a.c.customer_id))

    def receipts(self, *, after: datetime, until: datetime) -> Iterator[list[Row]]:
        """Yield batches of what was told of messages of ours, in the same way."""
        r = receipts
        query = self._told(
            r, r.c.provider_id, r.c.stage, r.c.event_id, r.c.at.label("told_at"), r.c.reason, r.c.url,
            moment=r.c.recorded_at,
        )
        # What no person did is in the ledger, and not on anybody's timeline.
        found = query.where(r.c.recorded_at > after, r.c.recorded_at <= until, r.c.code != BOT)
        for batch in self._batches(found.order_by(r.c.recorded_at, r.c.provider, r.c.provider_id, r.c.stage)):
            yield [_with_receipt_id(row) for row in batch]

    def replies(self, *, after: datetime, until: datetime) -> Iterator[list[Row]]:
        """Yield batches of what people answered to messages of ours, in the same way."""
        r = replies
        query = self._told(
            r, r.c.provider_id, r.c.at.label("replied_at"), r.c.text, r.c.status, r.c.mood, r.c.intent,
            moment=r.c.recorded_at,
        )
        found = query.where(r.c.recorded_at > after, r.c.recorded_at <= until)
        for batch in self._batches(found.order_by(r.c.recorded_at, r.c.provider, r.c.provider_id)):
            yield [{"reply_id": f"{row['provider']}/{row['provider_id']}", **row} for row in batch]

    def journeys(self, *, after: datetime, until: datetime) -> Iterator[list[Row]]:
        """Yield batches of what became of customers in flows, in the same way: begun, each step taken, ended."""
        j, s = flow_journeys.c, flow_steps.c
        of_all = (j.flow, j.occasion, j.customer_id, j.is_held_out)
        named = sa.and_(
            s.tenant == j.tenant, s.flow == j.flow, s.customer_id == j.customer_id, s.occasion == j.occasion
        )
        steps = sa.select(
            *of_all, sa.literal("step").label("what"), s.step, s.outcome, s.at.label("moment")
        ).join_from(flow_steps, flow_journeys, named)
        begun = sa.select(
            *of_all, sa.literal("entered"), sa.literal(""), sa.literal(""), j.entered_at.label("moment")
        )
        over = sa.select(*of_all, sa.literal("exited"), sa.literal(""), j.ending, j.ended_at.label("moment")).where(
            j.ended_at.is_not(None)
        )
        mine = j.tenant == self.database.tenant
        every = sa.union_all(*(query.where(mine) for query in (steps, begun, over))).subquery()
        e, who = every.c, customers.c
        query = sa.select(
            *every.c, who.founder_source.label("profile_source"), who.founder_id.label("profile_id"),
            sa.type_coerce(e.moment, Moment).label("at"),
        ).outerjoin(customers, sa.and_(who.tenant == self.database.tenant, who.customer_id == e.customer_id))
        query = query.where(e.moment > after, e.moment <= until)
        with self.database.reading() as connection:
            result = connection.execution_options(yield_per=bulk.BATCH).execute(query.order_by(
                e.moment, e.flow, e.customer_id, e.occasion, e.what, e.step
            )).mappings()
            for rows in result.partitions():
                yield [{"journey_id": _journey_id(row), **row} for row in rows]

    def _told(self, of: sa.Table, *columns: sa.ColumnElement[Any], moment: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """Select columns of attempts, receipts or replies with what is known of their message."""
        m, c, who = messages.c, campaigns.c, customers.c
        query = sa.select(
            of.c.campaign_id, of.c.customer_id, who.founder_source.label("profile_source"),
            who.founder_id.label("profile_id"), c.campaign, c.occurrence, m.variant, c.channel, of.c.provider, *columns,
            moment.label("moment"),
        ).select_from(of)
        query = query.join(messages, sa.and_(
            m.tenant == of.c.tenant, m.campaign_id == of.c.campaign_id, m.customer_id == of.c.customer_id
        ))
        query = query.join(campaigns, sa.and_(c.tenant == of.c.tenant, c.campaign_id == of.c.campaign_id))
        query = query.outerjoin(customers, sa.and_(who.tenant == of.c.tenant, who.customer_id == of.c.customer_id))
        return query.where(of.c.tenant == self.database.tenant)

    def _batches(self, query: sa.Select[Any]) -> Iterator[list[Row]]:
        with self.database.reading() as connection:
            result = connection.execution_options(yield_per=bulk.BATCH).execute(query).mappings()
            for rows in result.partitions():
                yield [_plain(row) for row in rows]


def _journey_id(row: Mapping[Any, Any]) -> str:
    """Return what tells apart everything that ever becomes of journeys."""
    return "/".join((row["flow"], row["customer_id"], row["occasion"], row["what"], row["step"]))


def _plain(row: Mapping[Any, Any]) -> Row:
    rest = {str(name): value for name, value in row.items() if name != "campaign_id"}
    return {"message_id": message_id(row["campaign_id"], row["customer_id"]), **rest}


def _with_receipt_id(row: Row) -> Row:
    told = (row["provider"], row["provider_id"], row["stage"], row["event_id"])
    return {"receipt_id": "/".join(told), **{name: value for name, value in row.items() if name != "event_id"}}
