"""What is compared of a profile: each field as numbers of distinct texts, the same text the same number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.identity.name import first_word, last_word, stripped
from regulars.identity.separation import Ints

FIELDS = (
    "first_name", "last_name", "birthday", "email", "phone", "address", "postcode", "city", "region", "personal_id",
    "source",
)
"""The fields that are compared, in the order of a pattern."""

Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portraits:
    """What is known of each profile; all arrays of numbers have one entry a profile."""

    numbers: Mapping[str, Ints]              # field -> number of the value among its texts, -1 unknown
    texts: Mapping[str, Texts]               # field -> its distinct values; first and last names share theirs

    @property
    def count(self) -> int:
        """Return how many profiles there are."""
        return len(self.numbers["email"])

    def completed(self, person: Ints) -> Portraits:
        """Return the portraits with what is unknown of a profile taken from the oldest of its person who knows it."""
        return Portraits(
            numbers={name: _completed(numbers, person) for name, numbers in self.numbers.items()}, texts=self.texts
        )


def portraits(people: pa.Table) -> Portraits:
    """Return what can be compared of normalised profiles (`profile.PROFILES`), in their order."""
    name, first, last = (stripped(people[c].combine_chunks()) for c in ("name", "first_name", "last_name"))
    has_parts = pc.or_(pc.is_valid(first), pc.is_valid(last))
    first = pc.if_else(has_parts, first, name)
    last = pc.if_else(has_parts, last, last_word(name))
    words = pa.concat_arrays([first_word(first), last]).dictionary_encode()
    numbers = np.asarray(words.indices.fill_null(-1), dtype=np.int64)
    spelled = np.array(words.dictionary.to_pylist(), dtype=str)
    found = {"first_name": numbers[: len(people)], "last_name": numbers[len(people) :]}
    texts = {"first_name": spelled, "last_name": spelled}
    for field in FIELDS[2:]:
        column = people["profile_source" if field == "source" else field].combine_chunks()
        if field == "birthday":
            column = pc.strftime(column, format="%Y%m%d")
        encoded = column.dictionary_encode()
        found[field] = np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)
        texts[field] = np.array(encoded.dictionary.to_pylist(), dtype=str)
    return Portraits(numbers=found, texts=texts)


def _completed(numbers: Ints, person: Ints) -> Ints:
    known = np.flatnonzero(numbers >= 0)
    who, first = np.unique(person[known], return_index=True)
    theirs = np.full(int(person.max(initial=-1)) + 1, -1, dtype=np.int64)
    theirs[who] = numbers[known[first]]
    return np.where(numbers >= 0, numbers, theirs[person])
