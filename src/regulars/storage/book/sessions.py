"""Sessions: where people are signed in; only the hash of what a browser shows is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.storage.book.audit import Changed, write
from regulars.storage.book.database import Database
from regulars.storage.book.people import Person, person_of
from regulars.storage.book.tables import people, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that somebody signed in with."""

    session_id: str
    person_id: str
    began_at: datetime                       # aware
    seen_at: datetime                        # to the minute
    expires_at: datetime                     # however busy it is
    agent: str                               # what the browser calls itself


@dataclass(frozen=True, slots=True)
class SessionBook:
    """The sessions of one tenant; those of others are not there."""

    database: Database

    def begin(self, session: Session, *, secret_hash: str, proved_by: str | None = None) -> bool:
        """Keep a new session and say so; what has expired is forgotten.

        `proved_by`: the hash of the password that was right. Another by now, or a person who was disabled: no session,
        because it would outlive the end of all others.
        """
        t = sessions.c
        with self.database.writing() as connection:
            if proved_by is not None and not self._still(connection, session.person_id, proved_by):
                return False
            over = (t.tenant == self.database.tenant, t.expires_at <= session.began_at)
            connection.execute(sa.delete(sessions).where(*over))
            values = {name: getattr(session, name) for name in Session.__dataclass_fields__}
            connection.execute(
                sa.insert(sessions).values(tenant=self.database.tenant, secret_hash=secret_hash, **values)
            )
            write(self.database, connection, Changed(
                at=session.began_at, by=f"person:{session.person_id}", what="session.begin",
                subject=session.session_id,
            ))
        return True

    def _still(self, connection: sa.Connection, person_id: str, password_hash: str) -> bool:
        t = people.c
        mine = (t.tenant == self.database.tenant, t.person_id == person_id, t.disabled_at.is_(None))
        kept = connection.execute(sa.select(t.password_hash).where(*mine).with_for_update()).scalar_one_or_none()
        return kept == password_hash

    def find(self, session_id: str) -> tuple[Session, Person, str] | None:
        """Return a session, whose it is, and the hash of its secret; None when there is none of that id."""
        t, tenant = sessions.c, self.database.tenant
        with self.database.reading() as connection:
            one = sa.select(sessions).where(t.tenant == tenant, t.session_id == session_id)
            row = connection.execute(one).mappings().one_or_none()
            if row is None:
                return None
            whose = sa.select(people).where(people.c.tenant == tenant, people.c.person_id == row["person_id"])
            person = connection.execute(whose).mappings().one()
        return _session(row), person_of(person), row["secret_hash"]

    def of(self, person_id: str) -> list[Session]:
        """Return the sessions of a person, the one seen last first."""
        t = sessions.c
        query = sa.select(sessions).where(t.tenant == self.database.tenant, t.person_id == person_id)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.seen_at.desc(), t.session_id)).mappings().all()
        return [_session(row) for row in rows]

    def seen(self, session_id: str, *, at: datetime) -> None:
        """Write down that a session is in use."""
        with self.database.writing() as connection:
            mine = (sessions.c.tenant == self.database.tenant, sessions.c.session_id == session_id)
            connection.execute(sa.update(sessions).where(*mine).values(seen_at=at))

    def end(self, session_id: str, *, of: str, at: datetime) -> None:
        """End a session of a person; nothing happens when it is somebody else's or over."""
        t = sessions.c
        mine = (t.tenant == self.database.tenant, t.session_id == session_id, t.person_id == of)
        with self.database.writing() as connection:
            if connection.execute(sa.delete(sessions).where(*mine)).rowcount:
                change = Changed(at=at, by=f"person:{of}", what="session.end", subject=session_id)
                write(self.database, connection, change)

    def end_others(self, session_id: str, *, of: str, at: datetime) -> int:
        """End every session of a person but one, and return how many there were."""
        t = sessions.c
        mine = (t.tenant == self.database.tenant, t.session_id != session_id, t.person_id == of)
        with self.database.writing() as connection:
            ended = connection.execute(sa.delete(sessions).where(*mine)).rowcount
            if ended:
                change = Changed(at=at, by=f"person:{of}", what="session.end_others", subject=session_id)
                write(self.database, connection, change)
        return ended


def _session(row: sa.RowMapping) -> Session:
    return Session(**{name: row[name] for name in Session.__dataclass_fields__})
