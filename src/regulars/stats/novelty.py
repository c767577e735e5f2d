"""Novelty: whether an effect wears off, or grows, with the time since a unit first met its variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from regulars.stats.compare import compare
from regulars.stats.effect import Effect
from regulars.stats.moments import Moments, moments_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """The effect in every period since exposure, and what it gains or loses from one period to the next."""

    effects: Effect                                    # (periods, variants - 1)
    trend: Effect                                      # (variants - 1,): change of the effect per unit of age


def period_moments(outcomes: ArrayLike, *, variant: ArrayLike, variants: int) -> Moments:
    """Moments whose columns are the periods since exposure, each unit's outcome in the first, the second, ...

    `outcomes` is (periods, units). Only units that were there for all periods belong in it: with those that came late
    the later periods would be of other units than the first, and the trend one of who they are.
    """
    periods = np.atleast_2d(np.asarray(outcomes, dtype=np.float64))
    found = moments_of(periods[0], covariates=list(periods[1:]), variant=variant, variants=variants)
    return Moments(units=found.units[0], sums=found.sums[0], products=found.products[0])


def novelty(moments: Moments, *, ages: Sequence[float] | None = None, control: int = 0) -> Novelty:
    """Effects by time since exposure, and their straight-line trend.

    The trend of a unit is the least-squares slope of its own outcomes over its ages; its mean is compared like that of
    any other metric. So the likeness of one unit's periods is in the variance without being modelled.

    Args:
        moments: (variants, strata) with one column per period, from `period_moments`.
        ages: When the periods are, by default 0, 1, 2, ...; their logarithms find what wears off early.
        control: Which variant is the control.

    A trend towards 0 is a novelty that wears off, one away from it is learning: see `infer` for its interval.
    Source: slopes as summary measures, Matthews, Altman, Campbell & Royston (1990).

    """
    periods = moments.sums.shape[-1]
    times = np.arange(periods, dtype=np.float64) if ages is None else np.asarray(ages, dtype=np.float64)
    if times.shape != (periods,) or len(np.unique(times)) < 2:
        raise ValueError(f"{periods} periods need as many ages, at least two of them different; got {times.tolist()}")
    centred = times - times.mean()
    slope = (centred / (centred**2).sum())[:, np.newaxis]
    each = np.eye(periods)
    effects = [compare(moments.combined(each[:, [period]]), control=control).effect for period in range(periods)]
    return Novelty(
        effects=Effect(
            value=np.stack([np.asarray(effect.value) for effect in effects]),
            variance=np.stack([np.asarray(effect.variance) for effect in effects]),
            degrees=np.stack([np.asarray(effect.degrees) for effect in effects]),
        ),
        trend=compare(moments.combined(slope), control=control).effect,
    )
