"""Bandit: variants compared by the chances with which they were given, and the shares that new units get from now on.

An epoch is a stretch of equal chances. Who has a variant keeps it; only new units follow what was learnt.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regulars.experiments.outcome import SUMS
from regulars.stats import aipw
from regulars.stats.bandit import Posterior, thompson
from regulars.stats.compare import Comparison
from regulars.stats.effect import Effect

Floats = NDArray[np.float64]

PARTS = 10_000
"""Shares are whole hundredths of a percent, so that what is logged is exactly what units were given."""


@np.errstate(divide="ignore", invalid="ignore")
def weighed(sums: Floats, chances: Floats, *, control: int, has_denominator: bool) -> Comparison:
    """Return how far every variant is from the control, each unit weighed by the chance with which it got its variant.

    Args:
        sums: (days, variants, epochs, SUMS), the oldest epoch first; covariates are not used.
        chances: (epochs, variants), as logged.
        control: Which of the variants.
        has_denominator: A ratio is taken as the sum of what each unit adds to it (delta method).

    """
    at = {name: np.moveaxis(sums[..., n], -1, -2) for n, name in enumerate(SUMS)}      # (days, epochs, variants)
    n, y, yy = at["n"], at["y"], at["yy"]
    if not has_denominator:
        return aipw.compare(aipw.stretches(n, y, yy, None, chances), control=control)
    below = _levels(n, at["d"], at["dd"], chances)
    ratio = _levels(n, y, yy, chances) / below
    one, unit = ratio[..., None, :], below[..., None, :]
    squares = (yy - 2 * one * at["yd"] + one**2 * at["dd"]) / unit**2
    added = aipw.compare(aipw.stretches(n, (y - one * at["d"]) / unit, squares, None, chances), control=control)
    others = [variant for variant in range(n.shape[-1]) if variant != control]
    gap = ratio[..., others] - ratio[..., [control]]
    return Comparison(
        effect=_moved(added.effect, gap), control=_moved(added.control, ratio[..., [control]]),
        covariance=added.covariance, levels=_moved(added.levels, ratio),
    )


def next_shares(comparison: Comparison, *, control: int, floor: float) -> Floats | None:
    """Return the chance of each variant to be the best by the last day, none below `floor`; adding up to 1.

    None while a variant has shown no variance. Means are those of the differences, which are taken within epochs: the
    last of them had less time than the first, and a variant that many of its units got must not look worse for that.
    Source: Thompson (1933), by quadrature, see `regulars.stats.bandit`.
    """
    gaps, variance = np.asarray(comparison.effect.value)[-1], np.asarray(comparison.levels.variance)[-1]
    mean = np.insert(gaps, control, 0.0)
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(variance)) and np.all(variance > 0)):
        return None
    return _in_parts(thompson(Posterior(mean=mean, variance=variance), floor=floor))


def _in_parts(shares: Floats) -> Floats:
    """Round to whole parts by largest remainder."""
    exact = shares * PARTS
    whole = np.floor(exact + 1e-9)
    short = np.argsort(whole - exact, kind="stable")[: round(PARTS - whole.sum())]
    whole[short] += 1
    parts: Floats = whole / PARTS
    return parts


def _levels(n: Floats, total: Floats, squares: Floats, chances: Floats) -> Floats:
    return np.asarray(aipw.values(aipw.stretches(n, total, squares, None, chances)).value)


def _moved(effect: Effect, by: Floats) -> Effect:
    return Effect(value=np.asarray(effect.value) + by, variance=effect.variance)
