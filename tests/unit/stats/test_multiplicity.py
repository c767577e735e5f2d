"""Many answers at once, and intervals that go with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from regulars.stats import multiplicity, sequential
from regulars.stats.effect import Effect


def test_holm_adjusts_as_published() -> None:
    corrected = multiplicity.holm(np.array([0.01, 0.04, 0.03, 0.005, 0.55, 0.6]))

    assert np.sort(corrected.p) == pytest.approx([0.03, 0.05, 0.12, 0.12, 1, 1])
    assert corrected.is_rejected.tolist() == [True, False, False, True, False, False]


def test_benjamini_and_hochberg_adjust_as_published() -> None:
    p = np.array([0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138])

    assert multiplicity.benjamini_hochberg(p).p == pytest.approx(stats.false_discovery_control(p))


def test_a_question_not_asked_is_no_member_of_the_family() -> None:
    p = np.array([0.02, np.nan, 0.04])

    for correct in (multiplicity.holm, multiplicity.benjamini_hochberg):
        with_gap, without = correct(p), correct(p[[0, 2]])
        assert with_gap.p[[0, 2]] == pytest.approx(without.p)
        assert np.isnan(with_gap.p[1])
        assert not with_gap.is_rejected[1]
        assert np.isnan(with_gap.interval_alpha[1])


def test_a_family_of_nothing_has_no_answers() -> None:
    for correct in (multiplicity.holm, multiplicity.benjamini_hochberg, multiplicity.e_bh):
        assert not np.any(correct(np.full(3, np.nan)).is_rejected)


def test_families_are_the_last_axis() -> None:
    p = np.array([[0.01, 0.2], [0.03, 0.04]])

    together = multiplicity.benjamini_hochberg(p)

    assert together.p[1] == pytest.approx(multiplicity.benjamini_hochberg(p[1]).p)


def test_e_bh_rejects_the_k_largest_where_the_k_th_reaches_k_shares_of_the_bar() -> None:
    # Of 5 at .05: one needs 100, two need 50 each, three 33.3 each.
    assert multiplicity.e_bh(np.array([99, 49, 34, 1, 0])).is_rejected.tolist() == [True, True, True, False, False]
    assert not np.any(multiplicity.e_bh(np.array([99, 49, 33, 1, 0])).is_rejected)


def test_endless_evidence_is_rejected_and_none_is_not() -> None:
    assert multiplicity.e_bh(np.array([np.inf, 0.0])).is_rejected.tolist() == [True, False]


def test_negative_evidence_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        multiplicity.e_bh(np.array([-1.0, 2.0]))


def test_intervals_of_what_e_bh_rejects_leave_zero_and_others_hold_it() -> None:
    effect = Effect(value=np.linspace(0, 6, 40), variance=np.ones(40))

    corrected = multiplicity.e_bh(sequential.evidence(effect, 700, planned=1_000))
    inference = sequential.confidence_sequence(effect, 700, planned=1_000, alpha=np.fmax(corrected.interval_alpha, 1e-12))

    assert 0 < np.sum(corrected.is_rejected) < 40
    assert np.array_equal(np.asarray(inference.low) > 0, corrected.is_rejected)


def test_intervals_of_what_bh_rejects_leave_zero_and_others_hold_it() -> None:
    z = np.linspace(0, 6, 40)

    corrected = multiplicity.benjamini_hochberg(2 * stats.norm.sf(z))

    assert np.array_equal(z > stats.norm.isf(corrected.interval_alpha / 2), corrected.is_rejected)


def test_intervals_after_holm_are_bonferronis() -> None:
    corrected = multiplicity.holm(np.array([0.001, 0.5, np.nan, 0.04]))

    assert corrected.interval_alpha[[0, 1, 3]] == pytest.approx([0.05 / 3] * 3)


@pytest.mark.parametrize("power", [None, 0.1, 0.5])
def test_a_calibrated_p_value_is_an_e_value(power: float | None) -> None:
    def at(surprise: float) -> float:
        return float(multiplicity.from_p(np.exp(-surprise), power=power) * np.exp(-surprise))

    mean, _ = integrate.quad(at, 0, 600, limit=500, points=[1, 10, 100])

    # p-values below exp(-600) are left out: of the mixed calibrator's mean they hold 1/600.
    assert mean == pytest.approx(1 - (1 / 600 if power is None else 0), abs=1e-5)


def test_the_mixed_calibrator_is_the_mean_of_all_powers() -> None:
    for p in (1e-8, 0.01, 0.7, 0.99995):
        mean, _ = integrate.quad(lambda k, p=p: k * p ** (k - 1), 0, 1)
        assert float(multiplicity.from_p(p)) == pytest.approx(mean, rel=1e-6)


def test_calibrators_know_their_ends() -> None:
    assert multiplicity.from_p(np.array([0.0, 1.0])).tolist() == [np.inf, 0.5]
    assert np.isnan(multiplicity.from_p(np.nan))


@pytest.mark.parametrize(("p", "power"), [(1.1, None), (-0.1, None), (0.5, 1.0)])
def test_what_is_no_p_value_or_power_is_refused(p: float, power: float | None) -> None:
    with pytest.raises(ValueError, match="0"):
        multiplicity.from_p(p, power=power)
