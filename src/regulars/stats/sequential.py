"""Asymptotic confidence sequences: an interval that holds at every look at once, however often people look.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", arXiv 2103.06476 (Annals of Statistics 2024). It holds for every metric whose effect is asymptotically
normal: proportion, mean, ratio, adjusted by a covariate or not. The price at the planned size is an interval 1.55
times as wide as that of a single look.
"""

import numpy as np

from regulars.stats import mixture
from regulars.stats.effect import Effect, Inference, Numbers
from regulars.stats.inference import Alternative
from regulars.stats.moments import Array
from regulars.stats.z_score import check_alpha, z_score


def confidence_sequence(
    effect: Effect,
    n: Numbers,
    *,
    planned: Numbers,
    alpha: Numbers = 0.05,
    alternative: Alternative = "two-sided",
    tuned_for: float = 0.05,
) -> Inference:
    """Interval and p-value that hold at all looks together, sharpest when `n` units have become `planned`.

    `n` and `planned` count units of the variant and its control together, and broadcast with the effect. `planned`
    and `tuned_for` must not follow from the data: they choose the sequence, and `alpha` only says where to cut it, so
    that an interval adjusted for selection (`multiplicity`) belongs to the same evidence. NaN where n is 0 or
    variance is missing.
    Raises ValueError unless planned is positive.
    """
    clock = information_clock(n, planned=planned, tuned_for=tuned_for, alternative=alternative)
    return mixture.infer(effect, clock, alpha=alpha, alternative=alternative)


def evidence(
    effect: Effect,
    n: Numbers,
    *,
    planned: Numbers,
    alternative: Alternative = "two-sided",
    tuned_for: float = 0.05,
) -> Array:
    """E-value against no effect: at least 1/alpha exactly when the confidence sequence at alpha excludes zero."""
    clock = information_clock(n, planned=planned, tuned_for=tuned_for, alternative=alternative)
    with np.errstate(over="ignore"):
        return np.exp(mixture.log_evidence(z_score(effect), clock, alternative=alternative))


def information_clock(
    n: Numbers, *, planned: Numbers, tuned_for: float = 0.05, alternative: Alternative = "two-sided"
) -> Array:
    """How far the mixture has come after `n` of `planned` units; NaN where n is 0.

    At the planned size it stands where the bound at level `tuned_for` is lowest: arXiv 2103.06476, equation for the
    optimal rho in its closed form, and twice the level for one side.
    """
    level = check_alpha(tuned_for if alternative == "two-sided" else 2 * tuned_for)
    if not np.all(np.asarray(planned) > 0):
        raise ValueError(f"planned is {planned}; give the number of units the experiment is to reach, as 20000")
    tail = -2 * np.log(level)
    share = np.asarray(n, dtype=np.float64) / np.asarray(planned, dtype=np.float64)
    return np.where(share > 0, share * (tail + np.log1p(tail)), np.nan)


def so_far(looks: Inference) -> Inference:
    """What all looks together say after each of them; looks are the last axis, oldest first.

    Every interval of a sequence holds at once, so their overlap does; the smallest p-value is a p-value. The overlap is
    NaN where it is empty: then the effect has changed in the meantime, or chance has broken its promise.
    """
    low = np.fmax.accumulate(np.asarray(looks.low), axis=-1)
    high = np.fmin.accumulate(np.asarray(looks.high), axis=-1)
    p = np.fmin.accumulate(np.asarray(looks.p), axis=-1)
    is_empty = low > high
    return Inference(
        value=looks.value, low=np.where(is_empty, np.nan, low), high=np.where(is_empty, np.nan, high), p=p
    )
