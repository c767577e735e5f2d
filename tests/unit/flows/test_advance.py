"""Whoever is in a flow takes each step that is due once, in order, whatever runs were missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from courses import DRIP, HEAD, Told, course, days, flow, morning, noon
from hypothesis import given, settings
from hypothesis import strategies as st

ENTRY = date(2026, 1, 10)
MESSAGES = ["day_3", "day_7", "day_14"]


def test_a_message_goes_at_ten_on_its_day() -> None:
    told = course(flow(DRIP), ("ann", "2026-01-10", ENTRY))

    told.run(morning(date(2026, 1, 13)))

    assert told.sends == [("ann", "day_3", datetime(2026, 1, 13, 16, tzinfo=UTC))]


def test_two_runs_of_a_day_take_a_step_once() -> None:
    told = course(flow(DRIP), ("ann", "2026-01-10", ENTRY))

    told.run(morning(date(2026, 1, 13)))
    told.run(noon(date(2026, 1, 13)))

    assert [step for _, step, _ in told.sends] == ["day_3"]


def test_nothing_is_due_before_its_day() -> None:
    told = course(flow(DRIP), ("ann", "2026-01-10", ENTRY))

    told.run(noon(date(2026, 1, 12)))

    assert told.sends == []


def test_steps_that_were_missed_are_taken_in_order_and_an_hour_apart() -> None:
    told = course(flow(DRIP, late="send"), ("ann", "2026-01-10", ENTRY))

    told.run(morning(date(2026, 1, 30)))

    assert [step for _, step, _ in told.sends] == MESSAGES
    moments = [at for _, _, at in told.sends]
    assert [after - before for before, after in pairwise(moments)] == [timedelta(hours=1)] * 2


def test_a_message_that_is_too_late_is_skipped_and_said_so() -> None:
    told = course(flow(DRIP), ("ann", "2026-01-10", ENTRY))

    told.run(morning(date(2026, 1, 18)))

    assert told.taken == [("ann", "day_3", "late"), ("ann", "day_7", "planned")]


def test_being_late_once_moves_nothing_that_follows() -> None:
    told = course(flow(DRIP), ("ann", "2026-01-10", ENTRY))

    told.run(morning(date(2026, 1, 14)))
    told.run(morning(date(2026, 1, 17)))

    assert told.sends[-1] == ("ann", "day_7", datetime(2026, 1, 17, 16, tzinfo=UTC))


def test_who_is_held_out_goes_the_way_without_messages() -> None:
    told = course(flow(DRIP), ("ann", "2026-01-10", ENTRY), held_out=True)

    for day in days(ENTRY, 20):
        told.run(morning(day))

    assert told.sends == []
    assert [outcome for _, _, outcome in told.taken] == ["held out"] * 3
    assert told.endings == ["finished"]


def test_a_branch_asks_where_somebody_is_now() -> None:
    text = HEAD + """
steps:
  - branch: {member_of: member}
    yes: [{message: stay, text: stay}]
    no: [{wait: 1 day}, {message: come, text: come}]
  - {message: both, text: both}
"""
    told = course(
        flow(text), ("ann", "a", ENTRY), ("bob", "a", ENTRY), told=Told(members={"member": {"ann"}})
    )

    told.run(morning(ENTRY))
    told.run(morning(date(2026, 1, 11)))

    assert {who: [step for one, step, _ in told.sends if one == who] for who in ("ann", "bob")} == {
        "ann": ["stay", "both"], "bob": ["come", "both"],
    }


def test_a_wait_ends_when_what_is_waited_for_happens() -> None:
    text = HEAD + """
steps:
  - wait: {for: check_in, at_most: 5 days, otherwise: leave}
  - {message: welcome_back, text: hello, at: at once}
"""
    came = datetime(2026, 1, 12, 20, tzinfo=UTC)
    told = course(
        flow(text), ("ann", "a", ENTRY), ("bob", "a", ENTRY), told=Told(events=[("check_in", "ann", came)])
    )

    for day in days(ENTRY, 7):
        told.run(morning(day))

    assert told.sends == [("ann", "welcome_back", datetime(2026, 1, 13, 12, tzinfo=UTC))]
    assert told.taken == [
        ("ann", "wait_for_check_in", "came"), ("ann", "welcome_back", "planned"),
        ("bob", "wait_for_check_in", "did not come"), ("bob", "leave", "left"),
    ]


def test_each_variant_goes_its_own_way_and_who_has_none_goes_on() -> None:
    text = HEAD + """
steps:
  - split: offer
    ways: {half: [{message: half, text: half}], nothing: [leave]}
  - {message: all, text: all}
"""
    people = [("ann", "a", ENTRY), ("bob", "a", ENTRY), ("cat", "a", ENTRY)]
    told = course(flow(text), *people, told=Told(variant={"ann": "half", "bob": "nothing"}))

    told.run(noon(ENTRY))

    assert [(who, step) for who, step, _ in told.sends] == [("ann", "half"), ("ann", "all"), ("cat", "all")]


def test_days_are_those_of_the_business_when_the_clocks_change() -> None:
    told = course(flow(DRIP), ("ann", "2026-03-05", date(2026, 3, 5)))

    told.run(datetime(2026, 3, 8, 5, 59, tzinfo=UTC))
    before = list(told.sends)
    told.run(datetime(2026, 3, 8, 6, 1, tzinfo=UTC))

    assert before == []
    # Ten in the morning of the day the clocks go forward is an hour earlier in UTC than the day before.
    assert told.sends == [("ann", "day_3", datetime(2026, 3, 8, 15, tzinfo=UTC))]


@pytest.mark.parametrize("gap", [1, 2, 3, 5])
def test_a_run_every_few_days_sends_the_same_as_one_every_day(gap: int) -> None:
    every_day, seldom = (course(flow(DRIP, late="send"), ("ann", "a", ENTRY)) for _ in range(2))

    for day in days(ENTRY, 25):
        every_day.run(morning(day))
    for day in days(ENTRY, 26)[::gap]:
        seldom.run(morning(day))

    assert [step for _, step, _ in seldom.sends] == [step for _, step, _ in every_day.sends] == MESSAGES


@settings(max_examples=60, deadline=None)
@given(
    entries=st.lists(st.integers(0, 10), min_size=1, max_size=6),
    runs=st.lists(st.integers(0, 40 * 24), min_size=1, max_size=12).map(sorted),
)
def test_whenever_it_runs_each_step_is_taken_at_most_once_and_in_order(entries: list[int], runs: list[int]) -> None:
    people = [(f"c_{n}", "a", ENTRY + timedelta(days=after)) for n, after in enumerate(entries)]
    told = course(flow(DRIP), *people)

    for hour in runs:
        told.run(morning(ENTRY) + timedelta(hours=hour))

    for who, _, _ in people:
        steps = [step for one, step, _ in told.taken if one == who]
        assert steps == MESSAGES[:len(steps)]
        moments = [at for one, _, at in told.sends if one == who]
        assert moments == sorted(set(moments))
