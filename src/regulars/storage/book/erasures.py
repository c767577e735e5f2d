"""Erasures: who asked to be forgotten, how far that is, its proof, and the hashes by which they stay forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.proof import add
from regulars.storage.book.tables import erased_keys, erasures, suppressions

Kind = Literal["profile", "email", "sms"]
"""What a key is the hash of: a profile's source and id, or an address of a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One person who is, or is being, forgotten."""

    erasure_id: str                          # stands where the customer's id stood in what is kept for its counts
    customer_hash: str                       # by which the customer is found again who is no longer named
    customer_ids: tuple[str, ...] | None     # the customer first, then those merged into it; None: finished
    asked_at: datetime
    asked_by: str
    proof: Mapping[str, Any]                 # step -> what it did
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErasureBook:
    """Erasures and the keys of who was erased."""

    database: Database

    def begin(self, erasure: Erasure, keys: Iterable[tuple[Kind, str]]) -> None:
        """Write down that somebody is to be forgotten, by which keys; from now on they are kept out. Twice is once."""
        tenant = self.database.tenant
        rows = [
            {"tenant": tenant, "kind": kind, "key_hash": key, "erasure_id": erasure.erasure_id}
            for kind, key in sorted(set(keys))
        ]
        values = {name: getattr(erasure, name) for name in ("erasure_id", "customer_hash", "asked_at", "asked_by")}
        ids = json.dumps(erasure.customer_ids)
        with self.database.writing() as connection:
            connection.execute(
                self.database.insert(erasures)
                .values(tenant=tenant, **values, customer_ids=ids, proof=json.dumps(erasure.proof))
                .on_conflict_do_nothing()
            )
            if rows:
                connection.execute(self.database.insert(erased_keys).on_conflict_do_nothing(), rows)

    def prove(self, erasure_id: str, step: str, facts: Mapping[str, Any]) -> None:
        """Write down what a step of an erasure did; done again, numbers are added to those of the first time."""
        with self.database.writing() as connection:
            add(connection, erasures.c.proof, self._one(erasure_id), step, facts)

    def finish(self, erasure_id: str, verified: Mapping[str, Any], *, at: datetime) -> None:
        """Close an erasure with what was searched for it, and forget its customer ids."""
        with self.database.writing() as connection:
            mine = self._one(erasure_id)
            text = connection.execute(sa.select(erasures.c.proof).where(*mine).with_for_update()).scalar_one()
            proof = json.dumps({**json.loads(text), "verified": verified}, sort_keys=True)
            connection.execute(sa.update(erasures).where(*mine).values(customer_ids=None, proof=proof, finished_at=at))

    def open(self) -> list[Erasure]:
        """Return the erasures that are not finished, oldest first."""
        return self._found(erasures.c.finished_at.is_(None))

    def listed(self) -> list[Erasure]:
        """Return all erasures, oldest first."""
        return self._found(sa.true())

    def of(self, customer_hash: str) -> Erasure | None:
        """Return the newest erasure of a customer; None when there is none."""
        found = self._found(erasures.c.customer_hash == customer_hash)
        return found[-1] if found else None

    def keys(self, erasure_id: str | None = None) -> set[tuple[Kind, str]]:
        """Return the keys by which people, or one, are kept out.

        Left out are addresses whose person asked to be written to since: the book's suppression of them was lifted.
        """
        k, s = erased_keys.c, suppressions.c
        lifted = sa.select(s.address_hash).where(
            s.tenant == k.tenant, s.channel == k.kind, s.address_hash == k.key_hash, s.reason == "erased",
            s.lifted_at.is_not(None),
        ).exists()
        query = sa.select(k.kind, k.key_hash).where(k.tenant == self.database.tenant, ~lifted)
        query = query if erasure_id is None else query.where(k.erasure_id == erasure_id)
        with self.database.reading() as connection:
            return {(row.kind, row.key_hash) for row in connection.execute(query)}

    def _found(self, which: sa.ColumnElement[bool]) -> list[Erasure]:
        query = sa.select(erasures).where(erasures.c.tenant == self.database.tenant, which)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(erasures.c.asked_at, erasures.c.erasure_id)).mappings().all()
        return [_erasure(row) for row in rows]

    def _one(self, erasure_id: str) -> Sequence[sa.ColumnElement[bool]]:
        return (erasures.c.tenant == self.database.tenant, erasures.c.erasure_id == erasure_id)


def _erasure(row: Mapping[Any, Any]) -> Erasure:
    ids = row["customer_ids"]
    return Erasure(
        erasure_id=row["erasure_id"], customer_hash=row["customer_hash"],
        customer_ids=None if ids is None else tuple(json.loads(ids)), asked_at=row["asked_at"],
        asked_by=row["asked_by"], proof=json.loads(row["proof"]), finished_at=row["finished_at"],
    )
