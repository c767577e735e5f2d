"""Erasures of shops: which shop asked to be forgotten as a whole, how far that is, and its proof."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import shop_erasures


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopErasure:
    """A shop that is, or is being, forgotten."""

    domain: str
    asked_at: datetime                       # aware; the last time
    asked_by: str
    proof: Mapping[str, Any]                 # store -> what was done to it
    finished_at: datetime | None = None      # None: the next run does it


@dataclass(frozen=True, slots=True)
class ShopErasureBook:
    """Erasures by domain. A shop that asks again, having come back, is forgotten again."""

    database: Database

    def begin(self, domain: str, *, at: datetime, by: str) -> bool:
        """Write down that a shop is to be forgotten, and return whether that is news: not while it is being done."""
        t = shop_erasures.c
        values = {"asked_at": at, "asked_by": by, "proof": "{}", "finished_at": None}
        statement = self.database.insert(shop_erasures).values(tenant=self.database.tenant, domain=domain, **values)
        statement = statement.on_conflict_do_update(
            index_elements=("tenant", "domain"), set_=values, where=t.finished_at.is_not(None)
        )
        with self.database.writing() as connection:
            return connection.execute(statement.returning(t.domain)).first() is not None

    def finish(self, domain: str, proof: Mapping[str, Any], *, at: datetime) -> None:
        """Close an erasure with what was done."""
        t = shop_erasures.c
        with self.database.writing() as connection:
            connection.execute(
                sa.update(shop_erasures).where(t.tenant == self.database.tenant, t.domain == domain)
                .values(proof=json.dumps(proof, sort_keys=True), finished_at=at)
            )

    def open(self) -> list[ShopErasure]:
        """Return what is not finished, by domain."""
        return [one for one in self.listed() if one.finished_at is None]

    def listed(self) -> list[ShopErasure]:
        """Return every erasure, by domain."""
        t = shop_erasures.c
        query = sa.select(*(t[name] for name in ShopErasure.__slots__)).where(t.tenant == self.database.tenant)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.domain)).mappings().all()
        return [ShopErasure(**{**row, "proof": json.loads(row["proof"])}) for row in rows]
