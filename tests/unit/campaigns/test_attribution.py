"""Credit for conversions: exact to the cent, by an oracle in whole fractions; funnel and returns."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.campaigns.attribution import CONVERSION, TOUCH, Model, Return, attributed, by_campaign, paths, returned
from regulars.campaigns.funnel import STAGES, WAY, funnel, lost

START = datetime(2026, 1, 1)  # noqa: DTZ001 - engines hold UTC without saying so
MODELS: tuple[Model, ...] = ("first", "last", "linear", "time_decay", "position")
WEEK = timedelta(days=7)


def table(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)


def touch(name: str, hours: float, *, customer: str = "ann", campaign: str = "k") -> dict[str, object]:
    return {"touch_id": name, "customer": customer, "campaign": campaign, "at": START + timedelta(hours=hours)}


def conversion(name: str, hours: float, value: int, *, customer: str = "ann") -> dict[str, object]:
    return {"conversion_id": name, "customer": customer, "at": START + timedelta(hours=hours), "value": value, "currency": "USD"}


def credit(touches: list[dict[str, object]], conversions: list[dict[str, object]], model: Model) -> list[dict[str, object]]:
    found = attributed(paths(table(touches, TOUCH), table(conversions, CONVERSION)), model=model)
    return found.sort_by([("conversion_id", "ascending"), ("position", "ascending")]).to_pylist()


def oracle(touches: list[dict[str, object]], one: dict[str, object], model: Model) -> dict[str | None, int]:
    """Share one conversion by hand: fractions of whole numbers, largest remainders."""
    at: datetime = one["at"]  # type: ignore[assignment]
    path = sorted(
        (t for t in touches if t["customer"] == one["customer"] and timedelta(0) <= at - t["at"] <= timedelta(days=30)),  # type: ignore[operator]
        key=lambda t: (t["at"], t["touch_id"]),
    )
    value: int = one["value"]  # type: ignore[assignment]
    if not path:
        return {None: value}
    n = len(path)
    if model == "time_decay":
        weights = [Fraction(round(2.0 ** -((path[-1]["at"] - t["at"]) / WEEK) * 2**24)) for t in path]  # type: ignore[operator]
    elif model == "linear":
        weights = [Fraction(1)] * n
    elif model == "position":
        ends, middle = (Fraction(2, 5), Fraction(1, 5) / (n - 2)) if n > 2 else (Fraction(1, n), Fraction(0))
        weights = [ends if i in {0, n - 1} else middle for i in range(n)]
    else:
        weights = [Fraction(int(i == (0 if model == "first" else n - 1))) for i in range(n)]
    exact = [abs(value) * w / sum(weights) for w in weights]
    shares = [int(e) for e in exact]
    for i in sorted(range(n), key=lambda i: (shares[i] - exact[i], i))[:abs(value) - sum(shares)]:
        shares[i] += 1
    sign = -1 if value < 0 else 1
    return {str(t["touch_id"]): sign * s for t, s, w in zip(path, shares, weights, strict=True) if w}


TOUCHES = st.lists(st.tuples(st.integers(0, 1200), st.sampled_from(["ann", "bob"])), max_size=8).map(
    lambda rows: [touch(f"t{i}", hours, customer=who, campaign=f"k{i % 3}") for i, (hours, who) in enumerate(rows)]
)
CONVERSIONS = st.lists(
    st.tuples(st.integers(0, 1500), st.integers(-10**6, 10**11), st.sampled_from(["ann", "bob", "cy"])), min_size=1, max_size=4
).map(lambda rows: [conversion(f"c{i}", hours, value, customer=who) for i, (hours, value, who) in enumerate(rows)])


@pytest.mark.parametrize("model", MODELS)
@given(touches=TOUCHES, conversions=CONVERSIONS)
@settings(max_examples=8, deadline=None)
def test_every_model_shares_as_fractions_do_and_loses_no_cent(
    model: Model, touches: list[dict[str, object]], conversions: list[dict[str, object]]
) -> None:
    rows = credit(touches, conversions, model)

    for one in conversions:
        found = {row["touch_id"]: row["value"] for row in rows if row["conversion_id"] == one["conversion_id"]}
        assert sum(found.values()) == one["value"]
        assert found == oracle(touches, one, model)


def test_a_touch_counts_up_to_the_moment_and_not_beyond_the_window() -> None:
    touches = [touch("old", -721), touch("edge", -720), touch("now", 0), touch("after", 0.001)]

    rows = credit(touches, [conversion("c", 0, 100)], "linear")

    assert [(row["touch_id"], row["value"]) for row in rows] == [("edge", 50), ("now", 50)]


def test_a_half_life_halves() -> None:
    rows = credit([touch("a", 0), touch("b", 7 * 24)], [conversion("c", 7 * 24, 300)], "time_decay")

    assert [(row["touch_id"], row["value"]) for row in rows] == [("a", 100), ("b", 200)]


def test_what_nobody_was_written_to_for_is_put_down_to_nobody() -> None:
    rows = credit([touch("a", 0, customer="bob")], [conversion("c", 1, 100)], "last")

    assert [(row["touch_id"], row["campaign"], row["value"]) for row in rows] == [(None, None, 100)]


def test_credit_adds_up_by_campaign_and_divides_by_nothing_never() -> None:
    touches = [touch("a", 0, campaign="one"), touch("b", 1, campaign="one"), touch("c", 2, campaign="two")]
    conversions = table([conversion("c", 3, 300), conversion("d", 3, 300)], CONVERSION)

    found = by_campaign(attributed(paths(table(touches, TOUCH), conversions), model="linear")).to_pylist()

    earned = {row["campaign"]: (row["value"], row["conversions"], row["customers"]) for row in found}
    assert earned == {"one": (400, 2, 1), "two": (200, 2, 1)}
    assert returned(400, cost=200, conversions=2) == Return(roi=1.0, roas=2.0, cost_per_conversion=100.0)
    assert returned(200, cost=0, conversions=2) == Return(roi=None, roas=None, cost_per_conversion=0.0)
    assert returned(0, cost=50, conversions=0) == Return(roi=-1.0, roas=0.0, cost_per_conversion=None)


def ways(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(WAY.names) | row for row in rows], schema=WAY)


def way(customer: str, channel: str, *stages: str, reason: str | None = None) -> dict[str, object]:
    return {"campaign": "k", "customer": customer, "channel": channel, "reason": reason} | {f"{s}_at": START for s in stages}


def counted(rows: list[dict[str, object]]) -> dict[tuple[str, str], tuple[object, object, object]]:
    return {(one.channel, one.stage): (one.people, one.of, one.lost) for one in funnel(ways(rows))}


def test_a_later_stage_proves_the_earlier_ones_but_a_conversion_proves_no_message() -> None:
    found = counted([way("a", "email", "clicked"), way("b", "email", "flagged", "converted")])

    assert [found["email", stage][0] for stage in STAGES] == [2, 1, 1, 1, 1, 1, 0, 1]


def test_a_reply_does_not_take_anybody_out_of_those_who_got_the_message() -> None:
    found = counted([way("a", "email", *STAGES[:4]), way("b", "email", *STAGES[:4], "replied")])

    assert found["email", "delivered"] == (2, 2, 0)
    assert found["email", "replied"] == (1, 2, 1)


def test_whether_a_text_message_was_read_is_not_known_and_not_zero() -> None:
    found = counted([way("a", "sms", *STAGES[:4])])

    assert found["sms", "opened"] == (None, 1, None)


def test_reasons_are_counted_where_people_were_lost_and_unknown_stays_unknown() -> None:
    rows = [
        way("a", "sms", "flagged", reason="opted out"), way("b", "sms", "flagged", reason="opted out"),
        way("c", "sms", "flagged", "tagged"), way("d", "sms", *STAGES[:4]),
    ]

    assert [(one.stage, one.reason, one.people) for one in lost(ways(rows))] == [
        ("tagged", "opted out", 2), ("sent", "unknown", 1),
    ]
