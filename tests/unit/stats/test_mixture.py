"""Evidence by the normal mixture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from regulars.stats import mixture
from regulars.stats.effect import Effect
from regulars.stats.inference import Alternative


def test_the_evidence_is_the_likelihood_ratio_averaged_over_the_effects_expected() -> None:
    z, clock = 2.3, 4.0

    def weighted(effect: float) -> float:
        return float(stats.norm.pdf(z, effect) / stats.norm.pdf(z) * stats.norm.pdf(effect, scale=np.sqrt(clock)))

    expected, _ = integrate.quad(weighted, -20, 20)
    assert np.exp(mixture.log_evidence(z, clock)) == pytest.approx(expected)


def test_one_sided_evidence_is_at_most_the_half_normal_mixture() -> None:
    z, clock = np.linspace(0.1, 8, 50), 3.0

    half_normal = 2 * np.exp(mixture.log_evidence(z, clock)) * stats.norm.cdf(z * np.sqrt(clock / (1 + clock)))
    assert np.all(np.exp(mixture.log_evidence(z, clock, alternative="greater")) <= half_normal)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_the_bound_is_where_the_evidence_is_one_over_alpha(alternative: Alternative) -> None:
    bound = mixture.bound(5.0, alpha=0.01, alternative=alternative)

    z = -bound if alternative == "less" else bound
    assert np.exp(mixture.log_evidence(z, 5.0, alternative=alternative)) == pytest.approx(100)


def test_an_overwhelming_effect_has_a_p_value_of_its_own_size() -> None:
    p = mixture.infer(Effect(value=30.0, variance=1.0), 8.0).p

    assert float(np.log(p)) == pytest.approx(0.5 * np.log(9) - 450 * 8 / 9)


def test_an_effect_to_the_wrong_side_is_no_evidence_for_one_side() -> None:
    inference = mixture.infer(Effect(value=-9.0, variance=1.0), 8.0, alternative="greater")

    assert float(inference.p) == 1.0
    assert float(inference.high) == np.inf


def test_before_anything_has_happened_every_effect_is_possible() -> None:
    inference = mixture.infer(Effect(value=1.0, variance=1.0), 0.0)

    assert (float(inference.low), float(inference.high), float(inference.p)) == (-np.inf, np.inf, 1.0)


def test_the_probability_ratio_is_sharpest_for_effects_of_the_spread_it_expects() -> None:
    effect = Effect(value=0.02, variance=0.004**2)

    fitting, vague, timid = (float(mixture.msprt(effect, spread=spread).p) for spread in (0.02, 2.0, 0.0002))

    assert fitting < vague
    assert fitting < timid


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="spread is 0"):
        mixture.msprt(Effect(value=1.0, variance=1.0), spread=0.0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, np.nan])
def test_a_level_outside_0_to_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="lies between 0 and 1"):
        mixture.bound(1.0, alpha=alpha)
