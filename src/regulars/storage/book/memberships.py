"""Customers in segments: a ledger of who entered and left, and the state it adds up to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from regulars.storage.book import bulk, stays
from regulars.storage.book.database import Database
from regulars.storage.book.tables import counters, fresh_transitions, memberships, transitions

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

FILED = 50_000
"""Fresh changes that are filed in one transaction, about: others wait a second for it and not a minute."""


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
        tenant = self.database.tenant
        query = sa.union_all(stays.settled(tenant, stays.everybody), sa.select(stays.moved(tenant, stays.everybody)))
        with self.database.reading() as connection:
            return bulk.read(connection, query, MEMBERSHIPS, order_by=("segment", "customer_id"))

    def transitions(self) -> pa.Table:
        """Return the whole ledger as TRANSITIONS, sorted by moment."""
        return self._ledger([lambda _: sa.true()])

    def transitions_of(self, customer_ids: Sequence[str], *, segments: Sequence[str]) -> pa.Table:
        """Return the ledger of some customers as TRANSITIONS, sorted by moment.

        Those of segments that are not named are left out.
        """
        def those(some: Sequence[str]) -> stays.Which:
            return lambda ledger: ledger.c.segment.in_(segments) & ledger.c.customer_id.in_(some)

        starts = range(0, len(customer_ids), bulk.BATCH)
        return self._ledger([those(customer_ids[start:start + bulk.BATCH]) for start in starts])

    def since(self, batch: int, *, until: int | None = None) -> pa.Table:
        """Return what was appended after a batch, and in no later one than another, as TRANSITIONS, by moment."""
        last = sys.maxsize if until is None else until
        return self._ledger([lambda ledger: (ledger.c.batch > batch) & (ledger.c.batch <= last)])

    def last_batch(self) -> int:
        """Return the number of the batch that was appended last; 0 before the first one."""
        mine = (counters.c.tenant == self.database.tenant, counters.c.name == "transitions")
        with self.database.reading() as connection:
            return int(connection.execute(sa.select(counters.c.value).where(*mine)).scalar() or 0)

    def stays_of(self, customer_id: str, *, segments: Sequence[str]) -> list[Stay]:
        """Return in which of some segments a customer is now, by name."""
        parts = stays.stays(
            self.database.tenant, lambda table: table.c.segment.in_(segments) & (table.c.customer_id == customer_id)
        )
        with self.database.reading() as connection:
            found = [Stay(**row) for row in connection.execute(sa.union_all(*parts)).mappings()]
        return sorted(found, key=lambda stay: stay.segment)

    def newest(
        self, segment: str, *, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Stay]:
        """Return who is in a segment now, the newest first; with `after` those behind a moment (aware) and customer."""
        parts = []
        for part in stays.stays(self.database.tenant, lambda table: table.c.segment == segment):
            at, who = part.selected_columns.entered_at, part.selected_columns.customer_id
            behind = sa.true() if after is None else (at < after[0]) | ((at == after[0]) & (who > after[1]))
            parts.append(part.where(at.is_not(None), behind).order_by(at.desc(), who).limit(limit).subquery())
        both = sa.union_all(*map(sa.select, parts)).subquery()
        query = sa.select(both).order_by(both.c.entered_at.desc(), both.c.customer_id).limit(limit)
        with self.database.reading() as connection:
            return [Stay(**row) for row in connection.execute(query).mappings()]

    def counts(self) -> dict[str, int]:
        """Return how many are in each segment now; a segment that nobody is in is not named."""
        with self.database.reading() as connection:
            found = connection.execute(stays.counts(self.database.tenant)).all()
        return {str(segment): int(count) for segment, count in found if count}

    def append(self, changes: pa.Table, *, run_id: str | None = None) -> int:
        """Append TRANSITIONS to the ledger and bring the memberships up to date, in one transaction.

        What was fresh is filed before. A change that is in the ledger (same segment, customer, change and moment) is
        not added again. Returns how many were new. Entering and leaving at the same moment ends outside.
        """
        self.file()
        with self.database.writing() as connection:
            batch = self.database.next_number(connection, "transitions")
            statement = self.database.insert(transitions).on_conflict_do_nothing()
            rows = _sorted(changes)
            added = bulk.write(connection, statement, rows, tenant=self.database.tenant, batch=batch, run_id=run_id)
            if added:
                t = transitions.c
                connection.execute(self._recount(sa.select(t.segment, t.customer_id).where(
                    t.tenant == self.database.tenant, t.batch == batch
                )))
        return added

    def append_fresh(self, changes: pa.Table) -> int:
        """Append a few TRANSITIONS that happened after everything that was appended before; return how many were new.

        They are in the ledger and in segments at once, and lie apart until they are filed: so few, all over large
        tables, would have a page of the file written for each.
        """
        with self.database.writing() as connection:
            batch = self.database.next_number(connection, "transitions")
            statement = self.database.insert(fresh_transitions).on_conflict_do_nothing()
            return bulk.write(connection, statement, _sorted(changes), tenant=self.database.tenant, batch=batch)

    def file(self) -> None:
        """Put fresh changes where all others are, some customers in each transaction. What the ledger says stays."""
        f, is_over = fresh_transitions.c, False
        while not is_over:
            with self.database.writing() as connection:
                mine = f.tenant == self.database.tenant
                behind = sa.select(f.customer_id).where(mine).order_by(f.customer_id).offset(FILED).limit(1)
                first_left = connection.execute(behind).scalar()
                is_over = first_left is None
                here = mine if is_over else mine & (f.customer_id <= first_left)
                names = [column.name for column in fresh_transitions.columns]
                rows = sa.select(fresh_transitions).where(here)
                filed = self.database.insert(transitions).from_select(names, rows).on_conflict_do_nothing()
                connection.execute(filed)
                connection.execute(self._recount(sa.select(f.segment, f.customer_id).where(here)))
                connection.execute(sa.delete(fresh_transitions).where(here))

    def _ledger(self, parts: Sequence[stays.Which]) -> pa.Table:
        found = [pa.Table.from_batches([], TRANSITIONS)]     # `empty_table` would import pandas
        order = ("at", "segment", "customer_id", "change")
        with self.database.reading() as connection:
            for part in parts:
                # One statement: what is filed meanwhile is in one of the two.
                both = sa.union_all(*(
                    sa.select(*(table.c[name] for name in TRANSITIONS.names)).where(
                        table.c.tenant == self.database.tenant, part(table)
                    ) for table in (transitions, fresh_transitions)
                ))
                found.append(bulk.read(connection, both, TRANSITIONS, order_by=order))
        whole = pa.concat_tables(found)
        return whole if len(parts) < 2 else whole.sort_by([(name, "ascending") for name in order])

    def _recount(self, pairs: sa.Select[Any]) -> Any:
        """Return the statement that derives memberships anew from the whole ledger; `pairs`: segment, customer_id."""
        tenant = self.database.tenant
        touched = stays.changes_of(transitions, tenant, sa.true(), some=pairs.distinct().subquery()).subquery()
        state = stays.state(touched).add_columns(sa.literal(tenant))
        return self.database.upsert(memberships).from_select([*MEMBERSHIPS.names, "tenant"], state)


def _sorted(changes: pa.Table) -> pa.Table:
    """Return changes in the order of the tables' keys."""
    order = [(name, "ascending") for name in ("customer_id", "segment", "at")]
    return changes.select(TRANSITIONS.names).cast(TRANSITIONS).sort_by(order)
