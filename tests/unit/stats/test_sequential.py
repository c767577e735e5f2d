"""Confidence sequences: tuned to a plan, the same evidence at every level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats import sequential
from regulars.stats.effect import Effect, Inference
from regulars.stats.inference import Alternative

EFFECT = Effect(value=np.array([0.0, 1.0, 3.0, 6.0]), variance=np.ones(4))


def test_at_the_planned_size_safety_costs_at_most_1_56_widths_of_one_look() -> None:
    inference = sequential.confidence_sequence(Effect(value=0.0, variance=1.0), 20_000, planned=20_000)

    assert float(inference.high) / stats.norm.isf(0.025) <= 1.56


@pytest.mark.parametrize("other", [2_000, 100_000])
def test_no_other_plan_is_sharper_at_the_planned_size(other: int) -> None:
    tuned = sequential.confidence_sequence(EFFECT, 20_000, planned=20_000)
    mistuned = sequential.confidence_sequence(EFFECT, 20_000, planned=other)

    assert np.all(np.asarray(tuned.high) < np.asarray(mistuned.high))


def test_one_side_costs_less_than_two() -> None:
    two = sequential.confidence_sequence(EFFECT, 1_000, planned=1_000)
    one = sequential.confidence_sequence(EFFECT, 1_000, planned=1_000, alternative="greater")

    assert np.all(np.asarray(one.low) > np.asarray(two.low))


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_evidence_is_20_exactly_where_the_interval_leaves_zero(alternative: Alternative) -> None:
    effect = Effect(value=np.linspace(0, 5, 400), variance=np.ones(400))

    evidence = sequential.evidence(effect, 500, planned=1_000, alternative=alternative)
    inference = sequential.confidence_sequence(effect, 500, planned=1_000, alternative=alternative)

    assert np.array_equal(evidence >= 20, np.asarray(inference.low) > 0)
    assert np.array_equal(evidence >= 20, np.asarray(inference.p) <= 0.05)


def test_an_interval_at_another_level_belongs_to_the_same_evidence() -> None:
    effect = Effect(value=3.9, variance=1.0)

    alpha = 1 / sequential.evidence(effect, 500, planned=1_000)
    inference = sequential.confidence_sequence(effect, 500, planned=1_000, alpha=alpha)

    assert float(inference.low) == pytest.approx(0.0, abs=1e-12)


def test_with_nobody_there_is_no_answer() -> None:
    inference = sequential.confidence_sequence(EFFECT, 0, planned=1_000)

    assert np.all(np.isnan(inference.p))
    assert np.all(np.isnan(inference.low))


@pytest.mark.parametrize("planned", [0, -5, np.nan])
def test_a_plan_of_nobody_is_refused(planned: float) -> None:
    with pytest.raises(ValueError, match="number of units the experiment is to reach"):
        sequential.confidence_sequence(EFFECT, 10, planned=planned)


def test_metrics_with_their_own_numbers_are_one_call() -> None:
    n = np.array([[100], [10_000]])

    inference = sequential.confidence_sequence(EFFECT, n, planned=10_000)

    alone = sequential.confidence_sequence(Effect(value=3.0, variance=1.0), 100, planned=10_000)
    assert np.shape(inference.p) == (2, 4)
    assert np.asarray(inference.high)[0, 2] == alone.high


def test_all_looks_together_say_what_they_all_allow() -> None:
    looks = Inference(
        value=np.array([1.0, 2.0, 1.5]), low=np.array([-1.0, 0.5, 0.2]), high=np.array([3.0, 4.0, 2.5]),
        p=np.array([0.4, 0.01, 0.03]),
    )

    together = sequential.so_far(looks)

    assert np.asarray(together.low).tolist() == [-1.0, 0.5, 0.5]
    assert np.asarray(together.high).tolist() == [3.0, 3.0, 2.5]
    assert np.asarray(together.p).tolist() == [0.4, 0.01, 0.01]


def test_looks_that_contradict_each_other_have_no_interval_together() -> None:
    looks = Inference(value=np.array([1.0, 5.0]), low=np.array([0.0, 4.0]), high=np.array([2.0, 6.0]), p=np.ones(2))

    together = sequential.so_far(looks)

    assert np.isnan(np.asarray(together.low)[1])
    assert not np.isnan(np.asarray(together.low)[0])
