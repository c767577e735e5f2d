"""Who came on a pass, who is new, who stops coming: everybody on the roster is a member."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from regulars.compat.material import Material
from regulars.compat.visits import (
    at_risk_members,
    day_pass_checkin_recency,
    day_pass_engagement,
    membership_conversion_metrics,
    new_members,
)

Gym = Callable[..., Material]
Contract = Callable[..., dict[str, Any]]
Answer = Callable[..., list[dict[str, Any]]]
TODAY = date(2026, 1, 31)


def came(customer: str, *days_ago: int, method: str = "ENT", text: str = "Day Pass") -> list[dict[str, Any]]:
    days = [TODAY - timedelta(days=ago) for ago in days_ago]
    return [{"id": f"{customer}-{day}-{method}", "customer_id": customer, "entry_method": method, "description": text,
             "checked_in_at": datetime.combine(day, datetime.min.time(), tzinfo=UTC).replace(tzinfo=None),
             "checked_in_at_day": day} for day in days]


def on(membership: str, *customers: str) -> list[dict[str, Any]]:
    return [{"membership_id": membership, "customer_id": customer} for customer in customers]


@pytest.mark.parametrize(("ago", "expected"), [
    ([2, 14], None), ([15], "Declining Activity"), ([60], "Declining Activity"), ([61], "Very Inactive"),
    ([], "Very Inactive"),
])
def test_a_child_on_the_roster_is_at_risk_like_an_owner(
    gym: Gym, contract: Contract, answer: Answer, ago: list[int], expected: str | None
) -> None:
    material = gym(memberships=[contract("1")], membership_people=on("1", "c1"),
                   check_ins=came("c1", *ago, method="MEM", text="Solo Monthly"))

    found = {row["customer_id"]: row["risk_category"] for row in answer(at_risk_members(material))}

    assert found.get("c1") == expected


def test_staff_new_ones_and_frozen_ones_are_not_at_risk(gym: Gym, contract: Contract, answer: Answer) -> None:
    contracts = [contract("1", name="Staff"), contract("2", start_date=date(2026, 1, 20)), contract("3", status="FRZ")]

    material = gym(memberships=contracts, membership_people=[*on("1", "a"), *on("2", "b"), *on("3", "c")])

    assert answer(at_risk_members(material)) == []


def test_new_is_who_never_had_a_membership_before(gym: Gym, contract: Contract, answer: Answer) -> None:
    contracts = [
        contract("1", start_date=date(2026, 1, 20)), contract("2", start_date=date(2026, 1, 20)),
        contract("3", status="END", start_date=date(2025, 3, 1), end_date=date(2025, 9, 1)),
        contract("4", start_date=date(2026, 1, 2)), contract("5", start_date=date(2026, 2, 2)),
    ]
    people = [*on("1", "first"), *on("2", "switched"), *on("3", "switched"), *on("4", "long"), *on("5", "later")]

    rows = answer(new_members(gym(memberships=contracts, membership_people=people)))

    assert [(row["customer_id"], row["days_since_joining"]) for row in rows] == [("first", 11)]


def test_a_members_visit_is_no_pass_visit_whoever_owns_the_membership(
    gym: Gym, contract: Contract, answer: Answer
) -> None:
    contracts = [contract("1", owner_id="mother", start_date=date(2025, 12, 1))]
    visits = [*came("child", 80, 5), *came("guest", 5), *came("guest", 4, method="MEM", text="2-Week Pass")]

    rows = answer(day_pass_checkin_recency(gym(memberships=contracts, membership_people=on("1", "child"), check_ins=visits)))

    assert sorted((row["customer_id"], row["recency_category"]) for row in rows) == [("child", "New"), ("guest", "New")]


def test_recency_is_counted_from_the_visit_before_of_any_kind(gym: Gym, answer: Answer) -> None:
    visits = [*came("a", 300, 239, 179, 0), *came("b", 9, method="EVE", text="Climbing Night"), *came("b", 3)]

    rows = answer(day_pass_checkin_recency(gym(check_ins=visits)))

    found = sorted((row["customer_id"], row["days_since_last_visit"] or 0, row["recency_category"]) for row in rows)
    assert found == [
        ("a", 0, "New"), ("a", 60, "0-2 months"), ("a", 61, "2-6 months"), ("a", 179, "2-6 months"),
        ("b", 6, "0-2 months"),
    ]


def test_engagement_counts_visits_before_the_newest_pass(gym: Gym, answer: Answer) -> None:
    rows = answer(day_pass_engagement(gym(check_ins=[
        *came("a", 400, 200, 100, 30, 10), *came("a", 2, method="EVE", text="Climbing Night"),
    ])))

    assert [(row["latest_day_pass_date"], row["days_since_last_visit"], row["visits_last_2mo"], row["visits_last_6mo"],
             row["visits_last_12mo"], row["total_day_pass_checkins"]) for row in rows] == [
        (date(2026, 1, 21), 20, 1, 2, 3, 5),
    ]


def test_conversion_counts_days_before_the_first_membership_of_each_person(
    gym: Gym, contract: Contract, answer: Answer
) -> None:
    contracts = [contract("2", start_date=date(2026, 1, 10)), contract("1", start_date=date(2025, 6, 1)),
                 contract("3", start_date=date(2026, 3, 1))]
    people = [*on("1", "a"), *on("2", "a", "o2"), *on("3", "later")]
    visits = [*came("o2", 100, 80, 60, 40, 30, 21, 1), *came("a", 300)]

    rows = answer(membership_conversion_metrics(gym(memberships=contracts, membership_people=people, check_ins=visits)))

    assert sorted((row["customer_id"], row["membership_id"], row["checkins_bucket"]) for row in rows) == [
        ("a", "1", "1"), ("o2", "2", "5+"),
    ]
