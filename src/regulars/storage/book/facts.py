"""What a stream looked like when it was last read, to notice when it drifts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import stream_facts


@dataclass(frozen=True, slots=True)
class FactsBook:
    """Facts per stream, as JSON: fields seen, their types, their counts."""

    database: Database

    def load(self, source: str, stream: str) -> dict[str, Any] | None:
        """Return what was saved last; None when nothing ever was."""
        t = stream_facts.c
        query = sa.select(t.facts).where(t.tenant == self.database.tenant, t.source == source, t.stream == stream)
        with self.database.reading() as connection:
            text = connection.execute(query).scalar_one_or_none()
        return None if text is None else dict(json.loads(text))

    def save(self, source: str, stream: str, facts: Mapping[str, Any], *, at: datetime) -> None:
        """Replace what is known about a stream."""
        with self.database.writing() as connection:
            connection.execute(self.database.upsert(stream_facts).values(
                tenant=self.database.tenant, source=source, stream=stream, seen_at=at,
                facts=json.dumps(facts, sort_keys=True),
            ))
