"""What the variants of a bandit are worth, with intervals that hold although the bandit chose whom to ask.

Raw means of a bandit are biased: a variant that begins unluckily is shown less, and stays underrated. Here every reward
is weighed by the chance with which its variant was shown, as logged at the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from regulars.stats.effect import Effect, Inference

Array = NDArray[np.float64]


def scores(rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike) -> Array:
    """Return one unbiased score of every variant for every reward.

    rewards: (..., T), in the order in which they came. variants: (..., T), the position of the variant shown.
    propensities: (..., T, K), the chance of every variant at that moment, as logged; each > 0.
    Returns (..., T, K): what was expected of the variant from the rewards before, corrected by the reward of the one
    that was shown.
    Raises ValueError for a propensity that is not a chance.
    Source: Hadad, Hirshberg, Zhan, Wager & Athey (2021), Confidence intervals for policy evaluation in adaptive
    experiments, PNAS 118(15), equation 5 (augmented inverse propensity weights).
    """
    y, shown, chance = _checked(rewards, variants, propensities)
    is_shown = shown[..., None] == np.arange(chance.shape[-1])
    own = np.where(is_shown, y[..., None], 0.0)
    before = np.cumsum(own, axis=-2) - own
    count = np.cumsum(is_shown, axis=-2) - is_shown
    expected = before / np.maximum(count, 1)
    score: Array = expected + is_shown * (y[..., None] - expected) / chance
    return score


def values(rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike) -> Effect:
    """Return what each variant is worth, (..., K), with its variance.

    Arguments and errors as of `scores`. Scores are weighed by the root of their propensity, so that no stretch in which
    a variant was hardly shown outweighs the rest.
    Source: Hadad et al. (2021), equations 6 to 8 and 13 (the constant allocation rate).
    """
    chance = np.asarray(propensities, dtype=np.float64)
    return _weighed(scores(rewards, variants, propensities), np.sqrt(chance))


def differences(
    rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike, *, control: int = 0
) -> Effect:
    """Return how much more each variant is worth than the control, (..., K); NaN for the control itself.

    Arguments and errors as of `scores`. The difference of two scores is weighed by the root of the inverse of its
    conditional variance, which makes it asymptotically normal whatever the bandit did.
    Source: Hadad et al. (2021), section on contrasts; Luedtke & van der Laan (2016), Annals of Statistics 44, for
    weights that stabilise the variance.
    """
    score, chance = scores(rewards, variants, propensities), np.asarray(propensities, dtype=np.float64)
    weights = 1 / np.sqrt(1 / chance + 1 / chance[..., control : control + 1])
    found = _weighed(score - score[..., control : control + 1], weights)
    is_other = np.arange(chance.shape[-1]) != control
    return Effect(value=np.where(is_other, found.value, np.nan), variance=np.where(is_other, found.variance, np.nan))


def infer(effect: Effect, *, alpha: float = 0.05) -> Inference:
    """Return the two-sided interval of an effect of this module, and the p-value against none.

    Holds for one look at a time set in advance; whoever watches all the time needs a confidence sequence.
    """
    deviation = np.sqrt(effect.variance)
    reach = -special.ndtri(alpha / 2) * deviation
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.ndtr(-np.abs(effect.value) / deviation)
    return Inference(value=effect.value, low=effect.value - reach, high=effect.value + reach, p=p)


def _weighed(score: Array, weights: Array) -> Effect:
    whole = weights.sum(axis=-2)
    value = (weights * score).sum(axis=-2) / whole
    variance = (weights**2 * (score - value[..., None, :]) ** 2).sum(axis=-2) / whole**2
    return Effect(value=value, variance=variance)


def _checked(
    rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike
) -> tuple[Array, NDArray[np.int64], Array]:
    y = np.asarray(rewards, dtype=np.float64)
    shown = np.asarray(variants, dtype=np.int64)
    chance = np.asarray(propensities, dtype=np.float64)
    if y.shape != shown.shape or chance.shape[:-1] != y.shape:
        raise ValueError(f"rewards {y.shape}, variants {shown.shape} and propensities {chance.shape} do not fit")
    if np.any(~(chance > 0)) or np.any(np.abs(chance.sum(axis=-1) - 1) > 1e-6):
        raise ValueError("propensities are above 0 and add up to 1: give the bandit a floor, and log what it used")
    if np.any((shown < 0) | (shown >= chance.shape[-1])):
        raise ValueError(f"a variant is a position below {chance.shape[-1]}")
    return y, shown, chance
