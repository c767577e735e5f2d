"""What was sent and what was told of it, in the order in which it was written down: for the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.campaigns.campaign import message_id
from regulars.campaigns.offered import Offered
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.receipts import BOT
from regulars.storage.book.tables import (
    attempts,
    campaign_offers,
    campaigns,
    customers,
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
        o = campaign_offers
        said = [o.c[name] for name in Offered.__slots__ if name not in {"variant", "offer_key"}]
        query = self._told(a, a.c.provider_id, a.c.text, a.c.attempted_at.label("sent_at"), *said, moment=a.c.ended_at)
        query = query.outerjoin(campaign_offers, sa.and_(
            o.c.tenant == a.c.tenant, o.c.campaign_id == a.c.campaign_id, o.c.variant == messages.c.variant
        ))
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


def _plain(row: Mapping[Any, Any]) -> Row:
    rest = {str(name): value for name, value in row.items() if name != "campaign_id"}
    return {"message_id": message_id(row["campaign_id"], row["customer_id"]), **rest}


def _with_receipt_id(row: Row) -> Row:
    told = (row["provider"], row["provider_id"], row["stage"], row["event_id"])
    return {"receipt_id": "/".join(told), **{name: value for name, value in row.items() if name != "event_id"}}
