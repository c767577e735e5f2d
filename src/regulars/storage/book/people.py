"""People who log in: their roles, and the hashes of their passwords; what ends a right ends the sessions with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from regulars.errors import NotFound, RegularsError
from regulars.storage.book.audit import Changed, write
from regulars.storage.book.database import Database
from regulars.storage.book.tables import people, sessions

Role = Literal["owner", "marketer", "analyst", "viewer"]
"""What a person is to the business; what each may do is in `regulars.web.sign_in.permissions`."""

INVITE_OWNER = "regulars person invite ADDRESS --role owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the business who may log in."""

    person_id: str
    name: str
    email: str                               # lower case; no two people of a tenant have the same
    role: Role
    made_at: datetime                        # aware
    made_by: str
    disabled_at: datetime | None = None      # None: may log in


@dataclass(frozen=True, slots=True)
class PeopleBook:
    """The people of one tenant; those of others are not there."""

    database: Database

    def all(self) -> list[Person]:
        """Return everybody, also who was disabled, by address."""
        with self.database.reading() as connection:
            return [person for person, _ in self._read(connection)]

    def has_any(self) -> bool:
        """Return whether anybody was ever let in."""
        with self.database.reading() as connection:
            query = sa.select(people.c.person_id).where(people.c.tenant == self.database.tenant).limit(1)
            return connection.execute(query).first() is not None

    def named(self, email: str) -> Person:
        """Return the person of an address. Raises NotFound."""
        found = self.find(email)
        if found is None:
            raise NotFound("nobody of that address may log in", hint="regulars person list")
        return found[0]

    def find(self, email: str) -> tuple[Person, str | None] | None:
        """Return the person of an address with the hash of the password; None when there is none."""
        with self.database.reading() as connection:
            found = self._read(connection, people.c.email == email)
        return found[0] if found else None

    def known(self, person_id: str) -> Person:
        """Return the person of an id. Raises NotFound."""
        with self.database.reading() as connection:
            found = self._read(connection, people.c.person_id == person_id)
        if not found:
            raise NotFound("there is nobody of that id", hint="regulars person list")
        return found[0][0]

    def password_hash(self, person_id: str) -> str | None:
        """Return the hash of a person's password; None where there is none."""
        with self.database.reading() as connection:
            found = self._read(connection, people.c.person_id == person_id)
        return found[0][1] if found else None

    def set_role(self, email: str, role: Role, *, at: datetime, by: str) -> None:
        """Make a person something else, from the next request on. Raises RegularsError for the only owner."""
        with self.database.writing() as connection:
            person = self._one(connection, email)
            if person.role == role:
                return
            if role != "owner":
                self._leave_an_owner(connection, person)
            self._change(connection, person.person_id, role=role)
            self._note(connection, person, "person.role", at=at, by=by, before=person.role, after=role)

    def disable(self, email: str, *, at: datetime, by: str) -> None:
        """End a person's right to log in, and every session. Raises RegularsError for the only owner."""
        with self.database.writing() as connection:
            person = self._one(connection, email)
            if person.disabled_at is not None:
                return
            self._leave_an_owner(connection, person)
            self._change(connection, person.person_id, disabled_at=at)
            end_sessions(self.database, connection, person.person_id)
            self._note(connection, person, "person.disable", at=at, by=by)

    def enable(self, email: str, *, at: datetime, by: str) -> None:
        """Let a person who was disabled log in again, with the password of before."""
        with self.database.writing() as connection:
            person = self._one(connection, email)
            if person.disabled_at is not None:
                self._change(connection, person.person_id, disabled_at=None)
                self._note(connection, person, "person.enable", at=at, by=by)

    def set_password(self, person_id: str, password_hash: str, *, at: datetime, by: str) -> None:
        """Keep the hash of a new password, and end every session that the old one began."""
        with self.database.writing() as connection:
            self._change(connection, person_id, password_hash=password_hash)
            end_sessions(self.database, connection, person_id)
            write(self.database, connection, Changed(at=at, by=by, what="person.password", subject=person_id))

    def rehash(self, person_id: str, password_hash: str, *, instead_of: str) -> None:
        """Keep another hash of the same password; a password that was changed meanwhile stays."""
        mine = (people.c.tenant == self.database.tenant, people.c.person_id == person_id)
        same = sa.update(people).where(*mine, people.c.password_hash == instead_of)
        with self.database.writing() as connection:
            connection.execute(same.values(password_hash=password_hash))

    def _leave_an_owner(self, connection: sa.Connection, person: Person) -> None:
        t = people.c
        owners = (t.tenant == self.database.tenant, t.role == "owner", t.disabled_at.is_(None))
        query = sa.select(t.person_id).where(*owners)
        # Locked, so that of two owners who part from each other at once one stays.
        if connection.execute(query.with_for_update()).scalars().all() == [person.person_id]:
            raise RegularsError(f"{person.name} is the only owner", hint=INVITE_OWNER)

    def _one(self, connection: sa.Connection, email: str) -> Person:
        found = self._read(connection, people.c.email == email)
        if not found:
            raise NotFound("nobody of that address may log in", hint="regulars person list")
        return found[0][0]

    def _change(self, connection: sa.Connection, person_id: str, **values: Any) -> None:
        mine = (people.c.tenant == self.database.tenant, people.c.person_id == person_id)
        connection.execute(sa.update(people).where(*mine).values(**values))

    def _note(
        self, connection: sa.Connection, person: Person, what: str, *, at: datetime, by: str,
        before: str | None = None, after: str | None = None,
    ) -> None:
        change = Changed(at=at, by=by, what=what, subject=person.person_id, before=before, after=after)
        write(self.database, connection, change)

    def _read(
        self, connection: sa.Connection, *conditions: sa.ColumnElement[bool]
    ) -> list[tuple[Person, str | None]]:
        query = sa.select(people).where(people.c.tenant == self.database.tenant, *conditions)
        rows = connection.execute(query.order_by(people.c.email)).mappings().all()
        return [(person_of(row), row["password_hash"]) for row in rows]


def person_of(row: sa.RowMapping) -> Person:
    """Return the person that a row of the table is."""
    return Person(**{name: row[name] for name in Person.__dataclass_fields__})


def end_sessions(database: Database, connection: sa.Connection, person_id: str) -> None:
    """End every session of a person within the transaction of what ends them."""
    mine = (sessions.c.tenant == database.tenant, sessions.c.person_id == person_id)
    connection.execute(sa.delete(sessions).where(*mine))
