"""What proves that two persons are different people: ids of one system, people's rulings, first names, birthdays.

A *person* here is a group of profiles already held together by stronger evidence; persons are numbered from 0.
Profiles are numbered by age (see `resolve`), so that no answer depends on the order they came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from regulars.identity.distinct import distinct
from regulars.identity.name import can_be_one

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Strictness = Literal["rulings", "ids", "birthdays", "people"]
"""What separates: only rulings; rulings and exclusive ids; these and clearly other birthdays; or names too."""

MOST_COMPARED = 60
"""Persons on one contact point with differing names beyond which nobody is compared: it is shared."""

NO_BIRTHDAY = np.datetime64("NaT", "D")
A_MONTH = np.timedelta64(31, "D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What is known of each profile that can tell people apart; all arrays have one entry a profile."""

    exclusive: Ints                          # number of its exclusive source, -1 where its ids prove nothing
    first: Ints                              # word number of the first name, -1 unknown
    last: Ints                               # word number of the last name, in the same numbering, -1 unknown
    birthday: NDArray[np.datetime64]         # NaT unknown
    words: NDArray[np.str_]                  # the words themselves
    apart: Ints                              # pairs of profiles ruled to be different people, shape (rulings, 2)


@dataclass(frozen=True, kw_only=True)
class Separation:
    """Persons made of profiles, and the question whether two of them must stay two."""

    traces: Traces
    person: Ints                             # of each profile
    count: int                               # of persons
    strictness: Strictness

    def are_apart(self, left: Ints, right: Ints) -> Bools:
        """Say of each pair of persons whether something proves that they are two people."""
        proved = np.isin(self._pair_keys(left, right), self._ruled_keys)
        if self.strictness != "rulings":
            for holds in self._holders:
                proved |= holds[left] & holds[right] & (left != right)
        if self.strictness in ("birthdays", "people"):
            rest = np.flatnonzero(~proved)
            proved[rest] = self._look_different(left[rest], right[rest])
        return proved

    def hold_apart(self, group: Ints, person: Ints, *, groups: int) -> Bools:
        """Say of each group of persons whether it holds two who are apart.

        Args:
            group: Number of the group of each row, below `groups`.
            person: The person of each row; a person may come in many groups.
            groups: How many groups there are.

        """
        key = distinct(group * self.count + person)
        group, person = key // self.count, key % self.count
        found = np.zeros(groups, dtype=bool)
        for left, right in self._ruled_persons:
            with_left = key[person == left] // self.count
            found[with_left[np.isin(with_left * self.count + right, key)]] = True
        if self.strictness != "rulings":
            for holds in self._holders:
                found |= np.bincount(group[holds[person]], minlength=groups) > 1
        if self.strictness in ("birthdays", "people"):
            self._mark_different_people(group, person, found)
        return found

    def _mark_different_people(self, group: Ints, person: Ints, found: Bools) -> None:
        rows, profile = self._profiles_of(person)
        first, birthday = self.traces.first[profile], self.traces.birthday[profile]
        doubtful = self._differ(group[rows], birthday.astype(np.int64), len(found), ~np.isnat(birthday))
        if self.strictness == "people":
            doubtful |= self._differ(group[rows], first, len(found), first >= 0)
        size = np.bincount(group, minlength=len(found))
        found |= doubtful & (size > MOST_COMPARED)
        keep = np.flatnonzero((doubtful & ~found)[group])
        left, right = pairs_within(group[keep])
        left, right = keep[left], keep[right]
        different = self._look_different(person[left], person[right])
        found[group[left[different]]] = True

    @staticmethod
    def _differ(group: Ints, value: Ints, groups: int, known: Bools) -> Bools:
        """Groups that hold two different known values."""
        low = np.full(groups, np.iinfo(np.int64).max)
        high = np.full(groups, np.iinfo(np.int64).min)
        np.minimum.at(low, group[known], value[known])
        np.maximum.at(high, group[known], value[known])
        return low < high

    def _look_different(self, left: Ints, right: Ints) -> Bools:
        """Two persons look different when every two of their birthdays do, or every two of their names."""
        pair, a, b = self._crossed(left, right)
        traces, pairs = self.traces, len(left)
        born = traces.birthday
        has_birthdays = ~(np.isnat(born[a]) | np.isnat(born[b]))
        near = has_birthdays & _are_slips(born[a], born[b])
        if self.strictness == "birthdays":
            near |= has_birthdays & (np.abs(born[a] - born[b]) <= A_MONTH)
        else:
            near &= (traces.first[a] >= 0) & (traces.first[a] == traces.first[b]) & (traces.last[a] == traces.last[b])
        born_alike = has_birthdays & ((born[a] == born[b]) | near)
        births_clash = _any(pair, has_birthdays, pairs) & ~_any(pair, born_alike, pairs)
        if self.strictness == "birthdays":
            return births_clash
        has_names = (traces.first[a] >= 0) & (traces.first[b] >= 0)
        first = self._same_first_name(a, b, has_names)
        return births_clash | (_any(pair, has_names, pairs) & ~_any(pair, first, pairs))

    def _same_first_name(self, a: Ints, b: Ints, known: Bools) -> Bools:
        first, last = self.traces.first, self.traces.last
        swapped = (first[a] == last[b]) & (last[a] == first[b])      # "Lee Ann" for "Ann Lee"
        alike: Bools = known & ((first[a] == first[b]) | swapped)
        rest = np.flatnonzero(known & ~alike)
        if not len(rest):
            return alike
        words = self.traces.words
        key, back = np.unique(first[a[rest]] * len(words) + first[b[rest]], return_inverse=True)
        alike[rest] = can_be_one(words[key // len(words)], words[key % len(words)])[back]
        return alike

    def _crossed(self, left: Ints, right: Ints) -> tuple[Ints, Ints, Ints]:
        """Every profile of the one with every profile of the other: pair number, profile, profile."""
        rows, a = self._profiles_of(left)
        again, b = self._profiles_of(right[rows])
        return rows[again], a[again], b

    def _profiles_of(self, person: Ints) -> tuple[Ints, Ints]:
        """The profiles of each person: row number in `person`, profile."""
        begin, end = self._bounds[person], self._bounds[person + 1]
        rows = np.repeat(np.arange(len(person)), end - begin)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
        return rows, self._by_person[begin[rows] + within]

    @cached_property
    def _by_person(self) -> Ints:
        return np.argsort(self.person, kind="stable").astype(np.int64)

    @cached_property
    def _bounds(self) -> Ints:
        return np.concatenate([[0], np.cumsum(np.bincount(self.person, minlength=self.count))]).astype(np.int64)

    @cached_property
    def _holders(self) -> list[Bools]:
        """Of each exclusive source: which persons hold a profile of it."""
        exclusive = self.traces.exclusive
        return [_flags(self.person[exclusive == source], self.count) for source in distinct(exclusive[exclusive >= 0])]

    @cached_property
    def _ruled_keys(self) -> Ints:
        apart = self.person[self.traces.apart]
        return self._pair_keys(apart[:, 0], apart[:, 1])

    @property
    def _ruled_persons(self) -> Iterator[tuple[int, int]]:
        # A loop over what people ruled by hand: as many as a person clicks.
        return ((int(key) // self.count, int(key) % self.count) for key in np.unique(self._ruled_keys))

    def _pair_keys(self, left: Ints, right: Ints) -> Ints:
        return cast("Ints", np.minimum(left, right) * self.count + np.maximum(left, right))


def pairs_within(group: Ints) -> tuple[Ints, Ints]:
    """Return every two rows of one group once, as row numbers; `group` is sorted."""
    size = np.unique(group, return_counts=True)[1]
    end = np.repeat(np.cumsum(size), size)
    later = end - np.arange(len(group)) - 1
    left = np.repeat(np.arange(len(group)), later)
    step = np.arange(len(left)) - np.repeat(np.cumsum(later) - later, later)
    return left, left + step + 1


def _are_slips(a: NDArray[np.datetime64], b: NDArray[np.datetime64]) -> Bools:
    """Birthdays of which two of year, month and day agree, month and day are swapped, or one is only a year; NaT never.

    The first of January stands for a day nobody asked for.
    """
    parts = []
    for birthday in (a, b):
        month = birthday.astype("datetime64[M]")
        year = birthday.astype("datetime64[Y]")
        parts.append((year, (month - year).astype(np.int64), (birthday - month).astype(np.int64)))
    (year_a, month_a, day_a), (year_b, month_b, day_b) = parts
    same_year, same_month, same_day = year_a == year_b, month_a == month_b, day_a == day_b
    swapped = same_year & (month_a == day_b) & (day_a == month_b)
    agreeing = same_year.astype(np.int8) + same_month + same_day
    is_new_year = same_year & (((month_a == 0) & (day_a == 0)) | ((month_b == 0) & (day_b == 0)))
    return cast("Bools", ((agreeing >= 2) | swapped | is_new_year) & ~np.isnat(a) & ~np.isnat(b))


def _any(pair: Ints, holds: Bools, pairs: int) -> Bools:
    return np.bincount(pair[holds], minlength=pairs) > 0


def _flags(indices: Ints, count: int) -> Bools:
    flags = np.zeros(count, dtype=bool)
    flags[indices] = True
    return flags
