"""What each outcome of a comparison says, in bits: how much likelier it is for one person than for two.

Two people may be strangers or of one household; a household shares its name, home, phone and address book, so that
these speak against strangers only. Which of the three a pair is follows from all fields together
(Fellegi and Sunter 1969, with a third class).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from regulars.identity.blocking import RULES
from regulars.identity.comparison import COMPARED, EQUAL, UNKNOWN, Levels
from regulars.identity.naming import Naming
from regulars.identity.portrait import FIELDS, Portraits, Texts, text_hashes
from regulars.identity.separation import Bools, Floats, Ints

Shares = Sequence[Sequence[float]]

LEVELS = max(len(field.outcomes) for field in COMPARED.values()) + 1
VERSION = 6
"""Of how outcomes come about, which their names do not say: raised when the same pair would come out otherwise."""

CARELESS = 0.08
"""Share of one person's pairs that clearly differ in a field beyond which such a difference proves nothing."""

OWN_WORD = 0.02
"""How many have a name for each who has one that is a slip apart: more than slips make."""

OUTCOMES = hashlib.md5(repr((VERSION, FIELDS, COMPARED, RULES)).encode(), usedforsecurity=False).hexdigest()
BY_VALUE = np.array([field != "source" for field in FIELDS])
"""Fields of which an equal value says the more the fewer people have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was learned of a set of profiles; shares are by field and level, as `COMPARED` has them."""

    profiles: int                            # it was learned from
    outcomes: str                            # fingerprint of what is compared: another release may compare otherwise
    person: Shares                           # of the levels among pairs of one person
    household: Shares                        # among two people of one household
    stranger: Shares                         # among two strangers
    reached: float                           # share of pairs of which both tell an address or both a number
    persons: Sequence[float]                 # share of the pairs not reached, and of those reached, that are one person
    households: Sequence[float]              # the same of those that are two of one household
    frequent: Mapping[str, Mapping[str, float]]      # field -> hash of a value -> share of people who have it too
    rare: Mapping[str, float]                # field -> that share for all other values
    naming: Naming                           # which given names go with which surnames
    handed_down: Sequence[str]               # hashes of the full names that two of one family bear
    limits: Sequence[int]                    # largest block of each rule of `blocking`

    def trusts(self, field: str) -> bool:
        """Say whether two profiles of one person hardly ever clearly differ in a field."""
        return self.person[FIELDS.index(field)][len(COMPARED[field].outcomes)] <= CARELESS

    @property
    def births_decide(self) -> bool:
        """Say whether clearly other birthdays keep people apart: they are trusted, and no source tells personal ids."""
        return self.trusts("birthday") and self.rare.get("personal_id", 1) >= 1      # 1 is the share of nobody's ids

    def to_json(self) -> str:
        """Return the model as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Model | None:
        """Return the model that `to_json` wrote; None when it was learned of other comparisons than these."""
        told = json.loads(text)
        return cls(**{**told, "naming": Naming(**told["naming"])}) if told.get("outcomes") == OUTCOMES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bits:
    """The weight of each field of each pair for one person against the alternative; shape (pairs, fields)."""

    stranger: Floats
    household: Floats
    before_stranger: Floats                  # of each pair, before any field is seen
    before_household: Floats

    def of(self, pairs: Ints) -> Bits:
        """Return the weights of some pairs."""
        return Bits(
            stranger=self.stranger[pairs], household=self.household[pairs],
            before_stranger=self.before_stranger[pairs], before_household=self.before_household[pairs],
        )


def weigh(model: Model, levels: Levels, rarity: Floats) -> Bits:
    """Return what each field of each pair says.

    Args:
        model: What was learned.
        levels: Of `comparison.compare`.
        rarity: Of `rarities`: bits of the values that are equal.

    """
    person, household, stranger = (
        logarithms(shares) for shares in (model.person, model.household, model.stranger)
    )
    place = np.arange(len(FIELDS))
    against = np.where((levels == EQUAL) & BY_VALUE, 0.0, stranger[place, levels]) - rarity
    as_household = np.where(SHARED_AT_HOME, household[place, levels], against)
    known = levels != UNKNOWN
    own = person[place, levels]
    before = [odds[are_reached(levels).astype(np.int64)] for odds in _before(model)]
    return Bits(
        stranger=np.where(known, own - against, 0.0), household=np.where(known, own - as_household, 0.0),
        before_stranger=before[0], before_household=before[1],
    )


def are_reached(levels: Levels) -> Bools:
    """Say of each pair whether both tell an e-mail address or both a phone number.

    Exact evidence has looked at these: of those it left open fewer are one person than of those it could not judge.
    """
    found: Bools = (levels[:, [FIELDS.index(field) for field in ("email", "phone")]] != UNKNOWN).any(axis=1)
    return found


def _before(model: Model) -> tuple[Floats, Floats]:
    """Bits for one person against strangers and against a household, of pairs not reached and of those reached."""
    persons, households = np.array(model.persons), np.array(model.households)
    return np.log2(persons) - np.log2(1 - persons - households), np.log2(persons) - np.log2(households)


SHARED_AT_HOME = np.array([COMPARED[field].household is not None for field in FIELDS])
"""Fields in which people of one household are not like strangers."""


def probabilities(bits: Bits) -> tuple[Floats, Floats]:
    """Return the probability that each pair is one person, and the same in bits (log2 of the odds)."""
    stranger = bits.stranger.sum(axis=1) + bits.before_stranger
    household = bits.household.sum(axis=1) + bits.before_household
    weight = -np.logaddexp2(-stranger, -household)
    return 1 / (1 + np.exp2(-weight)), weight


def rarities(model: Model, people: Portraits, left: Ints, levels: Levels) -> Floats:
    """Return for each field of each pair how rare the value is that is equal in both, in bits; 0 where none is.

    Alike given names beside an equal surname are as much less rare as the two go together.
    """
    found = np.zeros(levels.shape)
    for place, field in enumerate(FIELDS):
        if field != "source":
            is_equal = levels[:, place] == EQUAL
            of, back = np.unique(people.numbers[field][left[is_equal]], return_inverse=True)
            found[is_equal, place] = _rarity(model, people.texts[field][of], field)[back]
    first, last = FIELDS.index("first_name"), FIELDS.index("last_name")
    is_alike = (levels[:, first] != UNKNOWN) & (levels[:, first] != len(COMPARED["first_name"].outcomes))
    are_namesakes = np.flatnonzero(is_alike & (levels[:, last] == EQUAL))
    # In a house as among strangers: those who bear a surname have the given names that go with it.
    found[are_namesakes, first] -= _together(model, people, left[are_namesakes])
    return found


def _together(model: Model, people: Portraits, profiles: Ints) -> Floats:
    """How much commoner the full name of each of these profiles is than its two parts say, in bits."""
    texts, numbers = people.texts["first_name"], people.numbers
    first, last = numbers["first_name"][profiles], numbers["last_name"][profiles]
    full, back = np.unique(first * len(texts) + last, return_inverse=True)
    bits: Floats = model.naming.together(texts[full // max(len(texts), 1)], texts[full % max(len(texts), 1)])[back]
    return bits


def as_own_words(model: Model, people: Portraits, left: Ints, right: Ints, levels: Levels) -> Levels:
    """Return the levels with two names that many people have each one step less alike: neither is a slip of the other.

    "Rodney" and "Sidney" are two strokes apart, and two names.
    """
    found = levels.copy()
    for place, field in enumerate(("first_name", "last_name")):
        slip, similar, different = (COMPARED[field].outcomes.index(n) + 1 for n in ("one slip", "similar", "different"))
        rows = np.flatnonzero((levels[:, place] == slip) | (levels[:, place] == similar))
        numbers = people.numbers[field]
        of, back = np.unique(np.append(numbers[left[rows]], numbers[right[rows]]), return_inverse=True)
        share = np.nan_to_num(_shares(model, people.texts[field][of], field))[back].reshape(2, -1)
        own = rows[share.min(axis=0) > OWN_WORD * share.max(axis=0)]
        found[own, place] = np.where(levels[own, place] == slip, similar, different)
    return found


def _rarity(model: Model, texts: Texts, field: str) -> Floats:
    """Of each of these texts of a field."""
    shares = _shares(model, texts, field)
    bits: Floats = -np.log2(np.where(np.isnan(shares), model.rare[field], shares))
    return bits


def _shares(model: Model, texts: Texts, field: str) -> Floats:
    """How many other people have each of these texts, NaN where few have it."""
    frequent = model.frequent[field]
    known = np.array([int(value) for value in frequent], dtype=np.uint64)
    order = np.argsort(known)
    hashes = text_hashes(texts)
    at = np.searchsorted(known[order], hashes)
    is_known = np.append(known[order], np.uint64(0))[at] == hashes
    shares = np.append(np.array([*frequent.values()])[order], 0.0)[at]
    found: Floats = np.where(is_known, shares, np.nan)
    return found


def logarithms(shares: Shares | Floats) -> Floats:
    """Return log2 of shares, 0 where there is no such level."""
    table = np.asarray(shares, dtype=np.float64)
    return np.log2(table, where=table > 0, out=np.zeros_like(table))
