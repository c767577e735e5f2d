"""Winsorising and quantiles: metrics that a single amount cannot decide."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.stats.compare import compare
from regulars.stats.inference import infer
from regulars.stats.moments import moments_of
from regulars.stats.quantile import compare_quantiles, level_from_interval
from regulars.stats.winsorise import capped, capped_ratio

RNG = np.random.default_rng(19)
AMOUNTS = RNG.lognormal(size=2_000)
VARIANT = np.arange(2_000) % 2


def test_only_what_is_beyond_the_cap_changes() -> None:
    found = capped(np.arange(1.0, 101.0), upper=0.95)

    assert found.high == 95
    assert found.values.max() == 95
    assert found.values[:95].tolist() == list(range(1, 96))
    assert found.share == 0.05


def test_a_cap_of_buyers_does_not_count_the_amounts_of_none() -> None:
    amounts = np.concatenate([np.zeros(900), np.arange(1.0, 101.0)])

    assert capped(amounts, upper=0.9).high == 0
    assert capped(amounts, upper=0.9, of_buyers=True).high == 90


def test_both_tails_can_be_capped_for_all_metrics_at_once() -> None:
    found = capped(np.stack([np.arange(100.0), 10 * np.arange(100.0)]), lower=0.1, upper=0.9)

    assert found.low.tolist() == [9, 90]
    assert found.high.tolist() == [89, 890]


def test_no_cap_changes_nothing() -> None:
    assert np.array_equal(capped(AMOUNTS, upper=1).values, AMOUNTS)


def test_one_amount_of_a_billion_no_longer_decides() -> None:
    amounts = AMOUNTS.copy()
    amounts[7] = 1e9

    raw = infer(compare(moments_of(amounts, variant=VARIANT, variants=2)).effect)
    found = infer(compare(moments_of(capped(amounts).values, variant=VARIANT, variants=2)).effect)

    assert raw.high[0, 0] - raw.low[0, 0] > 1e6
    assert found.high[0, 0] - found.low[0, 0] < 1


def test_a_ratio_is_capped_above_and_below_its_line() -> None:
    visits = 1.0 + RNG.poisson(2, 2_000)
    amounts = AMOUNTS.copy()
    amounts[0], visits[1] = 1e9, 1e6

    top, bottom = capped_ratio(amounts, visits)
    found = compare(moments_of(top.values, denominators=bottom.values, variant=VARIANT, variants=2))

    assert found.levels.value[0] == pytest.approx([0.5, 0.5], abs=0.2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_cap_of_what_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="1 values are not finite"):
        capped([1.0, bad])
    with pytest.raises(ValueError, match="1 values are not finite"):
        compare_quantiles([1.0, bad], at=[0.5], variant=[0, 1], variants=2)


def test_quantiles_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="must rise"):
        capped(AMOUNTS, lower=0.9, upper=0.1)


def test_a_median_of_independent_values_has_the_variance_of_theory() -> None:
    values = RNG.normal(size=40_000)

    found = compare_quantiles(values, at=[0.5, 0.9], variant=np.arange(40_000) % 2, variants=2)

    density = np.exp(-1.2816**2 / 2) / np.sqrt(2 * np.pi)
    assert found.effect.variance[:, 0] == pytest.approx(
        [2 * np.pi / 2 / 20_000, 2 * 0.09 / density**2 / 20_000], rel=0.3
    )


def test_values_of_one_unit_count_as_one_opinion() -> None:
    units = 1_000
    owner, variant = np.repeat(np.arange(units), 10), np.repeat(np.arange(units) % 2, 10)
    values = RNG.normal(size=units)[owner] + 0.1 * RNG.normal(size=10 * units)

    alone = compare_quantiles(values, at=[0.5], variant=variant, variants=2).effect
    together = compare_quantiles(values, at=[0.5], variant=variant, variants=2, unit=owner).effect

    assert together.variance[0, 0] > 5 * alone.variance[0, 0]


def test_a_clustered_median_differs_in_one_of_twenty_where_it_does_not() -> None:
    rng = np.random.default_rng(6)
    owner, variant = np.repeat(np.arange(400), 5), np.repeat(np.arange(400) % 2, 5)

    alarms = [
        infer(compare_quantiles(
            np.exp(rng.normal(size=400)[owner] + rng.normal(size=2_000)), at=[0.5], variant=variant, variants=2, unit=owner
        ).effect).p[0, 0] < 0.05
        for _ in range(400)
    ]

    assert 0.02 < np.mean(alarms) < 0.085


def test_a_unit_in_two_variants_is_refused() -> None:
    with pytest.raises(ValueError, match="several variants"):
        compare_quantiles([1.0, 2.0, 3.0], at=[0.5], variant=[0, 1, 1], variants=2, unit=["a", "a", "b"])


def test_a_quantile_beyond_the_values_is_no_answer() -> None:
    found = infer(compare_quantiles(AMOUNTS[:40], at=[0.5, 0.99], variant=VARIANT[:40], variants=2).effect)

    assert np.isnan(found.p[:, 0]).tolist() == [False, True]


def test_a_quantile_of_ties_is_no_answer() -> None:
    found = infer(compare_quantiles(np.zeros(100), at=[0.5], variant=VARIANT[:100], variants=2).effect)

    assert np.isnan(found.p).all()


def test_a_quantile_without_a_variant_is_no_answer_for_that_variant() -> None:
    found = compare_quantiles(AMOUNTS, at=[0.5], variant=VARIANT, variants=3).effect

    assert np.isnan(found.value[0]).tolist() == [False, True]


@pytest.mark.parametrize("at", [0, 1, 50])
def test_a_quantile_is_between_0_and_1(at: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        compare_quantiles(AMOUNTS, at=[at], variant=VARIANT, variants=2)


def test_a_quantile_can_come_with_its_interval() -> None:
    assert level_from_interval(5.0, low=4.02, high=5.98).variance == pytest.approx(0.25, rel=1e-4)
