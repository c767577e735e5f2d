"""Known people: who everybody was, as the book has it, read only of those whom somebody asks about."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from regulars.storage.book.identity import IdentityBook


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPeople:
    """The book's half of `identity.known.Known`: to read all of it takes longer than a day's decisions."""

    book: IdentityBook

    def identity(self) -> pa.Table:
        """Return the whole map."""
        return self.book.identity_map()

    def register(self) -> pa.Table:
        """Return the whole register."""
        return self.book.customers()

    def of_profiles(self, profiles: pa.Table) -> pa.Table:
        """Return the map of some profiles."""
        return self.book.map_of_profiles(profiles)

    def of_customers(self, ids: pa.Array) -> pa.Table:
        """Return the map of some customers."""
        return self.book.map_of_customers(ids)

    def retired(self) -> pa.Table:
        """Return the register of ids that lead to another."""
        return self.book.merged()

    def ids_of(self, ids: pa.Array, *, founders: pa.Table) -> pa.Table:
        """Return the register of some ids and some founders."""
        named, founded = self.book.customers_of(ids), self.book.founded_by(founders)
        others = pc.invert(pc.is_in(founded["customer_id"], value_set=ids))
        return pa.concat_tables([named, founded.filter(others)])

    def given(self, ids: pa.Array) -> pa.Array:
        """Return those of some ids that were ever given."""
        return self.book.customers_of(ids)["customer_id"].combine_chunks()
