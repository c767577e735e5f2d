"""Products of shops, brought up to date: one shop a request, the one whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.pipeline.asked_of_shops import ask_for_products, asked_longest_ago
from regulars.pipeline.workspace import Workspace
from regulars.runs.hold import held
from regulars.shops.shop import Shops
from regulars.sources.webhook.declare import WebhookSource


def sync_product_info(
    workspace: Workspace, _service: ABTestingService, _subject: str, said: Mapping[str, Any]
) -> Result[dict[str, Any]]:
    """Ask one shop for its products that changed, `shop` or the one asked longest ago: {shopId, productsSynced, …}."""
    shops = [shop for shop in workspace.project.shops if shop.admin is not None]
    if said.get("shop") is not None:
        named = Shops(every=workspace.project.shops).called(said["shop"])
        if named is None:
            return failure("Unknown shop", code="SHOP_NOT_FOUND")
        shops = [shop for shop in shops if shop is named]
    if not shops:
        return failure("no shop can be asked: admin: {token: …} in its file", code="NO_ADMIN")
    shop = asked_longest_ago(workspace, shops)
    source = next(one for one in workspace.project.sources if one.name == shop.orders)
    assert isinstance(source, WebhookSource)
    with held(workspace.book.lease):         # a run that tidies up must not meet a page that is being written
        count = ask_for_products(workspace, source, shop)
    return success({
        "shopId": shop.name, "shopDomain": shop.domain, "productsSynced": count,
        "message": "the next run reads them",
    })
