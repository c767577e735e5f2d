"""Two ids that turn out to be one customer have one journey for each occasion, and nothing is sent twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from courses import DRIP, Course, course, flow, morning
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.flows.journey import JOURNEYS
from regulars.flows.merged import Followed, followed, placed

ENTRY = date(2026, 1, 10)
AT = datetime(2026, 1, 15, 12, tzinfo=UTC)


def register(**merged: str) -> pa.Table:
    """Return who was merged into whom."""
    return pa.table({
        "customer_id": pa.array(merged, pa.string()), "merged_into": pa.array(merged.values(), pa.string())
    })


def follow(told: Course, merged: pa.Table) -> Followed:
    """Return what merges make of a course."""
    over = [row for row in told.journeys.to_pylist() if row["ended_at"] is not None]
    return followed(
        told.flow, open_of(told), merged, over=pa.Table.from_pylist(over, schema=JOURNEYS), at=AT
    )


def test_nobody_merged_leaves_everything_as_it_is() -> None:
    told = course(flow(DRIP), ("ann", "a", ENTRY))

    found = follow(told, register())

    assert found.going.equals(told.journeys)
    assert (found.ended.num_rows, found.begun.num_rows) == (0, 0)


def test_a_journey_goes_on_under_the_id_in_force() -> None:
    told = course(flow(DRIP), ("ann", "a", ENTRY))
    told.run(morning(date(2026, 1, 13)))

    found = follow(told, register(ann="bea"))

    assert found.going["customer_id"].to_pylist() == ["bea"]
    assert found.going["step"].to_pylist() == ["day_7"]
    assert [(row["customer_id"], row["ending"], row["reason"]) for row in found.ended.to_pylist()] == [
        ("ann", "merged", "is one customer with bea")
    ]


def test_of_two_journeys_of_one_person_the_one_that_is_farther_goes_on() -> None:
    told = course(flow(DRIP), ("ann", "a", ENTRY), ("bea", "b", date(2026, 1, 12)))
    told.run(morning(date(2026, 1, 13)))

    found = follow(told, register(ann="bea"))

    assert [(row["customer_id"], row["occasion"], row["step"]) for row in found.going.to_pylist()] == [
        ("bea", "a", "day_7")
    ]
    assert sorted(found.ended["customer_id"].to_pylist()) == ["ann", "bea"]


def test_several_occasions_go_on_side_by_side_where_they_may() -> None:
    told = course(flow(DRIP, at_a_time="many"), ("ann", "a", ENTRY), ("bea", "b", ENTRY))

    found = follow(told, register(ann="bea"))

    assert found.going["occasion"].to_pylist() == ["a", "b"]
    assert found.going["customer_id"].to_pylist() == ["bea", "bea"]


@settings(max_examples=50, deadline=None)
@given(
    merged=st.dictionaries(st.sampled_from("abcd"), st.sampled_from("wxyz"), max_size=4),
    entries=st.dictionaries(st.sampled_from("abcdwxyz"), st.integers(0, 5), min_size=1, max_size=8),
    day=st.integers(0, 20),
)
def test_after_any_merges_nobody_gets_a_message_twice(
    merged: dict[str, str], entries: dict[str, int], day: int
) -> None:
    told = course(flow(DRIP, late="send"), *((who, "o", ENTRY + timedelta(days=n)) for who, n in entries.items()))
    told.run(morning(ENTRY + timedelta(days=day)))
    people = register(**merged)

    own = follow(told, people)
    assert follow(Course(told.flow, own.going), people).going.equals(own.going)
    rest = Course(told.flow, own.going)
    for n in range(day, 40):
        rest.run(morning(ENTRY + timedelta(days=n)))

    after = [(who, step) for who, step, _ in rest.sends]
    assert len(after) == len(set(after))
    for who in {merged.get(one, one) for one in entries}:
        ids = [one for one in entries if merged.get(one, one) == who]
        before = {step for one, step, _ in told.sends if one in ids}
        assert not before & {step for one, step in after if one == who}


def test_who_rests_at_a_step_that_is_gone_goes_on_behind_the_last_one_they_took() -> None:
    told = course(flow(DRIP), ("ann", "a", ENTRY), ("bea", "a", ENTRY))
    taken = told.run(morning(date(2026, 1, 13))).taken
    new = flow(DRIP.replace("message: day_7", "message: other").replace("until: day 7", "until: day 9"))

    found = placed(new, told.journeys, taken.filter(pa.compute.equal(taken["customer_id"], "ann")), zone="UTC")  # type: ignore[attr-defined]  # pyarrow

    assert found["step"].to_pylist() == ["other", "day_3"]
    assert found["due_at"].to_pylist() == [datetime(2026, 1, 19), datetime(2026, 1, 13)]  # noqa: DTZ001  as tables have it


def open_of(told: Course) -> pa.Table:
    rows = [row for row in told.journeys.to_pylist() if row["ended_at"] is None]
    return pa.Table.from_pylist(rows, schema=JOURNEYS)


