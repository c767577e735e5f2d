"""Each method reads the same sums in its own way, and says nothing where it has nothing to say."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from regulars.experiments.outcome import SUMS
from regulars.experiments.reading import Course, Plan, look_days, read

DAYS = tuple(date(2026, 1, 1) + timedelta(days=n) for n in range(20))


def _course(*, shares=(0.10, 0.13), a_day=150, seed=1) -> Course:
    rng = np.random.default_rng(seed)
    sums = np.zeros((len(DAYS), len(shares), 1, len(SUMS)))
    for variant, share in enumerate(shares):
        came = rng.binomial(a_day, share, len(DAYS))
        for name, values in {"n": np.full(len(DAYS), a_day), "y": came, "yy": came}.items():
            sums[:, variant, 0, SUMS.index(name)] = values
    return Course(days=DAYS, sums=np.cumsum(sums, axis=0))


def _plan(method="sequential", **more) -> Plan:
    kept = {"alpha": 0.05, "planned": 6_000.0, "weights": np.array([0.5, 0.5]), "control": 0}
    return Plan(method=method, **(kept | more))


def _read(plan: Plan, found: Course | None = None):
    return read(found or _course(), plan=plan, has_denominator=False, has_covariate=False)


def test_a_sequence_speaks_on_every_day_and_absolute_and_relative_agree() -> None:
    for seed in range(20):
        told = _read(_plan(), _course(seed=seed))

        is_found = (np.asarray(told.effect.low) > 0) | (np.asarray(told.effect.high) < 0)
        is_lifted = (np.asarray(told.lift.inference.low) > 0) | (np.asarray(told.lift.inference.high) < 0)
        assert not np.isnan(np.asarray(told.effect.p)).any()
        assert (is_found == is_lifted).all()
        assert (is_found == (np.asarray(told.effect.p) <= 0.05)).all()


def test_a_fixed_test_speaks_once_it_is_over_and_only_of_the_last_day() -> None:
    running, over = _read(_plan("fixed")), _read(_plan("fixed", is_over=True))

    assert np.isnan(np.asarray(running.effect.p)).all()
    assert np.flatnonzero(~np.isnan(np.asarray(over.effect.p)[:, 0])).tolist() == [len(DAYS) - 1]


def test_planned_looks_fall_on_the_days_their_units_have_come() -> None:
    plan = _plan("group_sequential", looks=4)

    days = look_days(_course().units, plan)
    told = _read(plan)

    assert days == [4, 9, 14, 19]
    assert np.flatnonzero(~np.isnan(np.asarray(told.effect.p)[:, 0])).tolist() == [19]


def test_a_test_that_ends_before_its_plan_has_its_last_look_then() -> None:
    early = _plan("group_sequential", looks=4, planned=8_000.0, is_over=True)

    assert look_days(_course().units, early)[-1] == len(DAYS) - 1


def test_a_belief_has_a_chance_to_win_and_the_others_have_none() -> None:
    belief, sequence = _read(_plan("bayesian")), _read(_plan())

    assert 0 < belief.chance_to_win[-1, 0] < 1
    assert np.isnan(sequence.chance_to_win).all()


def test_epochs_are_compared_apart_so_that_other_weights_do_no_harm() -> None:
    """In the second epoch everybody is likelier to come and more are in the variant: pooled, that would be an effect."""
    sums = np.zeros((1, 2, 2, len(SUMS)))
    for epoch, (share, sizes) in enumerate([(0.1, (5_000, 5_000)), (0.5, (1_000, 9_000))]):
        for variant, n in enumerate(sizes):
            for name, value in {"n": n, "y": n * share, "yy": n * share}.items():
                sums[0, variant, epoch, SUMS.index(name)] = value

    told = _read(_plan(), Course(days=DAYS[:1], sums=sums))

    assert np.asarray(told.effect.value)[0, 0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("method", ["sequential", "bayesian"])
def test_an_empty_variant_is_unknown_and_no_tie(method: str) -> None:
    found = _course()
    found.sums[:, 1] = 0

    told = _read(_plan(method), found)

    assert np.isnan(np.asarray(told.effect.p)).all()
    assert np.isnan(np.asarray(told.lift.inference.low)).all()
