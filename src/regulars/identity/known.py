"""Who everybody was: the identity map and the register of ids, whole, or only of those whom a day reaches."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.numbered import profile_keys

MOMENT = pa.timestamp("us")

IDENTITY = pa.schema([(name, pa.string()) for name in ("profile_source", "profile_id", "customer_id", "evidence")])
"""Who each profile is that was ever seen: one row a profile."""

MAP = IDENTITY.append(pa.field("since", MOMENT))
"""The identity map of the book: IDENTITY and since when. Rows of profiles that are gone stay: they may return."""

REGISTER = pa.schema([
    *((name, pa.string()) for name in ("customer_id", "founder_source", "founder_id")),
    ("minted_at", MOMENT), ("merged_into", pa.string()),
])
"""Every customer id ever given: for which profile, when, and, once it is retired, the customer who goes on."""


class Known(Protocol):
    """What is known of who everybody was; the register knows every id of the map. Rows come in no order."""

    def identity(self) -> pa.Table:
        """Return the whole map: MAP."""
        ...

    def register(self) -> pa.Table:
        """Return the whole register: REGISTER."""
        ...

    def of_profiles(self, profiles: pa.Table) -> pa.Table:
        """Return the MAP of some profiles (profile_source, profile_id)."""
        ...

    def of_customers(self, ids: pa.Array) -> pa.Table:
        """Return the MAP of all profiles of some customers."""
        ...

    def retired(self) -> pa.Table:
        """Return the REGISTER of ids that lead to another."""
        ...

    def ids_of(self, ids: pa.Array, *, founders: pa.Table) -> pa.Table:
        """Return the REGISTER of some ids, and of those given for some profiles (profile_source, profile_id)."""
        ...

    def given(self, ids: pa.Array) -> pa.Array:
        """Return those of some ids that were ever given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """The map and the register as two tables; nobody was known where neither is given."""

    # `empty_table` would make arrays, and Arrow import pandas for that.
    map: pa.Table = field(default_factory=partial(pa.Table.from_batches, [], MAP))
    ids: pa.Table = field(default_factory=partial(pa.Table.from_batches, [], REGISTER))

    def identity(self) -> pa.Table:
        """Return the whole map."""
        return self.map

    def register(self) -> pa.Table:
        """Return the whole register."""
        return self.ids.select(REGISTER.names).cast(REGISTER)

    def of_profiles(self, profiles: pa.Table) -> pa.Table:
        """Return the map of some profiles."""
        keys = profile_keys(self.map["profile_source"], self.map["profile_id"])
        return self.map.filter(pc.is_in(keys, value_set=profile_keys(*profiles.columns)))

    def of_customers(self, ids: pa.Array) -> pa.Table:
        """Return the map of some customers."""
        return self.map.filter(pc.is_in(self.map["customer_id"], value_set=ids))

    def retired(self) -> pa.Table:
        """Return the register of ids that lead to another."""
        register = self.register()
        return register.filter(pc.is_valid(register["merged_into"]))

    def ids_of(self, ids: pa.Array, *, founders: pa.Table) -> pa.Table:
        """Return the register of some ids and some founders."""
        register = self.register()
        founding = profile_keys(register["founder_source"], register["founder_id"])
        is_theirs = pc.is_in(founding, value_set=profile_keys(*founders.columns))
        return register.filter(pc.or_(pc.is_in(register["customer_id"].combine_chunks(), value_set=ids), is_theirs))

    def given(self, ids: pa.Array) -> pa.Array:
        """Return those of some ids that were ever given."""
        ever = self.ids["customer_id"]
        # Those that are asked for are few: a set of them is made in no time, one of all takes a third of a second.
        return ids.filter(pc.is_in(ids, value_set=ever.filter(pc.is_in(ever, value_set=ids)).combine_chunks()))


NOBODY = Everybody()
"""Before the first run."""
