"""What is compared of a profile: each field as numbers of distinct texts, the same text the same number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.identity.distinct import distinct, firsts
from regulars.identity.name import folded
from regulars.identity.name_parts import name_parts
from regulars.identity.separation import Bools, Ints
from regulars.identity.spelling import spelled, text_column
from regulars.records.record import COMPARED_TRAITS

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
        return len(self.numbers["source"])

    def completed(self, person: Ints) -> Portraits:
        """Return the portraits with what a profile does not know taken from the oldest of its person who knows it."""
        told = [field for field in FIELDS if field != "source"]
        found = {field: _completed(self.numbers[field], person) for field in told}
        return Portraits(numbers={**self.numbers, **found}, texts=self.texts)

    def fingerprints(self) -> Ints:
        """Return a number for each profile that changes when anything that is compared of it does."""
        total = np.zeros(self.count, dtype=np.uint64)
        for place, field in enumerate(FIELDS):
            hashes = np.append(text_hashes(self.texts[field], place=place), np.uint64(0))
            total += hashes[self.numbers[field]]         # -1 takes the last: nothing
        return total.view(np.int64)


def portraits(people: pa.Table) -> Portraits:
    """Return what can be compared of normalised profiles (`profile.PROFILES` and traits), in their order."""
    called = name_parts(people)
    texts = spelled(called.words)
    found = {"first_name": called.given, "last_name": called.family}
    texts_of = {"first_name": texts, "last_name": texts}
    columns = {"birthday": pc.strftime(people["birthday"], format="%Y%m%d"), "source": people["profile_source"]}
    columns |= {field: people[field] for field in ("email", "phone")}
    for field, column in columns.items():
        found[field], texts_of[field] = _encoded(column.combine_chunks())
    for field in COMPARED_TRAITS:
        is_told = field in people.column_names
        column = folded(people[field].combine_chunks()) if is_told else pa.nulls(len(people), pa.string())
        found[field], texts_of[field] = _encoded(column)
    return Portraits(numbers=found, texts=texts_of)


def person_counts(numbers: Ints, person: Ints, *, values: int) -> Ints:
    """Return how many persons have each value; a person may have several."""
    known = numbers >= 0
    pairs = distinct(person[known] * max(values, 1) + numbers[known])
    return np.bincount(pairs % max(values, 1), minlength=values)


def text_hashes(texts: Texts, *, place: int = 0) -> NDArray[np.uint64]:
    """Return a hash of each text, the same in every process; another in every place."""
    total = np.full(len(texts), 0x9E3779B97F4A7C15 * (place + 1) & 0xFFFF_FFFF_FFFF_FFFF, dtype=np.uint64)
    if not len(texts):
        return total
    points = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1)
    for letter in points.T:
        # FNV-1a over code points: the zeros behind a short text leave it as it is.
        mixed = (total ^ letter.astype(np.uint64)) * np.uint64(0x100000001B3)
        total = np.where(letter == 0, total, mixed ^ (mixed >> np.uint64(29)))
    return total


def word_hashes(texts: Texts) -> NDArray[np.uint64]:
    """Return a hash of the words of each text, whatever their order; those of two texts add up to that of both."""
    words = pc.split_pattern(text_column(texts), " ")
    hashes = text_hashes(spelled(pc.list_flatten(words)))
    total = np.zeros(len(texts), dtype=np.uint64)
    np.add.at(total, pc.list_parent_indices(words).to_numpy(), hashes)
    return total


def _encoded(column: pa.Array) -> tuple[Ints, Texts]:
    encoded = column.dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1), dtype=np.int64), spelled(encoded.dictionary)


def _completed(numbers: Ints, person: Ints) -> Ints:
    known: Bools = numbers >= 0
    first = firsts(person[known], count=int(person.max(initial=-1)) + 1)
    theirs = np.append(numbers[known], -1)[first]            # -1 takes the last: nobody knows
    return np.where(known, numbers, theirs[person])
