"""Campaigns in the book: each occurrence with its state, and the account of its messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from regulars.campaigns.campaign import State, campaign_id, may_move
from regulars.errors import NotFound
from regulars.storage.book.database import Database
from regulars.storage.book.receipts import BOT
from regulars.storage.book.tables import attempts, campaigns, messages, receipts, replies, winners

ENOUGH = 100_000
"""Up to how many sent messages are counted for a share: beyond it a share no longer moves."""


Counted = tuple[str, str, str | None, int]
"""Variant, state, reason, and how many messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One occurrence of a campaign, as it stands."""

    campaign_id: str
    campaign: str                            # the declaration's name
    occurrence: str                          # `once`, or the local day of the run
    state: State
    reason: str | None                       # of the state: why it is paused
    channel: str
    purpose: str
    destination: str
    version: str                             # of what it says: `Campaign.version`
    starts_at: datetime                      # aware
    planned_at: datetime                     # aware
    changed_at: datetime                     # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What receipts said of a campaign's messages lately."""

    sent: int                                # no more than ENOUGH are counted
    bounced: int                             # messages
    complained: int


@dataclass(frozen=True, slots=True)
class CampaignBook:
    """Occurrences of campaigns and their states."""

    database: Database

    def begin(
        self, campaign: str, occurrence: str, *, channel: str, purpose: str, destination: str, version: str,
        starts_at: datetime, at: datetime,
    ) -> Occurrence:
        """Return an occurrence, written down as a draft if it is new; one that was a draft is planned anew."""
        one = Occurrence(
            campaign_id=campaign_id(campaign, occurrence), campaign=campaign, occurrence=occurrence, state="draft",
            reason=None, channel=channel, purpose=purpose, destination=destination, version=version,
            starts_at=starts_at, planned_at=at, changed_at=at,
        )
        values = {name: getattr(one, name) for name in Occurrence.__slots__}
        with self.database.writing() as connection:
            statement = self.database.insert(campaigns).values(tenant=self.database.tenant, **values)
            connection.execute(statement.on_conflict_do_update(
                index_elements=["tenant", "campaign_id"], set_=values, where=campaigns.c.state == "draft"
            ))
        found = self.find(campaign, occurrence)
        assert found is not None
        return found

    def find(self, campaign: str, occurrence: str) -> Occurrence | None:
        """Return one occurrence, or None when it was never planned."""
        return next(iter(self._found(campaigns.c.campaign_id == campaign_id(campaign, occurrence))), None)

    def get(self, campaign_id: str) -> Occurrence | None:
        """Return the occurrence of an id."""
        return next(iter(self._found(campaigns.c.campaign_id == campaign_id)), None)

    def occurrences(self, campaign: str | None = None) -> list[Occurrence]:
        """Return all occurrences, of one campaign or of all, the latest start first."""
        found = self._found(*(() if campaign is None else (campaigns.c.campaign == campaign,)))
        return sorted(found, key=lambda one: (one.starts_at, one.campaign, one.occurrence), reverse=True)

    def under_way(self, now: datetime) -> list[Occurrence]:
        """Return occurrences that send, or whose start has come, those that began first first."""
        t = campaigns.c
        found = self._found(sa.or_(t.state == "sending", sa.and_(t.state == "scheduled", t.starts_at <= now)))
        return sorted(found, key=lambda one: (one.starts_at, one.campaign_id))

    def move(self, campaign_id: str, to: State, *, at: datetime, reason: str | None = None) -> State:
        """Let an occurrence go over to a state if it may; return the state it was in, so that the caller can tell.

        Raises NotFound for an occurrence that is not there.
        """
        t = campaigns.c
        mine = (t.tenant == self.database.tenant, t.campaign_id == campaign_id)
        with self.database.writing() as connection:
            now: State | None = connection.execute(sa.select(t.state).where(*mine).with_for_update()).scalar()
            if now is None:
                raise NotFound(f"there is no campaign {campaign_id!r}")
            if may_move(now, to):
                connection.execute(sa.update(campaigns).where(*mine).values(state=to, reason=reason, changed_at=at))
        return now

    def names(self, prefix: str) -> list[str]:
        """Return the names of campaigns that begin so and were ever planned, sorted."""
        t = campaigns.c
        query = sa.select(t.campaign).where(
            t.tenant == self.database.tenant, t.campaign.startswith(prefix, autoescape=True)
        ).distinct()
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def unsent(self, prefix: str) -> list[str]:
        """Return the ids of occurrences of such campaigns that do not send, nor rest, and have messages that wait."""
        t, m = campaigns.c, messages.c
        waits = sa.exists(sa.select(m.customer_id).where(
            m.tenant == t.tenant, m.campaign_id == t.campaign_id, m.state.in_(("planned", "deferred"))
        ))
        query = sa.select(t.campaign_id).where(
            t.tenant == self.database.tenant, t.campaign.startswith(prefix, autoescape=True),
            t.state.in_(("draft", "done")), waits,
        )
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def totals(self, prefix: str) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
        """Return campaign, state and messages, and campaign, stage and messages that reached it, of such campaigns."""
        c, m, r = campaigns.c, messages.c, receipts.c
        mine = (c.tenant == self.database.tenant, c.campaign.startswith(prefix, autoescape=True))
        states = sa.select(c.campaign, m.state, sa.func.count()).join_from(campaigns, messages, sa.and_(
            m.tenant == c.tenant, m.campaign_id == c.campaign_id
        )).where(*mine).group_by(c.campaign, m.state)
        # A customer has one message of an occurrence, so each of these two together is one.
        message = r.campaign_id + sa.literal(".") + r.customer_id
        told_of = sa.and_(r.tenant == c.tenant, r.campaign_id == c.campaign_id)
        stages = sa.select(c.campaign, r.stage, sa.func.count(message.distinct())).join_from(
            campaigns, receipts, told_of
        ).where(*mine, r.code != BOT).group_by(c.campaign, r.stage)
        with self.database.reading() as connection:
            found, told = (sorted(tuple(row) for row in connection.execute(query)) for query in (states, stages))
        return found, told

    def reword(self, campaign_id: str, version: str) -> None:
        """Write down that an occurrence says something else from now on; its messages have the gaps for that."""
        t = campaigns.c
        mine = (t.tenant == self.database.tenant, t.campaign_id == campaign_id)
        with self.database.writing() as connection:
            connection.execute(sa.update(campaigns).where(*mine).values(version=version))

    def counts(self, campaign_id: str) -> dict[str, int]:
        """Return how many messages are in each state."""
        t = messages.c
        query = sa.select(t.state, sa.func.count()).group_by(t.state)
        with self.database.reading() as connection:
            rows = connection.execute(query.where(*self._messages(campaign_id))).all()
        return dict(sorted(tuple(row) for row in rows))

    def tally(self, campaign_id: str) -> list[Counted]:
        """Return variant, state, reason and how many messages: everything that can be counted, of one look."""
        t = messages.c
        what = (t.variant, t.state, t.reason)
        with self.database.reading() as connection:
            rows = connection.execute(
                sa.select(*what, sa.func.count()).where(*self._messages(campaign_id)).group_by(*what)
            ).all()
        return [tuple(row) for row in rows]

    def variants(self, campaign_id: str) -> list[tuple[str, str, int]]:
        """Return variant, state and how many messages, sorted."""
        t = messages.c
        query = sa.select(t.variant, t.state, sa.func.count()).group_by(t.variant, t.state)
        with self.database.reading() as connection:
            return sorted((v, s, n) for v, s, n in connection.execute(query.where(*self._messages(campaign_id))))

    def stages(self, campaign_id: str) -> dict[str, int]:
        """Return, of each stage that receipts told of, how many messages reached it."""
        t = receipts.c
        query = sa.select(t.stage, sa.func.count(t.customer_id.distinct())).group_by(t.stage)
        mine = (t.tenant == self.database.tenant, t.campaign_id == campaign_id, t.code != BOT)
        with self.database.reading() as connection:
            rows = connection.execute(query.where(*mine)).all()
        return dict(sorted(tuple(row) for row in rows))

    def sent_so_far(self, campaign_id: str, *, since: datetime) -> list[tuple[object, ...]]:
        """Return numbers that are others as soon as a message of an occurrence changed, or any was sent.

        `since`: from when on messages of all campaigns count.
        """
        m, a, number = messages.c, attempts.c, sa.func.count()
        return self._numbers(
            sa.select(m.state, number, sa.func.sum(m.attempts), sa.func.max(m.changed_at)).where(
                *self._messages(campaign_id)
            ).group_by(m.state),
            sa.select(number, sa.func.max(a.ended_at)).where(
                a.tenant == self.database.tenant, a.outcome == "accepted", a.ended_at >= since
            ),
        )

    def told_so_far(self, campaign_id: str) -> list[tuple[object, ...]]:
        """Return numbers that are others as soon as anything was told, answered or decided of an occurrence."""
        r, p, w, number = receipts.c, replies.c, winners.c, sa.func.count()
        return self._numbers(*(
            sa.select(*what, *numbers).where(
                of.c.tenant == self.database.tenant, of.c.campaign_id == campaign_id
            ).group_by(*what)
            for of, what, numbers in (
                (receipts, (r.stage,), (number,)),
                # One that is read otherwise is recorded anew, though there may be as many of each as before.
                (replies, (p.status, p.mood), (number, sa.func.max(p.recorded_at))),
                (winners, (w.decided_at,), (number,)),
            )
        ))

    def _numbers(self, *queries: sa.Executable) -> list[tuple[object, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for query in queries for row in sorted(connection.execute(query).all(), key=str)]

    def told(self, campaign_id: str, *, now: datetime, within: timedelta) -> Told:
        """Return what receipts said in a window that ends now, against what was sent so far."""
        r, m = receipts.c, messages.c
        few = sa.select(m.customer_id).where(*self._messages(campaign_id), m.state == "sent").limit(ENOUGH).subquery()
        lately = sa.select(r.stage, sa.func.count(r.customer_id.distinct())).where(
            r.tenant == self.database.tenant, r.campaign_id == campaign_id, r.recorded_at > now - within
        ).group_by(r.stage)
        with self.database.reading() as connection:
            sent = connection.execute(sa.select(sa.func.count()).select_from(few)).scalar_one()
            stages = dict(tuple(row) for row in connection.execute(lately))
        return Told(sent=sent, bounced=stages.get("bounced", 0), complained=stages.get("complained", 0))

    def told_of(self, campaign: str, *, now: datetime, within: timedelta) -> Told:
        """Return what was sent, bounced and complained about in a window that ends now, in all occurrences together."""
        r, m, c = receipts.c, messages.c, campaigns.c
        mine = sa.select(c.campaign_id).where(c.tenant == self.database.tenant, c.campaign == campaign)
        sent = sa.select(sa.func.count()).where(
            m.tenant == self.database.tenant, m.campaign_id.in_(mine), m.state == "sent", m.changed_at > now - within
        )
        message = r.campaign_id + sa.literal(".") + r.customer_id
        lately = sa.select(r.stage, sa.func.count(message.distinct())).where(
            r.tenant == self.database.tenant, r.campaign_id.in_(mine), r.recorded_at > now - within
        ).group_by(r.stage)
        with self.database.reading() as connection:
            number = connection.execute(sent).scalar_one()
            stages = dict(tuple(row) for row in connection.execute(lately))
        return Told(sent=number, bounced=stages.get("bounced", 0), complained=stages.get("complained", 0))

    def _found(self, *where: sa.ColumnElement[bool]) -> list[Occurrence]:
        query = sa.select(*(campaigns.c[name] for name in Occurrence.__slots__))
        with self.database.reading() as connection:
            rows = connection.execute(query.where(campaigns.c.tenant == self.database.tenant, *where)).mappings().all()
        return [Occurrence(**row) for row in rows]

    def _messages(self, campaign_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (messages.c.tenant == self.database.tenant, messages.c.campaign_id == campaign_id)
