"""Touches: messages that reached somebody, of every campaign, for sharing out what came of them; and their texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import attempts, campaigns

TOUCHES = pa.schema([*bulk.texts("campaign_id", "customer"), pa.field("at", pa.timestamp("us"))])
"""One row a message that a provider took: the occurrence's id, the customer it was for, when (UTC)."""


@dataclass(frozen=True, slots=True)
class TouchBook:
    """Messages that were taken."""

    database: Database

    def since(self, moment: datetime, *, leaving_out: str) -> pa.Table:
        """Return TOUCHES from a moment on, sorted by occurrence and customer; without one campaign."""
        a, c = attempts.c, campaigns.c
        query = sa.select(a.campaign_id, a.customer_id, a.attempted_at).join(
            campaigns, sa.and_(c.tenant == a.tenant, c.campaign_id == a.campaign_id)
        ).where(
            a.tenant == self.database.tenant, a.outcome == "accepted", a.ended_at >= moment, a.attempted_at >= moment,
            c.campaign != leaving_out,
        )
        with self.database.reading() as connection:
            return bulk.read(connection, query, TOUCHES, order_by=["campaign_id", "customer"])

    def texts(self, campaign_id: str) -> Iterator[tuple[str | None, int]]:
        """Yield every text that was taken of an occurrence, and how often; null for e-mail, and where it was erased."""
        a = attempts.c
        query = sa.select(a.text, sa.func.count()).where(
            a.tenant == self.database.tenant, a.campaign_id == campaign_id, a.outcome == "accepted"
        ).group_by(a.text)
        with self.database.reading() as connection:
            yield from (tuple(row) for row in connection.execute(query))
