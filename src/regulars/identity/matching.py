"""Pairs of profiles that are likely one person, beyond what exact evidence joins: scored, explained, kept.

Every pair's score is a function of its two profiles and the model alone, so that a day scores only what changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.blocking import Blocks
from regulars.identity.comparison import COMPARED, Compared, have_second_fact
from regulars.identity.component import Conflict, Links
from regulars.identity.evidence import LIKELY
from regulars.identity.model import Bits, Model, probabilities, rarities, weigh
from regulars.identity.numbered import profile_keys, whole_numbers
from regulars.identity.portrait import FIELDS, Portraits, portraits, text_hashes
from regulars.identity.separation import Bools, Floats, Ints, Separation
from regulars.identity.training import learn

MATCHES = pa.schema([
    *((name, pa.string()) for name in ("left_source", "left_id", "right_source", "right_id")),
    ("probability", pa.decimal128(9, 6)), ("weight", pa.decimal128(9, 3)), ("tier", pa.string()),
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
    review: float                            # from which probability on a pair is in `matches`
    weighed: int = 0                         # pairs that had to be looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The pairs that reach the threshold of review, and what the next run will want to know."""

    pairs: Compared
    bits: Bits
    probability: Floats
    weight: Floats                           # bits
    model: Model
    fingerprints: Ints                       # of each profile
    scored: int                              # pairs that had to be looked at

    def are_medium(self, *, merge: float) -> Bools:
        """Say of each pair whether it is merged: probable enough, and by more than its name."""
        if merge >= 1:                       # nothing is certain: only exact evidence merges
            return np.zeros(len(self.probability), dtype=bool)
        return (self.probability >= merge) & have_second_fact(self.pairs.levels)


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
    fingerprints = whole.fingerprints() + marks + _founders(keys, persons.person)
    if former is None or not _still_holds(former, own.count, thresholds):
        model, pairs = learn(own, whole, persons=persons)
    else:
        model, pairs = former.model, _what_changed(former, whole, persons, keys, fingerprints)
    bits = weigh(model, pairs.levels, rarities(model, whole, pairs.left, pairs.levels))
    probability, weight = probabilities(model, bits)
    kept = np.flatnonzero(probability >= thresholds.review)
    return Scored(
        pairs=Compared(left=pairs.left[kept], right=pairs.right[kept], levels=pairs.levels[kept]),
        bits=Bits(stranger=bits.stranger[kept], household=bits.household[kept]),
        probability=probability[kept], weight=weight[kept], model=model, fingerprints=fingerprints,
        scored=len(pairs.left),
    )


def likely_links(scored: Scored, *, merge: float, persons: Separation, conflicts: Iterable[Conflict]) -> Links:
    """Return links between the profiles that are merged for their likeness.

    Whoever exact evidence pulls to two people waits for a person's word: likeness does not settle it.
    """
    is_pulled = np.zeros(persons.count, dtype=bool)
    pulled = np.array([profile for c in conflicts for profile in (c.profile, c.other)], dtype=np.int64)
    is_pulled[persons.person[pulled]] = True
    is_open = ~is_pulled[persons.person[scored.pairs.left]] & ~is_pulled[persons.person[scored.pairs.right]]
    chosen = np.flatnonzero(scored.are_medium(merge=merge) & is_open)
    return Links(
        left=scored.pairs.left[chosen], right=scored.pairs.right[chosen],
        kind=np.full(len(chosen), LIKELY, dtype=np.int64), group=np.arange(len(chosen)),
    )


def probability_of(scored: Scored, links: Links, *, count: int) -> Floats:
    """Return the probability of each link, NaN where it was not scored."""
    known = scored.pairs.left * count + scored.pairs.right           # left before right, and in order
    wanted = np.minimum(links.left, links.right) * count + np.maximum(links.left, links.right)
    at = np.searchsorted(known, wanted)
    found = np.append(scored.probability, np.nan)[at]
    return np.where(np.append(known, -1)[at] == wanted, found, np.nan)


def likeness(scored: Scored, people: pa.Table, *, thresholds: Thresholds) -> Likeness:
    """Return the scored pairs as tables."""
    compared = pa.table({
        "profile_source": people["profile_source"], "profile_id": people["profile_id"],
        "fingerprint": pa.array(scored.fingerprints),
    })
    return Likeness(
        model=scored.model, matches=_match_table(scored, people, merge=thresholds.merge),
        compared=compared.cast(COMPARED_PROFILES), review=thresholds.review, weighed=scored.scored,
    )


def _still_holds(former: Likeness, profiles: int, thresholds: Thresholds) -> bool:
    learned = former.model.profiles
    return abs(profiles - learned) <= GROWN * learned and former.review <= thresholds.review


def _what_changed(
    former: Likeness, whole: Portraits, persons: Separation, keys: pa.Array, fingerprints: Ints
) -> Compared:
    """Pairs with a new or changed profile, and those of the last run whose profiles are what they were."""
    at = pc.index_in(keys, profile_keys(former.compared["profile_source"], former.compared["profile_id"]))
    before = former.compared["fingerprint"].take(at).to_numpy(zero_copy_only=False)
    is_changed: Bools = ~(np.asarray(at.is_valid()) & (before == fingerprints))
    blocks = Blocks.of(whole, limits=former.model.limits)
    left, right = blocks.pairs(person=persons.person, among=is_changed)
    sides = [profile_keys(former.matches[f"{side}_source"], former.matches[f"{side}_id"]) for side in ("left", "right")]
    places = whole_numbers(pc.index_in(pa.concat_arrays(sides), keys).fill_null(-1))
    one, other = places[: len(former.matches)], places[len(former.matches) :]
    stands = (one >= 0) & (other >= 0)
    stands &= ~is_changed[one] & ~is_changed[other] & (persons.person[one] != persons.person[other])
    one, other = np.minimum(one[stands], other[stands]), np.maximum(one[stands], other[stands])
    # A block that grew too large since speaks for nobody any more.
    still = blocks.hold(one, other)
    left, right = np.concatenate([left, one[still]]), np.concatenate([right, other[still]])
    order = np.lexsort((right, left))
    return Compared.of(whole, left[order], right[order], persons=persons)


def _match_table(scored: Scored, people: pa.Table, *, merge: float) -> pa.Table:
    """The scored pairs as MATCHES, in the order of their keys."""
    source, profile = people["profile_source"], people["profile_id"]
    left, right = pa.array(scored.pairs.left), pa.array(scored.pairs.right)
    one, other = (source.take(left), profile.take(left)), (source.take(right), profile.take(right))
    is_first = pc.or_(pc.less(one[0], other[0]), pc.and_(pc.equal(one[0], other[0]), pc.less(one[1], other[1])))
    columns = {
        "left_source": pc.if_else(is_first, one[0], other[0]), "left_id": pc.if_else(is_first, one[1], other[1]),
        "right_source": pc.if_else(is_first, other[0], one[0]), "right_id": pc.if_else(is_first, other[1], one[1]),
        "probability": pa.array(np.round(scored.probability, 6)).cast(pa.decimal128(9, 6)),
        "weight": pa.array(np.round(scored.weight, 3)).cast(pa.decimal128(9, 3)),
        "tier": pc.if_else(pa.array(scored.are_medium(merge=merge)), "medium", "low"),
        "evidence": _told(scored),
    }
    return pa.table(columns).cast(MATCHES).sort_by([(name, "ascending") for name in MATCHES.names[:4]])


def _told(scored: Scored) -> pa.Array:
    """The evidence as JSON: against strangers or against a household, whichever was the likelier alternative."""
    bits, levels, model = scored.bits, scored.pairs.levels, scored.model
    prior_stranger = np.log2(model.persons) - np.log2(1 - model.persons - model.households)
    prior_household = np.log2(model.persons) - np.log2(model.households)
    is_household = bits.household.sum(axis=1) + prior_household < bits.stranger.sum(axis=1) + prior_stranger
    weighed = np.where(is_household[:, None], bits.household, bits.stranger)
    against = pc.if_else(pa.array(is_household), "against one household", "against strangers")
    parts = [_item("prior", against, np.where(is_household, prior_household, prior_stranger))]
    for place, field in enumerate(FIELDS):
        outcome = pa.array([None, *COMPARED[field].outcomes]).take(pa.array(levels[:, place]))
        parts.append(_item(field, outcome, weighed[:, place]))
    joined = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return pc.binary_join_element_wise("[", joined, "]", "")


def _item(field: str, outcome: pa.Array, bits: Floats) -> pa.Array:
    number = pa.array(np.round(bits, 2) + 0.0).cast(pa.string())
    return pc.binary_join_element_wise(f'{{"field": "{field}", "outcome": "', outcome, '", "bits": ', number, "}", "")


def _founders(keys: pa.Array, person: Ints) -> Ints:
    """A number for the oldest profile of each one's person, 0 for itself: who changes persons is compared anew."""
    founder = np.unique(person, return_index=True)[1][person]
    follower = np.flatnonzero(founder != np.arange(len(person)))
    of, place = np.unique(founder[follower], return_inverse=True)
    marks = np.zeros(len(person), dtype=np.int64)
    hashes = text_hashes(np.array(keys.take(pa.array(of)).to_pylist(), dtype=str), place=len(FIELDS))
    marks[follower] = hashes.view(np.int64)[place]
    return marks
