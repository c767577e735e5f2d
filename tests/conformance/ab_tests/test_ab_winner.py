"""Who wins, who decided so, and who gets the winner: kept in a log, and there after a restart.

Theirs names the leader a winner at any confidence, ignores the campaign's own rules, looks as often as it is asked, and
forgets every decision: it changes a column in a way that its database does not notice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regulars.clock import FixedClock
from regulars.compat.ab_tests import ABTestingService, ABTestRepository
from regulars.compat.ab_tests.campaign import experiment_of
from regulars.storage.book import Book

Replied = Callable[..., int]
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CLEAR = ((1000, 120), (1000, 180))


def test_a_clear_difference_makes_a_winner_and_it_is_kept_once(
    service: ABTestingService, replied: Replied, one_book: Book
) -> None:
    campaign = replied(*CLEAR)

    first, again = service.identify_winner(campaign).unwrap(), service.identify_winner(campaign).unwrap()

    assert (first["winner"], first["automatic"], first["reason"], first["decision"]) == ("B", True, "significant", "ship")
    assert (first["variant_a_conversion"], first["variant_b_conversion"]) == (0.12, 0.18)
    assert first["confidence_level"] > 0.95
    assert again["winner"] == "B"
    assert [each.kind for each in one_book.experiments.decisions(experiment_of(campaign))] == ["winner"]


def test_a_winner_is_there_after_a_restart(service: ABTestingService, replied: Replied, one_book: Book) -> None:
    campaign = replied(*CLEAR)
    service.identify_winner(campaign)

    again = Book.open(str(one_book.database.engine.url), environment={})
    told = ABTestingService.of(again).get_campaign(campaign).unwrap()
    again.close()

    assert (told["ab_winner"], told["ab_config"]["winner"], told["ab_winner_data"]["automatic"]) == ("B", "B", True)
    assert told["ab_winner_data"]["evidence"]["variant_b"]["positive_responses"] == 180


NOBODY: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], str, str]] = {
    "not sure": ((200, 24), (200, 36), {}, "insufficient_confidence", "go_on"),
    "no replies at all comes before a tie": ((50, 0), (50, 0), {}, "no_responses", "go_on"),
    "equal": ((1000, 150), (1000, 150), {}, "tied_results", "go_on"),
    # Theirs accepts anything for twenty people; two more replies prove nothing.
    "twenty people": ((10, 2), (10, 4), {}, "insufficient_confidence", "go_on"),
    # At one look p is .017 and .0002: enough for theirs. For a look at any time the evidence is not there yet.
    "sure at one look alone": ((500, 50), (500, 75), {}, "too_early", "too_early"),
    "sure, but only twenty people": ((10, 2), (10, 10), {}, "too_early", "too_early"),
    "sure, but fewer than the campaign asks": (*CLEAR, {"min_sample_size": 2000}, "too_early", "too_early"),
    "sure, but sooner than the campaign asks": (*CLEAR, {"min_duration_days": 7}, "too_early", "too_early"),
    "sure, but before the day it is to be looked at": (*CLEAR, {"horizon_days": 7}, "too_early", "too_early"),
    "not as sure as the campaign asks": (*CLEAR, {"winner_threshold": 0.9999}, "insufficient_confidence", "go_on"),
    "better liked and more disliked": (
        (1000, 120, 20), (1000, 180, 60), {}, "guardrail:negative_responses", "stop"
    ),
    "A was sent and B was not": ((5000, 100), (4000, 120), {}, "sample_ratio_mismatch", "not_trusted"),
}


@pytest.mark.parametrize(("a", "b", "config", "reason", "decision"), NOBODY.values(), ids=NOBODY)
def test_nobody_wins_for_a_reason(
    service: ABTestingService, replied: Replied, *, a: tuple[int, ...], b: tuple[int, ...], config: dict[str, Any],
    reason: str, decision: str,
) -> None:
    campaign = replied(a, b, **config)

    found = service.identify_winner(campaign).unwrap()

    assert (found["winner"], found["reason"], found["decision"]) == (None, reason, decision)
    assert service.get_campaign(campaign).unwrap()["ab_winner"] is None


def test_less_confidence_than_asked_for_is_told_as_it_is(service: ABTestingService, replied: Replied) -> None:
    found = service.identify_winner(replied((200, 24), (200, 36)), 0.95).unwrap()

    assert 0 < found["confidence_level"] < 0.95
    assert found["leading_variant"] == "B"


def test_one_look_is_enough_on_the_day_that_was_named_before(service: ABTestingService, replied: Replied) -> None:
    campaign = replied((500, 50), (500, 75), horizon_days=2)

    assert service.identify_winner(campaign).unwrap()["winner"] == "B"


def test_replies_of_a_single_day_wait_for_the_next(service: ABTestingService, replied: Replied) -> None:
    campaign = replied(*CLEAR)
    two_days_ago = replace(service, clock=FixedClock(NOW - timedelta(days=2)))

    assert two_days_ago.identify_winner(campaign).unwrap()["reason"] == "too_early"
    assert service.identify_winner(campaign).unwrap()["winner"] == "B"


def test_a_broken_split_hides_the_comparison_until_somebody_looked_into_it(
    service: ABTestingService, replied: Replied
) -> None:
    # Theirs never looks at the split.
    campaign = replied((5000, 100), (4000, 200))
    before = service.get_campaign_ab_summary(campaign).unwrap()

    service.acknowledge_sample_ratio(campaign, reason="a day of B was sent by hand", by="Ada").unwrap()
    after = service.get_campaign_ab_summary(campaign).unwrap()

    assert (before["decision"], before["sample_ratio"]["state"]) == ("not_trusted", "failed")
    assert (before["leading_variant"], before["difference"], before["confidence_level"]) == (None, None, 0)
    assert "5,000 / 4,000" in before["sample_ratio"]["sentence"]
    assert (after["leading_variant"], after["winner"]) == ("B", "B")


def test_a_person_decides_with_a_reason_and_it_stays(
    service: ABTestingService, replied: Replied, one_book: Book
) -> None:
    campaign = replied((50, 5), (50, 6))

    said = service.set_manual_winner(campaign, "A", "B is off our tone", by="Ada").unwrap()

    again = Book.open(str(one_book.database.engine.url), environment={})
    later = ABTestingService.of(again)
    told = later.get_campaign(campaign).unwrap()
    decision = again.experiments.decisions(experiment_of(campaign))[-1]
    summary, found = later.get_campaign_ab_summary(campaign).unwrap(), later.identify_winner(campaign).unwrap()
    again.close()
    assert said == {"winner": "A", "automatic": False, "override_reason": "B is off our tone", "manual_override": True}
    assert {name: told["ab_config"][name] for name in said} == said
    assert (decision.by, decision.reason, decision.at) == ("Ada", "B is off our tone", NOW)
    assert json.loads(decision.detail)["evidence"]["variant_b"]["positive_responses"] == 6
    assert (summary["winner"], found["winner"], found["automatic"]) == ("A", "A", False)


def test_a_manual_winner_that_cannot_be_is_said(service: ABTestingService, new: Callable[..., int]) -> None:
    campaign = new()

    assert service.set_manual_winner(campaign, "C", "because").error_code == "INVALID_WINNER"
    assert service.set_manual_winner(999_999, "A", "because").error_code == "CAMPAIGN_NOT_FOUND"
    # Theirs takes no reason for an answer.
    assert service.set_manual_winner(campaign, "A", "  ").error_code == "MISSING_REASON"


def test_unknown_campaigns_are_said_everywhere(service: ABTestingService) -> None:
    answers = (
        service.get_campaign_ab_summary(999_999), service.identify_winner(999_999),
        service.send_winner_to_remaining(999_999, "A"), service.generate_ab_test_report("none"),
        service.get_variant_metrics(999_999, "A"), service.get_campaign(True), service.add_recipients(0, [1]),
        service.change_split_ratio(-1, 50, reason="", by=""), service.change_status(0, "running"),
        service.acknowledge_sample_ratio(0, reason="", by=""),
    )

    assert {answer.error_code for answer in answers} == {"CAMPAIGN_NOT_FOUND"}


def test_the_summary_tells_the_leader_from_the_winner(service: ABTestingService, replied: Replied) -> None:
    # Twenty contacts, B ahead: the reference's own test wants winner B.
    told = service.get_campaign_ab_summary(replied((12, 3), (8, 4), assigned=20, ratio=60)).unwrap()

    assert (told["leading_variant"], told["winner"], told["significant_difference"]) == ("B", None, False)
    assert told["variant_b"]["statistical_confidence"] == told["confidence_level"] > 0.5
    assert told["variant_a"]["statistical_confidence"] == pytest.approx(1 - told["confidence_level"])


def test_three_people_are_never_significant(service: ABTestingService, replied: Replied) -> None:
    # Theirs: 1 of 3 against 2 of 3 is significant at 80 %.
    told = service.get_campaign_ab_summary(replied((3, 1), (3, 2))).unwrap()

    assert (told["significant_difference"], told["winner"]) == (False, None)
    assert told["p_value"] > 0.5


def test_summary_and_significance_are_one_analysis(service: ABTestingService, replied: Replied) -> None:
    # Theirs has five that disagree.
    told = service.get_campaign_ab_summary(replied((500, 50), (500, 75))).unwrap()

    raw = service.calculate_statistical_significance(
        {"messages_sent": 500, "conversions": 50}, {"messages_sent": 500, "conversions": 75}
    ).unwrap()
    shared = ("p_value", "confidence_level", "difference", "difference_low", "difference_high", "p_value_any_time")
    assert [told[name] for name in shared] == [raw[name] for name in shared]


def test_the_winner_goes_to_everybody_who_was_sent_nothing_and_only_once(
    service: ABTestingService, replied: Replied
) -> None:
    # Theirs is a stub that sends nobody anything.
    campaign = replied((100, 5), (100, 30), assigned=210)
    service.add_recipients(campaign, [*range(1, 211), *range(1001, 1041)]).unwrap()

    first = service.send_winner_to_remaining(campaign, "B").unwrap()
    again = service.send_winner_to_remaining(campaign, "B").unwrap()

    contacts = [each["contact_id"] for each in first["scheduled_sends"]]
    assert (first["variant_sent"], first["recipients_count"], first["newly_scheduled"]) == ("B", 50, 50)
    assert len(set(contacts)) == 50
    assert set(range(1001, 1041)) <= set(contacts)
    assert again == first | {"newly_scheduled": 0}


def test_a_share_is_held_back_and_never_scheduled(service: ABTestingService, new: Callable[..., int]) -> None:
    campaign = new(holdout_percent=10)
    service.add_recipients(campaign, range(200)).unwrap()

    first = service.send_winner_to_remaining(campaign, "A").unwrap()
    service.add_recipients(campaign, range(300)).unwrap()
    more = service.send_winner_to_remaining(campaign, "A").unwrap()

    assert (first["recipients_count"], first["held_back"]) == (180, 20)
    assert (more["recipients_count"], more["held_back"], more["newly_scheduled"]) == (270, 30, 100)
    kept = {each["contact_id"] for each in first["scheduled_sends"]}
    assert kept <= {each["contact_id"] for each in more["scheduled_sends"]}


def test_what_the_remaining_do_is_kept_apart_from_the_test(service: ABTestingService, replied: Replied) -> None:
    campaign = replied((100, 5), (100, 30), assigned=240)
    sends = service.send_winner_to_remaining(campaign, "B").unwrap()["scheduled_sends"]

    for each in sends:
        service.track_message_sent(campaign, each["contact_id"], "B").unwrap()
        service.track_response_received(campaign, each["contact_id"], "B", "positive").unwrap()

    told = service.get_campaign_ab_summary(campaign).unwrap()
    assert (told["variant_a"]["assigned"], told["variant_b"]["assigned"]) == (100, 100)
    assert told["variant_b"]["positive_responses"] == 30
    assert service.send_winner_to_remaining(campaign, "B").unwrap()["recipients_count"] == 40


def test_the_whole_story_is_the_same_on_every_database(book: Book) -> None:
    service = ABTestingService.of(book, clock=FixedClock(NOW))
    repository = ABTestRepository.of(book, clock=FixedClock(NOW))
    data = {"template_a": "a", "template_b": "b", "ab_config": {"split_ratio": 50, "holdout_percent": 10}}
    campaign = service.create_ab_campaign(data).unwrap()["id"]
    service.add_recipients(campaign, range(500)).unwrap()
    rows = service.assign_recipients_to_variants(campaign, range(400)).unwrap()
    places = {"A": 0, "B": 0}
    updates = []
    for row in rows:
        places[row["variant"]] += 1
        replies = places[row["variant"]] <= {"A": 20, "B": 66}[row["variant"]]
        updates.append({"campaign_id": campaign, "contact_id": row["contact_id"], "message_sent": True,
                        "sent_at": NOW - DAY, "response_received": replies, "response_type": "positive",
                        "responded_at": NOW})
    repository.bulk_update_metrics(updates).unwrap()

    winner = service.identify_winner(campaign).unwrap()
    sends = service.send_winner_to_remaining(campaign, "B").unwrap()
    service.set_manual_winner(campaign, "A", "B is off our tone", by="Ada").unwrap()
    report = service.generate_ab_test_report(campaign).unwrap()
    days = repository.get_time_series_metrics(campaign, "B", (NOW - DAY).date(), NOW.date()).unwrap()

    assert (winner["winner"], winner["variant_b_conversion"]) == ("B", 0.33)
    assert (sends["recipients_count"], sends["held_back"]) == (90, 10)
    assert [each["by"] for each in report["decisions"]] == ["ab_testing", "Ada"]
    assert report["statistical_analysis"]["winner"] == "A"
    assert [(day["sent"], day["responded"]) for day in days["daily_metrics"].values()] == [(200, 0), (0, 66)]


def test_the_remaining_get_a_variant_that_there_is(service: ABTestingService, new: Callable[..., int]) -> None:
    assert service.send_winner_to_remaining(new(), "C").error_code == "INVALID_VARIANT"
