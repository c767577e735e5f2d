"""What a provider said of telephone numbers, kept by the numbers' hashes for as long as it is believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.campaigns.line import FRESH, Line
from regulars.storage.book.database import Database
from regulars.storage.book.tables import number_answers

_TOGETHER = 5_000
"""Hashes a statement: databases take some ten thousand values at most."""


@dataclass(frozen=True, slots=True)
class NumberAnswerBook:
    """Answers by number; one that is older than `FRESH` is as good as none."""

    database: Database

    def has_any(self, *, at: datetime) -> bool:
        """Return whether there is any answer that is believed at a moment."""
        query = sa.select(sa.literal(1)).where(*self._fresh(at)).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def find(self, hashes: Collection[str], *, at: datetime) -> dict[str, Line]:
        """Return the answers that are believed at a moment, by the numbers' hashes; the others are left out."""
        t = number_answers.c
        query = sa.select(t.address_hash, t.is_valid, t.kind, t.carrier, t.country).where(*self._fresh(at))
        wanted, found = sorted(hashes), {}
        with self.database.reading() as connection:
            for start in range(0, len(wanted), _TOGETHER):
                some = query.where(t.address_hash.in_(wanted[start:start + _TOGETHER]))
                for row in connection.execute(some).mappings():
                    found[row["address_hash"]] = Line(
                        is_valid=row["is_valid"], kind=row["kind"], carrier=row["carrier"], country=row["country"]
                    )
        return found

    def keep(self, lines: Mapping[str, Line], *, at: datetime) -> None:
        """Keep what was said at a moment, in the place of what was said before; what is believed no longer goes."""
        t = number_answers.c
        mine = t.tenant == self.database.tenant
        rows = [
            {
                "tenant": self.database.tenant, "address_hash": hashed, "is_valid": one.is_valid, "kind": one.kind,
                "carrier": one.carrier, "country": one.country, "asked_at": at,
            }
            for hashed, one in sorted(lines.items())
        ]
        with self.database.writing() as connection:
            connection.execute(sa.delete(number_answers).where(mine, t.asked_at <= at - FRESH))
            for start in range(0, len(rows), _TOGETHER):
                some = rows[start:start + _TOGETHER]
                said_before = t.address_hash.in_([row["address_hash"] for row in some])
                connection.execute(sa.delete(number_answers).where(mine, said_before))
                connection.execute(sa.insert(number_answers), some)

    def _fresh(self, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        t = number_answers.c
        return (t.tenant == self.database.tenant, t.asked_at > at - FRESH)
