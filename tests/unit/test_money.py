"""The ledger: signs, what is held back, refunds that find their sale, payouts that add up."""

from __future__ import annotations

from datetime import UTC, date, datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.errors import DeclarationError
from regulars.events.ledger import linked, payouts, reconciliation, totals
from regulars.events.money import DRAFT, LINE, check, drafts, lines
from regulars.records.intake import typed_schema
from regulars.records.record import Stream, declare_stream

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ENGINE = ibis.duckdb.connect()
FIELDS = {"id": "id", "who": "id", "at": "timestamp", "amount": "money", "tax": "money", "unit": "text", "n": "integer"}


def _stream(*money: dict[str, object]) -> Stream:
    return declare_stream("till", "payments", {"key": "id", "fields": FIELDS, "money": list(money)})


def _gathered(parts: list[ir.Table], schema: ibis.Schema) -> ir.Table:
    """Put parts together as the lake does: a column that a part lacks is null."""
    whole = [part.select(**{n: part[n].cast(k) if n in part.columns else ibis.null(k) for n, k in schema.items()}) for part in parts]
    return ibis.union(whole[0], *whole[1:]) if len(whole) > 1 else whole[0]


def _lines(stream: Stream, *records: dict[str, object]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    schema = typed_schema(stream)
    plain: dict[str, object] = {
        "record_n": 0, "fingerprint": "f", "recorded_at": NOW, "seq": 1, "who": "c1", "amount": 1000, "n": 1,
        "at": datetime(2025, 2, 1, 5, 30, tzinfo=UTC), "at_day": date(2025, 1, 31),
    }
    rows = [dict.fromkeys(schema.names) | plain | {"id": str(n), "record_key": str(n)} | r for n, r in enumerate(records)]
    table = ibis.memtable(pa.Table.from_pylist(rows, schema=schema.to_pyarrow()))
    found = lines(_gathered(drafts(table, stream), DRAFT), currency="USD", largest=100_000_000, now=NOW)
    return (ENGINE.to_pyarrow(found.ledger.order_by("record_key", "kind")).to_pylist(), ENGINE.to_pyarrow(found.bad).to_pylist())


SALE = {"kind": "sale", "amount": "amount - coalesce(tax, 0)", "when": "at", "who": "who", "payment": "id"}
TAX = {"kind": "tax", "amount": "tax", "when": "at", "who": "who", "payment": "id"}


def test_the_lines_of_a_payment_sum_to_what_was_paid() -> None:
    ledger, bad = _lines(_stream(SALE, TAX), {"amount": 10825, "tax": 825})

    assert bad == []
    assert [(line["kind"], line["amount"], line["payment_id"], line["currency"]) for line in ledger] == [
        ("sale", 10000, "0", "USD"), ("tax", 825, "0", "USD"),
    ]
    assert ledger[0]["business_day"] == date(2025, 1, 31)
    assert len({line["line_id"] for line in ledger}) == 2


def test_the_kind_gives_the_sign() -> None:
    kinds = ("sale", "tax", "tip", "discount", "refund", "dispute", "fee", "payout")

    ledger, _ = _lines(_stream(*({"kind": kind, "amount": "amount", "when": "at"} for kind in kinds)), {})

    assert {line["kind"]: line["amount"] for line in ledger} == {
        "sale": 1000, "tax": 1000, "tip": 1000, "discount": -1000, "refund": -1000, "dispute": -1000, "fee": -1000, "payout": -1000,
    }


def test_a_tax_that_is_not_there_is_no_line_and_a_sale_of_nothing_is_one() -> None:
    ledger, bad = _lines(_stream(SALE, TAX), {"amount": 0, "tax": None}, {"amount": 5, "tax": 0})

    assert bad == []
    assert [(line["kind"], line["amount"]) for line in ledger] == [("sale", 0), ("sale", 5)]


@pytest.mark.parametrize(("record", "reason", "value"), [
    ({"amount": None}, "no_amount", None),
    ({"amount": -5}, "negative_amount", "-5"),
    ({"amount": 100_000_001}, "amount_out_of_bounds", "100000001"),
    ({"n": -2}, "negative_quantity", "-2"),
    ({"n": None}, "no_quantity", "1000"),
    ({"unit": "USX"}, "unknown_currency", "USX"),
    ({"at": None}, "no_time_of_money", "1000"),
    ({"at": datetime(2025, 6, 3, tzinfo=UTC)}, "future_money", "2025-06-03"),
])
def test_money_that_cannot_be_believed_is_held_back(record: dict[str, object], reason: str, value: str | None) -> None:
    stream = _stream({**SALE, "amount": "amount", "quantity": "n", "currency": "unit"})

    ledger, bad = _lines(stream, record, {"unit": " gbp "})

    assert [line["currency"] for line in ledger] == ["GBP"]
    assert [(row["reason"], row["value"], row["stream"]) for row in bad] == [(reason, value, "payments")]


def test_returns_are_negative_quantities_of_a_refund_that_says_so() -> None:
    stream = _stream({"kind": "refund", "amount": "abs(amount)", "when": "at", "quantity": "abs(n)"})

    ledger, bad = _lines(stream, {"amount": -700, "n": -2})

    assert bad == []
    assert [(line["amount"], line["quantity"]) for line in ledger] == [(-700, 2)]


def test_a_mapping_over_a_missing_field_or_of_the_wrong_kind_is_refused() -> None:
    for money, message in (
        ({**SALE, "amount": "amont"}, "no field 'amont'"), ({**SALE, "amount": "unit"}, "is string, not integer"),
        ({**SALE, "when": "amount"}, "no time field"),
    ):
        stream = _stream(money)
        with pytest.raises(DeclarationError, match=message):
            check(stream, typed_schema(stream))


def _ledger(*given_lines: dict[str, object]) -> ibis.Table:
    plain = {"source": "till", "currency": "USD", "quantity": 1, "units": 1, "kind": "sale",
             "occurred_at": datetime(2025, 5, 1, tzinfo=UTC), "business_day": date(2025, 5, 1)}
    rows = [dict.fromkeys(LINE.names) | plain | {"line_id": f"l{n}"} | line for n, line in enumerate(given_lines)]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=LINE.to_pyarrow()))


def _rows(table: ibis.Table) -> list[dict[str, object]]:
    return ENGINE.to_pyarrow(table).to_pylist()


@pytest.mark.parametrize(("refunds", "given"), [
    ([-2382], {"Day Pass": -2382}),
    ([-2882], {"Day Pass": -2382, None: -500}),
    ([-2000, -882], {"Day Pass": -2382, None: -500}),
])
def test_what_was_bought_is_given_back_before_the_tip(refunds: list[int], given: dict[str | None, int]) -> None:
    day_pass = {"payment_id": "p", "category": "Day Pass"}
    backs = [{"kind": "refund", "refund_of": "p", "amount": amount, "payment_id": f"r{n}"} for n, amount in enumerate(refunds)]
    ledger = _ledger(
        {**day_pass, "amount": 2200}, {**day_pass, "amount": 182, "kind": "tax"},
        {"payment_id": "p", "amount": 500, "kind": "tip", "units": 0}, *backs,
    )

    found: dict[str | None, int] = {}
    for row in _rows(linked(ledger)):
        if row["kind"] == "refund":
            found[row["category"]] = found.get(row["category"], 0) + row["amount"]

    assert found == given


def test_a_refund_takes_the_category_of_its_own_sale_not_of_an_equal_amount() -> None:
    ledger = _ledger(
        {"payment_id": "party", "amount": 40000, "category": "Event Booking", "profile_source": "till", "profile_id": "ann",
         "business_day": date(2025, 4, 10)},
        {"payment_id": "group", "amount": 40000, "category": "Day Pass"},
        {"kind": "refund", "refund_of": "party", "amount": -40000, "payment_id": "r1"},
    )

    refund = next(row for row in _rows(linked(ledger)) if row["kind"] == "refund")

    assert (refund["amount"], refund["category"], refund["profile_id"], refund["units"]) == (-40000, "Event Booking", "ann", -1)
    assert refund["business_day"] == date(2025, 5, 1)


def test_a_partial_refund_is_spread_over_the_payments_lines_to_the_cent() -> None:
    ledger = _ledger(
        {"payment_id": "p", "amount": 1000, "category": "A"}, {"payment_id": "p", "amount": 1000, "category": "B"},
        {"payment_id": "p", "amount": 1000, "category": "C"},
        {"kind": "refund", "refund_of": "p", "amount": -100},
    )

    parts = {row["category"]: row["amount"] for row in _rows(linked(ledger)) if row["kind"] == "refund"}

    assert sum(parts.values()) == -100
    assert sorted(parts.values()) == [-34, -33, -33]


@settings(max_examples=15, deadline=None)
@given(sold=st.lists(st.integers(1, 10**7), min_size=1, max_size=5), share=st.integers(1, 1000))
def test_the_parts_of_a_refund_always_sum_to_it(sold: list[int], share: int) -> None:
    given_back = max(1, sum(sold) * share // 1000)
    ledger = _ledger(
        *({"payment_id": "p", "amount": amount} for amount in sold), {"payment_id": "p", "amount": -1, "kind": "discount"},
        {"payment_id": "p", "amount": 1, "kind": "tax"}, {"kind": "refund", "refund_of": "p", "amount": -given_back},
    )

    assert sum(int(str(row["amount"])) for row in _rows(linked(ledger)) if row["kind"] == "refund") == -given_back


def test_a_refund_whose_sale_is_not_there_stays_and_says_so() -> None:
    ledger = _ledger({"kind": "refund", "refund_of": "lost", "amount": -500, "category": "Retail"},
                     {"kind": "refund", "amount": -300})

    assert sorted((row["amount"], row["category_rule"]) for row in _rows(linked(ledger))) == [(-500, "unlinked"), (-300, "unlinked")]


def test_gross_refunds_and_net_are_three_numbers() -> None:
    ledger = linked(_ledger(
        {"payment_id": "p", "amount": 10000, "category": "Day Pass", "units": 5}, {"payment_id": "p", "amount": -1000, "kind": "discount",
                                                                                    "category": "Day Pass"},
        {"kind": "refund", "refund_of": "p", "amount": -900}, {"kind": "fee", "amount": -290, "category": None},
    ))

    found = _rows(totals(ledger, by=("category",)))

    assert [(r["category"], r["gross"], r["refunds"], r["net"], r["units"]) for r in found] == [("Day Pass", 9000, -900, 8100, 5)]


def test_what_was_not_paid_out_is_the_residual() -> None:
    ledger = _ledger(
        {"amount": 10000, "payout_id": "po1"}, {"amount": -300, "kind": "fee", "payout_id": "po1"},
        {"amount": -9700, "kind": "payout", "payout_id": "po1"}, {"amount": 500},
    )

    assert [(r["source"], r["expected"], r["paid_out"], r["residual"]) for r in _rows(reconciliation(ledger))] == [
        ("till", 10200, 9700, 500),
    ]
    assert [(r["payout_id"], r["residual"]) for r in _rows(payouts(ledger))] == [("po1", 0)]
