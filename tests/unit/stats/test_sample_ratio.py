"""Sample-ratio mismatch, at one look and at any."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats import sample_ratio

HALVES = np.array([0.5, 0.5])


@pytest.mark.parametrize(
    ("counts", "p"),
    [((450, 550), 0.00157), ((477, 523), 0.146), ((480, 520), 0.206), ((8000, 8400), 0.00179), ((5, 15), 0.0253)],
)
def test_splits_of_the_reference_table_have_their_p_value(counts: tuple[int, int], p: float) -> None:
    assert float(sample_ratio.single_look(np.array(counts), HALVES).p) == pytest.approx(p, rel=5e-3)


def test_a_broken_split_has_a_p_value_of_its_own_size() -> None:
    p = float(sample_ratio.single_look(np.array([100_000, 110_000]), HALVES).p)

    assert 0 < p < 1e-100


def test_the_evidence_is_the_dirichlet_multinomial_against_the_split() -> None:
    counts, weights = np.array([30, 75, 95]), np.array([0.2, 0.4, 0.4])

    result = sample_ratio.any_time(counts, weights, strength=10.0)

    mixture = stats.dirichlet_multinomial(30 * weights, 200).pmf(counts)
    assert float(result.evidence) == pytest.approx(mixture / stats.multinomial(200, weights).pmf(counts))
    assert float(result.p) == pytest.approx(min(1.0, 1 / float(result.evidence)))


def test_the_evidence_of_every_next_customer_is_on_average_what_it_was() -> None:
    counts, weights = np.array([40.0, 70.0]), np.array([0.3, 0.7])

    now = sample_ratio.any_time(counts, weights).evidence
    next_ones = sample_ratio.any_time(counts + np.eye(2), weights).evidence

    assert float(np.sum(weights * next_ones)) == pytest.approx(float(now))


def test_a_strong_break_is_found_and_a_right_split_is_not() -> None:
    result = sample_ratio.any_time(np.array([[49_000, 51_000], [50_050, 49_950]]), HALVES)

    assert (result.p < 0.001).tolist() == [True, False]


def test_nobody_yet_has_no_answer() -> None:
    for test in (sample_ratio.single_look, sample_ratio.any_time):
        assert np.isnan(test(np.array([0, 0]), HALVES).p)


def test_a_variant_expected_but_empty_is_a_mismatch() -> None:
    for test in (sample_ratio.single_look, sample_ratio.any_time):
        assert float(test(np.array([3_000, 0]), HALVES).p) < 1e-100


def test_customers_in_a_variant_without_weight_are_impossible() -> None:
    for test in (sample_ratio.single_look, sample_ratio.any_time):
        result = test(np.array([50, 50, 1]), np.array([0.5, 0.5, 0.0]))
        assert float(result.p) == 0.0


def test_a_variant_without_weight_and_customers_is_not_there() -> None:
    for test in (sample_ratio.single_look, sample_ratio.any_time):
        with_it, without = test(np.array([60, 40, 0]), np.array([0.5, 0.5, 0.0])), test(np.array([60, 40]), HALVES)
        assert float(with_it.p) == pytest.approx(float(without.p))


def test_all_weight_on_one_variant_can_only_be_right_or_impossible() -> None:
    p = sample_ratio.single_look(np.array([[10, 0], [9, 1]]), np.array([1.0, 0.0])).p

    assert p.tolist() == [1.0, 0.0]


def test_thirds_with_six_digits_are_thirds() -> None:
    result = sample_ratio.single_look(np.array([100, 100, 100]), np.array([0.333333, 0.333333, 0.333333 + 1e-6]))

    assert np.sum(result.expected) == pytest.approx(300)


@pytest.mark.parametrize(
    ("counts", "weights", "sentence"),
    [
        ([1, 2], [0.5, 0.6], "add up to"),
        ([1, 2], [50, 50], "add up to"),
        ([1, 2], [-0.5, 1.5], "add up to"),
        ([1, 2], [0.5, np.nan], "add up to"),
        ([1, 2, 3], [0.5, 0.5], "every variant has one of each"),
        ([-1, 2], [0.5, 0.5], "has the count 0"),
        ([np.nan, 2], [0.5, 0.5], "has the count 0"),
    ],
)
def test_counts_and_weights_that_cannot_be_are_refused(
    counts: list[float], weights: list[float], sentence: str
) -> None:
    for test in (sample_ratio.single_look, sample_ratio.any_time):
        with pytest.raises(ValueError, match=sentence):
            test(np.array(counts), np.array(weights))


def test_a_strength_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="strength is 0"):
        sample_ratio.any_time(np.array([1, 2]), HALVES, strength=0.0)


def test_experiments_with_their_own_weights_are_one_call() -> None:
    counts = np.array([[10, 30], [20, 20]])

    result = sample_ratio.any_time(counts, np.array([[0.25, 0.75], [0.5, 0.5]]))

    assert result.p.shape == (2,)
    assert result.expected.tolist() == counts.tolist()
