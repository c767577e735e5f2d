"""Readings: what a language model answered about a text, kept by the text's hash, so that it is asked once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer, as it came."""

    kind: str                                # what was asked about the text: offer
    content_hash: str                        # SHA-256 of the text
    model: str
    prompt_version: str                      # of the question
    answer: str | None                       # JSON, not judged yet; None: the model gave no whole answer
    tokens: int                              # in and out
    at: datetime                             # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was asked in a time."""

    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class ReadingBook:
    """Answers by text, model and question."""

    database: Database

    def find(self, kind: str, hashes: Collection[str], *, model: str, prompt_version: str) -> dict[str, Answered]:
        """Return the answers about some texts, by the texts' hashes; those that were not asked about are left out."""
        t = readings.c
        query = sa.select(*(t[name] for name in Answered.__slots__)).where(
            t.tenant == self.database.tenant, t.kind == kind, t.content_hash.in_(sorted(hashes)), t.model == model,
            t.prompt_version == prompt_version,
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["content_hash"]: Answered(**row) for row in rows}

    def keep(self, one: Answered) -> None:
        """Keep an answer; another one about the same text to the same question takes its place."""
        t = readings.c
        row = {name: getattr(one, name) for name in Answered.__slots__}
        with self.database.writing() as connection:
            connection.execute(sa.delete(readings).where(
                t.tenant == self.database.tenant, t.kind == one.kind, t.content_hash == one.content_hash,
                t.model == one.model, t.prompt_version == one.prompt_version,
            ))
            connection.execute(sa.insert(readings).values(tenant=self.database.tenant, **row))

    def spent(self, *, since: datetime) -> Spent:
        """Return what was asked from a moment on, answers that were not taken too."""
        t = readings.c
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(t.tokens), 0)).where(
            t.tenant == self.database.tenant, t.at >= since
        )
        with self.database.reading() as connection:
            requests, tokens = connection.execute(query).one()
        return Spent(requests=int(requests), tokens=int(tokens))
