"""Contracts, the people on them and what they will bring: the reference's faults stay cured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from regulars.compat.failures import membership_failure_rates
from regulars.compat.material import Material
from regulars.compat.memberships import members, membership_projection, membership_snapshot_counts, memberships

Gym = Callable[..., Material]
Contract = Callable[..., dict[str, Any]]
Answer = Callable[..., list[dict[str, Any]]]


def on(membership: str, *customers: str, **said: Any) -> list[dict[str, Any]]:
    return [{"membership_id": membership, "customer_id": customer, "member_id": f"m{customer}", **said}
            for customer in customers]


def test_the_contract_and_its_kind_are_two_ids_in_both_tables(gym: Gym, contract: Contract, answer: Answer) -> None:
    material = gym(memberships=[contract("9")], membership_people=on("9", "o9", "c1"))

    contracts, people = answer(memberships(material)), answer(members(material))

    assert [(row["membership_id"], row["membership_type_id"]) for row in contracts] == [("9", "71")]
    assert {(row["membership_id"], row["membership_type_id"]) for row in people} == {("9", "71")}
    assert {row["customer_id"]: row["is_owner"] for row in people} == {"o9": True, "c1": False}


def test_a_frozen_membership_counts_from_the_day_it_thaws(gym: Gym, contract: Contract, answer: Answer) -> None:
    thawing = contract("1", status="FRZ", unfreeze_date=date(2026, 3, 1))

    rows = answer(membership_projection(gym(memberships=[thawing])))

    assert {row["date"]: row["projected_total"] for row in rows if row["projected_total"]} == {
        date(2026, 3, 10): Decimal("85.00"),
    }


def test_a_frozen_membership_without_listed_bills_is_billed_when_it_thaws(
    gym: Gym, contract: Contract, answer: Answer
) -> None:
    thawing = contract("1", status="FRZ", unfreeze_date=date(2026, 3, 1), upcoming_bill_dates="[]")
    for_ever = contract("2", status="FRZ")

    rows = answer(membership_projection(gym(memberships=[thawing, for_ever])))

    assert {row["date"]: row["projected_total"] for row in rows if row["projected_total"]} == {
        date(2026, 3, 1): Decimal("85.00"),
    }


def test_the_projection_has_every_day_from_today_to_the_end_of_the_third_month(
    gym: Gym, contract: Contract, answer: Answer
) -> None:
    ended = contract("2", status="END", end_date=date(2026, 1, 1))

    rows = answer(membership_projection(gym(memberships=[contract("1"), ended])))

    days = sorted(row["date"] for row in rows)
    assert (days[0], days[-1], len(set(days))) == (date(2026, 1, 31), date(2026, 4, 30), 90)
    assert sum(row["projected_total"] for row in rows) == Decimal("170.00")


def test_an_end_date_of_an_active_contract_ends_nothing_and_a_future_one_waits(
    gym: Gym, contract: Contract, answer: Answer
) -> None:
    overdue = contract("1", end_date=date(2026, 1, 30))
    future = contract("2", start_date=date(2026, 2, 5))
    material = gym(memberships=[overdue, future], membership_people=[*on("1", "o1"), *on("2", "o2")])

    total = next(row for row in answer(membership_snapshot_counts(material)) if row["dimension"] == "total")

    assert (total["contracts"], total["members"]) == (1, 1)


def test_a_family_is_one_contract_and_several_people(gym: Gym, contract: Contract, answer: Answer) -> None:
    family, staff = contract("1", name="Family Monthly"), contract("2", name="Staff", billing_amount=0)
    people = [*on("1", "o1", "c1", "c2"), *on("1", "c3", is_frozen=True), *on("2", "o2")]

    rows = answer(membership_snapshot_counts(gym(memberships=[family, staff], membership_people=people)))

    counts = {(row["dimension"], row["value"]): row for row in rows}
    assert (counts["size", "family"]["contracts"], counts["size", "family"]["members"]) == (1, 3)
    total = counts["total", "all"]
    assert (total["contracts"], total["owners"], total["members"]) == (2, 2, 4)
    assert (total["contracts_without_staff"], total["members_without_staff"]) == (1, 3)
    assert counts["special", "is_bcf"]["contracts"] == 1


def test_amounts_are_exact_in_the_currencys_own_digits(gym: Gym, contract: Contract, answer: Answer) -> None:
    cents = [contract(str(n), billing_amount=n) for n in (0, 5, 99, 100, 123456789012)]

    two = answer(memberships(gym(memberships=cents)))
    none = answer(memberships(gym(memberships=cents, digits=0)))
    three = answer(memberships(gym(memberships=cents, digits=3)))

    assert sorted(str(row["billing_amount"]) for row in two) == ["0.00", "0.05", "0.99", "1.00", "1234567890.12"]
    assert max(row["billing_amount"] for row in none) == Decimal(123456789012)
    assert Decimal("0.005") in {row["billing_amount"] for row in three}


def test_failures_of_ended_memberships_are_shares_of_all_memberships_of_the_period(
    gym: Gym, contract: Contract, answer: Answer
) -> None:
    contracts = [
        contract("1", name="College Solo"),
        contract("2", name="College Solo", status="END", end_date=date(2026, 1, 5)),
        contract("3", name="College Solo", status="END", end_date=date(2025, 6, 5)),
    ]
    failed = [
        {"id": f"pi_{n}", "status": "requires_payment_method", "is_live": True, "decline_code": code,
         "description": f"Capitan membership #{number} renewal payment: College Solo",
         "created_at_day": date(2026, 1, 3)}
        for n, (number, code) in enumerate([("2", "insufficient_funds"), ("2", "do_not_honor"), ("99", None)])
    ]
    late = {**failed[0], "id": "pi_late", "status": "succeeded"}

    rows = answer(membership_failure_rates(gym(memberships=contracts, payment_intents=[*failed, late])))

    counted = {row["membership_type"]: row for row in rows}
    college = counted["college"]
    assert (college["active_memberships"], college["memberships_in_period"]) == (1, 2)
    assert (college["unique_with_failures"], college["total_failures"]) == (1, 2)
    assert (college["failure_rate_pct"], college["insufficient_funds_rate_pct"]) == (Decimal("50.00"), Decimal("50.00"))
    assert (counted["unknown"]["total_failures"], counted["unknown"]["failure_rate_pct"]) == (1, None)
