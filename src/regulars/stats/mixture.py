"""The normal mixture: evidence against no effect that may be looked at after every single customer.

The likelihood ratio of "the effect is drawn from N(0, clock x variance)" against "there is no effect" is, without an
effect, a martingale that starts at 1; it ever reaches 1/alpha with a chance of at most alpha (Ville, 1939). The
`clock` says how far the experiment has come: it grows with the information, and a rule is sharpest where it is about
8.
"""

import numpy as np

from regulars.stats.effect import Effect, Inference, Numbers
from regulars.stats.inference import Alternative
from regulars.stats.moments import Array
from regulars.stats.z_score import check_alpha, standard_error, within, z_score


def log_evidence(z: Numbers, clock: Numbers, *, alternative: Alternative = "two-sided") -> Array:
    """Natural logarithm of the e-value of a z-score; -inf where nothing at all speaks for a one-sided alternative.

    Sources: Robbins (1970), Annals of Mathematical Statistics 41; for one side the closed form of arXiv 2103.06476,
    which is never above the mixture over the half-normal and therefore an e-value too.
    """
    passed = np.asarray(clock, dtype=np.float64)
    score = np.asarray(z, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = 0.5 * score**2 * passed / (1 + passed)
        if alternative == "two-sided":
            return np.asarray(exponent - 0.5 * np.log1p(passed))
        towards = score > 0 if alternative == "greater" else score < 0
        # log(exp(x) - 1) written so that it stays finite for an overwhelming effect.
        grown = exponent + np.log(-np.expm1(-exponent))
        evidence = np.log(2) + grown - 0.5 * np.log1p(passed)
        return np.where(np.isnan(score), np.nan, np.where(towards, evidence, -np.inf))


def bound(clock: Numbers, *, alpha: Numbers = 0.05, alternative: Alternative = "two-sided") -> Array:
    """Z-score at which the evidence reaches 1/alpha; infinite before anything has happened (clock 0)."""
    passed = np.asarray(clock, dtype=np.float64)
    rate = check_alpha(alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        if alternative == "two-sided":
            needed = np.log1p(passed) - 2 * np.log(rate)
        else:
            needed = 2 * np.log1p(np.sqrt(1 + passed) / (2 * rate))
        return np.asarray(np.sqrt((1 + passed) / passed * needed))


def infer(
    effect: Effect, clock: Numbers, *, alpha: Numbers = 0.05, alternative: Alternative = "two-sided"
) -> Inference:
    """Interval and p-value of an effect that may be looked at for ever, by the mixture at this clock."""
    with np.errstate(over="ignore"):
        p = np.minimum(1.0, np.exp(-log_evidence(z_score(effect), clock, alternative=alternative)))
    return within(effect, bound=bound(clock, alpha=alpha, alternative=alternative), p=p, alternative=alternative)


def msprt(
    effect: Effect, *, spread: Numbers, alpha: Numbers = 0.05, alternative: Alternative = "two-sided"
) -> Inference:
    """Mixture sequential probability ratio test: sharpest for effects of about `spread`, safe for every other.

    `spread` is the standard deviation of the effects that are expected, in the unit of the effect. It must be chosen
    before the data is seen. Raises ValueError unless it is positive.
    Sources: arXiv 1905.10493, equation of the mixture ratio; Johari et al., arXiv 1512.04922.
    """
    if not np.all(np.asarray(spread) > 0):
        raise ValueError(f"spread is {spread}; the effects expected must differ, as 0.02 for two points of a share")
    clock = (np.asarray(spread, dtype=np.float64) / standard_error(effect)) ** 2
    return infer(effect, clock, alpha=alpha, alternative=alternative)
