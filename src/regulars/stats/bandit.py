"""Thompson sampling without a draw: how likely each variant is the best, and the shares of traffic that follow.

Probabilities are integrals, computed by quadrature: the same numbers give the same shares, every time. A bandit sends
people where it pays; what the variants are worth is read from its log by `regulars.stats.aipw`, never from raw means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Standard deviations from each mean at which the integral is cut; beyond the last, less than 1e-18 of it lies.
_CUTS = np.array([-9.0, -6.0, -4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0, 6.0, 9.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What is believed of each variant's mean: normal, variants on the last axis, any axes before it."""

    mean: Array
    variance: Array                          # of the mean; > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of a variant's mean before any data; the default says nothing, with infinite variance."""

    mean: float = 0.0
    variance: float = np.inf


def posterior(n: ArrayLike, total: ArrayLike, squares: ArrayLike, *, prior: Prior | None = None) -> Posterior:
    """Return what is believed after data: `n` rewards that add up to `total`, their squares to `squares`.

    Arrays broadcast; variants are on the last axis. The variance of one reward is taken as the sample's.
    A variant with fewer than two rewards, or whose rewards are all equal, has an infinite variance unless the prior
    says more: nothing is known of it.
    Source: conjugate normal model with known variance, Gelman et al., Bayesian Data Analysis (2013), section 2.5.
    """
    prior = prior or Prior()
    n, total, squares = (np.asarray(each, dtype=np.float64) for each in (n, total, squares))
    if np.any(n < 0) or np.any(squares < 0):
        raise ValueError("counts and sums of squares are at least 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares - total**2 / n) / (n - 1)
        is_known = (n >= 2) & (variance > 0)
        precision = np.where(is_known, n / variance, 0.0)
        pulled = np.where(is_known, total / variance, 0.0)
        whole = precision + 1 / prior.variance
        mean = np.where(whole > 0, (pulled + prior.mean / prior.variance) / whole, prior.mean)
        return Posterior(mean=mean, variance=np.where(whole > 0, 1 / whole, np.inf))


def best_probabilities(beliefs: Posterior) -> Array:
    """Return how likely each variant has the highest mean; sums to 1 over the last axis.

    Shape of `beliefs`. Exact to 1e-9 for variances of any ratio.
    Source: Thompson (1933), Biometrika 25; the integral of a density times the other distribution functions, by
    composite Gauss-Legendre quadrature between points that every variant's own scale sets.
    """
    return _above(beliefs)[0]


def thompson(beliefs: Posterior, *, floor: float = 0.0) -> Array:
    """Return each variant's share of traffic: its chance to be the best, mixed with `floor` for everybody.

    Every share is at least `floor`, so that what is never shown can still be learnt and weighed later. While some
    variant's variance is infinite, all have equal shares.
    Raises ValueError for a floor outside [0, 1].
    Source: Thompson (1933); Russo et al. (2018), A Tutorial on Thompson Sampling.
    """
    return floored(best_probabilities(_settled(beliefs)), floor=floor)


def top_two(beliefs: Posterior, *, floor: float = 0.0) -> Array:
    """Return shares for finding the best variant soonest: half the chance to be among the best two.

    The second best is that of the same draw, so that shares have a closed form; half goes to the likely winner, half to
    its nearest rivals, and no variant is starved. `floor` and its errors are those of `thompson`.
    Source: Russo (2020), Simple Bayesian Algorithms for Best-Arm Identification, Operations Research 68, which draws
    again for the second best.
    """
    none_above, one_above = _above(_settled(beliefs))
    return floored((none_above + one_above) / 2, floor=floor)


def floored(shares: ArrayLike, *, floor: float) -> Array:
    """Return shares none of which is below `floor`: (1 - variants * floor) * share + floor.

    All are equal when the floor is so high that nothing is left to share out.
    Raises ValueError for a floor outside [0, 1].
    """
    if not 0 <= floor <= 1:
        raise ValueError(f"a floor of {floor} is no share: between 0 and 1")
    shares = np.asarray(shares, dtype=np.float64)
    variants = shares.shape[-1]
    if floor * variants >= 1:
        return np.full(shares.shape, 1 / variants)
    mixed: Array = (1 - floor * variants) * shares + floor
    return mixed


def _settled(beliefs: Posterior) -> Posterior:
    """Where something is not known at all, beliefs that are the same of every variant."""
    is_open = np.isinf(beliefs.variance).any(axis=-1, keepdims=True)
    return Posterior(mean=np.where(is_open, 0.0, beliefs.mean), variance=np.where(is_open, 1.0, beliefs.variance))


def _above(beliefs: Posterior) -> tuple[Array, Array]:
    """The chance that no other variant is higher, and that exactly one is."""
    mean, variance = np.broadcast_arrays(
        np.asarray(beliefs.mean, dtype=np.float64), np.asarray(beliefs.variance, dtype=np.float64)
    )
    if np.any(~(variance > 0)) or np.any(np.isinf(variance)):
        raise ValueError("every variance must be positive and finite")
    from scipy import special  # noqa: PLC0415  slow to import, and most runs shift no shares

    nodes, weights = special.roots_legendre(16)
    deviation = np.sqrt(variance)
    cuts = np.sort((mean[..., None] + deviation[..., None] * _CUTS).reshape(*mean.shape[:-1], -1), axis=-1)
    half = np.diff(cuts, axis=-1) / 2
    points = ((cuts[..., 1:] + cuts[..., :-1]) / 2)[..., None] + half[..., None] * nodes
    steps = (half[..., None] * weights).reshape(*mean.shape[:-1], 1, -1)
    z = (points.reshape(*mean.shape[:-1], 1, -1) - mean[..., None]) / deviation[..., None]
    mass = steps * np.exp(-(z**2) / 2) / (deviation[..., None] * np.sqrt(2 * np.pi))
    below = special.ndtr(z)                  # each variant's chance to lie under a point; variants, then points
    none, one = np.ones_like(z), np.zeros_like(z)
    for other in range(mean.shape[-1]):
        under = below[..., other : other + 1, :]
        is_other = (np.arange(mean.shape[-1]) != other)[:, None]
        one = np.where(is_other, one * under + none * (1 - under), one)
        none = np.where(is_other, none * under, none)
    return (none * mass).sum(axis=-1), (one * mass).sum(axis=-1)
