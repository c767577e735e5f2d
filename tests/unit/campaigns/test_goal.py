"""What counts towards a campaign's goal: each thing once, money by the payment, in its time, and what it costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from regulars.campaigns.conversion import conversions, reached
from regulars.campaigns.declare_goal import declare_costs, declare_goals
from regulars.campaigns.goal import CampaignGoal, Costs
from regulars.errors import DeclarationError
from regulars.metrics.metric import declare as declare_metric

ENGINE = ibis.duckdb.connect()
START = datetime(2026, 1, 1)  # noqa: DTZ001 - engines hold UTC without saying so
GOAL = CampaignGoal(metric="m", within=timedelta(days=14), worth=4500)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def event(name: str, hours: float, *, who: str | None = "ann", kind: str = "joined", thing: str | None = None) -> dict[str, Any]:
    return {"event_id": name, "customer_id": who, "event_type": kind, "occurred_at": at(hours),
            "business_day": at(hours).date(), "thing": thing}


def line(name: str, hours: float, amount: int, *, payment: str | None = None, kind: str = "sale", currency: str = "USD") -> dict[str, Any]:
    return {"line_id": name, "customer_id": "ann", "occurred_at": at(hours), "business_day": at(hours).date(),
            "source": "till", "payment_id": payment, "kind": kind, "amount": amount, "currency": currency, "category": None}


def found(formula: dict[str, object], rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    told = conversions(GOAL, declare_metric("m", formula), ibis.memtable(pa.Table.from_pylist(rows)), currency="USD")
    return [(row["currency"], row["value"]) for row in ENGINE.to_pyarrow(told.order_by("at", "conversion_id")).to_pylist()]


def test_each_event_of_its_kind_is_one_conversion_of_its_worth() -> None:
    rows = [event("a", 1), event("b", 2), event("c", 3, kind="left"), event("d", 4, who=None)]

    assert found({"count": "joined"}, rows) == [("USD", 4500)] * 2


def test_a_thing_that_counts_once_converts_once() -> None:
    rows = [event("a", 1, thing="m1"), event("b", 2, thing="m1"), event("c", 3, thing="m2"), event("d", 4)]

    assert len(found({"distinct": "thing", "of": "joined"}, rows)) == 2


def test_whoever_counts_as_a_visitor_converts_once_a_day() -> None:
    rows = [event("a", 1), event("b", 2), event("c", 30)]

    assert len(found({"distinct": "customers", "of": "joined"}, rows)) == 2


def test_lines_of_one_payment_are_one_conversion_and_a_refund_is_taken_off() -> None:
    rows = [line("a", 1, 1000, payment="p"), line("b", 1, 80, payment="p", kind="tax"), line("c", 9, -500, kind="refund")]

    assert found({"spend": "net"}, rows) == [("USD", 1080), ("USD", -500)]


def test_currencies_are_kept_apart() -> None:
    rows = [line("a", 1, 1000, payment="p"), line("b", 1, 900, payment="p", currency="EUR")]

    assert sorted(found({"spend": "gross"}, rows)) == [("EUR", 900), ("USD", 1000)]


@pytest.mark.parametrize(("hours", "converts"), [(-0.1, False), (0, True), (14 * 24, True), (14 * 24 + 0.1, False)])
def test_a_conversion_counts_from_the_message_to_the_end_of_its_time(hours: float, converts: bool) -> None:  # noqa: FBT001  a case
    told = conversions(GOAL, declare_metric("m", {"count": "joined"}), ibis.memtable(pa.Table.from_pylist([event("a", hours)])), currency="USD")
    asked = pa.table({"message": ["k.ann", "k.bob"], "customer": ["ann", "bob"], "asked_at": [START, START]})

    rows = reached(asked, ENGINE.to_pyarrow(told), within=GOAL.within, currency="USD").to_pylist()

    assert {row["message"]: (row["converted_at"] is not None, row["value"]) for row in rows} == {
        "k.ann": (converts, 4500 * converts), "k.bob": (False, 0),
    }


def test_goals_are_one_or_a_list_and_worth_is_in_minor_units() -> None:
    assert declare_goals("joins", currency="USD") == (CampaignGoal(metric="joins"),)
    assert declare_goals([{"metric": "joins", "within": "14 days", "worth": 45.0}], currency="JPY") == (
        CampaignGoal(metric="joins", within=timedelta(days=14), worth=45),
    )


@pytest.mark.parametrize(("value", "path"), [
    ({"within": "3 days"}, ("goals",)), ([{"metric": "m", "worth": -1}], ("goals", 0, "worth")),
    ([{"metric": "m", "worth": True}], ("goals", 0, "worth")), ([{"metric": "m", "until": 1}], ("goals", 0, "until")),
    ([{"metric": "m", "worth": "0.001"}], ("goals", 0, "worth")),
])
def test_a_goal_with_a_mistake_says_where(value: object, path: tuple[object, ...]) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare_goals(value, currency="USD")

    assert refused.value.path == path


def test_parts_of_a_cent_add_up_before_they_are_rounded() -> None:
    costs = declare_costs({"each": 0.0079, "fixed": 120}, currency="USD")

    assert costs == Costs(each=Decimal("0.79"), fixed=Decimal(12000))
    assert costs.of(1000) == 12790
