"""Tests of two shares against published values and against scipy's own.

Some expectations that came with these tables were not right, and are not repeated:
- Barnard's p of 2/10 against 10/10 was given as .00017; scipy, with either statistic, and Boschloo's test say .000212,
- Fisher's p of 120/1000 against 125/1000 was given as .785055; it is .7850540,
- where all trials failed, or all succeeded, or there were none, p was given as 1: there is none.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats.tables import Shares, barnard, chi_square, compare_shares, fisher, newcombe

# control, of how many, variant, of how many: p by Yates, uncorrected, Fisher
GOLDEN = {
    (50, 500, 75, 500): (0.021742, 0.016827, 0.021453),
    (10, 100, 25, 100): (0.009178, 0.005247, 0.008504),
    (12, 100, 18, 100): (0.322102, 0.234764, 0.322178),
    (120, 1000, 125, 1000): (0.785003, 0.733098, 0.785054),
    (120, 1000, 180, 1000): (0.000220, 0.000172, 0.000212),
    (40, 500, 60, 500): (0.045201, 0.035015, 0.044762),
    (2, 10, 10, 10): (0.001398, 0.000261, 0.000714),
    (2, 10, 3, 10): (1.0, 0.605577, 1.0),
    (1, 10, 3, 10): (0.576150, 0.263552, 0.582043),
    (3, 12, 4, 8): (0.502944, 0.250829, 0.356347),
    (10, 100, 10, 100): (1.0, 1.0, 1.0),
    (150, 1000, 150, 1000): (1.0, 1.0, 1.0),
    (55, 250, 35, 250): (0.026988, 0.019907, 0.026611),
    (45, 250, 40, 250): (0.633915, 0.551656, 0.634098),
    (30, 150, 45, 150): (0.061948, 0.045500, 0.061528),
    (50, 1000, 70, 1000): (0.073622, 0.0597, 0.073232),
    (1, 20, 6, 20): (0.096012, 0.0375, 0.091476),
}
INTERVALS = {
    (50, 500, 75, 500): (0.0090, 0.0912), (10, 100, 25, 100): (0.0447, 0.2533), (12, 100, 18, 100): (-0.040, 0.160),
    (2, 10, 10, 10): (0.384, 0.943),
}
Row = tuple[int, int, int, int]


def shares(*rows: Row) -> Shares:
    columns = np.array(rows, dtype=float).T
    return Shares(
        control_successes=columns[0], control_trials=columns[1], variant_successes=columns[2], variant_trials=columns[3]
    )


def table(row: Row) -> list[list[int]]:
    control, of_control, variant, of_variant = row
    return [[variant, control], [of_variant - variant, of_control - control]]


def test_all_golden_tables_at_once_corrected_uncorrected_and_exact() -> None:
    found = shares(*GOLDEN)

    p = np.stack([chi_square(found, is_corrected=True), chi_square(found), fisher(found)], axis=-1)

    assert p == pytest.approx(np.array(list(GOLDEN.values())), abs=4e-5)
    exact = [place for place, row in enumerate(GOLDEN) if row not in {(50, 1000, 70, 1000), (1, 20, 6, 20)}]
    assert p[exact] == pytest.approx(np.array(list(GOLDEN.values()))[exact], abs=6e-7)


@pytest.mark.parametrize("row", INTERVALS, ids=str)
def test_newcombes_interval_is_as_published(row: Row) -> None:
    low, high = newcombe(shares(row))

    assert (float(low[0]), float(high[0])) == pytest.approx(INTERVALS[row], abs=5e-4 if row != (50, 500, 75, 500) else 5e-5)


def test_newcombes_own_example() -> None:
    low, high = newcombe(shares((48, 80, 56, 70)))           # Newcombe (1998), table II, row a: 56/70 less 48/80

    assert (round(float(low[0]), 4), round(float(high[0]), 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize("row", [(2, 10, 10, 10), (1, 10, 3, 10), (3, 12, 4, 8), (1, 3, 2, 3), (0, 7, 3, 15), (1, 20, 6, 20)], ids=str)
def test_barnards_test_agrees_with_scipy(row: Row) -> None:
    assert float(barnard(shares(row))[0]) == pytest.approx(stats.barnard_exact(table(row)).pvalue, rel=1e-6)


@pytest.mark.parametrize("row", [*GOLDEN, (0, 7, 3, 15), (3, 400, 0, 90)], ids=str)
def test_chi_square_and_fisher_agree_with_scipy(row: Row) -> None:
    found = shares(row)

    assert float(fisher(found)[0]) == pytest.approx(stats.fisher_exact(table(row)).pvalue, rel=1e-6)
    for is_corrected in (False, True):
        expected = stats.chi2_contingency(table(row), correction=is_corrected).pvalue
        assert float(chi_square(found, is_corrected=is_corrected)[0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("row", [(0, 100, 0, 100), (10, 10, 10, 10), (0, 0, 3, 5), (0, 0, 0, 0)], ids=str)
def test_where_nothing_could_have_surprised_there_is_no_p_value(row: Row) -> None:
    found = shares(row)

    p = [chi_square(found), chi_square(found, is_corrected=True), fisher(found), barnard(found), compare_shares(found).p]

    assert np.isnan(p).all()


def test_where_all_failed_the_interval_still_says_how_far_apart_they_can_be() -> None:
    found = compare_shares(shares((0, 100, 0, 100)))

    assert (float(found.low[0]), float(found.high[0])) == pytest.approx((-0.0370, 0.0370), abs=5e-5)


def test_equal_rates_that_vary_have_p_1_and_difference_0() -> None:
    found = compare_shares(shares((10, 100, 10, 100)))

    assert (float(found.value[0]), float(found.p[0])) == (0, 1)


def test_two_of_ten_against_all_of_ten_is_significant_and_one_of_three_against_two_is_not() -> None:
    found = compare_shares(shares((2, 10, 10, 10), (1, 3, 2, 3)))

    assert found.p[0] < 0.001
    assert found.p[1] > 0.5
