"""Tables of counts: what is refused, and when which test is asked."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.stats.tables import Shares, barnard, chi_square, compare_shares, fisher, wilson


def shares(control: float, of_control: float, variant: float, of_variant: float) -> Shares:
    return Shares(
        control_successes=np.array(control), control_trials=np.array(of_control), variant_successes=np.array(variant),
        variant_trials=np.array(of_variant),
    )


@pytest.mark.parametrize("row", [(5, 4, 1, 3), (-1, 4, 1, 3), (1.5, 4, 1, 3), (np.nan, 4, 1, 3), (1, np.inf, 1, 3)])
def test_counts_that_cannot_be_are_refused(row: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"successes|trials"):
        shares(*row)


def test_few_expected_are_left_to_barnard_and_many_to_the_score_test() -> None:
    few, many = shares(1, 20, 6, 20), shares(50, 1000, 70, 1000)

    assert float(compare_shares(few).p) == float(barnard(few))
    assert float(compare_shares(many).p) == float(chi_square(many))


def test_few_of_a_great_many_are_left_to_fisher() -> None:
    rare = shares(0, 5_000_000, 6, 5_000_000)

    assert float(compare_shares(rare).p) == float(fisher(rare)) == pytest.approx(2 / 2**6, rel=1e-5)


def test_one_success_and_one_failure_prove_nothing() -> None:
    assert float(compare_shares(shares(0, 1, 1, 1)).p) == pytest.approx(0.5)


def test_control_and_variant_can_change_places() -> None:
    there, back = shares(3, 12, 6, 9), shares(6, 9, 3, 12)

    for test in (fisher, barnard, chi_square):
        assert float(test(there)) == pytest.approx(float(test(back)))


def test_barnards_test_cries_wolf_at_most_as_often_as_it_says() -> None:
    successes = np.arange(9.0)
    table = np.meshgrid(successes, successes, indexing="ij")
    p = barnard(Shares(
        control_successes=table[0], control_trials=np.full((9, 9), 8.0), variant_successes=table[1],
        variant_trials=np.full((9, 9), 8.0),
    ))
    rejected = np.nan_to_num(p, nan=1.0) <= 0.05

    for share in np.linspace(0.02, 0.98, 49):
        chance = np.array([np.exp(np.log(share) * k + np.log1p(-share) * (8 - k)) for k in range(9)])
        chance *= [1, 8, 28, 56, 70, 56, 28, 8, 1]
        assert chance @ rejected @ chance <= 0.05 + 1e-9


def test_the_interval_of_a_share_stays_within_0_and_1() -> None:
    low, high = wilson(np.array([0.0, 10.0, 0.0]), trials=np.array([10.0, 10.0, 0.0]))

    assert (low[0], high[1]) == pytest.approx((0, 1))
    assert 0 <= low[0] < high[1] <= 1
    assert (high[0], low[1]) == pytest.approx((0.2775, 0.7225), abs=5e-5)
    assert np.isnan([low[2], high[2]]).all()
