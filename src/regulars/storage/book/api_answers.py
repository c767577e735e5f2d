"""Answers to requests that change something, kept so that a repeated request changes nothing and hears the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import api_answers

KEPT = timedelta(days=30)
"""How long an answer is kept: longer than any client tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A request that was begun before, and its answer when it was given."""

    request_digest: str
    began_at: datetime                       # aware
    status: int | None                       # None: not known how it ended
    body: str | None                         # JSON


@dataclass(frozen=True, slots=True)
class AnswerBook:
    """One row per key and Idempotency-Key."""

    database: Database

    def begin(self, key_id: str, idempotency_key: str, *, request_digest: str, at: datetime) -> Begun | None:
        """Begin a request, of two that come at once only one: None, or the request that was begun before."""
        t = api_answers.c
        values = {"key_id": key_id, "idempotency_key": idempotency_key, "request_digest": request_digest}
        with self.database.writing() as connection:
            old = (t.tenant == self.database.tenant, t.began_at < at - KEPT)
            connection.execute(sa.delete(api_answers).where(*old))
            statement = self.database.insert(api_answers).values(tenant=self.database.tenant, began_at=at, **values)
            made = connection.execute(statement.on_conflict_do_nothing().returning(t.key_id)).first()
            if made is not None:
                return None
            query = sa.select(*(t[name] for name in Begun.__dataclass_fields__))
            row = connection.execute(query.where(*self._one(key_id, idempotency_key))).mappings().one()
        return Begun(**row)

    def finish(self, key_id: str, idempotency_key: str, *, status: int, body: str) -> None:
        """Keep the answer of a request that was begun."""
        with self.database.writing() as connection:
            mine = self._one(key_id, idempotency_key)
            connection.execute(sa.update(api_answers).where(*mine).values(status=status, body=body))

    def forget(self, key_id: str, idempotency_key: str) -> None:
        """Forget a request that was refused and changed nothing, so that it can be sent again, corrected."""
        with self.database.writing() as connection:
            connection.execute(sa.delete(api_answers).where(*self._one(key_id, idempotency_key)))

    def _one(self, key_id: str, idempotency_key: str) -> tuple[sa.ColumnElement[bool], ...]:
        t = api_answers.c
        return (t.tenant == self.database.tenant, t.key_id == key_id, t.idempotency_key == idempotency_key)
