"""Which pairs are worth comparing: those that share something that few share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.distinct import distinct
from regulars.identity.name import before_at
from regulars.identity.nickname import NICKNAMES
from regulars.identity.numbered import value_numbers
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

MIXED = 20
"""Bits of the table in which whole blocks are looked for: what collides costs a little time and changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Profiles that share something, by rule."""

    keys: tuple[Ints, ...]                   # of each rule: a number for each profile, -1 where it says nothing
    limits: tuple[int, ...]                  # of each rule: size of the largest block that is compared
    count: int                               # of profiles

    @classmethod
    def of(cls, people: Portraits, *, limits: Sequence[int] | None = None) -> Blocks:
        """Return the blocks of these profiles; limits as they were learned, or as they suit these."""
        found = list(_keys(people))
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
        pairs = distinct(np.concatenate(found))
        return pairs // max(self.count, 1), pairs % max(self.count, 1)

    def hold(self, left: Ints, right: Ints) -> Bools:
        """Say of each pair whether it is one of those that are compared."""
        found = np.zeros(len(left), dtype=bool)
        for key, limit in zip(self.keys, self.limits, strict=True):
            rows = np.flatnonzero((key[left] == key[right]) & (key[left] >= 0) & ~found)
            members = _members(key, among=left[rows])
            blocks, sizes = np.unique(key[members], return_counts=True)
            found[rows] = sizes[np.searchsorted(blocks, key[left[rows]])] <= limit
        return found


def _keys(people: Portraits) -> Iterator[tuple[Ints, bool]]:
    """For each rule a number for each profile, -1 for those it says nothing of; and whether the rule is vague."""
    numbers, texts = people.numbers, people.texts
    first, last, birthday = numbers["first_name"], numbers["last_name"], numbers["birthday"]
    email, address, postcode = numbers["email"], numbers["address"], numbers["postcode"]
    root = _through(first, texts["first_name"], _formal)
    letter = _through(first, texts["first_name"], _start(1))
    start = _through(last, texts["last_name"], _start(4))
    sound = _through(last, texts["last_name"], _consonants)
    year = _through(birthday, texts["birthday"], _start(4))
    both_named = (first >= 0) & (last >= 0)
    names = np.where(both_named, np.minimum(first, last), -1), np.where(both_named, np.maximum(first, last), -1)
    sharp = (
        (email,), (numbers["phone"],), (numbers["personal_id"],), names, (last, birthday), (root, birthday),
        (birthday, letter), (birthday, postcode), (birthday, address), (root, address), (last, address),
        (address, postcode), (root, sound), (root, postcode, start), (sound, letter, year), (sound, letter, postcode),
        (_through(email, texts["email"], before_at),),
        (_through(numbers["phone"], texts["phone"], partial(pc.utf8_slice_codeunits, start=-7)),),
    )
    vague = (
        (root,), (sound,), (birthday,), (address,), (year, numbers["city"]),
        (_through(birthday, texts["birthday"], partial(pc.utf8_slice_codeunits, start=4)), letter),
        (_through(email, texts["email"], _after_at),),
        (_through(email, texts["email"], _start(6)),),
    )
    yield from ((_together(*parts), False) for parts in sharp)
    yield from ((_together(*parts), True) for parts in vague)


def _limit(key: Ints, *, is_vague: bool) -> int:
    sizes, blocks = np.unique(np.unique(key[key >= 0], return_counts=True)[1], return_counts=True)
    pairs = np.cumsum(blocks * sizes * (sizes - 1) // 2)
    most = PAIRS_AT_LEAST if is_vague else max(PAIRS_A_PROFILE * len(key), PAIRS_AT_LEAST)
    return int(sizes[(pairs <= most) & (sizes <= LARGEST_BLOCK)].max(initial=1))


def _pairs(key: Ints, limit: int, among: Bools | None) -> tuple[Ints, Ints]:
    known = np.flatnonzero(key >= 0) if among is None else _members(key, among=np.flatnonzero(among))
    known = known[np.argsort(key[known], kind="stable")]
    is_first = np.diff(key[known], prepend=-1) != 0
    size = np.diff(np.flatnonzero(np.append(is_first, True)))
    block = np.cumsum(is_first) - 1
    is_compared = (size > 1) & (size <= limit)
    if among is not None:
        is_compared &= np.bincount(block[among[known]], minlength=len(size)) > 0
    wanted = is_compared[block]
    order = known[wanted]
    left, right = pairs_within(block[wanted])
    left, right = order[left], order[right]
    if among is None:
        return left, right
    wanted = among[left] | among[right]
    return left[wanted], right[wanted]


def _members(key: Ints, *, among: Ints) -> Ints:
    """Whole blocks: those of these profiles, and a few more that fall into the same places of a table."""
    place = (key.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - MIXED)
    is_asked = np.zeros(1 << MIXED, dtype=bool)
    is_asked[place[among]] = True
    return np.flatnonzero(is_asked[place] & (key >= 0))


def _together(*parts: Ints) -> Ints:
    """One number for profiles that agree in all parts; -1 where any part is unknown."""
    key = parts[0]
    for part in parts[1:]:
        key = np.where((key >= 0) & (part >= 0), key * (int(part.max(initial=0)) + 1) + part, -1)
    return key


def _through(numbers: Ints, texts: Texts, shorten: Callable[[pa.Array], pa.Array]) -> Ints:
    """The number of what each profile's text is shortened to, -1 where it is unknown or nothing is left."""
    short = shorten(pa.array(texts, pa.string()))
    of = value_numbers(pc.if_else(pc.equal(short, ""), None, short))
    return np.append(of, -1)[numbers]        # -1 takes the last: unknown


def _start(letters: int) -> Callable[[pa.Array], pa.Array]:
    return partial(pc.utf8_slice_codeunits, start=0, stop=letters)


def _after_at(emails: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(emails, "^[^@]*@?", "")


_FORMAL = {form: formal for formal in sorted(NICKNAMES, reverse=True) for form in NICKNAMES[formal]}


def _formal(words: pa.Array) -> pa.Array:
    return pa.array([_FORMAL.get(word, word) for word in words.to_pylist()], pa.string())


def _consonants(names: pa.Array) -> pa.Array:
    """Names without their vowels, doubled letters once: what most ways to spell them share."""
    kept = (name[:1] + name[1:].translate(_SILENT) for name in names.to_pylist())
    return pa.array([_DOUBLED.sub(r"\1", name)[:5] for name in kept], pa.string())


_SILENT = str.maketrans("", "", "aeiouyhw ")
_DOUBLED = re.compile(r"(.)\1+", re.DOTALL)
