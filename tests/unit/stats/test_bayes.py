"""Beliefs about effects: priors, losses, and the stopping rule that is safe."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from regulars.stats import bayes, mixture
from regulars.stats.bayes import Prior
from regulars.stats.effect import Effect


def test_without_a_prior_the_belief_is_what_the_data_says() -> None:
    belief = bayes.believe(Effect(value=1.0, variance=0.25))

    assert float(belief.chance_to_win) == pytest.approx(stats.norm.cdf(2))
    assert (float(belief.low), float(belief.high)) == pytest.approx(stats.norm.interval(0.95, 1.0, 0.5))


def test_prior_and_data_of_equal_precision_meet_half_way() -> None:
    after = bayes.posterior(Effect(value=2.0, variance=1.0), prior=Prior(mean=0.0, variance=1.0))

    assert (float(after.value), float(after.variance)) == (1.0, 0.5)


@pytest.mark.parametrize("score", [-2.0, 0.0, 1.3, 4.9, 5.1, 12.0])
def test_the_losses_are_the_means_of_what_the_wrong_choice_costs(score: float) -> None:
    belief = bayes.believe(Effect(value=score, variance=1.0))

    chosen, _ = integrate.quad(lambda x: -x * stats.norm.pdf(x, score), -np.inf, 0, epsabs=0, points=None)
    assert float(belief.loss_if_chosen) == pytest.approx(chosen, rel=1e-6)
    assert float(belief.loss_if_kept) - float(belief.loss_if_chosen) == pytest.approx(score)


def test_where_lower_is_better_winning_and_losing_change_places() -> None:
    effect = Effect(value=1.0, variance=1.0)

    up, down = bayes.believe(effect), bayes.believe(effect, higher_is_better=False)

    assert float(down.chance_to_win) == pytest.approx(1 - float(up.chance_to_win))
    assert float(down.loss_if_chosen) == pytest.approx(float(up.loss_if_kept))
    assert (float(down.low), float(down.high)) == (float(up.low), float(up.high))


def test_an_effect_without_variance_has_no_belief() -> None:
    belief = bayes.believe(Effect(value=1.0, variance=0.0), prior=Prior(variance=1.0))

    assert np.all(np.isnan([belief.value, belief.low, belief.chance_to_win, belief.loss_if_chosen, belief.loss_if_kept]))


def test_a_prior_of_lifts_becomes_one_of_differences() -> None:
    prior = Prior(mean=0.1, variance=0.04).scaled(50.0)

    assert (float(prior.mean), float(prior.variance)) == pytest.approx((5.0, 100.0))


def test_a_prior_without_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="a positive one"):
        Prior(variance=0.0)


def test_the_bayes_factor_of_a_centred_prior_is_the_mixture_probability_ratio() -> None:
    effect = Effect(value=np.array([0.5, 2.0, 4.0]), variance=np.array([1.0, 0.5, 0.25]))

    factor = bayes.bayes_factor(effect, prior=Prior(variance=2.0))

    assert np.minimum(1, 1 / factor) == pytest.approx(np.asarray(mixture.msprt(effect, spread=np.sqrt(2.0)).p))


def test_the_bayes_factor_compares_what_prior_and_no_effect_foretold() -> None:
    factor = bayes.bayes_factor(Effect(value=1.5, variance=0.5), prior=Prior(mean=1.0, variance=2.0))

    foretold = stats.norm.pdf(1.5, 1.0, np.sqrt(2.5)) / stats.norm.pdf(1.5, 0.0, np.sqrt(0.5))
    assert float(factor) == pytest.approx(foretold)


def test_a_prior_that_says_nothing_foretells_nothing() -> None:
    with pytest.raises(ValueError, match="learn_prior"):
        bayes.bayes_factor(Effect(value=1.0, variance=1.0), prior=Prior())


def test_past_tests_teach_what_effects_are_like() -> None:
    rng = np.random.default_rng(3)
    noise = rng.uniform(1e-4, 2e-3, size=2_000)
    values = rng.normal(0.01, 0.03, size=2_000) + rng.normal(size=2_000) * np.sqrt(noise)

    prior = bayes.learn_prior(Effect(value=values, variance=noise))

    assert prior is not None
    assert float(prior.mean) == pytest.approx(0.01, abs=0.004)
    assert float(prior.variance) == pytest.approx(0.03**2, rel=0.15)


def test_past_tests_that_differ_by_noise_alone_teach_nothing() -> None:
    assert bayes.learn_prior(Effect(value=np.array([0.01, 0.011, 0.009]), variance=np.full(3, 1.0))) is None


def test_two_past_tests_are_too_few() -> None:
    assert bayes.learn_prior(Effect(value=np.array([0.0, 9.0]), variance=np.ones(2))) is None


def test_past_tests_without_an_answer_do_not_count() -> None:
    values, noise = np.array([0.1, -0.2, 0.3, np.nan, 7.0]), np.array([0.001, 0.001, 0.001, 0.001, 0.0])

    assert bayes.learn_prior(Effect(value=values, variance=noise)) == bayes.learn_prior(
        Effect(value=values[:3], variance=noise[:3])
    )
