"""Which pairs are worth comparing: those that share something that few share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regulars.identity.nickname import NICKNAMES
from regulars.identity.portrait import Portraits, Texts
from regulars.identity.separation import Bools, Ints, pairs_within

LARGEST_BLOCK = 60
"""Profiles of one key beyond which the key says nothing: nobody is compared because of it."""

PAIRS_A_PROFILE = 3
"""Pairs that one rule may bring for each profile: its smallest blocks first."""

PAIRS_AT_LEAST = 50_000
"""Pairs that any rule may bring, however few profiles there are; vague rules never bring more."""


RULES = 26
"""How many rules there are."""

Keys = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Profiles that share something, by rule."""

    keys: tuple[Keys, ...]                   # of each rule: a number for each profile, -1 where it says nothing
    limits: tuple[int, ...]                  # of each rule: size of the largest block that is compared
    count: int                               # of profiles

    @classmethod
    def of(cls, people: Portraits, *, limits: Sequence[int] | None = None) -> Blocks:
        """Return the blocks of these profiles; limits as they were learned, or as they suit these."""
        found = [(key.astype(np.int32), is_vague) for key, is_vague in _keys(people)]
        suited = limits or [_limit(key, is_vague=is_vague) for key, is_vague in found]
        return cls(keys=tuple(key for key, _ in found), limits=tuple(suited), count=people.count)

    def pairs(self, *, person: Ints, among: Bools | None = None) -> tuple[Ints, Ints]:
        """Return the pairs that are compared, left before right, in order; none within one person.

        Args:
            person: The person of each profile, as far as stronger evidence goes.
            among: Only pairs with one of these.

        """
        found = [np.zeros(0, dtype=np.int64)]
        for key, limit in zip(self.keys, self.limits, strict=True):
            left, right = _pairs(key, limit, among)
            apart = person[left] != person[right]
            found.append(left[apart] * self.count + right[apart])
        pairs = np.sort(np.concatenate(found))
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        return pairs // max(self.count, 1), pairs % max(self.count, 1)

    def hold(self, left: Ints, right: Ints) -> Bools:
        """Say of each pair whether it is one of those that are compared."""
        found = np.zeros(len(left), dtype=bool)
        for key, limit in zip(self.keys, self.limits, strict=True):
            rows = np.flatnonzero((key[left] == key[right]) & (key[left] >= 0) & ~found)
            if len(rows):
                found[rows] = np.bincount(key[key >= 0])[key[left[rows]]] <= limit
        return found


def _keys(people: Portraits) -> Iterator[tuple[Ints, bool]]:
    """For each rule a number for each profile, -1 for those it says nothing of; and whether the rule is vague."""
    numbers, texts = people.numbers, people.texts
    first, last, birthday = numbers["first_name"], numbers["last_name"], numbers["birthday"]
    email, address, postcode = numbers["email"], numbers["address"], numbers["postcode"]
    root = _through(first, texts["first_name"], _formal)
    letter = _through(first, texts["first_name"], lambda word: word[:1])
    start = _through(last, texts["last_name"], lambda word: word[:4])
    sound = _through(last, texts["last_name"], _consonants)
    year = _through(birthday, texts["birthday"], lambda day: day[:4])
    both_named = (first >= 0) & (last >= 0)
    names = np.where(both_named, np.minimum(first, last), -1), np.where(both_named, np.maximum(first, last), -1)
    sharp = (
        (email,), (numbers["phone"],), (numbers["personal_id"],), names, (last, birthday), (root, birthday),
        (birthday, letter), (birthday, postcode), (birthday, address), (root, address), (last, address),
        (address, postcode), (root, sound), (root, postcode, start), (sound, letter, year), (sound, letter, postcode),
        (_through(email, texts["email"], lambda text: text.partition("@")[0]),),
        (_through(numbers["phone"], texts["phone"], lambda text: text[-7:]),),
    )
    vague = (
        (root,), (sound,), (birthday,), (address,), (year, numbers["city"]),
        (_through(birthday, texts["birthday"], lambda day: day[4:]), letter),
        (_through(email, texts["email"], lambda text: text.partition("@")[2]),),
        (_through(email, texts["email"], lambda text: text[:6]),),
    )
    yield from ((_together(*parts), False) for parts in sharp)
    yield from ((_together(*parts), True) for parts in vague)


def _limit(key: Keys, *, is_vague: bool) -> int:
    sizes, blocks = np.unique(np.unique(key[key >= 0], return_counts=True)[1], return_counts=True)
    pairs = np.cumsum(blocks * sizes * (sizes - 1) // 2)
    most = PAIRS_AT_LEAST if is_vague else max(PAIRS_A_PROFILE * len(key), PAIRS_AT_LEAST)
    return int(sizes[(pairs <= most) & (sizes <= LARGEST_BLOCK)].max(initial=1))


def _pairs(key: Keys, limit: int, among: Bools | None) -> tuple[Ints, Ints]:
    size = np.bincount(key[key >= 0], minlength=1)
    known = np.flatnonzero(key >= 0)
    known = known[(size[key[known]] > 1) & (size[key[known]] <= limit)]
    if among is not None:
        touched = np.zeros(len(size), dtype=bool)
        touched[key[known[among[known]]]] = True
        known = known[touched[key[known]]]
    order = known[np.argsort(key[known], kind="stable")]
    left, right = pairs_within(key[order].astype(np.int64))
    left, right = order[left], order[right]
    if among is None:
        return left, right
    wanted = among[left] | among[right]
    return left[wanted], right[wanted]


def _together(*parts: Ints) -> Ints:
    """One number for profiles that agree in all parts, counted from 0; -1 where any part is unknown."""
    key = parts[0]
    for part in parts[1:]:
        key = np.where((key >= 0) & (part >= 0), key * (int(part.max(initial=0)) + 1) + part, -1)
    known = key >= 0
    found = np.full(len(key), -1, dtype=np.int64)
    found[known] = np.unique(key[known], return_inverse=True)[1] if len(parts) > 1 else key[known]
    return found


def _through(numbers: Ints, texts: Texts, shorten: Callable[[str], str]) -> Ints:
    """The number of what each profile's text is shortened to, -1 where it is unknown or nothing is left."""
    if not len(texts):
        return numbers
    short = np.array([shorten(text) for text in texts.tolist()], dtype=str)
    of = np.where(short == "", -1, np.unique(short, return_inverse=True)[1].astype(np.int64))
    return np.where(numbers < 0, -1, of[numbers])


_FORMAL = {form: formal for formal in sorted(NICKNAMES, reverse=True) for form in NICKNAMES[formal]}


def _formal(word: str) -> str:
    return _FORMAL.get(word, word)


def _consonants(word: str) -> str:
    """A name without its vowels, doubled letters once: what most ways to spell it share."""
    kept = word[:1] + "".join(letter for letter in word[1:] if letter not in "aeiouyhw ")
    return "".join(a for a, b in zip(kept, kept[1:] + " ", strict=True) if a != b)[:5]
