"""What Shopify's own pixel events mean: each instance that is at hand is what its own members say it is."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from regulars.shops.pixel import Fault, PixelEvent, read_pixel
from regulars.shops.shop import Shop, Shops
from regulars.shops.web_pixel import NAMES, ORDER_LINE, PAGE, STEPS
from regulars.sources.tracking.built_in import begun
from regulars.sources.tracking.judge import Judge
from regulars.sources.tracking.plan import declare

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
INSTANCES, SCHEMA = SHARED / "webhooks" / "shopify_web_pixel_events.json", SHARED / "specs" / "shopify" / "web_pixels_events.schema.json"
PAGE_OF_TABLE = ROOT / "docs" / "explanation" / "shop-events.md"
needs_instances = pytest.mark.skipif(not (INSTANCES.exists() and SCHEMA.exists()), reason="needs ../shared/data/webhooks and specs")

GEAR = Shop(
    name="gear", domain="gear.myshopify.com", domains=("shop.example.org",), source="site", timezone="UTC", currency="USD",
)
OTHER = Shop(name="other", domain="other.myshopify.com", source="site", timezone="UTC", currency="USD")
OWN = {"shop_id", "session_id", "variant_id", "line_item_id", "revenue_minor", "currency", "quantity", "order_id"}
"""Properties that a pixel's messages have beside those of the built-in plan."""

PRODUCT = {
    "product_id": "product.id", "sku": "sku", "category": "product.type", "name": "product.title", "brand": "product.vendor",
    "variant": "title", "price": "price.amount", "url": "product.url", "image_url": "image.src",
}
ORDER = {
    "checkout_id": "token", "order_id": "order.id", "total": "totalPrice.amount", "subtotal": "subtotalPrice.amount",
    "revenue": "subtotalPrice.amount", "tax": "totalTax.amount", "shipping": "shippingLine.price.amount",
    "discount": "discountsAmount.amount", "currency": "currencyCode",
}


def at(value: Any, path: str) -> Any:
    """Return what stands at a path of an instance; None where there is nothing."""
    for key in path.split("."):
        value = None if value is None else value.get(key)
    return value


def instances() -> dict[str, dict[str, Any]]:
    """Return an instance of every event: those that are published, and those that their parts make up."""
    every = {one["name"]: one["event"] for one in json.loads(INSTANCES.read_text())["events"]} if INSTANCES.exists() else {}
    if not every:
        return {}
    line = every["product_removed_from_cart"]["data"]["cartLine"]
    cart = {"id": "cart-1", "lines": [line], "cost": line["cost"], "totalQuantity": 1, "attributes": []}
    for name, data in {
        "product_viewed": {"productVariant": line["merchandise"]}, "product_added_to_cart": {"cartLine": line},
        "cart_viewed": {"cart": cart}, "checkout_completed": {"checkout": completed(every["checkout_started"])},
    }.items():
        made = {**copy.deepcopy(every["checkout_started"]), "name": name, "id": f"sh-{name}", "data": data}
        every.setdefault(name, made)
    return every


def completed(started: dict[str, Any]) -> dict[str, Any]:
    """Return the checkout of which the instances say what is expected: two lines, the second without a variant."""
    expected = json.loads(INSTANCES.read_text())["expected"]["checkout_completed"]
    checkout: dict[str, Any] = copy.deepcopy(started["data"]["checkout"])
    [line] = checkout["lineItems"]
    checkout["lineItems"] = [
        {**copy.deepcopy(line), "id": str(n), "finalLinePrice": {"amount": amount, "currencyCode": "USD"}}
        for n, amount in enumerate(expected["revenue_per_line"], start=1)
    ]
    checkout["lineItems"][expected["null_variant_line"]]["variant"] = None
    checkout["order"] = {"id": expected["order_id"], "customer": None}
    checkout["totalPrice"]["amount"] = expected["order_total"]
    return checkout


EVERY = instances()


def read(said: dict[str, Any], *shops: Shop) -> PixelEvent | Fault:
    return read_pixel(json.dumps(said).encode(), shops=Shops(every=shops or (GEAR, OTHER)), mint=lambda: "minted")


def messages(said: dict[str, Any], *shops: Shop) -> list[dict[str, Any]]:
    found = read(said, *shops)
    assert isinstance(found, PixelEvent), found
    return [json.loads(one) for one in found.messages]


def product_of(variant: Any) -> dict[str, Any]:
    """Return the properties of a product, from its instance."""
    told = {name: at(variant, path) for name, path in PRODUCT.items()}
    told["product_id"] = told["product_id"] and f"gid://shopify/Product/{told['product_id']}"
    told["image_url"] = told["image_url"] and f"https:{told['image_url']}"
    told["url"] = told["url"] and f"https://shop.example.org/products/{told['url']}"      # seen from the page
    return {name: value for name, value in told.items() if value is not None}


def expected(name: str, data: dict[str, Any]) -> dict[str, Any]:  # noqa: PLR0911  one for each event
    """Return what an instance says the properties of its message are, but for the shop's own."""
    variant, line, checkout = data.get("productVariant"), data.get("cartLine"), data.get("checkout", {})
    lines = [
        {"name": one["title"], **product_of(one["variant"]), "quantity": one["quantity"]} for one in checkout.get("lineItems", [])
    ]
    match name:
        case "page_viewed":
            return {}
        case "collection_viewed":
            listed = data["collection"]
            products = [product_of(one) for one in listed["productVariants"]]
            return {"list_id": listed["id"], "category": listed["title"], "products": products}
        case "search_submitted":
            return {"query": data["searchResult"]["query"]}
        case "product_viewed":
            return {**product_of(variant), "value": at(variant, "price.amount"), "currency": at(variant, "price.currencyCode")}
        case "product_added_to_cart" | "product_removed_from_cart":
            assert line is not None
            return {**product_of(line["merchandise"]), "quantity": line["quantity"]}
        case "cart_viewed":
            products = [{**product_of(one["merchandise"]), "quantity": one["quantity"]} for one in data["cart"]["lines"]]
            return {"cart_id": data["cart"]["id"], "products": products}
        case "checkout_started" | "checkout_completed":
            told = {key: at(checkout, path) for key, path in ORDER.items()}
            codes = [one["title"] for one in checkout["discountApplications"] if one["type"] == "DISCOUNT_CODE"]
            if name == "checkout_started":
                told = {**told, "value": told["total"]}
                del told["total"], told["subtotal"]
            return {**told, **({"coupon": ", ".join(codes)} if codes else {}), "products": lines}
        case _:
            methods = {one["paymentMethod"]["name"] for one in checkout["transactions"]}
            told = {"checkout_id": checkout["token"], "step": STEPS[name]}
            return told | ({"payment_method": ", ".join(sorted(methods))} if methods else {})


@needs_instances
@pytest.mark.parametrize("name", EVERY)
def test_an_instance_is_one_that_shopify_can_send(name: str) -> None:
    schema = json.loads(SCHEMA.read_text())
    told = {**EVERY[name]}
    [of] = [one["$ref"] for key, one in schema["definitions"]["PixelEvents"]["properties"].items() if key == name]

    validator = jsonschema_rs.Draft7Validator({"definitions": schema["definitions"], "$ref": of})

    assert [error.message for error in validator.iter_errors(told)] == []


@needs_instances
@pytest.mark.parametrize("name", EVERY)
def test_an_event_has_the_name_and_the_properties_that_its_members_say(name: str) -> None:
    said = EVERY[name]

    own = messages(said)[0]

    assert own["anonymousId"] == said["clientId"]
    assert own["timestamp"] == said["timestamp"]
    assert own["pixel"] == said
    assert (own["type"], own.get("event")) == (("page", None) if name == PAGE else ("track", NAMES[name]))
    told = expected(name, said["data"])
    assert {key: own["properties"].get(key) for key in told} == told
    assert own["properties"].keys() - told.keys() <= OWN | ({"url", "path", "search", "referrer", "title"} if name == PAGE else set())


@needs_instances
@pytest.mark.parametrize("name", [name for name in EVERY if name != PAGE])
def test_an_event_is_as_the_built_in_plan_says_and_has_no_property_that_it_does_not_name(name: str) -> None:
    track = begun("ecommerce", "site")["track"]
    judge = Judge.of(declare("site", {"on_unplanned": "quarantine", "track": track}))

    own = messages(EVERY[name])[0]

    assert judge.verdict(json.dumps(own).encode(), kind="track", event=own["event"]) is None
    beside = {"checkout_id"} if name == "checkout_started" else set()
    assert own["properties"].keys() - OWN - beside <= track[own["event"]]["properties"]["properties"].keys()


@needs_instances
def test_each_line_of_an_order_is_paid_what_its_final_price_says() -> None:
    told = json.loads(INSTANCES.read_text())["expected"]["checkout_completed"]

    order, *lines = messages(EVERY["checkout_completed"])

    assert (order["properties"]["order_id"], order["properties"]["total"]) == (told["order_id"], told["order_total"])
    assert [one["event"] for one in lines] == [ORDER_LINE] * 2
    assert [one["properties"]["revenue_minor"] / 100 for one in lines] == told["revenue_per_line"]
    assert ["product_id" in one["properties"] for one in lines] == [n != told["null_variant_line"] for n in range(2)]
    assert all("pixel" not in one for one in lines)


@needs_instances
def test_an_order_that_is_told_again_is_the_same_one_and_its_lines_are_those_of_a_shops_own_pixel() -> None:
    said = EVERY["checkout_completed"]
    own = {
        "sessionId": "s1", "eventType": "PURCHASE", "productId": 1, "shopDomain": GEAR.domain,
        "metadata": {"orderId": said["data"]["checkout"]["order"]["id"], "lineItemId": 2},
    }

    first, again = (messages({**said, "id": name}) for name in ("sh-1", "sh-2"))

    assert [one["messageId"] for one in first] == [one["messageId"] for one in again]
    assert messages(own)[0]["messageId"] == first[2]["messageId"]


SEARCH: dict[str, Any] = {
    "id": "sh-1", "name": "search_submitted", "clientId": "c1", "data": {"searchResult": {"query": "boots"}}, "type": "standard",
    "context": {"document": {"location": {"href": "https://shop.example.org/search?q=boots", "host": "shop.example.org"}}},
}
NOWHERE = {name: value for name, value in SEARCH.items() if name != "context"}


def test_the_shop_is_the_one_that_is_named_or_on_whose_page_it_was() -> None:
    named = {**SEARCH, "shopDomain": "other.myshopify.com", "sessionId": "s1"}

    told = [messages(said)[0]["properties"] for said in (SEARCH, named)]

    assert told == [{"query": "boots", "shop_id": "gear"}, {"query": "boots", "shop_id": "other", "session_id": "s1"}]
    assert messages(NOWHERE, OTHER)[0]["properties"]["shop_id"] == "other"


@pytest.mark.parametrize(("said", "status", "told"), [
    (NOWHERE, 404, {"error": "Unknown shop"}), ({**SEARCH, "shopDomain": "strange.myshopify.com"}, 404, {"error": "Unknown shop"}),
    ({**SEARCH, "name": "clicked"}, 400, {"error": "Invalid name", "received": "clicked", "valid": [PAGE, *NAMES]}),
    ({**SEARCH, "name": ["x"]}, 400, {"error": "Invalid name"}), ({**SEARCH, "data": None}, 422, {"field": "data"}),
    ({**SEARCH, "data": {"searchResult": {"query": 7}}}, 422, {"field": "data.searchResult.query"}),
    ({**SEARCH, "name": "product_viewed", "data": {"productVariant": {"product": {"id": "boots"}}}}, 422, {"field": "productId"}),
    ({**SEARCH, "clientId": ""}, 422, {"field": "clientId"}),
])
def test_what_cannot_be_taken_says_where_it_is_wrong(said: dict[str, Any], status: int, told: dict[str, Any]) -> None:
    found = read(said)

    assert isinstance(found, Fault)
    assert (found.status, told.items() <= found.told.items()) == (status, True)


def test_an_event_that_says_nothing_of_its_subject_is_taken_all_the_same() -> None:
    for name in (PAGE, *NAMES):
        [told] = messages({**SEARCH, "name": name, "data": {}})

        assert told["messageId"] == "gear/sh-1"


@pytest.mark.parametrize(("checkout", "ids"), [
    ({"order": {"id": "gid://shopify/Order/9"}, "token": "t1"}, ["order/9", "order/9/5", "order/9/70", "order/9/70.2", "order/9/3"]),
    ({"order": None, "token": "t1"}, ["checkout/t1", "checkout/t1/5", "checkout/t1/70", "checkout/t1/70.2", "checkout/t1/3"]),
    ({}, ["sh-1", "sh-1/5", "sh-1/70", "sh-1/70.2", "sh-1/3"]),
])
def test_every_line_of_an_order_has_an_id_of_its_own_whatever_is_not_said(checkout: dict[str, Any], ids: list[str]) -> None:
    lines = [{"id": "gid://shopify/LineItem/5"}, {"variant": {"id": 70}}, {"variant": {"id": "70"}}, {}]

    told = messages({**SEARCH, "name": "checkout_completed", "data": {"checkout": {**checkout, "lineItems": lines}}})

    assert [one["messageId"] for one in told] == [f"gear/{name}" for name in ids]


def test_the_table_of_the_docs_has_every_event_under_the_name_it_gets() -> None:
    rows = [[cell.strip(" `") for cell in line.split("|")[1:3]] for line in PAGE_OF_TABLE.read_text().splitlines() if line.startswith("| `")]

    assert [row[0] for row in rows] == [PAGE, *NAMES]
    assert {name: spoken for name, spoken in rows if name != PAGE} == NAMES
