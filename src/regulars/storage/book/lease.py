"""One worker per project: a lease that expires, so that a killed one is taken over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from regulars.errors import LeaseHeld
from regulars.storage.book.database import Database
from regulars.storage.book.tables import leases

NAME = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may work on the project, and until when unless renewed."""

    owner: str                               # "host:pid:..." as whoever takes it likes
    taken_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LeaseBook:
    """The project's lease."""

    database: Database

    def acquire(
        self, owner: str, *, now: datetime, lasts: timedelta, is_gone: Callable[[str], bool | None] | None = None
    ) -> Lease:
        """Take the lease: when it is free, already the owner's, its owner is gone, or it has expired.

        `is_gone` is asked about the present owner. True means its process has surely ended, so that the run after a
        kill need not wait for the expiry; False that it surely lives, so that one that could not renew in time, as
        while a large step writes the book, keeps its lease; None that only the expiry can tell.
        Of two that try at once exactly one gets it. Raises LeaseHeld, saying by whom and until when.
        """
        with self.database.writing() as connection:
            # The insert is what makes two beginners queue up: the second waits for the first one's commit.
            connection.execute(self.database.insert(leases).values(
                tenant=self.database.tenant, name=NAME, owner="", taken_at=now, expires_at=now
            ).on_conflict_do_nothing())
            held = connection.execute(sa.select(leases).where(*self._mine()).with_for_update()).one()
            if held.owner not in ("", owner):
                gone = None if is_gone is None else is_gone(held.owner)
                if not (held.expires_at <= now if gone is None else gone):
                    raise LeaseHeld(
                        f"{held.owner} works on this project until {held.expires_at:%Y-%m-%d %H:%M:%S} UTC",
                        hint="wait for it to end, or try again after that time",
                    )
            taken_at = held.taken_at if held.owner == owner else now
            lease = Lease(owner=owner, taken_at=taken_at, expires_at=now + lasts)
            connection.execute(sa.update(leases).where(*self._mine()).values(
                owner=owner, taken_at=taken_at, expires_at=lease.expires_at
            ))
        return lease

    def renew(self, owner: str, *, now: datetime, lasts: timedelta) -> Lease:
        """Hold the lease for longer. Raises LeaseHeld when it is no longer the owner's: stop working then."""
        with self.database.writing() as connection:
            held = connection.execute(sa.select(leases).where(*self._mine()).with_for_update()).one_or_none()
            if held is None or held.owner != owner:
                taker = "given back" if held is None else f"taken over by {held.owner}"
                raise LeaseHeld(f"the lease of {owner} was {taker}", hint="start the run again")
            connection.execute(sa.update(leases).where(*self._mine()).values(expires_at=now + lasts))
        return Lease(owner=owner, taken_at=held.taken_at, expires_at=now + lasts)

    def release(self, owner: str) -> None:
        """Give the lease back; nothing happens when it is somebody else's by now."""
        with self.database.writing() as connection:
            connection.execute(sa.delete(leases).where(*self._mine(), leases.c.owner == owner))

    def holder(self) -> Lease | None:
        """Return the lease as it stands, expired or not; None when nobody has it."""
        with self.database.reading() as connection:
            row = connection.execute(sa.select(leases).where(*self._mine())).one_or_none()
        return None if row is None else Lease(owner=row.owner, taken_at=row.taken_at, expires_at=row.expires_at)

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (leases.c.tenant == self.database.tenant, leases.c.name == NAME)
