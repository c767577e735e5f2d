"""An effect in standard errors, and an interval so many of them wide: what every sequential rule is written in.

A Student statistic is first read as the normal one with the same tail, so that rules made for normal variables stay
right with few customers: Jennison and Turnbull (2000), section 3.8.
"""



import numpy as np
from scipy.special import ndtr

from regulars.stats.effect import Effect, Inference, Numbers
from regulars.stats.inference import Alternative
from regulars.stats.moments import Array


def z_score(effect: Effect) -> Array:
    """Return the effect in standard errors, as a normal variable; NaN where there is no variance.

    Source: Wallace (1959), Annals of Mathematical Statistics 30: within 1 % of the exact score up to 3 from two
    degrees of freedom on, below it from 1.7 on (the safe side), and with an inverse in closed form.
    """
    degrees = np.asarray(effect.degrees, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        statistic = np.asarray(effect.value, dtype=np.float64) / standard_error(effect)
        finite = np.where(np.isfinite(degrees), degrees, 1.0)
        student = np.sign(statistic) * _narrowing(finite) * np.sqrt(finite * np.log1p(statistic**2 / finite))
        return np.where(np.isfinite(degrees), student, statistic)


def standard_error(effect: Effect) -> Array:
    """Return the standard error of an effect; NaN where its variance is none: not positive or not known."""
    variance = np.asarray(effect.variance, dtype=np.float64)
    return np.sqrt(np.where(variance > 0, variance, np.nan))


def within(effect: Effect, *, bound: Numbers, p: Numbers, alternative: Alternative = "two-sided") -> Inference:
    """Return the interval that reaches `bound` normal standard errors to each side, or to the one that may surprise.

    One-sided intervals are open to the side of the alternative: "greater" gives [low, inf].
    """
    degrees = np.asarray(effect.degrees, dtype=np.float64)
    width = np.asarray(bound, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.where(np.isfinite(degrees), degrees, 1.0)
        student = np.sqrt(finite * np.expm1((width / _narrowing(finite)) ** 2 / finite))
        half = np.where(np.isfinite(degrees), student, width) * standard_error(effect)
        low, high = effect.value - half, effect.value + half
    known = ~np.isnan(low + np.asarray(p))
    return Inference(
        value=np.where(known, effect.value, np.nan),
        low=np.where(known, low if alternative != "less" else -np.inf, np.nan),
        high=np.where(known, high if alternative != "greater" else np.inf, np.nan),
        p=np.where(known, p, np.nan),
    )


def level_of(bound: Numbers) -> Array:
    """Return the level at which an interval of a single look is as wide as this bound; 0 where the bound is infinite.

    So any interval that knows a level only, as Fieller's of a lift, can be drawn at a sequential bound, and is then
    as safe.
    """
    return np.asarray(2 * ndtr(-np.asarray(bound, dtype=np.float64)))


def check_alpha(alpha: Numbers) -> Array:
    """Return the error rate as an array. Raises ValueError unless it lies between 0 and 1."""
    rates = np.asarray(alpha, dtype=np.float64)
    if not np.all((rates > 0) & (rates < 1)):
        raise ValueError(f"alpha is {alpha}; a share of wrong alarms lies between 0 and 1, as 0.05")
    return rates


def _narrowing(degrees: Array) -> Array:
    return np.asarray((8 * degrees + 1) / (8 * degrees + 3))
