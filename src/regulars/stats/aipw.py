"""What the variants of a bandit are worth, with intervals that hold although the bandit chose whom to ask.

Raw means of a bandit are biased: a variant that begins unluckily is shown less, and stays underrated. Here every reward
is weighed by the chance with which its variant was shown, as logged at the time. `regulars.stats.inference.infer` makes
intervals of the effects, which hold for one look at a time set in advance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regulars.stats.compare import Comparison
from regulars.stats.effect import Effect

Array = NDArray[np.float64]

_PRIOR_REWARDS = 50                          # of all variants together, that a variant's own variance begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A bandit's log in stretches of equal chances, the oldest first: arrays of (..., stretches, variants)."""

    n: Array                                 # rewards of the variant in the stretch
    total: Array                             # their sum, and those of their squares and cubes
    squares: Array
    cubes: Array | None                      # None: not known, and effects have no skew
    chance: Array                            # > 0, adding up to 1 over the variants
    expected: Array                          # of one reward of the variant, by what was known then

    @property
    def length(self) -> Array:
        """Return the rewards of each stretch, of all variants together: (..., stretches, 1)."""
        whole: Array = self.n.sum(axis=-1, keepdims=True)
        return whole


def read(rewards: ArrayLike, variants: ArrayLike, propensities: ArrayLike) -> Log:
    """Return the log of single rewards.

    rewards: (..., T), in the order in which they came. variants: (..., T), the position of the variant shown.
    propensities: (..., T, K), the chance of every variant at that moment, as logged; each > 0.
    Raises ValueError for a propensity that is not a chance, or arrays that do not fit.
    """
    y, chance = np.asarray(rewards, dtype=np.float64), np.asarray(propensities, dtype=np.float64)
    shown = np.asarray(variants, dtype=np.int64)
    if y.shape != shown.shape or chance.shape[:-1] != y.shape:
        raise ValueError(f"rewards {y.shape}, variants {shown.shape} and propensities {chance.shape} do not fit")
    if np.any((shown < 0) | (shown >= chance.shape[-1])):
        raise ValueError(f"a variant is a position below {chance.shape[-1]}")
    is_shown = (shown[..., None] == np.arange(chance.shape[-1])).astype(np.float64)
    total = is_shown * y[..., None]
    before, count = np.cumsum(total, axis=-2) - total, np.cumsum(is_shown, axis=-2) - is_shown
    return Log(
        n=is_shown, total=total, squares=total * y[..., None], cubes=total * y[..., None] ** 2,
        chance=_chances(chance), expected=before / np.maximum(count, 1),
    )


def stretches(
    n: ArrayLike, total: ArrayLike, squares: ArrayLike, cubes: ArrayLike | None, propensities: ArrayLike
) -> Log:
    """Return the log of long stretches with the same chances, as of a bandit that learns once a day, from their sums.

    All arrays: (..., stretches, K), the oldest stretch first. What is expected includes the stretch itself: within it
    rewards do not follow from each other, and the first has nothing before it.
    Raises ValueError for a propensity that is not a chance.
    """
    n, total, squares, chance = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64) for each in (n, total, squares, propensities))
    )
    known = np.cumsum(n, axis=-2)
    return Log(
        n=n, total=total, squares=squares, chance=_chances(chance),
        cubes=None if cubes is None else np.asarray(cubes, dtype=np.float64),
        expected=np.cumsum(total, axis=-2) / np.where(known > 0, known, 1.0),
    )


def scores(log: Log) -> Array:
    """Return one unbiased score of every variant for every stretch, the sum over its rewards: (..., stretches, K).

    It is what was expected of the variant, corrected by the rewards of those to whom it was shown.
    Source: Hadad, Hirshberg, Zhan, Wager & Athey (2021), Confidence intervals for policy evaluation in adaptive
    experiments, PNAS 118(15) (augmented inverse propensity weights).
    """
    score: Array = log.length * log.expected + (log.total - log.n * log.expected) / log.chance
    return score


def values(log: Log) -> Effect:
    """Return what each variant is worth, (..., K), with its variance.

    Scores are weighed by the root of their propensity, so that no stretch in which a variant was hardly shown outweighs
    the rest. Orders are rare where a variant was hardly shown, and a variant with too few seems both poor and sure of
    it: the variance therefore grows with the truth that is considered, by as much as the rewards' skewness says.
    Source: Hadad et al. (2021), the constant allocation rate; the variance is that of a score given the past, from the
    variances of rewards, which are moderated as in Smyth (2004), Statistical Applications in Genetics 3(1); Johnson
    (1978), JASA 73, for means of skewed variables, here with the variance of the truth considered as in Wilson (1927).
    """
    weights, length = np.sqrt(log.chance), log.length
    whole = (weights * length).sum(axis=-2)
    value = (weights * scores(log)).sum(axis=-2) / whole
    spread, tilt = _spread(log, value)
    given = spread[..., None, :] / log.chance + (1 / log.chance - 1) * (value[..., None, :] - log.expected) ** 2
    return Effect(
        value=value, variance=(weights**2 * length * given).sum(axis=-2) / whole**2,
        skew=tilt * length.sum(axis=-2) / whole**2,
    )


def compare(log: Log, *, control: int = 0) -> Comparison:
    """Return how much more each of the other variants is worth than the control, (..., K - 1), and the levels.

    The difference of two scores is weighed by the root of the inverse of its variance given the past, which makes it
    asymptotically normal whatever the bandit did. It is not quite the difference of the levels, which have weights of
    their own.
    Source: Hadad et al. (2021), contrasts; Luedtke & van der Laan (2016), Annals of Statistics 44, for weights that
    stabilise the variance; a difference's error is shared out between the two as in Miettinen & Nurminen (1985),
    Statistics in Medicine 4.
    """
    own, levels, rarity = slice(control, control + 1), values(log), 1 / log.chance
    level = np.asarray(levels.value)
    (spread, tilt), score = _spread(log, level), scores(log)
    surprise = level[..., None, :] - log.expected
    alone = spread[..., None, :] * rarity + (rarity - 1) * surprise**2
    # The two scores pull against each other: only one variant is shown at a time.
    pull = surprise * surprise[..., own]
    weights = 1 / np.sqrt(rarity + rarity[..., own])
    whole, squared = (weights * log.length).sum(axis=-2), weights**2 * log.length
    parts, base = (squared * rarity).sum(axis=-2) / whole**2, (squared * rarity[..., own]).sum(axis=-2) / whole**2
    mine, its = parts * spread, base * spread[..., own]
    share = mine / np.where(mine + its > 0, mine + its, 1.0)
    roots = np.sqrt(log.chance[..., own])
    covariance = (weights * roots * log.length * (alone[..., own] + pull)).sum(axis=-2) / whole
    others = [variant for variant in range(log.chance.shape[-1]) if variant != control]
    gaps = (weights * (score - score[..., own])).sum(axis=-2) / whole
    return Comparison(
        effect=Effect(
            value=gaps[..., others],
            variance=((squared * (alone + alone[..., own] + 2 * pull)).sum(axis=-2) / whole**2)[..., others],
            skew=(parts * tilt * share - base * tilt[..., own] * (1 - share))[..., others],
        ),
        control=Effect(**{
            name: np.asarray(getattr(levels, name))[..., own] for name in ("value", "variance", "skew")
        }),
        covariance=-(covariance / (roots * log.length).sum(axis=-2))[..., others],
        levels=levels,
    )


def _spread(log: Log, value: Array) -> tuple[Array, Array]:
    """The variance of one reward around its variant's value, pulled a little towards that of all; and its tilt.

    The tilt is by how much that variance was underrated for every unit by which the value was, which is the third
    moment over the second: both come from the same rewards.
    """
    weights, n = 1 / np.sqrt(log.chance), log.n.sum(axis=-2)
    count, total, squares = ((weights * each).sum(axis=-2) for each in (log.n, log.total, log.squares))
    shown = np.where(count > 0, count, 1.0)
    spread = _pulled((squares - 2 * value * total + value**2 * count) / shown, n)
    if log.cubes is None:
        return spread, np.zeros_like(spread)
    cubes = (weights * log.cubes).sum(axis=-2)
    third = _pulled((cubes - 3 * value * squares + 3 * value**2 * total - value**3 * count) / shown, n)
    # What others' rewards brought in follows from nothing that this variant's did.
    tilt: Array = third / np.where(spread > 0, spread, 1.0) * n / (n + _PRIOR_REWARDS)
    return spread, tilt


def _pulled(moment: Array, n: Array) -> Array:
    of_all = (n * moment).sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True)
    pulled: Array = (n * moment + _PRIOR_REWARDS * of_all) / (n + _PRIOR_REWARDS)
    return pulled


def _chances(chance: Array) -> Array:
    if np.any(~(chance > 0)) or np.any(np.abs(chance.sum(axis=-1) - 1) > 1e-6):
        raise ValueError("propensities are above 0 and add up to 1: give the bandit a floor, and log what it used")
    return chance
