"""The report: the reference's keys, and recommendations that claim no more than the numbers do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regulars.clock import FixedClock
from regulars.compat.ab_tests import ABTestingService

Replied = Callable[..., int]
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def told(service: ABTestingService, campaign: int) -> dict[str, Any]:
    return service.generate_ab_test_report(campaign).unwrap()


def test_it_has_the_references_keys_and_the_days_since_the_creation(service: ABTestingService, replied: Replied) -> None:
    campaign = replied((50, 5), (50, 8))
    in_a_week = replace(service, clock=FixedClock(NOW + timedelta(days=7)))

    report = told(in_a_week, campaign)

    assert report["test_duration_days"] == 7
    assert {"campaign_info", "variant_performance", "statistical_analysis", "recommendations"} <= set(report)
    assert {"id", "name", "status"} <= set(report["campaign_info"])
    assert set(report["variant_performance"]) == {"variant_a", "variant_b"}
    assert {"winner", "confidence_level", "significant_difference", "test_status"} <= set(report["statistical_analysis"])
    json.dumps(report)


ADVICE: dict[str, tuple[tuple[int, ...], tuple[int, ...], str, str]] = {
    "fifty each and nobody wins": ((50, 5), (50, 8), "ongoing", "continue test"),
    "nobody sent to": ((0,), (0,), "ongoing", "continue test"),
    "many and nobody wins": ((1000, 120), (1000, 125), "ongoing", "no significant difference"),
    # Theirs: "clear winner" for whoever is ahead, be it by 21.5 % confidence.
    "many, sure at one look": ((500, 50), (500, 75), "ongoing", "too early"),
    "a broken split": ((5000, 100), (4000, 200), "ongoing", "do not read the result"),
    "a winner": ((1000, 120), (1000, 180), "completed", "b is the winner"),
}


@pytest.mark.parametrize(("a", "b", "status", "words"), ADVICE.values(), ids=ADVICE)
def test_the_first_recommendation_says_what_to_do(
    service: ABTestingService, replied: Replied, *, a: tuple[int, ...], b: tuple[int, ...], status: str, words: str
) -> None:
    report = told(service, replied(a, b, assigned=max(*a, *b) * 2))

    assert report["statistical_analysis"]["test_status"] == status
    assert words in report["recommendations"][0].lower()


def test_an_ended_test_without_a_winner_says_so(service: ABTestingService, replied: Replied) -> None:
    campaign = replied((200, 20), (200, 22))
    service.change_status(campaign, "complete")

    report = told(service, campaign)

    assert report["statistical_analysis"]["test_status"] == "completed"
    assert report["statistical_analysis"]["decision"] == "no_difference"
    assert "no significant difference" in report["recommendations"][0]


def test_a_persons_choice_is_told_as_one_with_its_reason_and_the_log(service: ABTestingService, replied: Replied) -> None:
    campaign = replied((50, 5), (50, 8))
    service.set_manual_winner(campaign, "A", "B is off our tone", by="Ada")

    report = told(service, campaign)

    assert report["recommendations"][0] == "A was chosen by a person: B is off our tone"
    assert report["decisions"] == [{"at": NOW.isoformat(), "kind": "winner", "by": "Ada", "reason": "B is off our tone"}]


def test_numbers_come_with_interval_sample_and_age(service: ABTestingService, replied: Replied) -> None:
    report = told(service, replied((1000, 120), (1000, 180)))

    assert "+6.0% [+2.9%, +9.1%] of 2,000 recipients" in report["recommendations"][1]
    assert report["as_of"] == NOW.isoformat()
    assert report["statistical_analysis"]["probability_b_beats_a"] > 0.999


def test_one_reply_among_ten_is_credited_at_once_and_decides_nothing(
    service: ABTestingService, replied: Replied
) -> None:
    # A reply to a test is a reply, and no consent to be written to.
    campaign = replied((5,), (5,))
    contact = 4
    variant = service.get_contact_variant(campaign, contact).unwrap()

    service.track_response_received(campaign, contact, variant, "positive", "msg-1").unwrap()

    summary = service.get_campaign_ab_summary(campaign).unwrap()
    assert summary[f"variant_{variant.lower()}"]["positive_responses"] == 1
    assert service.identify_winner(campaign).unwrap()["winner"] is None
