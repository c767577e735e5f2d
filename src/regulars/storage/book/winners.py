"""Winners: which variant the people get who waited for a test, decided once; their messages are due with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from regulars.campaigns.subset import REST
from regulars.storage.book.database import Database
from regulars.storage.book.tables import attempts, messages, winners


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """What was decided about an occurrence."""

    campaign_id: str
    variant: str
    by: str                                  # who: `test`, or the name of a person or key
    measure: str                             # what it was told by
    reason: str
    evidence: str                            # JSON: what the variants had come to
    decided_at: datetime                     # aware


@dataclass(frozen=True, slots=True)
class WinnerBook:
    """Decisions about tests, one an occurrence."""

    database: Database

    def find(self, campaign_id: str) -> Winner | None:
        """Return what was decided about an occurrence; None while nothing was."""
        w = winners.c
        query = sa.select(*(w[name] for name in Winner.__slots__))
        with self.database.reading() as connection:
            row = connection.execute(query.where(*self._mine(winners, campaign_id))).mappings().first()
        return None if row is None else Winner(**row)

    def waiting(self, campaign_id: str) -> list[str]:
        """Return the customers who wait for a winner, sorted."""
        query = sa.select(messages.c.customer_id).where(*self._open(campaign_id))
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def is_open(self, campaign_id: str) -> bool:
        """Return whether anybody waits for a winner."""
        query = sa.select(messages.c.customer_id).where(*self._open(campaign_id)).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def last_sent(self, campaign_id: str) -> datetime | None:
        """Return when the last message of an occurrence was handed over; None before the first."""
        query = sa.select(sa.func.max(attempts.c.attempted_at)).where(*self._mine(attempts, campaign_id))
        with self.database.reading() as connection:
            found: datetime | None = connection.execute(query).scalar()
        return found

    def crown(self, winner: Winner, *, due: Mapping[str, datetime]) -> Winner:
        """Write a decision down and make the messages that wait for it due; returns the decision that holds.

        All of it or nothing: killed in between it is decided anew, and decided twice the first holds.

        Args:
            winner: What is decided.
            due: When each customer's message goes; who is not named gets it at once.

        """
        m = messages.c
        with self.database.writing() as connection:
            values = {name: getattr(winner, name) for name in Winner.__slots__}
            connection.execute(
                self.database.insert(winners).values(tenant=self.database.tenant, **values).on_conflict_do_nothing()
            )
            variant: str = connection.execute(
                sa.select(winners.c.variant).where(*self._mine(winners, winner.campaign_id))
            ).scalar_one()
            changed = {"variant": variant, "changed_at": winner.decided_at}
            later = sa.update(messages).where(*self._open(winner.campaign_id), m.customer_id == sa.bindparam("b_who"))
            if due:
                connection.execute(later.values(**changed, due_at=sa.bindparam("b_due")), [
                    {"b_who": customer, "b_due": at} for customer, at in due.items()
                ])
            connection.execute(
                sa.update(messages).where(*self._open(winner.campaign_id)).values(**changed, due_at=winner.decided_at)
            )
        found = self.find(winner.campaign_id)
        assert found is not None
        return found

    def _mine(self, table: sa.Table, campaign_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (table.c.tenant == self.database.tenant, table.c.campaign_id == campaign_id)

    def _open(self, campaign_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (*self._mine(messages, campaign_id), messages.c.state == "planned", messages.c.variant == REST)
