"""Planning again, in the middle of an experiment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.stats import remaining
from regulars.stats.bayes import Prior
from regulars.stats.effect import Effect
from regulars.stats.power import OneLook

RULES = [OneLook(), remaining.Sequence(planned=20_000), remaining.Credible(prior=Prior(mean=0.01, variance=0.01))]


@pytest.mark.parametrize("rule", RULES)
def test_with_the_units_still_needed_the_chance_is_the_one_asked_for(rule: remaining.Rule) -> None:
    effect = Effect(value=0.5, variance=0.02**2)

    growth = remaining.growth_needed(effect, 1_000, 0.02, rule=rule, power=0.9)

    assert float(growth) > 0
    assert float(remaining.chance_to_find(effect, 1_000, 0.02, rule=rule, growth=growth)) == pytest.approx(0.9)


def test_the_growth_for_one_look_is_the_square_of_the_drift_that_is_missing() -> None:
    growth = remaining.growth_needed(Effect(value=0.0, variance=1.0), 100, 1.0, rule=OneLook())

    assert 1 + float(growth) == pytest.approx((stats.norm.isf(0.025) + stats.norm.ppf(0.8)) ** 2, rel=1e-4)


def test_the_effect_seen_so_far_does_not_count() -> None:
    growths = [
        float(remaining.growth_needed(Effect(value=seen, variance=1.0), 100, 1.0, rule=OneLook())) for seen in (0.0, 5.0)
    ]

    assert growths[0] == growths[1]


def test_enough_units_need_no_more() -> None:
    assert float(remaining.growth_needed(Effect(value=0.0, variance=1.0), 100, 9.0, rule=OneLook())) == 0.0


def test_what_cannot_be_found_needs_units_without_end_and_what_is_unknown_has_no_answer() -> None:
    effect = Effect(value=np.zeros(2), variance=np.array([1.0, 0.0]))

    growth = remaining.growth_needed(effect, 100, 1e-9, rule=OneLook())

    assert growth[0] == np.inf
    assert np.isnan(growth[1])
