"""Effects in standard errors, whatever their degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats.effect import Effect
from regulars.stats.z_score import level_of, within, z_score


@pytest.mark.parametrize("degrees", [2, 5, 30, 1000])
@pytest.mark.parametrize("statistic", [1.75, 2.0, 3.0])
def test_a_student_statistic_becomes_the_normal_one_of_the_same_tail_and_never_a_surer_one(
    degrees: int, statistic: float
) -> None:
    score = float(z_score(Effect(value=-statistic, variance=1.0, degrees=degrees)))

    exact = stats.norm.ppf(stats.t.cdf(-statistic, degrees))
    assert score == pytest.approx(exact, rel=0.01)
    assert abs(score) <= abs(exact)


def test_an_overwhelming_statistic_keeps_its_size() -> None:
    scores = z_score(Effect(value=np.array([1e3, 1e3]), variance=np.ones(2), degrees=np.array([np.inf, 50.0])))

    assert scores[0] == 1e3
    assert 10 < scores[1] < 1e3


@pytest.mark.parametrize("degrees", [3.0, 40.0, np.inf])
def test_an_interval_as_wide_as_the_score_ends_at_zero(degrees: float) -> None:
    effect = Effect(value=2.5, variance=0.8, degrees=degrees)

    inference = within(effect, bound=z_score(effect), p=0.5)

    assert float(inference.low) == pytest.approx(0.0, abs=1e-12)
    assert float(inference.high) == pytest.approx(5.0)


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_an_effect_without_variance_has_no_answer(variance: float) -> None:
    inference = within(Effect(value=1.0, variance=variance), bound=2.0, p=0.5)

    assert np.all(np.isnan([inference.value, inference.low, inference.high, inference.p]))


def test_a_bound_of_1_96_is_a_level_of_five_in_a_hundred() -> None:
    assert level_of(np.array([1.959963984540054, np.inf])) == pytest.approx([0.05, 0.0])
