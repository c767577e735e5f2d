"""Lift: its intervals hold the truth as often as they say, and agree with the difference itself."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.stats.compare import Comparison, apart, compare
from regulars.stats.effect import Effect
from regulars.stats.inference import infer
from regulars.stats.lift import delta, fieller, log_ratio
from regulars.stats.moments import share_moments
from regulars.testing.trials import share_trials


def levels(control: float, variant: float, *, variances: tuple[float, float]) -> Comparison:
    return apart(Effect(value=np.array([control, variant]), variance=np.array(variances)))


def test_fiellers_ends_are_where_the_difference_from_a_multiple_of_the_control_is_just_surprising() -> None:
    found = compare(share_moments([50, 75], trials=[500, 500]))

    lift = fieller(found).inference

    for end in (float(lift.low[0]), float(lift.high[0])):
        gap = Effect(
            value=0.15 - (1 + end) * 0.1,
            variance=found.levels.variance[1] + (1 + end) ** 2 * found.levels.variance[0], degrees=found.effect.degrees,
        )
        assert float(infer(gap).p[0]) == pytest.approx(0.05)


def test_a_lift_is_as_surprising_as_its_difference() -> None:
    found = compare(share_moments([[50, 75], [3, 4]], trials=500))

    assert np.array_equal(fieller(found).inference.p, infer(found.effect).p)
    assert fieller(found).inference.value[0] == pytest.approx([0.5])


def test_where_the_control_may_be_nothing_every_lift_can_be() -> None:
    lift = fieller(levels(1.0, 1.5, variances=(1.0, 1.0)))

    assert (float(lift.inference.low[0]), float(lift.inference.high[0])) == (-np.inf, np.inf)
    assert np.isnan(lift.gap_low).all()
    assert lift.holds(1e6).all()


def test_where_only_the_difference_is_sure_the_lifts_near_none_are_left_out() -> None:
    lift = fieller(levels(1.0, 9.0, variances=(1.0, 1.0)))

    assert (float(lift.inference.low[0]), float(lift.inference.high[0])) == (-np.inf, np.inf)
    assert float(lift.gap_low[0]) < 0 < float(lift.gap_high[0])
    assert not lift.holds(0).any()
    assert lift.holds(8.0).all()


def test_a_metric_that_is_never_negative_closes_the_set_on_its_side() -> None:
    lift = fieller(levels(1.0, 9.0, variances=(1.0, 1.0)), floor=-1)

    assert 0 < float(lift.inference.low[0]) < 8 < float(lift.inference.high[0]) == np.inf
    assert np.isnan(lift.gap_low).all()


def test_no_lift_is_less_than_the_floor() -> None:
    found = compare(share_moments([6, 1], trials=[100, 100]))

    assert float(fieller(found).inference.low[0]) < -1
    assert float(fieller(found, floor=-1).inference.low[0]) == -1


def test_without_a_control_or_any_spread_there_is_no_lift() -> None:
    found = compare(share_moments([[0, 5], [0, 0]], trials=[[0, 10], [10, 10]]))

    lift = fieller(found, floor=-1)

    assert np.isnan([lift.inference.value, lift.inference.low, lift.inference.high, lift.inference.p]).all()
    assert not lift.holds(0).any()


def test_a_control_of_nothing_has_no_lift_but_a_difference() -> None:
    found = compare(share_moments([0, 30], trials=[100, 100]))

    lift = fieller(found, floor=-1)

    assert np.isnan(lift.inference.value).all()
    assert (float(lift.inference.low[0]), float(lift.inference.high[0])) == (np.inf, np.inf)
    assert not lift.holds(0).any()
    assert float(lift.inference.p[0]) == float(infer(found.effect).p[0]) < 0.001


def test_a_log_ratio_is_even_in_both_directions() -> None:
    there = log_ratio(compare(share_moments([50, 75], trials=[500, 500])))
    back = log_ratio(compare(share_moments([75, 50], trials=[500, 500])))

    assert (1 + there.low) * (1 + back.high) == pytest.approx(1)
    assert there.p == pytest.approx(back.p)


def test_a_log_ratio_needs_levels_above_nothing() -> None:
    assert np.isnan(log_ratio(levels(-1.0, 2.0, variances=(0.1, 0.1))).low).all()


def test_the_first_order_lift_is_the_textbooks() -> None:
    found = delta(levels(2.0, 3.0, variances=(0.04, 0.09)))

    assert found.variance[0] == pytest.approx(0.09 / 4 + 0.04 * 9 / 16)


@pytest.mark.parametrize("truth", [0.0, 0.5])
def test_lifts_of_rare_successes_are_held_by_19_of_20_intervals_and_missed_evenly(truth: float) -> None:
    trials = share_trials(
        shares=(0.02, 0.02 * (1 + truth)), units=1_000, runs=100_000, rng=np.random.default_rng(2)
    )

    lift = fieller(compare(trials), floor=-1)

    assert 0.945 <= lift.holds(truth).mean() <= 0.955
    assert 0.015 <= (lift.inference.low > truth).mean() <= 0.035
    assert 0.015 <= (lift.inference.high < truth).mean() <= 0.035


@pytest.mark.parametrize("shares", [(0.02, 0.02), (0.05, 0.06), (0.05, 0.075), (0.001, 0.004)])
def test_difference_and_lift_always_decide_alike(shares: tuple[float, float]) -> None:
    found = compare(share_trials(shares=shares, units=1_000, runs=50_000, rng=np.random.default_rng(3)))
    absolute = infer(found.effect)
    known = ~np.isnan(absolute.p)

    lift = fieller(found)

    assert np.array_equal((absolute.p < 0.05)[known], ~lift.holds(0)[known])
    assert np.array_equal(((absolute.low > 0) | (absolute.high < 0))[known], ~lift.holds(0)[known])
    assert known.mean() > 0.99
