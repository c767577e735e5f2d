"""How far the people of an occurrence came, one row a message: for funnels and for comparing variants."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.receipts import BOT
from regulars.storage.book.tables import attempts, campaigns, messages, receipts, replies

STAGES = ("delivered", "opened", "clicked")
MOMENTS = ("flagged", "tagged", "sent", *STAGES, "replied", "agreed", "left", "complained")

WAYS = pa.schema([
    *bulk.texts("customer", "variant", "channel"), *(pa.field(f"{name}_at", pa.timestamp("us")) for name in MOMENTS),
    *bulk.texts("reason"),
])
"""One row a message, sorted by customer; moments are UTC and of the first time, null: never.

flagged: of the audience. tagged: to get a message. agreed: a reply that means yes. left: an opt-out, by reply or link.
Clicks that no person made are left out. reason: why it was not sent.
"""


@dataclass(frozen=True, slots=True)
class WayBook:
    """Messages with what was told and answered of them."""

    database: Database

    def of(self, campaign_id: str) -> pa.Table:
        """Return WAYS of an occurrence."""
        m, a, c = messages.c, attempts.c, campaigns.c
        told, said = self._told(campaign_id), self._said(campaign_id)
        is_sent = m.state == "sent"
        columns = {
            "flagged": c.planned_at, "tagged": sa.case((m.state != "skipped", c.planned_at)),
            "sent": sa.case((is_sent, a.attempted_at)), **{stage: told.c[stage] for stage in STAGES},
            "replied": said.c.replied, "agreed": said.c.agreed,
            "left": sa.func.coalesce(said.c["left"], told.c.unsubscribed), "complained": told.c.complained,
        }
        last = sa.and_(
            a.tenant == m.tenant, a.campaign_id == m.campaign_id, a.customer_id == m.customer_id, a.n == m.attempts
        )
        query = sa.select(
            m.customer_id, m.variant, c.channel, *(columns[name] for name in MOMENTS), m.reason
        ).select_from(messages)
        query = query.join(campaigns, sa.and_(c.tenant == m.tenant, c.campaign_id == m.campaign_id))
        query = query.outerjoin(attempts, last).outerjoin(told, told.c.customer_id == m.customer_id)
        query = query.outerjoin(said, said.c.customer_id == m.customer_id)
        query = query.where(m.tenant == self.database.tenant, m.campaign_id == campaign_id)
        with self.database.reading() as connection:
            return bulk.read(connection, query, WAYS, order_by=["customer"])

    def _told(self, campaign_id: str) -> sa.Subquery:
        """The first time of each stage by customer."""
        t = receipts.c
        return sa.select(t.customer_id, *(
            sa.func.min(sa.case((sa.and_(t.stage == stage, t.code != BOT), t.at))).label(stage)
            for stage in (*STAGES, "unsubscribed", "complained")
        )).where(t.tenant == self.database.tenant, t.campaign_id == campaign_id).group_by(t.customer_id).subquery()

    def _said(self, campaign_id: str) -> sa.Subquery:
        """The first reply, the first that agrees and the first opt-out by customer."""
        t = replies.c
        left = t.status.in_(["opted_out", "already_opted_out"])
        return sa.select(
            t.customer_id, sa.func.min(t.at).label("replied"),
            sa.func.min(sa.case((sa.and_(t.mood == "positive", ~left), t.at))).label("agreed"),
            sa.func.min(sa.case((left, t.at))).label("left"),
        ).where(t.tenant == self.database.tenant, t.campaign_id == campaign_id).group_by(t.customer_id).subquery()
