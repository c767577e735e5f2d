"""Customers in segments: a ledger of who entered and left, and the state it adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import counters, memberships, transitions

MOMENT = pa.timestamp("us")

TRANSITIONS = pa.schema([
    *bulk.texts("segment", "customer_id"), pa.field("at", MOMENT), pa.field("business_day", pa.date32()),
    *bulk.texts("change", "reason"),
])
"""One row per change: `entered` or `left`, when, on which business day, and why."""

MEMBERSHIPS = pa.schema([
    *bulk.texts("segment", "customer_id"),
    pa.field("entered_at", MOMENT),          # when the present stay began; null: not a member now
    pa.field("left_at", MOMENT),             # when the latest stay that ended did; null: never left
    pa.field("first_entered_at", MOMENT),
    pa.field("last_entered_at", MOMENT),     # when the latest stay began, ended or not
    pa.field("entries", pa.int64()),         # how many stays
])
"""One row per customer that ever was in a segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A customer's present stay in a segment."""

    segment: str
    customer_id: str
    entered_at: datetime                     # aware
    entered_day: date                        # the business day of it


@dataclass(frozen=True, slots=True)
class MembershipBook:
    """Transitions and memberships."""

    database: Database

    def memberships(self) -> pa.Table:
        """Return the state of everyone who ever was in a segment as MEMBERSHIPS, sorted."""
        t = memberships.c
        moments = (t.entered_at, t.left_at, t.first_entered_at, t.last_entered_at)
        query = sa.select(t.segment, t.customer_id, *moments, t.entries).where(t.tenant == self.database.tenant)
        with self.database.reading() as connection:
            return bulk.read(connection, query, MEMBERSHIPS, order_by=("segment", "customer_id"))

    def transitions(self) -> pa.Table:
        """Return the whole ledger as TRANSITIONS, sorted by moment."""
        return self._ledger([sa.true()])

    def transitions_of(self, customer_ids: Sequence[str], *, segments: Sequence[str]) -> pa.Table:
        """Return the ledger of some customers as TRANSITIONS, sorted by moment.

        Those of segments that are not named are left out.
        """
        t, parts = transitions.c, []
        for start in range(0, len(customer_ids), bulk.BATCH):
            some = customer_ids[start:start + bulk.BATCH]
            parts.append(sa.and_(t.segment.in_(segments), t.customer_id.in_(some)))
        return self._ledger(parts)

    def since(self, batch: int) -> pa.Table:
        """Return what was appended after a batch as TRANSITIONS, sorted by moment."""
        return self._ledger([transitions.c.batch > batch])

    def last_batch(self) -> int:
        """Return the number of the batch that was appended last; 0 before the first one."""
        mine = (counters.c.tenant == self.database.tenant, counters.c.name == "transitions")
        with self.database.reading() as connection:
            return int(connection.execute(sa.select(counters.c.value).where(*mine)).scalar() or 0)

    def stays_of(self, customer_id: str, *, segments: Sequence[str]) -> list[Stay]:
        """Return in which of some segments a customer is now, by name."""
        m = memberships.c
        mine = (m.segment.in_(segments), m.customer_id == customer_id)
        with self.database.reading() as connection:
            found = connection.execute(self._stays(*mine).order_by(m.segment))
            return [Stay(**row) for row in found.mappings()]

    def newest(
        self, segment: str, *, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Stay]:
        """Return who is in a segment now, the newest first; with `after` those behind a moment (aware) and customer."""
        m = memberships.c
        query = self._stays(m.segment == segment, m.entered_at.is_not(None))
        query = query.order_by(m.entered_at.desc(), m.customer_id)
        if after is not None:
            is_same = (m.entered_at == after[0]) & (m.customer_id > after[1])
            query = query.where((m.entered_at < after[0]) | is_same)
        with self.database.reading() as connection:
            return [Stay(**row) for row in connection.execute(query.limit(limit)).mappings()]

    def counts(self) -> dict[str, int]:
        """Return how many are in each segment now; a segment that nobody is in is not named."""
        m = memberships.c
        query = sa.select(m.segment, sa.func.count()).where(
            m.tenant == self.database.tenant, m.entered_at.is_not(None)
        ).group_by(m.segment)
        with self.database.reading() as connection:
            return {str(segment): int(count) for segment, count in connection.execute(query)}

    def append(self, changes: pa.Table, *, run_id: str | None = None) -> int:
        """Append TRANSITIONS to the ledger and bring the memberships up to date, in one transaction.

        A change that is in the ledger (same segment, customer, change and moment) is not added again. Returns how many
        were new. Entering and leaving at the same moment ends outside.
        """
        rows = changes.select(TRANSITIONS.names).cast(TRANSITIONS).sort_by(
            [("customer_id", "ascending"), ("segment", "ascending"), ("at", "ascending")]
        )
        tenant = self.database.tenant
        with self.database.writing() as connection:
            batch = self.database.next_number(connection, "transitions")
            statement = self.database.insert(transitions).on_conflict_do_nothing()
            added = bulk.write(connection, statement, rows, tenant=tenant, batch=batch, run_id=run_id)
            if added:
                connection.execute(self._recount(batch))
        return added

    def _ledger(self, parts: Sequence[sa.ColumnElement[bool]]) -> pa.Table:
        t, found = transitions.c, [pa.Table.from_batches([], TRANSITIONS)]     # `empty_table` would import pandas
        query = sa.select(t.segment, t.customer_id, t.at, t.business_day, t.change, t.reason)
        order = ("at", "segment", "customer_id", "change")
        with self.database.reading() as connection:
            for part in parts:
                mine = query.where(t.tenant == self.database.tenant, part)
                found.append(bulk.read(connection, mine, TRANSITIONS, order_by=order))
        whole = pa.concat_tables(found)
        return whole if len(parts) < 2 else whole.sort_by([(name, "ascending") for name in order])

    def _stays(self, *which: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Return the query of stays that have not ended: of those that have, `entered_at` is missing and joins nothing.

        Not said where one customer is asked for: SQLite would look through all members for it.
        """
        m, t = memberships.c, transitions.c
        began = sa.and_(
            t.tenant == m.tenant, t.segment == m.segment, t.customer_id == m.customer_id, t.at == m.entered_at,
            t.change == "entered",
        )
        return sa.select(m.segment, m.customer_id, m.entered_at, t.business_day.label("entered_day")).join_from(
            memberships, transitions, began
        ).where(m.tenant == self.database.tenant, *which)

    def _recount(self, batch: int) -> Any:
        """Return the statement that derives anew the membership of everyone a batch touched, from the whole ledger."""
        touched = sa.select(transitions.c.segment, transitions.c.customer_id).where(
            transitions.c.tenant == self.database.tenant, transitions.c.batch == batch
        ).distinct().subquery()
        entered = sa.func.max(sa.case((transitions.c.change == "entered", transitions.c.at)))
        left = sa.func.max(sa.case((transitions.c.change == "left", transitions.c.at)))
        state = sa.select(
            transitions.c.tenant, transitions.c.customer_id, transitions.c.segment,
            sa.case((sa.or_(left.is_(None), entered > left), entered)), left,
            sa.func.min(sa.case((transitions.c.change == "entered", transitions.c.at))), entered,
            sa.func.count(sa.case((transitions.c.change == "entered", 1))),
        ).join(
            touched,
            (touched.c.segment == transitions.c.segment) & (touched.c.customer_id == transitions.c.customer_id),
        ).where(transitions.c.tenant == self.database.tenant).group_by(
            transitions.c.tenant, transitions.c.segment, transitions.c.customer_id
        ).having(entered.is_not(None))
        columns = [column.name for column in memberships.columns]
        return self.database.upsert(memberships).from_select(columns, state)
