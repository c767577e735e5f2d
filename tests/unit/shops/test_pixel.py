"""What a pixel says is one message of the tracking API, or a fault with its status."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.shops.pixel import Fault, PixelEvent, is_pixels, read_pixel
from regulars.shops.shop import Shop, Shops

GEAR = Shop(name="gear", domain="gear.myshopify.com", source="site", timezone="UTC", currency="USD")
OTHER = Shop(name="other", domain="other.myshopify.com", source="site", timezone="UTC", currency="JPY")
BOTH = Shops(every=(GEAR, OTHER))
VIEW = {"sessionId": "s1", "eventType": "IMPRESSION", "productId": 7, "shopDomain": "gear.myshopify.com"}
LINE = {
    **VIEW, "eventType": "PURCHASE", "variantId": "70", "revenue": 29.99, "quantity": 2,
    "metadata": {"orderId": "gid://shopify/Order/1001", "lineItemId": 5, "currency": "USD"},
}


def read(said: Any, shops: Shops = BOTH) -> PixelEvent | Fault:
    numbers = itertools.count(1)
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    return read_pixel(text, shops=shops, mint=lambda: f"minted-{next(numbers)}")


def event(said: Any, shops: Shops = BOTH) -> PixelEvent:
    found = read(said, shops)
    assert isinstance(found, PixelEvent), found
    return found


def fault(said: Any, shops: Shops = BOTH) -> Fault:
    found = read(said, shops)
    assert isinstance(found, Fault), found
    return found


def message(said: Any) -> dict[str, Any]:
    [told] = event(said).messages
    found: dict[str, Any] = json.loads(told)
    return found


def test_an_impression_is_a_product_viewed_by_its_session() -> None:
    told = message({**VIEW, "variantId": "gid://shopify/ProductVariant/70", "eventId": "e-1"})

    assert (told["type"], told["event"], told["anonymousId"], told["messageId"]) == ("track", "Product Viewed", "s1", "gear/e-1")
    assert told["properties"] == {
        "shop_id": "gear", "product_id": "gid://shopify/Product/7", "variant_id": "gid://shopify/ProductVariant/70", "session_id": "s1",
    }


def test_what_a_pixel_says_beside_it_is_kept_as_it_said_it() -> None:
    said = {**VIEW, "activeCase": "sideways", "testId": "forged", "metadata": {"page": "/x"}}

    assert message(said)["pixel"] == said


def test_a_line_of_an_order_has_its_money_in_minor_units() -> None:
    told = message(LINE)

    assert told["event"] == "Order Line"
    assert {name: told["properties"][name] for name in ("quantity", "revenue_minor", "currency", "order_id")} == {
        "quantity": 2, "revenue_minor": 2999, "currency": "USD", "order_id": "gid://shopify/Order/1001",
    }


@pytest.mark.parametrize(("revenue", "minor"), [(0, 0), (1.005, 101), ("49.99", 4999), (8.1, 810), (None, None)])
def test_money_is_what_was_written(revenue: object, minor: int | None) -> None:
    assert message({**LINE, "revenue": revenue})["properties"].get("revenue_minor") == minor


def test_a_currency_without_cents_has_none() -> None:
    told = message({**LINE, "shopDomain": "other.myshopify.com", "revenue": 1500, "metadata": {"orderId": 1}})

    assert (told["properties"]["revenue_minor"], told["properties"]["currency"]) == (1500, "JPY")


def test_each_line_of_an_order_is_one_event_however_often_it_is_told_and_in_whatever_session() -> None:
    again = {**LINE, "sessionId": "s2", "revenue": 1, "eventId": "another"}
    second = {**LINE, "metadata": {**LINE["metadata"], "lineItemId": 6}}
    elsewhere = {**LINE, "shopDomain": "other.myshopify.com"}

    ids = [event(said).event_id for said in (LINE, again, second, elsewhere)]

    assert ids == ["gear/order/1001/5", "gear/order/1001/5", "gear/order/1001/6", "other/order/1001/5"]


def test_a_line_without_an_id_is_known_by_its_product_variant() -> None:
    bare = {**LINE, "metadata": {"orderId": 1001}}

    assert [event(said).event_id for said in (bare, {**bare, "variantId": None})] == ["gear/order/1001/70", "gear/order/1001/7"]


def test_what_has_no_id_of_its_own_gets_a_new_one() -> None:
    assert event(VIEW).event_id == "gear/minted-1"


def test_a_visitor_goes_before_their_session() -> None:
    assert message({**VIEW, "visitorId": "v9"})["anonymousId"] == "v9"


def test_who_names_no_shop_means_the_only_one() -> None:
    bare = {name: value for name, value in VIEW.items() if name != "shopDomain"}

    assert event(bare, Shops(every=(GEAR,))).shop is GEAR
    assert (fault(bare).status, fault(bare).reason) == (404, "unknown_shop")


FAULTS: list[tuple[Any, int, dict[str, Any]]] = [
    (b"{", 400, {"error": "Invalid JSON"}), (b"\xff", 400, {"error": "Invalid JSON"}), (b"[1]", 400, {"error": "Invalid JSON"}),
    ({**VIEW, "productId": None}, 400, {"error": "Missing required fields", "details": {"hasSessionId": True, "hasEventType": True, "hasProductId": False}}),
    ({}, 400, {"error": "Missing required fields", "details": {"hasSessionId": False, "hasEventType": False, "hasProductId": False}}),
    ({**VIEW, "eventType": "view"}, 400, {"error": "Invalid eventType", "received": "view", "valid": ["IMPRESSION", "ADD_TO_CART", "PURCHASE"]}),
    ({**VIEW, "shopDomain": "strange.myshopify.com"}, 404, {"error": "Unknown shop"}),
    ({**VIEW, "sessionId": {"a": 1}}, 422, {"field": "sessionId"}), ({**VIEW, "sessionId": "x" * 201}, 422, {"field": "sessionId"}),
    ({**VIEW, "productId": "boots"}, 422, {"field": "productId"}), ({**VIEW, "variantId": "gid://shopify/Product/7"}, 422, {"field": "variantId"}),
    ({**LINE, "revenue": -1}, 422, {"field": "revenue"}), ({**LINE, "revenue": "NaN"}, 422, {"field": "revenue"}),
    ({**LINE, "revenue": "much"}, 422, {"field": "revenue"}), ({**LINE, "quantity": 0}, 422, {"field": "quantity"}),
    ({**LINE, "quantity": 1.5}, 422, {"field": "quantity"}), ({**VIEW, "metadata": "x"}, 422, {"field": "metadata"}),
    ({**LINE, "metadata": {"currency": "USB"}}, 422, {"field": "currency"}),
    ({**VIEW, "metadata": {"long": "x" * 33_000}}, 413, {"error": "Payload too large"}),
]


@pytest.mark.parametrize(("said", "status", "told"), FAULTS, ids=[f"{status}-{n}" for n, (_, status, _) in enumerate(FAULTS)])
def test_what_cannot_be_taken_is_told_with_its_status(said: Any, status: int, told: dict[str, Any]) -> None:
    found = fault(said)

    assert found.status == status
    assert told.items() <= found.told.items()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=5,
)


@given(said=st.fixed_dictionaries({}, optional=dict.fromkeys((*LINE, "eventId", "visitorId", "timestamp", "sentAt"), JSON)), base=st.booleans())
def test_whatever_a_pixel_says_is_an_event_or_a_fault(said: dict[str, Any], base: bool) -> None:  # noqa: FBT001  drawn
    found = read({**LINE, **said} if base else said)

    assert isinstance(found, PixelEvent | Fault)


def test_other_clients_of_the_same_path_are_no_pixels() -> None:
    theirs = [b'{"event": "Order", "properties": {"token": "t"}}', b'{"$token": "t", "$distinct_id": "u", "$set": {}}', b"[]", b"{"]

    assert [is_pixels(text) for text in theirs] == [False] * 4
    assert is_pixels(b"{}")
