"""How sure one may be: the table of the reference's cases through `calculate_statistical_significance`.

Theirs uses Yates' correction for everything, calls one minus p a confidence, and has four more rules elsewhere that
disagree. Here p is exact where few conversions are expected and the score test's elsewhere, the same in every answer;
Yates' and Fisher's stand beside it. What was wrong there is said at each case.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.significance import Cell, any_time, compare

Row = tuple[int, int, int, int]


def found(row: Row) -> dict[str, Any]:
    """Return the answer for A's conversions of how many, and B's."""
    return ABTestingService.calculate_statistical_significance(
        {"conversions": row[0], "messages_sent": row[1]}, {"conversions": row[2], "messages_sent": row[3]}
    ).unwrap()


# Yates, uncorrected, Fisher, as recomputed; one was given as .785055.
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
    # Their tests put 4.32 and .038, .389 and .01 in the place of these three: a stand-in is not the value.
    (55, 250, 35, 250): (0.026988, 0.019907, 0.026611),
    (45, 250, 40, 250): (0.633915, 0.551656, 0.634098),
    (30, 150, 45, 150): (0.061948, 0.045500, 0.061528),
}


@pytest.mark.parametrize("row", GOLDEN, ids=str)
def test_p_values_are_those_of_the_table_and_of_scipy(row: Row) -> None:
    answer = found(row)

    a, n, b, m = row
    table = [[a, n - a], [b, m - b]]
    forms = tuple(answer[f"p_value_{form}"] for form in ("yates", "uncorrected", "fisher"))
    assert forms == pytest.approx(GOLDEN[row], abs=1e-6)
    assert forms == pytest.approx((
        stats.chi2_contingency(table).pvalue, stats.chi2_contingency(table, correction=False).pvalue,
        stats.fisher_exact(table).pvalue,
    ), rel=1e-6)


@pytest.mark.parametrize("row", GOLDEN, ids=str)
def test_p_is_exact_where_few_conversions_are_expected_and_the_score_tests_elsewhere(row: Row) -> None:
    a, n, b, m = row
    expected = stats.contingency.expected_freq([[a, n - a], [b, m - b]]).min()
    right = (
        stats.barnard_exact([[b, a], [m - b, n - a]]).pvalue if expected < 5
        else stats.chi2_contingency([[a, n - a], [b, m - b]], correction=False).pvalue
    )

    assert found(row)["p_value"] == pytest.approx(right, rel=1e-6)


@pytest.mark.parametrize(("row", "low", "high", "chance"), [
    ((50, 500, 75, 500), 0.0090, 0.0912, 0.9915), ((10, 100, 25, 100), 0.0447, 0.2533, 0.9973),
    ((12, 100, 18, 100), -0.040, 0.160, 0.879), ((2, 10, 10, 10), 0.384, 0.943, 0.9999),
])
def test_the_difference_comes_with_its_interval_and_the_chance_that_b_is_better(
    row: Row, low: float, high: float, chance: float
) -> None:
    answer = found(row)

    assert (answer["difference_low"], answer["difference_high"]) == pytest.approx((low, high), abs=5e-4)
    assert answer["probability_b_beats_a"] == pytest.approx(chance, abs=6e-4)
    assert answer["difference_low"] < answer["difference"] < answer["difference_high"]


@pytest.mark.parametrize(("row", "is_significant"), [
    ((50, 500, 75, 500), True), ((10, 100, 25, 100), True), ((120, 1000, 125, 1000), False),
    ((120, 1000, 180, 1000), True), ((40, 500, 60, 500), True), ((12, 100, 18, 100), False),
])
def test_significant_is_what_the_reference_says_too(row: Row, is_significant: bool) -> None:  # noqa: FBT001  a case
    answer = found(row)

    assert answer["significant"] is is_significant
    assert answer["winner"] == answer["leading_variant"] == "B"
    assert answer["confidence_level"] == answer["one_minus_p"] == 1 - answer["p_value"]


def test_who_leads_without_being_sure_is_told_from_a_winner() -> None:
    # 12 against 18 of 100: theirs says winner B. The field stays for those who read it; the decision says what it is worth.
    answer = found((12, 100, 18, 100))

    assert (answer["winner"], answer["significant"], answer["decision"]) == ("B", False, "no_difference_shown")


@pytest.mark.parametrize("row", [(2, 10, 3, 10), (1, 10, 3, 10), (1, 3, 2, 3)], ids=str)
def test_a_handful_is_too_early_and_names_nobody(row: Row) -> None:
    # 1 of 3 against 2 of 3 is "significant, 80 %" for theirs: any 20 points among fewer than ten are.
    answer = found(row)

    assert (answer["insufficient_sample_size"], answer["significant"], answer["winner"]) == (True, False, None)
    assert (answer["decision"], answer["leading_variant"]) == ("too_early", "B")


def test_two_of_ten_against_all_of_ten_is_significant_but_names_nobody_yet() -> None:
    # One of their rules says significant, another insufficient: both are so.
    answer = found((2, 10, 10, 10))

    assert (answer["significant"], answer["insufficient_sample_size"], answer["winner"]) == (True, True, None)


@pytest.mark.parametrize("row", [(10, 100, 10, 100), (150, 1000, 150, 1000), (0, 100, 0, 100), (10, 10, 10, 10),
                                 (0, 0, 0, 0), (0, 0, 3, 50)], ids=str)
def test_equal_and_empty_variants_have_no_winner_and_no_crash(row: Row) -> None:
    answer = found(row)

    assert (answer["winner"], answer["confidence_level"], answer["significant"]) == (None, 0, False)
    assert answer["p_value"] == 1


def test_where_nothing_could_have_surprised_that_is_said_beside_the_p_of_1() -> None:
    assert (found((0, 100, 0, 100))["is_answerable"], found((10, 100, 10, 100))["is_answerable"]) == (False, True)


@pytest.mark.parametrize("counts", [
    {"conversions": 11, "messages_sent": 10}, {"conversions": -1, "messages_sent": 10}, {"messages_sent": 10},
    {"conversions": 0.5, "messages_sent": 10}, {"conversions": math.nan, "messages_sent": 10}, {"conversions": "1", "messages_sent": 10},
])
def test_counts_that_cannot_be_are_a_failure(counts: dict[str, Any]) -> None:
    result = ABTestingService.calculate_statistical_significance(counts, {"conversions": 1, "messages_sent": 10})

    assert result.error_code == "INVALID_COUNTS"


def test_epochs_with_other_ratios_are_compared_within_each() -> None:
    # Together A has 280 of 1,000 and B 240: Simpson's paradox of a changed ratio. Within both epochs B is better.
    cells = [Cell(a_units=900, a_conversions=270, b_units=100, b_conversions=40),
             Cell(a_units=100, a_conversions=10, b_units=900, b_conversions=200)]

    said = compare(cells)

    assert (said.a_rate, said.b_rate) == (0.28, 0.24)
    assert said.leading == "B"
    assert said.difference == pytest.approx((0.1 + (200 / 900 - 0.1)) / 2)


def test_looking_after_every_reply_cries_wolf_no_more_often_than_promised() -> None:
    # Theirs, looked at 20 times, names a false winner in 24 % of tests.
    rng = np.random.default_rng(7)
    units, runs, alarms = 300, 400, 0
    for _ in range(runs):
        converts = rng.random((2, units)) < 0.1
        looks = [
            any_time([Cell(a_units=units, a_conversions=int(converts[0, :n].sum()), b_units=units,
                           b_conversions=int(converts[1, :n].sum()))])
            for n in range(15, units + 1, 15)
        ]
        alarms += min(1.0 if p is None else p for p in looks) < 0.05

    assert alarms / runs <= 0.05
