"""Two shares by their Beta posteriors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats.beta_binomial import Beta, believe

FLAT = Beta()


def test_chances_to_win_are_those_of_the_reference_table() -> None:
    control = FLAT.updated(np.array([50, 10, 12, 120, 2, 10, 0]), np.array([500, 100, 100, 1000, 10, 100, 100]))
    variant = FLAT.updated(np.array([75, 25, 18, 125, 10, 10, 0]), np.array([500, 100, 100, 1000, 10, 100, 100]))

    chances = believe(control, variant).chance_to_win

    assert chances == pytest.approx([0.9915, 0.9973, 0.879, 0.634, 0.9999, 0.5, 0.5], abs=1e-3)


def test_whole_flat_counts_win_by_the_hypergeometric_law() -> None:
    # P(B > A) of Beta(a, b) and Beta(c, d) with whole parameters is a tail of the hypergeometric law (Altham 1969).
    belief = believe(Beta(yes=3, no=5), Beta(yes=4, no=2))

    tail = stats.hypergeom(M=3 + 5 + 4 + 2 - 2, n=3 + 4 - 1, N=4 + 2 - 1).cdf(4 - 1)
    assert float(belief.chance_to_win) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(
    ("control", "variant"),
    [(Beta(yes=0.5, no=0.5), Beta(yes=0.5, no=30.5)), (Beta(yes=1, no=1), Beta(yes=1, no=1000)), (Beta(yes=900, no=8000), Beta(yes=3, no=20))],
)
def test_interval_and_losses_are_those_of_draws(control: Beta, variant: Beta) -> None:
    rng = np.random.default_rng(5)
    gain = rng.beta(variant.yes, variant.no, 400_000) - rng.beta(control.yes, control.no, 400_000)

    belief = believe(control, variant)

    assert (float(belief.low), float(belief.high)) == pytest.approx(np.quantile(gain, [0.025, 0.975]), abs=3e-3)
    assert float(belief.loss_if_chosen) == pytest.approx(np.mean(np.maximum(-gain, 0)), rel=0.02, abs=1e-5)
    assert float(belief.loss_if_kept) == pytest.approx(np.mean(np.maximum(gain, 0)), rel=0.02, abs=1e-5)


def test_nobody_converting_leaves_two_equal_variants_in_balance() -> None:
    belief = believe(FLAT.updated(0, 100), FLAT.updated(0, 100))

    assert float(belief.low) == pytest.approx(-float(belief.high))
    assert float(belief.chance_to_win) == pytest.approx(0.5)


def test_large_counts_agree_with_the_normal_curve() -> None:
    control, variant = FLAT.updated(50_000, 1_000_000), FLAT.updated(50_500, 1_000_000)

    error = np.sqrt(2 * 0.05025 * 0.94975 / 1_000_000)
    assert float(believe(control, variant).chance_to_win) == pytest.approx(stats.norm.cdf(0.0005 / error), abs=1e-3)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="11 successes of 10"):
        FLAT.updated(11, 10)


def test_a_beta_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="both are positive"):
        Beta(yes=0.0)
