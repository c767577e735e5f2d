"""Invites: links that let somebody choose a password, each once; only the hash of their secret is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.errors import NotFound, RegularsError
from regulars.storage.book.audit import Changed, write
from regulars.storage.book.database import Database
from regulars.storage.book.people import Role, end_sessions
from regulars.storage.book.tables import invites, people


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """One link, without its secret."""

    invite_id: str
    email: str                               # lower case
    role: Role
    made_at: datetime                        # aware
    made_by: str
    expires_at: datetime
    person_id: str | None = None             # who chooses a new password; None: somebody new
    ended_at: datetime | None = None         # used, or replaced by a later one

    def is_valid(self, at: datetime) -> bool:
        """Return whether the link leads anywhere at a moment."""
        return self.ended_at is None and at < self.expires_at


@dataclass(frozen=True, slots=True)
class InviteBook:
    """The invites of one tenant; those of others are not there."""

    database: Database

    def add(self, invite: Invite, *, secret_hash: str) -> None:
        """Keep a new invite, and end those of the same address.

        One for a known person also ends that person's password and sessions: nothing of before opens anything.

        Raises RegularsError for somebody new whose address is known already.
        """
        with self.database.writing() as connection:
            if invite.person_id is None and self._is_known(connection, invite.email):
                hint = f"regulars person reset {invite.email}"
                raise RegularsError("somebody of that address may log in already", hint=hint)
            mine = (invites.c.tenant == self.database.tenant, invites.c.email == invite.email)
            connection.execute(
                sa.update(invites).where(*mine, invites.c.ended_at.is_(None)).values(ended_at=invite.made_at)
            )
            values = {name: getattr(invite, name) for name in Invite.__dataclass_fields__}
            connection.execute(
                sa.insert(invites).values(tenant=self.database.tenant, secret_hash=secret_hash, **values)
            )
            if invite.person_id is not None:
                mine = (people.c.tenant == self.database.tenant, people.c.person_id == invite.person_id)
                connection.execute(sa.update(people).where(*mine).values(password_hash=None))
                end_sessions(self.database, connection, invite.person_id)
            what = "person.invite" if invite.person_id is None else "person.reset"
            subject = invite.person_id or invite.invite_id
            write(self.database, connection, Changed(at=invite.made_at, by=invite.made_by, what=what, subject=subject))

    def find(self, invite_id: str) -> tuple[Invite, str] | None:
        """Return an invite and the hash of its secret; None when there is none of that id."""
        query = sa.select(invites).where(invites.c.tenant == self.database.tenant, invites.c.invite_id == invite_id)
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else (_invite(row), row["secret_hash"])

    def open(self, *, at: datetime) -> list[Invite]:
        """Return those that still lead somewhere, the newest first."""
        t = invites.c
        query = sa.select(invites).where(t.tenant == self.database.tenant, t.ended_at.is_(None), t.expires_at > at)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.made_at.desc(), t.invite_id)).mappings().all()
        return [_invite(row) for row in rows]

    def withdraw(self, email: str, *, at: datetime, by: str) -> bool:
        """End the invites of an address, and return whether there were any."""
        t = invites.c
        mine = (t.tenant == self.database.tenant, t.email == email, t.ended_at.is_(None), t.expires_at > at)
        with self.database.writing() as connection:
            ended = connection.execute(sa.select(t.invite_id).where(*mine)).scalars().all()
            connection.execute(sa.update(invites).where(*mine).values(ended_at=at))
            for invite_id in ended:
                change = Changed(at=at, by=by, what="person.withdraw", subject=invite_id)
                write(self.database, connection, change)
        return bool(ended)

    def accept(self, invite: Invite, *, person_id: str, name: str, password_hash: str, at: datetime) -> None:
        """End an invite and keep whom it let in, of two that come at once only one.

        Of a known person only the password changes. Raises NotFound when the invite was used in the meantime.
        """
        t, tenant = invites.c, self.database.tenant
        mine = (t.tenant == tenant, t.invite_id == invite.invite_id, t.ended_at.is_(None))
        with self.database.writing() as connection:
            if connection.execute(sa.update(invites).where(*mine).values(ended_at=at)).rowcount != 1:
                raise NotFound("this link was used already", hint="ask for another one")
            if invite.person_id is None:
                connection.execute(sa.insert(people).values(
                    tenant=tenant, person_id=person_id, name=name, email=invite.email, role=invite.role,
                    password_hash=password_hash, made_at=at, made_by=invite.made_by,
                ))
            else:
                them = (people.c.tenant == tenant, people.c.person_id == person_id)
                connection.execute(sa.update(people).where(*them).values(password_hash=password_hash))
            by = f"person:{person_id}"
            write(self.database, connection, Changed(at=at, by=by, what="person.accept", subject=person_id))

    def _is_known(self, connection: sa.Connection, email: str) -> bool:
        query = sa.select(people.c.person_id).where(people.c.tenant == self.database.tenant, people.c.email == email)
        return connection.execute(query).first() is not None


def _invite(row: sa.RowMapping) -> Invite:
    return Invite(**{name: row[name] for name in Invite.__dataclass_fields__})
