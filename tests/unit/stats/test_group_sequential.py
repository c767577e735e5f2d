"""Spending error over looks: published bounds, looks that come as they come, intervals and p-values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats import group_sequential
from regulars.stats.effect import Effect

FIFTHS = np.arange(1, 6) / 5


def test_bounds_after_obrien_and_fleming_are_those_of_ldbounds() -> None:
    # Lan and DeMets' program, two-sided .05, five equal looks; the same in gsDesign, sfLDOF, one-sided .025.
    assert group_sequential.boundaries(FIFTHS) == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


def test_bounds_after_pocock_are_those_of_gsdesign() -> None:
    # gsDesign, sfLDPocock, one-sided .025.
    bounds = group_sequential.boundaries(FIFTHS, spending="pocock")

    assert bounds == pytest.approx([2.4380, 2.4268, 2.4102, 2.3966, 2.3860], abs=2e-4)


def test_one_sided_bounds_of_half_the_level_are_those_of_seqbounds() -> None:
    # SeqBounds.jl, one-sided .05 at quarters; two sides at .1 differ where a path could cross both.
    bounds = group_sequential.boundaries(np.arange(1, 5) / 4, alpha=0.1)

    assert bounds == pytest.approx([3.74955, 2.53993, 2.01604, 1.72014], abs=1e-4)


def test_five_looks_cost_at_most_1_06_widths_of_one() -> None:
    assert group_sequential.boundaries(FIFTHS)[-1] / stats.norm.isf(0.025) <= 1.06


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_one_look_at_the_end_is_the_test_of_one_look(spending: group_sequential.Spending) -> None:
    bounds = group_sequential.boundaries(np.array([1.0]), spending=spending)

    assert bounds == pytest.approx([stats.norm.isf(0.025)])


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_without_effect_the_error_spent_is_the_chance_to_have_crossed(spending: group_sequential.Spending) -> None:
    fractions = np.array([0.1, 0.15, 0.5, 0.51, 0.9, 1.0])

    crossed = group_sequential.crossing(fractions, 0.0, spending=spending)

    assert crossed == pytest.approx(group_sequential.spent(fractions, spending=spending), rel=1e-6)


def test_a_bound_needs_the_looks_so_far_and_no_later_one() -> None:
    short, long = np.array([0.13, 0.4]), np.array([0.13, 0.4, 0.45, 0.9])

    assert group_sequential.boundaries(long)[:2] == pytest.approx(group_sequential.boundaries(short))


def test_no_look_yet_is_a_zero_in_front() -> None:
    rows = np.array([[0.0, 0.3, 0.8], [0.2, 0.3, 0.8]])

    bounds = group_sequential.boundaries(rows)

    assert bounds[0, 0] == np.inf
    assert bounds[0, 1:] == pytest.approx(group_sequential.boundaries(np.array([0.3, 0.8])))
    assert bounds[1] == pytest.approx(group_sequential.boundaries(rows[1]))


def test_the_same_data_looked_at_again_meets_the_same_bound() -> None:
    bounds = group_sequential.boundaries(np.array([0.5, 0.5, 1.0]))

    assert bounds == pytest.approx(group_sequential.boundaries(np.array([0.5, 1.0]))[[0, 0, 1]])


def test_a_look_that_adds_next_to_nothing_waits_and_leaves_its_error_to_the_next() -> None:
    bounds = group_sequential.boundaries(np.array([0.5, 0.50001, 1.0]))

    assert bounds[1] == np.inf
    assert bounds[[0, 2]] == pytest.approx(group_sequential.boundaries(np.array([0.5, 1.0])))


def test_past_the_plan_there_is_nothing_left_to_spend() -> None:
    bounds = group_sequential.boundaries(np.array([0.5, 1.1, 1.3]))

    assert np.isfinite(bounds[1])
    assert bounds[2] == np.inf


def test_a_test_that_ends_early_spends_what_is_left() -> None:
    early = group_sequential.boundaries(np.array([0.4, 0.7]), is_final=True)

    assert early[1] < group_sequential.boundaries(np.array([0.4, 0.7]))[1]
    assert early[1] == pytest.approx(stats.norm.isf(0.025), abs=0.03)


def test_the_interval_excludes_zero_exactly_where_p_is_at_most_alpha() -> None:
    effect = Effect(value=np.linspace(0, 6, 601), variance=np.ones(601))

    for looks in (FIFTHS[:2], FIFTHS):
        inference = group_sequential.at_last_look(effect, looks)
        assert np.array_equal(np.asarray(inference.p) <= 0.05, np.asarray(inference.low) >= 0)


@pytest.mark.parametrize("z", [0.7, 2.0, 2.9, 5.0])
@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_the_p_value_is_the_level_at_which_the_look_would_just_end_the_test(
    z: float, spending: group_sequential.Spending
) -> None:
    p = float(group_sequential.at_last_look(Effect(value=z, variance=1.0), FIFTHS, spending=spending).p)

    assert group_sequential.boundaries(FIFTHS, alpha=p, spending=spending)[-1] == pytest.approx(z, abs=3e-3)


def test_the_smallest_p_value_is_a_floor() -> None:
    p = group_sequential.at_last_look(Effect(value=50.0, variance=1.0), FIFTHS).p

    assert float(p) == group_sequential.SMALLEST_P


def test_experiments_of_different_histories_are_one_call() -> None:
    histories = np.array([[[0.2, 0.4]], [[0.5, 0.9]]])
    effect = Effect(value=np.array([[1.0, 2.5, 4.0]] * 2), variance=np.ones((2, 3)))

    inference = group_sequential.at_last_look(effect, histories)

    alone = group_sequential.at_last_look(Effect(value=2.5, variance=1.0), np.array([0.5, 0.9]))
    assert np.asarray(inference.p)[1, 1] == pytest.approx(float(alone.p))
    assert np.asarray(inference.low)[1, 1] == pytest.approx(float(alone.low))


def test_an_effect_without_variance_has_no_answer() -> None:
    inference = group_sequential.at_last_look(Effect(value=np.array([1.0, 1.0]), variance=np.array([0.0, 1.0])), FIFTHS)

    assert np.isnan(inference.p).tolist() == [True, False]
    assert np.isnan(inference.high).tolist() == [True, False]


def test_the_chance_to_cross_under_an_effect_is_that_of_walks() -> None:
    rng = np.random.default_rng(7)
    walks = np.cumsum(rng.normal(0.2 * 2.8, np.sqrt(0.2), size=(40_000, 5)), axis=1) / np.sqrt(FIFTHS)
    has_crossed = np.maximum.accumulate(np.abs(walks) >= group_sequential.boundaries(FIFTHS), axis=1)

    chance = group_sequential.crossing(FIFTHS, 2.8)

    assert chance == pytest.approx(has_crossed.mean(axis=0), abs=0.01)


def test_two_hundred_looks_spend_five_in_a_hundred() -> None:
    crossed = group_sequential.crossing(np.arange(1, 201) / 200, 0.0)

    assert crossed[-1] == pytest.approx(0.05, rel=1e-5)


@pytest.mark.parametrize("fractions", [[0.5, 0.4], [-0.1, 0.5], [np.nan, 1.0]])
def test_fractions_that_do_not_grow_are_refused(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match="grow from look to look"):
        group_sequential.boundaries(np.array(fractions))


def test_a_test_without_looks_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no look"):
        group_sequential.boundaries(np.array([]))


def test_an_unknown_way_to_spend_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'obrien-fleming' or 'pocock'"):
        group_sequential.boundaries(FIFTHS, spending="haybittle")  # type: ignore[arg-type]  # what is tested
