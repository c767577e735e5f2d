"""Events: which records are one, of whom and when, and what holds them back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regulars.errors import DeclarationError
from regulars.events.derive import DRAFT, Derived, derived, drafts, of_money, with_month
from regulars.events.event import EVENT, EventType, attributes, declare
from regulars.events.money import LINE
from regulars.events.timeline import timeline
from regulars.records.intake import typed_schema
from regulars.records.record import declare_stream

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
STREAM = declare_stream("capitan", "check_ins", {
    "key": "id", "fields": {"id": "id", "customer": "id", "at": "timestamp", "ends": "date", "begins": "date", "n": "integer",
                            "method": "text"},
})
SCHEMA = typed_schema(STREAM)
ENGINE = ibis.duckdb.connect()


def _records(*records: dict[str, object]) -> ibis.Table:
    plain: dict[str, object] = {
        "record_n": 0, "fingerprint": "f", "recorded_at": datetime(2025, 5, 1, tzinfo=UTC), "seq": 1, "customer": "c1",
        "at": datetime(2025, 2, 1, 5, 30, tzinfo=UTC), "at_day": date(2025, 1, 31), "method": "MEM",
    }
    rows = [dict.fromkeys(SCHEMA.names) | plain | record for record in records]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=SCHEMA.to_pyarrow()))


def _gathered(parts: list[ir.Table], schema: ibis.Schema) -> ir.Table:
    """Put parts together as the lake does: a column that a part lacks is null."""
    whole = [part.select(**{n: part[n].cast(k) if n in part.columns else ibis.null(k) for n, k in schema.items()}) for part in parts]
    return ibis.union(whole[0], *whole[1:]) if len(whole) > 1 else whole[0]


def _events(records: ir.Table, types: list[EventType], wide: ibis.Schema, *, source: str = "capitan", stream: str = "check_ins") -> Derived:
    draft = _gathered(drafts(records, types, source=source, stream=stream), ibis.schema({**DRAFT, **wide}))
    return derived(draft, attributes=wide, now=NOW)


def _derived(records: ibis.Table, *declarations: dict[str, object]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    types = [declare(f"event{n}", {"from": "capitan.check_ins", **data}) for n, data in enumerate(declarations)]
    wide = attributes(types, {"capitan.check_ins": SCHEMA})
    found = _events(records, types, wide)
    events = ENGINE.to_pyarrow(found.events.order_by("event_type", "record_key")).to_pylist()
    return events, ENGINE.to_pyarrow(found.bad).to_pylist()


def test_a_record_becomes_an_event_of_its_business_day() -> None:
    events, bad = _derived(_records({"record_key": "7"}), {"who": "customer", "when": "at", "what": {"method": "lower(method)"}})

    event = events[0]
    assert bad == []
    assert (event["event_type"], event["profile_source"], event["profile_id"]) == ("event0", "capitan", "c1")
    assert (event["occurred_at"], event["business_day"]) == (datetime(2025, 2, 1, 5, 30), date(2025, 1, 31))  # noqa: DTZ001
    assert event["method"] == "mem"
    assert (event["until_day"], event["is_interval"]) == (None, False)


def test_only_the_records_that_hold_become_events() -> None:
    events, _ = _derived(
        _records({"record_key": "1", "n": 1}, {"record_key": "2", "n": None}, {"record_key": "3", "n": 3}),
        {"who": "customer", "when": "at", "only_if": "n > 1"},
    )

    assert [event["record_key"] for event in events] == ["3"]


def test_several_event_types_of_one_stream_share_one_wide_table() -> None:
    events, _ = _derived(
        _records({"record_key": "1", "n": 5}),
        {"who": "customer", "when": "at", "what": {"method": "method"}, "event": "visit"},
        {"who": "customer", "when": "at", "what": {"count": "n"}},
    )

    assert list(events[0]) == [*EVENT, "count", "method"]
    assert [(event["event_type"], event["count"], event["method"]) for event in events] == [
        ("event1", 5, None), ("visit", None, "MEM"),
    ]
    assert len({event["event_id"] for event in events}) == 2


def test_an_event_may_be_of_a_profile_of_another_source() -> None:
    events, _ = _derived(_records({"record_key": "1"}), {"who": {"source": "shop", "id": "customer"}, "when": "at"})

    assert (events[0]["source"], events[0]["profile_source"]) == ("capitan", "shop")


def test_an_event_of_nobody_is_kept() -> None:
    events, _ = _derived(_records({"record_key": "1", "customer": None}), {"who": "customer", "when": "at"})

    assert [(event["profile_source"], event["profile_id"]) for event in events] == [(None, None)]


def test_a_period_lasts_until_a_day_and_may_begin_in_the_future() -> None:
    events, bad = _derived(
        _records({"record_key": "1", "begins": date(2025, 1, 1), "ends": date(2025, 2, 1)},
                 {"record_key": "2", "begins": date(2025, 9, 1)}),
        {"who": "customer", "when": "begins", "until": "ends"},
    )

    assert bad == []
    assert [(event["business_day"], event["until_day"], event["is_interval"]) for event in events] == [
        (date(2025, 1, 1), date(2025, 2, 1), True), (date(2025, 9, 1), None, True),
    ]


def test_an_event_of_the_future_or_without_a_time_is_held_back_and_one_before_the_opening_is_not() -> None:
    records = _records(
        {"record_key": "tomorrow", "at": datetime(2025, 6, 2, 11, tzinfo=UTC)},
        {"record_key": "next week", "at": datetime(2025, 6, 8, tzinfo=UTC)},
        {"record_key": "never", "at": None},
        {"record_key": "pre-opening", "at": datetime(2019, 1, 1, tzinfo=UTC)},
    )

    events, bad = _derived(records, {"who": "customer", "when": "at"})
    planned, _ = _derived(records, {"who": "customer", "when": "at", "may_be_future": True})

    assert {event["record_key"] for event in events} == {"tomorrow", "pre-opening"}
    assert {(row["record_key"], row["reason"], row["field"]) for row in bad} == {
        ("next week", "future", "at"), ("never", "no_time", "at"),
    }
    assert len(planned) == 3


def test_the_same_records_give_the_same_events_in_any_order() -> None:
    rows = [{"record_key": str(n), "n": n} for n in range(5)]
    kind: dict[str, object] = {"who": "customer", "when": "at", "what": {"n": "n"}}

    assert _derived(_records(*rows), kind) == _derived(_records(*reversed(rows)), kind)


def test_lines_of_money_can_be_events() -> None:
    line = dict.fromkeys(LINE.names) | {
        "line_id": "l1", "source": "stripe", "stream": "charges", "record_key": "ch1", "profile_source": "stripe",
        "profile_id": "cus1", "category": "Day Pass", "units": 5, "amount": 9000, "kind": "sale",
        "occurred_at": datetime(2025, 2, 1, 5, 30, tzinfo=UTC), "business_day": date(2025, 1, 31),
    }
    ledger = ibis.memtable(pa.Table.from_pylist([line], schema=LINE.to_pyarrow()))
    kind = declare("day_pass_purchase", {
        "from": "money", "who": "profile_id", "when": "occurred_at",
        "only_if": 'kind == "sale" and category == "Day Pass"', "what": {"units": "units"},
    })
    records = of_money(ledger)
    wide = attributes([kind], {"money": records.schema()})

    found = _events(records, [kind], wide, source="money", stream="money")

    event = ENGINE.to_pyarrow(with_month(found.events)).to_pylist()[0]
    assert (event["source"], event["stream"], event["profile_source"], event["profile_id"]) == ("stripe", "charges", "stripe", "cus1")
    assert (event["units"], event["business_day"], event["month"]) == (5, date(2025, 1, 31), "2025-01")


def test_two_types_for_one_attribute_are_refused() -> None:
    types = [
        declare("a", {"from": "capitan.check_ins", "when": "at", "what": {"x": "n"}}),
        declare("b", {"from": "capitan.check_ins", "when": "at", "what": {"x": "method"}}),
    ]

    with pytest.raises(DeclarationError, match="b: 'x' is string here and int64 in 'a'") as refused:
        attributes(types, {"capitan.check_ins": SCHEMA})

    assert refused.value.path == ("what", "x")


@pytest.mark.parametrize(("data", "message", "hint"), [
    ({"when": "at"}, "an event needs 'from'", "from: capitan"),
    ({"from": "capitan.check_ins"}, "an event needs 'when'", "time field"),
    ({"from": "check_ins", "when": "at"}, "is no stream", "source.stream"),
    ({"from": "capitan.checkins", "when": "at"}, "there is no stream", "did you mean 'capitan.check_ins'"),
    ({"from": "capitan.check_ins", "when": "att"}, "there is no field 'att'", "at"),
    ({"from": "capitan.check_ins", "when": "n"}, "'n' is no time", "timestamp or date"),
    ({"from": "capitan.check_ins", "when": "at", "only_if": "n"}, "not boolean", "compare"),
    ({"from": "capitan.check_ins", "when": "at", "who": "n"}, "is no id", "text("),
    ({"from": "capitan.check_ins", "when": "at", "onlyif": "n"}, "'onlyif' means nothing", "only_if"),
    ({"from": "capitan.check_ins", "when": "at", "what": {"source": "n"}}, "has 'source' already", "call it"),
    ({"from": "capitan.check_ins", "when": "at", "what": {"a": "mthod"}}, "no field 'mthod'", "method"),
])
def test_a_wrong_event_says_what_would_be_right(data: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        attributes([declare("x", data)], {"capitan.check_ins": SCHEMA})

    assert message in refused.value.message
    assert hint in refused.value.hint


def test_a_timeline_is_all_of_a_customers_profiles_newest_first() -> None:
    records = _records(
        {"record_key": "1", "customer": "a"}, {"record_key": "2", "customer": "b", "at": datetime(2025, 3, 1, tzinfo=UTC)},
        {"record_key": "3", "customer": "z"},
    )
    kind = declare("visit", {"from": "capitan.check_ins", "who": "customer", "when": "at"})
    events = _events(records, [kind], ibis.schema({})).events
    identity = ibis.memtable(pa.table(
        {"profile_source": ["capitan"] * 3, "profile_id": ["a", "b", "z"], "customer_id": ["x", "x", "y"]}
    ))

    found = ENGINE.to_pyarrow(timeline(events, identity, customer_id="x")).to_pylist()

    assert [event["record_key"] for event in found] == ["2", "1"]
