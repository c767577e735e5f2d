"""Messages one by one, to look at: what became of each, page by page, in the order of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.campaigns.campaign import message_id
from regulars.errors import NotFound
from regulars.storage.book.database import Database
from regulars.storage.book.messages import MessageState
from regulars.storage.book.tables import attempts, campaigns, messages

Place = tuple[str, str]
"""Where a page ended: the campaign's id and the customer's."""

OF_ATTEMPT = ("provider", "provider_id", "attempted_at", "text")
OF_CAMPAIGN = ("campaign", "occurrence", "channel")
"""What a message says of its last attempt, and of its campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLine:
    """One message and its last attempt."""

    campaign_id: str
    customer_id: str
    campaign: str
    occurrence: str
    variant: str
    channel: str
    address: str | None                      # null: there is none
    state: MessageState
    reason: str | None
    due_at: datetime | None                  # aware; when it is sent or asked for
    attempts: int
    provider: str | None                     # null: not attempted yet
    provider_id: str | None
    attempted_at: datetime | None            # aware
    text: str | None                         # of a text message that was attempted
    changed_at: datetime                     # aware

    @property
    def message_id(self) -> str:
        """Return the id that went along to the provider."""
        return message_id(self.campaign_id, self.customer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages; what is None is not asked."""

    campaign: str | None = None
    occurrence: str | None = None
    state: MessageState | None = None
    variant: str | None = None
    customer_id: str | None = None
    address: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MessageList:
    """The ledger of messages, read."""

    database: Database

    def find(self, campaign_id: str, customer_id: str) -> MessageLine:
        """Return one message. Raises NotFound."""
        one = sa.and_(messages.c.campaign_id == campaign_id, messages.c.customer_id == customer_id)
        found = self._found(one, limit=1)
        if not found:
            raise NotFound(f"there is no message {message_id(campaign_id, customer_id)!r}")
        return found[0]

    def page(self, wanted: Wanted, *, limit: int, after: Place | None = None) -> list[MessageLine]:
        """Return messages after a place, sorted by campaign id and customer id."""
        m = messages.c
        where = [
            (campaigns.c if name in OF_CAMPAIGN else m)[name] == value
            for name in Wanted.__slots__ if (value := getattr(wanted, name)) is not None
        ]
        if after is not None:
            campaign, customer = after
            where.append(sa.or_(
                m.campaign_id > campaign, sa.and_(m.campaign_id == campaign, m.customer_id > customer)
            ))
        return self._found(*where, limit=limit)

    def newest(self, *, limit: int) -> list[MessageLine]:
        """Return the messages whose last attempt ended last, the newest first."""
        a = attempts.c
        ended = (a.tenant == self.database.tenant, a.ended_at.is_not(None))
        query = sa.select(a.campaign_id, a.customer_id).where(*ended).order_by(a.ended_at.desc()).limit(limit)
        with self.database.reading() as connection:
            keys = {tuple(row): None for row in connection.execute(query)}
        m, found = messages.c, list[MessageLine]()
        for campaign in {key[0]: None for key in keys}:
            mine = m.customer_id.in_([customer for one, customer in keys if one == campaign])
            found += self._found(m.campaign_id == campaign, mine, limit=limit)
        return sorted(found, key=lambda one: str(one.attempted_at), reverse=True)

    def sent_since(self, moment: datetime) -> list[str]:
        """Return the customers to whom something was sent since a moment, sorted."""
        a = attempts.c
        query = sa.select(a.customer_id).where(
            a.tenant == self.database.tenant, a.outcome == "accepted", a.ended_at >= moment
        ).distinct()
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def _found(self, *where: sa.ColumnElement[bool], limit: int) -> list[MessageLine]:
        m, a, c = messages.c, attempts.c, campaigns.c
        query = sa.select(
            *(a[name] for name in OF_ATTEMPT), *(c[name] for name in OF_CAMPAIGN),
            *(m[name] for name in MessageLine.__slots__ if name not in (*OF_ATTEMPT, *OF_CAMPAIGN)),
        ).select_from(campaigns)
        query = query.join(messages, sa.and_(m.tenant == c.tenant, m.campaign_id == c.campaign_id))
        query = query.outerjoin(attempts, sa.and_(
            a.tenant == m.tenant, a.campaign_id == m.campaign_id, a.customer_id == m.customer_id, a.n == m.attempts
        )).where(c.tenant == self.database.tenant, *where)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(m.campaign_id, m.customer_id).limit(limit)).mappings().all()
        return [MessageLine(**row) for row in rows]
