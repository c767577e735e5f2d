"""Who lives with whom, for ever: the household map and every household id that was ever given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import household_map, households

MOMENT = pa.timestamp("us")

HOMES = pa.schema(bulk.texts("customer_id", "household_id"))
"""One row per customer id ever given: its household."""

HOUSEHOLDS = pa.schema([
    *bulk.texts("household_id", "founder_customer_id"), pa.field("minted_at", MOMENT), *bulk.texts("merged_into"),
])
"""One row per household id ever given: for whom, when, and the household that took its people."""


@dataclass(frozen=True, slots=True)
class HouseholdBook:
    """The household map and the register of its ids."""

    database: Database

    def homes(self) -> pa.Table:
        """Return the whole map as HOMES, sorted by customer."""
        t = household_map.c
        query = sa.select(t.customer_id, t.household_id).where(t.tenant == self.database.tenant)
        with self.database.reading() as connection:
            return bulk.read(connection, query, HOMES, order_by=("customer_id",))

    def register(self) -> pa.Table:
        """Return all household ids ever given as HOUSEHOLDS, sorted by id."""
        t = households.c
        query = sa.select(t.household_id, t.founder_customer_id, t.minted_at, t.merged_into)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant)
            return bulk.read(connection, mine, HOUSEHOLDS, order_by=("household_id",))

    def merged(self) -> pa.Table:
        """Return the household ids that were given up as HOUSEHOLDS, sorted by id."""
        t = households.c
        query = sa.select(t.household_id, t.founder_customer_id, t.minted_at, t.merged_into)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant, t.merged_into.is_not(None))
            return bulk.read(connection, mine, HOUSEHOLDS, order_by=("household_id",))

    def homes_of(self, customer_ids: pa.Array) -> pa.Table:
        """Return the households of some customers as HOMES, in no order."""
        t = household_map.c
        query = sa.select(t.customer_id, t.household_id).where(t.tenant == self.database.tenant)
        with self.database.reading() as connection:
            return bulk.read_some(connection, query, HOMES, column=t.customer_id, values=customer_ids)

    def register_of(self, household_ids: pa.Array, *, founders: pa.Array) -> pa.Table:
        """Return the households of some ids, and those that were given for some customers, as HOUSEHOLDS, sorted."""
        t = households.c
        query = sa.select(t.household_id, t.founder_customer_id, t.minted_at, t.merged_into)
        mine = query.where(t.tenant == self.database.tenant)
        with self.database.reading() as connection:
            named = bulk.read_some(connection, mine, HOUSEHOLDS, column=t.household_id, values=household_ids)
            founded = bulk.read_some(connection, mine, HOUSEHOLDS, column=t.founder_customer_id, values=founders)
        others = pc.invert(pc.is_in(founded["household_id"], value_set=named["household_id"].combine_chunks()))
        return pa.concat_tables([named, founded.filter(others)]).sort_by("household_id")

    def write(self, homes: pa.Table, register: pa.Table, *, at: datetime) -> None:
        """Move customers and write down households, new or merged, in one transaction.

        Takes HOMES and HOUSEHOLDS; the customers live there since `at`. A household's founder and moment are never
        changed, only what it merged into; no row is ever deleted.
        """
        moved = homes.select(HOMES.names).cast(HOMES).sort_by("customer_id")
        known = register.select(HOUSEHOLDS.names).cast(HOUSEHOLDS).sort_by("household_id")
        founding = self.database.insert(households)
        founding = founding.on_conflict_do_update(
            index_elements=["tenant", "household_id"], set_={"merged_into": founding.excluded.merged_into}
        )
        with self.database.writing() as connection:
            bulk.write(connection, founding, known, tenant=self.database.tenant)
            bulk.write(connection, self.database.upsert(household_map), moved, tenant=self.database.tenant, since=at)
