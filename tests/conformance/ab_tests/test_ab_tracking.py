"""What happened to recipients: flags with their first time, counts of different contacts, days, and what is refused.

The reference overwrites the time with every repetition, takes any valid variant for the contact's, and counts an event on
the day its message was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from regulars.clock import FixedClock
from regulars.compat.ab_tests import ABTestingService, ABTestRepository
from regulars.compat.ab_tests.campaign import experiment_of
from regulars.storage.book import Book

New = Callable[..., int]
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CONFIG = {"template_a": "a", "template_b": "b", "ab_config": {"split_ratio": 50}}


def of_variant(service: ABTestingService, campaign: int, variant: str, *, count: int) -> list[int]:
    """Assign twice as many contacts and return those of one variant."""
    rows = service.assign_recipients_to_variants(campaign, range(1, 2 * count + 1)).unwrap()
    return [row["contact_id"] for row in rows if row["variant"] == variant]


def row_of(repository: ABTestRepository, campaign: int, contact: int) -> dict[str, Any]:
    rows = repository.get_campaign_assignments(campaign).unwrap()
    return next(row for row in rows if row["contact_id"] == contact)


def test_a_contact_goes_from_sent_to_a_positive_reply(
    service: ABTestingService, repository: ABTestRepository, new: New
) -> None:
    campaign = new()
    [contact] = of_variant(service, campaign, "A", count=1)

    service.track_message_sent(campaign, contact, "A", 101).unwrap()
    service.track_message_opened(campaign, contact, "A").unwrap()
    service.track_link_clicked(campaign, contact, "A", "https://example.com/book").unwrap()
    last = service.track_response_received(campaign, contact, "A", "positive", 102).unwrap()

    row = row_of(repository, campaign, contact)
    assert last == row
    assert row == {
        "campaign_id": campaign, "contact_id": contact, "variant": "A", "assigned_at": NOW,
        "message_sent": True, "sent_at": NOW, "sent_activity_id": 101, "message_opened": True, "opened_at": NOW,
        "link_clicked": True, "clicked_at": NOW, "clicked_link_url": "https://example.com/book",
        "response_received": True, "responded_at": NOW, "response_type": "positive", "response_activity_id": 102,
        "conversion_achieved": True,
    }


def test_a_repetition_keeps_the_first_time_and_the_log_keeps_both(
    service: ABTestingService, one_book: Book, new: New
) -> None:
    # Theirs overwrites the time, and the last reply the first.
    campaign = new()
    [contact] = of_variant(service, campaign, "A", count=1)
    later = replace(service, clock=FixedClock(NOW + DAY))

    for each, tone in ((service, "positive"), (later, "negative")):
        each.track_message_opened(campaign, contact, "A").unwrap()
        row = each.track_response_received(campaign, contact, "A", tone).unwrap()

    assert (row["opened_at"], row["responded_at"], row["response_type"]) == (NOW, NOW, "positive")
    log = one_book.ab_tests.log(experiment_of(campaign))
    assert log["kind"].to_pylist() == ["opened", "replied", "opened", "replied"]


def test_told_of_late_an_earlier_event_is_the_first(service: ABTestingService, new: New) -> None:
    campaign = new()
    [contact] = of_variant(service, campaign, "A", count=1)
    service.track_message_opened(campaign, contact, "A")

    row = service.track_message_opened(campaign, contact, "A", at=NOW - DAY).unwrap()

    assert row["opened_at"] == NOW - DAY


def test_a_moment_without_a_zone_is_in_utc(service: ABTestingService, new: New) -> None:
    campaign = new()
    [contact] = of_variant(service, campaign, "A", count=1)

    row = service.track_message_opened(campaign, contact, "A", at=NOW.replace(tzinfo=None)).unwrap()

    assert row["opened_at"] == NOW


def test_a_webhook_that_comes_twice_is_one_event(service: ABTestingService, one_book: Book, new: New) -> None:
    campaign = new()
    [contact] = of_variant(service, campaign, "B", count=1)

    for _ in range(2):
        service.track_response_received(campaign, contact, "B", "neutral", 7).unwrap()

    assert len(one_book.ab_tests.log(experiment_of(campaign))) == 1


TRACKING: dict[str, Callable[[ABTestingService, int, int, str], Any]] = {
    "sent": lambda s, campaign, contact, variant: s.track_message_sent(campaign, contact, variant, 1),
    "opened": lambda s, campaign, contact, variant: s.track_message_opened(campaign, contact, variant),
    "clicked": lambda s, campaign, contact, variant: s.track_link_clicked(campaign, contact, variant, "https://a.example"),
    "replied": lambda s, campaign, contact, variant: s.track_response_received(campaign, contact, variant, "positive", 2),
}


@pytest.mark.parametrize("track", TRACKING.values(), ids=TRACKING)
def test_what_cannot_be_tracked_is_said(service: ABTestingService, one_book: Book, new: New, track: Any) -> None:
    campaign = new()
    [contact] = of_variant(service, campaign, "A", count=1)

    assert track(service, campaign, 999, "A").error_code == "ASSIGNMENT_NOT_FOUND"
    assert track(service, 999_999, contact, "A").error_code == "ASSIGNMENT_NOT_FOUND"
    assert track(service, campaign, contact, "C").error_code == "INVALID_VARIANT"
    # Theirs counts an event of an A for B.
    assert track(service, campaign, contact, "B").error_code == "VARIANT_MISMATCH"
    assert len(one_book.ab_tests.log(experiment_of(campaign))) == 0


def test_maybe_is_no_response_type(service: ABTestingService, new: New) -> None:
    campaign = new()
    [contact] = of_variant(service, campaign, "A", count=1)

    result = service.track_response_received(campaign, contact, "A", "maybe")

    assert result.error_code == "INVALID_RESPONSE_TYPE"


FUNNELS = {
    "ten sent": ((10, 8, 5, 2, 1), (0.8, 0.5, 0.3, 0.2)),
    "four assigned": ((4, 3, 2, 2, 1), (0.75, 0.5, 0.75, 0.5)),
}


@pytest.mark.parametrize(("counts", "rates"), FUNNELS.values(), ids=FUNNELS)
def test_rates_are_shares_of_those_sent_to(
    service: ABTestingService, new: New, counts: tuple[int, ...], rates: tuple[float, ...]
) -> None:
    sent, opened, clicked, positive, negative = counts
    campaign = new()
    contacts = of_variant(service, campaign, "A", count=sent)
    for contact in contacts:
        service.track_message_sent(campaign, contact, "A")
    for contact in contacts[:opened]:
        service.track_message_opened(campaign, contact, "A")
    for contact in contacts[:clicked]:
        service.track_link_clicked(campaign, contact, "A", "https://example.com")
    for n, contact in enumerate(contacts[: positive + negative]):
        service.track_response_received(campaign, contact, "A", "positive" if n < positive else "negative")

    found = service.get_variant_metrics(campaign, "A").unwrap()

    names = ("messages_sent", "messages_opened", "links_clicked", "positive_responses", "negative_responses")
    assert tuple(found[name] for name in names) == counts
    assert found["responses_received"] == positive + negative
    assert tuple(found[f"{name}_rate"] for name in ("open", "click", "response", "conversion")) == pytest.approx(rates)
    assert found["open_tracking"] == "measured"


def test_without_data_every_count_and_rate_is_0_and_opens_are_said_to_be_unknown(
    service: ABTestingService, new: New
) -> None:
    # A text message has no read receipt: theirs shows 0 % opened as if it had been measured.
    found = service.get_variant_metrics(new(), "B").unwrap()

    assert {value for value in found.values() if not isinstance(value, str)} == {0}
    assert found["open_tracking"] == "unsupported"


def test_who_was_assigned_stays_in_the_comparison_though_the_sending_failed(
    service: ABTestingService, replied: Callable[..., int]
) -> None:
    # Theirs divides by who was sent to, so that a variant whose messages fail for the hopeless looks better.
    campaign = replied((100, 20), (50, 15), assigned=200)

    told = service.get_campaign_ab_summary(campaign).unwrap()

    assert told["variant_b"]["conversion_rate"] > told["variant_a"]["conversion_rate"]
    assert told["difference"] == pytest.approx(15 / 100 - 20 / 100)
    assert told["difference_delivered"] == pytest.approx(15 / 50 - 20 / 100)


def test_where_an_event_is_wanted_it_decides_and_a_reply_does_not(service: ABTestingService, new: New) -> None:
    # Theirs takes a positive reply, guessed from words, for what the business wants.
    campaign = new(conversion_event="booking", conversion_within_days=7)
    first, second = of_variant(service, campaign, "B", count=2)
    for contact in (first, second):
        service.track_message_sent(campaign, contact, "B").unwrap()
    service.track_response_received(campaign, second, "B", "positive").unwrap()

    row = service.track_conversion(campaign, first, "B", "booking", at=NOW + 7 * DAY).unwrap()

    found = service.get_variant_metrics(campaign, "B").unwrap()
    assert row["conversion_achieved"] is True
    assert (found["conversions"], found["positive_responses"], found["conversion_rate"]) == (1, 1, 0.5)
    assert found["conversion_metric"] == "booking"


@pytest.mark.parametrize(("event", "at", "code"), [
    ("purchase", NOW, "INVALID_CONVERSION"), ("booking", NOW + 8 * DAY, "OUTSIDE_WINDOW"),
    ("booking", NOW - DAY, "OUTSIDE_WINDOW"),
])
def test_another_event_or_another_time_is_no_conversion(
    service: ABTestingService, new: New, *, event: str, at: datetime, code: str
) -> None:
    campaign = new(conversion_event="booking", conversion_within_days=7)
    [contact] = of_variant(service, campaign, "A", count=1)
    service.track_message_sent(campaign, contact, "A").unwrap()

    assert service.track_conversion(campaign, contact, "A", event, at=at).error_code == code


def test_who_was_sent_nothing_converts_nothing(service: ABTestingService, new: New) -> None:
    campaign = new(conversion_event="booking")
    [contact] = of_variant(service, campaign, "A", count=1)

    assert service.track_conversion(campaign, contact, "A", "booking").error_code == "OUTSIDE_WINDOW"


@pytest.mark.slow                            # 2,000 calls, each on disk when it returns
def test_ten_at_once_lose_nothing_and_double_nothing(service: ABTestingService, new: New) -> None:
    campaign = new()
    contacts = of_variant(service, campaign, "A", count=100)

    def track(worker: int) -> None:
        for contact in contacts[worker * 10:] + contacts[: worker * 10]:
            service.track_message_opened(campaign, contact, "A").unwrap()
            service.track_link_clicked(campaign, contact, "A", f"https://example.com/{worker}").unwrap()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(track, range(10)))

    found = service.get_variant_metrics(campaign, "A").unwrap()
    log = service.store.log(experiment_of(campaign))          # type: ignore[attr-defined]
    assert (found["messages_opened"], found["links_clicked"]) == (100, 100)
    assert len(log) == len(pc.unique(log["number"])) == 2000


def test_several_at_once_on_every_database(book: Book) -> None:
    service = ABTestingService.of(book, clock=FixedClock(NOW))
    campaign = service.create_ab_campaign(CONFIG).unwrap()["id"]
    contacts = of_variant(service, campaign, "A", count=10)

    def track(worker: int) -> None:
        for contact in contacts:
            service.track_message_sent(campaign, contact, "A", contact).unwrap()
            service.track_message_opened(campaign, contact, "A").unwrap()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(track, range(4)))

    kinds = book.ab_tests.log(experiment_of(campaign))["kind"].to_pylist()
    assert (kinds.count("sent"), kinds.count("opened")) == (10, 40)
    assert service.get_variant_metrics(campaign, "A").unwrap()["messages_opened"] == 10


def test_days_are_those_of_the_event_with_the_empty_ones_and_running_totals(
    service: ABTestingService, repository: ABTestRepository
) -> None:
    # Theirs counts everything on the day of the sending, leaves empty days out, and calls one total cumulative.
    data = CONFIG | {"timezone": "America/Chicago"}
    campaign = service.create_ab_campaign(data).unwrap()["id"]
    first, second = of_variant(service, campaign, "B", count=2)
    late = datetime(2026, 1, 6, 3, 0, tzinfo=UTC)                      # 21:00 of the 5th in Chicago
    service.track_message_sent(campaign, first, "B", at=NOW)
    service.track_message_sent(campaign, second, "B", at=late)
    service.track_link_clicked(campaign, first, "B", "https://example.com", at=NOW + 2 * DAY)
    service.track_response_received(campaign, first, "B", "positive", at=NOW + 6 * DAY)

    found = repository.get_time_series_metrics(campaign, "B", date(2026, 1, 5), date(2026, 1, 11)).unwrap()

    none = {"sent": 0, "opened": 0, "clicked": 0, "responded": 0}
    assert list(found["daily_metrics"]) == [f"2026-01-{day:02}" for day in range(5, 12)]
    assert [day for day, told in found["daily_metrics"].items() if told != none] == ["2026-01-05", "2026-01-07", "2026-01-11"]
    assert found["daily_metrics"]["2026-01-05"]["sent"] == 2
    assert found["cumulative_metrics"] == {"sent": 2, "opened": 0, "clicked": 1, "responded": 1}
    assert found["running_totals"]["2026-01-10"] == {"sent": 2, "opened": 0, "clicked": 1, "responded": 0}


def test_many_are_assigned_and_updated_at_once(repository: ABTestRepository, new: New) -> None:
    campaign = new()
    rows = [{"campaign_id": campaign, "contact_id": n, "variant": "AB"[n % 2]} for n in range(20)]

    assigned = repository.bulk_assign_variants(rows)
    updated = repository.bulk_update_metrics([
        {"campaign_id": campaign, "contact_id": n, "message_sent": True, "sent_at": NOW, "sent_activity_id": n,
         "response_received": n < 4, "response_type": "positive"} for n in range(10)
    ])

    assert (assigned.data, updated.data) == (20, 10)
    of_a = repository.get_variant_assignments(campaign, "A").unwrap()
    assert sum(row["message_sent"] for row in of_a) == 5
    assert sum(row["conversion_achieved"] for row in of_a) == 2


@pytest.mark.parametrize("wrong", [
    {"contact_id": 999}, {"variant": "C"}, {"campaign_id": None},
    {"response_received": True, "response_type": "maybe"},
])
def test_one_wrong_row_of_many_refuses_them_all(
    repository: ABTestRepository, one_book: Book, new: New, wrong: dict[str, Any]
) -> None:
    campaign = new()
    right = {"campaign_id": campaign, "contact_id": 1, "variant": "A"}
    repository.bulk_assign_variants([right])

    result = repository.bulk_update_metrics([right | {"message_sent": True}, right | wrong])

    assert result.error_code == "BULK_OPERATION_ERROR"
    assert len(one_book.ab_tests.log(experiment_of(campaign))) == 0


def test_orphans_go_when_the_test_has_ended_and_never_while_it_runs(
    service: ABTestingService, repository: ABTestRepository, new: New
) -> None:
    campaign = new()
    service.assign_recipients_to_variants(campaign, range(4)).unwrap()
    others = {str(n) for n in range(10_000)} - {"0", "1"}
    here = replace(repository, known=lambda units: others & set(units))

    while_it_runs = here.cleanup_orphaned_assignments().unwrap()
    service.change_status(campaign, "complete")

    assert while_it_runs == 0
    assert here.cleanup_orphaned_assignments().unwrap() == 2
    assert len(repository.get_campaign_assignments(campaign).unwrap()) == 2


def test_a_database_that_refuses_is_said_with_the_code_of_the_call(book: Book) -> None:
    service = ABTestingService.of(book, clock=FixedClock(NOW))
    repository = ABTestRepository.of(book, clock=FixedClock(NOW))
    campaign = service.create_ab_campaign(CONFIG).unwrap()["id"]
    [contact] = of_variant(service, campaign, "A", count=1)
    row = {"campaign_id": campaign, "contact_id": contact, "message_sent": True}
    with book.database.writing() as connection:
        connection.execute(sa.text("drop table ab_events"))

    codes = [result.error_code for result in (
        service.track_message_sent(campaign, contact, "A"), service.get_campaign_ab_summary(campaign),
        service.set_manual_winner(campaign, "A", "because"), repository.bulk_update_metrics([row]),
        repository.get_time_series_metrics(campaign, "A", date(2026, 1, 1), date(2026, 1, 2)),
    )]

    assert codes == ["DB_ERROR", "SUMMARY_ERROR", "UPDATE_FAILED", "BULK_OPERATION_ERROR", "STATS_ERROR"]


def test_a_lookup_that_the_database_refuses_is_no_missing_variant(book: Book) -> None:
    service = ABTestingService.of(book, clock=FixedClock(NOW))
    with book.database.writing() as connection:
        connection.execute(sa.text("drop table assignments"))

    assert service.get_contact_variant(1, 1).error_code == "DB_ERROR"
