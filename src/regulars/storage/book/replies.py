"""Replies: what people answered, each once, and which of our messages each of them answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import attempts, campaigns, messages, replies

CLOCKS_DIFFER = timedelta(minutes=1)
"""By how much a reply may seem older than the message that it answers: the two are dated by different clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The message that a reply answers."""

    campaign_id: str
    customer_id: str
    destination: str                         # by which it went


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReply:
    """One reply."""

    provider: str
    provider_id: str
    address: str                             # who wrote: E.164 or e-mail
    ours: str                                # to which of our numbers or addresses
    text: str
    at: datetime                             # aware
    status: str                              # what followed: `consent.answer.Status`
    mood: str                                # how it is meant: `campaigns.sentiment.Mood`
    intent: str
    campaign_id: str | None = None           # of the message that it answers; None: none that we know of
    customer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLine:
    """One reply and the campaign whose message it answers."""

    reply: KeptReply
    campaign: str | None                     # None: an answer to nothing we know of
    occurrence: str | None


@dataclass(frozen=True, slots=True)
class ReplyBook:
    """Replies by provider and its id of the text."""

    database: Database

    def answered(self, address: str, *, ours: str, provider: str, at: datetime, leaving_out: str) -> Answered | None:
        """Return the message that a reply of a moment answers: the last one before it to that address.

        Those that left from the number that was answered come first: a provider that chooses numbers itself tells of
        another one. Messages of the campaign `leaving_out` are none that anybody answers.
        """
        m, a, c = messages.c, attempts.c, campaigns.c
        query = sa.select(m.campaign_id, m.customer_id, c.destination).where(
            m.tenant == self.database.tenant, m.address == address, c.tenant == m.tenant,
            c.campaign_id == m.campaign_id, c.campaign != leaving_out, a.tenant == m.tenant,
            a.campaign_id == m.campaign_id, a.customer_id == m.customer_id, a.n == m.attempts, a.provider == provider,
            a.outcome.in_(["accepted", "unknown"]), a.attempted_at <= at + CLOCKS_DIFFER,
        )
        newest = query.order_by((a.sender == ours).desc(), a.attempted_at.desc(), m.campaign_id, m.customer_id)
        with self.database.reading() as connection:
            found = connection.execute(newest.limit(1)).mappings().first()
        return None if found is None else Answered(**found)

    def keep(self, reply: KeptReply, *, at: datetime) -> bool:
        """Write a reply down; returns False when it is there already."""
        values = {name: getattr(reply, name) for name in KeptReply.__slots__}
        with self.database.writing() as connection:
            statement = self.database.insert(replies).values(tenant=self.database.tenant, recorded_at=at, **values)
            return connection.execute(
                statement.on_conflict_do_nothing().returning(replies.c.provider_id)
            ).first() is not None

    def read_again(self, read: Iterable[KeptReply], *, at: datetime) -> None:
        """Write down another mood and intent of replies; they are recorded anew, so that they are told of again."""
        t = replies.c
        statement = sa.update(replies).where(
            t.tenant == self.database.tenant, t.provider == sa.bindparam("b_provider"),
            t.provider_id == sa.bindparam("b_provider_id"),
        ).values(mood=sa.bindparam("b_mood"), intent=sa.bindparam("b_intent"), recorded_at=at)
        names = ("provider", "provider_id", "mood", "intent")
        told = [{f"b_{name}": getattr(one, name) for name in names} for one in read]
        if not told:
            return
        with self.database.writing() as connection:
            connection.execute(statement, told)

    def since(self, moment: datetime, *, campaign: str | None = None) -> list[ReplyLine]:
        """Return the replies from a moment on, to one campaign or to all, the newest first."""
        return self._lines(replies.c.at >= moment, campaign=campaign)

    def of(self, campaign_id: str) -> list[KeptReply]:
        """Return the replies to messages of an occurrence, in the order in which they came."""
        return self._found(replies.c.campaign_id == campaign_id)

    def of_address(self, address: str) -> list[KeptReply]:
        """Return everything that was written from an address, in the order in which it came."""
        return self._found(replies.c.address == address)

    def page(
        self, *, limit: int, campaign: str | None = None, mood: str | None = None,
        before: tuple[datetime, str, str] | None = None,
    ) -> list[ReplyLine]:
        """Return replies, the newest first; `before`: moment, provider and its id of the last one of a page."""
        t, which = replies.c, list[sa.ColumnElement[bool]]()
        if mood is not None:
            which.append(t.mood == mood)
        if before is not None:
            at, provider, provider_id = before
            which.append(sa.or_(t.at < at, sa.and_(t.at == at, sa.or_(
                t.provider > provider, sa.and_(t.provider == provider, t.provider_id > provider_id)
            ))))
        return self._lines(*which, campaign=campaign, limit=limit)

    def _lines(
        self, *which: sa.ColumnElement[bool], campaign: str | None, limit: int | None = None
    ) -> list[ReplyLine]:
        t, c = replies.c, campaigns.c
        query = sa.select(*(t[name] for name in KeptReply.__slots__), c.campaign, c.occurrence).outerjoin_from(
            replies, campaigns, sa.and_(c.tenant == t.tenant, c.campaign_id == t.campaign_id)
        ).where(t.tenant == self.database.tenant, *which)
        query = query if campaign is None else query.where(c.campaign == campaign)
        ordered = query.order_by(t.at.desc(), t.provider, t.provider_id).limit(limit)
        with self.database.reading() as connection:
            rows = connection.execute(ordered).mappings().all()
        return [ReplyLine(
            campaign=row["campaign"], occurrence=row["occurrence"],
            reply=KeptReply(**{name: row[name] for name in KeptReply.__slots__}),
        ) for row in rows]

    def _found(self, which: sa.ColumnElement[bool]) -> list[KeptReply]:
        t = replies.c
        query = sa.select(*(t[name] for name in KeptReply.__slots__)).where(t.tenant == self.database.tenant, which)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.at, t.provider, t.provider_id)).mappings().all()
        return [KeptReply(**row) for row in rows]
