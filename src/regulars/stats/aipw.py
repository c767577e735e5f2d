"""What the variants of a bandit are worth, with intervals that hold although the bandit chose whom to ask.

Raw means of a bandit are biased: a variant that begins unluckily is shown less, and stays underrated. Here every reward
is weighed by the chance with which its variant was shown, as logged at the time. `regulars.stats.inference.infer` makes
intervals of the effects, which hold for one look at a time set in advance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regulars.stats.effect import Effect

Array = NDArray[np.float64]

_PRIOR_REWARDS = 100                         # of all variants together, that a variant's own variance begins with


def scores(rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike) -> Array:
    """Return one unbiased score of every variant for every reward.

    rewards: (..., T), in the order in which they came. variants: (..., T), the position of the variant shown.
    propensities: (..., T, K), the chance of every variant at that moment, as logged; each > 0.
    Returns (..., T, K): what was expected of the variant from the rewards before, corrected by the reward of the one
    that was shown.
    Raises ValueError for a propensity that is not a chance.
    Source: Hadad, Hirshberg, Zhan, Wager & Athey (2021), Confidence intervals for policy evaluation in adaptive
    experiments, PNAS 118(15) (augmented inverse propensity weights).
    """
    return _read(rewards, variants, propensities).scores


def values(rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike) -> Effect:
    """Return what each variant is worth, (..., K), with its variance.

    Arguments and errors as of `scores`. Scores are weighed by the root of their propensity, so that no stretch in which
    a variant was hardly shown outweighs the rest. Below a few hundred orders a variant, intervals hold the truth
    somewhat less often than they say (92 to 94 in 100): orders are rarer, and skewed, where a variant was hardly shown.
    Source: Hadad et al. (2021), the constant allocation rate; the variance is that of a score given the past, from the
    variances of rewards, which are moderated as in Smyth (2004), Statistical Applications in Genetics 3(1).
    """
    log = _read(rewards, variants, propensities)
    weights = np.sqrt(log.chance)
    whole = weights.sum(axis=-2)
    value = (weights * log.scores).sum(axis=-2) / whole
    surprise = log.surprise(value)
    given = log.spread(value)[..., None, :] / log.chance + (1 / log.chance - 1) * surprise**2
    return Effect(value=value, variance=(weights**2 * given).sum(axis=-2) / whole**2)


def differences(
    rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike, *, control: int = 0
) -> Effect:
    """Return how much more each variant is worth than the control, (..., K); NaN for the control itself.

    Arguments, errors and what few orders do as of `values`. The difference of two scores is weighed by the root of the
    inverse of its variance given the past, which makes it asymptotically normal whatever the bandit did.
    Source: Hadad et al. (2021), contrasts; Luedtke & van der Laan (2016), Annals of Statistics 44, for weights that
    stabilise the variance.
    """
    log, own = _read(rewards, variants, propensities), slice(control, control + 1)
    rarity = 1 / log.chance
    weights = 1 / np.sqrt(rarity + rarity[..., own])
    whole = weights.sum(axis=-2)
    value = (weights * (log.scores - log.scores[..., own])).sum(axis=-2) / whole
    worth = values(rewards, variants, propensities).value
    assert isinstance(worth, np.ndarray)
    spread, surprise = log.spread(worth)[..., None, :], log.surprise(worth)
    # The two scores pull against each other: only one variant is shown at a time.
    given = (
        spread * rarity + (spread * rarity)[..., own] + (rarity - 1) * surprise**2
        + ((rarity - 1) * surprise**2)[..., own] + 2 * surprise * surprise[..., own]
    )
    variance = (weights**2 * given).sum(axis=-2) / whole**2
    is_other = np.arange(log.chance.shape[-1]) != control
    return Effect(value=np.where(is_other, value, np.nan), variance=np.where(is_other, variance, np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Log:
    """A bandit's log: rewards (..., T, 1), the rest (..., T, K)."""

    rewards: Array
    is_shown: NDArray[np.bool_]
    chance: Array
    expected: Array                          # of the variant, from its rewards before

    @property
    def scores(self) -> Array:
        score: Array = self.expected + self.is_shown * (self.rewards - self.expected) / self.chance
        return score

    def surprise(self, value: Array) -> Array:
        """How far off expectations were."""
        return value[..., None, :] - self.expected

    def spread(self, value: Array) -> Array:
        """The variance of one reward around its variant's value, pulled a little towards that of all."""
        weights = self.is_shown / np.sqrt(self.chance)
        n = self.is_shown.sum(axis=-2)
        squares = (weights * (self.rewards - value[..., None, :]) ** 2).sum(axis=-2)
        own = squares / np.where(n > 0, weights.sum(axis=-2), 1.0)
        of_all = (n * own).sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True)
        moderated: Array = (n * own + _PRIOR_REWARDS * of_all) / (n + _PRIOR_REWARDS)
        return moderated


def _read(rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike) -> _Log:
    y = np.asarray(rewards, dtype=np.float64)
    shown = np.asarray(variants, dtype=np.int64)
    chance = np.asarray(propensities, dtype=np.float64)
    if y.shape != shown.shape or chance.shape[:-1] != y.shape:
        raise ValueError(f"rewards {y.shape}, variants {shown.shape} and propensities {chance.shape} do not fit")
    if np.any(~(chance > 0)) or np.any(np.abs(chance.sum(axis=-1) - 1) > 1e-6):
        raise ValueError("propensities are above 0 and add up to 1: give the bandit a floor, and log what it used")
    if np.any((shown < 0) | (shown >= chance.shape[-1])):
        raise ValueError(f"a variant is a position below {chance.shape[-1]}")
    is_shown = shown[..., None] == np.arange(chance.shape[-1])
    own = np.where(is_shown, y[..., None], 0.0)
    before = np.cumsum(own, axis=-2) - own
    count = np.cumsum(is_shown, axis=-2) - is_shown
    return _Log(rewards=y[..., None], is_shown=is_shown, chance=chance, expected=before / np.maximum(count, 1))
