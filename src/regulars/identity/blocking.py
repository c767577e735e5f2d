"""Which pairs are worth comparing: those that share something that few share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.identity.distinct import distinct
from regulars.identity.name import before_at, first_word
from regulars.identity.nickname import formal
from regulars.identity.numbered import whole_numbers
from regulars.identity.portrait import Portraits, text_hashes, word_hashes
from regulars.identity.separation import Bools, Ints, pairs_within
from regulars.identity.spelling import spelled, text_column

Keys = NDArray[np.int32]
Hashes = NDArray[np.uint64]

LARGEST_BLOCK = 60
"""Profiles of one key beyond which the key says nothing: nobody is compared because of it."""

PAIRS_A_PROFILE = 3
"""Pairs that one rule may bring for each profile: its smallest blocks first."""

PAIRS_AT_LEAST = 50_000
"""Pairs that any rule may bring, however few profiles there are; vague rules never bring more."""


RULES = 26
"""How many rules there are."""

VAGUE = 8
"""How many of them, the last ones, are vague."""

UNKNOWN = np.uint64(0)
"""The hash of what is not known."""

EMAIL, PHONE = 0, 1
"""The rules of an equal e-mail address and of an equal phone number."""

MIXED = 20
"""Bits of the table in which whole blocks are looked for: what collides there costs a little time, no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Profiles that share something, by rule.

    A key is a hash of what is shared, the same in every run, so that a day asks those of yesterday. Two things that
    meet in one hash make a pair more that is compared, and come to nothing.
    """

    keys: Keys                               # shape (rules, profiles), -1 where a rule says nothing of a profile
    limits: tuple[int, ...]                  # of each rule: size of the largest block that is compared

    @classmethod
    def of(cls, people: Portraits, *, limits: Sequence[int] | None = None) -> Blocks:
        """Return the blocks of these profiles; limits as they were learned, or as they suit these."""
        found, suited = block_keys(people), limits
        if suited is None:
            suited = [_limit(key, is_vague=rule >= RULES - VAGUE) for rule, key in enumerate(found)]
        return cls(keys=found, limits=tuple(suited))

    @property
    def count(self) -> int:
        """Return how many profiles there are."""
        return len(self.keys[0])

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
            members = sharing(key, key[left[rows]])
            blocks, sizes = np.unique(key[members], return_counts=True)
            found[rows] = sizes[np.searchsorted(blocks, key[left[rows]])] <= limit
        return found


def block_keys(people: Portraits) -> Keys:
    """Return the key of each profile by each rule, -1 where it says nothing; shape (rules, profiles)."""
    return np.stack(list(_keys(people)))


def sharing(key: NDArray[np.signedinteger[Any]], values: NDArray[np.signedinteger[Any]]) -> Ints:
    """Return the profiles whose key is one of these values, ascending."""
    wanted = np.unique(values[values >= 0])
    is_asked = np.zeros(1 << MIXED, dtype=bool)
    is_asked[_places(wanted)] = True
    near = np.flatnonzero(is_asked[_places(key)])
    is_one: Bools = np.append(wanted, -1)[np.searchsorted(wanted, key[near])] == key[near]
    return near[is_one]


def _places(key: NDArray[np.signedinteger[Any]]) -> NDArray[np.uint32]:
    places = key.astype(np.uint32)
    places *= np.uint32(0x9E3779B1)
    places >>= np.uint32(32 - MIXED)
    return places


def _keys(people: Portraits) -> Iterator[Keys]:
    """For each rule a number for each profile, -1 for those it says nothing of; the vague rules last."""
    first, last, birthday, email, phone = (
        _hashed(people, field) for field in ("first_name", "last_name", "birthday", "email", "phone")
    )
    address, postcode = _hashed(people, "address"), _hashed(people, "postcode")
    root, letter = _hashed(people, "first_name", _root), _hashed(people, "first_name", _start(1))
    start, sound = _hashed(people, "last_name", _start(4)), _hashed(people, "last_name", _consonants)
    year = _hashed(people, "birthday", _start(4))
    words = np.append(word_hashes(people.texts["first_name"]), UNKNOWN)      # -1 takes the last: unknown
    whole = words[people.numbers["first_name"]] + words[people.numbers["last_name"]]
    whole[(first == UNKNOWN) | (last == UNKNOWN)] = UNKNOWN
    sharp = (
        (email,), (phone,), (_hashed(people, "personal_id"),), (whole,), (last, birthday), (root, birthday),
        (birthday, letter), (birthday, postcode), (birthday, address), (root, address), (last, address),
        (address, postcode), (root, sound), (root, postcode, start), (sound, letter, year), (sound, letter, postcode),
        (_hashed(people, "email", before_at),),
        (_hashed(people, "phone", partial(pc.utf8_slice_codeunits, start=-7)),),
    )
    vague = (
        (root,), (sound,), (birthday,), (address,), (year, _hashed(people, "city")),
        (_hashed(people, "birthday", partial(pc.utf8_slice_codeunits, start=4)), letter),
        (_hashed(people, "email", _after_at),),
        (_hashed(people, "email", _start(6)),),
    )
    yield from (_together(*parts) for parts in (*sharp, *vague))


def _limit(key: Keys, *, is_vague: bool) -> int:
    sizes, blocks = np.unique(np.unique(key[key >= 0], return_counts=True)[1], return_counts=True)
    pairs = np.cumsum(blocks * sizes * (sizes - 1) // 2)
    most = PAIRS_AT_LEAST if is_vague else max(PAIRS_A_PROFILE * len(key), PAIRS_AT_LEAST)
    return int(sizes[(pairs <= most) & (sizes <= LARGEST_BLOCK)].max(initial=1))


def _pairs(key: Keys, limit: int, among: Bools | None) -> tuple[Ints, Ints]:
    known = np.flatnonzero(key >= 0) if among is None else sharing(key, key[among])
    known = known[np.argsort(key[known], kind="stable")]
    size = np.diff(np.flatnonzero(np.append(np.diff(key[known], prepend=-1) != 0, True)))
    block = np.repeat(np.arange(len(size)), size)
    wanted = ((size > 1) & (size <= limit))[block]
    order = known[wanted]
    left, right = pairs_within(block[wanted])
    left, right = order[left], order[right]
    if among is None:
        return left, right
    wanted = among[left] | among[right]
    return left[wanted], right[wanted]


def _hashed(people: Portraits, field: str, shorten: Callable[[pa.Array], pa.Array] | None = None) -> Hashes:
    """A hash of what each profile's text is shortened to, UNKNOWN where it is unknown or nothing is left."""
    texts, numbers = people.texts[field], people.numbers[field]
    if shorten is not None:
        short = shorten(text_column(texts)).dictionary_encode()
        of = whole_numbers(short.indices)
        texts, numbers = spelled(short.dictionary), np.append(of, -1)[numbers]
    hashes = np.where(texts == "", UNKNOWN, text_hashes(texts) | np.uint64(1))
    return np.append(hashes, UNKNOWN)[numbers]               # -1 takes the last: unknown


def _together(*parts: Hashes) -> Keys:
    """One number for profiles that agree in all parts; -1 where any part is unknown."""
    total = np.zeros(len(parts[0]), dtype=np.uint64)
    is_known = np.ones(len(parts[0]), dtype=bool)
    for part in parts:
        total = (total ^ part) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(32)
        is_known &= part != UNKNOWN
    return np.where(is_known, (total >> np.uint64(33)).astype(np.int32), np.int32(-1))


def _start(letters: int) -> Callable[[pa.Array], pa.Array]:
    return partial(pc.utf8_slice_codeunits, start=0, stop=letters)


def _after_at(emails: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(emails, "^[^@]*@?", "")


def _root(names: pa.Array) -> pa.Array:
    return formal(first_word(names))


def _consonants(names: pa.Array) -> pa.Array:
    """Names without their vowels, doubled letters once: what most ways to spell them share."""
    kept = (name[:1] + name[1:].translate(_SILENT) for name in names.to_pylist())
    return pa.array([_DOUBLED.sub(r"\1", name)[:5] for name in kept], pa.string())


_SILENT = str.maketrans("", "", "aeiouyhw ")
_DOUBLED = re.compile(r"(.)\1+", re.DOTALL)
