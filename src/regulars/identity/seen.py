"""What is seen of profiles: by age, completed with what their person knows, and as numbers the next run remembers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.blocking import RULES, Keys, block_keys
from regulars.identity.distinct import firsts
from regulars.identity.portrait import FIELDS, Portraits, portraits, text_hashes
from regulars.identity.profile import KEY
from regulars.identity.separation import Ints, Separation
from regulars.identity.spelling import spelled
from regulars.records.record import COMPARED_TRAITS

ASKED = (
    *KEY, "email", "phone", "name", "first_name", "last_name", "birthday", "created_at", "is_exclusive",
    "same_as_source", "same_as_id", *COMPARED_TRAITS,
)
"""The columns of a profile that decide who it is."""

BLOCKS = tuple(f"block_{rule:02}" for rule in range(1, RULES + 1))

COMPARED_PROFILES = pa.schema([
    ("profile_source", pa.string()), ("profile_id", pa.string()), ("fingerprint", pa.int64()), ("person", pa.int64()),
    *((name, pa.int32()) for name in BLOCKS),
])
"""What was compared of each profile, so that the next run finds whom a change can reach.

fingerprint changes when anything that is compared does; person is one number for all whom exact evidence holds
together; block_01 and so on are the keys of `blocking`, -1 where a rule says nothing of the profile.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Profiles by age and what is compared of them; all arrays have one entry a profile."""

    people: pa.Table
    persons: Separation                      # what exact evidence holds together and what keeps people apart
    own: Portraits
    whole: Portraits                         # completed with what one's person knows
    person: Ints                             # a number for each person, the same in every run
    fingerprint: Ints                        # changes when anything does that decides about the profile's pairs
    blocks: Keys                             # shape (rules, profiles)

    @classmethod
    def of(cls, people: pa.Table, *, persons: Separation, keys: pa.Array, marks: Ints) -> Seen:
        """Return what is seen of profiles.

        Args:
            people: Profiles by age.
            persons: What exact evidence says of them.
            keys: The key of each profile.
            marks: A number for each profile that changes with the rulings about it.

        """
        own = portraits(people)
        whole = own.completed(persons.person)
        founder = firsts(persons.person, count=persons.count)
        hashes = text_hashes(spelled(keys.take(pa.array(founder))), place=len(FIELDS))
        person = (hashes >> np.uint64(1)).view(np.int64)[persons.person]
        # Who comes to another person is compared anew; who founds one goes on as before.
        is_founder = founder[persons.person] == np.arange(len(people))
        return cls(
            people=people, persons=persons, own=own, whole=whole, person=person,
            fingerprint=whole.fingerprints() + _apart(people, persons, marks) + np.where(is_founder, 0, person),
            blocks=block_keys(whole),
        )

    def remembered(self) -> pa.Table:
        """Return COMPARED_PROFILES of these profiles."""
        names = [self.people["profile_source"], self.people["profile_id"]]
        numbers = [pa.array(each) for each in (self.fingerprint, self.person, *self.blocks)]
        return pa.table([*names, *numbers], COMPARED_PROFILES.names).cast(COMPARED_PROFILES)


def _apart(people: pa.Table, persons: Separation, marks: Ints) -> Ints:
    """A number for each profile that changes with what keeps its person apart: exclusive ids and rulings."""
    sources = people["profile_source"].combine_chunks().dictionary_encode()
    hashes = text_hashes(spelled(sources.dictionary), place=len(FIELDS) + 1).view(np.int64)
    is_exclusive = people["is_exclusive"].fill_null(False).to_numpy(zero_copy_only=False)
    total = np.zeros(persons.count, dtype=np.int64)
    np.add.at(total, persons.person, marks + np.where(is_exclusive, hashes[sources.indices.to_numpy()], 0))
    return total[persons.person]


def by_age(profiles: pa.Table) -> pa.Table:
    """Return what is asked of profiles, the oldest first: from here a profile is its row, whatever order it came in."""
    order = [(name, "ascending") for name in ("created_at", "profile_source", "profile_id")]
    looked_at = profiles.select([name for name in ASKED if name in profiles.column_names]).combine_chunks()
    people = looked_at.take(pc.sort_indices(looked_at, order)).combine_chunks()
    # Exact evidence and likeness both look these texts up; a column that is encoded already is not encoded again.
    for name in ("email", "phone", "name", "first_name", "last_name"):
        people = people.set_column(people.column_names.index(name), name, people[name].dictionary_encode())
    return people
