"""What is to be shown of a product now, as the reference tells its pages: a test, BASE or TEST, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regulars.pipeline.shop_answers import State, rotation_of
from regulars.pipeline.workspace import Workspace
from regulars.shops.named import gid
from regulars.shops.rotation import case_of
from regulars.shops.shop import Shop, Shops

STATUS: Mapping[State, str] = {"runs": "ACTIVE", "stopped": "PAUSED", "ended": "COMPLETED"}
"""What the reference calls how a test stands, of those that have begun."""

NO_TEST: Mapping[str, Any] = {"testId": None, "activeCase": None, "variantCase": None, "status": None}

Answer = tuple[int, Mapping[str, Any]]


def rotation_state(workspace: Workspace, said: Mapping[str, str], *, origin: str | None) -> Answer:
    """Return status and answer for {productId, variantId?, shop?}; of the shop named, else of the page that asks.

    A test that is stopped shows BASE; one that is decided shows what was decided, one that is over BASE.
    """
    if not said.get("productId"):
        return 400, {"error": "Missing productId"}
    product, variant = gid(said["productId"], "Product"), gid(said.get("variantId"), "ProductVariant")
    if product is None or (said.get("variantId") and variant is None):
        return 400, {"error": "Invalid productId" if product is None else "Invalid variantId"}
    shop = _shop(Shops(every=workspace.project.shops), said.get("shop") or said.get("shopDomain"), origin)
    if shop is None:
        return 404, {"error": "Unknown shop", "message": "say which: ?shop=summit-gear.myshopify.com"}
    now = rotation_of(workspace, shop, product)
    if now is None:
        return 200, NO_TEST
    case = case_of(now.rotated.experiment, now.variant)
    return 200, {
        "testId": now.rotated.experiment.name, "activeCase": case, "variantCase": case if variant else None,
        "status": STATUS[now.state], "until": now.until,
    }


def _shop(shops: Shops, named: str | None, origin: str | None) -> Shop | None:
    if named is not None:
        return shops.called(named)
    return shops.called(origin) or (shops.every[0] if len(shops.every) == 1 else None)
