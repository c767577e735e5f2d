"""A bandit's variants are compared within its stretches, and what it gives new units follows from that."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from regulars.experiments.bandit import next_shares, weighed
from regulars.experiments.outcome import SUMS
from regulars.experiments.reading import Course, Plan, read

EVEN, MOVED = [0.5, 0.5], [0.1, 0.9]


def sums(*epochs: list[dict[str, float]]) -> np.ndarray:
    """One day, from the sums of each epoch's variants."""
    told = [[[variant.get(name, 0.0) for name in SUMS] for variant in epoch] for epoch in epochs]
    return np.moveaxis(np.array(told), 0, 1)[np.newaxis]


def orders(n: float, y: float) -> dict[str, float]:
    return {"n": n, "y": y, "yy": y}


def test_one_stretch_is_compared_by_its_means() -> None:
    found = weighed(sums([orders(500, 50), orders(500, 75)]), np.array([EVEN]), control=0, has_denominator=False)

    assert found.levels.value == pytest.approx(np.array([[0.10, 0.15]]))
    assert found.effect.value == pytest.approx(np.array([[0.05]]))
    assert found.effect.variance == pytest.approx(np.array([[(0.1 * 0.9 + 0.15 * 0.85) / 500]]), rel=0.05)


def test_a_season_between_stretches_is_no_difference_between_variants() -> None:
    seasonal = sums([orders(500, 150), orders(500, 150)], [orders(100, 10), orders(900, 90)])
    raw = (150 + 90) / 1400 - (150 + 10) / 600

    found = weighed(seasonal, np.array([EVEN, MOVED]), control=0, has_denominator=False)

    assert raw < -0.09
    assert found.effect.value == pytest.approx(np.array([[0.0]]), abs=1e-9)


def test_a_ratio_is_compared_as_a_ratio() -> None:
    rng = np.random.default_rng(4)
    misses = 0
    for _ in range(300):
        told, epochs = [], ((EVEN, 400), (MOVED, 400))
        for chance, size in epochs:
            shown = rng.multinomial(size, chance)
            visits = [rng.poisson(3, n) + 1 for n in shown]
            bought = [rng.binomial(each, rate) for each, rate in zip(visits, (0.2, 0.3), strict=True)]
            told.append([
                {"n": len(d), "y": y.sum(), "yy": (y * y).sum(), "d": d.sum(), "dd": (d * d).sum(), "yd": (y * d).sum()}
                for y, d in zip(bought, visits, strict=True)
            ])
        found = weighed(sums(*told), np.array([chance for chance, _ in epochs]), control=0, has_denominator=True)
        misses += abs(found.effect.value[0, 0] - 0.1) > 1.96 * np.sqrt(found.effect.variance[0, 0])

    assert 4 <= misses <= 27


def test_shares_follow_the_better_variant_and_add_up_exactly() -> None:
    found = weighed(
        sums([orders(400, 40), orders(300, 60), orders(300, 40)]), np.array([[0.4, 0.3, 0.3]]), control=0,
        has_denominator=False,
    )

    shares = next_shares(found, control=0, floor=0.05)

    assert shares is not None
    assert round(10_000 * float(shares.sum())) == 10_000
    assert shares.argmax() == 1
    assert shares.min() >= 0.05


def test_nothing_is_shifted_before_every_variant_has_shown_something() -> None:
    found = weighed(sums([orders(500, 0), orders(500, 0)]), np.array([EVEN]), control=0, has_denominator=False)

    assert next_shares(found, control=0, floor=0.05) is None


def test_a_course_of_a_bandit_is_read_by_the_chances_of_its_epochs() -> None:
    found = Course(
        days=(date(2026, 1, 5),), sums=sums([orders(500, 150), orders(500, 150)], [orders(100, 10), orders(900, 90)]),
        epochs=(1, 2),
    )
    plan = Plan(
        method="sequential", alpha=0.05, planned=2000.0, weights=np.array(EVEN), control=0,
        chances={1: np.array(EVEN), 2: np.array(MOVED)},
    )

    told = read(found, plan=plan, has_denominator=False, has_covariate=False)

    assert told.effect.low[0, 0] < 0 < told.effect.high[0, 0]
    assert told.effect.value[0, 0] == pytest.approx(0, abs=1e-9)
