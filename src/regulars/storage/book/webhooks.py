"""The queue of deliveries: each is in it once, until it is handed on, or nobody tries any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal

import sqlalchemy as sa

from regulars.errors import AlreadyDone, NotFound
from regulars.sources.webhook.line import Landed
from regulars.storage.book.database import Database
from regulars.storage.book.tables import webhook_queue

State = Literal["waiting", "done", "dead"]
STATES: tuple[State, ...] = ("waiting", "done", "dead")
"""Waiting for its first or next attempt; handed on; given up until a person has it tried again."""

KEPT = timedelta(days=30)
"""How long what was handed on is still known here. The door knows every delivery for ever, the landing keeps it."""

_AT_ONCE = 500                               # ids in a statement: databases take so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A delivery in the queue, without what it says."""

    webhook_id: str                          # by which people name it
    source: str
    provider: str
    delivery_id: str                         # the provider's own, or a hash of what it says
    received_at: datetime
    state: State
    attempts: int
    due_at: datetime | None                  # when it is tried next; null: it is not
    error: str | None                        # of the last attempt, without names and addresses
    finished_at: datetime | None             # when it was handed on, or given up
    news: int                                # pieces of news that were read out of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Queued):
    """A delivery with what it says."""

    content_type: str
    body: bytes | None                       # null: handed on, or erased


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """How an attempt ended."""

    webhook_id: str
    news: int = 0
    error: str | None = None                 # None: it went well
    due_at: datetime | None = None           # of a failure: when it is tried again; None: never


@dataclass(frozen=True, slots=True)
class WebhookBook:
    """What outside systems posted, until it is handed on."""

    database: Database

    def add(self, source: str, deliveries: Iterable[Landed]) -> None:
        """Put deliveries of a source into the queue; one that was in it stays as it is."""
        rows = [
            {
                "tenant": self.database.tenant, "webhook_id": webhook_id_of(source, one.delivery_id), "source": source,
                "provider": one.provider, "delivery_id": one.delivery_id, "received_at": one.received_at,
                "content_type": one.content_type, "body": one.body, "state": "waiting", "attempts": 0,
                "due_at": one.received_at, "error": None, "finished_at": None, "news": 0,
            }
            for one in deliveries
        ]
        if not rows:
            return
        with self.database.writing() as connection:
            connection.execute(self.database.insert(webhook_queue).on_conflict_do_nothing(), rows)

    def due(self, at: datetime, *, limit: int) -> list[Waiting]:
        """Return deliveries whose time has come, in the order in which they came."""
        t = webhook_queue.c
        query = self._of(Waiting).where(t.state == "waiting", t.due_at <= at)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.received_at, t.webhook_id).limit(limit)).mappings().all()
        return [Waiting(**row) for row in rows]

    def next_due(self) -> datetime | None:
        """Return when the next delivery is to be tried; None when none waits."""
        t = webhook_queue.c
        query = sa.select(sa.func.min(t.due_at)).where(t.tenant == self.database.tenant, t.state == "waiting")
        with self.database.reading() as connection:
            found: datetime | None = connection.execute(query).scalar_one()
        return found

    def finish(self, attempts: Sequence[Handed], *, at: datetime) -> None:
        """Write down how attempts ended, in one transaction; what was handed on is no longer kept here."""
        if not attempts:
            return
        t, done = webhook_queue.c, [one for one in attempts if one.error is None]
        mine = (t.tenant == self.database.tenant, t.webhook_id == sa.bindparam("of"), t.state != "done")
        change = sa.update(webhook_queue).where(*mine).values(
            state=sa.bindparam("now"), attempts=t.attempts + 1, error=sa.bindparam("why"), due_at=sa.bindparam("due"),
            news=sa.bindparam("read"), finished_at=sa.bindparam("ended"),
        )
        with self.database.writing() as connection:
            if done:
                connection.execute(change.values(body=None), [_ended(one, at) for one in done])
            if failed := [one for one in attempts if one.error is not None]:
                connection.execute(change, [_ended(one, at) for one in failed])

    def again(self, webhook_id: str, *, at: datetime) -> Waiting:
        """Have a delivery tried again from now on, and return it.

        Raises NotFound, and AlreadyDone for one that was handed on.
        """
        found = self.find(webhook_id)
        if found.state == "done":
            raise AlreadyDone(f"{webhook_id} was handed on already", hint="regulars webhook list --state dead")
        t = webhook_queue.c
        mine = (t.tenant == self.database.tenant, t.webhook_id == webhook_id, t.state != "done")
        with self.database.writing() as connection:
            connection.execute(
                sa.update(webhook_queue).where(*mine).values(state="waiting", attempts=0, due_at=at, finished_at=None)
            )
        return self.opened(webhook_id)

    def find(self, webhook_id: str) -> Queued:
        """Return a delivery without what it says. Raises NotFound."""
        return Queued(**self._row(Queued, webhook_id))

    def opened(self, webhook_id: str) -> Waiting:
        """Return a delivery with what it says. Raises NotFound."""
        return Waiting(**self._row(Waiting, webhook_id))

    def newest(
        self, *, limit: int, state: State | None = None, source: str | None = None,
        before: tuple[datetime, str] | None = None,
    ) -> list[Queued]:
        """Return deliveries, the newest first, those before a moment and id when they are given."""
        t = webhook_queue.c
        query = self._of(Queued)
        query = query if state is None else query.where(t.state == state)
        query = query if source is None else query.where(t.source == source)
        if before is not None:
            query = query.where(sa.or_(
                t.received_at < before[0], sa.and_(t.received_at == before[0], t.webhook_id < before[1])
            ))
        with self.database.reading() as connection:
            rows = connection.execute(
                query.order_by(t.received_at.desc(), t.webhook_id.desc()).limit(limit)
            ).mappings().all()
        return [Queued(**row) for row in rows]

    def counts(self) -> Mapping[tuple[str, State], int]:
        """Return how many deliveries of each source are in each state."""
        t = webhook_queue.c
        query = sa.select(t.source, t.state, sa.func.count()).where(t.tenant == self.database.tenant)
        with self.database.reading() as connection:
            rows = connection.execute(query.group_by(t.source, t.state).order_by(t.source, t.state)).all()
        return {(source, state): count for source, state, count in rows}

    def forget(self, *, before: datetime) -> int:
        """Forget what was handed on before a moment, and return how many it were. What is dead stays."""
        t = webhook_queue.c
        old = (t.tenant == self.database.tenant, t.state == "done", t.finished_at < before)
        with self.database.writing() as connection:
            return connection.execute(sa.delete(webhook_queue).where(*old)).rowcount

    def forget_all(self, source: str, delivery_ids: Iterable[str]) -> int:
        """Forget deliveries of a source whatever became of them, and return how many were there."""
        t, wanted = webhook_queue.c, sorted({webhook_id_of(source, one) for one in delivery_ids})
        with self.database.writing() as connection:
            return sum(
                connection.execute(sa.delete(webhook_queue).where(
                    t.tenant == self.database.tenant, t.webhook_id.in_(wanted[n : n + _AT_ONCE])
                )).rowcount
                for n in range(0, len(wanted), _AT_ONCE)
            )

    def _row(self, kind: type[Queued], webhook_id: str) -> Mapping[str, Any]:
        query = self._of(kind).where(webhook_queue.c.webhook_id == webhook_id)
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no delivery {webhook_id!r}", hint="regulars webhook list")
        return {**row}

    def _of(self, kind: type[Queued]) -> sa.Select[Any]:
        columns = [webhook_queue.c[name] for name in kind.__dataclass_fields__]
        return sa.select(*columns).where(webhook_queue.c.tenant == self.database.tenant)


def _ended(one: Handed, at: datetime) -> dict[str, Any]:
    state: State = "done" if one.error is None else "waiting" if one.due_at else "dead"
    return {
        "of": one.webhook_id, "now": state, "why": one.error, "due": one.due_at, "read": one.news,
        "ended": None if state == "waiting" else at,
    }


def webhook_id_of(source: str, delivery_id: str) -> str:
    """Return the short name of a delivery, the same wherever and however often it is made."""
    return "w_" + blake2b(f"{source}\0{delivery_id}".encode(), digest_size=10).hexdigest()
