"""What every rule for repeated looks keeps, whatever the effects and the order of the looks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regulars.stats import group_sequential, mixture, multiplicity, power, sample_ratio, sequential
from regulars.stats.effect import Effect

values = arrays(np.float64, 6, elements=st.floats(-5, 5))
variances = arrays(np.float64, 6, elements=st.floats(0.01, 10))
degrees = st.sampled_from([3.0, 20.0, np.inf])
p_values = arrays(np.float64, 8, elements=st.floats(0, 1))


@given(values, variances, degrees, st.floats(0.001, 5), st.floats(0.001, 0.2))
def test_a_sequence_leaves_zero_exactly_where_p_is_at_most_alpha(
    value: np.ndarray, variance: np.ndarray, freedom: float, share: float, alpha: float
) -> None:
    effect = Effect(value=value, variance=variance, degrees=freedom)

    inference = sequential.confidence_sequence(effect, share, planned=1.0, alpha=alpha)

    p, low, high = np.asarray(inference.p), np.asarray(inference.low), np.asarray(inference.high)
    is_clear = np.abs(p - alpha) > 1e-9
    assert np.array_equal((p < alpha)[is_clear], ((low > 0) | (high < 0))[is_clear])
    assert np.all((low <= value) & (value <= high) & (p >= 0) & (p <= 1))


@given(values, variances, st.floats(0.01, 3), st.floats(0.01, 100))
def test_the_unit_of_the_metric_does_not_matter(
    value: np.ndarray, variance: np.ndarray, share: float, unit: float
) -> None:
    small = sequential.confidence_sequence(Effect(value=value, variance=variance), share, planned=1.0)
    large = sequential.confidence_sequence(Effect(value=unit * value, variance=unit**2 * variance), share, planned=1.0)

    assert np.allclose(np.asarray(small.low) * unit, large.low, rtol=1e-9, atol=1e-9)
    assert np.allclose(small.p, large.p)


@given(values, variances, st.floats(0.01, 50))
def test_variant_and_control_may_change_places(value: np.ndarray, variance: np.ndarray, clock: float) -> None:
    there = mixture.infer(Effect(value=value, variance=variance), clock, alternative="greater")
    back = mixture.infer(Effect(value=-value, variance=variance), clock, alternative="less")

    assert np.allclose(np.asarray(there.low), -np.asarray(back.high))
    assert np.array_equal(there.p, back.p)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=2, max_size=6), st.sampled_from(["obrien-fleming", "pocock"]))
def test_bounds_spend_what_may_be_spent_and_know_no_future(
    looks: list[int], spending: group_sequential.Spending
) -> None:
    fractions = np.sort(looks) / 250

    bounds = group_sequential.boundaries(fractions, spending=spending)
    crossed = group_sequential.crossing(fractions, 0.0, spending=spending)

    assert np.all(bounds > 1.9)
    assert np.all(crossed <= group_sequential.spent(fractions, spending=spending) + 1e-7)
    assert np.allclose(bounds[:-1], group_sequential.boundaries(fractions[:-1], spending=spending))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5), st.sampled_from(["obrien-fleming", "pocock"]),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_at_planned_looks_a_larger_score_has_a_smaller_p_and_p_decides_with_the_interval(
    looks: list[int], spending: group_sequential.Spending, alpha: float
) -> None:
    effect = Effect(value=np.linspace(0, 12, 300), variance=np.ones(300))

    for is_final in (False, True):
        inference = group_sequential.at_last_look(
            effect, np.sort(looks) / 50, alpha=alpha, spending=spending, is_final=is_final
        )
        p, low = np.asarray(inference.p), np.asarray(inference.low)
        assert np.all(np.diff(p) <= 0)
        assert np.all((p >= group_sequential.SMALLEST_P) & (p <= 1))
        assert np.array_equal(p <= alpha, low >= 0)


@given(p_values, st.randoms(use_true_random=False))
def test_the_order_of_the_questions_does_not_matter(p: np.ndarray, random) -> None:
    order = np.array(random.sample(range(8), 8))

    for correct in (multiplicity.holm, multiplicity.benjamini_hochberg):
        assert np.array_equal(correct(p).p[order], correct(p[order]).p)
        assert np.array_equal(correct(p).is_rejected[order], correct(p[order]).is_rejected)


@given(p_values)
def test_an_adjusted_p_value_is_never_the_smaller_one_and_decides(p: np.ndarray) -> None:
    for correct in (multiplicity.holm, multiplicity.benjamini_hochberg):
        corrected = correct(p)
        assert np.all(corrected.p >= p)
        assert np.array_equal(corrected.is_rejected, corrected.p <= 0.05)


@given(arrays(np.int64, 3, elements=st.integers(0, 10_000)), st.permutations([0, 1, 2]))
def test_the_order_of_variants_does_not_matter_to_a_split(counts: np.ndarray, order: list[int]) -> None:
    weights = np.array([0.2, 0.3, 0.5])

    for test in (sample_ratio.single_look, sample_ratio.any_time):
        here, there = test(counts, weights).p, test(counts[order], weights[order]).p
        assert np.allclose(here, there, equal_nan=True)


@given(st.floats(0.02, 0.9), st.floats(0.01, 0.09), st.floats(0.5, 0.95))
def test_more_power_needs_more_units_and_a_larger_effect_fewer(share: float, gain: float, chance: float) -> None:
    baseline = power.proportion(share)

    size = float(power.sample_size(baseline, gain, power=chance).control)

    assert float(power.sample_size(baseline, gain, power=chance + 0.04).control) >= size
    assert float(power.sample_size(baseline, gain * 1.1, power=chance).control) <= size
