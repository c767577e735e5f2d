"""Purges: which messages of a door, or which property of them, are gone for good, how far that is, and its proof."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.records.purged import Wanted
from regulars.storage.book.database import Database
from regulars.storage.book.pages import Within
from regulars.storage.book.proof import add
from regulars.storage.book.tables import purges


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What is, or is being, purged. What it means stays out for ever: whoever sends it again sends it in vain."""

    purge_id: str
    source: str                              # a door
    event: str | None                        # the name that messages were sent under; None: whatever they are
    path: str | None                         # dotted, of what goes out of them; None: they go whole
    since: datetime | None                   # aware; of when they happened, None: from the first one on
    until: datetime                          # aware; the first moment that is left alone
    asked_at: datetime
    asked_by: str
    proof: Mapping[str, Any]                 # step -> what it did
    finished_at: datetime | None = None

    @property
    def wanted(self) -> Wanted:
        """Return what it means."""
        return Wanted(event=self.event, path=self.path, since=self.since, until=self.until)

    @property
    def rows(self) -> int:
        """Return how many rows of the landing it has taken out or changed so far, late ones too."""
        return self._counted("rows")

    @property
    def gone(self) -> int:
        """Return how many rows of the landing it has taken out so far: what was stored or set aside, and is no more."""
        return self._counted("gone")

    def _counted(self, name: str) -> int:
        return sum(facts[name] for step, facts in self.proof.items() if step.startswith(LANDING))


LANDING = "landing "
"""How steps begin whose facts count rows of the landing: `landing SOURCE.STREAM`."""


@dataclass(frozen=True, slots=True)
class PurgeBook:
    """Purges by their ids."""

    database: Database

    def begin(self, purge: Purge) -> None:
        """Write down that something is to be purged; from now on it is kept out. Twice is once."""
        values = {name: getattr(purge, name) for name in Purge.__slots__} | {"proof": json.dumps(purge.proof)}
        with self.database.writing() as connection:
            connection.execute(
                self.database.insert(purges).values(tenant=self.database.tenant, **values).on_conflict_do_nothing()
            )

    def proving(self, purge_id: str, step: str, facts: Mapping[str, Any]) -> Within:
        """Return what writes down what a step did within somebody else's transaction; numbers are added up."""
        return lambda connection: add(connection, purges.c.proof, self._one(purge_id), step, facts)

    def prove(self, purge_id: str, step: str, facts: Mapping[str, Any]) -> None:
        """Write down what a step did; done again, numbers are added to those of the first time."""
        with self.database.writing() as connection:
            self.proving(purge_id, step, facts)(connection)

    def finish(self, purge_id: str, verified: Mapping[str, Any], *, at: datetime) -> None:
        """Close a purge with what was searched for it."""
        with self.database.writing() as connection:
            self.proving(purge_id, "verified", verified)(connection)
            connection.execute(sa.update(purges).where(*self._one(purge_id)).values(finished_at=at))

    def open(self) -> list[Purge]:
        """Return the purges that are not finished, oldest first."""
        return [one for one in self.listed() if one.finished_at is None]

    def listed(self, source: str | None = None) -> list[Purge]:
        """Return all purges, or those of one source, oldest first."""
        t = purges.c
        query = sa.select(*(t[name] for name in Purge.__slots__)).where(t.tenant == self.database.tenant)
        query = query if source is None else query.where(t.source == source)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(t.asked_at, t.purge_id)).mappings().all()
        return [Purge(**{**row, "proof": json.loads(row["proof"])}) for row in rows]

    def _one(self, purge_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (purges.c.tenant == self.database.tenant, purges.c.purge_id == purge_id)
