"""Sample-ratio mismatch: whether the variants got the customers they were to get. Without that, no lift means a thing.

Two tests of the same claim: one for a single look, one that may be asked every minute of an experiment's life. Both
take counts with the variants on the last axis and are one call for any number of experiments.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, gammaln, xlogy

from regulars.stats.moments import Array

# Belief in the split, in customers a variant. 1,000 finds on real tests most of what a single look finds, and small
# breaks better than a weaker belief, which is quicker with gross breaks only.
STRENGTH = 1000.0
_ROUNDING = 1e-6                             # by which declared weights may miss 1: thirds written with six digits


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """What the counts say of the split; `expected` has the shape of the counts, the others one number an experiment.

    `evidence` is the e-value against the declared split (NaN where the test makes none). NaN where nobody came yet.
    """

    p: Array
    expected: Array
    evidence: Array


def single_look(counts: Array, weights: Array) -> SampleRatio:
    """Pearson's chi-square test of the declared split, for one look at the end.

    Looked at forty times, a level of .001 becomes one of 1.1 %: use `any_time` while the experiment runs.
    A variant without weight must have no customer, else p is 0. Raises ValueError for weights that do not add up to 1,
    that are negative, or that miss a variant.
    Source: Pearson (1900), Philosophical Magazine 50; Fabijan et al., KDD 2019, for its use.
    """
    seen, shares = _checked(counts, weights)
    total = np.sum(seen, axis=-1, keepdims=True)
    expected = total * shares
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(shares > 0, (seen - expected) ** 2 / expected, np.where(seen > 0, np.inf, 0.0))
        statistic = np.sum(np.where(total > 0, distance, np.nan), axis=-1)
    degrees = np.sum(shares > 0, axis=-1) - 1
    p = np.where(degrees > 0, chdtrc(np.maximum(degrees, 1), statistic), np.where(statistic == 0, 1.0, 0.0))
    p = np.where(np.isnan(statistic), np.nan, p)
    return SampleRatio(p=p, expected=expected, evidence=np.full(p.shape, np.nan))


def any_time(counts: Array, weights: Array, *, strength: float = STRENGTH) -> SampleRatio:
    """Test of the declared split that may be looked at after every customer: p < .001 ever happens once in 1,000 lives.

    The e-value is that of a Dirichlet mixture around the declared split against the split itself; `strength` is how
    firmly the mixture holds to it, in customers a variant, and must not follow from the data.
    Raises ValueError as `single_look` does, and for a strength that is not positive.
    Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv 2011.03567.
    """
    if not strength > 0:
        raise ValueError(f"strength is {strength}; a positive number of customers a variant, as {STRENGTH:.0f}")
    seen, shares = _checked(counts, weights)
    total = np.sum(seen, axis=-1)
    belief = strength * np.sum(shares > 0, axis=-1, keepdims=True) * shares
    firm = np.where(shares > 0, belief, 1.0)
    whole = np.sum(belief, axis=-1)
    declared = np.where(shares > 0, shares, 1.0)
    gained = np.where(shares > 0, gammaln(firm + seen) - gammaln(firm) - xlogy(seen, declared), 0.0)
    log_evidence = np.sum(gained, axis=-1) - gammaln(whole + total) + gammaln(whole)
    is_impossible = np.any((shares == 0) & (seen > 0), axis=-1)
    log_evidence = np.where(is_impossible, np.inf, np.where(total > 0, log_evidence, np.nan))
    with np.errstate(over="ignore"):
        evidence = np.exp(log_evidence)
        p = np.minimum(1.0, np.exp(-log_evidence))
    return SampleRatio(p=p, expected=total[..., None] * shares, evidence=evidence)


def _checked(counts: Array, weights: Array) -> tuple[Array, Array]:
    seen, shares = np.asarray(counts, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if seen.ndim == 0 or shares.ndim == 0 or seen.shape[-1] != shares.shape[-1]:
        raise ValueError(
            f"counts of shape {seen.shape} and weights of shape {shares.shape}; every variant has one of each"
        )
    if not np.all(seen >= 0):
        raise ValueError("a count is negative or missing; a variant that got nobody has the count 0")
    total = np.sum(shares, axis=-1, keepdims=True)
    if not (np.all(shares >= 0) and np.all(np.abs(total - 1) <= _ROUNDING)):
        raise ValueError(f"weights add up to {np.unique(total).tolist()}; those of all variants make 1, as 0.5 and 0.5")
    seen, shares = np.broadcast_arrays(seen, shares / total)
    return seen, shares
