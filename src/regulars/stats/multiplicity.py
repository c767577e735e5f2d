"""Many questions at once: which answers stand when every metric, variant and segment was asked.

Each function corrects the last axis as one family and leaves out what is NaN. Beside what is rejected it gives the
level at which to draw the intervals, so that intervals and verdicts tell the same story.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from regulars.stats.effect import Numbers
from regulars.stats.moments import Array
from regulars.stats.z_score import check_alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is left of a family of answers, in its order.

    `p` is adjusted: rejected exactly where p <= alpha; NaN where nothing was asked. `interval_alpha` is the level for
    the interval of each answer; what it promises is said by the function.
    """

    is_rejected: NDArray[np.bool_]
    p: Array
    interval_alpha: Array


def holm(p: Array, *, alpha: float = 0.05) -> Correction:
    """Let even one wrong rejection happen with a chance of at most alpha, under any dependence.

    The intervals are Bonferroni's and hold all together with 1 - alpha. They may touch zero for what Holm rejects in
    its later steps: no short intervals that follow him are known.
    Source: Holm (1979), Scandinavian Journal of Statistics 6.
    """
    ranked, back, asked = _ranked(p)
    steps = np.maximum(asked - np.arange(ranked.shape[-1]), 1)
    adjusted = np.minimum(1.0, np.fmax.accumulate(ranked * steps, axis=-1))
    level = np.broadcast_to(float(check_alpha(alpha)) / np.maximum(asked, 1), ranked.shape)
    return _in_order(np.where(np.isnan(ranked), np.nan, adjusted), back, alpha, level)


def benjamini_hochberg(p: Array, *, alpha: float = 0.05) -> Correction:
    """Keep the expected share of wrong rejections among all at alpha, for independent or positively dependent tests.

    Intervals of rejected answers exclude zero exactly, and on average at most alpha of them miss their effect. For
    looks that are repeated, or dependence of any kind, use `e_bh`.
    Sources: Benjamini and Hochberg (1995), JRSS B 57; Benjamini and Yekutieli (2005), JASA 100, for the intervals.
    """
    ranked, back, asked = _ranked(p)
    steps = asked / np.arange(1, ranked.shape[-1] + 1)
    adjusted = np.minimum(1.0, np.flip(np.fmin.accumulate(np.flip(ranked * steps, -1), axis=-1), -1))
    return _in_order(np.where(np.isnan(ranked), np.nan, adjusted), back, alpha, _selected_level(adjusted, asked, alpha))


def e_bh(e: Array, *, alpha: float = 0.05) -> Correction:
    """Keep the expected share of wrong rejections at alpha under any dependence, and whenever anybody decides to stop.

    `e` are e-values: `sequential.evidence`, `bayes.bayes_factor`, `from_p`. Draw the intervals with the same
    confidence sequence at `interval_alpha`: those of rejected answers exclude zero exactly, and on average at most
    alpha of them miss.
    Sources: Wang and Ramdas, arXiv 2009.02824 (JRSS B 2022); Xu, Wang and Ramdas, arXiv 2203.12572, for the
    intervals.
    Raises ValueError for a negative e-value.
    """
    evidence = np.asarray(e, dtype=np.float64)
    if np.any(evidence < 0):
        raise ValueError("an e-value is negative; evidence is 0 or more, and 1 before anything is known")
    with np.errstate(divide="ignore"):
        return benjamini_hochberg(1 / evidence, alpha=alpha)


def from_p(p: Numbers, *, power: float | None = None) -> Array:
    """Turn a p-value of one look into an e-value, which is weaker: 20 asks for a p of about .0016.

    With `power` between 0 and 1 the calibrator is power * p ** (power - 1): sharp for one strength of evidence.
    Without, it is the mean of them all. A p of 0 becomes infinite evidence.
    Sources: Shafer, Shen, Vereshchagin and Vovk (2011), Statistical Science 26; Vovk and Wang, arXiv 1912.06116.
    """
    value = np.asarray(p, dtype=np.float64)
    if np.any((value < 0) | (value > 1)):
        raise ValueError("a p-value is outside 0 to 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        if power is not None:
            if not 0 < power < 1:
                raise ValueError(f"power is {power}; it lies between 0 and 1, as 0.5")
            return np.asarray(power * value ** (power - 1))
        mean = (1 - value + xlogy(value, value)) / (value * np.log(value) ** 2)
        # Both ends are limits: 1/2 at p = 1, where the quotient is 0/0 and cancels nearby, and infinity at 0.
        near_one = 0.5 + (1 - value) / 6
        return np.where(value == 0, np.inf, np.where(value > 1 - 1e-4, near_one, mean))


def _ranked(p: Array) -> tuple[Array, NDArray[np.intp], Array]:
    """Return p in increasing order with NaN last, the way back to their order, and how many there are."""
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    order = np.argsort(values, axis=-1, kind="stable")
    asked = np.sum(~np.isnan(values), axis=-1, keepdims=True).astype(np.float64)
    return np.take_along_axis(values, order, axis=-1), np.argsort(order, axis=-1, kind="stable"), asked


def _selected_level(adjusted: Array, asked: Array, alpha: float) -> Array:
    selected = np.sum(adjusted <= check_alpha(alpha), axis=-1, keepdims=True)
    level = alpha * np.maximum(selected, 1) / np.maximum(asked, 1)
    return np.broadcast_to(level, adjusted.shape)


def _in_order(adjusted: Array, back: NDArray[np.intp], alpha: float, level: Array) -> Correction:
    p = np.take_along_axis(adjusted, back, axis=-1)
    return Correction(is_rejected=p <= alpha, p=p, interval_alpha=np.where(np.isnan(p), np.nan, level))
