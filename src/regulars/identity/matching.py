"""Pairs of profiles that are likely one person, beyond what exact evidence joins: scored, explained, kept.

Every pair's score is a function of its two profiles and the model alone, so that a day scores only what changed, and
takes over what the day before told of all other pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.blocking import Blocks
from regulars.identity.comparison import COMPARED, Compared, have_second_fact
from regulars.identity.component import Conflict, Links
from regulars.identity.distinct import firsts
from regulars.identity.evidence import LIKELY
from regulars.identity.model import Bits, Model, probabilities, rarities, weigh
from regulars.identity.numbered import profile_keys, whole_numbers
from regulars.identity.portrait import FIELDS, Portraits, portraits, text_hashes
from regulars.identity.separation import Bools, Floats, Ints, Separation
from regulars.identity.training import learn

DIGITS = 6
"""Digits of a probability that are kept, and by which a pair is judged."""

MATCHES = pa.schema([
    *((name, pa.string()) for name in ("left_source", "left_id", "right_source", "right_id")),
    ("probability", pa.decimal128(9, DIGITS)), ("weight", pa.decimal128(9, 3)), ("tier", pa.string()),
    ("evidence", pa.string()),
])
"""One row a pair of profiles that no exact evidence joins and that may be one person; left before right.

weight is in bits (log2 of the odds); tier is `medium` from the merging threshold on, if more than
the name agrees, else `low`; evidence is a JSON list of {field, outcome, bits}, the prior first, whose bits add up to
the weight but for the less likely alternative.
"""

COMPARED_PROFILES = pa.schema([
    ("profile_source", pa.string()), ("profile_id", pa.string()), ("fingerprint", pa.int64()),
])
"""What was compared of each profile, as a number that changes when it does."""

GROWN = 0.25
"""Share by which the number of profiles may differ from what a model was learned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From which probability on a pair is merged, and from which a person is asked."""

    merge: float = 0.95
    review: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Who is likely one person, and what the next run needs to weigh only what changed."""

    model: Model                             # by which pairs were weighed
    matches: pa.Table                        # MATCHES
    compared: pa.Table                       # COMPARED_PROFILES
    thresholds: Thresholds                   # from which on a pair is in `matches`, and is of the medium tier
    weighed: int = 0                         # pairs that had to be looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The pairs that reach the threshold of review, left before right and in order, and what the next run needs."""

    left: Ints
    right: Ints
    probability: Floats                      # to six digits, as in `matches`
    is_medium: Bools                         # whether the pair is merged
    likeness: Likeness


def score(
    people: pa.Table, *, persons: Separation, marks: Ints, keys: pa.Array, thresholds: Thresholds,
    former: Likeness | None = None,
) -> Scored:
    """Score the pairs that exact evidence leaves open.

    Args:
        people: Profiles by age.
        persons: What exact evidence holds together and what keeps people apart.
        marks: A number for each profile that changes when what else decides about it does: rulings.
        keys: The key of each profile.
        thresholds: Pairs below that of review are not returned.
        former: The last run; without it, or when it knew a very different number of profiles, all is learned anew.

    """
    own = portraits(people)
    whole = own.completed(persons.person)
    fingerprints = whole.fingerprints() + marks + _founders(keys, persons)
    if former is None or not _still_holds(former, own.count, thresholds):
        model, pairs = learn(own, whole, persons=persons)
        standing = []
    else:
        model, is_changed = former.model, _are_changed(former, keys, fingerprints, thresholds)
        blocks = Blocks.of(whole, limits=model.limits)
        left, right = blocks.pairs(person=persons.person, among=is_changed)
        pairs = Compared.of(whole, left, right, persons=persons)
        standing = [_standing(former, blocks, persons, keys, is_changed=is_changed, review=thresholds.review)]
    fresh = _told(_weighed(model, whole, pairs, review=thresholds.review), people, thresholds)
    told = _Told.joined([fresh, *standing])
    order = np.lexsort((told.right, told.left))
    return Scored(
        left=told.left[order], right=told.right[order], probability=_probabilities(told.matches)[order],
        is_medium=pc.equal(told.matches["tier"], "medium").to_numpy()[order],
        likeness=Likeness(
            model=model, matches=told.matches.sort_by([(name, "ascending") for name in MATCHES.names[:4]]),
            compared=_compared(people, fingerprints), thresholds=thresholds, weighed=len(pairs.left),
        ),
    )


def likely_links(scored: Scored, *, persons: Separation, conflicts: Iterable[Conflict]) -> Links:
    """Return links between the profiles that are merged for their likeness.

    Whoever exact evidence pulls to two people waits for a person's word: likeness does not settle it.
    """
    is_pulled = np.zeros(persons.count, dtype=bool)
    pulled = np.array([profile for c in conflicts for profile in (c.profile, c.other)], dtype=np.int64)
    is_pulled[persons.person[pulled]] = True
    is_open = ~is_pulled[persons.person[scored.left]] & ~is_pulled[persons.person[scored.right]]
    chosen = np.flatnonzero(scored.is_medium & is_open)
    return Links(
        left=scored.left[chosen], right=scored.right[chosen], kind=np.full(len(chosen), LIKELY, dtype=np.int64),
        group=np.arange(len(chosen)),
    )


def probability_of(scored: Scored, links: Links, *, count: int) -> Floats:
    """Return the probability of each link, NaN where it was not scored."""
    known = scored.left * count + scored.right           # left before right, and in order
    wanted = np.minimum(links.left, links.right) * count + np.maximum(links.left, links.right)
    at = np.searchsorted(known, wanted)
    found = np.append(scored.probability, np.nan)[at]
    return np.where(np.append(known, -1)[at] == wanted, found, np.nan)


def _still_holds(former: Likeness, profiles: int, thresholds: Thresholds) -> bool:
    learned = former.model.profiles
    return abs(profiles - learned) <= GROWN * learned and former.thresholds.review <= thresholds.review


def _are_changed(former: Likeness, keys: pa.Array, fingerprints: Ints, thresholds: Thresholds) -> Bools:
    """Say of each profile whether its pairs are weighed anew: all are where the tiers begin elsewhere now."""
    if former.thresholds.merge != thresholds.merge:
        return np.ones(len(keys), dtype=bool)
    at = pc.index_in(keys, profile_keys(former.compared["profile_source"], former.compared["profile_id"]))
    before = former.compared["fingerprint"].take(at).to_numpy(zero_copy_only=False)
    found: Bools = ~(np.asarray(at.is_valid()) & (before == fingerprints))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Pairs of profiles by number, left before right, and what is told of each."""

    left: Ints
    right: Ints
    matches: pa.Table                        # MATCHES

    @classmethod
    def joined(cls, parts: Sequence[_Told]) -> _Told:
        """Return the pairs of all parts."""
        return cls(
            left=np.concatenate([part.left for part in parts]), right=np.concatenate([part.right for part in parts]),
            matches=pa.concat_tables([part.matches for part in parts]),
        )


def _probabilities(matches: pa.Table) -> Floats:
    """As the table has them, whatever decimals lose on the way to numbers."""
    found: Floats = np.round(matches["probability"].cast(pa.float64()).to_numpy(), DIGITS)
    return found


def _standing(
    former: Likeness, blocks: Blocks, persons: Separation, keys: pa.Array, *, is_changed: Bools, review: float
) -> _Told:
    """The pairs of the last run whose profiles are what they were, with what was told of them then.

    Asked anew is only what others decide about a pair: who is held together or kept apart, and how large a block is.
    """
    sides = [profile_keys(former.matches[f"{side}_source"], former.matches[f"{side}_id"]) for side in ("left", "right")]
    places = whole_numbers(pc.index_in(pa.concat_arrays(sides), keys).fill_null(-1))
    one, other = places[: len(former.matches)], places[len(former.matches) :]
    stands = (one >= 0) & (other >= 0) & ~is_changed[one] & ~is_changed[other]
    stands &= (persons.person[one] != persons.person[other]) & (_probabilities(former.matches) >= review)
    rows = np.flatnonzero(stands)
    # A block that grew too large since speaks for nobody any more.
    rows = rows[blocks.hold(one[rows], other[rows])]
    rows = rows[~persons.are_apart(persons.person[one[rows]], persons.person[other[rows]])]
    stands[:] = False
    stands[rows] = True
    return _Told(
        left=np.minimum(one, other)[rows], right=np.maximum(one, other)[rows],
        matches=former.matches.select(MATCHES.names).filter(pa.array(stands)).cast(MATCHES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """Pairs and what their comparison says."""

    pairs: Compared
    bits: Bits
    probability: Floats
    weight: Floats                           # bits
    model: Model

    def are_medium(self, *, merge: float) -> Bools:
        """Say of each pair whether it is merged: probable enough, and by more than its name."""
        if merge >= 1:                       # nothing is certain: only exact evidence merges
            return np.zeros(len(self.probability), dtype=bool)
        return (self.probability >= merge) & have_second_fact(self.pairs.levels)


def _weighed(model: Model, people: Portraits, pairs: Compared, *, review: float) -> _Weighed:
    """Return the pairs that reach the threshold, weighed."""
    bits = weigh(model, pairs.levels, rarities(model, people, pairs.left, pairs.levels))
    probability, weight = probabilities(model, bits)
    # A pair is judged by the digits that are kept of it: on the day it is weighed as ever after.
    probability = np.round(probability, DIGITS)
    kept = np.flatnonzero(probability >= review)
    return _Weighed(
        pairs=Compared(left=pairs.left[kept], right=pairs.right[kept], levels=pairs.levels[kept]),
        bits=Bits(stranger=bits.stranger[kept], household=bits.household[kept]), probability=probability[kept],
        weight=weight[kept], model=model,
    )


def _told(weighed: _Weighed, people: pa.Table, thresholds: Thresholds) -> _Told:
    """What a comparison says, as MATCHES."""
    source, profile = people["profile_source"], people["profile_id"]
    left, right = pa.array(weighed.pairs.left), pa.array(weighed.pairs.right)
    one, other = (source.take(left), profile.take(left)), (source.take(right), profile.take(right))
    is_first = pc.or_(pc.less(one[0], other[0]), pc.and_(pc.equal(one[0], other[0]), pc.less(one[1], other[1])))
    columns = {
        "left_source": pc.if_else(is_first, one[0], other[0]), "left_id": pc.if_else(is_first, one[1], other[1]),
        "right_source": pc.if_else(is_first, other[0], one[0]), "right_id": pc.if_else(is_first, other[1], one[1]),
        "probability": pa.array(weighed.probability).cast(pa.decimal128(9, DIGITS)),
        "weight": pa.array(np.round(weighed.weight, 3)).cast(pa.decimal128(9, 3)),
        "tier": pc.if_else(pa.array(weighed.are_medium(merge=thresholds.merge)), "medium", "low"),
        "evidence": _evidence(weighed),
    }
    return _Told(left=weighed.pairs.left, right=weighed.pairs.right, matches=pa.table(columns).cast(MATCHES))


def _evidence(weighed: _Weighed) -> pa.Array:
    """The evidence as JSON: against strangers or against a household, whichever was the likelier alternative."""
    bits, levels, model = weighed.bits, weighed.pairs.levels, weighed.model
    prior_stranger = np.log2(model.persons) - np.log2(1 - model.persons - model.households)
    prior_household = np.log2(model.persons) - np.log2(model.households)
    is_household = bits.household.sum(axis=1) + prior_household < bits.stranger.sum(axis=1) + prior_stranger
    said = np.where(is_household[:, None], bits.household, bits.stranger)
    against = pc.if_else(pa.array(is_household), "against one household", "against strangers")
    parts = [_item("prior", against, np.where(is_household, prior_household, prior_stranger))]
    for place, field in enumerate(FIELDS):
        outcome = pa.array([None, *COMPARED[field].outcomes]).take(pa.array(levels[:, place]))
        parts.append(_item(field, outcome, said[:, place]))
    joined = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return pc.binary_join_element_wise("[", joined, "]", "")


def _item(field: str, outcome: pa.Array, bits: Floats) -> pa.Array:
    number = pa.array(np.round(bits, 2) + 0.0).cast(pa.string())
    return pc.binary_join_element_wise(f'{{"field": "{field}", "outcome": "', outcome, '", "bits": ', number, "}", "")


def _compared(people: pa.Table, fingerprints: Ints) -> pa.Table:
    columns = [people["profile_source"], people["profile_id"], pa.array(fingerprints)]
    return pa.table(columns, COMPARED_PROFILES.names).cast(COMPARED_PROFILES)


def _founders(keys: pa.Array, persons: Separation) -> Ints:
    """A number for the oldest profile of each one's person, 0 for itself: who changes persons is compared anew."""
    founder = firsts(persons.person, count=persons.count)[persons.person]
    follower = np.flatnonzero(founder != np.arange(len(keys)))
    of, place = np.unique(founder[follower], return_inverse=True)
    marks = np.zeros(len(keys), dtype=np.int64)
    hashes = text_hashes(np.array(keys.take(pa.array(of)).to_pylist(), dtype=str), place=len(FIELDS))
    marks[follower] = hashes.view(np.int64)[place]
    return marks
