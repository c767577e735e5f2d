"""How far the people of an occurrence came, one row a message: for funnels and for comparing variants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.receipts import BOT
from regulars.storage.book.tables import attempts, campaigns, messages, receipts, replies

MOMENT = pa.timestamp("us")
STAGES = ("delivered", "opened", "clicked")
HEARD = (*STAGES, "unsubscribed", "complained")
MOMENTS = ("flagged", "tagged", "sent", *STAGES, "replied", "agreed", "left", "complained")

WAYS = pa.schema([
    *bulk.texts("customer", "variant", "channel"), *(pa.field(f"{name}_at", MOMENT) for name in MOMENTS),
    *bulk.texts("reason"),
])
"""One row a message, sorted by customer; moments are UTC and of the first time, null: never.

flagged: of the audience. tagged: to get a message. agreed: a reply that means yes. left: an opt-out, by reply or link.
Clicks that no person made are left out. reason: why it was not sent.
"""

SENT = pa.schema([
    *bulk.texts("customer", "variant", "channel"),
    *(pa.field(f"{name}_at", MOMENT) for name in ("flagged", "tagged", "sent")), *bulk.texts("reason"),
])
TOLD = pa.schema([*bulk.texts("customer", "stage"), pa.field("at", MOMENT)])
SAID = pa.schema([*bulk.texts("customer"), *(pa.field(f"{name}_at", MOMENT) for name in ("replied", "agreed", "left"))])


@dataclass(frozen=True, slots=True)
class WayBook:
    """Messages with what was told and answered of them."""

    database: Database

    def of(self, campaign_id: str) -> pa.Table:
        """Return WAYS of an occurrence."""
        with self.database.reading() as connection:
            sent = bulk.read(connection, self._sent(campaign_id), SENT, order_by=["customer"])
            told = bulk.read(connection, self._told(campaign_id), TOLD, order_by=["customer"])
            said = bulk.read(connection, self._said(campaign_id), SAID, order_by=["customer"])
        return _together(sent, told, said)

    def as_now(self, campaign_id: str, before: pa.Table, *, since: datetime) -> pa.Table:
        """Return WAYS of an occurrence whose messages are as they were, from how they stood before.

        Only those are read of whom anything was recorded since a moment.
        """
        news = (
            sa.select(of.c.customer_id).where(
                of.c.tenant == self.database.tenant, of.c.campaign_id == campaign_id, of.c.recorded_at >= since,
                of.c.customer_id.is_not(None),
            ) for of in (receipts, replies)
        )
        with self.database.reading() as connection:
            heard = pa.array(connection.execute(sa.union(*news)).scalars(), pa.string())
            if not len(heard):
                return before
            sent, told, said = (
                bulk.read_some(connection, query(campaign_id), schema, column=column, values=heard)
                for query, schema, column in (
                    (self._sent, SENT, messages.c.customer_id), (self._told, TOLD, receipts.c.customer_id),
                    (self._said, SAID, replies.c.customer_id),
                )
            )
        # Messages are as they were, so each has its place among them.
        news = _together(sent, told, said)
        place = pc.index_in(before["customer"], news["customer"].combine_chunks()).cast(pa.int64())
        own = pa.array(np.arange(before.num_rows))
        return pa.concat_tables([before, news]).take(pc.coalesce(pc.add(place, before.num_rows), own))

    def _sent(self, campaign_id: str) -> sa.Select[Any]:
        m, a, c = messages.c, attempts.c, campaigns.c
        last = sa.and_(
            a.tenant == m.tenant, a.campaign_id == m.campaign_id, a.customer_id == m.customer_id, a.n == m.attempts
        )
        query = sa.select(
            m.customer_id, m.variant, c.channel, c.planned_at, sa.case((m.state != "skipped", c.planned_at)),
            sa.case((m.state == "sent", a.attempted_at)), m.reason,
        ).select_from(messages)
        query = query.join(campaigns, sa.and_(c.tenant == m.tenant, c.campaign_id == m.campaign_id))
        return query.outerjoin(attempts, last).where(
            m.tenant == self.database.tenant, m.campaign_id == campaign_id
        )

    def _told(self, campaign_id: str) -> sa.Select[Any]:
        t = receipts.c
        return sa.select(t.customer_id, t.stage, t.at).where(
            t.tenant == self.database.tenant, t.campaign_id == campaign_id, t.stage.in_(HEARD), t.code != BOT
        )

    def _said(self, campaign_id: str) -> sa.Select[Any]:
        t = replies.c
        left = t.status.in_(["opted_out", "already_opted_out"])
        return sa.select(
            t.customer_id, t.at, sa.case((sa.and_(t.mood == "positive", ~left), t.at)), sa.case((left, t.at)),
        ).where(t.tenant == self.database.tenant, t.campaign_id == campaign_id)


def _together(sent: pa.Table, told: pa.Table, said: pa.Table) -> pa.Table:
    columns = {
        **{name: sent[name] for name in SENT.names},
        **{f"{stage}_at": _first(sent, told.filter(pc.equal(told["stage"], stage)), "at") for stage in HEARD},
        **{f"{name}_at": _first(sent, said, f"{name}_at") for name in ("replied", "agreed", "left")},
    }
    # Who said it in words said it first: a link is followed once.
    columns["left_at"] = pc.coalesce(columns["left_at"], columns["unsubscribed_at"])
    return pa.table({name: columns[name] for name in WAYS.names}, schema=WAYS)


def packed(ways: pa.Table) -> bytes:
    """Return WAYS as few bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ways.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(ways)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # of Arrow, which says nothing of types


def unpacked(ways: bytes) -> pa.Table:
    """Return WAYS from what `packed` made of them."""
    return pa.ipc.open_stream(pa.py_buffer(ways)).read_all()


def _first(sent: pa.Table, told: pa.Table, moment: str) -> pa.ChunkedArray:
    """Return when something was first told of each message, in the order of the messages."""
    first = told.group_by("customer").aggregate([(moment, "min")])
    if not first.num_rows:
        return pa.chunked_array([pa.nulls(sent.num_rows, MOMENT)])
    return first[f"{moment}_min"].take(pc.index_in(sent["customer"], first["customer"].combine_chunks()))
