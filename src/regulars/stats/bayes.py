"""What an effect may be, given what effects of this kind usually are: chance to win, expected loss, credible interval.

**Looking again and again is not safe here.** With a flat prior, stopping as soon as the chance to win passes 95 % (or
falls under 5 %) names a winner between two equal variants in half of all tests of forty looks. A prior from past
tests makes it rarer and promises nothing. The stopping rule that does is `bayes_factor`: under no effect it ever
reaches 1/alpha with a chance of at most alpha, whatever the prior.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from regulars.stats.effect import Effect, Numbers
from regulars.stats.moments import Array
from regulars.stats.z_score import check_alpha, standard_error, z_score


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What effects of this kind usually are, before the data: normal. An infinite variance says nothing at all."""

    mean: Numbers = 0.0
    variance: Numbers = np.inf

    def __post_init__(self) -> None:
        if not np.all(np.asarray(self.variance) > 0):
            raise ValueError(f"the prior's variance is {self.variance}; a positive one lets the data speak")

    def scaled(self, by: Numbers) -> "Prior":
        """Return the same belief in another unit: a prior of lifts times the control's value is one of differences."""
        return Prior(mean=self.mean * np.asarray(by), variance=self.variance * np.asarray(by) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What to think of an effect after the data; every number in the unit of the effect, losses >= 0.

    `loss_if_chosen` is what taking the variant costs on average, `loss_if_kept` what keeping the control does.
    """

    value: Numbers
    low: Numbers
    high: Numbers
    chance_to_win: Numbers
    loss_if_chosen: Numbers
    loss_if_kept: Numbers


def posterior(effect: Effect, *, prior: Prior) -> Effect:
    """Return the normal posterior of an effect: prior and data weighed by their precision; NaN without variance.

    Source: Gelman et al., Bayesian Data Analysis (2013), section 2.5.
    """
    noise = standard_error(effect) ** 2
    precision = 1 / noise + 1 / np.asarray(prior.variance)
    mean = (effect.value / noise + prior.mean / np.asarray(prior.variance)) / precision
    return Effect(value=mean, variance=1 / precision)


def believe(
    effect: Effect, *, prior: Prior | None = None, alpha: float = 0.05, higher_is_better: bool = True
) -> Belief:
    """Return chance to win, expected losses and the interval that holds the effect with a chance of 1 - alpha.

    Valid for one look: see the head of this module before stopping by it. NaN where the effect has no variance.
    Source of the losses: the normal unit loss, Raiffa and Schlaifer (1961), section 5.4.
    """
    check_alpha(alpha)
    after = posterior(effect, prior=prior or Prior())
    mean, deviation = np.asarray(after.value), np.sqrt(after.variance)
    half = -ndtri(alpha / 2) * deviation
    score = mean / deviation if higher_is_better else -mean / deviation
    return Belief(
        value=mean,
        low=mean - half,
        high=mean + half,
        chance_to_win=ndtr(score),
        loss_if_chosen=deviation * _unit_loss(score),
        loss_if_kept=deviation * _unit_loss(-score),
    )


def bayes_factor(effect: Effect, *, prior: Prior) -> Array:
    """How much better the prior foretold this effect than "no effect" did: an e-value, safe to look at for ever.

    Stop when it reaches 1/alpha, as 20 for 5 %: a test of equal variants is stopped with a chance of at most alpha,
    however often one looks. With a prior around zero it is the mixture test of `mixture.msprt`.
    Raises ValueError for a prior that says nothing: it foretells nothing.
    Source: de Heide and Grünwald, "Why optional stopping can be a problem for Bayesians", arXiv 1708.08278.
    """
    if not np.all(np.isfinite(np.asarray(prior.variance))):
        raise ValueError("the prior says nothing (infinite variance); give one from past tests: learn_prior(effects)")
    noise = standard_error(effect) ** 2
    seen = z_score(effect) * np.sqrt(noise)  # with few degrees of freedom, less than the value: the variance is a guess
    spread = noise + prior.variance
    exponent = seen**2 / noise - (seen - np.asarray(prior.mean)) ** 2 / spread
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(0.5 * (exponent + np.log(noise) - np.log(spread))))


def learn_prior(past: Effect) -> Prior | None:
    """Return the prior that past tests of one metric teach: mean and variance of true effects, freed of noise.

    `past` holds one effect a test, at the end of each test and chosen without regard to its outcome: a list of
    winners only teaches that everything wins. None when they differ no more than their noise does, or are fewer than
    three.
    Source: Paule and Mandel (1982), J. Res. NBS 87, for the variance between tests.
    """
    error = standard_error(past)
    is_known = np.isfinite(error) & np.isfinite(np.asarray(past.value))
    values, noise = np.asarray(past.value)[is_known], error[is_known] ** 2
    if len(values) < 3 or _excess(values, noise, 0.0) <= 0:
        return None
    low, high = 0.0, float(np.var(values) * len(values))
    for _ in range(200):                     # bisection: the excess falls with the variance between tests
        middle = (low + high) / 2
        low, high = (middle, high) if _excess(values, noise, middle) > 0 else (low, middle)
    return Prior(mean=float(np.average(values, weights=1 / (noise + high))), variance=high)


def _excess(values: Array, noise: Array, between: float) -> float:
    weights = 1 / (noise + between)
    centre = np.average(values, weights=weights)
    return float(np.sum(weights * (values - centre) ** 2) - (len(values) - 1))


def _unit_loss(score: Array) -> Array:
    """Return E[max(-X, 0)] of X ~ N(score, 1), accurate far out: density and tail would cancel there.

    From score 5 on, the continued fraction of Mills' ratio (Laplace) takes over from the difference.
    """
    density = np.exp(-0.5 * score**2) / np.sqrt(2 * np.pi)
    near = density - score * np.exp(log_ndtr(-score))
    far = np.where(score > 5, score, 5.0)
    ratio = np.zeros_like(far)
    for term in range(60, 1, -1):
        ratio = term / (far + ratio)
    # phi - z Phi(-z) = phi (1 - z / (z + 1 / (z + r))) with r the rest of the fraction.
    return np.asarray(np.where(score > 5, density / (1 + far * (far + ratio)), near))
