"""Which variant the others get: the one that did best in a test, if that was no chance and nobody was driven away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from regulars.stats.compare import compare
from regulars.stats.inference import infer
from regulars.stats.moments import Moments
from regulars.stats.tables import Shares, compare_shares

ALPHA = 0.05
"""Of all pairs of variants together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the people did who got a variant in a test."""

    variant: str
    people: int                              # who were sent to
    did: int                                 # of them, what the winner is told by
    left: int                                # of them, who opted out
    value: float | None = None               # minor units, all together; null: people count, not money
    squares: float = 0.0                     # of each person's value, all together

    @property
    def score(self) -> float:
        """Return what variants are ranked by: a share of the people, or minor units a person."""
        if not self.people:
            return 0.0
        return (self.did if self.value is None else self.value) / self.people


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a test says."""

    leading: str | None                      # null: several did alike
    is_clear: bool                           # more than chance, and nobody is driven away
    reason: str


def choose(tested: Sequence[Tally]) -> Choice:
    """Return which variant leads, and whether it may be sent without asking anybody.

    It leads clearly if it beats each other one at ALPHA, shared among all pairs, and does not lose more people than any
    of them by the same measure of chance.
    """
    told = sorted(tested, key=lambda one: (-one.score, one.variant))
    if len(told) < 2 or not all(one.people for one in told):
        return Choice(leading=None, is_clear=False, reason="not every variant was sent")
    first, *others = told
    if first.score == others[0].score:
        said = "nobody did it" if first.score == 0 else "they did alike"
        return Choice(leading=None, is_clear=False, reason=said)
    alpha = ALPHA / len(list(combinations(told, 2)))
    if any(_p_of_leaving(first, other) < alpha and _leaves(first) > _leaves(other) for other in others):
        return Choice(leading=None, is_clear=False, reason=f"{first.variant} does best and drives people away")
    if all(_p(first, other) < alpha for other in others):
        return Choice(leading=first.variant, is_clear=True, reason=f"{first.variant} does best")
    return Choice(leading=first.variant, is_clear=False, reason=f"{first.variant} leads; that may be chance")


def _p(one: Tally, other: Tally) -> float:
    if one.value is None or other.value is None:
        return _p_of_shares(one.did, one.people, other.did, other.people)
    pair = (one, other)
    told = infer(compare(Moments(
        units=np.array([[float(each.people)] for each in pair]),
        sums=np.array([[[each.value]] for each in pair], np.float64),
        products=np.array([[[[each.squares]]] for each in pair]),
    )).effect)
    return _number(told.p)


def _p_of_leaving(one: Tally, other: Tally) -> float:
    return _p_of_shares(one.left, one.people, other.left, other.people)


def _leaves(one: Tally) -> float:
    return one.left / one.people


def _p_of_shares(did: int, of: int, others: int, of_others: int) -> float:
    numbers = (np.array(float(each)) for each in (others, of_others, did, of))
    successes, trials, own, of_own = numbers
    return _number(compare_shares(Shares(
        control_successes=successes, control_trials=trials, variant_successes=own, variant_trials=of_own
    )).p)


def _number(p: object) -> float:
    """Return a p-value; 1 where the data cannot answer, so that nothing follows from it."""
    value = float(np.asarray(p, np.float64).ravel()[0])
    return 1.0 if np.isnan(value) else value
