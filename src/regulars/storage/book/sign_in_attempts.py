"""How often somebody tried to sign in, by account and by address of the network; each counts before it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import sign_in_attempts

FORGOTTEN = timedelta(days=1)
"""How long after the last attempt nothing is known of them."""


@dataclass(frozen=True, slots=True)
class AttemptBook:
    """One row per subject: an account or an address, as a hash of it."""

    database: Database

    def take(
        self, subjects: Iterable[str], *, at: datetime, wait: Callable[[str, int], timedelta]
    ) -> timedelta:
        """Count an attempt for each subject, unless one of them has to wait; return how long, zero when it counts.

        Counted first, so that a thousand at once are not a thousand tries. `wait` says how long after an attempt of a
        subject, the first of which is number 1, the next one is taken.
        """
        t, names = sign_in_attempts.c, sorted(set(subjects))
        with self.database.writing() as connection:
            connection.execute(sa.delete(sign_in_attempts).where(
                t.tenant == self.database.tenant, t.last_at <= at - FORGOTTEN, t.until <= at
            ))
            before = {}
            for name in names:
                fresh = {"tenant": self.database.tenant, "subject": name, "attempts": 0, "last_at": at, "until": at}
                statement = self.database.insert(sign_in_attempts).values(**fresh)
                connection.execute(statement.on_conflict_do_nothing())
                query = sa.select(t.attempts, t.until).where(*self._one(name)).with_for_update()
                before[name] = connection.execute(query).one()
            longest = max((each.until - at for each in before.values()), default=timedelta())
            if longest > timedelta():
                return longest
            for name in names:
                count = before[name].attempts + 1
                values = {"attempts": count, "last_at": at, "until": at + wait(name, count)}
                connection.execute(sa.update(sign_in_attempts).where(*self._one(name)).values(**values))
        return timedelta()

    def succeeded(self, account: str, *, address: str) -> None:
        """Forget the attempts of an account, and take one back from its address.

        Only one: else who has an account of their own could try those of others for ever.
        """
        t = sign_in_attempts.c
        with self.database.writing() as connection:
            connection.execute(sa.delete(sign_in_attempts).where(*self._one(account)))
            one = (*self._one(address), t.attempts > 0)
            connection.execute(sa.update(sign_in_attempts).where(*one).values(attempts=t.attempts - 1))

    def forget(self, subject: str) -> None:
        """Forget the attempts of a subject."""
        with self.database.writing() as connection:
            connection.execute(sa.delete(sign_in_attempts).where(*self._one(subject)))

    def _one(self, subject: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (sign_in_attempts.c.tenant == self.database.tenant, sign_in_attempts.c.subject == subject)
