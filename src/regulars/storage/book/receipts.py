"""Receipts: what providers told of messages afterwards, each once, and what follows for the message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.campaigns.campaign import read_message_id
from regulars.consent.channel import Channel
from regulars.destinations.sender import Receipt
from regulars.storage.book.database import Database
from regulars.storage.book.tables import attempts, campaigns, messages, receipts

REACHED = ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed", "undelivered")
"""Stages that only a message has which the provider took."""

BOT = "bot"
"""The code of a click that no person made; its reason says what tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A receipt that was new, and the message it is of."""

    receipt: Receipt
    campaign_id: str | None                  # None: of a message that we know nothing of
    customer_id: str | None
    channel: Channel | None                  # by which it went
    address: str | None                      # to which


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a provider told of one of its texts or e-mails, whoever's it is."""

    recorded_at: datetime                    # aware
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiptBook:
    """Receipts by provider, its id of the message, stage and its id of the news."""

    database: Database

    def keep(self, told: Iterable[Receipt], *, at: datetime) -> list[Kept]:
        """Write receipts down and return those that are new; twice is once, and their order does not matter.

        A message of which nobody knew whether the provider had it is sent when a receipt says so.
        """
        kept = []
        with self.database.writing() as connection:
            for receipt in told:
                campaign, customer = self._message(connection, receipt)
                is_new = connection.execute(
                    self.database.insert(receipts).values(
                        tenant=self.database.tenant, provider=receipt.provider, provider_id=receipt.provider_id,
                        stage=receipt.stage, event_id=receipt.event_id, at=receipt.at, campaign_id=campaign,
                        customer_id=customer, code=receipt.code, reason=receipt.reason, url=receipt.url,
                        agent=receipt.agent, recorded_at=at,
                    ).on_conflict_do_nothing().returning(receipts.c.stage)
                ).first()
                if is_new is None:
                    continue
                channel, address = self._reached(connection, campaign, customer)
                kept.append(Kept(
                    receipt=receipt, campaign_id=campaign, customer_id=customer, channel=channel, address=address
                ))
                if campaign is not None and customer is not None and receipt.stage in REACHED:
                    self._settle(connection, campaign, customer, receipt, at)
        return kept

    def of(self, campaign_id: str, customer_id: str) -> list[tuple[datetime, str, str]]:
        """Return when, stage and reason of everything that was told of one message, in order."""
        t = receipts.c
        query = sa.select(t.at, t.stage, t.reason).where(
            t.tenant == self.database.tenant, t.campaign_id == campaign_id, t.customer_id == customer_id
        )
        with self.database.reading() as connection:
            return sorted((at, stage, reason) for at, stage, reason in connection.execute(query))

    def of_provider(self, provider: str, provider_id: str) -> list[News]:
        """Return what was told of a message by the provider's own id of it, in the order it came."""
        t = receipts.c
        query = sa.select(t.recorded_at, t.stage, t.reason).where(
            t.tenant == self.database.tenant, t.provider == provider, t.provider_id == provider_id
        )
        with self.database.reading() as connection:
            found = [News(**row) for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda one: (one.recorded_at, one.stage))

    def _message(self, connection: sa.Connection, receipt: Receipt) -> tuple[str | None, str | None]:
        """Find the message by our own id, or by the provider's."""
        ours = read_message_id(receipt.message_id or "")
        m, a = messages.c, attempts.c
        if ours is not None:
            mine = (m.tenant == self.database.tenant, m.campaign_id == ours[0], m.customer_id == ours[1])
            if connection.execute(sa.select(m.customer_id).where(*mine)).first() is not None:
                return ours
        found = connection.execute(sa.select(a.campaign_id, a.customer_id).where(
            a.tenant == self.database.tenant, a.provider == receipt.provider, a.provider_id == receipt.provider_id
        )).first()
        return (None, None) if found is None else (found[0], found[1])

    def _reached(
        self, connection: sa.Connection, campaign: str | None, customer: str | None
    ) -> tuple[Channel | None, str | None]:
        m, c = messages.c, campaigns.c
        query = sa.select(c.channel, m.address).where(
            m.tenant == self.database.tenant, m.campaign_id == campaign, m.customer_id == customer,
            c.tenant == m.tenant, c.campaign_id == m.campaign_id,
        )
        found = connection.execute(query).first()
        return (None, None) if found is None else (found[0], found[1])

    def _settle(
        self, connection: sa.Connection, campaign: str, customer: str, receipt: Receipt, at: datetime
    ) -> None:
        m, a, tenant = messages.c, attempts.c, self.database.tenant
        number = connection.execute(
            sa.update(messages).where(
                m.tenant == tenant, m.campaign_id == campaign, m.customer_id == customer, m.state == "unknown"
            ).values(state="sent", reason=None, due_at=None, changed_at=at).returning(m.attempts)
        ).scalar()
        if number is not None:
            connection.execute(
                sa.update(attempts).where(
                    a.tenant == tenant, a.campaign_id == campaign, a.customer_id == customer, a.n == number
                ).values(
                    # Of a click that our own door tells of, the provider's id is still not known.
                    outcome="accepted", reason=None, ended_at=at,
                    provider_id=sa.case((a.provider == receipt.provider, receipt.provider_id), else_=a.provider_id),
                )
            )
