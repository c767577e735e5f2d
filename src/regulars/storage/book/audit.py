"""The audit: who changed what and when; lines are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import audit

COUNTER = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One change by a person or a program; its digests say what was there without repeating it."""

    at: datetime                             # aware
    by: str                                  # a person, or `key:NAME`
    what: str                                # key.new, key.revoke, ruling.add, ruling.undo, experiment.decide,
                                             # webhook.replay, retention.expire, purge.begin
    subject: str                             # the id of what was changed
    before: str | None = None                # digest of what was there; None: nothing
    after: str | None = None                 # digest of what is there now
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine(Changed):
    """A change with its place in the audit."""

    number: int                              # from 1, in the order of writing


@dataclass(frozen=True, slots=True)
class AuditBook:
    """Changes in the order in which they were written down."""

    database: Database

    def add(self, change: Changed) -> None:
        """Add a line."""
        with self.database.writing() as connection:
            write(self.database, connection, change)

    def lines(self, *, limit: int, before: int | None = None) -> list[AuditLine]:
        """Return lines, the newest first, those before a number when one is given."""
        t = audit.c
        query = sa.select(*(t[name] for name in AuditLine.__dataclass_fields__)).where(t.tenant == self.database.tenant)
        query = query if before is None else query.where(t.number < before)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.number.desc()).limit(limit)).mappings().all()
        return [AuditLine(**row) for row in rows]


def write(database: Database, connection: sa.Connection, change: Changed) -> None:
    """Add a line within the transaction of the change itself."""
    values = {name: getattr(change, name) for name in Changed.__dataclass_fields__}
    number = database.next_number(connection, COUNTER)
    connection.execute(sa.insert(audit).values(tenant=database.tenant, number=number, **values))
