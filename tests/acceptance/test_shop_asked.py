"""A shop that can be asked says itself what no webhook told: orders count once, products are in the lake."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import graphql
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from shop_world import NOW, TELLING, made, order, ran, tell

from regulars.clock import FixedClock
from regulars.connectors.shopify.admin import order_told
from regulars.pipeline.asked_of_shops import ask_for_products, asked_longest_ago
from regulars.pipeline.flow import rebuild
from regulars.pipeline.shops import STATISTICS
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.sources.webhook.declare import WebhookSource
from regulars.testing.sandbox import SandboxServer

SPEC = Path(__file__).parents[3] / "shared" / "data" / "specs" / "shopify" / "admin_2026-07.json.gz"
CONNECTOR = Path(__file__).parents[2] / "src" / "regulars" / "connectors" / "shopify" / "connector.yaml"
SOON, DAY = timedelta(minutes=10), timedelta(days=1)


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "USD"}}


def node(number: int, *lines: tuple[int, int, str, int], refunded: str | None = None, at: Any = NOW, **more: Any) -> dict[str, Any]:
    """Return an order as the Admin API writes it."""
    told = [
        {
            "id": f"gid://shopify/LineItem/{number * 10 + n}", "quantity": pieces, "product": {"id": f"gid://shopify/Product/{product}"},
            "variant": {"id": f"gid://shopify/ProductVariant/{variant}"}, "originalUnitPriceSet": money(price), "discountAllocations": [],
        }
        for n, (product, variant, price, pieces) in enumerate(lines)
    ]
    back = {"quantity": 1, "lineItem": {"id": told[0]["id"]}, "subtotalSet": money(refunded or "0")}
    return {
        "id": f"gid://shopify/Order/{number}", "name": f"#{number}", "email": "ann@buyers.example", "phone": None, "currencyCode": "USD",
        "displayFinancialStatus": "PAID", "createdAt": at.isoformat(), "processedAt": at.isoformat(), "updatedAt": at.isoformat(),
        "customAttributes": [], "customer": {"id": "gid://shopify/Customer/555", "firstName": "Ann", "lastName": "Lee"},
        "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": told},
        "refunds": [{"id": f"gid://shopify/Refund/{number}9", "createdAt": at.isoformat(), "refundLineItems": {"nodes": [back]}}] if refunded else [],
        **more,
    }


PRODUCT = {
    "id": "gid://shopify/Product/7", "title": "Boots", "handle": "boots", "status": "ACTIVE", "vendor": "Summit", "productType": "Shoes",
    "tags": ["snow"], "onlineStoreUrl": None, "updatedAt": NOW.isoformat(),
    "media": {"nodes": [{"id": "gid://shopify/MediaImage/1", "alt": "", "preview": {"image": {"url": "https://cdn.example/1.jpg"}}}, {"id": "gid://shopify/Video/2", "alt": None, "preview": None}]},
}
ORDERS = [
    node(1001, (7, 70, "30.00", 2), at=NOW - SOON), node(1002, (8, 80, "5.50", 1), refunded="2.00", at=NOW - SOON),
    node(1003, (9, 90, "1.00", 1), at=NOW - SOON, displayFinancialStatus="PENDING"),
    node(1004, (9, 90, "1.00", 1), at=NOW - SOON, lineItems={"pageInfo": {"hasNextPage": True}, "nodes": []}),
    node(1005, (9, 90, "7.00", 1), at=NOW - SOON),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Path, SandboxServer]]:
    world = tmp_path / "world" / "shopify"
    world.mkdir(parents=True)
    for name, items in (("orders", ORDERS), ("products", [PRODUCT])):
        lines = [json.dumps({"visible_from": NOW.isoformat(), "visible_until": None, "item": item}) + "\n" for item in items]
        (world / f"{name}.ndjson").write_text("".join(lines))
    with SandboxServer(["shopify"], world.parent) as server:
        asked = f'admin: {{token: "${{GEAR_TOKEN}}", url: "{server.url_of("shopify")}"}}\n'
        yield made(tmp_path / "summit", {**TELLING, "shops/gear.yaml": TELLING["shops/gear.yaml"] + asked}), server


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEAR_TOKEN", "shpat_1")


def sums(workspace: Workspace) -> dict[str, tuple[int, int, int]]:
    """Return orders, revenue and what was refunded by product, in days of UTC."""
    return {
        row["product_id"].rpartition("/")[2]: (row["orders"], row["revenue"], row["refunded"])
        for row in workspace.rows(workspace.table(STATISTICS)) if row["days"] == "utc"
    }


def test_orders_that_no_webhook_told_of_count_and_those_that_one_did_count_once(shop: tuple[Path, SandboxServer]) -> None:
    folder, server = shop
    tell(folder, ("orders/paid", {**order(1001, (7, 70, "30.00", 2), at=NOW - SOON), "updated_at": (NOW - SOON).isoformat()}))

    with ran(folder, environment={"GEAR_TOKEN": "shpat_1"}) as workspace:
        first = sums(workspace)
    with ran(folder, at=NOW + DAY, environment={"GEAR_TOKEN": "shpat_1"}) as workspace:
        second, content = sums(workspace), workspace.lake.content_hash(STATISTICS)
        rebuild(workspace)
        anew = workspace.lake.content_hash(STATISTICS)
        buyers = {row["profile_id"] for row in workspace.rows(workspace.table("events"))}

    # 1003 is not paid, and of 1004 there is more than was asked for.
    assert first == second == {"7": (1, 6000, 0), "8": (1, 350, 200), "9": (1, 700, 0)}
    assert content == anew
    assert buyers == {"555", "order/1002"}
    assert server.violations == ()


def test_a_shop_that_does_not_answer_keeps_nobody_from_being_heard(shop: tuple[Path, SandboxServer]) -> None:
    folder, _ = shop
    shops = folder / "shops" / "gear.yaml"
    shops.write_text(shops.read_text().replace("http://", "http://127.0.0.1:9/"))
    tell(folder, ("orders/paid", order(1001, (7, 70, "30.00", 2), at=NOW - SOON)))

    with ran(folder, environment={}) as workspace:
        assert sums(workspace) == {"7": (1, 6000, 0)}


def test_products_of_a_shop_are_asked_for_and_read(shop: tuple[Path, SandboxServer]) -> None:
    folder, _ = shop
    workspace = open_workspace(folder, clock=FixedClock(NOW), environment={"GEAR_TOKEN": "shpat_1"})
    source = next(one for one in workspace.project.sources if one.name == "shopify")
    assert isinstance(source, WebhookSource)

    count = ask_for_products(workspace, source, asked_longest_ago(workspace, workspace.project.shops))
    workspace.close()

    assert count == 1
    with ran(folder, environment={"GEAR_TOKEN": "shpat_1"}) as workspace:
        [boots] = workspace.rows(workspace.table("records.shopify.products"))
    assert (boots["shop"], boots["id"], boots["title"]) == ("gear", "7", "Boots")
    assert [one["url"] for one in json.loads(boots["media"])] == ["https://cdn.example/1.jpg"]


def test_an_order_of_which_there_is_more_is_not_told_in_part() -> None:
    assert order_told(ORDERS[3]) is None
    assert order_told(ORDERS[0]) is not None


def test_a_refund_of_which_there_is_more_is_left_to_its_webhook_which_tells_the_whole() -> None:
    whole = node(1002, (8, 80, "5.50", 1), refunded="2.00")
    [refund] = whole["refunds"]
    lines = {**refund["refundLineItems"], "pageInfo": {"hasNextPage": True}}

    told = order_told({**whole, "refunds": [refund, {**refund, "id": "gid://shopify/Refund/8", "refundLineItems": lines}]})

    assert told is not None
    assert [one["id"] for one in told["refunds"]] == ["10029"]


@pytest.mark.skipif(not SPEC.exists(), reason="the vendor's schema is not here: shared/data/specs/shopify")
def test_what_shops_are_asked_for_is_in_the_vendors_schema() -> None:
    told = json.loads(gzip.decompress(SPEC.read_bytes()))
    schema = graphql.build_client_schema(told.get("data", told), assume_valid=True)     # in a small matter it is not

    for stream in yaml.safe_load(CONNECTOR.read_text())["streams"].values():
        assert graphql.validate(schema, graphql.parse(stream["request"]["body"]["query"])) == []
