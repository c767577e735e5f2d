"""Which given names go with which surnames: that Minh Nguyen is far commoner than Minh and Nguyen, each by itself, say.

Names fall into customs: within one, given name and surname are independent of each other; over all people they are not.
The customs are learned from the names alone (latent classes; Hofmann 1999), and only of names that many people have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regulars.identity.distinct import distinct
from regulars.identity.portrait import Portraits, Texts, person_counts, text_hashes
from regulars.identity.separation import Floats, Ints

CUSTOMS = 8
"""How many there are."""

KNOWN_FROM = 20
"""People who have a name, from which on it is asked which custom it belongs to."""

DOUBT = 20
"""People that the custom of everybody counts for, beside those who have a name."""

STEPS = 30
SEED = 2026


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The customs, and how each name leans to them: its share in a custom against its share in all."""

    shares: Sequence[float]                  # of each custom, of all people
    first_name: Mapping[str, Sequence[float]]        # hash of a name -> leaning to each custom
    last_name: Mapping[str, Sequence[float]]

    def together(self, first: Texts, last: Texts) -> Floats:
        """Return how much commoner each full name is than its two parts say, in bits; 0 where nothing is known."""
        of_first, of_last = _leanings(self.first_name, first), _leanings(self.last_name, last)
        bits: Floats = np.log2((of_first * of_last) @ np.array(self.shares))
        return bits


UNTOLD = Naming(shares=[1.0], first_name={}, last_name={})
"""Nothing is known of any name."""


def learn_naming(people: Portraits, person: Ints) -> Naming:
    """Return the customs of some people; `person` numbers who each profile is, as far as that is known."""
    texts = people.texts["first_name"]       # first and last names share theirs
    first, last = people.numbers["first_name"], people.numbers["last_name"]
    place = [_places(numbers, person, texts) for numbers in (first, last)]
    one, other = (np.append(at, -1)[numbers] for at, numbers in zip(place, (first, last), strict=True))
    names = [int(at.max(initial=-1)) + 1 for at in place]
    rows = np.flatnonzero((one >= 0) & (other >= 0))
    if not len(rows):
        return UNTOLD
    full = one[rows] * names[1] + other[rows]
    told = distinct(person[rows] * (names[0] * names[1]) + full) % (names[0] * names[1])
    full, count = np.unique(told, return_counts=True)
    shares, leanings = _customs(full // names[1], full % names[1], count.astype(float), names)
    hashes = [np.empty(size, dtype=np.uint64) for size in names]
    for at, found in zip(place, hashes, strict=True):
        found[at[at >= 0]] = text_hashes(texts[at >= 0])
    of_first, of_last = (
        dict(zip(found.astype(str).tolist(), np.round(lean, 6).tolist(), strict=True))
        for found, lean in zip(hashes, leanings, strict=True)
    )
    return Naming(shares=np.round(shares, 9).tolist(), first_name=of_first, last_name=of_last)


def _places(numbers: Ints, person: Ints, texts: Texts) -> Ints:
    """The place of each text among those that many people have, in the order of the texts; -1 for the others."""
    many = np.flatnonzero(person_counts(numbers, person, values=len(texts)) >= KNOWN_FROM)
    found = np.full(len(texts), -1)
    found[many[np.argsort(texts[many])]] = np.arange(len(many))
    return found


def _customs(first: Ints, last: Ints, count: Floats, names: Sequence[int]) -> tuple[Floats, list[Floats]]:
    """The share of each custom and the leanings of all given names and surnames, by expectation maximisation."""
    shares = np.full(CUSTOMS, 1 / CUSTOMS)
    start = np.random.default_rng(SEED).dirichlet(np.ones(CUSTOMS), size=names[1])
    leanings = [np.ones((names[0], CUSTOMS)), start / shares]
    for _ in range(STEPS):
        belongs = leanings[0][first] * leanings[1][last] * shares
        belongs *= (count / belongs.sum(axis=1))[:, None]
        shares = belongs.sum(axis=0) / count.sum()
        leanings = [_leaning(of, belongs, shares, size) for of, size in zip((first, last), names, strict=True)]
    return shares, leanings


def _leaning(name: Ints, belongs: Floats, shares: Floats, size: int) -> Floats:
    known = np.stack([np.bincount(name, weights=column, minlength=size) for column in belongs.T], axis=1)
    total = known.sum(axis=1, keepdims=True)
    found: Floats = (known + DOUBT * shares) / (total + DOUBT) / shares
    return found


def _leanings(known: Mapping[str, Sequence[float]], texts: Texts) -> Floats:
    """The leanings of each of these texts; 1 to every custom where they are not known."""
    hashes = np.array([int(name) for name in known], dtype=np.uint64)
    if not known:
        return np.ones((len(texts), 1))
    table = np.array([*known.values()])
    order = np.argsort(hashes)
    asked = text_hashes(texts)
    at = np.searchsorted(hashes[order], asked)
    is_known = np.append(hashes[order], np.uint64(0))[at] == asked
    found = np.ones((len(texts), table.shape[1]))
    found[is_known] = table[order][at[is_known]]
    return found
