"""Two published experiments from the raw file: figures of the data's own description, recomputed by others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from pyarrow import csv

from regulars.stats.compare import Comparison, compare
from regulars.stats.inference import infer
from regulars.stats.lift import fieller
from regulars.stats.moments import Moments, moments_of
from regulars.stats.tables import Shares, chi_square

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "experiments"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="needs ../shared/data/experiments")
NONE, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
VISIT, CONVERSION, SPEND = 0, 1, 2


@pytest.fixture(scope="module")
def hillstrom() -> Moments:
    """64,000 customers, nobody or one of two letters; visit, conversion and spend (US dollars) in two weeks."""
    rows = csv.read_csv(FOLDER / "hillstrom.csv.gz")
    variant = np.select([np.array(rows["segment"]) == name for name in (NONE, MENS, WOMENS)], [0, 1, 2])
    outcomes = np.stack([np.array(rows[name], dtype=float) for name in ("visit", "conversion", "spend")])
    return moments_of(outcomes, variant=variant, variants=3)


@pytest.fixture(scope="module")
def cookie_cats() -> Moments:
    """90,189 players whose gate was at level 30 or 40; whether they came back after one and after seven days."""
    rows = csv.read_csv(FOLDER / "cookie_cats.csv.gz")
    variant = np.array(pc.equal(rows["version"], "gate_40")).astype(int)
    outcomes = np.stack([np.array(rows[name]).astype(float) for name in ("retention_1", "retention_7")])
    return moments_of(outcomes, variant=variant, variants=2)


def shares(moments: Moments, *, metric: int, variant: int) -> Shares:
    return Shares(
        control_successes=moments.sums[metric, 0, 0, 0], control_trials=moments.units[metric, 0, 0],
        variant_successes=moments.sums[metric, variant, 0, 0], variant_trials=moments.units[metric, variant, 0],
    )


@pytest.fixture(scope="module")
def letters(hillstrom: Moments) -> Comparison:
    return compare(hillstrom)


def test_visits_of_hillstrom_are_10_62_18_28_and_15_14_percent(letters: Comparison) -> None:
    assert np.round(np.asarray(letters.levels.value)[VISIT] * 100, 2).tolist() == [10.62, 18.28, 15.14]


def test_a_tiny_p_value_is_not_zero(hillstrom: Moments, letters: Comparison) -> None:
    score = float(chi_square(shares(hillstrom, metric=VISIT, variant=1)))

    assert score == pytest.approx(5.7e-112, rel=0.005)
    assert 1e-113 < float(infer(letters.effect).p[VISIT, 0]) < 2e-112


def test_the_mens_letter_brings_77_cents_a_customer(letters: Comparison) -> None:
    found = infer(letters.effect)

    assert float(found.value[SPEND, 0]) == pytest.approx(0.770, abs=0.0005)
    assert float(found.p[SPEND, 0]) == pytest.approx(1.16e-7, rel=0.005)


def test_the_lift_of_spend_is_as_sure_as_its_difference(letters: Comparison) -> None:
    found = fieller(letters, floor=-1)

    assert float(found.inference.p[SPEND, 0]) == pytest.approx(1.16e-7, rel=0.005)
    assert float(found.inference.low[SPEND, 0]) > 0


def test_conversions_after_the_womens_letter_are_as_sure_by_difference_and_lift(letters: Comparison) -> None:
    assert float(infer(letters.effect).p[CONVERSION, 1]) == pytest.approx(1.6e-4, rel=0.03)
    assert float(fieller(letters).inference.p[CONVERSION, 1]) == float(infer(letters.effect).p[CONVERSION, 1])


def test_a_later_gate_costs_players_after_a_week(cookie_cats: Moments) -> None:
    levels = compare(cookie_cats).levels.value

    assert np.round(np.asarray(levels)[1] * 100, 2).tolist() == [19.02, 18.20]
    assert float(chi_square(shares(cookie_cats, metric=1, variant=1))) == pytest.approx(0.00155, abs=5e-6)
