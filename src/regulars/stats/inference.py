"""Inference: the interval that holds an effect, and how surprising it would be if there were none."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from regulars.stats.effect import Effect, Inference, Numbers
from regulars.stats.moments import Array

Alternative = Literal["two-sided", "greater", "less"]
Law = Literal["t", "normal"]


def infer(
    effect: Effect, *, alpha: float = 0.05, alternative: Alternative = "two-sided", null: Numbers = 0.0, law: Law = "t"
) -> Inference:
    """Interval and p-value of an effect by Student's t with its degrees of freedom; infinite ones are the normal law.

    Args:
        effect: Value, variance, degrees and skew, of any shapes that broadcast.
        alpha: 1 less the confidence, in (0, 1).
        alternative: What would be news. One-sided intervals are open to that side, at the same confidence.
        null: The effect of no news; the margin of a test of non-inferiority goes here.
        law: `t` heeds the degrees of freedom; `normal` is the z test, whatever they are.

    Returns:
        NaN throughout where the variance is 0, negative or unknown: no data, no answer.
        p-values come from the tail itself and are right down to 1e-300, never 1 less a probability.

    Source: Student (1908); Welch (1947) where the degrees are his.

    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    value, variance, degrees, skew = np.broadcast_arrays(
        *(np.asarray(field, dtype=np.float64) for field in (effect.value, effect.variance, effect.degrees, effect.skew))
    )
    if law == "normal":
        degrees = np.full(degrees.shape, np.inf)
    usable = (variance > 0) & np.isfinite(variance) & np.isfinite(value) & (degrees > 0)
    known = np.where(usable, variance, np.nan)
    with np.errstate(divide="ignore"):
        # Where the skewness leaves the null no variance at all, it is out of the question.
        statistic = (value - null) / np.sqrt(np.maximum(known + skew * (null - value), 0.0))
    match alternative:
        case "two-sided":
            p = 2 * tail(np.abs(statistic), degrees)
            low, high = _ends(value, known, skew, bound=quantile(1 - alpha / 2, degrees))
        case "greater":
            p = tail(statistic, degrees)
            low, _ = _ends(value, known, skew, bound=quantile(1 - alpha, degrees))
            high = np.where(usable, np.inf, np.nan)
        case "less":
            p = tail(-statistic, degrees)
            _, high = _ends(value, known, skew, bound=quantile(1 - alpha, degrees))
            low = np.where(usable, -np.inf, np.nan)
    return Inference(value=np.where(usable, value, np.nan), low=low, high=high, p=p)


def _ends(value: Array, variance: Array, skew: Array, *, bound: Array) -> tuple[Array, Array]:
    """Return the truths that lie `bound` of their own standard errors from the value, below and above."""
    shift = bound**2 * skew / 2
    reach = np.sqrt(shift**2 + bound**2 * variance)
    return value + shift - reach, value + shift + reach


def tail(statistic: Array, degrees: Array) -> Array:
    """The probability beyond a statistic under Student's t, or the normal law for infinite degrees."""
    student = special.stdtr(np.where(np.isinf(degrees), 1.0, degrees), -statistic)
    beyond: Array = np.where(np.isinf(degrees), special.ndtr(-statistic), student)
    return beyond


def quantile(level: float, degrees: Array) -> Array:
    """The value that Student's t stays under with the probability `level`; the normal law for infinite degrees."""
    student = special.stdtrit(np.where(np.isinf(degrees), 1.0, degrees), level)
    value: Array = np.where(np.isinf(degrees), special.ndtri(level), student)
    return value
