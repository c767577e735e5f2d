"""An experiment has enough when its variance and its units give the power that was planned, whatever the lift seen."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from regulars.experiments.enough import power_reached
from regulars.experiments.reading import Course, Plan
from regulars.stats.power import OneLook, mean, power_of


def course(*levels: float, units: float = 400.0, variance: float = 0.16) -> Course:
    """One day of variants with as many units each, whose metric has a level and the same variance."""
    each = [[units, units * y, units * y * y + (units - 1) * variance, 0, 0, 0, 0, 0, 0, 0] for y in levels]
    return Course(days=(date(2026, 1, 5),), sums=np.array(each)[np.newaxis, :, np.newaxis, :])


def plan(method: str = "fixed", *, variants: int = 2, looks: int | None = None) -> Plan:
    return Plan(
        method=method, alpha=0.05, planned=800.0, weights=np.full(variants, 1 / variants), control=0, looks=looks,
    )


def reached(found: Course, how: Plan, *, lift: float = 0.2) -> float:
    power = power_reached(found, plan=how, lift=lift, wanted=0.8, has_denominator=False, has_covariate=False)
    assert power.reached is not None
    return power.reached


def test_it_is_the_power_that_was_computed_before_the_start() -> None:
    planned = power_of(mean(0.5, variance=0.16), 0.1, 400.0, plan=OneLook())

    assert reached(course(0.5, 0.5), plan()) == pytest.approx(float(planned), abs=0.002)


def test_what_the_variants_did_to_the_metric_plays_no_part() -> None:
    assert reached(course(0.5, 0.9), plan()) == pytest.approx(reached(course(0.5, 0.5), plan()))


@pytest.mark.parametrize(("method", "looks"), [("sequential", None), ("group_sequential", 5), ("bayesian", None)])
def test_looking_early_costs_power(method: str, looks: int | None) -> None:
    assert 0.2 < reached(course(0.5, 0.5), plan(method, looks=looks)) < reached(course(0.5, 0.5), plan())


def test_more_variants_share_the_error_and_so_have_less_power() -> None:
    assert reached(course(0.5, 0.5, 0.5), plan(variants=3)) < reached(course(0.5, 0.5), plan())


def test_without_any_variance_nothing_is_known() -> None:
    power = power_reached(
        course(0.0, 0.0, variance=0.0), plan=plan(), lift=0.2, wanted=0.8, has_denominator=False, has_covariate=False
    )

    assert (power.reached, power.is_enough) == (None, False)
