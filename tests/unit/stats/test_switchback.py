"""A schedule of slots is balanced, and its test errs no more often than it says, whatever the hours are like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.stats.switchback import Design, Refusal, SlotComparison, compare, draw, linearised, refuse_unit

designs = st.builds(
    Design, items=st.integers(1, 9), slots=st.integers(1, 30), variants=st.integers(2, 5), repeats=st.integers(1, 3)
)


def hours(rng: np.random.Generator, items: int, slots: int) -> np.ndarray:
    """A day's season, and a memory of 0.8 from hour to hour."""
    noise = rng.normal(size=(items, slots))
    for t in range(1, slots):
        noise[:, t] = 0.8 * noise[:, t - 1] + 0.6 * noise[:, t]
    return noise + np.sin(2 * np.pi * np.arange(slots) / 24)


def compared(outcomes: np.ndarray, design: Design, seed: int, **options) -> SlotComparison:
    rng = np.random.default_rng(seed)
    schedule = draw(design, rng=rng)
    found = compare(outcomes(schedule), schedule=schedule, rng=rng, **options)
    assert isinstance(found, SlotComparison)
    return found


@given(design=designs, seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_every_item_shows_every_variant_equally_often_in_every_whole_block(design: Design, seed: int) -> None:
    schedule = draw(design, rng=np.random.default_rng(seed))

    whole = [slots for slots in design.blocks if len(slots) == design.variants * design.repeats]
    counts = [(schedule.variant[:, slots] == v).sum(axis=1) for slots in whole for v in range(design.variants)]
    assert all(np.all(count == design.repeats) for count in counts)


@given(design=designs, seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_in_every_slot_variants_are_spread_over_items_as_evenly_as_can_be(design: Design, seed: int) -> None:
    schedule = draw(design, rng=np.random.default_rng(seed))

    counts = np.stack([(schedule.variant == v).sum(axis=0) for v in range(design.variants)])
    assert np.all(counts.max(axis=0) - counts.min(axis=0) <= 1)


def test_strata_are_blocked_among_themselves() -> None:
    design = Design(items=1, slots=8, strata=(0, 1, 0, 1, 0, 1, 0, 1))

    assert [list(slots) for slots in design.blocks] == [[0, 2], [4, 6], [1, 3], [5, 7]]


def test_the_same_seed_draws_the_same_schedule() -> None:
    design = Design(items=5, slots=24, variants=3)

    first, again = (draw(design, rng=np.random.default_rng(4)) for _ in range(2))

    assert np.array_equal(first.variant, again.variant)


def test_no_effect_is_found_five_times_in_a_hundred_at_most_under_memory_and_season() -> None:
    runs = 200
    p = np.empty(runs)
    for n in range(runs):
        rng = np.random.default_rng(n)
        schedule = draw(Design(items=1, slots=96), rng=rng)
        p[n] = compare(hours(rng, 1, 96), schedule=schedule, rng=rng, draws=199).inference.p[1]

    assert np.mean(p <= 0.05) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean(p <= 0.5) > 0.35


def test_an_effect_is_found_with_its_size() -> None:
    found = compared(lambda s: hours(np.random.default_rng(1), 3, 96) + 1.0 * (s.variant == 2), Design(items=3, slots=96, variants=3), 7)

    assert found.inference.low[2] < 1.0 < found.inference.high[2]
    assert found.inference.p[2] < 0.01
    assert found.any_difference < 0.01
    assert np.isnan(found.inference.value[0])


def test_an_effect_of_a_third_variant_is_not_laid_on_the_second() -> None:
    found = compared(lambda s: hours(np.random.default_rng(1), 3, 96) + 5.0 * (s.variant == 2), Design(items=3, slots=96, variants=3), 7)

    assert found.inference.p[1] > 0.05


def test_the_interval_is_all_effects_that_the_test_does_not_reject() -> None:
    rng = np.random.default_rng(3)
    schedule = draw(Design(items=1, slots=16), rng=rng)
    y = hours(rng, 1, 16) + 0.5 * (schedule.variant == 1)
    found = compare(y, schedule=schedule, rng=rng)

    def p(effect: float) -> float:
        return float(compare(y - effect * (schedule.variant == 1), schedule=schedule, rng=rng).inference.p[1])

    low, high = float(found.inference.low[1]), float(found.inference.high[1])
    assert [p(low + 1e-6) > 0.05, p(low - 1e-6) > 0.05] == [True, False]
    assert [p(high - 1e-6) > 0.05, p(high + 1e-6) > 0.05] == [True, False]


def test_few_slots_are_tested_in_all_ways_they_could_have_come() -> None:
    # Six blocks of two, the variant always one higher: of 64 ways only this one and its mirror are as far apart.
    found = compared(lambda s: np.where(s.variant == 1, 1.0, 0.0), Design(items=1, slots=12), 0)

    assert found.inference.p[1] == pytest.approx(2 / 64)
    assert found.resolution == pytest.approx(2 / 64)


def test_what_carries_over_is_left_out() -> None:
    def lingering(schedule) -> np.ndarray:
        variant = schedule.variant.astype(float)
        before = np.concatenate([variant[:, :1], variant[:, :-1]], axis=1)
        return 0.5 * variant + 0.5 * before

    design = Design(items=2, slots=200, repeats=2)

    assert compared(lingering, design, 2, carryover=1).inference.value[1] == pytest.approx(1.0)
    assert compared(lingering, design, 2).inference.value[1] < 0.9


def test_the_burn_in_of_a_slot_is_left_out() -> None:
    def stale(schedule) -> np.ndarray:
        parts = np.repeat(schedule.variant[..., None].astype(float), 3, axis=2)
        parts[..., 0] = 9.0
        parts[0, 3, 1] = parts[0, 5] = np.nan
        return parts

    found = compared(stale, Design(items=1, slots=40), 1, burn_in=1)

    assert found.inference.value[1] == pytest.approx(1.0)
    assert found.kept.sum() == 39


def test_slots_in_which_nobody_came_are_left_out() -> None:
    def partly(schedule) -> np.ndarray:
        y = schedule.variant.astype(float)
        y[0, ::7] = np.nan
        return y

    found = compared(partly, Design(items=1, slots=40), 1)

    assert found.inference.value[1] == pytest.approx(1.0)
    assert found.kept.sum() == 40 - 6


def test_too_few_blocks_are_refused_with_how_many_are_needed() -> None:
    schedule = draw(Design(items=1, slots=6), rng=np.random.default_rng(0))

    found = compare(np.zeros((1, 6)), schedule=schedule, rng=np.random.default_rng(0))

    assert isinstance(found, Refusal)
    assert "at least 6" in found.reason


def test_a_carryover_that_leaves_no_slots_is_refused() -> None:
    schedule = draw(Design(items=1, slots=40), rng=np.random.default_rng(0))

    found = compare(np.zeros((1, 40)), schedule=schedule, rng=np.random.default_rng(0), carryover=3)

    assert isinstance(found, Refusal)
    assert "4 slots running" in found.reason


def test_a_test_by_impression_is_refused_with_its_reason() -> None:
    refusal = refuse_unit("impression")

    assert refusal is not None
    assert "everybody in a slot saw the same variant" in refusal.reason
    assert refuse_unit("slot") is None


def test_a_ratio_has_the_ratio_as_its_mean() -> None:
    orders, impressions = np.array([[1.0, 4.0, 0.0]]), np.array([[10.0, 30.0, 20.0]])

    assert linearised(orders, impressions).mean() == pytest.approx(5 / 60)
