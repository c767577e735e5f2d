"""Companions: who truly comes together, told from who merely comes at the same hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regulars.connections.co_presence import Arrivals, Numbers
from regulars.connections.interaction import (
    FAMILY_MEMBERSHIP,
    FREQUENT_GUEST,
    SAME_DAY_CHECKIN,
    SAME_PURCHASE_GROUP,
    SHARED_PASS,
)

LEAST_DAYS = 3
"""On how many different days two people must have been together before chance is asked at all."""

MANY = 1_000_000
"""Co-occurrences above which only those of pairs who were together on LEAST_DAYS days are written down: the others are
nine in ten, say nothing, and would be most of the lake. Three thousand people in one hour are 3.4 million."""

CROWDED = 400_000_000
"""Co-occurrences from which every doubling asks for one day more: by chance alone that many strangers met that often.
Of 1,400 million in 16 months, 36 million pairs were together on 3 days, 4.7 million on 5."""

HALF_LIFE = 180
"""Days after which an occasion says half as much of today. Being one family does not age."""

ZERO = date(2000, 1, 1)
"""The day on which an occasion of a tally counts once."""

LAST = 100_000
"""Days after ZERO from which on it counts no more: of a mistaken year the weight would be no number."""

WEIGHTS = {
    FAMILY_MEMBERSHIP: 8.0, SHARED_PASS: 4.0, FREQUENT_GUEST: 3.0, SAME_PURCHASE_GROUP: 2.0, SAME_DAY_CHECKIN: 1.0,
}
"""What one occasion of each type is worth."""

ERROR = 0.05
"""The chance that even one pair of strangers in the whole business is called companions."""

TIE = ibis.schema({
    "customer_id_1": "string", "customer_id_2": "string", "days_together": "int64", "led_by_1": "int64",
    "led_by_2": "int64", "passes_from_1": "int64", "passes_from_2": "int64", "is_family": "boolean", "last_day": "date",
    "recent_days": "float64", "recent_weight": "float64",
})
"""One row per pair: days together, on how many of them each came first, passes each gave the
other. `recent_days` are the days, `recent_weight` all other occasions by their weight, both less what age
takes from them."""

TALLY = ibis.schema({
    "customer_id_1": "string", "customer_id_2": "string", "days_together": "int64", "led_by_1": "int64",
    "led_by_2": "int64", "passes_from_1": "int64", "passes_from_2": "int64", "families": "int64", "last_day": "date",
    "day_weight": "float64", "other_weight": "float64",
})
"""One row per pair of TIE, before it is aged: a day together counts 1 on ZERO and twice that every HALF_LIFE later, so
that all pairs are aged by one factor. `families` are occasions, `other_weight` leaves them out."""

COMPANION = ibis.schema({
    "customer_id_1": "string", "customer_id_2": "string", "days_together": "int64", "expected_days": "float64",
    "lift": "float64", "p_value": "float64", "jaccard": "float64", "is_companion": "boolean", "is_family": "boolean",
    "led_by_1": "int64", "led_by_2": "int64", "passes_from_1": "int64", "passes_from_2": "int64", "last_day": "date",
    "tie": "float64",
})
"""One row per pair that was together on LEAST_DAYS days or has an interaction of another type.

`expected_days` is how many days together chance alone would give, `lift` how many times as many they were, `p_value`
the chance of so many or more; `jaccard` the share of both people's visit days that were common ones. They are missing
where there were fewer days. `is_companion`: chance is ruled out, for all pairs of the business at once. `tie` orders
the ties of one person: occasions by weight and age, days together beyond chance."""

Floats = npt.NDArray[np.float64]


def tallies(interactions: ir.Table) -> ir.Table:
    """Return TALLY of interactions (columns of INTERACTION): what does not change while a pair's interactions do not.

    Only pairs with LEAST_DAYS days together, or with an interaction of another type.
    """
    def count(holds: ir.Value) -> ir.Value:
        return interactions.count(where=holds.fill_null(False))

    kind, age = interactions.interaction_type, interactions.business_day.delta(ibis.literal(ZERO), unit="day")
    weight = ibis.literal(2.0) ** (ibis.least(age, LAST).cast("float64") / HALF_LIFE)
    is_day, is_pass = kind == SAME_DAY_CHECKIN, kind == SHARED_PASS
    by_1, by_2 = (interactions.leader_id == interactions[name] for name in ("customer_id_1", "customer_id_2"))
    ageing = {each: worth for each, worth in WEIGHTS.items() if each not in (SAME_DAY_CHECKIN, FAMILY_MEMBERSHIP)}
    worth = ibis.cases(*((kind == each, weight * worth) for each, worth in ageing.items()), else_=0.0)
    found = interactions.group_by("customer_id_1", "customer_id_2").agg(
        days_together=count(is_day), led_by_1=count(is_day & by_1), led_by_2=count(is_day & by_2),
        passes_from_1=count(is_pass & by_1), passes_from_2=count(is_pass & by_2),
        families=count(kind == FAMILY_MEMBERSHIP), others=count(~is_day), last_day=interactions.business_day.max(),
        day_weight=is_day.ifelse(weight, 0.0).sum(), other_weight=worth.sum(),
    )
    return found.filter((found.days_together >= LEAST_DAYS) | (found.others > 0)).select(*TALLY.names)


def ties(tallied: ir.Table, *, newest: date) -> ir.Table:
    """Return TIE of tallies (columns of TALLY), aged as of the newest day there is."""
    left = 0.5 ** (min((newest - ZERO).days, LAST) / HALF_LIFE)
    family = tallied.families * WEIGHTS[FAMILY_MEMBERSHIP]
    found = tallied.mutate(
        is_family=tallied.families > 0, recent_days=tallied.day_weight * left,
        recent_weight=tallied.other_weight * left + family,
    )
    return found.select(*TIE.names)


def least_days(co_occurrences: int) -> int:
    """Return on how many days two people must have been together to be written down, of so many pairs of check-ins."""
    if co_occurrences <= MANY:
        return 1
    return LEAST_DAYS + max(math.ceil(math.log2(co_occurrences / CROWDED)), 0)


def companions(pairs: pa.Table, visits: Arrivals) -> pa.Table:
    """Return COMPANION of ties (columns of TIE) against everybody's check-ins.

    Chance is a Poisson count. Of one person's check-ins while the other was a customer, each has a crowd around it, the
    check-ins of that half hour at that place; the other is in it as often as his share of all check-ins of his time
    says. Both people are asked, and the mean is what chance gives. The p-value is the upper tail.
    """
    from scipy import special  # noqa: PLC0415  slow to import, and most runs meet nobody anew

    habits = _Habits.of(visits)
    one, other = (_codes(pairs[name], visits.customers) for name in ("customer_id_1", "customer_id_2"))
    days = pairs["days_together"].to_numpy()
    is_asked = (days >= LEAST_DAYS) & (one >= 0) & (other >= 0)
    a, b, together = one[is_asked], other[is_asked], days[is_asked]
    expected = (habits.chance(a, b) + habits.chance(b, a)) / 2
    p_value = special.pdtrc(together - 1, expected)
    jaccard = together / (habits.visit_days[a] + habits.visit_days[b] - together)
    regulars = int((habits.visit_days >= LEAST_DAYS).sum())
    is_sure = p_value * (regulars * (regulars - 1) / 2) <= ERROR
    beyond = pairs["recent_days"].to_numpy()[is_asked] * np.maximum(1 - expected / together, 0)
    tie = pairs["recent_weight"].to_numpy() + _spread(beyond * WEIGHTS[SAME_DAY_CHECKIN], is_asked, missing=0.0)
    with np.errstate(divide="ignore"):
        measured = {
            "expected_days": expected, "lift": np.where(expected > 0, together / expected, np.nan), "p_value": p_value,
            "jaccard": jaccard,
        }
    columns = {name: pa.array(_spread(values, is_asked), from_pandas=True) for name, values in measured.items()}
    sure = np.zeros(len(days), dtype=bool)
    sure[is_asked] = is_sure
    columns |= {"is_companion": pa.array(sure), "tie": pa.array(tie)}
    own = {name: columns[name] if name in columns else pairs[name] for name in COMPANION.names}
    return pa.table(own).cast(COMPANION.to_pyarrow())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habits:
    """How often each customer comes, from when to when, and how full it is then."""

    visit_days: Numbers
    check_ins: Numbers
    first_day: Numbers
    last_day: Numbers
    share: Floats                            # of all check-ins between the first and the last day
    place: Numbers                           # customer and day of each check-in as one number, ascending
    crowd_until: Numbers                     # other check-ins around all of them up to there, running; one more at 0
    days: int                                # what a customer's code counts in `place`

    @classmethod
    def of(cls, visits: Arrivals) -> _Habits:
        """Return everybody's habits."""
        who, day = visits.customer[visits.order].astype(np.int64), visits.day[visits.order].astype(np.int64)
        low = int(day.min()) if len(day) else 0
        day, days = day - low, int(day.max() - low) + 1 if len(day) else 1
        first, last = day[visits.bounds[:-1]], day[visits.bounds[1:] - 1]
        until = np.r_[0, np.cumsum(np.bincount(day, minlength=days))]
        check_ins = np.diff(visits.bounds)
        return cls(
            visit_days=visits.visit_days, check_ins=check_ins, first_day=first, last_day=last,
            share=check_ins / np.maximum(until[last + 1] - until[first], 1), place=who * days + day,
            crowd_until=np.r_[0, np.cumsum(visits.crowd[visits.order])], days=days,
        )

    def chance(self, of: Numbers, other: Numbers) -> Floats:
        """Return how often `other` would be in the crowds around the check-ins of `of` if only chance led him there."""
        first = np.searchsorted(self.place, of * self.days + self.first_day[other], side="left")
        end = np.searchsorted(self.place, of * self.days + self.last_day[other], side="right")
        chance: Floats = (self.crowd_until[end] - self.crowd_until[first]) * self.share[other]
        return chance


def _codes(customers: pa.ChunkedArray, known: pa.Array) -> Numbers:
    """Return each customer's position among those known; -1 for who never came."""
    found: Numbers = pc.fill_null(pc.index_in(customers, value_set=known), -1).to_numpy().astype(np.int64)
    return found


def _spread(values: Floats, where: npt.NDArray[np.bool_], *, missing: float = np.nan) -> Floats:
    """Return values at the places where something holds, and what is missing elsewhere."""
    whole = np.full(len(where), missing)
    whole[where] = values
    return whole
