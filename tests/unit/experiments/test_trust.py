"""Nothing is read where an experiment was not carried out as meant, and the strip says which condition failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from regulars.experiments.trust import Conduct, failed, is_early, trust
from regulars.experiments.verdict import Answer, verdict

FIRST = date(2026, 1, 1)
GOOD = Conduct(
    units=np.array([[500.0, 500.0]]), weights=np.array([[0.5, 0.5]]), exposed_by_day=np.full((10, 2), 50.0), crossovers=0,
    first_day=FIRST, last_day=FIRST + timedelta(days=9), last_event_day=FIRST + timedelta(days=9),
)
ANSWER = Answer(
    metric="joined", role="primary", variant="new", units=500, level=0.12, control_level=0.10, low=0.01, value=0.02, high=0.03,
    lift_low=0.1, lift=0.2, lift_high=0.3, p=0.01, is_significant=True,
)


def _state(conduct: Conduct, name: str) -> str:
    return next(check.state for check in trust(conduct) if check.name == name)


def test_what_was_done_as_meant_passes() -> None:
    assert {check.state for check in trust(GOOD)} == {"passed"}


def test_a_split_of_62_to_38_is_not_fine() -> None:
    assert _state(replace(GOOD, units=np.array([[620.0, 380.0]])), "sample_ratio") == "failed"


def test_epochs_are_tested_by_their_own_weights() -> None:
    both = replace(GOOD, units=np.array([[500.0, 500.0], [100.0, 900.0]]), weights=np.array([[0.5, 0.5], [0.1, 0.9]]))

    assert _state(both, "sample_ratio") == "passed"
    assert _state(replace(both, weights=np.array([[0.5, 0.5], [0.5, 0.5]])), "sample_ratio") == "failed"


def test_a_few_crossovers_are_told_and_many_forbid_reading() -> None:
    assert _state(replace(GOOD, crossovers=20), "crossovers") == "passed"
    assert _state(replace(GOOD, crossovers=100), "crossovers") == "failed"


def test_a_variant_that_began_late_is_found() -> None:
    late = np.full((10, 2), 50.0)
    late[:4, 1] = 0

    assert _state(replace(GOOD, exposed_by_day=late), "exposure_timing") == "failed"


def test_old_news_and_no_news_are_two_things() -> None:
    assert _state(replace(GOOD, last_event_day=FIRST + timedelta(days=2)), "freshness") == "failed"
    assert _state(replace(GOOD, last_event_day=None), "freshness") == "not_yet"


def test_part_of_a_week_or_few_units_are_too_early() -> None:
    assert is_early(trust(replace(GOOD, last_day=FIRST + timedelta(days=5))))
    assert is_early(trust(replace(GOOD, exposed_by_day=np.full((10, 2), 5.0))))


def test_a_variant_that_never_had_a_weight_is_not_waited_for() -> None:
    three = replace(
        GOOD, units=np.array([[500.0, 500.0, 0.0]]), weights=np.array([[0.5, 0.5, 0.0]]),
        exposed_by_day=np.column_stack([np.full((10, 2), 50.0), np.zeros(10)]),
    )

    assert failed(trust(three)) == ()
    assert not is_early(trust(three))


@pytest.mark.parametrize(("change", "decision", "reason"), [
    ({}, "ship", "significant"),
    ({"value": -0.02, "low": -0.03, "high": -0.01}, "keep_control", "significant"),
    ({"is_significant": False}, "go_on", "insufficient_confidence"),
    ({"level": 0.0, "control_level": 0.0, "is_significant": False}, "go_on", "no_responses"),
    ({"level": 0.1, "is_significant": False}, "go_on", "tied_results"),
])
def test_a_verdict_is_a_decision_with_its_reason(change: dict, decision: str, reason: str) -> None:
    said = verdict([replace(ANSWER, **change)], trust(GOOD), control="old", is_over=False)

    assert (said.decision, said.reason) == (decision, reason)
    assert (said.winner is None) == (decision == "go_on")


def test_the_end_without_an_answer_is_no_difference_and_no_proof_of_one() -> None:
    said = verdict([replace(ANSWER, is_significant=False)], trust(GOOD), control="old", is_over=True)

    assert (said.decision, said.winner, said.leading) == ("no_difference", None, "new")
    assert "inside the interval" in said.advice


def test_of_two_winners_the_better_is_named_and_one_that_also_harms_is_none() -> None:
    better = replace(ANSWER, variant="best", level=0.15, value=0.05)
    harmful = replace(better, metric="stayed", value=-0.05)

    assert verdict([ANSWER, better], trust(GOOD), control="old", is_over=False).winner == "best"
    assert verdict([ANSWER, better, harmful], trust(GOOD), control="old", is_over=False).winner == "new"


def test_a_tripped_guardrail_goes_before_any_gain() -> None:
    harm = replace(ANSWER, metric="refunds", role="guardrail", guarded="tripped")

    said = verdict([ANSWER, harm], trust(GOOD), control="old", is_over=False)

    assert (said.decision, said.reason, said.winner) == ("stop", "guardrail:refunds", None)


def test_a_difference_is_told_where_the_control_is_too_near_nothing_to_divide_by() -> None:
    said = verdict([replace(ANSWER, lift_low=None, lift_high=None)], trust(GOOD), control="old", is_over=False)

    assert "+0.02 a unit (+0.01 to +0.03)" in said.sentence
