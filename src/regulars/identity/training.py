"""How a model is learned without anybody saying who is who: from what the comparisons have in common.

What strangers share is counted over pairs drawn at random. What one person and one household share is learned by
expectation maximisation (Dempster, Laird and Rubin 1977) over the pairs worth comparing, from expectations that hold
where there is little data. People are counted, not profiles: a customer in five systems does not make his name common.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from regulars.identity.blocking import Blocks
from regulars.identity.comparison import COMPARED, EQUAL, UNKNOWN, Compared, Levels, are_different, compare
from regulars.identity.component import components
from regulars.identity.distinct import firsts
from regulars.identity.handed_down import handed_down
from regulars.identity.model import (
    BY_VALUE,
    LEVELS,
    OUTCOMES,
    SHARED_AT_HOME,
    Model,
    are_reached,
    as_own_words,
    logarithms,
    probabilities,
    rarities,
    weigh,
)
from regulars.identity.naming import UNTOLD, learn_naming
from regulars.identity.portrait import FIELDS, Portraits, person_counts, text_hashes
from regulars.identity.separation import Bools, Floats, Ints, Separation

ROUNDS = 2
"""People are counted anew once it is known who is likely one."""

STEPS = 30
"""Steps of expectation maximisation; in the first half nobody whose first name or birthday clearly differs is one."""

BELIEF = 20
"""Pairs that the expectations count for."""

STRANGERS = 100_000
"""Pairs drawn at random."""

HEAD = 2_000
"""Values of one field whose frequency is kept, as hashes: a model tells no names."""

SEED = 2026
LIKELY = 0.9


def learn(own: Portraits, completed: Portraits, *, persons: Separation) -> tuple[Model, Compared]:
    """Return what comparing these profiles teaches, and the comparisons it was learned from.

    Args:
        own: What each profile says itself.
        completed: The same with what its person's other profiles say.
        persons: What stronger evidence holds together, and what keeps people apart.

    """
    blocks = Blocks.of(completed)
    pairs = Compared.of(completed, *blocks.pairs(person=persons.person), persons=persons)
    strangers = _drawn(own)
    model, person = _expected(own.count, blocks.limits), persons.person
    for _ in range(ROUNDS):
        frequent, rare = _frequencies(own, person)
        model = replace(model, frequent=frequent, rare=rare, naming=learn_naming(own, person))
        shares, reached = _strangers(model, own, strangers, person)
        model = replace(model, stranger=shares, reached=reached)
        levels = as_own_words(model, completed, pairs.left, pairs.right, pairs.levels)
        rarity = rarities(model, completed, pairs.left, levels)
        model = _maximised(model, _patterns(levels, rarity), pairs=max(own.count * (own.count - 1) // 2, 1))
        likely = probabilities(weigh(model, levels, rarity))[0] >= LIKELY
        first = firsts(persons.person, count=persons.count)[persons.person]
        _, person = components(
            np.concatenate([first, pairs.left[likely]]), np.concatenate([np.arange(own.count), pairs.right[likely]]),
            count=own.count,
        )
    return replace(model, handed_down=handed_down(own, person, model.naming) if model.births_decide else []), pairs


def _expected(profiles: int, sizes: tuple[int, ...]) -> Model:
    person, household = np.zeros((len(FIELDS), LEVELS)), np.zeros((len(FIELDS), LEVELS))
    for place, field in enumerate(FIELDS):
        compared = COMPARED[field]
        person[place, 1 : len(compared.person) + 1] = compared.person
        household[place, 1 : len(compared.person) + 1] = compared.household or compared.person
    one = 1 / (profiles + 1)
    return Model(
        profiles=profiles, outcomes=OUTCOMES,
        person=person.tolist(), household=household.tolist(), stranger=person.tolist(),
        reached=0.5, persons=[one / 2] * 2, households=[one / 8] * 2,
        frequent={}, rare={}, naming=UNTOLD, handed_down=[], limits=list(sizes),
    )


def _frequencies(people: Portraits, person: Ints) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Of each field: the share of other people who have a frequent value, and that of all other values together."""
    frequent: dict[str, dict[str, float]] = {}
    rare: dict[str, float] = {}
    for field in FIELDS[:-1]:
        texts = people.texts[field]
        counts = person_counts(people.numbers[field], person, values=len(texts))
        total = max(len(np.unique(person[people.numbers[field] >= 0])), 1)
        head = np.lexsort((texts, -counts))[:HEAD] if len(texts) else np.zeros(0, dtype=np.int64)
        head = head[counts[head] > 2]        # of a value that two have nothing is known but that it is rare
        hashes = text_hashes(texts[head]).astype(str).tolist()
        frequent[field] = dict(zip(hashes, np.round((counts[head] - 1) / total, 9).tolist(), strict=True))
        tail = np.delete(counts, head)
        rare[field] = float((tail * (tail - 1)).sum() + 1) / float(tail.sum() * total + 1)
    return frequent, rare


def _drawn(people: Portraits) -> Compared:
    """Pairs drawn at random, compared; all there are where these are few."""
    count = people.count
    if count * (count - 1) // 2 <= STRANGERS:
        left, right = np.triu_indices(count, 1)
    else:
        chance = np.random.default_rng(SEED)
        left, right = chance.integers(0, count, STRANGERS), chance.integers(0, count, STRANGERS)
    return Compared(left=left, right=right, levels=compare(people, left, right))


def _strangers(
    model: Model, people: Portraits, drawn: Compared, person: Ints
) -> tuple[list[list[float]], float]:
    """Share of each level among pairs of different people, and of those that are reached."""
    levels = as_own_words(model, people, drawn.left, drawn.right, drawn.levels)
    levels = levels[person[drawn.left] != person[drawn.right]]
    shares = [_shares(levels[:, place], field, weight=0.5).tolist() for place, field in enumerate(FIELDS)]
    return shares, float((are_reached(levels).sum() + 0.5) / (len(levels) + 1))


def _shares(levels: Levels, field: str, *, weight: float) -> Floats:
    outcomes = len(COMPARED[field].outcomes)
    counts = np.zeros(LEVELS)
    counts[1 : outcomes + 1] = np.bincount(levels, minlength=LEVELS)[1 : outcomes + 1] + weight
    shares: Floats = counts / counts.sum()
    return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patterns:
    """Pairs that look the same, counted: a few thousand of them stand for millions of pairs."""

    levels: Levels                           # (patterns, fields)
    stranger: Floats                         # bits of the equal values against strangers, to the next whole bit
    household: Floats                        # the same of the fields in which a household is like strangers
    count: Floats
    is_different: Bools                      # a first name or birthday clearly differs
    reached: Ints                            # 1 where both tell an address or both a number, else 0


def _patterns(levels: Levels, rarity: Floats) -> _Patterns:
    bits = np.rint(rarity.sum(axis=1)).astype(np.int64)
    own = np.rint(rarity[:, ~SHARED_AT_HOME].sum(axis=1)).astype(np.int64)
    key = (bits << 7) + own
    for place in range(len(FIELDS)):
        key = (key << 4) + levels[:, place]
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    return _Patterns(
        levels=levels[first], stranger=bits[first].astype(float), household=own[first].astype(float),
        count=count.astype(float), is_different=are_different(levels[first]),
        reached=are_reached(levels[first]).astype(np.int64),
    )


def _maximised(model: Model, seen: _Patterns, *, pairs: int) -> Model:
    """Return the model with the shares of persons and households that make what was seen most likely."""
    start = _expected(model.profiles, tuple(model.limits))
    expected = {"person": np.array(start.person), "household": np.array(start.household)}
    shares = {name: table.copy() for name, table in expected.items()}
    strangers = logarithms(model.stranger)
    strangers[BY_VALUE, EQUAL] = 0           # equal values have a rarity of their own
    strangers[:, UNKNOWN] = 0
    place = np.arange(len(FIELDS))
    against = strangers[place, seen.levels]
    # Of few that are reached a random draw may find none.
    there = np.array([1 - model.reached, model.reached]) * pairs
    there = np.maximum(there, np.bincount(seen.reached, weights=seen.count, minlength=2))
    persons, households = np.array(start.persons), np.array(start.households)
    for step in range(STEPS):
        own, theirs = logarithms(shares["person"]), logarithms(shares["household"])
        as_person = (own[place, seen.levels] - against).sum(axis=1) + seen.stranger + np.log2(persons)[seen.reached]
        as_household = (theirs[place, seen.levels] - against)[:, SHARED_AT_HOME].sum(axis=1)
        as_household += seen.stranger - seen.household + np.log2(households)[seen.reached]
        if step < STEPS // 2:
            as_person[seen.is_different] = -np.inf
        as_stranger = np.log2(1 - persons - households)[seen.reached]
        total = np.logaddexp2(np.logaddexp2(as_person, as_household), as_stranger)
        weights = {
            "person": np.exp2(as_person - total) * seen.count, "household": np.exp2(as_household - total) * seen.count,
        }
        for name, weight in weights.items():
            shares[name] = _reckoned(seen.levels, weight, expected[name])
        persons, households = (
            (np.bincount(seen.reached, weights=weight, minlength=2) + 0.5) / (there + 2) for weight in weights.values()
        )
    return replace(
        model, person=shares["person"].tolist(), household=shares["household"].tolist(),
        persons=persons.tolist(), households=households.tolist(),
    )


def _reckoned(levels: Levels, weight: Floats, expected: Floats) -> Floats:
    counts = BELIEF * expected
    for place in range(len(FIELDS)):
        counts[place, 1:] += np.bincount(levels[:, place], weights=weight, minlength=LEVELS)[1:]
    shares: Floats = counts / counts.sum(axis=1, keepdims=True)
    return shares
