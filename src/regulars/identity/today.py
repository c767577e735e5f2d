"""Who there is today: all profiles, or only those whom a day reaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.numbered import profile_keys
from regulars.identity.profile import KEY

NAMING = (*KEY, "same_as_source", "same_as_id")
"""What is asked of profiles whose system names another's ids."""


class Today(Protocol):
    """Normalised profiles (`profile.PROFILES`, or at least `seen.ASKED` of it). Rows come in no order."""

    @property
    def count(self) -> int:
        """Return how many there are."""
        ...

    def everybody(self) -> pa.Table:
        """Return all of them."""
        ...

    def of(self, keys: pa.Array) -> pa.Table:
        """Return those with one of these keys (`numbered.profile_keys`)."""
        ...

    def naming(self) -> pa.Table:
        """Return NAMING of all whose system names another's id."""
        ...


@dataclass(frozen=True)
class Gathered:
    """All profiles as one table."""

    profiles: pa.Table

    @cached_property
    def keys(self) -> pa.Array:
        """Return the key of each of them."""
        return profile_keys(*map(self.profiles.column, KEY))

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self.profiles)

    def everybody(self) -> pa.Table:
        """Return the table."""
        return self.profiles

    def of(self, keys: pa.Array) -> pa.Table:
        """Return those with one of these keys."""
        return self.profiles.filter(pc.is_in(self.keys, value_set=keys))

    def naming(self) -> pa.Table:
        """Return those whose system names another's id."""
        return self.profiles.select([*NAMING]).filter(pc.is_valid(self.profiles["same_as_id"]))
