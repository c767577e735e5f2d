"""Keys of programs that ask over HTTP: only the hash of a secret is kept, so a stolen book opens no door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from regulars.errors import NotFound, RegularsError
from regulars.storage.book.audit import Changed, write
from regulars.storage.book.database import Database
from regulars.storage.book.tables import api_keys

Scope = Literal["read", "write", "admin"]
"""What a key may do; each may do what those before it may."""

AT_ONCE = 2
"""How many keys of one name are valid at the same time: the old one and the new one, while programs change over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key, without its secret."""

    key_id: str                              # the public part, also in what the program shows
    name: str                                # of the program; several keys of one name follow each other
    scope: Scope
    made_at: datetime                        # aware
    made_by: str
    expires_at: datetime | None = None       # None: never
    revoked_at: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        """Return whether the key opens anything at a moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class KeyBook:
    """The keys of one tenant; those of others are not there."""

    database: Database

    def add(self, key: ApiKey, *, secret_hash: str) -> None:
        """Keep a new key. Raises RegularsError when two of its name are valid already."""
        with self.database.writing() as connection:
            known = [each for each, _ in self._read(connection, api_keys.c.name == key.name)]
            valid = [each.key_id for each in known if each.is_valid(key.made_at)]
            if len(valid) >= AT_ONCE:
                hint = f"regulars key revoke {valid[0]}"
                raise RegularsError(f"{AT_ONCE} keys named {key.name!r} are valid already", hint=hint)
            values = {name: getattr(key, name) for name in ApiKey.__dataclass_fields__}
            connection.execute(sa.insert(api_keys).values(
                tenant=self.database.tenant, secret_hash=secret_hash, **values
            ))
            change = Changed(at=key.made_at, by=key.made_by, what="key.new", subject=key.key_id, after=secret_hash[:24])
            write(self.database, connection, change)

    def find(self, key_id: str) -> tuple[ApiKey, str] | None:
        """Return a key and the hash of its secret; None when there is none of that id."""
        with self.database.reading() as connection:
            found = self._read(connection, api_keys.c.key_id == key_id)
        return found[0] if found else None

    def all(self) -> list[ApiKey]:
        """Return every key there ever was, the newest first."""
        with self.database.reading() as connection:
            return [key for key, _ in self._read(connection)]

    def revoke(self, key_id: str, *, at: datetime, by: str) -> None:
        """End a key now; it stays on the list. Raises NotFound when there is none of that id."""
        t = api_keys.c
        with self.database.writing() as connection:
            found = self._read(connection, t.key_id == key_id)
            if not found:
                raise NotFound(f"there is no key {key_id!r}", hint="regulars key list")
            if found[0][0].revoked_at is not None:
                return
            mine = (t.tenant == self.database.tenant, t.key_id == key_id)
            connection.execute(sa.update(api_keys).where(*mine).values(revoked_at=at))
            change = Changed(at=at, by=by, what="key.revoke", subject=key_id, before=found[0][1][:24])
            write(self.database, connection, change)

    def _read(
        self, connection: sa.Connection, *conditions: sa.ColumnElement[bool]
    ) -> list[tuple[ApiKey, str]]:
        t = api_keys.c
        query = sa.select(api_keys).where(t.tenant == self.database.tenant, *conditions)
        rows = connection.execute(query.order_by(t.made_at.desc(), t.key_id)).mappings().all()
        return [
            (ApiKey(**{name: row[name] for name in ApiKey.__dataclass_fields__}), row["secret_hash"]) for row in rows
        ]
