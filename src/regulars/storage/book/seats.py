"""How often somebody was written to: seats under frequency caps and daily limits, taken by one worker at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from regulars.campaigns.pace import Seat, SeatsOfOne, allotted
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import contact_seats

FREE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a seat that was given back is said to have been taken: long before every window."""

FEW = 100
"""Seats of a subject up to which all of them are looked at, those of many subjects in one statement."""

_LOCK = 7_346_286


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
        """Take the seats of several messages in one transaction, in their order; what `take` says of each.

        Of each message all seats are taken or none.
        """
        with self.database.writing() as connection:
            self._alone(connection)
            known = self._with_seats(connection, list(wanted))
            asked = {message: seats for message, seats in wanted.items() if message not in known}
            given, full = allotted(asked, self._standing(connection, asked))
            if given:
                connection.execute(self.database.upsert(contact_seats), [
                    {"tenant": self.database.tenant, "cap": seat.cap, "subject": seat.subject, "seat": number,
                     "taken_at": at, "message_id": message} for message, seat, number in given
                ])
        return {message: full.get(message) for message in wanted}

    def give_back(self, *message_ids: str) -> None:
        """Free the seats of messages that were not sent after all."""
        if not message_ids:
            return
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

    def _alone(self, connection: sa.Connection) -> None:
        """Wait until nobody else takes seats here: who looks for free ones finds them free when it takes them.

        In SQLite nobody else writes at all. In PostgreSQL two workers would otherwise wait for seats of each other, a
        second long, until it tells one of them to begin again.
        """
        if connection.dialect.name == "postgresql":
            whose = sa.func.hashtext(self.database.tenant)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, whose)))

    def _standing(
        self, connection: sa.Connection, wanted: Mapping[str, Sequence[Seat]]
    ) -> dict[tuple[str, str], SeatsOfOne]:
        """Return how the seats stand under every cap and subject that is wanted."""
        every = [seat for seats in wanted.values() for seat in seats]
        times = Counter((seat.cap, seat.subject) for seat in every)
        few: dict[tuple[str, int, datetime], set[str]] = {}
        found: dict[tuple[str, str], SeatsOfOne] = {}
        for seat in every:
            if seat.limit <= FEW:
                few.setdefault((seat.cap, seat.limit, seat.free_before), set()).add(seat.subject)
            elif (seat.cap, seat.subject) not in found:
                number = times[seat.cap, seat.subject]
                found[seat.cap, seat.subject] = self._of_many(connection, seat, number)
        for (cap, limit, free_before), subjects in few.items():
            for subject, standing in self._of_few(connection, cap, subjects, limit, free_before).items():
                found[cap, subject] = standing
        return found

    def _of_few(
        self, connection: sa.Connection, cap: str, subjects: Iterable[str], limit: int, free_before: datetime
    ) -> dict[str, SeatsOfOne]:
        """Return how it stands of many subjects with few seats each, all of which are looked at."""
        t, rows = contact_seats.c, dict[str, list[tuple[datetime, int]]]()
        query = sa.select(t.subject, t.taken_at, t.seat).where(
            t.tenant == self.database.tenant, t.cap == cap, t.subject.in_(sorted(subjects))
        )
        for subject, taken_at, seat in connection.execute(query):
            rows.setdefault(subject, []).append((taken_at, seat))
        return {
            subject: SeatsOfOne(
                reusable=[n for taken_at, n in sorted(seats) if taken_at <= free_before and n < limit],
                last=max(n for _, n in seats), in_use=sum(taken_at > free_before for taken_at, _ in seats),
            ) for subject, seats in rows.items()
        }

    def _of_many(self, connection: sa.Connection, seat: Seat, number: int) -> SeatsOfOne:
        """Return how it stands of a subject with very many seats, of which no more are looked at than are wanted."""
        t = contact_seats.c
        mine = (t.tenant == self.database.tenant, t.cap == seat.cap, t.subject == seat.subject)
        last = connection.execute(sa.select(sa.func.max(t.seat)).where(*mine)).scalar()
        if last is None:
            return SeatsOfOne()
        free = sa.select(t.seat).where(*mine, t.taken_at <= seat.free_before, t.seat < seat.limit)
        used = sa.select(sa.func.count()).where(*mine, t.taken_at > seat.free_before)
        return SeatsOfOne(
            reusable=list(connection.execute(free.order_by(t.taken_at, t.seat).limit(number)).scalars()), last=last,
            in_use=connection.execute(used).scalar_one() if last >= seat.limit else 0,
        )
