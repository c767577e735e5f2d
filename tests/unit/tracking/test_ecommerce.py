"""The built-in plan of shops is a plan, names every event of the specification, and takes its own examples."""

from __future__ import annotations

import pytest

from regulars.project.marked import as_yaml, read_marked
from regulars.sources.tracking.built_in import begun
from regulars.sources.tracking.ecommerce import EVENTS
from regulars.sources.tracking.plan import declare
from regulars.sources.tracking.schema import compiled, violations

MONOPOLY = {
    "product_id": "507f1f77bcf86cd799439011", "sku": "45790-32", "name": "Monopoly: 3rd Edition", "price": 19,
    "quantity": 1, "category": "Games", "url": "https://www.example.com/product/path",
}
ORDER = {
    "checkout_id": "c1", "order_id": "50314b8e9bcf000000000000", "affiliation": "Google Store", "total": 27.5,
    "subtotal": 22.5, "revenue": 25.0, "shipping": 3, "tax": 2, "discount": 2.5, "coupon": "hasbros", "currency": "USD",
    "products": [MONOPOLY, {"product_id": "505bd76785ebb509fc183733", "name": "Uno Card Game", "price": 3, "quantity": 2}],
}


def wrong(event: str, properties: dict[str, object]) -> list[tuple[str, str]]:
    plan = declare("site", begun("ecommerce", "site"))
    assert plan.track is not None
    validator = compiled(plan.track[event].versions[""]["properties"])
    return [(one.kind, ".".join(map(str, one.path))) for one in violations(properties, validator, part="properties")]


def test_it_has_the_28_events_and_reads_back_from_its_file_as_it_is() -> None:
    plan = begun("ecommerce", "site")

    assert len(EVENTS) == 28
    assert read_marked(as_yaml(plan)).data == plan
    assert declare("site", plan) == declare("site", read_marked(as_yaml(plan)).data)


@pytest.mark.parametrize(("event", "properties"), [
    ("Products Searched", {"query": "blue roses"}), ("Products Searched", {"query": {"text": "blue roses"}}),
    ("Product List Filtered", {"filters": [{"type": "price", "value": "under-$25"}], "products": [MONOPOLY]}),
    ("Promotion Clicked", {"promotion_id": "promo_1", "position": "home_banner_top"}),
    ("Product Clicked", {**MONOPOLY, "position": 3}), ("Order Completed", ORDER),
    ("Checkout Step Viewed", {"checkout_id": "c1", "step": 2, "shipping_method": "Fedex"}),
    ("Cart Shared", {"share_via": "email", "products": [{"product_id": "p1"}]}),
    ("Product Reviewed", {"product_id": "p1", "rating": "5"}), ("Order Completed", {"of my own": [1]}),
])
def test_what_the_specification_shows_is_as_planned(event: str, properties: dict[str, object]) -> None:
    assert wrong(event, properties) == []


@pytest.mark.parametrize(("event", "properties", "place"), [
    ("Order Completed", {"total": "27.50"}, "properties.total"), ("Order Completed", {"order_id": 7}, "properties.order_id"),
    ("Order Completed", {"products": [{**MONOPOLY, "price": "19"}]}, "properties.products.0.price"),
    ("Promotion Viewed", {"position": 3}, "properties.position"), ("Product Viewed", {"position": "3"}, "properties.position"),
    ("Cart Viewed", {"products": MONOPOLY}, "properties.products"),
])
def test_what_is_of_another_type_is_marked_with_its_place(event: str, properties: dict[str, object], place: str) -> None:
    assert wrong(event, properties) == [("wrong_type", place)]
