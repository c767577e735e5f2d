"""How often somebody was written to: seats under frequency caps and daily limits, taken by one statement each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from regulars.campaigns.pace import Seat
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import contact_seats

FREE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a seat that was given back is said to have been taken: long before every window."""

_TRIES = 8
"""How often a free seat is looked for that another worker takes at the same moment."""


@dataclass(frozen=True, slots=True)
class SeatBook:
    """A cap of n has n seats for each subject; a contact takes one, and it is free again when the window has passed.

    So no window holds more than n contacts, however many workers ask at once: two of them can never take one seat.
    """

    database: Database

    def take(self, message_id: str, seats: Sequence[Seat], *, at: datetime) -> str | None:
        """Take a seat under every cap for one message, or none: None, or the name of the cap that is full.

        A message that has its seats already keeps them and takes no more.
        """
        return self.take_all({message_id: seats}, at=at)[message_id]

    def take_all(self, wanted: Mapping[str, Sequence[Seat]], *, at: datetime) -> dict[str, str | None]:
        """Take the seats of several messages in one transaction; what `take` says of each.

        Of each message all seats are taken or none. On PostgreSQL two batches that want each other's subjects may be
        told to try again (StoreUnavailable): then nothing was taken by the one that was told.
        """
        found: dict[str, str | None] = {}
        # In one order everywhere, so that two workers seldom wait for each other.
        ordered = sorted(wanted, key=lambda each: (sorted((s.cap, s.subject) for s in wanted[each]), each))
        with self.database.writing() as connection:
            known = self._with_seats(connection, ordered)
            for message_id in ordered:
                found[message_id] = None if message_id in known else self._seated(
                    connection, message_id, sorted(wanted[message_id], key=lambda s: (s.cap, s.subject)), at
                )
        return found

    def give_back(self, *message_ids: str) -> None:
        """Free the seats of messages that were not sent after all."""
        t = contact_seats.c
        with self.database.writing() as connection:
            for start in range(0, len(message_ids), bulk.BATCH):
                mine = (t.tenant == self.database.tenant, t.message_id.in_(message_ids[start:start + bulk.BATCH]))
                connection.execute(sa.update(contact_seats).where(*mine).values(taken_at=FREE, message_id=""))

    def taken(self, cap: str, subject: str) -> list[datetime]:
        """Return when the seats of a subject under a cap were taken, in order: for previews and explanations."""
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == cap, t.subject == subject, t.taken_at > FREE)
        with self.database.reading() as connection:
            return list(connection.execute(sa.select(t.taken_at).where(*mine).order_by(t.taken_at)).scalars())

    def full_since(self, cap: str, subject: str, *, limit: int, free_before: datetime) -> datetime | None:
        """Return when the seat was taken that makes a cap full for a subject, the limit-th last; None: one is free.

        One row, however many seats there are: a sender has as many as it may send in a day.
        """
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == cap, t.subject == subject, t.taken_at > free_before)
        query = sa.select(t.taken_at).where(*mine).order_by(t.taken_at.desc()).offset(limit - 1).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).scalar()

    def full(self, cap: str, *, of: str, limit: int, free_before: datetime) -> int:
        """Return how many subjects of a kind have no seat left under a cap: those whose message would have to wait."""
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == cap, t.subject.startswith(f"{of}:"))
        each = sa.select(t.subject).where(*mine, t.taken_at > free_before).group_by(t.subject)
        query = sa.select(sa.func.count()).select_from(each.having(sa.func.count() >= limit).subquery())
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _with_seats(self, connection: sa.Connection, message_ids: Sequence[str]) -> set[str]:
        t, found = contact_seats.c, set[str]()
        for start in range(0, len(message_ids), bulk.BATCH):
            some = t.message_id.in_(message_ids[start:start + bulk.BATCH])
            query = sa.select(t.message_id).where(t.tenant == self.database.tenant, some)
            found.update(connection.execute(query).scalars())
        return found

    def _seated(
        self, connection: sa.Connection, message_id: str, seats: Sequence[Seat], at: datetime
    ) -> str | None:
        """Take all seats of a message, or undo those that were taken; returns the cap that is full."""
        with connection.begin_nested() as together:
            for seat in seats:
                if not self._is_taken(connection, message_id, seat, at):
                    together.rollback()
                    return seat.cap
        return None

    def _is_taken(self, connection: sa.Connection, message_id: str, seat: Seat, at: datetime) -> bool:
        values = {
            "own_tenant": self.database.tenant, "own_cap": seat.cap, "own_subject": seat.subject, "most": seat.limit,
            "now": at, "free_before": seat.free_before, "message": message_id,
        }
        take, look = _statements(self.database)
        for _ in range(_TRIES):
            if connection.execute(take, values).first() is not None:
                return True
            if connection.execute(look, values).first() is None:
                return False
        return False


@lru_cache(maxsize=64)
def _statements(database: Database) -> tuple[Any, Any]:
    """Return the statement that takes a seat, and the one that looks whether one can be taken.

    The first inserts a new seat or takes over the one that is free for longest, and returns nothing when there is
    neither, or when another worker took it first.
    """
    t, free_before = contact_seats.c, sa.bindparam("free_before", type_=contact_seats.c.taken_at.type)
    most = sa.bindparam("most", type_=sa.Integer)
    own = [sa.bindparam(f"own_{name}", type_=sa.Text) for name in ("tenant", "cap", "subject")]
    mine = (t.tenant == own[0], t.cap == own[1], t.subject == own[2])
    oldest = sa.select(t.seat).where(*mine, t.taken_at <= free_before, t.seat < most).order_by(t.taken_at, t.seat)
    last = sa.select(sa.func.max(t.seat)).where(*mine).scalar_subquery()
    number = sa.func.coalesce(oldest.limit(1).scalar_subquery(), last + 1, 0)
    in_use = sa.select(sa.func.count()).select_from(contact_seats).where(*mine, t.taken_at > free_before)
    # Seats beyond the limit are there only after it was lowered: then those in use are counted.
    is_within = sa.case((sa.func.coalesce(last, -1) < most, sa.true()), else_=in_use.scalar_subquery() < most)
    look = sa.select(
        *own, number, sa.bindparam("now", type_=t.taken_at.type), sa.bindparam("message", type_=sa.Text)
    ).where(number < most, is_within)
    take = database.insert(contact_seats).from_select([column.name for column in contact_seats.columns], look)
    take = take.on_conflict_do_update(
        index_elements=["tenant", "cap", "subject", "seat"],
        set_={"taken_at": take.excluded.taken_at, "message_id": take.excluded.message_id},
        where=t.taken_at <= free_before,
    ).returning(t.seat)
    return take, look
