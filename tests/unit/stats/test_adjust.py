"""Adjustment for covariates and strata: against least squares on the raw units."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.stats.compare import compare
from regulars.stats.inference import infer
from regulars.stats.moments import moments_of
from regulars.testing.trials import sum_trials, visit_trials

RNG = np.random.default_rng(11)
UNITS = 400
VARIANT = np.repeat([0, 1, 2], [150, 150, 100])
BEFORE = RNG.normal(size=(2, UNITS))
OUTCOME = 2 * BEFORE[0] - BEFORE[1] + 0.4 * (VARIANT == 1) + RNG.normal(size=UNITS)


def residuals(outcome: np.ndarray, *covariates: np.ndarray) -> np.ndarray:
    design = np.stack([np.ones(len(outcome)), *covariates], axis=1)
    return outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]


def test_cuped_is_the_comparison_of_what_one_regression_leaves() -> None:
    adjusted = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3)).effect

    left = compare(moments_of(residuals(OUTCOME, *BEFORE), variant=VARIANT, variants=3)).effect
    assert adjusted.value == pytest.approx(left.value)
    assert adjusted.variance == pytest.approx(left.variance)
    assert adjusted.degrees == pytest.approx(left.degrees)


def test_own_slopes_are_lins_regression() -> None:
    found = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3), slope="own").effect

    centred = BEFORE - BEFORE.mean(axis=1, keepdims=True)
    dummies = [(variant == VARIANT).astype(float) for variant in (0, 1, 2)]
    design = np.stack([*dummies, *(dummy * column for dummy in dummies for column in centred)], axis=1)
    slopes = np.linalg.lstsq(design, OUTCOME, rcond=None)[0]
    assert found.value[0] == pytest.approx([slopes[1] - slopes[0], slopes[2] - slopes[0]])


def test_slopes_within_the_variants_are_least_squares_with_a_dummy_for_each() -> None:
    found = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3), slope="ancova").effect

    design = np.stack([*((variant == VARIANT).astype(float) for variant in (0, 1, 2)), *BEFORE], axis=1)
    slopes, [square], *_ = np.linalg.lstsq(design, OUTCOME, rcond=None)
    covariance = np.linalg.inv(design.T @ design) * square / (UNITS - 5)
    assert found.value[0] == pytest.approx([slopes[1] - slopes[0], slopes[2] - slopes[0]])
    assert found.variance[0, 0] == pytest.approx(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def test_a_good_covariate_narrows_the_interval_and_leaves_the_truth_inside() -> None:
    plain = infer(compare(moments_of(OUTCOME, variant=VARIANT, variants=3)).effect)
    adjusted = infer(compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3)).effect)

    assert adjusted.high[0, 0] - adjusted.low[0, 0] < 0.5 * (plain.high[0, 0] - plain.low[0, 0])
    assert adjusted.low[0, 0] < 0.4 < adjusted.high[0, 0]


@pytest.mark.parametrize("more", [np.ones(UNITS), BEFORE[0], 3 * BEFORE[0] - BEFORE[1], 1e9 * BEFORE[0] + 5], ids=["constant", "same", "sum", "scaled"])
@pytest.mark.parametrize("slope", ["shared", "own", "stratum"])
def test_a_covariate_that_says_nothing_new_changes_nothing(more: np.ndarray, slope: str) -> None:
    without = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3), slope=slope).effect

    found = compare(moments_of(OUTCOME, covariates=[*BEFORE, more], variant=VARIANT, variants=3), slope=slope).effect

    assert found.value == pytest.approx(without.value, rel=1e-6)
    assert found.variance == pytest.approx(without.variance, rel=0.01 if slope == "own" else 1e-6)


def test_the_scale_of_a_covariate_does_not_matter() -> None:
    days = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3)).effect

    cents = compare(moments_of(OUTCOME, covariates=[1e8 * BEFORE[0], 1e-6 * BEFORE[1]], variant=VARIANT, variants=3)).effect

    assert cents.value == pytest.approx(days.value, rel=1e-9)


def test_an_adjusted_ratio_is_the_ratio_of_adjusted_numerator_and_denominator() -> None:
    visits = 5 + BEFORE[1] + 0.3 * RNG.normal(size=UNITS)

    found = compare(moments_of(OUTCOME, denominators=visits, covariates=list(BEFORE), variant=VARIANT, variants=3))

    top = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3)).levels.value
    bottom = compare(moments_of(visits, covariates=list(BEFORE), variant=VARIANT, variants=3)).levels.value
    assert found.levels.value == pytest.approx(top / bottom)


def test_covariates_make_a_ratio_surer() -> None:
    moments = visit_trials(units=2_000, runs=20, rng=np.random.default_rng(3))

    adjusted = compare(moments).effect.variance

    bare = moments.combined(np.eye(4)[:, :2])
    plain = compare(type(moments)(units=bare.units, sums=bare.sums, products=bare.products, has_denominator=True))
    assert (adjusted < plain.effect.variance).all()


def test_an_empty_variant_does_not_spoil_the_slopes_of_the_others() -> None:
    full = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3)).effect

    found = compare(moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=4)).effect

    assert found.value[0, :2] == pytest.approx(full.value[0])
    assert np.isnan(found.value[0, 2])


def test_ancova_does_not_speak_of_observed_levels() -> None:
    moments = moments_of(OUTCOME, covariates=list(BEFORE), variant=VARIANT, variants=3)

    with pytest.raises(ValueError, match="adjusted levels only"):
        compare(moments, slope="ancova", against="observed")


def test_strata_weigh_as_much_as_they_have_units() -> None:
    outcome = np.array([1.0, 3, 2, 4, 10, 12, 20, 24, 10, 14])
    variant = np.array([0, 0, 1, 1, 0, 0, 0, 0, 1, 1])
    stratum = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])

    found = compare(moments_of(outcome, variant=variant, variants=2, stratum=stratum, strata=2))

    effects = np.array([3.0 - 2.0, 12.0 - 16.5])
    assert found.effect.value[0, 0] == pytest.approx(0.4 * effects[0] + 0.6 * effects[1])
    within = 0.4**2 * (2 / 2 + 2 / 2) + 0.6**2 * (np.var([10, 12, 20, 24], ddof=1) / 4 + np.var([10, 14], ddof=1) / 2)
    between = (0.4 * effects[0] ** 2 + 0.6 * effects[1] ** 2 - found.effect.value[0, 0] ** 2) / 10
    assert found.effect.variance[0, 0] == pytest.approx(within + between)


def test_strata_that_say_nothing_cost_next_to_nothing() -> None:
    outcome, variant = RNG.normal(size=4_000), np.arange(4_000) % 2
    plain = compare(moments_of(outcome, variant=variant, variants=2)).effect

    found = compare(moments_of(outcome, variant=variant, variants=2, stratum=np.arange(4_000) // 2 % 5, strata=5)).effect

    assert found.variance[0, 0] == pytest.approx(plain.variance[0, 0], rel=0.01)


def test_strata_that_matter_make_an_effect_surer() -> None:
    stratum, variant = np.repeat([0, 1], 1_000), np.arange(2_000) % 2
    outcome = 10.0 * stratum + RNG.normal(size=2_000)

    plain = compare(moments_of(outcome, variant=variant, variants=2)).effect
    found = compare(moments_of(outcome, variant=variant, variants=2, stratum=stratum, strata=2)).effect

    assert found.variance[0, 0] < 0.1 * plain.variance[0, 0]


def test_a_stratum_without_units_does_not_matter_and_one_without_control_is_no_answer() -> None:
    outcome, variant, stratum = RNG.normal(size=40), np.arange(40) % 2, np.arange(40) // 20
    stratum[0], variant[0] = 2, 1

    kept = variant[1:], stratum[1:]
    nobody = compare(moments_of(outcome[1:], variant=kept[0], variants=2, stratum=kept[1], strata=3)).effect
    two = compare(moments_of(outcome[1:], variant=kept[0], variants=2, stratum=kept[1], strata=2)).effect
    torn = compare(moments_of(outcome, variant=variant, variants=2, stratum=stratum, strata=3)).effect

    assert np.array_equal(nobody.value, two.value)
    assert np.isnan(torn.value).all()


@pytest.mark.parametrize("slope", ["shared", "stratum"])
def test_nothing_found_where_nothing_is_in_one_of_twenty(slope: str) -> None:
    rng = np.random.default_rng(5)

    alarms = [
        infer(compare(trials, slope=slope).effect).p < 0.05
        for trials in (sum_trials(units=200, runs=1_000, rng=rng), visit_trials(units=200, runs=1_000, rng=rng))
    ]

    # Three standard errors of 1,000 runs are two points
    assert all(0.02 < alarm.mean() < 0.07 for alarm in alarms)
