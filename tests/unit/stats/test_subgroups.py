"""Subgroups and novelty: differences between effects, in segments and over time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats.compare import compare
from regulars.stats.effect import Effect
from regulars.stats.inference import infer
from regulars.stats.moments import Array, Moments, moments_of
from regulars.stats.novelty import novelty, period_moments
from regulars.stats.subgroups import against_the_rest, interaction, subgroups
from regulars.testing.trials import fading_trials

RNG = np.random.default_rng(17)


def bonferroni(p: Array) -> Array:
    return np.minimum(p * len(p), 1.0)


def segmented(*, effects: tuple[float, ...], units: int = 2_000) -> Moments:
    segment = np.repeat(np.arange(len(effects)), units)
    variant = np.arange(len(segment)) % 2
    outcome = RNG.normal(size=len(segment)) + np.array(effects)[segment] * variant
    return moments_of(outcome, variant=variant, variants=2, stratum=segment, strata=len(effects))


def test_segments_that_differ_are_told_from_segments_that_do_not() -> None:
    differ = subgroups(segmented(effects=(0.0, 0.0, 0.4)), correct=bonferroni)
    same = subgroups(segmented(effects=(0.2, 0.2, 0.2)), correct=bonferroni)

    assert differ.interaction_p.item() < 1e-3
    assert same.interaction_p.item() > 0.01
    assert (same.adjusted_p < 0.05).all()


def test_every_segment_is_compared_on_its_own_and_corrected_for_how_many_they_are() -> None:
    moments = segmented(effects=(0.1, 0.3))

    found = subgroups(moments, correct=bonferroni)

    alone = infer(compare(moments.by_stratum()).effect)
    assert np.array_equal(found.effects.p, alone.p)
    assert found.adjusted_p == pytest.approx(np.minimum(2 * alone.p, 1))
    assert found.effects.value.shape == (1, 2, 1)


def test_a_segment_without_an_answer_is_not_corrected_for() -> None:
    moments = moments_of(
        RNG.normal(size=60), variant=np.arange(60) % 2, variants=2, stratum=np.arange(60) // 30, strata=3
    )

    found = subgroups(moments, correct=bonferroni)

    assert np.isnan(found.adjusted_p[0, :, 0]).tolist() == [False, False, True]
    assert found.adjusted_p[0, 0, 0] == pytest.approx(min(2 * found.effects.p[0, 0, 0], 1))
    assert not np.isnan(found.interaction_p).any()


def test_the_interaction_of_means_is_welchs_analysis_of_variance() -> None:
    groups = [RNG.normal(0, 1, 12), RNG.normal(0.5, 3, 20), RNG.normal(0.2, 2, 9)]

    found = interaction(Effect(
        value=np.array([[group.mean()] for group in groups]),
        variance=np.array([[group.var(ddof=1) / len(group)] for group in groups]),
        degrees=np.array([[len(group) - 1.0] for group in groups]),
    ))

    assert found.item() == pytest.approx(stats.f_oneway(*groups, equal_var=False).pvalue)


def test_with_infinite_degrees_the_interaction_is_a_chi_square() -> None:
    found = interaction(Effect(value=np.array([[1.0], [2.0], [4.0]]), variance=np.full((3, 1), 1.0)))

    assert found.item() == pytest.approx(stats.chi2.sf(14 / 3, 2), rel=1e-6)


def test_one_segment_differs_from_nothing() -> None:
    assert np.isnan(interaction(Effect(value=np.array([[1.0]]), variance=np.array([[1.0]])))).all()


def test_segments_are_found_different_in_one_of_twenty_where_they_are_not() -> None:
    rng = np.random.default_rng(8)
    units = rng.exponential(size=(4_000, 4, 2, 30))
    means, variances = units.mean(axis=-1), units.var(axis=-1, ddof=1) / 30

    effect = Effect(
        value=(means[..., 1] - means[..., 0])[..., np.newaxis], variance=variances.sum(axis=-1)[..., np.newaxis],
        degrees=(variances.sum(axis=-1) ** 2 / (variances**2 / 29).sum(axis=-1))[..., np.newaxis],
    )

    assert 0.035 < (interaction(effect) < 0.05).mean() < 0.065


def test_a_segment_against_the_rest_is_the_difference_of_two_effects() -> None:
    moments = segmented(effects=(0.0, 0.0, 0.5))

    found = infer(against_the_rest(moments))

    assert found.value[0, :, 0] == pytest.approx([-0.25, -0.25, 0.5], abs=0.15)
    assert found.p[0, 2, 0] < 1e-6


def test_a_novelty_that_wears_off_has_a_falling_trend() -> None:
    [outcomes] = fading_trials(units=2_000, runs=1, periods=6, effect=0.5, fade=0.08, rng=np.random.default_rng(1))
    moments = period_moments(outcomes, variant=np.arange(4_000) % 2, variants=2)

    found = novelty(moments)

    assert found.effects.value[:, 0] == pytest.approx([0.5 - 0.08 * age for age in range(6)], abs=0.12)
    trend = infer(found.trend)
    assert trend.low[0] < -0.08 < trend.high[0] < 0


def test_the_trend_is_the_comparison_of_every_units_own_slope() -> None:
    [outcomes] = fading_trials(units=60, runs=1, periods=5, effect=0.5, fade=0.1, rng=np.random.default_rng(2))
    variant = np.arange(120) % 2

    found = infer(novelty(period_moments(outcomes, variant=variant, variants=2), ages=[1, 2, 4, 8, 16]).trend)

    slopes = np.polyfit([1, 2, 4, 8, 16], outcomes, 1)[0]
    expected = stats.ttest_ind(slopes[variant == 1], slopes[variant == 0], equal_var=False)
    assert found.p[0] == pytest.approx(expected.pvalue)


def test_a_lasting_effect_has_a_trend_in_one_of_twenty() -> None:
    variant = np.arange(80) % 2
    worlds = fading_trials(units=40, runs=600, periods=4, effect=0.5, fade=0.0, rng=np.random.default_rng(3))

    alarms = [infer(novelty(period_moments(o, variant=variant, variants=2)).trend).p[0] < 0.05 for o in worlds]

    assert 0.02 < np.mean(alarms) < 0.08


@pytest.mark.parametrize("ages", [[0, 1], [1, 1, 1]])
def test_a_trend_needs_an_age_for_every_period_and_two_different_ones(ages: list[float]) -> None:
    [outcomes] = fading_trials(units=10, runs=1, periods=3, effect=0, fade=0, rng=np.random.default_rng(3))

    with pytest.raises(ValueError, match="ages"):
        novelty(period_moments(outcomes, variant=np.arange(20) % 2, variants=2), ages=ages)
