"""Approvals: what people decided about versions of templates, in the order in which they did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from regulars.campaigns.approval import Decision
from regulars.storage.book.database import Database
from regulars.storage.book.tables import template_decisions


@dataclass(frozen=True, slots=True)
class ApprovalBook:
    """The log of decisions about templates; nothing in it is ever changed."""

    database: Database

    def about(self, versions: Collection[str]) -> list[Decision]:
        """Return what was decided about some versions, the oldest first."""
        t = template_decisions.c
        query = sa.select(t.version, t.action, t.by, t.at, t.note).where(
            t.tenant == self.database.tenant, t.version.in_(sorted(versions))
        ).order_by(t.number)
        with self.database.reading() as connection:
            return [Decision(**row) for row in connection.execute(query).mappings()]

    def add(self, *decisions: Decision, template: str) -> None:
        """Write decisions down; `template`: what the version is called, for people."""
        if not decisions:
            return
        with self.database.writing() as connection:
            first = self.database.next_number(connection, "template_decisions", count=len(decisions))
            connection.execute(sa.insert(template_decisions), [
                {
                    "tenant": self.database.tenant, "number": first + n, "version": one.version, "template": template,
                    "action": one.action, "by": one.by, "note": one.note, "at": one.at,
                } for n, one in enumerate(decisions)
            ])
