"""Kept answers: what a run worked out ahead of whoever asks, with what it was made of; another of that unmakes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import kept_answers


@dataclass(frozen=True, slots=True)
class KeptAnswerBook:
    """Answers to questions that take long, one a question."""

    database: Database

    def find(self, question: str, *, made_of: str) -> bytes | None:
        """Return the answer that is kept, as MessagePack; None where there is none that was made of the same."""
        t = kept_answers.c
        query = sa.select(t.answer).where(
            t.tenant == self.database.tenant, t.question == question, t.made_of == made_of
        )
        with self.database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def keep(self, question: str, answer: bytes, *, made_of: str, at: datetime) -> None:
        """Keep an answer in the place of the one before."""
        with self.database.writing() as connection:
            connection.execute(self.database.upsert(kept_answers).values(
                tenant=self.database.tenant, question=question, made_of=made_of, answer=answer, made_at=at
            ))
