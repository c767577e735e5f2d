"""Trials: invented experiments whose truth is known, a thousand runs at once, to see how often an analysis is right.

Every function gives runs as the metrics of one object, so that one call analyses them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regulars.stats.cluster import Totals
from regulars.stats.moments import Array, Moments, moments_of, share_moments


def share_trials(*, shares: Sequence[float], units: int, runs: int, rng: np.random.Generator) -> Moments:
    """Yes-or-no outcomes: one share for each variant, the control first, `units` in each; (runs, variants, 1)."""
    return share_moments(rng.binomial(units, shares, size=(runs, len(shares))), trials=units)


def sum_trials(*, units: int, runs: int, rng: np.random.Generator, effect: float = 0.0) -> Moments:
    """Amounts of which most are 0 and few are large, with last year's as covariate; two variants, (runs, 2, 1).

    A tenth buy; amounts are lognormal around 1, and last year's have a correlation of about 0.6 with them.
    """
    likes = rng.normal(size=(runs, 2 * units))
    variant = np.arange(2 * units) % 2
    buys = rng.random((runs, 2 * units)) < 0.1
    amount = np.exp(0.8 * likes + 0.6 * rng.normal(size=likes.shape) - 0.5) * buys * (1 + effect * variant)
    before = np.exp(0.8 * likes + 0.6 * rng.normal(size=likes.shape) - 0.5) * buys
    return moments_of(amount, covariates=[before], variant=variant, variants=2)


def visit_trials(*, units: int, runs: int, rng: np.random.Generator) -> Moments:
    """Orders per visit, with both of last year as covariates, in two strata of different habits; (runs, 2, 2)."""
    shape = (runs, 2 * units)
    variant, stratum = np.arange(2 * units) % 2, (np.arange(2 * units) // 2) % 2
    habit = np.exp(0.5 * rng.normal(size=shape) + stratum)
    share = rng.beta(2, 8, size=shape)
    visits, visits_before = 1 + rng.poisson(habit), 1 + rng.poisson(habit)
    return moments_of(
        rng.binomial(visits, share), denominators=visits, variant=variant, variants=2, stratum=stratum, strata=2,
        covariates=[rng.binomial(visits_before, share), visits_before],
    )


def household_trials(*, likeness: float, households: int, runs: int, rng: np.random.Generator) -> Totals:
    """Yes-or-no outcomes of members of households whose intraclass correlation is `likeness`; no effect.

    Households have 1 to 12 members, some three on average, and are given two variants by turns; a fifth says yes.
    """
    sizes = np.minimum(1 + rng.geometric(0.35, size=households), 12).astype(np.float64)
    return _alike(np.broadcast_to(sizes, (runs, households)), likeness=likeness, rng=rng)


def community_trials(
    *, likeness: float, communities: int, unlike: float, runs: int, rng: np.random.Generator
) -> Totals:
    """The same of circles of friends, of sizes as unlike as a lognormal law of this sigma makes them: 1 to hundreds."""
    return _alike(np.ceil(rng.lognormal(1.0, unlike, size=(runs, communities))), likeness=likeness, rng=rng)


def fading_trials(
    *, units: int, runs: int, periods: int, effect: float, fade: float, rng: np.random.Generator
) -> list[Array]:
    """Outcomes by period since exposure, alike within a unit; by run an array (periods, 2 units), variants by turns.

    The second variant's effect is `effect` in the first period and `fade` less in each that follows.
    """
    variant = np.arange(2 * units) % 2
    shift = (effect - fade * np.arange(periods))[:, np.newaxis] * variant
    return [
        rng.normal(size=2 * units) + 0.5 * rng.normal(size=(periods, 2 * units)) + shift for _ in range(runs)
    ]


def _alike(sizes: Array, *, likeness: float, rng: np.random.Generator) -> Totals:
    both = 1 / likeness - 1                            # of a beta law: likeness is 1 / (a + b + 1)
    own = rng.beta(0.2 * both, 0.8 * both, size=sizes.shape)
    outcomes = rng.binomial(sizes.astype(np.int64), own).astype(np.float64)
    return Totals(
        outcomes=outcomes, sizes=sizes, squares=outcomes.sum(axis=1), variant=np.arange(sizes.shape[1]) % 2, variants=2
    )
