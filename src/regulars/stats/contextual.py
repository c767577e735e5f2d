"""Thompson sampling that knows whom it talks to: a linear model a variant, and shares of each person's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regulars.stats.bandit import Posterior, best_probabilities, floored

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModels:
    """Sums from which a linear model of every variant is read; sums of two logs are added to join them.

    Of K variants and D features: gram (K, D, D) and pull (K, D) are sums of x x' and x y, squares (K,) of y², and count
    (K,) is how many rewards there are. Whoever wants an intercept gives a feature that is always 1.
    """

    gram: Array
    pull: Array
    squares: Array
    count: Array


def learn(contexts: ArrayLike, variants: ArrayLike, rewards: ArrayLike, *, of: int) -> LinearModels:
    """Return the models' sums over a log: contexts (N, D), variants (N,) positions below `of`, rewards (N,).

    Raises ValueError for shapes that do not fit.
    """
    x, y = np.asarray(contexts, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
    shown = np.asarray(variants, dtype=np.int64)
    if x.ndim != 2 or y.shape != x.shape[:1] or shown.shape != y.shape or np.any((shown < 0) | (shown >= of)):
        raise ValueError(f"contexts {x.shape}, variants {shown.shape} below {of} and rewards {y.shape} do not fit")
    own = (shown[:, None] == np.arange(of)).astype(np.float64)
    return LinearModels(
        gram=np.einsum("nk,ni,nj->kij", own, x, x, optimize=True),
        pull=np.einsum("nk,ni,n->ki", own, x, y, optimize=True),
        squares=own.T @ y**2,
        count=own.sum(axis=0),
    )


def joined(first: LinearModels, second: LinearModels) -> LinearModels:
    """Return the sums over two logs together."""
    return LinearModels(
        gram=first.gram + second.gram, pull=first.pull + second.pull, squares=first.squares + second.squares,
        count=first.count + second.count,
    )


def beliefs(models: LinearModels, contexts: ArrayLike, *, ridge: float = 1.0) -> Posterior:
    """Return what is believed of each variant's mean reward for each context: contexts (N, D) -> (N, K).

    `ridge` is the weight of the prior that no feature matters, in rewards. The variance of a reward is estimated over
    all variants; it is 1 until there are more rewards than coefficients.
    Source: Agrawal & Goyal (2013), Thompson Sampling for Contextual Bandits with Linear Payoffs, ICML; Riquelme, Tucker
    & Snoek (2018), Deep Bayesian Bandits Showdown (the linear model).
    """
    x = np.asarray(contexts, dtype=np.float64)
    inverse = np.linalg.inv(models.gram + ridge * np.eye(x.shape[1]))
    slopes = np.einsum("kij,kj->ki", inverse, models.pull)
    spread = np.einsum("ni,kij,nj->nk", x, inverse, x, optimize=True)
    return Posterior(mean=x @ slopes.T, variance=_noise(models, slopes) * spread)


def propensities(models: LinearModels, contexts: ArrayLike, *, floor: float, ridge: float = 1.0) -> Array:
    """Return each context's share of every variant, (N, K), to be logged with the choice; none below `floor`.

    The floor has no default: without one the log can never be weighed. Raises ValueError for one outside (0, 1].
    Source: as of `beliefs`; the chance to be the best in closed form, by quadrature.
    """
    if not floor > 0:
        raise ValueError("a contextual bandit needs a floor above 0, such as 0.05")
    return floored(best_probabilities(beliefs(models, contexts, ridge=ridge)), floor=floor)


def choose(shares: ArrayLike, places: ArrayLike) -> NDArray[np.int64]:
    """Return the position of a variant for each row of shares (N, K), by a place in [0, 1) of each unit's own (N,).

    A place that is a hash of the unit makes the choice sticky while shares stay.
    """
    edges = np.cumsum(np.asarray(shares, dtype=np.float64), axis=-1)[..., :-1]
    chosen: NDArray[np.int64] = (np.asarray(places, dtype=np.float64)[..., None] >= edges).sum(axis=-1)
    return chosen


def _noise(models: LinearModels, slopes: Array) -> float:
    """The variance of a reward around the models, over all variants."""
    left = models.squares - 2 * (slopes * models.pull).sum(axis=-1)
    left = left + np.einsum("ki,kij,kj->k", slopes, models.gram, slopes)
    degrees = models.count.sum() - slopes.size
    return float(left.sum() / degrees) if degrees > 0 and left.sum() > 0 else 1.0
