"""Who is who, for ever: the identity map, the customers it points at, rulings and open conflicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from regulars.errors import NotFound
from regulars.storage.book import bulk
from regulars.storage.book.database import Database
from regulars.storage.book.tables import conflicts, customers, identity_map, rulings

MOMENT = pa.timestamp("us")

IDENTITY = pa.schema([
    *bulk.texts("profile_source", "profile_id", "customer_id", "evidence"), pa.field("since", MOMENT),
])
"""One row per profile: the customer it points at, why, and since when."""

CUSTOMERS = pa.schema([
    *bulk.texts("customer_id", "founder_source", "founder_id"), pa.field("minted_at", MOMENT),
    *bulk.texts("merged_into"),
])
"""One row per customer id ever given: the profile it was given for, when, and the customer that took its profiles."""

Verdict = Literal["same", "different"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a person decided about two profiles; it outweighs every match."""

    ruling_id: str
    verdict: Verdict
    left_source: str
    left_id: str
    right_source: str
    right_id: str
    reason: str
    ruled_by: str
    ruled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Something about identity that a person should look at."""

    conflict_id: str                         # stable: the same question has the same id in every run
    kind: str
    detail: str                              # JSON
    found_at: datetime


@dataclass(frozen=True, slots=True)
class IdentityBook:
    """The identity map and what belongs to it."""

    database: Database

    def identity_map(self) -> pa.Table:
        """Return the whole map as IDENTITY, sorted by profile."""
        t = identity_map.c
        query = sa.select(t.profile_source, t.profile_id, t.customer_id, t.evidence, t.since)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant)
            return bulk.read(connection, mine, IDENTITY, order_by=("profile_source", "profile_id"))

    def map_of_profiles(self, profiles: pa.Table) -> pa.Table:
        """Return the map of some profiles (profile_source, profile_id) as IDENTITY, in no order."""
        t, found = identity_map.c, []
        for source in profiles["profile_source"].unique().to_pylist():
            theirs = profiles.filter(pc.equal(profiles["profile_source"], source))["profile_id"].combine_chunks()
            found.append(self._map(t.profile_source == source, column=t.profile_id, values=theirs))
        return pa.concat_tables(found) if found else IDENTITY.empty_table()

    def map_of_customers(self, customer_ids: pa.Array) -> pa.Table:
        """Return the map of all profiles of some customers as IDENTITY, in no order."""
        t, named = identity_map.c, identity_map.alias("named")
        query = sa.select(t.profile_source, t.profile_id, t.customer_id, t.evidence, t.since)
        # Named by the index alone: asked for whole rows, SQLite would go through all of a tenant's.
        mine = query.join(named, sa.and_(*(t[key.name] == named.c[key.name] for key in identity_map.primary_key)))
        with self.database.reading() as connection:
            theirs = mine.where(named.c.tenant == self.database.tenant)
            return bulk.read_some(connection, theirs, IDENTITY, column=named.c.customer_id, values=customer_ids)

    def customers(self) -> pa.Table:
        """Return all customer ids ever given as CUSTOMERS, sorted by id."""
        t = customers.c
        query = sa.select(t.customer_id, t.founder_source, t.founder_id, t.minted_at, t.merged_into)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant)
            return bulk.read(connection, mine, CUSTOMERS, order_by=("customer_id",))

    def customers_of(self, customer_ids: pa.Array) -> pa.Table:
        """Return what is known of some customer ids as CUSTOMERS, in no order."""
        t = customers.c
        query = sa.select(t.customer_id, t.founder_source, t.founder_id, t.minted_at, t.merged_into)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant)
            return bulk.read_some(connection, mine, CUSTOMERS, column=t.customer_id, values=customer_ids)

    def founded_by(self, profiles: pa.Table) -> pa.Table:
        """Return the customer ids given for some profiles (profile_source, profile_id) as CUSTOMERS, in no order."""
        t, ids = customers.c, profiles["profile_id"].combine_chunks()
        query = sa.select(t.customer_id, t.founder_source, t.founder_id, t.minted_at, t.merged_into)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant)
            found = bulk.read_some(connection, mine, CUSTOMERS, column=t.founder_id, values=pc.unique(ids))
        # One id may be a profile of several sources.
        return found.join(
            profiles, ["founder_source", "founder_id"], ["profile_source", "profile_id"], "left semi"
        ).select(CUSTOMERS.names)

    def merged_into(self, customer_ids: Collection[str]) -> list[str]:
        """Return the ids that were given up for one of some customers', sorted."""
        query = sa.select(customers.c.customer_id).where(
            customers.c.tenant == self.database.tenant, customers.c.merged_into.in_(customer_ids)
        )
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def merged(self) -> pa.Table:
        """Return the customer ids that were given up as CUSTOMERS, sorted by id."""
        t = customers.c
        query = sa.select(t.customer_id, t.founder_source, t.founder_id, t.minted_at, t.merged_into)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant, t.merged_into.is_not(None))
            return bulk.read(connection, mine, CUSTOMERS, order_by=("customer_id",))

    def _map(
        self, *only: sa.ColumnElement[bool], column: sa.ColumnElement[Any], values: pa.Array
    ) -> pa.Table:
        t = identity_map.c
        query = sa.select(t.profile_source, t.profile_id, t.customer_id, t.evidence, t.since)
        with self.database.reading() as connection:
            mine = query.where(t.tenant == self.database.tenant, *only)
            return bulk.read_some(connection, mine, IDENTITY, column=column, values=values)

    def write_identity(self, upserts: pa.Table, customers_: pa.Table) -> None:
        """Point profiles at customers and write down customers, new or merged, in one transaction.

        Takes IDENTITY and CUSTOMERS. A customer's founder and moment are never changed, only what it merged into; no
        row is ever deleted.
        """
        # In key order the tree is filled page by page instead of at random: three times faster for a million rows.
        by_key = [("profile_source", "ascending"), ("profile_id", "ascending")]
        profiles = upserts.select(IDENTITY.names).cast(IDENTITY).sort_by(by_key)
        people = customers_.select(CUSTOMERS.names).cast(CUSTOMERS).sort_by("customer_id")
        founding = self.database.insert(customers)
        founding = founding.on_conflict_do_update(
            index_elements=["tenant", "customer_id"], set_={"merged_into": founding.excluded.merged_into}
        )
        with self.database.writing() as connection:
            bulk.write(connection, founding, people, tenant=self.database.tenant)
            bulk.write(connection, self.database.upsert(identity_map), profiles, tenant=self.database.tenant)

    def rulings(self) -> list[Ruling]:
        """Return the rulings in force, oldest first."""
        query = sa.select(rulings).where(rulings.c.tenant == self.database.tenant, rulings.c.revoked_at.is_(None))
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(rulings.c.ruled_at, rulings.c.ruling_id)).all()
        return [Ruling(**{name: getattr(row, name) for name in Ruling.__dataclass_fields__}) for row in rows]

    def ruling_history(self) -> list[dict[str, Any]]:
        """Return every ruling ever made, the newest first, with when it was taken back: `revoked_at`, or None."""
        query = sa.select(rulings).where(rulings.c.tenant == self.database.tenant)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(rulings.c.ruled_at.desc(), rulings.c.ruling_id)).mappings().all()
        return [{name: value for name, value in row.items() if name != "tenant"} for row in rows]

    def add_ruling(self, ruling: Ruling) -> None:
        """Write down a ruling; the same id again changes nothing."""
        values = {name: getattr(ruling, name) for name in Ruling.__dataclass_fields__}
        with self.database.writing() as connection:
            connection.execute(
                self.database.insert(rulings).values(tenant=self.database.tenant, **values).on_conflict_do_nothing()
            )

    def revoke_ruling(self, ruling_id: str, *, at: datetime) -> None:
        """Take a ruling back; it stays in the ledger. Raises NotFound when there is none of that id."""
        mine = (rulings.c.tenant == self.database.tenant, rulings.c.ruling_id == ruling_id)
        with self.database.writing() as connection:
            first = sa.func.coalesce(rulings.c.revoked_at, at)
            if not connection.execute(sa.update(rulings).where(*mine).values(revoked_at=first)).rowcount:
                raise NotFound(f"there is no ruling {ruling_id!r}", hint="`regulars review --history` shows them")

    def conflicts(self) -> list[Conflict]:
        """Return the open conflicts, oldest first."""
        query = sa.select(conflicts).where(conflicts.c.tenant == self.database.tenant, conflicts.c.settled_at.is_(None))
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(conflicts.c.found_at, conflicts.c.conflict_id)).all()
        return [Conflict(**{name: getattr(row, name) for name in Conflict.__dataclass_fields__}) for row in rows]

    def write_conflicts(self, found: Iterable[Conflict], *, at: datetime) -> None:
        """Make these the open conflicts: what is no longer found is settled, what was open keeps its date."""
        rows = [{name: getattr(c, name) for name in Conflict.__dataclass_fields__} for c in found]
        tenant = self.database.tenant
        statement = self.database.insert(conflicts)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant", "conflict_id"],
            set_={"kind": statement.excluded.kind, "detail": statement.excluded.detail, "settled_at": None},
        )
        with self.database.writing() as connection:
            connection.execute(sa.update(conflicts).where(
                conflicts.c.tenant == tenant, conflicts.c.settled_at.is_(None)
            ).values(settled_at=at))
            if rows:
                connection.execute(statement, [{"tenant": tenant, **row} for row in rows])
