"""Offers: what each variant of an occurrence offers, kept when it was planned; who got which offer, and when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from regulars.campaigns.offered import Offered
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import campaign_offers, campaigns, messages

GOT = pa.schema([*bulk.texts("customer", "offer_key"), pa.field("at", pa.timestamp("us"))])
"""One row a customer and offer: when its last occurrence began (UTC)."""

REACHES = ("sent", "unknown", "planned", "deferred", "claimed")
"""States of messages that somebody got, or will."""


@dataclass(frozen=True, slots=True)
class OfferBook:
    """Offers by occurrence and variant."""

    database: Database

    def keep(self, campaign_id: str, offers: Sequence[Offered]) -> None:
        """Write down what the variants of an occurrence offer; planned anew, what they offer now."""
        t = campaign_offers.c
        mine = (t.tenant == self.database.tenant, t.campaign_id == campaign_id)
        with self.database.writing() as connection:
            connection.execute(sa.delete(campaign_offers).where(*mine))
            rows = [{name: getattr(one, name) for name in Offered.__slots__} for one in offers]
            if rows:
                shared = {"tenant": self.database.tenant, "campaign_id": campaign_id}
                connection.execute(sa.insert(campaign_offers), [{**shared, **row} for row in rows])

    def of(self, campaign_id: str) -> list[Offered]:
        """Return what the variants of an occurrence offer, sorted by variant."""
        t = campaign_offers.c
        query = sa.select(*(t[name] for name in Offered.__slots__)).where(
            t.tenant == self.database.tenant, t.campaign_id == campaign_id
        )
        with self.database.reading() as connection:
            found = [Offered(**row) for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda one: one.variant)

    def occurrences(self, *, since: datetime) -> list[str]:
        """Return the ids of occurrences with an offer that began after a moment, sorted."""
        t, c = campaign_offers.c, campaigns.c
        query = sa.select(t.campaign_id).distinct().join(
            campaigns, sa.and_(c.tenant == t.tenant, c.campaign_id == t.campaign_id)
        ).where(t.tenant == self.database.tenant, t.has_offer, c.starts_at >= since)
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def got(self, keys: Collection[str], *, since: datetime, besides: str) -> pa.Table:
        """Return GOT of those who got an offer, or will, by an occurrence after a moment other than `besides`."""
        o, m, c = campaign_offers.c, messages.c, campaigns.c
        query = sa.select(m.customer_id, o.offer_key, sa.func.max(c.starts_at)).select_from(campaign_offers)
        query = query.join(campaigns, sa.and_(c.tenant == o.tenant, c.campaign_id == o.campaign_id))
        query = query.join(messages, sa.and_(
            m.tenant == o.tenant, m.campaign_id == o.campaign_id, m.variant == o.variant
        )).where(
            o.tenant == self.database.tenant, o.offer_key.in_(sorted(keys)), c.starts_at >= since,
            c.campaign_id != besides, c.state != "draft", m.state.in_(REACHES),
        ).group_by(m.customer_id, o.offer_key)
        with self.database.reading() as connection:
            return bulk.read(connection, query, GOT, order_by=["customer", "offer_key"])
