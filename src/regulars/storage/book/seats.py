"""How often somebody was written to: seats under frequency caps and daily limits, taken by one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from regulars.campaigns.pace import Seat
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
        try:
            with self.database.writing() as connection:
                if not self._has(connection, message_id):
                    # In one order everywhere, so that two workers never wait for each other.
                    for seat in sorted(seats, key=lambda each: (each.cap, each.subject)):
                        self._take(connection, message_id, seat, at)
        except _Full as full:
            return full.cap
        return None

    def give_back(self, message_id: str) -> None:
        """Free the seats of a message that was not sent after all."""
        mine = (contact_seats.c.tenant == self.database.tenant, contact_seats.c.message_id == message_id)
        with self.database.writing() as connection:
            connection.execute(sa.update(contact_seats).where(*mine).values(taken_at=FREE, message_id=""))

    def taken(self, cap: str, subject: str) -> list[datetime]:
        """Return when the seats of a subject under a cap were taken, in order: for previews and explanations."""
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == cap, t.subject == subject, t.taken_at > FREE)
        with self.database.reading() as connection:
            return list(connection.execute(sa.select(t.taken_at).where(*mine).order_by(t.taken_at)).scalars())

    def _has(self, connection: sa.Connection, message_id: str) -> bool:
        t = contact_seats.c
        query = sa.select(t.seat).where(t.tenant == self.database.tenant, t.message_id == message_id).limit(1)
        return connection.execute(query).first() is not None

    def _take(self, connection: sa.Connection, message_id: str, seat: Seat, at: datetime) -> None:
        """Take one seat. Raises _Full, which undoes the seats of other caps."""
        statement = self._statement(message_id, seat, at)
        for _ in range(_TRIES):
            if connection.execute(statement).first() is not None:
                return
            if connection.execute(sa.select(self._in_use(seat))).scalar_one() >= seat.limit:
                break
        raise _Full(seat.cap)

    def _statement(self, message_id: str, seat: Seat, at: datetime) -> sa.Executable:
        """Insert a new seat or take over one that is free again; nothing is returned when there is neither."""
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == seat.cap, t.subject == seat.subject)
        free = sa.select(sa.func.min(t.seat)).where(*mine, t.taken_at <= seat.free_before).scalar_subquery()
        new = sa.select(sa.func.max(t.seat) + 1).where(*mine).scalar_subquery()
        number = sa.func.coalesce(free, new, 0)
        row = sa.select(
            sa.literal(self.database.tenant), sa.literal(seat.cap), sa.literal(seat.subject), number,
            sa.literal(at, contact_seats.c.taken_at.type), sa.literal(message_id),
        ).where(number < seat.limit, self._in_use(seat) < seat.limit)
        statement = self.database.insert(contact_seats).from_select([c.name for c in contact_seats.columns], row)
        taken: sa.Executable = statement.on_conflict_do_update(
            index_elements=["tenant", "cap", "subject", "seat"],
            set_={"taken_at": statement.excluded.taken_at, "message_id": statement.excluded.message_id},
            where=t.taken_at <= seat.free_before,
        ).returning(t.seat)
        return taken

    def _in_use(self, seat: Seat) -> sa.ScalarSelect[int]:
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == seat.cap, t.subject == seat.subject)
        counted = sa.select(sa.func.count()).select_from(contact_seats)
        return counted.where(*mine, t.taken_at > seat.free_before).scalar_subquery()


class _Full(Exception):
    """A cap has no seat left."""

    def __init__(self, cap: str) -> None:
        super().__init__(cap)
        self.cap = cap
