"""The message ledger: one row a customer of an occurrence, claimed by workers, with an attempt before each request.

An attempt is on disk before the provider is told anything. So of a worker that was killed everything is known: a
message that was claimed and has no attempt was not sent, one whose attempt has no outcome may have been.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from regulars.campaigns.campaign import message_id
from regulars.later import pa
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import attempts, campaigns, messages

MessageState = Literal["planned", "deferred", "claimed", "sent", "failed", "skipped", "unknown"]
Known = Literal["accepted", "refused", "deferred", "unknown"]

LOST = "the worker ended before the answer came"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that one worker has, and nobody else."""

    campaign_id: str
    customer_id: str
    address: str
    variant: str
    household_id: str | None
    region: str | None
    gaps: str                                # JSON object
    attempts: int                            # how many there were before
    expires_at: datetime | None = None       # aware; after which it is not sent any more

    @property
    def message_id(self) -> str:
        """Return the id that goes along to the provider."""
        return message_id(self.campaign_id, self.customer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to hand a message over."""

    customer_id: str
    n: int                                   # from 1
    provider: str
    sender: str
    text: str | None                         # of a text message
    attempted_at: datetime                   # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a message that a worker had; of an attempt when there is one."""

    customer_id: str
    n: int                                   # its attempts so far
    state: MessageState
    reason: str | None = None
    due_at: datetime | None = None
    outcome: Known | None = None             # None: there was no attempt
    provider_id: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """A message of which nobody knows whether the provider has it, with its last attempt."""

    message: Claimed
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class MessageBook:
    """Messages and attempts."""

    database: Database

    def plan(self, campaign_id: str, rows: pa.Table, *, at: datetime) -> None:
        """Add PLANNED rows to an occurrence; a customer who has a message already keeps it."""
        from regulars.storage.book.planned import plan_within  # noqa: PLC0415  who sends needs no Arrow

        with self.database.writing() as connection:
            plan_within(self.database, connection, campaign_id, rows, at=at)

    def forget_plan(self, campaign_id: str) -> None:
        """Remove the messages of a draft, to plan it anew. Nothing of a draft was ever sent."""
        t = campaigns.c
        is_draft = sa.select(t.campaign_id).where(
            t.tenant == self.database.tenant, t.campaign_id == campaign_id, t.state == "draft"
        )
        with self.database.writing() as connection:
            connection.execute(sa.delete(messages).where(
                messages.c.tenant == self.database.tenant, messages.c.campaign_id.in_(is_draft)
            ))

    def withdraw(self, campaign_id: str, customers: Iterable[str], *, reason: str, at: datetime) -> int:
        """Skip those of some customers' messages that wait; return how many. One that a worker has is not stopped."""
        t = messages.c
        statement = sa.update(messages).where(
            *self._of(campaign_id), t.customer_id == sa.bindparam("b_customer"), _waits()
        ).values(state="skipped", reason=reason, due_at=None, changed_at=at)
        told = [{"b_customer": customer} for customer in customers]
        if not told:
            return 0
        with self.database.writing() as connection:
            counting = connection.execution_options(preserve_rowcount=True)
            return int(counting.execute(statement, told).rowcount)

    def waiting(self, campaign_id: str) -> list[str]:
        """Return whose messages wait to be sent."""
        t = messages.c
        query = sa.select(t.customer_id).where(*self._of(campaign_id), _waits())
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def places(self, campaign_id: str) -> pa.Table:
        """Return where the messages of an occurrence go that were not skipped, as PLACES, sorted by customer."""
        from regulars.storage.book.planned import PLACES  # noqa: PLC0415  as above

        t = messages.c
        query = sa.select(t.customer_id, t.address, t.household_id).where(
            *self._of(campaign_id), t.state != "skipped"
        )
        with self.database.reading() as connection:
            return bulk.read(connection, query, PLACES, order_by=["customer_id"])

    def fill(self, campaign_id: str, rows: pa.Table, *, at: datetime) -> None:
        """Give messages that wait other gaps: customer_id and gaps of each."""
        t = messages.c
        statement = sa.update(messages).where(
            *self._of(campaign_id), t.customer_id == sa.bindparam("customer_id_"), _waits()
        ).values(gaps=sa.bindparam("gaps_"), changed_at=at)
        with self.database.writing() as connection:
            bulk.write(connection, statement, rows.select(["customer_id", "gaps"]).rename_columns(
                ["customer_id_", "gaps_"]
            ))

    def claim(
        self, campaign_id: str, worker: str, *, now: datetime, lasts: timedelta, limit: int
    ) -> list[Claimed]:
        """Take messages that are due, those deferred first; none unless the campaign is sending.

        No two workers ever have the same message at once. What is not settled before `lasts` is up is anybody's again.
        """
        t, c = messages.c, campaigns.c
        is_sending = sa.select(c.state == "sending").where(
            c.tenant == self.database.tenant, c.campaign_id == campaign_id
        )
        found: list[Claimed] = []
        with self.database.writing() as connection:
            if not connection.execute(is_sending).scalar():
                return []
            for state in ("deferred", "planned"):
                due = _claims().where(*self._of(campaign_id), t.state == state, t.due_at <= now)
                due = due.order_by(t.due_at, t.customer_id).limit(limit - len(found))
                rows = connection.execute(due.with_for_update(skip_locked=True)).mappings().all()
                found += [Claimed(**row) for row in rows]
            if found:
                self._change(connection, campaign_id, [
                    {"b_customer": one.customer_id, "state": "claimed", "worker": worker, "claimed_until": now + lasts,
                     "changed_at": now} for one in found
                ])
        return found

    def begin(self, campaign_id: str, worker: str, begun: Sequence[Attempt], *, at: datetime) -> set[str]:
        """Write attempts down before the provider is told; return the customers whose message may go now.

        One whose claim has run out meanwhile, or whose campaign no longer sends, is not among them.
        """
        t, c, tenant = messages.c, campaigns.c, self.database.tenant
        wanted = {one.customer_id: one for one in begun}
        is_sending = sa.select(c.campaign_id).where(
            c.tenant == tenant, c.campaign_id == campaign_id, c.state == "sending"
        )
        with self.database.writing() as connection:
            held = sa.select(t.customer_id).where(
                *self._of(campaign_id), t.customer_id.in_(list(wanted)), t.state == "claimed", t.worker == worker,
                t.claimed_until > at, sa.exists(is_sending),
            )
            mine = [wanted[each] for each in connection.execute(held.with_for_update()).scalars()]
            if mine:
                named = ({name: getattr(one, name) for name in Attempt.__slots__} for one in mine)
                connection.execute(sa.insert(attempts), [
                    {"tenant": tenant, "campaign_id": campaign_id, **row} for row in named
                ])
                self._change(connection, campaign_id, [
                    {"b_customer": one.customer_id, "attempts": one.n, "changed_at": at} for one in mine
                ])
        return {one.customer_id for one in mine}

    def settle(self, campaign_id: str, settled: Iterable[Settled], *, worker: str, at: datetime) -> None:
        """Write down what became of messages and their attempts, in one transaction.

        A message that is somebody else's by now stays as it is, unless what is known of its last attempt is that
        nobody knew.
        """
        every = list(settled)
        tried = [one for one in every if one.outcome is not None]
        t = messages.c
        with self.database.writing() as connection:
            if tried:
                connection.execute(_outcome(), [
                    {"b_tenant": self.database.tenant, "b_campaign": campaign_id, "b_customer": one.customer_id,
                     "b_n": one.n, "outcome": one.outcome, "provider_id": one.provider_id, "code": one.code,
                     "reason": one.reason, "ended_at": at} for one in tried
                ])
            is_mine = sa.or_(sa.and_(t.state == "claimed", t.worker == worker), t.state == "unknown")
            self._change(connection, campaign_id, [
                {"b_customer": one.customer_id, "b_n": one.n, "state": one.state, "reason": one.reason,
                 "due_at": one.due_at, "worker": None, "claimed_until": None, "changed_at": at} for one in every
            ], is_mine, t.attempts == sa.bindparam("b_n"))

    def reclaim(self, campaign_id: str, *, now: datetime, is_gone: Callable[[str], bool | None]) -> int:
        """Take messages from workers that have ended or said nothing for too long; return how many that were.

        Those without an attempt under way are planned again; of the others nobody knows, and they are asked for. What
        an ended worker was asking for is asked for at once.
        """
        t, a = messages.c, attempts.c
        claimed = (*self._of(campaign_id), *_is_claimed())
        with self.database.writing() as connection:
            self._ask_anew(connection, campaign_id, now=now, is_gone=is_gone)
            workers = connection.execute(
                sa.select(t.worker, sa.func.max(t.claimed_until)).where(*claimed).group_by(t.worker)
            ).all()
            gone = [worker for worker, until in workers if until <= now or is_gone(worker)]
            if not gone:
                return 0
            theirs = (*claimed, t.worker.in_(gone))
            under_way = sa.exists(sa.select(a.n).where(
                a.tenant == t.tenant, a.campaign_id == t.campaign_id, a.customer_id == t.customer_id,
                a.n == t.attempts, a.outcome.is_(None),
            ))
            shared = {"worker": None, "claimed_until": None, "due_at": now, "changed_at": now}
            lost = connection.execute(
                sa.update(messages).where(*theirs, under_way).values(state="unknown", reason=LOST, **shared)
                .returning(t.customer_id, t.attempts)
            ).all()
            if lost:
                connection.execute(_outcome(), [
                    {"b_tenant": self.database.tenant, "b_campaign": campaign_id, "b_customer": customer, "b_n": n,
                     "outcome": "unknown", "provider_id": None, "code": None, "reason": LOST, "ended_at": now}
                    for customer, n in lost
                ])
            freed = connection.execute(
                sa.update(messages).where(*theirs).values(state="planned", reason=None, **shared)
            )
        return len(lost) + freed.rowcount

    def doubtful(
        self, campaign_id: str, worker: str, *, now: datetime, again_at: datetime, limit: int
    ) -> list[Doubtful]:
        """Take unknown messages that are to be asked for; nobody else asks before `again_at`, or the worker ended."""
        t, a = messages.c, attempts.c
        names = Attempt.__slots__
        last = sa.and_(
            a.tenant == t.tenant, a.campaign_id == t.campaign_id, a.customer_id == t.customer_id, a.n == t.attempts
        )
        query = _claims(*(a[name].label(f"attempt_{name}") for name in names)).join_from(messages, attempts, last)
        due = query.where(*self._of(campaign_id), t.state == "unknown", t.due_at <= now)
        with self.database.writing() as connection:
            rows = connection.execute(
                due.order_by(t.due_at, t.customer_id).limit(limit).with_for_update(skip_locked=True)
            ).mappings().all()
            self._change(connection, campaign_id, [
                {"b_customer": row["customer_id"], "due_at": again_at, "worker": worker} for row in rows
            ])
        return [
            Doubtful(
                message=Claimed(**{name: row[name] for name in Claimed.__slots__}),
                attempt=Attempt(**{name: row[f"attempt_{name}"] for name in names}),
            )
            for row in rows
        ]

    def next_due(self, campaign_id: str) -> datetime | None:
        """Return when there is something to do next: to send, to ask for, to take over; None when there is nothing."""
        t = messages.c
        moments = []
        with self.database.reading() as connection:
            for moment, *of in (
                *((t.due_at, t.state == state) for state in ("planned", "deferred", "unknown")),
                (t.claimed_until, *_is_claimed()),
            ):
                query = sa.select(sa.func.min(moment)).where(*self._of(campaign_id), *of)
                moments.append(connection.execute(query).scalar_one())
        return min((moment for moment in moments if moment is not None), default=None)

    def workers(self, campaign_id: str) -> int:
        """Return how many workers have messages of an occurrence now."""
        t = messages.c
        query = sa.select(sa.func.count(t.worker.distinct())).where(*self._of(campaign_id), *_is_claimed())
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _ask_anew(
        self, connection: sa.Connection, campaign_id: str, *, now: datetime, is_gone: Callable[[str], bool | None]
    ) -> None:
        t = messages.c
        asked = (*self._of(campaign_id), t.state == "unknown", t.due_at > now, t.worker.is_not(None))
        workers = connection.execute(sa.select(t.worker).where(*asked).distinct()).scalars().all()
        if gone := [worker for worker in workers if is_gone(worker)]:
            connection.execute(
                sa.update(messages).where(*asked, t.worker.in_(gone)).values(worker=None, due_at=now, changed_at=now)
            )

    def _of(self, campaign_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (messages.c.tenant == self.database.tenant, messages.c.campaign_id == campaign_id)

    def _change(
        self, connection: sa.Connection, campaign_id: str, rows: list[dict[str, Any]], *where: sa.ColumnElement[bool]
    ) -> None:
        """Change messages; those that become the same are changed by one statement."""
        if not rows:
            return
        names = [name for name in rows[0] if name != "b_customer"]
        alike = defaultdict[tuple[Any, ...], list[str]](list)
        for row in rows:
            alike[tuple(row[name] for name in names)].append(row["b_customer"])
        changed: dict[str, Any] = {name: sa.bindparam(name) for name in names if not name.startswith("b_")}
        named = messages.c.customer_id.in_(sa.bindparam("b_customers", expanding=True))
        statement = sa.update(messages).where(*self._of(campaign_id), named, *where).values(changed)
        for values, customers in alike.items():
            connection.execute(statement, {**dict(zip(names, values, strict=True)), "b_customers": customers})


def _waits() -> sa.ColumnElement[bool]:
    # Not `in`: a statement for many rows cannot hold lists.
    return sa.or_(messages.c.state == "planned", messages.c.state == "deferred")


def _is_claimed() -> tuple[sa.ColumnElement[bool], ...]:
    # Whatever was claimed was due. Without saying so SQLite reads through every message of the campaign for the few
    # that are claimed, since it takes all states for equally many and the primary key for as good as the index.
    return messages.c.state == "claimed", messages.c.due_at <= datetime.max.replace(tzinfo=UTC)


def _claims(*further: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(*(messages.c[name] for name in Claimed.__slots__), *further)


def _outcome() -> sa.Update:
    """Return the statement that says how an attempt ended: once, or again when nobody knew."""
    t = attempts.c
    changed = ("outcome", "provider_id", "code", "reason", "ended_at")
    return sa.update(attempts).where(
        t.tenant == sa.bindparam("b_tenant"), t.campaign_id == sa.bindparam("b_campaign"),
        t.customer_id == sa.bindparam("b_customer"), t.n == sa.bindparam("b_n"),
        sa.or_(t.outcome.is_(None), t.outcome == "unknown"),
    ).values({name: sa.bindparam(name) for name in changed})
