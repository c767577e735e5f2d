"""Whatever a vendor does, a set of pages is whole or there is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from regulars.errors import SourceIncomplete, SourceRefused, SourceUnavailable
from regulars.testing.sandbox import Fault, Faults


def _plan(**plan: Fault) -> Faults:
    return Faults(plan={int(number[1:]): fault for number, fault in plan.items()})


@pytest.mark.parametrize("fault", [
    Fault(kind="status", status=429, retry_after="1"),
    Fault(kind="status", status=429, retry_after="Sat, 01 Mar 2025 12:00:30 GMT"),
    Fault(kind="status", status=500),
    Fault(kind="status", status=503),
    Fault(kind="cut"),
    Fault(kind="html"),
    Fault(kind="broken_json"),
], ids=lambda f: f"{f.kind}-{f.status}-{f.retry_after}")
def test_a_passing_fault_is_survived_and_nothing_is_lost_or_doubled(sandbox, source, pull, ids, fault) -> None:
    server = sandbox(_plan(n2=fault))

    found = ids(pull(source("capitan", server), "customers"))

    assert sorted(found) == list(range(1, 251))
    assert [request.fault for request in server.requests].count(fault) == 1


@pytest.mark.parametrize(("fault", "message"), [
    (Fault(kind="status", status=500), "answered 500"),
    (Fault(kind="html"), "web page instead of JSON"),
    (Fault(kind="broken_json"), "broken JSON"),
    (Fault(kind="cut"), "the connection to"),
], ids=lambda f: getattr(f, "kind", ""))
def test_a_fault_that_stays_ends_the_pull_with_a_sentence(sandbox, source, pull, fault, message) -> None:
    server = sandbox(Faults(chance=1.0, kinds=(fault,)))

    with pytest.raises(SourceUnavailable, match=message):
        pull(source("capitan", server), "customers")


def test_a_vendor_that_asks_for_an_hour_is_left_alone(sandbox, source, pull) -> None:
    server = sandbox(_plan(n1=Fault(kind="status", status=429, retry_after="3600")))

    with pytest.raises(SourceUnavailable, match="429"):
        pull(source("capitan", server), "customers")

    assert len(server.requests) == 1


def test_a_refused_key_is_not_tried_again(sandbox, source, pull) -> None:
    server = sandbox(_plan(n2=Fault(kind="status", status=401)))

    with pytest.raises(SourceRefused, match="check the key"):
        pull(source("capitan", server), "customers")

    assert len(server.requests) == 2


def test_an_answer_that_takes_too_long_is_asked_for_again(sandbox, source, pull, ids) -> None:
    server = sandbox(_plan(n1=Fault(kind="slow", seconds=1.5)))

    found = ids(pull(source("capitan", server, timeout="1 second"), "memberships"))

    assert len(found) == 130


@pytest.mark.parametrize(("kind", "stream", "fault", "message"), [
    ("capitan", "customers", "short_page", "200 of 250|a page was lost"),
    ("capitan", "customers", "lost_page", "more was promised"),
    ("capitan", "customers", "repeated_page", "page 2 is page 1 again"),
    ("stripe", "payment_intents", "lost_page", "more was promised"),
    ("stripe", "payment_intents", "repeated_page", "again"),
    ("square", "customers", "repeated_page", "again|to itself"),
])
def test_a_lost_or_repeated_page_refuses_the_whole_set(sandbox, source, pull, kind, stream, fault, message) -> None:  # noqa: PLR0917  # fixtures
    server = sandbox(_plan(n2=Fault(kind=fault)))

    with pytest.raises(SourceIncomplete, match=message):
        pull(source(kind, server), stream)


def test_a_short_page_of_the_last_id_style_loses_nothing(sandbox, source, pull, ids) -> None:
    server = sandbox(_plan(n2=Fault(kind="short_page")))

    found = ids(pull(source("stripe", server), "payment_intents"))

    assert len(set(found)) == 350


def test_a_vendors_clock_in_the_future_does_not_move_the_cursor_past_now(sandbox, source, pull) -> None:
    off = Fault(kind="future", seconds=86_400.0)
    at = datetime(2025, 2, 1, tzinfo=UTC)
    server = sandbox(Faults(chance=1.0, kinds=(off,)), as_of=at)

    pages = pull(source("capitan", server), "check_ins", at=at)

    seen = max(json.loads(item)["check_in_datetime"] for page in pages for item in page.items)
    assert datetime.fromisoformat(seen) > at.replace(tzinfo=None)
    assert datetime.fromisoformat(str(pages[-1].cursor["newest"])) <= at


@pytest.mark.parametrize(("kind", "stream"), [
    ("capitan", "customers"), ("capitan", "relations"), ("stripe", "payment_intents"), ("stripe", "payout_transactions"),
    ("square", "payments"), ("square", "orders"),
])
def test_a_pull_that_was_killed_goes_on_at_any_page(sandbox, source, pull, kind, stream) -> None:
    server = sandbox()
    words = {"streams": {"relations": {"enabled": True}}} if kind == "capitan" else {}
    whole = pull(source(kind, server, **words), stream)

    for n, page in enumerate(whole[:-1]):
        state = json.loads(json.dumps(page.resume))               # it lies in a database meanwhile
        rest = pull(source(kind, server, **words), stream, resume=state)
        assert [p.items for p in rest] == [p.items for p in whole[n + 1:]]
        assert rest[-1].cursor == whole[-1].cursor


def test_a_seeded_storm_of_faults_is_the_same_each_time(sandbox, source, pull, ids) -> None:
    storm = Faults(chance=0.3, seed=7, kinds=(Fault(kind="status", status=500), Fault(kind="cut"), Fault(kind="html")))
    one, other = sandbox(storm), sandbox(storm)

    first, second = (ids(pull(source("stripe", server), "payment_intents")) for server in (one, other))

    assert first == second
    assert len(set(first)) == 350
    assert [r.fault for r in one.requests] == [r.fault for r in other.requests]


def test_the_next_day_is_one_move_of_the_clock_away(sandbox, source, pull, ids) -> None:
    server = sandbox(as_of=datetime(2025, 1, 3, tzinfo=UTC))
    capitan = source("capitan", server)
    before = ids(pull(capitan, "check_ins"))

    server.set_clock(datetime(2025, 1, 3, tzinfo=UTC) + timedelta(days=1))

    assert set(before) < set(ids(pull(capitan, "check_ins")))


def test_a_request_that_breaks_the_contract_is_told(sandbox, source, pull) -> None:
    server = sandbox()

    with pytest.raises(SourceRefused, match="knows no parameter 'sort'"):
        pull(source("capitan", server, streams={"events": {"request": {"path": "events/", "params": {"sort": "id"}}}}), "events")

    assert server.violations == ("/api/events/ knows no parameter 'sort'",)
