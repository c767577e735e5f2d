"""Pairs of profiles that are likely one person, beyond what exact evidence joins: scored, explained, kept.

Every pair's score is a function of its two profiles and the model alone, so that a day scores only what changed
(`day`), and takes over what the day before told of all other pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.comparison import (
    COMPARED,
    Compared,
    are_different,
    have_only_name,
    have_own_fact,
    have_second_fact,
)
from regulars.identity.component import Conflict, Links
from regulars.identity.evidence import LIKELY
from regulars.identity.handed_down import are_handed_down
from regulars.identity.model import Bits, Model, as_own_words, probabilities, rarities, weigh
from regulars.identity.namesake import assured
from regulars.identity.portrait import FIELDS, Portraits
from regulars.identity.seen import Seen
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
the name agrees; `name` where only the name is known, and it would be enough if nobody else is known by it (see
`namesake`); else `low`; evidence is a JSON list of {field, outcome, bits}, the prior first, whose bits add up to
the weight but for the less likely alternative.
"""

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
    compared: pa.Table                       # seen.COMPARED_PROFILES
    thresholds: Thresholds                   # from which on a pair is in `matches`, and is of the medium tier
    seen: pa.Table | None = None             # those rows of `compared` that a day made anew; None: all
    weighed: int = 0                         # pairs that had to be looked at

    def still_holds(self, profiles: int, thresholds: Thresholds) -> bool:
        """Say whether a day may go on from here: about as many profiles, and every pair that is shown was kept."""
        learned = self.model.profiles
        return abs(profiles - learned) <= GROWN * learned and self.thresholds.review <= thresholds.review


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The pairs that reach the threshold of review, and what the next run needs."""

    left: Ints                               # number of a profile
    right: Ints                              # number of a profile
    probability: Floats                      # to six digits, as in `matches`
    is_medium: Bools                         # whether the pair is merged
    is_name: Bools                           # whether it is if nobody else is known by that name
    likeness: Likeness

    def among(self, chosen: Ints, *, count: int) -> Scored:
        """Return the pairs of the chosen profiles of `count`, by their places among these, left before right."""
        place = np.full(count, -1)
        place[chosen] = np.arange(len(chosen))
        one, other = place[self.left], place[self.right]
        left, right = np.minimum(one, other), np.maximum(one, other)
        rows = np.flatnonzero(left >= 0)
        rows = rows[np.lexsort((right[rows], left[rows]))]
        return replace(
            self, left=left[rows], right=right[rows], probability=self.probability[rows],
            is_medium=self.is_medium[rows], is_name=self.is_name[rows],
        )


def score(seen: Seen, *, thresholds: Thresholds) -> Scored:
    """Learn from all profiles and score the pairs that exact evidence leaves open; profiles are numbered by age."""
    model, pairs = learn(seen.own, seen.whole, persons=seen.persons)
    told = Told.of(model, seen.whole, pairs, people=seen.people, thresholds=thresholds)
    return told.scored(Likeness(
        model=model, matches=told.matches, compared=seen.remembered(), thresholds=thresholds, weighed=len(pairs.left)
    ))


def likely_links(scored: Scored, *, persons: Separation, conflicts: Iterable[Conflict], chosen: Bools) -> Links:
    """Return links between the chosen pairs of profiles, which are merged for their likeness.

    Whoever exact evidence pulls to two people waits for a person's word: likeness does not settle it.
    """
    is_pulled = np.zeros(persons.count, dtype=bool)
    pulled = np.array([profile for c in conflicts for profile in (c.profile, c.other)], dtype=np.int64)
    is_pulled[persons.person[pulled]] = True
    is_open = ~is_pulled[persons.person[scored.left]] & ~is_pulled[persons.person[scored.right]]
    rows = np.flatnonzero(chosen & is_open)
    return Links(
        left=scored.left[rows], right=scored.right[rows], kind=np.full(len(rows), LIKELY, dtype=np.int64),
        group=np.arange(len(rows)),
    )


def probability_of(scored: Scored, links: Links, *, count: int) -> Floats:
    """Return the probability of each link, NaN where it was not scored."""
    known = scored.left * count + scored.right           # left before right, and in order
    wanted = np.minimum(links.left, links.right) * count + np.maximum(links.left, links.right)
    at = np.searchsorted(known, wanted)
    found = np.append(scored.probability, np.nan)[at]
    return np.where(np.append(known, -1)[at] == wanted, found, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Pairs of profiles by number, and what is told of each."""

    left: Ints
    right: Ints
    matches: pa.Table                        # MATCHES

    @classmethod
    def of(
        cls, model: Model, portraits: Portraits, pairs: Compared, *, people: pa.Table, thresholds: Thresholds
    ) -> Told:
        """Return what the model says of compared pairs, as far as they reach the threshold of review."""
        return _told(_weighed(model, portraits, pairs, review=thresholds.review), people, thresholds)

    @classmethod
    def joined(cls, parts: Sequence[Told]) -> Told:
        """Return the pairs of all parts."""
        return cls(
            left=np.concatenate([part.left for part in parts]), right=np.concatenate([part.right for part in parts]),
            matches=pa.concat_tables([part.matches for part in parts]),
        )

    def scored(self, likeness: Likeness) -> Scored:
        """Return the pairs as they are judged."""
        return Scored(
            left=self.left, right=self.right, probability=kept_probabilities(self.matches), likeness=likeness,
            is_medium=pc.equal(self.matches["tier"], "medium").to_numpy(),
            is_name=pc.equal(self.matches["tier"], "name").to_numpy(),
        )


def kept_probabilities(matches: pa.Table) -> Floats:
    """Return the probabilities as the table has them, whatever decimals lose on the way to numbers."""
    found: Floats = np.round(matches["probability"].cast(pa.float64()).to_numpy(), DIGITS)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """Pairs and what their comparison says."""

    pairs: Compared
    bits: Bits
    probability: Floats
    weight: Floats                           # bits
    model: Model
    is_handed_down: Bools                    # whether two of one family bear the name of either

    def tiers(self, *, merge: float) -> pa.Array:
        """Return the tier of each pair: by how probable it is, and by more than its name."""
        levels = self.pairs.levels
        # Nothing is certain: where 1 is asked for only exact evidence merges.
        decides = {"first_name": self.model.trusts("first_name"), "birthday": self.model.births_decide}
        trusted = [field for field, holds in decides.items() if holds]
        may_be = (merge < 1) & ~are_different(levels, by=trusted)
        may_be &= ~self.is_handed_down | have_own_fact(levels)
        sure = have_second_fact(levels, births_decide=self.model.births_decide)
        is_medium = may_be & (self.probability >= merge) & sure
        is_name = may_be & (assured(self.probability) >= merge) & have_only_name(levels)
        return pa.array(np.select([is_medium, is_name], ["medium", "name"], "low"))


def _weighed(model: Model, people: Portraits, pairs: Compared, *, review: float) -> _Weighed:
    """Return the pairs that reach the threshold, weighed."""
    levels = as_own_words(model, people, pairs.left, pairs.right, pairs.levels)
    bits = weigh(model, levels, rarities(model, people, pairs.left, levels))
    probability, weight = probabilities(bits)
    # A pair is judged by the digits that are kept of it: on the day it is weighed as ever after.
    probability = np.round(probability, DIGITS)
    kept = np.flatnonzero(probability >= review)
    left, right = (are_handed_down(model.handed_down, people, side[kept]) for side in (pairs.left, pairs.right))
    return _Weighed(
        pairs=Compared(left=pairs.left[kept], right=pairs.right[kept], levels=levels[kept]),
        bits=bits.of(kept), probability=probability[kept], weight=weight[kept], model=model,
        is_handed_down=left | right,
    )


def _told(weighed: _Weighed, people: pa.Table, thresholds: Thresholds) -> Told:
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
        "tier": weighed.tiers(merge=thresholds.merge),
        "evidence": _evidence(weighed),
    }
    return Told(left=weighed.pairs.left, right=weighed.pairs.right, matches=pa.table(columns).cast(MATCHES))


def _evidence(weighed: _Weighed) -> pa.Array:
    """The evidence as JSON: against strangers or against a household, whichever was the likelier alternative."""
    bits, levels = weighed.bits, weighed.pairs.levels
    against_household, against_strangers = bits.household.sum(axis=1), bits.stranger.sum(axis=1)
    is_household = against_household + bits.before_household < against_strangers + bits.before_stranger
    said = np.where(is_household[:, None], bits.household, bits.stranger)
    against = pc.if_else(pa.array(is_household), "against one household", "against strangers")
    before = np.where(is_household, bits.before_household, bits.before_stranger)
    parts = [_item("prior", against, before)]
    for place, field in enumerate(FIELDS):
        outcome = pa.array([None, *COMPARED[field].outcomes]).take(pa.array(levels[:, place]))
        parts.append(_item(field, outcome, said[:, place]))
    joined = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return pc.binary_join_element_wise("[", joined, "]", "")


def _item(field: str, outcome: pa.Array, bits: Floats) -> pa.Array:
    number = pa.array(np.round(bits, 2) + 0.0).cast(pa.string())
    return pc.binary_join_element_wise(f'{{"field": "{field}", "outcome": "', outcome, '", "bits": ', number, "}", "")
