"""Comparison and inference: against textbook tests from the raw units, and where there is no answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats.compare import compare, compare_by_ratio
from regulars.stats.effect import Effect
from regulars.stats.inference import infer
from regulars.stats.moments import Moments, moments_of, share_moments

RNG = np.random.default_rng(7)
AMOUNTS = [RNG.lognormal(0.0, 1.0, 80), RNG.lognormal(0.3, 1.5, 50), RNG.lognormal(0.1, 0.5, 120)]
VARIANT = np.repeat([0, 1, 2], [80, 50, 120])
AMOUNT = np.concatenate(AMOUNTS)


def test_a_mean_is_compared_by_welchs_test() -> None:
    found = infer(compare(moments_of(AMOUNT, variant=VARIANT, variants=3)).effect, alpha=0.1)

    for place, variant in enumerate((1, 2)):
        expected = stats.ttest_ind(AMOUNTS[variant], AMOUNTS[0], equal_var=False)
        interval = expected.confidence_interval(0.9)
        assert found.p[0, place] == pytest.approx(expected.pvalue, rel=1e-9)
        assert (found.low[0, place], found.high[0, place]) == pytest.approx((interval.low, interval.high), rel=1e-9)


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_sided_intervals_are_open_to_the_side_of_the_news(alternative: str) -> None:
    found = infer(compare(moments_of(AMOUNT, variant=VARIANT, variants=3)).effect, alternative=alternative)

    expected = stats.ttest_ind(AMOUNTS[1], AMOUNTS[0], equal_var=False, alternative=alternative)
    interval = expected.confidence_interval(0.95)
    assert found.p[0, 0] == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low[0, 0], found.high[0, 0]) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_any_variant_can_be_the_control() -> None:
    found = compare(moments_of(AMOUNT, variant=VARIANT, variants=3), control=1)

    means = [amounts.mean() for amounts in AMOUNTS]
    assert found.effect.value[0] == pytest.approx([means[0] - means[1], means[2] - means[1]])
    assert found.control.value[0, 0] == pytest.approx(means[1])
    assert found.levels.value[0] == pytest.approx(means)


def test_the_level_of_every_variant_has_its_own_variance() -> None:
    levels = compare(moments_of(AMOUNT, variant=VARIANT, variants=3)).levels

    assert levels.variance[0] == pytest.approx([stats.sem(amounts) ** 2 for amounts in AMOUNTS])
    assert levels.degrees[0] == pytest.approx([79, 49, 119])


def test_a_share_can_have_the_variance_of_a_share() -> None:
    found = compare(share_moments([30, 45], trials=[150, 150]), divisor="n")

    assert found.effect.variance[0] == pytest.approx(0.2 * 0.8 / 150 + 0.3 * 0.7 / 150)


def test_a_ratio_is_that_of_the_totals_with_the_variance_of_its_residuals() -> None:
    visits = RNG.poisson(3, len(AMOUNT)) + 1.0

    found = compare(moments_of(AMOUNT, denominators=visits, variant=VARIANT, variants=3))

    for variant in range(3):
        mine = variant == VARIANT
        level = AMOUNT[mine].sum() / visits[mine].sum()
        rest = (AMOUNT[mine] - level * visits[mine]) / visits[mine].mean()
        assert found.levels.value[0, variant] == pytest.approx(level)
        assert found.levels.variance[0, variant] == pytest.approx(rest.var(ddof=1) / mine.sum())


def test_a_denominator_of_one_makes_a_ratio_a_mean() -> None:
    ratio = compare(moments_of(AMOUNT, denominators=np.ones(len(AMOUNT)), variant=VARIANT, variants=3)).effect
    mean = compare(moments_of(AMOUNT, variant=VARIANT, variants=3)).effect

    assert ratio.value == pytest.approx(mean.value)
    assert ratio.variance == pytest.approx(mean.variance)
    assert ratio.degrees == pytest.approx(mean.degrees)


def test_all_metrics_at_once_are_as_one_by_one() -> None:
    both = compare(moments_of(np.stack([AMOUNT, AMOUNT**0.5]), variant=VARIANT, variants=3)).effect

    alone = compare(moments_of(AMOUNT**0.5, variant=VARIANT, variants=3)).effect
    assert np.array_equal(both.variance[1], alone.variance[0])


def test_an_empty_variant_has_no_answer_and_leaves_the_others_theirs() -> None:
    full = infer(compare(moments_of(AMOUNT, variant=VARIANT, variants=3)).effect)

    found = infer(compare(moments_of(AMOUNT, variant=VARIANT, variants=4)).effect)

    assert np.isnan([found.value[0, 2], found.low[0, 2], found.high[0, 2], found.p[0, 2]]).all()
    assert np.array_equal(found.p[0, :2], full.p[0])


def test_an_empty_control_answers_nothing() -> None:
    found = infer(compare(moments_of(AMOUNT, variant=VARIANT, variants=4), control=3).effect)

    assert np.isnan(found.p).all()


@pytest.mark.parametrize("amount", [[1.0, 2.0], [5.0, 5.0, 5.0, 5.0], [0.1] * 6, [1e9 + 0.1] * 8], ids=str)
def test_one_unit_each_or_no_spread_is_no_answer(amount: list[float]) -> None:
    variant = np.arange(len(amount)) % 2

    found = infer(compare(moments_of(amount, variant=variant, variants=2)).effect)

    assert np.isnan([found.low, found.p]).all()


def test_the_rounding_of_many_equal_amounts_is_no_spread() -> None:
    amounts = np.full(100_000, 0.1)

    found = compare(moments_of(amounts, variant=np.arange(100_000) % 2, variants=2)).effect

    assert found.variance.tolist() == [[0.0]]


def test_one_amount_of_a_billion_widens_the_interval_and_breaks_nothing() -> None:
    amounts = AMOUNT.copy()
    amounts[0] = 1e9

    found = infer(compare(moments_of(amounts, variant=VARIANT, variants=3)).effect)

    expected = stats.ttest_ind(AMOUNTS[1], amounts[:80], equal_var=False)
    assert found.p[0, 0] == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.low[0, 0] < -1e7 < 1e7 < found.high[0, 0]


def test_a_total_that_is_not_known_makes_its_own_metric_unknown() -> None:
    known = moments_of(np.stack([AMOUNT, AMOUNT]), variant=VARIANT, variants=3)
    sums = known.sums.copy()
    sums[0, 1] = np.nan

    found = infer(compare(Moments(units=known.units, sums=sums, products=known.products)).effect)

    assert np.isnan(found.p).tolist() == [[True, False], [False, False]]


def test_a_ratio_without_anything_to_divide_by_is_no_answer() -> None:
    visits = np.where(VARIANT == 0, 0.0, 1.0)

    found = infer(compare(moments_of(AMOUNT, denominators=visits, variant=VARIANT, variants=3)).effect)

    assert np.isnan(found.p).all()


def test_sums_of_squares_too_small_for_their_sums_are_no_answer() -> None:
    impossible = Moments(
        units=np.full((2, 1), 10.0), sums=np.full((2, 1, 1), 100.0), products=np.array([[[[10.0]]], [[[2000.0]]]])
    )

    assert np.isnan(infer(compare(impossible).effect).p).all()


def test_p_values_of_the_far_tail_are_small_and_not_zero() -> None:
    found = infer(Effect(value=np.array([30.0, 35.0]), variance=1.0, degrees=np.array([np.inf, 1e6])))

    assert found.p == pytest.approx([2 * stats.norm.sf(30), 2 * stats.t.sf(35, 1e6)], rel=1e-9)
    assert (found.p > 0).all()


def test_the_null_can_be_a_margin() -> None:
    found = infer(Effect(value=-0.01, variance=1e-4), null=-0.03, alternative="greater")

    assert float(found.p) == pytest.approx(stats.norm.sf(2))


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 95])
def test_a_confidence_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        infer(Effect(value=1.0, variance=1.0), alpha=alpha)


def test_amounts_whose_squares_overflow_make_their_own_metric_unknown() -> None:
    huge = np.where(VARIANT == 1, 1e200, AMOUNT)

    found = infer(compare(moments_of(np.stack([huge, AMOUNT]), variant=VARIANT, variants=3)).effect)

    assert np.isnan(found.p).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize("control", [-1, 3])
def test_the_control_is_one_of_the_variants(control: int) -> None:
    with pytest.raises(ValueError, match="0 to 2"):
        compare(moments_of(AMOUNT, variant=VARIANT, variants=3), control=control)


def test_the_normal_law_can_be_asked_for() -> None:
    effect = compare(moments_of(AMOUNT, variant=VARIANT, variants=3)).effect

    found = infer(effect, law="normal")

    assert found.p == pytest.approx(2 * stats.norm.sf(np.abs(effect.value) / np.sqrt(effect.variance)))
    assert (found.p < infer(effect).p).all()


def test_a_ratio_before_is_asked_of_ratios_only() -> None:
    with pytest.raises(ValueError, match="even number"):
        compare_by_ratio(moments_of(AMOUNT, variant=VARIANT, variants=3))
