"""What an order or a refund of Shopify's says of its lines is read exactly, and nothing it holds is too odd."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.pieces import Piece
from regulars.sources.webhook.scheme import SCHEMES
from regulars.sources.webhook.shopify_orders import order_id, order_lines

LINE = {"id": 5, "product_id": 7, "variant_id": 70, "price": "19.99", "quantity": 3}
ORDER = {
    "id": 1001, "financial_status": "paid", "currency": "USD", "processed_at": "2026-02-04T12:00:00-06:00",
    "created_at": "2026-02-04T11:59:00-06:00", "customer": {"id": 555}, "line_items": [LINE],
}


def lines(topic: str = "orders/paid", **more: Any) -> list[dict[str, object]]:
    return [dict(one) for one in order_lines(topic, json.dumps({**ORDER, **more}).encode())]


def test_a_line_costs_its_pieces_without_its_part_of_every_discount() -> None:
    off = [{"amount": "10.00"}, {"amount": "0.07"}]

    [line] = lines(line_items=[{**LINE, "discount_allocations": off}])

    assert line == {
        "kind": "sold", "order": "1001", "line": "5", "product": "7", "variant": "70", "quantity": 3, "amount": "49.90",
        "currency": "USD", "at": "2026-02-04T12:00:00-06:00", "customer": "555",
    }


@pytest.mark.parametrize(("line", "amount"), [
    ({"price": "0.10"}, "0.30"), ({"price": 0.1}, "0.3"), ({"price": "free"}, None), ({"quantity": 0}, None), ({"quantity": True}, None),
    ({"price": "NaN"}, None), ({"price": "1e99"}, None), ({"discount_allocations": [{"amount": "99"}]}, None),
    ({"discount_allocations": [{"amount": None}]}, None), ({"discount_allocations": "none"}, "59.97"),
])
def test_an_amount_that_is_not_told_soundly_is_not_known(line: dict[str, Any], amount: str | None) -> None:
    [told] = lines(line_items=[{**LINE, **line}])

    assert told.get("amount") == amount


def test_a_refund_tells_of_the_lines_that_it_gives_back() -> None:
    back = {
        "id": 9, "order_id": 1001, "created_at": "2026-02-09T00:00:00Z", "refund_line_items": [
            {"id": 90, "line_item_id": 5, "quantity": 1, "subtotal": 19.99, "line_item": LINE, "subtotal_set": {"shop_money": {"currency_code": "USD"}}},
        ],
    }

    assert list(order_lines("refunds/create", json.dumps(back).encode())) == [{
        "kind": "returned", "order": "1001", "line": "5", "product": "7", "variant": "70", "quantity": 1, "amount": "19.99",
        "currency": "USD", "at": "2026-02-09T00:00:00Z",
    }]


@pytest.mark.parametrize(("topic", "more"), [
    ("orders/create", {}), ("orders/paid", {"financial_status": "pending"}), ("orders/paid", {"financial_status": "voided"}), ("", {}),
])
def test_what_was_not_paid_has_no_lines(topic: str, more: dict[str, Any]) -> None:
    assert lines(topic, **more) == []
    assert order_id(topic, json.dumps({**ORDER, **more}).encode()) is None


def pieces(topic: str, delivery: str = "w1", **more: Any) -> list[Piece]:
    headers = {"x-shopify-topic": topic, "x-shopify-webhook-id": delivery, "content-type": "application/json"}
    return list(SCHEMES["shopify"].split(Delivery(url="", headers=headers, body=json.dumps({**ORDER, **more}).encode())))


def test_what_was_paid_is_known_by_its_own_id_and_other_news_by_its_delivery() -> None:
    assert [[one.id for one in pieces("orders/paid", delivery)] for delivery in ("w1", "w2")] == [["orders/paid/1001"]] * 2
    assert [[one.id for one in pieces("orders/create", delivery)] for delivery in ("w1", "w2")] == [["w1"], ["w2"]]


def test_an_order_that_changes_is_one_order_in_as_many_versions_in_the_order_of_time() -> None:
    # Half past eight in Chicago is half past two in London.
    [early], [late], [again] = (
        pieces("orders/updated", updated_at=at) for at in ("2026-02-04T08:30:00-06:00", "2026-02-04T15:00:00Z", "2026-02-04T15:00:00Z")
    )

    assert early.id == late.id == "orders/paid/1001"
    assert early.version < late.version
    assert early.known_by != late.known_by == again.known_by


def test_a_change_of_an_order_tells_each_of_its_refunds_as_its_own_delivery_would() -> None:
    refund = {"id": 9, "order_id": 1001, "created_at": "2026-02-04T15:00:00Z", "refund_line_items": [{"line_item_id": 5, "quantity": 1, "subtotal": 2.5}]}
    [_, told] = pieces("orders/updated", refunds=[refund, "no refund", {"order_id": 1001}])

    assert (told.known_by, told.topic) == ("refunds/create/9", "refunds/create")
    assert order_lines("refunds/create", told.said) == order_lines("refunds/create", json.dumps(refund).encode())


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), st.sampled_from(["1.00", "paid", 10**400])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*LINE, *ORDER, "name", "value", "amount", "refunds", "updated_at"]), inner, max_size=6)),
    max_leaves=30,
)


@example(said={"id": None, "financial_status": []}, topic="orders/paid", attribute=None)
@example(said={"refunds": [{"id": 9, "x": 10**400}, [], 1, None, {"id": [], "refund_line_items": {}}], "updated_at": "0001-01-01T00:00:00+14:00"}, topic="orders/updated", attribute=None)
@given(said=ANY, topic=st.sampled_from(["orders/paid", "orders/updated", "refunds/create"]), attribute=ANY)
def test_nothing_that_is_said_is_too_odd(said: object, topic: str, attribute: object) -> None:
    noted = {"note_attributes": [{"name": "ModelSwapAB", "value": json.dumps(attribute)}], "line_items": [LINE], "id": 1}
    for body in (json.dumps(said).encode(), json.dumps({**noted, **(said if isinstance(said, dict) else {})}).encode(), b"{", b"[" * 9000):
        told = order_lines(topic, body)
        found = SCHEMES["shopify"].split(Delivery(url="", headers={"x-shopify-topic": topic, "content-type": "application/json"}, body=body))

        assert all(one.known_by for one in found)
        json.dumps([dict(one) for one in told])
        assert all(set(one) >= {"kind"} for one in told)
