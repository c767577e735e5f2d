"""Units needed, effects that can be found, days it takes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats import power
from regulars.stats.power import AnyTime, Looks, OneLook


@pytest.mark.parametrize(
    ("before", "after", "for_80", "for_90"),
    [
        (0.10, 0.15, 686, 918), (0.05, 0.06, 8_158, 10_921), (0.10, 0.11, 14_751, 19_747),
        (0.03, 0.033, 53_211, 71_233), (0.02, 0.024, 21_109, 28_258),
    ],
)
def test_sizes_for_shares_are_those_of_the_reference_table(before: float, after: float, for_80: int, for_90: int) -> None:
    sizes = [power.sample_size(power.proportion(before), after - before, power=chance) for chance in (0.8, 0.9)]

    assert [float(size.control) for size in sizes] == [for_80, for_90]


def test_a_mean_needs_the_size_of_the_textbook() -> None:
    # Two groups, half a standard deviation, two-sided .05, power .8: 62.8 each by the normal law.
    size = power.sample_size(power.mean(10.0, variance=4.0), 1.0)

    assert float(size.control) == 63


@pytest.mark.parametrize("plan", [OneLook(), AnyTime(), Looks(), Looks(spending="pocock", alpha=0.1)])
def test_the_size_found_has_the_power_asked_for(plan: power.Plan) -> None:
    baseline = power.proportion(0.05)

    size = power.sample_size(baseline, 0.01, power=0.8, plan=plan, allocation=0.5)

    assert float(power.power_of(baseline, 0.01, size.control, plan=plan, allocation=0.5)) == pytest.approx(0.8, abs=1e-3)
    assert float(size.variant) == pytest.approx(float(size.control) / 2, abs=1)


@pytest.mark.parametrize("baseline", [power.proportion(0.05), power.mean(3.0, variance=7.0)])
def test_the_smallest_effect_found_needs_the_size_there_is(baseline: power.Baseline) -> None:
    least = power.minimum_detectable(baseline, 5_000)

    assert float(power.sample_size(baseline, float(least)).control) == 5_000


def test_five_looks_need_2_5_per_cent_more_than_one() -> None:
    baseline = power.mean(0.0, variance=1.0)

    more = float(power.sample_size(baseline, 0.01, plan=Looks()).control) / float(power.sample_size(baseline, 0.01).control)

    # 1.025 at five looks: expected inflation of Lan and DeMets' spending after O'Brien and Fleming.
    assert more == pytest.approx(1.026, abs=2e-3)


def test_power_of_one_look_is_that_of_simulated_tests() -> None:
    rng = np.random.default_rng(2)
    gain = rng.normal(0.1, np.sqrt(2 / 1_000), size=100_000)

    chance = power.power_of(power.mean(0.0, variance=1.0), 0.1, 1_000)

    assert float(chance) == pytest.approx(np.mean(gain / np.sqrt(2 / 1_000) > stats.norm.isf(0.025)), abs=0.005)


def test_a_covariate_that_explains_half_halves_the_size() -> None:
    baseline = power.mean(0.0, variance=100.0)

    size = power.sample_size(baseline.with_covariate(np.sqrt(0.5)), 0.1)

    assert float(size.control) == pytest.approx(float(power.sample_size(baseline, 0.1).control) / 2, abs=1)


def test_households_of_three_alike_by_a_fifth_need_1_4_times_the_units() -> None:
    baseline = power.proportion(0.2)

    size = power.sample_size(baseline.in_clusters(3, similarity=0.2), 0.02)

    assert float(size.control) == pytest.approx(1.4 * float(power.sample_size(baseline, 0.02).control), rel=1e-3)


def found_in(means: np.ndarray) -> float:
    """Share of runs (first axis) in which the mean of the second variant is significantly above that of the first."""
    error = np.sqrt(np.sum(np.var(means, axis=-1, ddof=1) / means.shape[-1], axis=-1))
    return float(np.mean(np.diff(means.mean(axis=-1))[:, 0] / error > stats.norm.isf(0.025)))


def test_households_sized_so_are_found_with_the_power_asked_for() -> None:
    rng = np.random.default_rng(8)
    size = power.sample_size(power.mean(0.0, variance=1.0).in_clusters(3, similarity=0.2), 0.3)
    houses = int(size.control) // 3
    alike, apart = rng.normal(0, np.sqrt(0.2), (4_000, 2, houses, 1)), rng.normal(0, np.sqrt(0.8), (4_000, 2, houses, 3))

    found = found_in((alike + apart).mean(axis=-1) + np.array([0.0, 0.3])[:, None])

    assert found == pytest.approx(0.8, abs=0.03)


def test_customers_with_a_covariate_sized_so_are_found_with_the_power_asked_for() -> None:
    rng = np.random.default_rng(8)
    units = int(power.sample_size(power.mean(0.0, variance=1.0).with_covariate(0.6), 0.3).control)
    before = rng.normal(size=(4_000, 2, units))
    after = 0.6 * before + 0.8 * rng.normal(size=before.shape) + np.array([0.0, 0.3])[:, None]

    found = found_in(after - 0.6 * before)

    assert found == pytest.approx(0.8, abs=0.03)


def test_clusters_of_unequal_size_need_more() -> None:
    baseline = power.proportion(0.2)

    assert baseline.in_clusters(3, similarity=0.2, variation=0.7).inflation > baseline.in_clusters(3, similarity=0.2).inflation


def test_a_ratio_has_the_variance_of_its_customers() -> None:
    rng = np.random.default_rng(4)
    visits = 1 + rng.poisson(3, size=(4_000, 200))
    orders = rng.binomial(visits, rng.beta(2, 8, size=visits.shape))
    cell = np.cov(orders.ravel(), visits.ravel())

    baseline = power.ratio(
        orders.mean(), visits.mean(), numerator_variance=cell[0, 0], denominator_variance=cell[1, 1], covariance=cell[0, 1]
    )

    spread = np.var(orders.sum(axis=1) / visits.sum(axis=1)) * 200
    assert float(baseline.variance) == pytest.approx(spread, rel=0.1)


def test_no_effect_is_never_found() -> None:
    assert float(power.sample_size(power.proportion(0.1), 0.0).control) == np.inf


def test_nobody_finds_nothing() -> None:
    assert np.isnan(power.minimum_detectable(power.proportion(0.5), np.array([0, 1]))).tolist() == [True, True]
    assert np.isnan(power.power_of(power.mean(0.0, variance=1.0), 1.0, 0))


def test_metrics_with_their_own_variances_are_one_call() -> None:
    size = power.sample_size(power.mean(0.0, variance=np.array([1.0, 4.0])), 0.1)

    assert np.asarray(size.control)[1] == pytest.approx(4 * np.asarray(size.control)[0], rel=1e-3)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: power.proportion(1.0), "0.05 for five in a hundred"),
        (lambda: power.mean(1.0, variance=0.0), "differs from unit to unit"),
        (lambda: power.ratio(1.0, 0.0, numerator_variance=1, denominator_variance=1, covariance=0), "denominator's mean is 0"),
        (lambda: power.sample_size(power.proportion(0.9), 0.2), "leaves 0 to 1"),
        (lambda: power.sample_size(power.proportion(0.1), 0.1, power=1.0), "as 0.8"),
        (lambda: power.sample_size(power.proportion(0.1), 0.1, power=0.01), "as 0.8"),
        (lambda: power.sample_size(power.proportion(0.1), 0.1, allocation=0.0), "as 1.0 for halves"),
        (lambda: power.proportion(0.1).with_covariate(1.0), "leaves a rest"),
        (lambda: power.proportion(0.1).in_clusters(0.5, similarity=0.1), "sizes start at 1"),
        (lambda: power.proportion(0.1).in_clusters(2, similarity=1.1), "similarity is 0 to 1"),
        (lambda: power.days_until(10, []), "one at least"),
        (lambda: power.days_until(10, [-1.0]), "one at least"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(ask, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ask()


@pytest.mark.parametrize(
    ("units", "daily", "days"),
    [(650, [100] * 7, 7), (1_000, [100] * 7, 10), (250, [100, 0, 100, 100], 4), (0, [5], 1), (1_000, [300, 100], 5)],
)
def test_days_are_counted_until_the_units_are_there(units: int, daily: list[float], days: int) -> None:
    assert power.days_until(units, daily, is_whole_weeks=False) == days


def test_a_test_runs_for_whole_weeks() -> None:
    assert power.days_until(1_000, [100] * 7) == 14


def test_without_traffic_a_test_never_ends() -> None:
    assert power.days_until(10, [3, 0, 0, 0, 0, 0, 0, 0]) is None
    assert power.days_until(np.inf, [3]) is None
