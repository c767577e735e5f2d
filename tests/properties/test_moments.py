"""Properties of comparisons: order, parts, units and names never matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regulars.stats.compare import apart, compare
from regulars.stats.effect import Effect
from regulars.stats.inference import infer
from regulars.stats.lift import fieller
from regulars.stats.moments import Moments, moments_of

UNITS = 24
values = arrays(float, (3, UNITS), elements=st.floats(-1e6, 1e6, width=32))
codes = arrays(int, (UNITS,), elements=st.integers(0, 2))
whole = arrays(float, (3, UNITS), elements=st.integers(-(2**20), 2**20))


def of(columns: Any, variant: Any, stratum: Any) -> Moments:
    return moments_of(
        columns[0], denominators=columns[1], covariates=[columns[2]], variant=variant, variants=3, stratum=stratum,
        strata=3,
    )


def parts(columns: Any, variant: Any, stratum: Any, cuts: tuple[int, int]) -> list[Moments]:
    first, last = sorted(cuts)
    return [
        of(columns[:, piece], variant[piece], stratum[piece])
        for piece in (slice(0, first), slice(first, last), slice(last, UNITS))
    ]


@given(whole, codes, codes, st.tuples(st.integers(0, UNITS), st.integers(0, UNITS)))
def test_parts_of_whole_numbers_add_up_to_the_whole_exactly_in_any_order(
    columns: Any, variant: Any, stratum: Any, cuts: tuple[int, int]
) -> None:
    a, b, c = parts(columns, variant, stratum, cuts)
    everything = of(columns, variant, stratum)

    for together in ((a + b) + c, a + (b + c), c + a + b):
        assert np.array_equal(together.units, everything.units)
        assert np.array_equal(together.sums, everything.sums)
        assert np.array_equal(together.products, everything.products)


@given(values, codes, codes, st.tuples(st.integers(0, UNITS), st.integers(0, UNITS)))
def test_parts_of_any_numbers_add_up_to_the_whole(
    columns: Any, variant: Any, stratum: Any, cuts: tuple[int, int]
) -> None:
    a, b, c = parts(columns, variant, stratum, cuts)
    everything = of(columns, variant, stratum)

    together = (a + b) + c

    scale = np.abs(columns).max() + 1
    assert together.sums == pytest.approx(everything.sums, rel=1e-12, abs=1e-12 * scale)
    assert together.products == pytest.approx(everything.products, rel=1e-12, abs=1e-12 * scale**2)


@given(whole, codes, codes, st.randoms(use_true_random=False))
def test_the_order_of_units_never_matters(columns: Any, variant: Any, stratum: Any, random: Any) -> None:
    order = list(range(UNITS))
    random.shuffle(order)

    mixed = of(columns[:, order], variant[order], stratum[order])

    assert np.array_equal(mixed.products, of(columns, variant, stratum).products)


@given(arrays(float, (40,), elements=st.integers(0, 1000)), st.floats(1e-3, 1e3))
def test_an_effect_in_cents_is_as_sure_as_in_dollars(outcome: Any, rate: float) -> None:
    variant = np.arange(40) % 2
    dollars = infer(compare(moments_of(outcome, variant=variant, variants=2)).effect)
    cents = infer(compare(moments_of(rate * outcome, variant=variant, variants=2)).effect)

    assert cents.p == pytest.approx(dollars.p, rel=1e-6, nan_ok=True)
    assert cents.low == pytest.approx(rate * dollars.low, rel=1e-6, abs=1e-6 * rate, nan_ok=True)


@given(arrays(float, (2, 40), elements=st.integers(0, 1000)))
def test_changing_control_and_variant_turns_the_effect_round(outcome: Any) -> None:
    variant = np.arange(40) % 2
    moments = moments_of(outcome[0], covariates=[outcome[1]], variant=variant, variants=2)

    there, back = infer(compare(moments).effect), infer(compare(moments, control=1).effect)

    assert there.value == pytest.approx(-back.value, nan_ok=True)
    assert there.p == pytest.approx(back.p, nan_ok=True)


@given(
    arrays(float, (2,), elements=st.floats(-100, 100)), arrays(float, (2,), elements=st.floats(1e-3, 100)),
    st.floats(1, 1e6), st.floats(0.001, 0.5),
)
def test_a_lift_of_none_is_held_exactly_where_the_difference_is_not_surprising(
    levels: Any, variances: Any, degrees: float, alpha: float
) -> None:
    found = apart(Effect(value=levels, variance=variances, degrees=np.full(2, degrees)))
    p = infer(found.effect, alpha=alpha).p
    lift = fieller(found, alpha=alpha)

    if abs(p[0] / alpha - 1) > 1e-9:
        assert bool(lift.holds(0)[0]) == bool(p[0] > alpha)


@given(
    arrays(float, (2,), elements=st.floats(-100, 100)), arrays(float, (2,), elements=st.floats(1e-3, 100)),
    st.floats(-20, 20),
)
def test_a_lift_is_held_exactly_where_its_multiple_of_the_control_is_not_surprising(
    levels: Any, variances: Any, truth: float
) -> None:
    gap = Effect(value=levels[1] - (1 + truth) * levels[0], variance=variances[1] + (1 + truth) ** 2 * variances[0])
    p = float(infer(gap).p)

    lift = fieller(apart(Effect(value=levels, variance=variances)))

    if abs(p / 0.05 - 1) > 1e-6:
        assert bool(lift.holds(truth)[0]) == (p > 0.05)
