"""What the book knows of one person: the rows of every table that names them, as they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from regulars.storage.book import tables as t
from regulars.storage.book.database import Database

NAMED: Mapping[str, str] = {
    "identity_map": "customer_id", "customers": "customer_id", "household_map": "customer_id",
    "transitions": "customer_id", "memberships": "customer_id", "assignments": "unit", "exposures": "unit",
    "ab_recipients": "unit", "ab_events": "unit", "consent_reviews": "customer_id",
    "messages": "customer_id", "attempts": "customer_id", "receipts": "customer_id", "replies": "customer_id",
    "clicks": "customer_id", "flow_journeys": "customer_id", "flow_steps": "customer_id",
}
"""Tables and the column in which a customer's id stands."""


@dataclass(frozen=True, slots=True)
class KnownBook:
    """Rows about one customer."""

    database: Database

    def of(self, customer_ids: Sequence[str], *, addresses: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Return the rows about a customer by table, those of their addresses' hashes too.

        Entries of consent have the words that were shown or said.
        """
        e, w, s, c = t.consent_entries, t.consent_wordings, t.suppressions, t.contact_seats
        n = t.number_answers
        same = sa.and_(w.c.tenant == e.c.tenant, w.c.wording_hash == e.c.wording_hash)
        entries = sa.select(*(one for one in e.columns if one.name != "tenant"), w.c.wording).join_from(
            e, w, same, isouter=True
        ).where(sa.or_(e.c.customer_id.in_(customer_ids), e.c.address_hash.in_(addresses)), self._mine(e))
        asked = {
            name: self._all(t.metadata.tables[name]).where(t.metadata.tables[name].c[column].in_(customer_ids))
            for name, column in NAMED.items()
        }
        asked["consent_entries"] = entries.order_by(e.c.seq)
        asked["suppressions"] = self._all(s).where(s.c.address_hash.in_(addresses))
        asked["number_answers"] = self._all(n).where(n.c.address_hash.in_(addresses))
        asked["contact_seats"] = self._all(c).where(c.c.subject.in_([f"customer:{one}" for one in customer_ids]))
        with self.database.reading() as connection:
            return {
                name: [dict(row) for row in connection.execute(query).mappings()]
                for name, query in sorted(asked.items())
            }

    def _all(self, table: sa.Table) -> sa.Select[Any]:
        columns = [column for column in table.columns if column.name != "tenant"]
        return sa.select(*columns).where(self._mine(table)).order_by(*table.primary_key)

    def _mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.database.tenant
