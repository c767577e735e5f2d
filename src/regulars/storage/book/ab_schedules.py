"""When A/B campaigns go, again and again or once; which one was made from which, and which are put away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import ab_schedules


@dataclass(frozen=True, slots=True, kw_only=True)
class ABSchedule:
    """What is known of one campaign beside what it says."""

    number: int                              # of the campaign
    zone: str = "UTC"                        # in which its wall times are read
    starts_at: datetime | None = None        # aware: of the first run; of a copy the run it was made for
    next_run_at: datetime | None = None      # aware; null: not scheduled
    pattern: str | None = None               # JSON: how often; null: once
    parent: int | None = None                # the campaign it was copied from
    archived_at: datetime | None = None      # aware; null: it is not
    reason: str | None = None                # why it was archived


@dataclass(frozen=True, slots=True)
class ABScheduleBook:
    """Schedules by campaign."""

    database: Database

    def find(self, number: int) -> ABSchedule:
        """Return what is known of a campaign; of one nobody scheduled, that."""
        return next(iter(self._found(ab_schedules.c.number == number)), ABSchedule(number=number))

    def all(self) -> list[ABSchedule]:
        """Return everything that is known, by number."""
        return self._found()

    def due(self, now: datetime) -> list[ABSchedule]:
        """Return campaigns whose run has come, the earliest first."""
        found = self._found(ab_schedules.c.next_run_at <= now, ab_schedules.c.archived_at.is_(None))
        return sorted(found, key=lambda one: (str(one.next_run_at), one.number))

    def child(self, parent: int, *, starts_at: datetime) -> int | None:
        """Return the copy that was made of a campaign for one run; None when there is none."""
        t = ab_schedules.c
        return next((one.number for one in self._found(t.parent == parent, t.starts_at == starts_at)), None)

    def put(self, one: ABSchedule) -> None:
        """Write down what is known of a campaign now."""
        values = {name: getattr(one, name) for name in ABSchedule.__slots__}
        with self.database.writing() as connection:
            connection.execute(
                self.database.insert(ab_schedules).values(tenant=self.database.tenant, **values)
                .on_conflict_do_update(index_elements=["tenant", "number"], set_=values)
            )

    def _found(self, *where: sa.ColumnElement[bool]) -> list[ABSchedule]:
        t = ab_schedules.c
        query = sa.select(*(t[name] for name in ABSchedule.__slots__)).where(t.tenant == self.database.tenant, *where)
        with self.database.reading() as connection:
            return [ABSchedule(**row) for row in connection.execute(query.order_by(t.number)).mappings()]
